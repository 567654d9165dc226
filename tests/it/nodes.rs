//! Two nodes on one PostgreSQL are one server: what happens on one is heard on the other, and done once.

use std::time::Duration;

use futures_util::future::{join, join_all};
use leadcast::leads::expire_due;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    market::{Market, events_stream, few_at_once, is_opening, listeners, of_type},
    postgres::available,
};

const CLAIMED: &str = "subscription($after: Cursor) { leadClaimed(after: $after) { claimCount lead { id } } }";

/// The tenants' markets on the first node, and on the second.
fn markets<'a>(one: &'a TestServer, other: &'a TestServer) -> [(Market<'a>, Market<'a>); 2] {
    let (here, there) = (Market::both(one), Market::both(other));
    [(here[0], there[0]), (here[1], there[1])]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_one_node_is_heard_on_the_other() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    let [(here, there), (rival, _)] = markets(&one, &other);
    let leads = [here.open("claimed here", json!({})).await, here.open("claimed there", json!({})).await];
    let fence = here.open("fence", json!({})).await;
    let after = here.mark().await;
    there.mark().await;
    let (mut socket_here, mut socket_there) = (here.socket("riley").await, there.socket("riley").await);
    let mut live = [socket_here.subscribe(CLAIMED, json!({})), socket_there.subscribe(CLAIMED, json!({}))];
    listeners(&one, 1).await;
    listeners(&other, 1).await;

    rival.claim("pat", &rival.open("not for them", json!({})).await).await.field("claimLead");
    here.claim("pat", &leads[0]).await.field("claimLead");
    there.claim("pat", &leads[1]).await.field("claimLead");
    let again = there.claim("pat", &leads[0]).await;
    assert_eq!(again.field("claimLead")["replayed"], true);
    here.claim("quinn", &fence).await.field("claimLead");

    let replay = [
        socket_here.subscribe(CLAIMED, json!({ "after": after })),
        socket_there.subscribe(CLAIMED, json!({ "after": after })),
    ];
    for stream in live.iter_mut().chain(&mut replay.into_iter().collect::<Vec<_>>()) {
        for lead in leads.iter().chain([&fence]) {
            assert_eq!(stream.next().await, json!({ "claimCount": 1, "lead": { "id": lead } }));
        }
    }
}

/// Whatever the load balancer does: places are not sold twice, and the count rises by one on every node.
#[tokio::test(flavor = "multi_thread")]
async fn claims_on_both_nodes_share_the_places() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    join_all(markets(&one, &other).map(async |(here, there)| {
        let providers = here.providers(40, 10).await;
        let lead = here.open("wanted on both", json!({ "price": 3, "maxClaims": 10 })).await;
        let after = here.mark().await;
        let nodes = [here, there];
        let claims = providers.iter().zip(nodes.iter().cycle()).map(|(provider, node)| node.claim(provider, &lead));
        let answers = join_all(claims).await;
        assert_eq!(answers.iter().filter(|answer| answer.user_errors().is_empty()).count(), 10);
        here.audit().await;
        for node in nodes {
            let events = node.history("quinn", &after).await;
            let counts: Vec<_> =
                of_type(&events, "LeadClaimedEvent").iter().map(|event| event["claimCount"].as_i64()).collect();
            assert_eq!(counts, (1..=10).map(Some).collect::<Vec<_>>());
        }
    }))
    .await;
}

/// Also by a node that has not yet read as far as the one that gave it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_one_node_is_good_on_the_other() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    let [(here, there), _] = markets(&one, &other);
    let (mut socket_here, mut socket_there) = (here.socket("pat").await, there.socket("pat").await);
    let start = here.mark().await;
    let mut after = start.clone();
    let mut seen = Vec::new();
    // From node to node, with the last event's cursor.
    for n in 0..20 {
        let (writer, socket) = if n % 2 == 0 { (here, &mut socket_there) } else { (there, &mut socket_here) };
        let lead = writer.open(&format!("lead {n}"), json!({})).await;
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": after }));
        let event = stream.next().await;
        assert!(is_opening(&event, &lead), "{event:#}");
        stream.complete();
        after = event["cursor"].clone();
        seen.push(lead);
        // A page that is loaded on one node goes on with its streams on the other.
        let page = writer.user("pat").stream_cursor().await;
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": page, "types": ["PROGRESS"] }));
        assert_eq!(stream.next().await["__typename"], "ProgressEvent");
        stream.complete();
    }
    let mut replay = socket_there.subscribe(&events_stream(), json!({ "after": start }));
    for lead in &seen {
        replay.nothing_before(|event| is_opening(event, lead)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_of_both_nodes_expire_a_lead_once() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    let both = markets(&one, &other);
    let soon = one.app.clock.now().plus(Duration::from_mins(90)).to_string();
    let mut opened = Vec::new();
    for (here, _) in both {
        let names: Vec<_> = (0..30).map(|n| format!("lead {n}")).collect();
        let open = names.iter().map(|name| here.open(name, json!({ "expiresAt": soon })));
        opened.push((few_at_once(open).await, here.mark().await));
    }
    one.advance(Duration::from_hours(2));
    // Beside the nodes' own workers, which look once a second.
    let rounds = async |server: &TestServer| {
        for _ in 0..3 {
            expire_due(&server.app).await.expect("leads expire");
        }
    };
    join(join(rounds(&one), rounds(&other)), join(rounds(&one), rounds(&other))).await;

    for ((here, there), (leads, after)) in both.into_iter().zip(opened) {
        for node in [here, there] {
            let events = node.history("pat", &after).await;
            let events = of_type(&events, "LeadUpdatedEvent");
            assert!(events.iter().all(|event| event["leadChange"] == "EXPIRED"), "{events:#?}");
            let mut expired: Vec<_> = events.iter().map(|event| event["lead"]["id"].to_string()).collect();
            let mut expected: Vec<_> = leads.iter().map(Value::to_string).collect();
            expired.sort_unstable();
            expected.sort_unstable();
            assert_eq!(expired, expected);
        }
    }
}
