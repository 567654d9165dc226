//! What is read of the log at once is bounded by its bytes: an event may have tens of KiB, and of a stream whose client does not read it
//! is kept.

use serde_json::{Value, json};

use super::{acknowledged, message};
use crate::support::{Engine, TestServer, both_engines, market::Market, sql::Sql};

both_engines!(large_events_come_in_several_pages);

const LEADS: usize = 12;
const POLL: &str = "query ($after: Cursor!) {
    events(after: $after, first: 500, types: [LEAD_CREATED]) { endCursor hasMore events { ... on LeadCreatedEvent { lead { id } } } }
}";
const STREAM: &str = "subscription ($after: Cursor!) { leadCreated(after: $after) { lead { id } } }";

async fn large_events_come_in_several_pages(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, _] = Market::both(&server);
    server.has_read_all().await;
    let start = market.user("pat").stream_cursor().await;
    let mut opened = Vec::new();
    for number in 0..LEADS {
        let large = json!({ "attributes": { "note": "x".repeat(15_000) } });
        opened.push(market.open(&format!("lead {number}"), large).await);
    }
    server.has_read_all().await;
    all_are_told(&server, &start, &opened).await;

    // A node that starts has only what is newest in its memory: the rest is read from the log.
    let sql = Sql::of(&server).await;
    sql.run(
        "INSERT INTO events (tenant_id, kind, payload, occurred_at)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 6000)
         SELECT tenant_id, 'OF_A_LATER_VERSION', '{}', occurred_at FROM (SELECT * FROM events ORDER BY id LIMIT 1) AS first, numbers",
    )
    .await
    .expect("events that nobody is told of");
    all_are_told(&server.restart().await, &start, &opened).await;
}

async fn all_are_told(server: &TestServer, start: &Value, opened: &[Value]) {
    let client = server.user("demo", "pat");
    let (mut after, mut pages, mut told) = (start.clone(), 0, Vec::new());
    loop {
        let answer = client.query(POLL, json!({ "after": after })).await;
        let page = answer.field("events");
        let events = page["events"].as_array().expect("a list");
        told.extend(events.iter().map(|event| event["lead"]["id"].clone()));
        pages += 1;
        after = page["endCursor"].clone();
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(told, opened);
    assert!(pages > 1, "they came at once");

    let mut socket = acknowledged(server, "demo", "pat").await;
    let payload = json!({ "query": STREAM, "variables": { "after": start } });
    socket.say(json!({ "id": "all", "type": "subscribe", "payload": payload })).await;
    for lead in opened {
        assert_eq!(message(socket.hear().await)["payload"]["data"]["leadCreated"]["lead"]["id"], *lead);
    }
}
