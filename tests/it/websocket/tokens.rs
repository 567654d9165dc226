//! Which token a socket takes, and what it says of one that it does not take: the same as HTTP says.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use leadcast::{app::signing_secret, auth::Key, config::Settings, users::Role};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CREATED, acknowledged, asks_who_it_is, closing::closed, init, message, server, silence, subscribe};
use crate::support::{TestServer, client::Client, market::listeners, socket::RawSocket};

const INVALID: &str = "The token is not valid.";
const EXPIRED: &str = "The token has expired.";
const MISSING: &str = "A bearer token is needed: send `Authorization: Bearer <token>`.";
const HOUR: Duration = Duration::from_hours(1);

/// A token of `pat`'s, signed an `age` ago with the server's key or another, under settings that `change` has changed.
fn signed(
    server: &TestServer,
    secret: Option<&[u8]>,
    tenant: &str,
    age: Duration,
    change: fn(&mut Settings),
) -> String {
    let mut settings = server.app.settings.clone();
    change(&mut settings);
    let own = signing_secret(&settings).expect("it can be read").expect("a key");
    let issued = server.app.clock.now().minus(age);
    let token =
        Key::hs256(secret.unwrap_or(&own), &settings).issue(tenant, &"pat".into(), Role::Provider, issued, HOUR);
    token.expect("a token")
}

/// The same claims, with another header and without a signature.
fn unsigned(token: &str) -> String {
    let claims = token.split('.').nth(1).expect("three parts");
    format!("{}.{claims}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_4403_and_401_in_the_same_words() {
    let server = server().await;
    let good = server.token("demo", "pat");
    let signature = good.rfind('.').expect("three parts");
    for (what, token, reason) in [
        ("none at all", "nope".to_owned(), INVALID),
        ("another key", signed(&server, Some(&[7; 32]), "demo", Duration::ZERO, |_| {}), INVALID),
        ("no signature", good[..=signature].to_owned(), INVALID),
        ("alg none", unsigned(&good), INVALID),
        (
            "another issuer",
            signed(&server, None, "demo", Duration::ZERO, |s| s.jwt_issuer = "evil".to_owned()),
            INVALID,
        ),
        (
            "another audience",
            signed(&server, None, "demo", Duration::ZERO, |s| s.jwt_audience = "evil".to_owned()),
            INVALID,
        ),
        ("no such tenant", signed(&server, None, "nobody", Duration::ZERO, |_| {}), INVALID),
        ("another key, and expired", signed(&server, Some(&[7; 32]), "demo", 2 * HOUR, |_| {}), INVALID),
        ("expired", signed(&server, None, "demo", 2 * HOUR, |_| {}), EXPIRED),
    ] {
        let mut socket = server.raw_socket().await;
        socket.say(init(&token)).await;
        assert_eq!(closed(&mut socket).await, (4403, reason.to_owned()), "{what}");
        let answer = Client::new(server.url("/graphql"), Some(token)).query("{ viewer { id } }", Value::Null).await;
        assert_eq!((answer.status, answer.error_code()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"), "{what}");
        assert_eq!(answer.body["errors"][0]["message"], reason, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payloads_token_wins_over_the_headers() {
    let server = server().await;
    let [pat, quinn] = ["pat", "quinn"].map(|user| format!("Bearer {}", server.token("demo", user)));
    for (header, payload, expected) in [
        (None, Some(json!({ "authorization": pat })), Ok("pat")),
        (None, Some(json!({ "Authorization": pat, "other": 1 })), Ok("pat")),
        (Some(quinn.as_str()), None, Ok("quinn")),
        (Some(&quinn), Some(json!({})), Ok("quinn")),
        (Some(&quinn), Some(json!({ "authorization": null })), Ok("quinn")),
        (Some(&quinn), Some(json!({ "authorization": pat })), Ok("pat")),
        (Some("Bearer nope"), Some(json!({ "authorization": pat })), Ok("pat")),
        (Some(&quinn), Some(json!({ "authorization": "Bearer nope" })), Err(INVALID)),
        (Some(&quinn), Some(json!({ "authorization": 1 })), Err(MISSING)),
        (Some("Bearer nope"), None, Err(INVALID)),
        (Some("Basic nope"), None, Err(MISSING)),
        (None, None, Err(MISSING)),
        (None, Some(json!({ "token": pat })), Err(MISSING)),
    ] {
        let headers: Vec<_> = header.map(|header| ("authorization", header)).into_iter().collect();
        let mut socket = RawSocket::open_with(&server, &headers).await.expect("an upgrade");
        let init = match &payload {
            Some(payload) => json!({ "type": "connection_init", "payload": payload }),
            None => json!({ "type": "connection_init" }),
        };
        socket.say(init).await;
        match expected {
            Ok(user) => {
                assert_eq!(message(&mut socket).await["type"], "connection_ack", "{header:?} {payload:?}");
                assert_eq!(asks_who_it_is(&mut socket, "a").await, user);
            }
            Err(reason) => assert_eq!(closed(&mut socket).await, (4403, reason.to_owned()), "{header:?} {payload:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_lives_as_long_as_its_token() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", CREATED, Value::Null)).await;
    silence(&mut socket).await;
    server.advance(HOUR / 2);
    let mut younger = acknowledged(&server, "pat").await;
    server.advance(HOUR / 2);
    assert_eq!(closed(&mut socket).await, (4403, EXPIRED.to_owned()));
    assert_eq!(asks_who_it_is(&mut younger, "a").await, "pat");
}

fn renewal(token: &str) -> Value {
    json!({ "type": "ping", "payload": { "Authorization": format!("Bearer {token}") } })
}

/// The pong says that it is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_ping_renews_the_token() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", CREATED, Value::Null)).await;
    // Each operation's token is checked when it begins: it has begun.
    listeners(&server, 1).await;
    server.advance(HOUR / 2);
    socket.say(renewal(&server.token("demo", "pat"))).await;
    assert_eq!(message(&mut socket).await, json!({ "type": "pong" }));
    server.advance(HOUR * 3 / 4);
    assert_eq!(asks_who_it_is(&mut socket, "b").await, "pat");
    server.open(json!({})).await;
    let next = message(&mut socket).await;
    assert_eq!((&next["id"], &next["type"]), (&json!("a"), &json!("next")), "the stream goes on: {next:#}");
    server.advance(HOUR / 4);
    assert_eq!(closed(&mut socket).await, (4403, EXPIRED.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_ping_with_a_token_has_its_pong() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    for _ in 0..20 {
        socket.say(renewal(&server.token("demo", "pat"))).await;
    }
    let (renewed, other) = (json!({ "type": "pong" }), json!({ "type": "pong", "payload": { "renewed": false } }));
    for _ in 0..19 {
        let pong = message(&mut socket).await;
        assert!(pong == renewed || pong == other, "{pong}");
    }
    assert_eq!(message(&mut socket).await, renewed, "the last one counts");
    silence(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_token_of_the_same_viewer_renews() {
    const OTHER: &str = "A renewed token has the same tenant, user and role.";
    let server = server().await;
    for (token, reason) in [
        (server.token("demo", "quinn"), OTHER),
        (server.token("rival", "pat"), OTHER),
        (signed(&server, None, "demo", 2 * HOUR, |_| {}), EXPIRED),
        ("nonsense".to_owned(), INVALID),
    ] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.say(renewal(&token)).await;
        assert_eq!(closed(&mut socket).await, (4403, reason.to_owned()));
    }
    for payload in [json!({ "authorization": 7 }), json!({ "authorization": "Basic abc" })] {
        let mut socket = acknowledged(&server, "pat").await;
        socket.say(json!({ "type": "ping", "payload": payload })).await;
        assert_eq!(closed(&mut socket).await, (4403, MISSING.to_owned()));
    }
    // Before it is known who it is, a ping is a ping.
    let mut socket = server.raw_socket().await;
    socket.say(renewal("nonsense")).await;
    assert_eq!(message(&mut socket).await["type"], "pong");
}
