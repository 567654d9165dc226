//! A small query may ask for much. What results may hold of a node's memory, while they are made and until they are read.

use std::time::Duration;

use leadcast::config::Settings;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{acknowledged, message, server, stream, subscribe};
use crate::support::{
    TestServer,
    market::Market,
    socket::RawSocket,
    wire::{RawHttp, eventually, head, send},
};

const LEADS: usize = 10;
/// Bytes of a lead's attributes, nearly.
const LARGE: usize = 15_000;

fn large() -> Value {
    json!({ "attributes": { "note": "x".repeat(LARGE) } })
}

async fn stocked(change: impl FnOnce(&mut Settings)) -> TestServer {
    let server = server(change).await;
    let [market, _] = Market::both(&server);
    for number in 0..LEADS {
        market.open(&format!("lead {number}"), large()).await;
    }
    server
}

/// The same long value under so many names.
fn under(names: usize) -> String {
    (0..names).map(|number| format!(" a{number}: attributes")).collect::<Vec<_>>().concat()
}

fn greedy(names: usize) -> String {
    format!("{{ leads {{ nodes {{ {} }} }} }}", under(names))
}

fn limit(settings: &mut Settings) {
    settings.limits.result_bytes = 256 << 10;
}

const TOO_LARGE: &str = "The result is larger than 262144 bytes: ask for less at once.";

fn streams(server: &TestServer, count: u8) -> bool {
    server.app.metrics.encode().is_ok_and(|text| text.contains(&format!("leadcast_subscriptions {count}\n")))
}

#[track_caller]
fn is_too_large(error: &Value) {
    assert_eq!((&error["message"], &error["extensions"]["code"]), (&json!(TOO_LARGE), &json!("LIMIT_EXCEEDED")));
}

/// The errors of an operation that was refused, and that the socket goes on.
async fn refused(socket: &mut RawSocket, id: &str) -> Value {
    let error = message(socket.hear().await);
    assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!(id)), "{error:#}");
    subscribe(socket, "after", "{ viewer { id } }").await;
    assert_eq!(message(socket.hear().await)["type"], "next");
    assert_eq!(message(socket.hear().await), json!({ "type": "complete", "id": "after" }));
    error["payload"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_has_a_size_over_every_transport() {
    let server = stocked(limit).await;
    let client = server.user("demo", "pat");
    // Few names fit; and what is long by its names is as long.
    client.query(&greedy(1), Value::Null).await.data();
    let names = (0..50).map(|number| format!(" {}{number}: id", "a".repeat(700))).collect::<Vec<_>>().concat();
    for query in [greedy(10), format!("{{ leads {{ nodes {{ {names} }} }} }}")] {
        let answer = client.query(&query, Value::Null).await;
        assert_eq!((answer.status.as_u16(), &answer.body["data"]), (200, &Value::Null));
        assert_eq!(answer.body["errors"].as_array().map(Vec::len), Some(1), "{:#}", answer.body);
        is_too_large(&answer.body["errors"][0]);

        let mut socket = acknowledged(&server, "demo", "pat").await;
        subscribe(&mut socket, "q", &query).await;
        is_too_large(&refused(&mut socket, "q").await[0]);

        let events = send(stream(&server, "pat", &query)).await;
        let data = events.text.lines().find_map(|line| line.strip_prefix("data: ")).expect("an event");
        is_too_large(&serde_json::from_str::<Value>(data).expect("JSON")["errors"][0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_has_a_size_each() {
    let server = server(limit).await;
    let [market, _] = Market::both(&server);
    let mut socket = acknowledged(&server, "demo", "pat").await;
    let created = |names| format!("subscription {{ leadCreated {{ lead {{ id {} }} }} }}", under(names));
    // Ten that fit are together more than one may be.
    subscribe(&mut socket, "fits", &created(4)).await;
    eventually("the stream", async || streams(&server, 1)).await;
    for number in 0..10 {
        let lead = market.open(&format!("lead {number}"), large()).await;
        assert_eq!(message(socket.hear().await)["payload"]["data"]["leadCreated"]["lead"]["id"], lead);
    }
    socket.say(json!({ "type": "complete", "id": "fits" })).await;
    eventually("the end of the stream", async || streams(&server, 0)).await;
    subscribe(&mut socket, "greedy", &created(30)).await;
    eventually("the stream", async || streams(&server, 1)).await;
    market.open("one more", large()).await;
    is_too_large(&refused(&mut socket, "greedy").await[0]);
}

/// More than the system takes for a client that does not read.
const MUCH: usize = 80;

/// A request whose answer is not read yet.
async fn unread(server: &TestServer, user: &str) -> RawHttp {
    let body = json!({ "query": greedy(MUCH) }).to_string();
    let mut connection = RawHttp::connect(server).await;
    connection.write(head(&server.token("demo", user), &body, "")).await;
    connection.write(&body).await;
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_keeps_its_user_from_more() {
    let server = stocked(|settings| {
        settings.limits.result_bytes = 16 << 20;
        settings.limits.results_per_user = 16 << 20;
    })
    .await;
    let (pat, quinn) = (server.user("demo", "pat"), server.user("demo", "quinn"));
    let mut connection = unread(&server, "pat").await;
    connection.read_until("\r\n\r\n").await;
    let refused = pat.query(&greedy(MUCH), Value::Null).await;
    assert_eq!(
        refused.body["errors"][0]["message"],
        "At most 256 pieces of 64 KiB are kept of operations and their unread results for one user on a server. \
         Read what was asked for first, or ask for less at once."
    );
    assert_eq!(refused.error_code(), "LIMIT_EXCEEDED");
    pat.query(&greedy(1), Value::Null).await.data();
    quinn.query(&greedy(MUCH), Value::Null).await.data();

    assert!(connection.read_to_end().await.len() > LEADS * LARGE * MUCH / 2);
    eventually("what was read to be let go", async || {
        pat.query(&greedy(MUCH), Value::Null).await.body["errors"].is_null()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_to_read_does_not_get_the_rest() {
    let patience = Duration::from_millis(300);
    let server = stocked(|settings| {
        settings.limits.answer_time = patience;
        settings.limits.result_bytes = 16 << 20;
        settings.clients.operations_per_user = 1;
    })
    .await;
    let mut connection = unread(&server, "pat").await;
    connection.read_until("\r\n\r\n").await;
    // It is an operation until it is read.
    let refused = server.user("demo", "pat").query("{ viewer { id } }", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.error_code()), (429, "LIMIT_EXCEEDED"));
    sleep(2 * patience).await;
    let rest = connection.read_until_cut().await;
    assert!(rest.len() < LEADS * LARGE * MUCH, "all of it came: {} bytes", rest.len());
    server.user("demo", "pat").query("{ viewer { id } }", Value::Null).await.data();
}
