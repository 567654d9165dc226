//! graphql-transport-ws to the letter, said and heard message by message.
//!
//! What graphql-ws's PROTOCOL.md demands of a server, in words of ours, and who asks for it: tests of this module and its children, unless
//! another is named. Each speaks over a real socket. (`src/ws/protocol/tests.rs` says the same without one.)
//!
//! | Demand | Test |
//! |---|---|
//! | The subprotocol is `graphql-transport-ws`; of several it is picked, without it there is no socket | `closing::only_one_subprotocol_is_spoken`, `beginning::a_handshake_is_whole_or_refused` |
//! | A message is JSON in a text frame, with a `type` | `closing::what_is_not_in_the_protocol_is_4400`; what is heard: every test |
//! | What is about an operation has its `id` | `a_result_is_next_then_complete`, `closing::what_is_not_in_the_protocol_is_4400` |
//! | Operations run side by side, and their messages in between each other | `operations::operations_run_side_by_side`, `keeping_up::a_flood_does_not_silence_the_others` |
//! | The server may close at any time, and says why | the codes below, each with its reason |
//! | The client closes with 1000 | `closing::a_clients_close_is_answered` |
//! | An init that does not come in time: 4408 | `closing::who_does_not_begin_in_time_is_let_go` |
//! | … and only that: a check may take longer | `beginning::a_check_that_takes_long_is_waited_for` |
//! | A second init, before the ack or after it: 4429 | `closing::the_order_of_things_is_kept`, `beginning::nothing_is_done_before_the_ack` |
//! | Who is not let in: 4403 | `tokens::a_refused_token_is_4403_and_401_in_the_same_words` |
//! | The ack answers the init, whose payload may be missing or null | `beginning::an_init_may_come_with_no_payload`, `tokens::the_payloads_token_wins_over_the_headers` |
//! | A ping is answered by a pong at once, at any time, also before the ack | `pings_are_answered_at_any_time`, `beginning::a_check_that_takes_long_is_waited_for` |
//! | A pong may come at any time, unasked | `pings_are_answered_at_any_time`, `keeping_up::any_sign_of_life_keeps_a_socket` |
//! | The payload of a ping or pong may be missing or null | `operations::what_need_not_be_said_may_be_null` |
//! | `operationName`, `variables` and `extensions` may be missing or null | `operations::what_need_not_be_said_may_be_null` |
//! | An id that is in use, whatever runs under it: 4409, immediately | `operations::an_id_is_taken_whatever_runs_under_it`, `closing::the_order_of_things_is_kept` |
//! | An id is free again when its operation has ended, from either side | `an_id_is_free_again_when_its_operation_has_ended`, `operations::a_result_that_nobody_waits_for_is_not_sent` |
//! | Nothing is executed before the ack: 4401, immediately | `closing::the_order_of_things_is_kept`, `beginning::nothing_is_done_before_the_ack` |
//! | One result: one `next`, then `complete` | `a_result_is_next_then_complete`, `operations::operations_run_side_by_side` |
//! | Many results: a `next` for each | `after_its_complete_a_client_hears_no_more`; `resume` |
//! | What is not executed is an `error`, which is a list, and the last message of its operation | `what_is_not_executed_is_an_error_and_nothing_after_it` |
//! | So is what fails on the way | `hardening::an_event_that_cannot_be_told_in_full_is_not_passed_over`, `hurt::neighbours::a_panic_is_one_clean_error` |
//! | After the client's `complete` nothing more of a stream is sent | `after_its_complete_a_client_hears_no_more` |
//! | … nor the result of a query that was still running | `operations::a_result_that_nobody_waits_for_is_not_sent` |
//! | … and what it was is ended | `operations::a_result_that_nobody_waits_for_is_not_sent` |
//! | A `complete` of what has ended, or never was, is no error | `operations::a_complete_that_comes_too_late_is_passed_over` |
//! | Any other message, or one of another form: 4400, immediately, with a reason | `closing::what_is_not_in_the_protocol_is_4400` |
//! | Operations end with their socket | `operations::operations_end_with_their_socket` |
//!
//! And every code that a socket is closed with:
//!
//! | Code | When | Test |
//! |---|---|---|
//! | 1000, or any other | the client said it first | `closing::a_clients_close_is_answered` |
//! | 1002 | no WebSocket | `closing::frames_that_are_no_text_or_no_websocket_are_answered_in_kind`, `closing::control_frames_have_a_form` |
//! | 1006 | never sent: the client does not read | `keeping_up::who_does_not_read_is_let_go_and_resumes_without_loss` |
//! | 1007 | no UTF-8 | `closing::frames_that_are_no_text_or_no_websocket_are_answered_in_kind` |
//! | 1009 | too large | `closing::a_message_has_a_size` |
//! | 1012 | the server stops | `smoke::a_stopping_server_tells_its_sockets`, `operators::a_server_drains_in_order`, `operators::drain` |
//! | 1013 | one connection too many | `limits::a_user_has_so_many_connections_whatever_they_speak`, `limits::a_tenant_has_so_many_connections` |
//! | 1013 | the database is away | `operators::the_database_may_go_away_and_come_back` |
//! | 4400 | not in the protocol | `closing::what_is_not_in_the_protocol_is_4400` |
//! | 4401 | before the ack | `closing::the_order_of_things_is_kept`, `beginning::nothing_is_done_before_the_ack` |
//! | 4403 | a token that is not good, has run out, became void or is another's | `tokens`; `tokens::revocation`, `users` |
//! | 4408 | no init | `closing::who_does_not_begin_in_time_is_let_go` |
//! | 4409 | an id in use | `operations::an_id_is_taken_whatever_runs_under_it` |
//! | 4429 | a second init | `closing::the_order_of_things_is_kept` |
//! | 4499 | no answer to pings | `keeping_up::who_stays_silent_is_let_go` |
//! | 4500 | a defect at the door | `beginning::a_defect_at_the_door_is_4500` |
//!
//! 4406 is never sent: a client that does not offer the subprotocol is refused in the handshake, with 400; one from a foreign origin with
//! 403 (`http::origins`), one that comes while the server stops with 503 (`operators::a_server_drains_in_order`).

mod beginning;
mod closing;
mod keeping_up;
mod operations;
mod tokens;

use std::{fs, path::Path};

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

/// The tables above name tests and modules that there are, and have every code that there is.
#[test]
fn the_tables_are_true() {
    let read = |path: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok();
    let own = read("tests/it/websocket.rs").expect("this file");
    let rows = own.lines().filter_map(|line| line.strip_prefix("//! |"));
    let rows: Vec<Vec<_>> = rows.map(|row| row.split('|').map(str::trim).collect()).collect();
    let named = rows.iter().flat_map(|row| row[row.len() - 2].split('`').skip(1).step_by(2));
    let missing = named.filter(|name| {
        let path = name.replace("::", "/");
        let (module, test) = path.rsplit_once('/').map_or((String::new(), *name), |(m, t)| (format!("/{m}"), t));
        let holds = |file: String| read(&file).is_some_and(|text| text.contains(&format!("fn {test}(")));
        let is_module = ["", "websocket/"].iter().any(|at| read(&format!("tests/it/{at}{path}.rs")).is_some());
        !is_module && !holds(format!("tests/it/websocket{module}.rs")) && !holds(format!("tests/it{module}.rs"))
    });
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
    let protocol = read("src/ws/protocol.rs").expect("the protocol");
    let codes = protocol.lines().filter_map(|line| line.split_once(": u16 = ")).map(|(_, code)| &code[..4]);
    let (told, untold): (Vec<_>, Vec<_>) = codes.partition(|code| rows.iter().any(|row| row[0].starts_with(code)));
    assert!(untold.is_empty() && !told.is_empty(), "{untold:?}");
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
