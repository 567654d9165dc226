//! Where a storm rages: one or several nodes, each of which may be gone at any moment and come back at another address.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use leadcast::{
    auth::Key,
    clock::Clock,
    config::Settings,
    db::{Db, Target},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    TestServer,
    api::Who,
    client::Answer,
    program::SECRET,
    random::Random,
    socket::{Heard, RawSocket},
    soon, wire,
};

pub struct Site {
    pub target: Target,
    pub clock: Clock,
    key: Key,
    nodes: Mutex<Vec<SocketAddr>>,
}

impl Site {
    /// Of a server whose key is [`SECRET`], on this database.
    pub fn new(target: Target, clock: Clock) -> Self {
        let key = Key::hs256(SECRET.as_bytes(), &Settings::defaults());
        Self { target, clock, key, nodes: Mutex::default() }
    }

    /// The database behind the nodes' backs, under a name by which these connections can be told from theirs. Not kept open,
    /// so that a node which starts is alone, as after a crash.
    pub fn db(&self) -> Db {
        let target = match &self.target {
            Target::Sqlite(path) => Target::Sqlite(path.clone()),
            Target::Postgres(url) => Target::Postgres(format!("{url}?application_name=storm")),
        };
        Db::open(&target).expect("a pool")
    }

    /// Where the nodes are by now: `http://127.0.0.1:4000`.
    pub fn move_to(&self, urls: &[String]) {
        let addresses = urls.iter().map(|url| url.replacen("http://", "", 1).parse().expect("an address"));
        *self.nodes.lock().unwrap_or_else(PoisonError::into_inner) = addresses.collect();
    }

    pub fn move_to_servers(&self, servers: &[TestServer]) {
        self.move_to(&servers.iter().map(|server| server.url("")).collect::<Vec<_>>());
    }

    fn node(&self, random: &mut Random) -> SocketAddr {
        *random.pick(&self.nodes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn token(&self, who: Who) -> String {
        let token = self.key.issue(who.tenant, &who.user.into(), who.role, self.clock.now(), Duration::from_hours(1));
        token.expect("a token can be signed")
    }

    /// Sends a request on a connection of its own, to any node. `None` when no answer came: what it asked for may have been
    /// done, or not, or may be yet. With `cut` nobody waits for longer than that: the connection is closed under the request.
    pub async fn post(&self, random: &mut Random, who: Who, body: &str, cut: Option<Duration>) -> Option<Answer> {
        let mut connection = TcpStream::connect(self.node(random)).await.ok()?;
        connection.write_all((wire::head(&self.token(who), body, "") + body).as_bytes()).await.ok()?;
        if let Some(cut) = cut {
            tokio::time::sleep(cut).await;
            return None;
        }
        let mut answer = Vec::new();
        soon("an answer over HTTP", connection.read_to_end(&mut answer)).await.ok()?;
        whole(&String::from_utf8(answer).expect("text"))
    }

    /// A query's answer, asked for until there is one.
    pub async fn query(&self, who: Who, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables }).to_string();
        let mut random = Random::of(0);
        soon("the answer to a query", async {
            loop {
                match self.post(&mut random, who, &body, None).await {
                    Some(answer) if !is_busy(&answer) => return answer,
                    _ => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        })
        .await
    }

    /// What `/readyz` of a node says.
    pub async fn readiness(&self) -> Value {
        let url = format!("http://{}/readyz", self.node(&mut Random::of(0)));
        wire::send(wire::http().get(url)).await.json()
    }

    pub async fn stream_cursor(&self, who: Who) -> Value {
        self.query(who, "{ streamCursor }", Value::Null).await.field("streamCursor").clone()
    }

    /// A socket past its `connection_ack`; `None` when the node is away, or in no state for this.
    pub async fn socket(&self, random: &mut Random, who: Who) -> Option<RawSocket> {
        let mut socket = RawSocket::try_open(&format!("ws://{}/graphql", self.node(random))).await.ok()?;
        let authorization = format!("Bearer {}", self.token(who));
        socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        match socket.hear().await {
            Heard::Message(message) if message["type"] == "connection_ack" => Some(socket),
            // The server is going (1006, 1012), its database is away (1013), or the clock has moved on under the token (4403).
            Heard::Closed { code: 1006 | 1012 | 1013 | 4403, .. } => None,
            other => panic!("a connection_ack was expected: {other:?}"),
        }
    }
}

/// Says of itself that the same may be sent again.
pub fn is_busy(answer: &Answer) -> bool {
    answer.body["errors"][0]["extensions"]["code"] == "SERVICE_UNAVAILABLE"
}

/// The answer, unless the connection ended before its end.
fn whole(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse::<u16>().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse::<usize>();
    (length.expect("a length") == body.len())
        .then(|| Answer::read(StatusCode::from_u16(status).expect("a status"), body))
}
