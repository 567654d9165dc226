//! Someone who listens. What comes is shown at once and kept, to be waited for and checked.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

use super::{
    client::{PATIENCE, Person},
    documents::{Stream, describe, kind},
    shown::Shown,
    socket::Socket,
    timeline::{Mark, Timeline},
};
use crate::clock::{Clock, Timestamp};

pub struct Watcher {
    pub person: Person,
    /// All that was heard so far, over all connections, in order of arrival.
    pub heard: Vec<Receipt>,
    /// How often it has connected.
    pub connections: usize,
    /// The place in the log of the last event that the story has taken notice of: from here it would go on.
    pub cursor: String,
    timeline: Timeline,
    streams: Vec<Stream>,
    ear: UnboundedSender<Result<Receipt, String>>,
    incoming: UnboundedReceiver<Result<Receipt, String>>,
    /// The task that reads the socket. It ends with the watcher.
    connection: JoinSet<()>,
}

/// An event that came.
pub struct Receipt {
    pub stream: Stream,
    pub event: Shown,
    /// From `occurredAt` to its arrival; none when the two clocks cannot be compared.
    pub latency: Option<Duration>,
    /// The story has waited for it.
    pub expected: bool,
}

impl Watcher {
    pub fn new(person: Person, timeline: &Timeline) -> Self {
        let (ear, incoming) = unbounded_channel();
        Self {
            person,
            heard: Vec::new(),
            connections: 0,
            cursor: String::new(),
            timeline: timeline.clone(),
            streams: Vec::new(),
            ear,
            incoming,
            connection: JoinSet::new(),
        }
    }

    /// Connects and subscribes to these, from its cursor on.
    pub async fn listen(&mut self, streams: &[Stream]) -> Result<(), String> {
        self.streams = streams.to_vec();
        self.timeline.line(Mark::Sent, &self.person.name, "subscribe", &self.fields());
        let opened = timeout(PATIENCE, Socket::open(&self.person, streams, &self.cursor)).await;
        let opened = opened.unwrap_or_else(|_| Err("no connection_ack came within 5 s".to_owned()));
        let socket = opened.map_err(|problem| {
            format!("{} cannot listen over WebSocket: {problem}. See the server's log.", self.person.name)
        })?;
        self.connections += 1;
        self.connection.spawn(listen(socket, self.person.name.clone(), self.timeline.clone(), self.ear.clone()));
        Ok(())
    }

    /// Cuts the connection without a word, as a tunnel does to a train.
    pub async fn hang_up(&mut self) {
        self.connection.shutdown().await;
    }

    /// Waits for the next event of this kind about this lead or ledger entry. (A notification about a lead is about that lead.)
    pub async fn expect(&mut self, kind: &str, about: &str) -> Result<Shown, String> {
        self.find(kind, |event| is(event, kind, about)).await
    }

    /// Waits for the very next event, which must be this one: nothing else may have come before it.
    pub async fn expect_next(&mut self, kind: &str, about: &str) -> Result<Shown, String> {
        let next = self.find(kind, |_| true).await?;
        if is(&next, kind, about) {
            return Ok(next);
        }
        let (who, what, event) = (&self.person.name, &next.what, describe(&next.value));
        Err(format!(
            "{who} received {what} ({event}) before the {kind} that was to come first. Was somebody else at work on this \
             server, such as a second demo? Then run it again. If not, please report it."
        ))
    }

    async fn find(&mut self, kind: &str, wanted: impl Fn(&Shown) -> bool) -> Result<Shown, String> {
        let deadline = Instant::now() + PATIENCE;
        let mut examined = 0;
        loop {
            let mut unexamined = self.heard.iter_mut().skip(examined);
            if let Some(receipt) = unexamined.find(|receipt| !receipt.expected && wanted(&receipt.event)) {
                receipt.expected = true;
                self.cursor = receipt.event.text("/cursor");
                return Ok(receipt.event.clone());
            }
            examined = self.heard.len();
            match timeout_at(deadline, self.incoming.recv()).await {
                Ok(Some(receipt)) => self.heard.push(receipt?),
                Ok(None) | Err(_) => return Err(self.missing(kind)),
            }
        }
    }

    /// Takes what has come without having been waited for.
    pub fn drain(&mut self) -> Result<(), String> {
        while let Ok(receipt) = self.incoming.try_recv() {
            self.heard.push(receipt?);
        }
        Ok(())
    }

    fn missing(&self, kind: &str) -> String {
        format!(
            "{} was to hear of {kind} over WebSocket (subscribed to {}) and did not within 5 s. See the server's log; \
             {}/readyz says whether its event tail keeps up.",
            self.person.name,
            self.fields(),
            self.person.url
        )
    }

    fn fields(&self) -> String {
        self.streams.iter().map(|stream| stream.field()).collect::<Vec<_>>().join(", ")
    }
}

fn is(event: &Shown, kind: &str, about: &str) -> bool {
    event.what == kind
        && ["/lead/id", "/entry/id", "/notification/lead/id"].iter().any(|place| event.text(place) == about)
}

/// Runs while the socket is open. That nobody takes what came means that the story has ended.
async fn listen(mut socket: Socket, who: String, timeline: Timeline, ear: UnboundedSender<Result<Receipt, String>>) {
    loop {
        match socket.event().await {
            Ok((stream, event)) => drop(ear.send(Ok(receipt(&who, &timeline, stream, event)))),
            Err(problem) => {
                return drop(ear.send(Err(format!("{who}'s WebSocket failed: {problem}. See the server's log."))));
            }
        }
    }
}

fn receipt(who: &str, timeline: &Timeline, stream: Stream, event: Value) -> Receipt {
    let latency = latency(&event, Clock::default().now());
    let what = kind(&event);
    let over = if stream == Stream::Events { format!("events: {what}") } else { what.clone() };
    timeline.line(Mark::Received, who, &over, &describe(&event));
    Receipt { stream, event: Shown { who: who.to_owned(), what, value: event }, latency, expected: false }
}

/// The server's time may be the database's, on another machine: what cannot be is not told.
fn latency(event: &Value, arrived_at: Timestamp) -> Option<Duration> {
    let occurred_at: Timestamp = event["occurredAt"].as_str()?.parse().ok()?;
    let latency = arrived_at.since(occurred_at);
    (occurred_at <= arrived_at && latency < PATIENCE).then_some(latency)
}
