//! What must not hurt, however small it is to send: documents that are nested, doubled or repeated, requests that never end, clients
//! that take and do not give. Each is refused with a small answer, or bounded; nothing falls over, and the others go on.
//!
//! What else belongs here is tested where its subject is: a body that does not arrive and one that is too large in `http`, foreign
//! origins in `http::origins`, sockets that say nothing in `websocket::closing`, clients that do not read in `websocket::keeping_up` and
//! `limits`, one operation too many in `websocket` and `limits`.

mod neighbours;
mod nesting;

use std::fmt::Write;

use leadcast::config::Switch;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    socket::{Heard, RawSocket},
    wire::{Reply, eventually, http, send},
};

async fn server() -> TestServer {
    TestServer::start(Engine::Sqlite).await
}

async fn ask(server: &TestServer, body: impl Into<reqwest::Body>) -> Reply {
    let request = http()
        .post(server.url("/graphql"))
        .bearer_auth(server.token("demo", "pat"))
        .header("accept", "application/graphql-response+json")
        .header("content-type", "application/json");
    send(request.body(body)).await
}

async fn ask_for(server: &TestServer, query: &str) -> Reply {
    ask(server, json!({ "query": query }).to_string()).await
}

/// Refused as a document, in few words. Returns the limit that it is over.
#[track_caller]
fn over(reply: &Reply) -> String {
    assert_eq!(reply.status, 400, "{reply:?}");
    assert!(reply.text.len() < 1_000, "{} bytes: {reply:?}", reply.text.len());
    let extensions = &reply.json()["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "LIMIT_EXCEEDED", "{reply:?}");
    assert!(extensions["found"].as_u64() > extensions["maximum"].as_u64(), "{reply:?}");
    extensions["limit"].as_str().expect("a limit").to_owned()
}

/// `{0}` stands for a number.
fn many(count: usize, one: &str) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        let _ = write!(text, "{} ", one.replace("{0}", &n.to_string()));
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn doubling_fragments_are_refused() {
    let server = server().await;
    for count in [22, 30] {
        let doubled = (0..count).fold(String::new(), |mut text, n| {
            let _ = write!(text, "fragment F{n} on User {{ ...F{0} ...F{0} }} ", n + 1);
            text
        });
        let query = format!("{{ viewer {{ user {{ ...F0 }} }} }} {doubled} fragment F{count} on User {{ id }}");
        assert!(query.len() < 2_000);
        assert_eq!(over(&ask_for(&server, &query).await), "selections");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn much_of_one_thing_is_refused() {
    let server = server().await;
    for (query, limit) in [
        (format!("{{ viewer {{ {} }} }}", many(10_000, "a{0}: id")), "bytes"),
        (format!("{{ viewer {{ {} }} }}", many(1_500, "a{0}: id")), "aliases"),
        (format!("{{ viewer {{ {} }} }}", many(101, "a{0}: id")), "aliases"),
        (format!("{{ viewer {{ {} }} }}", many(5_000, "id @skip(if: true)")), "bytes"),
        (format!("{{ viewer {{ {} }} }}", many(500, "id @skip(if: true)")), "directives"),
        (format!("{{ {} }}", many(31, "a{0}: viewer { id }")), "rootFields"),
        (format!("{{ viewer {{ {} }} }}", many(9_990, "id")), "tokens"),
        (format!("{{ viewer {{ id }} }} # {}", "x".repeat(1 << 19)), "bytes"),
        (
            "{ leads(first: 100) { nodes { claims(first: 100) { nodes { id lead { id title } provider { id } } } } } }"
                .to_owned(),
            "cost",
        ),
    ] {
        assert_eq!(over(&ask_for(&server, &query).await), limit, "{} bytes: {}…", query.len(), &query[..60]);
    }
}

/// Field merging compares fields of one name with each other; a document of as many as it may have is no work all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_may_be_repeated_as_often_as_it_fits() {
    let server = server().await;
    let reply = ask_for(&server, &format!("{{ viewer {{ {} }} }}", many(4_900, "id"))).await;
    assert_eq!(reply.json()["data"], json!({ "viewer": { "id": "pat" } }), "{reply:?}");
    let reply = ask_for(&server, &format!("{{ viewer {{ {} }} }}", many(1_000, "user { id }"))).await;
    assert_eq!(reply.json()["data"], json!({ "viewer": { "user": { "id": "pat" } } }), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_errors_are_told_in_few() {
    let server = server().await;
    for query in [
        format!("{{ {} }}", many(3_000, "nowhere{0}")),
        format!("{{ {} }}", many(30, "a{0}: lead(id: 7, nowhere: 8, nothing: 9) { nowhere }")),
        format!("{{ viewer {{ {} }} }}", many(90, "a{0}: id @skip(if: $v{0})")),
    ] {
        let reply = ask_for(&server, &query).await;
        let errors = reply.json()["errors"].as_array().map_or(0, Vec::len);
        assert_eq!((reply.status, (1..=20).contains(&errors)), (400, true), "{errors}");
        assert!(reply.text.len() < 8_000, "{} bytes", reply.text.len());
    }
    // In execution: a field that fails as often as it may be asked for.
    let reply = ask_for(&server, &format!("{{ {} }}", many(30, "a{0}: users { nodes { id } }"))).await;
    assert_eq!((reply.status, reply.json()["errors"].as_array().map(Vec::len)), (200, Some(20)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_refused() {
    let server = server().await;
    let batch = vec![json!({ "query": "{ viewer { id } }" }); 1_000];
    let reply = ask(&server, Value::from(batch).to_string()).await;
    assert!(reply.status == 400 && reply.text.len() < 500, "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscriptions_on_a_socket_are_a_hundred() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    for n in 0..1_000 {
        let payload = json!({ "query": "subscription { leadCreated { cursor } }" });
        socket.say(json!({ "id": n.to_string(), "type": "subscribe", "payload": payload })).await;
    }
    for _ in 0..900 {
        let Heard::Message(refused) = socket.hear().await else { panic!("the socket stays") };
        assert_eq!(
            (&refused["type"], &refused["payload"][0]["extensions"]["code"]),
            (&json!("error"), &json!("LIMIT_EXCEEDED"))
        );
    }
    server.open(json!({})).await;
    for _ in 0..100 {
        let Heard::Message(told) = socket.hear().await else { panic!("the socket stays") };
        assert_eq!(told["type"], "next");
    }
}

async fn acknowledged(server: &TestServer, user: &str) -> RawSocket {
    let mut socket = server.raw_socket().await;
    let authorization = format!("Bearer {}", server.token("demo", user));
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
    assert_eq!(socket.hear().await, Heard::Message(json!({ "type": "connection_ack" })));
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_sockets_that_never_begin_are_let_go() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.limits.init_time = std::time::Duration::from_millis(500);
    })
    .await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        sockets.push(server.raw_socket().await);
    }
    for mut socket in sockets {
        assert!(matches!(socket.hear().await, Heard::Closed { code: 4408, .. }));
    }
    let none = "leadcast_websocket_connections 0\n";
    eventually("all to be gone", async || server.app.metrics.encode().is_ok_and(|text| text.contains(none))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_is_told_where_it_is_switched_on() {
    let introspection = "{ __schema { queryType { name } } }";
    let open = server().await;
    assert_eq!(ask_for(&open, introspection).await.status, 200, "dev mode");
    let closed = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.jwt_secret = Some("a key of thirty-two bytes, or more".to_owned());
    })
    .await;
    for query in
        [introspection, "{ __type(name: \"Lead\") { name } }", "{ ... { x: __schema { queryType { name } } } }"]
    {
        let reply = ask_for(&closed, query).await;
        assert_eq!((reply.status, &reply.json()["errors"][0]["extensions"]["code"]), (400, &json!("FORBIDDEN")));
    }
    assert_eq!(ask_for(&closed, "{ __typename viewer { __typename } }").await.status, 200);
    let misspelt = ask_for(&closed, "{ viewer { idd } }").await;
    assert!(!misspelt.text.to_lowercase().contains("did you mean"), "{misspelt:?}");
    let opened = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.jwt_secret = Some("a key of thirty-two bytes, or more".to_owned());
        settings.introspection = Some(Switch::On);
    })
    .await;
    assert_eq!(ask_for(&opened, introspection).await.status, 200);
}
