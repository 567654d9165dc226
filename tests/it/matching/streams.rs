//! Streams that filter by score: with the profile as it is when something happens, before anything is sent.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT},
    both_engines,
    postgres::available,
    socket::Subscription,
    soon,
};

both_engines!(streams_go_by_the_profile_of_the_moment, what_leaves_the_filter_is_told);

/// The next event is about this lead.
async fn hears(stream: &mut Subscription, lead: &Value) {
    let event = stream.next().await;
    assert_eq!(event["lead"]["id"], *lead, "{event}");
}

async fn streams_go_by_the_profile_of_the_moment(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    let start = server.cursor().await;
    let mut socket = server.socket("demo", "pat").await;
    let lead = "lead { id match { score tier } }";
    let mut subscribe = |root: &str, filter: Value| {
        let argument = if root == "events" { "leadFilter" } else { "filter" };
        let of = "... on LeadCreatedEvent { lead { id match { score tier } } }";
        let (types, wanted) = if root == "events" { (", types: [LEAD_CREATED]", of) } else { ("", lead) };
        let document = format!(
            "subscription($after: Cursor, $filter: LeadFilter) {{ {root}(after: $after, {argument}: $filter{types}) {{ {wanted} }} }}"
        );
        socket.subscribe(&document, json!({ "after": start, "filter": filter }))
    };
    let mut good = subscribe("leadCreated", json!({ "minScore": 60 }));
    let mut excellent = subscribe("events", json!({ "tiers": ["EXCELLENT"] }));
    let mut claims = subscribe("leadClaimed", json!({ "tiers": ["GOOD", "EXCELLENT"] }));

    // 63 points; no match at all; 61.
    let first = server.open(json!({})).await;
    server.open(json!({ "category": "Gardening" })).await;
    let second = server.open(json!({ "urgency": "LOW" })).await;
    let event = good.next().await;
    assert_eq!(event["lead"], json!({ "id": first, "match": { "score": 63, "tier": "GOOD" } }));
    hears(&mut good, &second).await;

    // Plumbing in Cape Town, and nothing else: 88 points.
    let wants = json!({ "categories": ["Plumbing"], "serviceAreas": [{ "country": "ZA", "city": "Cape Town" }] });
    server.act(PAT, "updateProviderProfile", wants).await.done();
    server.open(json!({})).await;
    let third = server.open(json!({ "category": "Plumbing" })).await;
    hears(&mut good, &third).await;
    let event = excellent.next().await;
    assert_eq!(event["lead"], json!({ "id": third, "match": { "score": 88, "tier": "EXCELLENT" } }));
    server.claim(PAT, &first).await;
    server.claim(PAT, &third).await;
    hears(&mut claims, &third).await;

    server.act(PAT, "updateProviderProfile", json!({ "acceptingLeads": false })).await.done();
    server.open(json!({ "category": "Plumbing" })).await;
    server.act(PAT, "updateProviderProfile", json!({ "acceptingLeads": true })).await.done();
    let last = server.open(json!({ "category": "Plumbing" })).await;
    // What happened meanwhile is judged when it is sent, which may have been after the second change.
    for stream in [&mut good, &mut excellent] {
        while stream.next().await["lead"]["id"] != last {}
    }
}

/// An update that takes a lead out of the filter is told, so that a list can drop it; the next one is not.
async fn what_leaves_the_filter_is_told(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"], "minBudget": 100 })).await.done();
    let lead = server.open(json!({ "budget": 100 })).await;
    let start = server.cursor().await;
    for budget in [50, 40, 200] {
        server.act(ADMIN, "updateLead", json!({ "id": lead, "budget": budget })).await.done();
    }
    let document = "subscription($after: Cursor) { leadUpdated(after: $after, filter: { minScore: 60 }) {
        lead { id budget } } }";
    let mut socket = server.socket("demo", "pat").await;
    let mut stream = socket.subscribe(document, json!({ "after": start }));
    for budget in [50, 200] {
        assert_eq!(stream.next().await["lead"], json!({ "id": lead, "budget": budget }));
    }
    let told = server.matching_events(PAT, &start, json!({ "minScore": 60 })).await;
    assert_eq!(told.len(), 2, "{told:#?}");
}

/// A node hears of it by looking again, every other second.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_changes_on_another_node_is_known_soon() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    let mut socket = one.socket("demo", "pat").await;
    let document =
        "subscription($after: Cursor) { leadCreated(after: $after, filter: { minScore: 1 }) { lead { id } } }";
    let mut stream = socket.subscribe(document, json!({ "after": one.cursor().await }));
    // The first one is looked at with the profile of now.
    one.open(json!({})).await;
    one.cursor().await;
    other.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    let leads = async {
        loop {
            one.open(json!({})).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        event = stream.next() => assert!(event["lead"]["id"].is_string()),
        () = soon("the other node's change to be known", leads) => {}
    }
    // A query does not wait for that.
    other.act(PAT, "updateProviderProfile", json!({ "categories": [] })).await.done();
    let answer = one.ask(PAT, "{ leads(first: 1) { nodes { match { score } } } }", Value::Null).await;
    assert_eq!(answer.field("leads")["nodes"], json!([{ "match": null }]));
}
