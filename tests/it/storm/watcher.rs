//! Subscribers that come and go. Each remembers what it has heard; when it comes back it goes on after the last event.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use leadcast::events::{Cursor, log};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::{Storm, site::is_busy};
use crate::support::{
    PATIENCE,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, RILEY, ROBOT, SAM, Who},
    market::EVENT,
    random::Random,
    socket::{Heard, RawSocket},
};

/// A stream of one type or all `events`, or their polling twin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Stream(&'static str),
    Poll,
}

const ALL: How = How::Stream("events");
const OF_ALL: [Who; 7] = [PAT, QUINN, SAM, CASEY, DANA, ADMIN, ROBOT];
const OF_ONE_TYPE: [(Who, &str); 12] = [
    (PAT, "leadCreated"),
    (RILEY, "leadClaimed"),
    (CASEY, "leadUpdated"),
    (QUINN, "leadUpdated"),
    (QUINN, "claimUpdated"),
    (ADMIN, "claimUpdated"),
    (PAT, "balanceUpdated"),
    (RILEY, "balanceUpdated"),
    (PAT, "notificationAdded"),
    (CASEY, "notificationAdded"),
    (PAT, "notificationUpdated"),
    (CASEY, "notificationUpdated"),
];

/// Some of the subscribers of a tenant.
pub fn audience(random: &mut Random) -> Vec<(Who, How)> {
    let mut audience: Vec<_> = (0..3).map(|_| (*random.pick(&OF_ALL), ALL)).collect();
    audience.extend((0..2).map(|_| *random.pick(&OF_ONE_TYPE)).map(|(who, field)| (who, How::Stream(field))));
    audience.push((*random.pick(&OF_ALL), How::Poll));
    audience
}

/// What was heard since the page was loaded: all that there was after this place, up to what was heard last.
#[derive(Debug)]
pub struct Span {
    pub after: i64,
    pub heard: Vec<(i64, Value)>,
}

pub struct Watcher {
    pub who: Who,
    pub how: How,
    spans: Mutex<Vec<Span>>,
}

/// Why a subscriber no longer listens.
enum Ending {
    /// It has had enough for now.
    Enough,
    /// The operation has ended; it may be asked for again.
    Over,
    /// The connection is of no more use.
    Lost,
    CursorExpired,
}

impl Watcher {
    pub fn new(who: Who, how: How) -> Arc<Self> {
        Arc::new(Self { who, how, spans: Mutex::default() })
    }

    pub fn spans(&self) -> MutexGuard<'_, Vec<Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to where it has heard everything.
    pub fn last(&self) -> Option<i64> {
        let spans = self.spans();
        let span = spans.last()?;
        Some(span.heard.last().map_or(span.after, |(id, _)| *id))
    }

    /// Follows what happens for as long as it is polled.
    pub async fn watch(&self, storm: &Storm, mut random: Random) {
        sleep(Duration::from_micros(random.below(50_000))).await;
        let mut place = self.load(storm).await;
        match self.how {
            How::Poll => self.poll(storm, &mut random, place).await,
            How::Stream(field) => loop {
                if let Some(socket) = storm.site.socket(&mut random, self.who).await {
                    place = self.listen(storm, &mut random, socket, field, place).await;
                }
                sleep(Duration::from_micros(random.below(20_000))).await;
            },
        }
    }

    /// Loads the page: what comes after this place is not in it.
    async fn load(&self, storm: &Storm) -> Value {
        let place = storm.site.stream_cursor(self.who).await;
        self.spans().push(Span { after: id_of(&place), heard: Vec::new() });
        place
    }

    fn hear(&self, event: &Value) -> Value {
        let mut event = event.clone();
        let cursor = event["cursor"].clone();
        event.as_object_mut().expect("an event").remove("backlog");
        self.spans().last_mut().expect("the page was loaded").heard.push((id_of(&cursor), event));
        cursor
    }

    /// One socket, on which the operation may be ended and asked for again. Returns the place to go on after.
    async fn listen(
        &self,
        storm: &Storm,
        random: &mut Random,
        mut socket: RawSocket,
        field: &str,
        mut place: Value,
    ) -> Value {
        let document = format!("subscription($after: Cursor) {{ {field}(after: $after) {{ ...event }} }} {EVENT}");
        for operation in 0.. {
            let id = format!("operation-{operation}");
            let payload = json!({ "query": document, "variables": { "after": place } });
            socket.say(json!({ "id": id, "type": "subscribe", "payload": payload })).await;
            let longest = if random.one_in(3) { 300_000 } else { 60_000 };
            let stay = Duration::from_micros(random.below(longest));
            // When all is quiet nobody leaves any more.
            let until = Instant::now() + if storm.calm.is_cancelled() { PATIENCE } else { stay };
            match self.listen_until(&mut socket, &id, &mut place, until).await {
                Ending::Over => {}
                Ending::Lost => return place,
                Ending::CursorExpired => place = self.load_again(storm, &place).await,
                Ending::Enough => {
                    storm.figures.cuts.fetch_add(1, Ordering::Relaxed);
                    match random.below(3) {
                        0 => socket.say(json!({ "id": id, "type": "complete" })).await,
                        1 => {
                            socket.send(Message::Close(None)).await;
                            return place;
                        }
                        // Without a word.
                        _ => return place,
                    }
                }
            }
        }
        place
    }

    async fn listen_until(&self, socket: &mut RawSocket, id: &str, place: &mut Value, until: Instant) -> Ending {
        let mut live = false;
        loop {
            let heard = tokio::select! {
                heard = socket.hear() => heard,
                () = sleep_until(until) => return Ending::Enough,
            };
            let Heard::Message(message) = heard else { return Ending::Lost };
            // Of an operation that was ended something may still be on its way.
            if message["type"] == "ping" {
                socket.say(json!({ "type": "pong" })).await;
            }
            if message["id"] != id {
                continue;
            }
            let payload = &message["payload"];
            let errors = if message["type"] == "error" { payload } else { &payload["errors"] };
            match errors[0]["extensions"]["code"].as_str() {
                None => {}
                Some("CURSOR_EXPIRED") => return Ending::CursorExpired,
                // Away; or the clock has moved on under the token.
                Some("SERVICE_UNAVAILABLE" | "UNAUTHENTICATED") => return Ending::Lost,
                Some(_) => panic!("{:?} {:?}: {message:#}", self.who, self.how),
            }
            if message["type"] == "complete" {
                return Ending::Over;
            }
            let event = payload["data"].as_object().and_then(|data| data.values().next());
            let event = event.unwrap_or_else(|| panic!("an event was expected: {message:#}"));
            assert!(!(live && event["backlog"] == true), "backlog comes before what is live: {event:#}");
            live = event["backlog"] == false;
            *place = self.hear(event);
        }
    }

    /// The page again, which is asked of nobody who was not away for too long.
    async fn load_again(&self, storm: &Storm, place: &Value) -> Value {
        let (_, floor) =
            storm.site.db().across(async move |tx| log::state(tx).await).await.expect("the log has a state");
        assert!(
            id_of(place) < floor,
            "{:?} {:?}: {place} has expired, and the log begins at {floor}",
            self.who,
            self.how
        );
        storm.figures.expired.fetch_add(1, Ordering::Relaxed);
        self.load(storm).await
    }

    async fn poll(&self, storm: &Storm, random: &mut Random, mut place: Value) {
        let document = format!(
            "query($after: Cursor!, $first: Int!) {{ events(after: $after, first: $first) {{
                events {{ ...event }} endCursor hasMore }} }} {EVENT}"
        );
        loop {
            let variables = json!({ "after": place, "first": 1 + random.below(40) });
            let body = json!({ "query": document, "variables": variables }).to_string();
            if let Some(answer) = storm.site.post(random, self.who, &body, None).await.filter(|answer| !is_busy(answer))
            {
                if answer.body["errors"][0]["extensions"]["code"] == "CURSOR_EXPIRED" {
                    place = self.load_again(storm, &place).await;
                    continue;
                }
                let page = answer.field("events");
                for event in page["events"].as_array().expect("a list") {
                    self.hear(event);
                }
                place = page["endCursor"].clone();
                if page["hasMore"] == true {
                    continue;
                }
            }
            sleep(Duration::from_micros(random.below(40_000))).await;
        }
    }
}

pub fn id_of(cursor: &Value) -> i64 {
    let parsed = cursor.as_str().and_then(Cursor::parse);
    parsed.unwrap_or_else(|| panic!("a cursor was expected: {cursor}")).id
}
