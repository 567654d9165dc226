//! From the handshake to `connection_ack`.

use std::time::Duration;

use leadcast::users::Role;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    QUERY, acknowledged, asks_who_it_is, closing::closed, complete, init, message, server, silence, subscribe,
};
use crate::support::{
    Engine, TestServer,
    socket::{Heard, RawSocket},
    sql::Sql,
    wire::RawHttp,
};

/// The answer to these lines of a request's head.
async fn handshake(server: &TestServer, lines: &[&str]) -> String {
    let mut connection = RawHttp::connect(server).await;
    connection.write(format!("GET /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\n{}\r\n\r\n", lines.join("\r\n"))).await;
    connection.read_until("\r\n\r\n").await.to_lowercase()
}

/// RFC 6455, 4.2, with its own example of a key.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_whole_or_refused() {
    const WHOLE: [&str; 5] = [
        "connection: keep-alive, Upgrade",
        "upgrade: WebSocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
        "sec-websocket-protocol: graphql-ws, graphql-transport-ws",
    ];
    let server = server().await;
    let answer = handshake(&server, &WHOLE).await;
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        // The one that is spoken, alone.
        "sec-websocket-protocol: graphql-transport-ws",
    ] {
        assert!(answer.lines().any(|told| told == line), "{line}: {answer}");
    }
    for (missing, left_out) in WHOLE.iter().enumerate().filter(|(_, line)| !line.starts_with("upgrade")) {
        let lines: Vec<_> = WHOLE.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, line)| *line).collect();
        let answer = handshake(&server, &lines).await;
        assert!(answer.starts_with("http/1.1 4"), "without {left_out}: {answer}");
    }
    let old = WHOLE.map(|line| if line.contains("version") { "sec-websocket-version: 8" } else { line });
    assert!(handshake(&server, &old).await.starts_with("http/1.1 4"));
}

/// A payload of null is none: the token is that of the handshake.
#[tokio::test(flavor = "multi_thread")]
async fn an_init_may_come_with_no_payload() {
    let server = server().await;
    let bearer = format!("Bearer {}", server.token("demo", "pat"));
    for init in [json!({ "type": "connection_init" }), json!({ "type": "connection_init", "payload": null })] {
        let mut socket = RawSocket::open_with(&server, &[("authorization", &bearer)]).await.expect("an upgrade");
        socket.say(init).await;
        assert_eq!(message(&mut socket).await, json!({ "type": "connection_ack" }));
        assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
    }
}

/// A socket whose token is being checked, for as long as the caller holds the returned lock: its user is new, so that the check writes.
async fn being_checked(server: &TestServer, user: &str) -> (RawSocket, Sql) {
    let holder = Sql::of(server).await;
    holder.run("BEGIN IMMEDIATE").await.expect("a lock");
    let mut socket = server.raw_socket().await;
    socket.say(init(&server.token_for("demo", user, Role::Customer))).await;
    (socket, holder)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_done_before_the_ack() {
    let server = server().await;
    let again = init(&server.token("demo", "pat"));
    for (n, (too_early, code)) in
        [(subscribe("a", QUERY, Value::Null), 4401), (complete("a"), 4401), (again, 4429)].into_iter().enumerate()
    {
        let (mut socket, _holder) = being_checked(&server, &format!("new-{n}")).await;
        socket.say(too_early.clone()).await;
        // No ack comes before.
        assert!(matches!(socket.hear().await, Heard::Closed { code: heard, .. } if heard == code), "{too_early}");
    }
}

/// The time allowed is the client's, for saying it: how long its token is checked is not up to the client.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_takes_long_is_waited_for() {
    let allowed = Duration::from_millis(100);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.init_time = allowed).await;
    let begun = Instant::now();
    let (mut socket, holder) = being_checked(&server, "newcomer").await;
    while begun.elapsed() < 3 * allowed {
        silence(&mut socket).await;
    }
    holder.run("ROLLBACK").await.expect("the lock is released");
    assert_eq!(message(&mut socket).await, json!({ "type": "connection_ack" }));
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "newcomer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_at_the_door_is_4500() {
    let server = server().await;
    let mut known = acknowledged(&server, "pat").await;
    Sql::of(&server).await.run("ALTER TABLE users RENAME TO users_away").await.expect("a table can be taken away");
    let mut socket = server.raw_socket().await;
    socket.say(init(&server.token_for("demo", "newcomer", Role::Customer))).await;
    let (code, reason) = closed(&mut socket).await;
    assert_eq!(code, 4500);
    assert!(!reason.contains("users") && !reason.contains("table"), "nothing internal is told: {reason}");
    silence(&mut known).await;
}
