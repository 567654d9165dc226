//! What one client may take of a node, over every transport: connections, operations, points of cost in a minute; and how long it may
//! take for what. Whoever is over a limit is told so, and the others go on.

mod backlog;
mod results;

use std::{num::NonZero, time::Duration};

use leadcast::config::Settings;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::ADMIN,
    client::Answer,
    flood::Flood,
    socket::{Heard, RawSocket},
    wire::{RawHttp, Reply, eventually, get, head, http, send},
};

const QUERY: &str = "{ viewer { id } }";
const STREAM: &str = "subscription { leadCreated { cursor } }";

async fn server(change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::start_with(Engine::Sqlite, change).await
}

/// Says `connection_init`, and returns the answer.
async fn opened(server: &TestServer, tenant: &str, user: &str) -> (RawSocket, Heard) {
    let mut socket = server.raw_socket().await;
    let authorization = format!("Bearer {}", server.token(tenant, user));
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
    let heard = socket.hear().await;
    (socket, heard)
}

async fn acknowledged(server: &TestServer, tenant: &str, user: &str) -> RawSocket {
    let (socket, heard) = opened(server, tenant, user).await;
    assert_eq!(heard, Heard::Message(json!({ "type": "connection_ack" })));
    socket
}

async fn subscribe(socket: &mut RawSocket, id: &str, query: &str) {
    socket.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
}

#[track_caller]
fn message(heard: Heard) -> Value {
    match heard {
        Heard::Message(message) => message,
        closed @ Heard::Closed { .. } => panic!("the socket is closed: {closed:?}"),
    }
}

/// A request for events, which are then not read.
fn stream(server: &TestServer, user: &str, query: &str) -> reqwest::RequestBuilder {
    http()
        .post(server.url("/graphql"))
        .bearer_auth(server.token("demo", user))
        .header("accept", "text/event-stream")
        .json(&json!({ "query": query }))
}

#[track_caller]
fn is_over_a_limit(reply: &Reply) -> String {
    assert_eq!(reply.status, 429, "{reply:?}");
    assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    reply.refusal()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_connections_whatever_they_speak() {
    let server = server(|settings| settings.clients.sockets_per_user = 2).await;
    let socket = acknowledged(&server, "demo", "pat").await;
    let events = stream(&server, "pat", STREAM).send().await.expect("the server answers");
    assert_eq!(events.status(), 200);
    let full = "At most 2 sockets and streams are open at once for one user on a server. End one first.";
    let (_, heard) = opened(&server, "demo", "pat").await;
    assert_eq!(heard, Heard::Closed { code: 1013, reason: full.to_owned() });
    assert_eq!(is_over_a_limit(&send(stream(&server, "pat", STREAM)).await), full);
    // It is not a connection that stays.
    server.user("demo", "pat").query(QUERY, Value::Null).await.data();
    let _others = (acknowledged(&server, "demo", "quinn").await, acknowledged(&server, "rival", "pat").await);

    drop(socket);
    eventually("a place for another socket", async || {
        let (_, heard) = Box::pin(opened(&server, "demo", "pat")).await;
        matches!(heard, Heard::Message(_))
    })
    .await;
    drop(events);
    eventually("a place for another stream", async || {
        stream(&server, "pat", STREAM).send().await.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_connections() {
    let server = server(|settings| settings.clients.sockets_per_tenant = 2).await;
    let _two = (acknowledged(&server, "demo", "pat").await, acknowledged(&server, "demo", "quinn").await);
    let (_, heard) = opened(&server, "demo", "riley").await;
    let full = "At most 2 sockets and streams are open at once for one tenant on a server. Try again later.";
    assert_eq!(heard, Heard::Closed { code: 1013, reason: full.to_owned() });
    acknowledged(&server, "rival", "riley").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_so_many_operations_on_all_its_connections() {
    let server = server(|settings| settings.clients.operations_per_user = 2).await;
    let mut first = acknowledged(&server, "demo", "pat").await;
    let mut second = acknowledged(&server, "demo", "pat").await;
    for (socket, id) in [(&mut first, "a"), (&mut second, "b")] {
        subscribe(socket, id, STREAM).await;
        let running = format!("leadcast_subscriptions {}\n", if id == "a" { 1 } else { 2 });
        eventually("it to run", async || server.app.metrics.encode().is_ok_and(|text| text.contains(&running))).await;
    }
    subscribe(&mut first, "c", QUERY).await;
    let refused = message(first.hear().await);
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("c")));
    let full = "At most 2 operations run at once for one user on a server. End one first.";
    assert_eq!(refused["payload"][0]["message"], full);
    let asked = server.user("demo", "pat").query(QUERY, Value::Null).await;
    assert_eq!((asked.status.as_u16(), asked.error_code()), (429, "LIMIT_EXCEEDED"));
    server.user("demo", "quinn").query(QUERY, Value::Null).await.data();

    // The socket has stayed, and what has ended makes room.
    second.say(json!({ "id": "b", "type": "complete" })).await;
    eventually("a place for another operation", async || {
        subscribe(&mut first, "d", QUERY).await;
        let answer = message(first.hear().await);
        if answer["type"] == "next" {
            return message(first.hear().await)["type"] == "complete";
        }
        false
    })
    .await;
}

/// A hundred points a minute for a user, two hundred for a tenant.
async fn poor() -> TestServer {
    let points = |points: u32| NonZero::new(points).expect("not zero");
    server(|settings| {
        settings.clients.rate_per_user = points(120);
        settings.clients.rate_per_tenant = points(180);
    })
    .await
}

/// Asks until it is refused: what was left each time, and the refusal.
async fn spend(server: &TestServer, tenant: &str, user: &str) -> (Vec<u64>, Answer) {
    let (client, mut left) = (server.user(tenant, user), Vec::new());
    loop {
        let answer = client.query(QUERY, Value::Null).await;
        if answer.status != 200 {
            return (left, answer);
        }
        let told = &answer.extensions["rateLimit"];
        assert_eq!((&told["cost"], &told["limit"]), (&json!(2), &json!(120)), "{answer}");
        left.push(told["remaining"].as_u64().expect("a number"));
        assert!(left.len() < 200, "nothing is ever spent: {left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_minute_may_cost_is_told_and_then_refused() {
    let server = poor().await;
    let (left, refused) = spend(&server, "demo", "pat").await;
    // A point to read it and two to execute it, and a little comes back meanwhile.
    assert!(left[0] >= 117 && left.len() >= 40, "{left:?}");
    assert_eq!((refused.status.as_u16(), refused.error_code()), (429, "LIMIT_EXCEEDED"));
    let retry_after = refused.body["errors"][0]["extensions"]["retryAfter"].as_u64().expect("seconds");
    assert!((1..=60).contains(&retry_after), "{refused}");

    let over_http = send(
        http().post(server.url("/graphql")).bearer_auth(server.token("demo", "pat")).json(&json!({ "query": QUERY })),
    );
    let over_http = over_http.await;
    is_over_a_limit(&over_http);
    assert!(over_http.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{over_http:?}");
    is_over_a_limit(&send(stream(&server, "pat", STREAM)).await);
    let mut socket = acknowledged(&server, "demo", "pat").await;
    subscribe(&mut socket, "a", QUERY).await;
    let error = message(socket.hear().await);
    assert_eq!(error["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    assert!(error["payload"][0]["extensions"]["retryAfter"].is_u64(), "{error}");

    // The tenant has 180: another user is stopped by that, another tenant's is not.
    let (of_the_rest, refused) = spend(&server, "demo", "quinn").await;
    assert!(!of_the_rest.is_empty() && of_the_rest.len() < left.len(), "{of_the_rest:?}");
    assert!(refused.body["errors"][0]["message"].as_str().is_some_and(|text| text.contains("of this tenant")));
    server.user("rival", "pat").query(QUERY, Value::Null).await.data();

    server.advance(Duration::from_mins(1));
    subscribe(&mut socket, "a", QUERY).await;
    let told = message(socket.hear().await);
    assert_eq!(told["payload"]["extensions"]["rateLimit"]["cost"], 2, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_not_free() {
    let server = poor().await;
    let client = server.user("demo", "pat");
    let nonsense = format!("{{ nonsense }} # {}", "x".repeat(10_000));
    assert_eq!(client.query(&nonsense, Value::Null).await.status, 400);
    assert_eq!(client.query(&nonsense, Value::Null).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_arrive_is_not_waited_for() {
    let server = server(|settings| settings.limits.head_time = Duration::from_millis(200)).await;
    let mut silent = RawHttp::connect(&server).await;
    let mut slow = RawHttp::connect(&server).await;
    slow.write("POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauth").await;
    assert_eq!(silent.read_to_end().await, "");
    let answer = slow.read_to_end().await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_wait_until_one_is_free() {
    let server = server(|settings| settings.clients.connections = NonZero::new(2).expect("not zero")).await;
    let body = json!({ "query": QUERY }).to_string();
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut connection = RawHttp::connect(&server).await;
        // It is taken, and waits for a body.
        connection.begin(&server.token("demo", "pat"), &body).await;
        connections.push(connection);
    }
    let mut third = RawHttp::connect(&server).await;
    third.write(head(&server.token("demo", "pat"), &body, "")).await;
    third.write(&body).await;
    assert!(third.is_silent().await, "it is not taken yet");
    connections.pop();
    let answer = third.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // And the one that was there all the time is still served.
    connections[0].write(&body).await;
    let answer = connections[0].read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_a_connection() {
    let server = server(|settings| settings.clients.connections = NonZero::new(2).expect("not zero")).await;
    let sockets = (acknowledged(&server, "demo", "pat").await, acknowledged(&server, "demo", "quinn").await);
    let mut third = RawHttp::connect(&server).await;
    third.write("GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").await;
    assert!(third.is_silent().await, "it is not taken yet");
    drop(sockets);
    let answer = third.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_in_variables_is_not_free() {
    let server = poor().await;
    let client = server.user("demo", "pat");
    let query = "query($input: LeadFilter) { leads(filter: $input, first: 1) { nodes { id } } }";
    let answer = client.query(query, json!({ "input": { "search": "x".repeat(20_000) } })).await;
    assert_eq!((answer.status.as_u16(), answer.error_code()), (429, "LIMIT_EXCEEDED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_its_events_is_let_go() {
    let server = server(|settings| settings.limits.write_time = Duration::from_millis(300)).await;
    let flood = Flood::prepare(&server).await;
    let body = json!({ "query": Flood::document(), "variables": { "after": flood.after } }).to_string();
    let mut connection = RawHttp::connect(&server).await;
    connection.write(head(&server.token("demo", "pat"), &body, "accept: text/event-stream\r\n")).await;
    connection.write(&body).await;
    let streams = async |number: u8| {
        let running = format!("leadcast_subscriptions {number}\n");
        eventually("the stream", async || server.app.metrics.encode().is_ok_and(|text| text.contains(&running))).await;
    };
    streams(1).await;
    streams(0).await;
    // It had not come to the end of the flood.
    let read = connection.read_until_cut().await;
    assert!(read.matches("event: next").count() < Flood::LENGTH, "all of it was written");
    assert_eq!(get(&server, "/healthz").await.status, 200);
}

/// The same document in turn with the variable and without it: without it is what the argument's default says, and costs as much.
#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_is_not_given_leaves_an_argument_to_its_default() {
    let server = TestServer::start(Engine::Sqlite).await;
    let after = server.user("demo", "admin").stream_cursor().await;
    for n in 0..3 {
        server.open(json!({ "title": format!("Lead {n}") })).await;
    }
    server.has_read_all().await;
    let asked = async |document: &str, first: Option<Value>| {
        let mut variables = json!({ "after": after });
        if let Some(first) = first {
            variables["first"] = first;
        }
        let answer = server.ask(ADMIN, document, variables).await;
        (answer.body["data"].clone(), answer.extensions["rateLimit"]["cost"].as_u64().expect("a number"))
    };
    let plain = "query($after: Cursor!) { events(after: $after) { events { cursor } } }";
    let open = "query($after: Cursor!, $first: Int) { events(after: $after, first: $first) { events { cursor } } }";
    let (all, cost) = asked(plain, None).await;
    assert!(all["events"]["events"].as_array().is_some_and(|events| events.len() >= 3), "{all}");
    for _ in 0..2 {
        assert_eq!(asked(open, None).await, (all.clone(), cost));
        assert_eq!(asked(open, Some(json!(100))).await, (all.clone(), cost));
        assert!(asked(open, Some(json!(1))).await.1 < cost);
        // Given, and not what the argument takes.
        assert_eq!(asked(open, Some(Value::Null)).await.0, Value::Null);
    }
}
