//! What whoever runs the server looks at and relies on: health, metrics, how it drains, and what a lost client leaves behind.

mod drain;
mod held;
mod lost;
mod metrics;
mod traces;
mod upgrade;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Engine, PATIENCE, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN},
    both_engines,
    flood::Flood,
    postgres::{Cluster, available},
    socket::{Heard, RawSocket},
    wire::{RawHttp, eventually, get, http, send},
};

both_engines!(a_healthy_server_says_so, what_happens_is_counted);

async fn a_healthy_server_says_so(engine: Engine) {
    let server = TestServer::start(engine).await;
    let live = get(&server, "/healthz").await;
    assert_eq!((live.status, live.text.as_str()), (200, "ok\n"));
    let ready = get(&server, "/readyz").await;
    let checks = ["accepting", "database", "events", "transactions"].map(|name| json!({ "name": name, "ok": true }));
    assert_eq!((ready.status, ready.json()), (200, json!({ "ready": true, "degraded": false, "checks": checks })));
}

async fn metrics(server: &TestServer) -> String {
    let reply = get(server, "/metrics").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").starts_with("application/openmetrics-text"), "{reply:?}");
    assert!(reply.text.ends_with("# EOF\n"), "{}", reply.text);
    reply.text
}

/// The value of a series, 0 when it is not there yet.
pub async fn value(server: &TestServer, series: &str) -> i64 {
    let text = metrics(server).await;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a whole number"))
}

async fn what_happens_is_counted(engine: Engine) {
    let server = TestServer::start(engine).await;
    let claims = async |outcome: &str| value(&server, &format!("leadcast_claims_total{{outcome=\"{outcome}\"}}")).await;
    let lead = server.open(json!({ "maxClaims": 1, "price": 5 })).await;
    let input = |price: i64| json!({ "leadId": lead, "maxPrice": price });
    for (who, price, outcome) in [
        (PAT, 1, "price_changed"),
        (PAT, 5, "claimed"),
        (PAT, 5, "replayed"),
        (QUINN, 5, "lead_full"),
        (CASEY, 5, "forbidden"),
    ] {
        let before = claims(outcome).await;
        server.act(who, "claimLead", input(price)).await;
        assert_eq!(claims(outcome).await, before + 1, "{outcome}");
    }

    let (sockets, streams) = ("leadcast_websocket_connections", "leadcast_subscriptions");
    assert_eq!((value(&server, sockets).await, value(&server, streams).await), (0, 0));
    let mut socket = server.socket("demo", "pat").await;
    let after = json!({ "after": server.user("demo", "pat").stream_cursor().await });
    let mut stream =
        socket.subscribe("subscription($after: Cursor) { leadCreated(after: $after) { lead { id } } }", after);
    let (read, watermark) =
        (value(&server, "leadcast_events_read_total").await, value(&server, "leadcast_hub_watermark").await);
    let lead = server.open(json!({})).await;
    stream.nothing_before(|event| event["lead"]["id"] == lead).await;
    assert_eq!((value(&server, sockets).await, value(&server, streams).await), (1, 1));
    assert!(value(&server, "leadcast_events_read_total").await > read);
    assert!(value(&server, "leadcast_hub_watermark").await > watermark);
    drop((socket, stream));
    eventually("the socket and its stream to be gone", async || {
        value(&server, sockets).await == 0 && value(&server, streams).await == 0
    })
    .await;

    for (query, outcome) in
        [("{ viewer { id } }", "ok"), ("{ nope }", "refused"), ("{ users { totalCount } }", "errors")]
    {
        let series = format!("leadcast_requests_total{{transport=\"post\",outcome=\"{outcome}\"}}");
        let before = value(&server, &series).await;
        server.ask(PAT, query, Value::Null).await;
        assert_eq!(value(&server, &series).await, before + 1, "{series}");
    }
}

/// The server outlives its database: it says so meanwhile, and goes on by itself, streams included.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_may_go_away_and_come_back() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let server = TestServer::start_on(&database).await;
    let after = json!({ "after": server.user("demo", "pat").stream_cursor().await });
    let mut socket = server.socket("demo", "pat").await;
    let mut created =
        socket.subscribe("subscription($after: Cursor) { leadCreated(after: $after) { lead { id } } }", after);
    let first = server.open(json!({})).await;
    created.nothing_before(|event| event["lead"]["id"] == first).await;

    cluster.stop();
    let ready = get(&server, "/readyz").await;
    let away = json!({ "name": "database", "ok": false, "detail": "the database does not answer" });
    assert_eq!((ready.status, &ready.json()["ready"], &ready.json()["checks"][1]), (503, &json!(false), &away));
    assert_eq!(get(&server, "/healthz").await.status, 200);
    let folder = cluster.folder().to_str().expect("a path in UTF-8").to_owned();
    for who in [ADMIN, CASEY] {
        let refused = server.act(who, "verifyLead", json!({ "id": first })).await.answer;
        assert_eq!(refused.error_code(), "SERVICE_UNAVAILABLE");
        let text = refused.body.to_string().to_lowercase();
        for internal in ["postgres", "connect", "socket", "pool", "sql", "tokio", &folder] {
            assert!(!text.contains(internal), "{internal}: {refused}");
        }
    }
    let read = server.ask(PAT, "{ leads { nodes { id } } }", Value::Null).await;
    assert_eq!(read.error_code(), "SERVICE_UNAVAILABLE");
    let mut refused = server.raw_socket().await;
    let token = format!("Bearer {}", server.token("rival", "riley"));
    refused.say(json!({ "type": "connection_init", "payload": { "authorization": token } })).await;
    assert!(matches!(refused.hear().await, Heard::Closed { code: 1013, .. }), "try again later");

    cluster.start().await;
    eventually("the server to be ready again", async || get(&server, "/readyz").await.status == 200).await;
    let second = server.open(json!({})).await;
    created.nothing_before(|event| event["lead"]["id"] == second).await;
    server.stop().await;
}

/// Who asks for traffic first, who is sent away next, and who is waited for. The socket of this test is slow to leave, because
/// it does not read what it asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_drains_in_order() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.limits.write_time = PATIENCE;
        settings.limits.body_time = PATIENCE;
        settings.limits.drain_time = 2 * PATIENCE;
    })
    .await;
    let flood = Flood::prepare(&server).await;
    let token = server.token("demo", "pat");
    let mut socket = server.raw_socket().await;
    let bearer = format!("Bearer {token}");
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": bearer } })).await;
    assert!(matches!(socket.hear().await, Heard::Message(_)));
    let payload = json!({ "query": Flood::document(), "variables": { "after": flood.after } });
    socket.say(json!({ "id": "a", "type": "subscribe", "payload": payload })).await;
    stalled(&server).await;
    let body = json!({ "query": "{ viewer { id } }" }).to_string();
    let mut request = RawHttp::connect(&server).await;
    request.begin(&token, &body).await;

    let (ready, graphql) = (server.url("/readyz"), server.url("/graphql"));
    let ws = graphql.replacen("http", "ws", 1);
    let stopping = tokio::spawn(server.stop());
    eventually("the server to ask for no more traffic", async || send(http().get(&ready)).await.status == 503).await;
    let reply = send(http().get(&ready)).await;
    let draining = json!({ "name": "accepting", "ok": false, "detail": "the server is shutting down" });
    assert_eq!(reply.json()["checks"][0], draining);
    let refused = RawSocket::open_at(&ws, &[]).await.err().expect("no new socket");
    assert_eq!(refused.status, 503);
    let answered = send(http().post(&graphql).bearer_auth(&token).json(&json!({ "query": "{ viewer { id } }" }))).await;
    assert_eq!(answered.status, 200, "{answered:?}");

    let mut next = 0;
    let code = loop {
        match socket.hear().await {
            Heard::Message(message) => assert_eq!(Flood::number(&message["payload"]["data"]["leadUpdated"]), next),
            Heard::Closed { code, .. } => break code,
        }
        next += 1;
    };
    assert_eq!(code, 1012);
    eventually("the server to listen no more", async || http().get(&ready).send().await.is_err()).await;
    request.write(&body).await;
    let answer = request.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"pat\""), "{answer}");
    stopping.await.expect("the server stops in good order");
}

/// Waits until the server has written what it can to a client that does not read.
async fn stalled(server: &TestServer) {
    let series = "leadcast_websocket_messages_sent_total";
    let mut last = -1;
    let mut unchanged = 0;
    while unchanged < 20 {
        let sent = value(server, series).await;
        unchanged = if sent == last && sent > 1 { unchanged + 1 } else { 0 };
        last = sent;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Who holds a connection and says nothing, or half a request, cannot hold up the end for longer than the time to drain.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_not_waited_for() {
    let short = Duration::from_millis(200);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.drain_time = short).await;
    let _silent = RawHttp::connect(&server).await;
    let mut head = RawHttp::connect(&server).await;
    head.write("POST /graphql HTTP/1.1\r\nhost: x\r\n").await;
    let mut body = RawHttp::connect(&server).await;
    body.begin(&server.token("demo", "pat"), "half of it").await;
    server.stop().await;
}
