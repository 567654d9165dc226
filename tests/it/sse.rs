//! GraphQL over server-sent events: the same operations and the same promises as over a socket, one answer for each.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use leadcast::users::Role;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, soon,
    wire::{eventually, http},
};

const EVENTS: &str = "text/event-stream";
const OPENED: &str = "subscription($after: Cursor) { leadCreated(after: $after) { lead { id title } cursor backlog } }";

async fn server() -> TestServer {
    TestServer::start(Engine::Sqlite).await
}

fn post(server: &TestServer, accept: &str, body: &Value) -> RequestBuilder {
    http().post(server.url("/graphql")).bearer_auth(server.token("demo", "pat")).header("accept", accept).json(body)
}

fn get(server: &TestServer, query: &str) -> RequestBuilder {
    let url = Url::parse_with_params(&server.url("/graphql"), [("query", query)]).expect("a URL");
    http().get(url).bearer_auth(server.token("demo", "pat")).header("accept", EVENTS)
}

/// An answer that is read as it comes.
pub struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{:?}", response.headers());
        assert_eq!(response.headers()["content-type"], EVENTS);
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self { response, text: String::new() }
    }

    /// The next block of lines; `None` when the answer has ended.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let chunk = soon("the stream to go on", self.response.chunk()).await.expect("it does not break off")?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }

    /// The next event: its name and its data. Comments are passed over.
    pub async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let Some(event) = field("event:") else { continue };
            let data = field("data:").filter(|data| !data.is_empty());
            let data = data.map_or(Value::Null, |data| serde_json::from_str(data).expect("JSON"));
            return Some((event.to_owned(), data));
        }
    }

    async fn next(&mut self) -> Value {
        let (event, data) = self.event().await.expect("it has not ended");
        assert_eq!(event, "next", "{data:#}");
        data
    }

    async fn completes(&mut self) {
        assert_eq!(self.event().await, Some(("complete".to_owned(), Value::Null)));
        assert_eq!(self.event().await, None, "nothing comes after it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_until_its_client_goes() {
    let server = server().await;
    let mut stream = Stream::open(post(&server, EVENTS, &json!({ "query": OPENED }))).await;
    server.open(json!({ "title": "The first" })).await;
    let first = stream.next().await["data"]["leadCreated"].clone();
    assert_eq!(first["lead"]["title"], "The first");
    server.open(json!({ "title": "The second" })).await;
    assert_eq!(stream.next().await["data"]["leadCreated"]["lead"]["title"], "The second");
    drop(stream);
    let running =
        async || http().get(server.url("/metrics")).send().await.expect("an answer").text().await.expect("text");
    eventually("the subscription to end", async || running().await.contains("\nleadcast_subscriptions 0\n")).await;

    // Whoever comes back misses nothing.
    let body = json!({ "query": OPENED, "variables": { "after": first["cursor"] } });
    let mut again = Stream::open(post(&server, EVENTS, &body)).await;
    let missed = again.next().await["data"]["leadCreated"].clone();
    assert_eq!((&missed["lead"]["title"], &missed["backlog"]), (&json!("The second"), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_one_answer_is_next_then_complete() {
    let server = server().await;
    let query = json!({ "query": "{ viewer { user { id } } }" });
    let mut stream = Stream::open(post(&server, EVENTS, &query)).await;
    let result = stream.next().await;
    assert_eq!(result["data"], json!({ "viewer": { "user": { "id": "pat" } } }), "{result}");
    assert_eq!(result["extensions"]["rateLimit"]["cost"], 3, "{result}");
    stream.completes().await;
    let mut stream = Stream::open(get(&server, "{ viewer { user { id } } }")).await;
    assert_eq!(stream.next().await["data"]["viewer"]["user"]["id"], "pat");
    stream.completes().await;
    // Who takes JSON, too, gets that.
    let both = post(&server, "application/json, text/event-stream", &query).send().await.expect("an answer");
    assert_eq!(both.headers()["content-type"], "application/json; charset=utf-8");
    let mut stream =
        Stream::open(post(&server, "application/json, text/event-stream", &json!({ "query": OPENED }))).await;
    server.open(json!({ "title": "Live" })).await;
    assert_eq!(stream.next().await["data"]["leadCreated"]["lead"]["title"], "Live");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_executed_says_so_and_completes() {
    let server = server().await;
    for body in [
        json!({ "query": "{ nope }" }),
        json!({ "query": "subscription { nope }" }),
        json!({ "query": "{" }),
        json!({ "query": OPENED, "variables": { "after": "nonsense" } }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } } }),
    ] {
        let mut stream = Stream::open(post(&server, EVENTS, &body)).await;
        let refused = stream.next().await;
        assert!(refused.get("data").is_none() && refused["errors"][0]["extensions"]["code"].is_string(), "{refused:#}");
        stream.completes().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused_in_json() {
    let server = server().await;
    for body in [json!({ "query": 1 }), json!([])] {
        let refused = post(&server, EVENTS, &body).send().await.expect("an answer");
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["content-type"]),
            (400, &"application/json; charset=utf-8".parse().expect("a header")),
            "{body}"
        );
        let refused: Value = refused.json().await.expect("JSON");
        assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{body}");
    }
    let nobody = http().post(server.url("/graphql")).header("accept", EVENTS).json(&json!({ "query": OPENED }));
    assert_eq!(nobody.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    let mutation = "mutation { upsertUser(input: { id: \"x\", role: PROVIDER }) { userErrors { code } } }";
    let refused = get(&server, mutation).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// Of the stream itself: it had begun.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_go_on_says_why() {
    let server = server().await;
    let foreign = server.user("rival", "quinn").stream_cursor().await;
    let body = json!({ "query": OPENED, "variables": { "after": foreign } });
    let mut stream = Stream::open(post(&server, EVENTS, &body)).await;
    let refused = stream.next().await;
    assert!(refused.get("data").is_none(), "{refused:#}");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    stream.completes().await;

    let mut stream = Stream::open(post(&server, EVENTS, &json!({ "query": OPENED }))).await;
    server.advance(Duration::from_hours(24));
    let expired = stream.next().await;
    assert_eq!(expired["errors"][0]["message"], "The token has expired.");
    assert_eq!(expired["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    stream.completes().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_events_are_not_heard() {
    let server = server().await;
    let rival = server.token_for("rival", "quinn", Role::Provider);
    let request = http().post(server.url("/graphql")).bearer_auth(rival).header("accept", EVENTS);
    let mut foreign = Stream::open(request.json(&json!({ "query": OPENED }))).await;
    let mut own = Stream::open(post(&server, EVENTS, &json!({ "query": OPENED }))).await;
    server.open(json!({ "title": "Of demo" })).await;
    assert_eq!(own.next().await["data"]["leadCreated"]["lead"]["title"], "Of demo");
    let rivals = crate::support::market::Market { server: &server, tenant: "rival" };
    let lead = rivals.open("of rival", json!({})).await;
    assert_eq!(foreign.next().await["data"]["leadCreated"]["lead"]["id"], lead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_is_kept_open_and_a_drain_ends_it_without_complete() {
    let change = |settings: &mut leadcast::config::Settings| settings.limits.ping_interval = Duration::from_millis(50);
    let server = TestServer::start_with(Engine::Sqlite, change).await;
    let mut stream = Stream::open(post(&server, EVENTS, &json!({ "query": OPENED }))).await;
    assert_eq!(stream.block().await.as_deref(), Some(":"));
    let rest = tokio::spawn(async move { stream.event().await });
    server.stop().await;
    assert_eq!(rest.await.expect("no panic"), None);
}

/// Like sockets (`operators::drain`): whoever is sent away connects again at once.
#[tokio::test(flavor = "multi_thread")]
async fn streams_are_sent_away_one_by_one() {
    const STREAMS: u32 = 16;
    let pace = Duration::from_millis(100);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.drain_pace = pace).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(Stream::open(post(&server, EVENTS, &json!({ "query": OPENED }))).await);
    }
    let started = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let left = streams.into_iter().map(async |mut stream| {
        assert_eq!(stream.event().await, None);
        started.elapsed()
    });
    let mut left = join_all(left).await;
    left.sort_unstable();
    // Sixteen random moments in 1.6 s lie within a tenth of that once in 10^14 times.
    assert!(left[left.len() - 1] > left[0] + pace * STREAMS / 10, "{left:?}");
    stopping.await.expect("the server stops in good order");
}
