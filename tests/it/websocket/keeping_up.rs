//! Clients that are slow, silent or gone; and the pings by which both sides know.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{CREATED, acknowledged, asks_who_it_is, closing::closed, created, message, silence, subscribe};
use crate::support::{Engine, TestServer, api::PAT, flood::Flood, socket::Heard, soon, wire::eventually};

async fn server_that_pings() -> TestServer {
    let often = Duration::from_millis(100);
    TestServer::start_with(Engine::Sqlite, |settings| settings.limits.ping_interval = often).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stays_silent_is_let_go() {
    let server = server_that_pings().await;
    let mut socket = acknowledged(&server, "pat").await;
    assert_eq!(message(&mut socket).await, json!({ "type": "ping" }));
    assert_eq!(closed(&mut socket).await, (4499, "No answer to pings.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_sign_of_life_keeps_a_socket() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.limits.ping_interval = Duration::from_secs(1);
    })
    .await;
    for sign in [
        Message::text(json!({ "type": "pong" }).to_string()),
        Message::Pong(Vec::new().into()),
        Message::Ping(Vec::new().into()),
    ] {
        let mut socket = acknowledged(&server, "pat").await;
        for _ in 0..4 {
            assert_eq!(message(&mut socket).await, json!({ "type": "ping" }));
            socket.send(sign.clone()).await;
        }
        assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
    }
}

/// A ping says where the socket's streams are, so that a quiet stream's cursor stays young. It must never be ahead of what the
/// client has been sent, and not stay behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_pings_cursor_is_a_good_place_to_go_on_from() {
    let server = server_that_pings().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", CREATED, Value::Null)).await;
    let before = cursor(&message(&mut socket).await);
    socket.say(json!({ "type": "pong" })).await;
    let lead = server.open(json!({})).await;
    assert!(created_after(&server, &before).await.contains(&lead));

    let mut heard = false;
    let up_to_date = async {
        loop {
            let message = message(&mut socket).await;
            if message["type"] == "next" {
                assert_eq!(message, created("a", &lead));
                heard = true;
                continue;
            }
            socket.say(json!({ "type": "pong" })).await;
            let missing = created_after(&server, &cursor(&message)).await.contains(&lead);
            assert!(heard || missing, "the ping is ahead of the stream");
            if !missing {
                return;
            }
        }
    };
    soon("a ping with the cursor after the event", up_to_date).await;
}

/// The cursor of a ping on a socket with a stream.
#[track_caller]
fn cursor(ping: &Value) -> Value {
    assert!(ping["type"] == "ping" && ping["payload"]["cursor"].is_string(), "{ping:#}");
    ping["payload"]["cursor"].clone()
}

/// The leads that were opened after `cursor`.
async fn created_after(server: &TestServer, cursor: &Value) -> Vec<Value> {
    let query =
        "query($after: Cursor!) { events(after: $after) { events { ... on LeadCreatedEvent { lead { id } } } } }";
    let answer = server.user("demo", "pat").query(query, json!({ "after": cursor })).await;
    let events = answer.field("events")["events"].as_array().expect("a list");
    events.iter().map(|event| event["lead"]["id"].clone()).collect()
}

/// The client reads late, so that whatever is sent at all has to wait behind the flood; the others wait in the same line,
/// not behind all of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_does_not_silence_the_others() {
    let server = TestServer::start(Engine::Sqlite).await;
    let flood = Flood::prepare(&server).await;
    server.fund(PAT, 1).await;

    let mut socket = acknowledged(&server, "pat").await;
    let after = json!({ "after": flood.after });
    let balance = "subscription($after: Cursor) { balanceUpdated(after: $after) { change } }";
    socket.say(subscribe("flood", &Flood::document(), after.clone())).await;
    socket.say(subscribe("stream", balance, after)).await;
    socket.say(subscribe("query", "{ viewer { id } }", Value::Null)).await;

    let mut first_of_each = Vec::new();
    let mut next = 0;
    while next < Flood::LENGTH {
        let message = message(&mut socket).await;
        let id = message["id"].as_str().expect("an id").to_owned();
        if id == "flood" {
            assert_eq!(Flood::number(&message["payload"]["data"]["leadUpdated"]), next);
            next += 1;
        }
        if !first_of_each.contains(&id) {
            first_of_each.push(id);
        }
    }
    assert_eq!(first_of_each.len(), 3, "all were heard before the end of the flood: {first_of_each:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_let_go_and_resumes_without_loss() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.limits.write_time = Duration::from_millis(300);
    })
    .await;
    let flood = Flood::prepare(&server).await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", &Flood::document(), json!({ "after": flood.after }))).await;
    let cut = "leadcast_websocket_closed_total{code=\"1006\"} 1";
    eventually("the server to let go", async || server.app.metrics.encode().is_ok_and(|text| text.contains(cut))).await;

    // What was on the way.
    let (mut after, mut next) = (flood.after, 0);
    while let Heard::Message(message) = socket.hear().await {
        let event = &message["payload"]["data"]["leadUpdated"];
        assert_eq!(Flood::number(event), next);
        after = event["cursor"].clone();
        next += 1;
    }
    assert!(next < Flood::LENGTH, "the connection was cut before the end");
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", &Flood::document(), json!({ "after": after }))).await;
    for expected in next..Flood::LENGTH {
        assert_eq!(Flood::number(&message(&mut socket).await["payload"]["data"]["leadUpdated"]), expected);
    }
    silence(&mut socket).await;
}
