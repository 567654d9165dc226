//! When the server closes a socket, with which code, and when it does not.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{
        CloseFrame,
        frame::{
            Frame, FrameHeader,
            coding::{Control, Data, OpCode},
        },
    },
};

use super::{CREATED, QUERY, acknowledged, asks_who_it_is, complete, init, message, server, silence, subscribe};
use crate::support::{
    Engine, TestServer,
    market::listeners,
    socket::{Heard, RawSocket},
    wire::eventually,
};

/// How the server closes the socket; what it says before is of no interest.
pub(super) async fn closed(socket: &mut RawSocket) -> (u16, String) {
    loop {
        if let Heard::Closed { code, reason } = socket.hear().await {
            assert!(reason.len() <= 123 && (code == 1006 || !reason.is_empty()), "{code} {reason:?}");
            return (code, reason);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_subprotocol_is_spoken() {
    const HEADER: &str = "sec-websocket-protocol";
    let server = server().await;
    for offered in ["graphql-transport-ws", "graphql-ws, graphql-transport-ws", "graphql-transport-ws,mqtt"] {
        let mut socket = RawSocket::open_with(&server, &[(HEADER, offered)]).await.expect("an upgrade");
        silence(&mut socket).await;
    }
    for offered in ["graphql-ws", "mqtt, soap", "Graphql-Transport-WS2"] {
        let refused = RawSocket::open_with(&server, &[(HEADER, offered)]).await.err().expect("no upgrade");
        assert_eq!(refused.status, 400, "{offered}");
        assert!(refused.refusal().contains("graphql-transport-ws"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_protocol_is_4400() {
    let server = server().await;
    let long = "€".repeat(1_000);
    let payload = json!({ "query": QUERY });
    for text in [
        "no JSON".to_owned(),
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        "\"ping\"".to_owned(),
        json!({}).to_string(),
        json!({ "type": 1 }).to_string(),
        json!({ "type": long }).to_string(),
        // Of the older protocol.
        json!({ "type": "start", "id": "a", "payload": payload }).to_string(),
        json!({ "type": "stop", "id": "a" }).to_string(),
        json!({ "type": "connection_terminate" }).to_string(),
        // The server's own.
        json!({ "type": "connection_ack" }).to_string(),
        json!({ "type": "next", "id": "a", "payload": {} }).to_string(),
        json!({ "type": "error", "id": "a", "payload": [] }).to_string(),
        json!({ "type": "subscribe", "payload": payload }).to_string(),
        json!({ "type": "subscribe", "id": "", "payload": payload }).to_string(),
        json!({ "type": "subscribe", "id": 1, "payload": payload }).to_string(),
        json!({ "type": "subscribe", "id": "i".repeat(257), "payload": payload }).to_string(),
        json!({ "type": "subscribe", "id": "a" }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": null }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": [payload] }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": {} }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": null } }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": 1 } }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": QUERY, "variables": [] } }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": QUERY, "operationName": {} } }).to_string(),
        json!({ "type": "subscribe", "id": "a", "payload": { "query": QUERY, "extensions": "x" } }).to_string(),
        json!({ "type": "complete" }).to_string(),
        json!({ "type": "complete", "id": "" }).to_string(),
        json!({ "type": "ping", "payload": "x" }).to_string(),
        json!({ "type": "pong", "payload": [] }).to_string(),
    ] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.send(Message::text(text.clone())).await;
        assert_eq!(closed(&mut socket).await.0, 4400, "{text}");
    }
    for before_the_ack in [json!({ "type": "connection_init", "payload": 1 }), json!({ "type": "nope" })] {
        let mut socket = server.raw_socket().await;
        socket.say(before_the_ack).await;
        assert_eq!(closed(&mut socket).await.0, 4400);
    }
    let mut socket = acknowledged(&server, "pat").await;
    socket.send(Message::binary(json!({ "type": "ping" }).to_string())).await;
    assert_eq!(closed(&mut socket).await, (4400, "Messages must be text.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_things_is_kept() {
    let server = server().await;
    for too_early in [subscribe("a", QUERY, Value::Null), complete("a")] {
        let mut socket = server.raw_socket().await;
        socket.say(too_early).await;
        assert_eq!(closed(&mut socket).await.0, 4401);
    }
    let init = init(&server.token("demo", "pat"));
    for waits in [false, true] {
        let mut socket = server.raw_socket().await;
        socket.say(init.clone()).await;
        if waits {
            message(&mut socket).await;
        }
        socket.say(init.clone()).await;
        assert_eq!(closed(&mut socket).await, (4429, "Too many initialisation requests.".to_owned()));
    }
    let mut socket = acknowledged(&server, "pat").await;
    for query in [CREATED, QUERY] {
        socket.say(subscribe("twice", query, Value::Null)).await;
    }
    assert_eq!(closed(&mut socket).await, (4409, "Subscriber for twice already exists.".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_begin_in_time_is_let_go() {
    let soon = Duration::from_millis(300);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.init_time = soon).await;
    let mut initialised = acknowledged(&server, "pat").await;
    let mut socket = server.raw_socket().await;
    silence(&mut socket).await;
    assert_eq!(closed(&mut socket).await.0, 4408);
    assert_eq!(asks_who_it_is(&mut initialised, "a").await, "pat");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_has_a_size() {
    let server = server().await;
    let limit = server.app.settings.limits.message_bytes;
    let padded = |length: usize| {
        let ping = json!({ "type": "ping" }).to_string();
        Message::text(format!("{ping}{}", " ".repeat(length - ping.len())))
    };
    let mut socket = acknowledged(&server, "pat").await;
    socket.send(padded(limit)).await;
    assert_eq!(message(&mut socket).await["type"], "pong");
    for length in [limit + 1, 4 * limit, 4 * limit + 1, 5 << 20] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.send(padded(length)).await;
        assert_eq!(closed(&mut socket).await.0, 1009, "{length}");
    }
    let mut socket = acknowledged(&server, "pat").await;
    for part in in_parts(&"x".repeat(limit + 1), 1_000) {
        socket.send(part).await;
    }
    assert_eq!(closed(&mut socket).await.0, 1009, "in parts");
}

/// A message in frames of `size` bytes, which may split a character.
fn in_parts(text: &str, size: usize) -> Vec<Message> {
    let parts: Vec<_> = text.as_bytes().chunks(size).collect();
    let frame = |(n, part): (usize, &&[u8])| {
        let kind = if n == 0 { Data::Text } else { Data::Continue };
        Message::Frame(Frame::message(part.to_vec(), OpCode::Data(kind), n + 1 == parts.len()))
    };
    parts.iter().enumerate().map(frame).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_may_come_in_parts() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    let text = json!({ "type": "ping", "payload": { "a": "€ 1.50, \u{1f600}" } }).to_string();
    for size in [1, 2, 7, text.len()] {
        for (n, part) in in_parts(&text, size).into_iter().enumerate() {
            socket.send(part).await;
            // Control frames may come in between.
            if n == 1 {
                socket.send(Message::Ping(Vec::new().into())).await;
            }
        }
        assert_eq!(message(&mut socket).await["payload"]["a"], "€ 1.50, \u{1f600}", "{size}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_text_or_no_websocket_are_answered_in_kind() {
    let server = server().await;
    let frame = |bytes: &[u8], code, last| Message::Frame(Frame::message(bytes.to_vec(), code, last));
    for (sent, code) in [
        (frame(b"\"\xff\"", OpCode::Data(Data::Text), true), 1007),
        (frame(b"{}", OpCode::Data(Data::Continue), true), 1002),
        (frame(b"{}", OpCode::Data(Data::Reserved(3)), true), 1002),
    ] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.send(sent).await;
        assert_eq!(closed(&mut socket).await.0, code);
    }
}

/// A client goes when it likes: its code comes back, and nothing of it stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_clients_close_is_answered() {
    let server = server().await;
    let frame = |code: u16| Some(CloseFrame { code: code.into(), reason: "bye".into() });
    for (n, close) in [1000, 1001, 3000, 4400, 4999].map(frame).into_iter().chain([None]).enumerate() {
        let mut socket = acknowledged(&server, "pat").await;
        socket.say(subscribe("a", CREATED, Value::Null)).await;
        listeners(&server, 1).await;
        socket.send(Message::Close(close.clone())).await;
        // What has no code has none in the answer, either.
        let answer = close.clone().map_or((1005, String::new()), |close| (close.code.into(), close.reason.to_string()));
        let Heard::Closed { code, reason } = socket.hear().await else { panic!("nothing more is said") };
        assert_eq!((code, reason), answer, "{close:?}");
        listeners(&server, 0).await;
        eventually("the socket to be gone", async || {
            let text = server.app.metrics.encode().expect("metrics");
            let closed = |line: &str| line.starts_with("leadcast_websocket_closed_total{");
            let count = text.lines().filter(|line| closed(line)).filter_map(|line| line.rsplit_once(' '));
            text.contains("leadcast_websocket_connections 0\n")
                && count.filter_map(|(_, count)| count.parse::<usize>().ok()).sum::<usize>() == n + 1
        })
        .await;
    }
}

/// RFC 6455, 5.5 and 7.4: control frames are short and whole, and not every number is a code.
#[tokio::test(flavor = "multi_thread")]
async fn control_frames_have_a_form() {
    let server = server().await;
    let control = |bytes: &[u8], code, is_final| {
        let header = FrameHeader { is_final, opcode: OpCode::Control(code), ..FrameHeader::default() };
        Message::Frame(Frame::from_payload(header, bytes.to_vec().into()))
    };
    for sent in [
        control(&[0; 126], Control::Ping, true),
        control(&[0; 10], Control::Ping, false),
        control(&[0; 10], Control::Reserved(0xB), true),
        control(&[3], Control::Close, true),
        control(&999_u16.to_be_bytes(), Control::Close, true),
        control(&1005_u16.to_be_bytes(), Control::Close, true),
        control(&1006_u16.to_be_bytes(), Control::Close, true),
    ] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.send(sent.clone()).await;
        assert_eq!(closed(&mut socket).await.0, 1002, "{sent:?}");
    }
}
