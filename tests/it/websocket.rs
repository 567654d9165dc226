//! graphql-transport-ws to the letter, said and heard message by message.

mod closing;
mod keeping_up;
mod tokens;

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    socket::{Heard, RawSocket},
};

const QUERY: &str = "{ viewer { id } }";
const CREATED: &str = "subscription { leadCreated { lead { id } } }";

async fn server() -> TestServer {
    TestServer::start(Engine::Sqlite).await
}

fn init(token: &str) -> Value {
    json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })
}

fn subscribe(id: &str, query: &str, variables: Value) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } })
}

fn complete(id: &str) -> Value {
    json!({ "id": id, "type": "complete" })
}

/// A socket of `user`'s, past its `connection_ack`.
async fn acknowledged(server: &TestServer, user: &str) -> RawSocket {
    let mut socket = server.raw_socket().await;
    socket.say(init(&server.token("demo", user))).await;
    assert_eq!(message(&mut socket).await, json!({ "type": "connection_ack" }));
    socket
}

async fn message(socket: &mut RawSocket) -> Value {
    match socket.hear().await {
        Heard::Message(message) => message,
        closed @ Heard::Closed { .. } => panic!("the socket was closed: {closed:?}"),
    }
}

/// Proves that nothing more was to be said.
async fn silence(socket: &mut RawSocket) {
    socket.say(json!({ "type": "ping", "payload": { "fence": true } })).await;
    assert_eq!(message(socket).await, json!({ "type": "pong", "payload": { "fence": true } }));
}

/// What `{ viewer { id } }` answers, and that it is all.
async fn asks_who_it_is(socket: &mut RawSocket, id: &str) -> Value {
    socket.say(subscribe(id, QUERY, Value::Null)).await;
    let next = message(socket).await;
    assert_eq!((&next["id"], &next["type"]), (&json!(id), &json!("next")), "{next:#}");
    assert_eq!(message(socket).await, complete(id));
    next["payload"]["data"]["viewer"]["id"].clone()
}

/// An event of [`CREATED`].
fn created(id: &str, lead: &Value) -> Value {
    json!({ "id": id, "type": "next", "payload": { "data": { "leadCreated": { "lead": { "id": lead } } } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_next_then_complete() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
    // Refused by the business, and failed in part: results all the same.
    let mutation = "mutation { createLead(input: { reference: \"\", title: \"\", description: \"\", category: \"\", \
        location: { country: \"ZA\", city: \"\" }, contact: { name: \"\" } }) { lead { id } userErrors { code } } }";
    for (query, errors) in [(mutation, 0), ("{ viewer { id } users { nodes { id } } }", 1)] {
        socket.say(subscribe("a", query, Value::Null)).await;
        let next = message(&mut socket).await;
        assert_eq!(next["type"], "next", "{next:#}");
        assert!(next["payload"]["data"].is_object(), "{next:#}");
        assert_eq!(next["payload"]["errors"].as_array().map_or(0, Vec::len), errors, "{next:#}");
        assert_eq!(message(&mut socket).await, complete("a"));
    }
    silence(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_executed_is_an_error_and_nothing_after_it() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    let foreign = server.user("rival", "pat").stream_cursor().await;
    let lead = "query($id: ID!) { lead(id: $id) { id } }";
    let after = "subscription($after: Cursor) { leadCreated(after: $after) { cursor } }";
    for (query, variables, expected) in [
        ("{", json!({}), "Syntax error"),
        ("", json!({}), "Syntax error"),
        ("{ nope }", json!({}), "nope"),
        (lead, json!({}), "$id"),
        (lead, json!({ "id": {} }), "id"),
        ("query A { viewer { id } } query B { viewer { id } }", json!({}), "operationName"),
        ("subscription { nope }", json!({}), "nope"),
        ("subscription { leadCreated }", json!({}), "subselection"),
        (after, json!({ "after": "nope" }), "Cursor"),
        (after, json!({ "after": foreign }), "Cursor"),
    ] {
        socket.say(subscribe("a", query, variables.clone())).await;
        let error = message(&mut socket).await;
        assert_eq!((&error["id"], &error["type"]), (&json!("a"), &json!("error")), "{query} {variables}: {error:#}");
        let messages: Vec<_> =
            error["payload"].as_array().expect("a list of errors").iter().map(|e| &e["message"]).collect();
        assert!(messages.iter().any(|text| text.as_str().is_some_and(|text| text.contains(expected))), "{error:#}");
        silence(&mut socket).await;
    }
}

/// The specification of GraphQL: a subscription has exactly one root field, also through fragments.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_has_one_root_field() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    for query in [
        "subscription { leadCreated { cursor } leadCreated { cursor } }",
        "subscription { leadCreated { cursor } leadClaimed { cursor } }",
        "subscription { a: leadCreated { cursor } b: leadCreated { cursor } }",
        "subscription { leadCreated { cursor } ... on Subscription { leadClaimed { cursor } } }",
        "subscription { leadCreated { cursor } ...More } fragment More on Subscription { leadClaimed { cursor } }",
        "subscription { leadCreated { cursor } __typename }",
        "subscription { __typename }",
        "subscription { leadCreated @skip(if: false) { cursor } }",
    ] {
        socket.say(subscribe("a", query, Value::Null)).await;
        let error = message(&mut socket).await;
        assert_eq!(error["type"], "error", "{query}: {error:#}");
        silence(&mut socket).await;
    }
    let through_fragments = "query Q { viewer { id } } subscription S { ...One } \
        fragment One on Subscription { ... on Subscription { leadCreated { ...Lead } } } \
        fragment Lead on LeadCreatedEvent { lead { id } }";
    let payload = json!({ "query": through_fragments, "operationName": "S" });
    socket.say(json!({ "id": "a", "type": "subscribe", "payload": payload })).await;
    silence(&mut socket).await;
    for _ in 0..2 {
        let lead = server.open(json!({})).await;
        assert_eq!(message(&mut socket).await, created("a", &lead));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_free_again_when_its_operation_has_ended() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    for id in ["a", "a", "\"quoted\" \\ \u{e9} \u{1f600} \n", &"i".repeat(256)] {
        assert_eq!(asks_who_it_is(&mut socket, id).await, "pat");
    }
    socket.say(subscribe("a", "{", Value::Null)).await;
    assert_eq!(message(&mut socket).await["type"], "error");
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
    socket.say(subscribe("a", CREATED, Value::Null)).await;
    socket.say(complete("a")).await;
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_complete_a_client_hears_no_more() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("stopped", CREATED, Value::Null)).await;
    silence(&mut socket).await;
    let first = server.open(json!({})).await;
    assert_eq!(message(&mut socket).await, created("stopped", &first));

    socket.say(subscribe("going on", CREATED, Value::Null)).await;
    socket.say(complete("stopped")).await;
    socket.say(complete("stopped")).await;
    socket.say(complete("never begun")).await;
    silence(&mut socket).await;
    for _ in 0..2 {
        let lead = server.open(json!({})).await;
        assert_eq!(message(&mut socket).await, created("going on", &lead));
    }
    // The same id again is another operation.
    socket.say(complete("going on")).await;
    socket.say(subscribe("stopped", CREATED, Value::Null)).await;
    silence(&mut socket).await;
    let last = server.open(json!({})).await;
    assert_eq!(message(&mut socket).await, created("stopped", &last));
    silence(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_are_answered_at_any_time() {
    let server = server().await;
    let mut socket = server.raw_socket().await;
    for acknowledged in [false, true] {
        for payload in [json!({}), json!({ "a": [1, { "b": null }] })] {
            socket.say(json!({ "type": "ping", "payload": payload })).await;
            assert_eq!(message(&mut socket).await, json!({ "type": "pong", "payload": payload }));
        }
        socket.say(json!({ "type": "ping" })).await;
        assert_eq!(message(&mut socket).await, json!({ "type": "pong" }));
        // Nobody asked.
        socket.say(json!({ "type": "pong" })).await;
        socket.say(json!({ "type": "pong", "payload": { "a": 1 } })).await;
        if !acknowledged {
            socket.say(init(&server.token("demo", "pat"))).await;
            assert_eq!(message(&mut socket).await, json!({ "type": "connection_ack" }));
        }
    }
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_operation_too_many_is_refused_and_the_socket_stays() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.operations_per_socket = 2).await;
    let mut socket = acknowledged(&server, "pat").await;
    for id in ["a", "b", "c"] {
        socket.say(subscribe(id, CREATED, Value::Null)).await;
    }
    let error = message(&mut socket).await;
    assert_eq!((&error["id"], &error["type"]), (&json!("c"), &json!("error")));
    assert_eq!(error["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    silence(&mut socket).await;

    let lead = server.open(json!({})).await;
    let mut heard = vec![message(&mut socket).await, message(&mut socket).await];
    heard.sort_by_key(|event| event["id"].to_string());
    assert_eq!(heard, [created("a", &lead), created("b", &lead)]);
    socket.say(complete("a")).await;
    assert_eq!(asks_who_it_is(&mut socket, "c").await, "pat");
}
