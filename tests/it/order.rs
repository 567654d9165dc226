//! The log's order is the order in which things became true: sixteen writers on one lead and on one wallet, and a stream
//! that shows every step of both, live and on replay.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    market::{Market, events_stream, is_opening, listeners, number, until},
    socket::Subscription,
};

both_engines!(
    claim_counts_rise_by_one,
    every_version_of_a_lead_comes_once_and_in_order,
    every_balance_begins_where_the_last_one_ended,
);

const WRITERS: usize = 16;
const CLAIMED: &str = "subscription($after: Cursor, $leads: [ID!]) { leadClaimed(after: $after, leadIds: $leads) {
    __typename claimCount lead { id version claimCount } } }";
const BALANCES: &str = "subscription($after: Cursor) { balanceUpdated(after: $after) {
    __typename previousBalance balance change wallet { version balance } } }";

/// A writer claims the lead, each time as another provider; every third claim is refunded.
async fn claim_and_refund(market: Market<'_>, writer: usize, claims: usize, lead: &Value, reopen: bool) {
    for n in 0..claims {
        let provider = format!("provider-{}", writer * claims + n);
        let claimed = market.claim(&provider, lead).await;
        if n % 3 == 2 {
            let claim = &claimed.field("claimLead")["claim"]["id"];
            market.refund(claim, reopen).await.field("refundClaim");
        }
    }
}

/// A writer changes the lead's text and its price in turn.
async fn edit(market: Market<'_>, writer: usize, edits: usize, lead: &Value) {
    for n in 0..edits {
        let change = match n % 2 {
            0 => json!({ "title": format!("Edit {n} of writer {writer}") }),
            _ => json!({ "price": 1 + (writer * edits + n) % 2 }),
        };
        market.update(lead, change).await.field("updateLead");
    }
}

const CLAIMS: usize = 6;
const EDITORS: usize = 2;
const CLAIMERS: usize = WRITERS - EDITORS;

/// Sixteen writers at once on a lead that has room for all. Returns the lead and the place in the log before its time.
async fn a_crowd_on_one_lead(market: Market<'_>, lead: &Value, reopen: bool) {
    let claimers = (0..CLAIMERS).map(|writer| claim_and_refund(market, writer, CLAIMS, lead, reopen));
    let editors = (0..EDITORS).map(|writer| edit(market, writer, 6, lead));
    join(join_all(claimers), join_all(editors)).await;
}

async fn claim_counts_rise_by_one(engine: Engine) {
    let server = TestServer::start(engine).await;
    let markets = Market::both(&server);
    let mut watched = Vec::new();
    for market in markets {
        market.providers(CLAIMERS * CLAIMS, 10).await;
        let lead = market.open("wanted by all", json!({ "price": 1, "maxClaims": 1000 })).await;
        let start = market.mark().await;
        let mut socket = market.socket("quinn").await;
        let live = socket.subscribe(CLAIMED, json!({ "leads": [lead] }));
        watched.push((market, lead, start, socket, live));
    }
    listeners(&server, watched.len()).await;
    // The places of refunded claims are not given back, so the count only ever rises.
    join_all(watched.iter().map(|(market, lead, ..)| a_crowd_on_one_lead(*market, lead, false))).await;

    for (market, lead, start, mut socket, mut live) in watched {
        let mut replay = socket.subscribe(CLAIMED, json!({ "leads": [lead], "after": start }));
        for stream in [&mut live, &mut replay] {
            for n in 1..=CLAIMERS * CLAIMS {
                let event = stream.next().await;
                assert_eq!((&event["claimCount"], &event["lead"]["claimCount"]), (&json!(n), &json!(n)), "{event:#}");
            }
        }
        assert_eq!(market.lead(&lead).await["claimCount"], CLAIMERS * CLAIMS);
    }
}

async fn every_version_of_a_lead_comes_once_and_in_order(engine: Engine) {
    let server = TestServer::start(engine).await;
    let mut watched = Vec::new();
    for market in Market::both(&server) {
        market.providers(CLAIMERS * CLAIMS, 10).await;
        let lead = market.open("wanted by all", json!({ "price": 1, "maxClaims": 1000 })).await;
        let (opened, start) = (market.lead(&lead).await, market.mark().await);
        let mut socket = market.socket("admin").await;
        let live = socket.subscribe(&events_stream(), json!({}));
        watched.push((market, opened, start, socket, live));
    }
    // Public and private events.
    listeners(&server, 2 * watched.len()).await;
    join_all(watched.iter().map(|(market, lead, ..)| a_crowd_on_one_lead(*market, &lead["id"], true))).await;

    for (market, opened, start, mut socket, mut live) in watched {
        let fence = market.open("fence", json!({})).await;
        let mut replay = socket.subscribe(&events_stream(), json!({ "after": start }));
        let [live, replay] = [up_to(&mut live, &fence).await, up_to(&mut replay, &fence).await];
        assert_eq!(without_backlog(&live), without_backlog(&replay));
        let now = market.lead(&opened["id"]).await;
        assert_eq!(follow_the_lead(&opened, &live), (number(&now["version"]), number(&now["claimCount"])));
    }
}

async fn up_to(stream: &mut Subscription, fence: &Value) -> Vec<Value> {
    let mut events = until(stream, |event| is_opening(event, fence)).await;
    events.retain(|event| event["lead"]["id"] != *fence);
    events
}

fn without_backlog(events: &[Value]) -> Vec<Value> {
    let mut events = events.to_vec();
    for event in &mut events {
        event["backlog"] = Value::Null;
    }
    events
}

/// Checks each step from one event to the next; returns the version and the count that the last one showed.
fn follow_the_lead(opened: &Value, events: &[Value]) -> (i64, i64) {
    let state = |lead: &Value| (number(&lead["version"]), number(&lead["claimCount"]));
    let (mut version, mut claims) = state(opened);
    let mut versions = Vec::new();
    for event in events.iter().filter(|event| event["lead"]["id"] == opened["id"]) {
        let next = state(&event["lead"]);
        let (rise, more) = (next.0 - version, next.1 - claims);
        let possible = match event["__typename"].as_str() {
            Some("LeadClaimedEvent") => (rise, more) == (1, 1),
            // An edit; or a place that was given back, of which the claim's own event has told just before.
            Some("LeadUpdatedEvent") => matches!((rise, more), (1 | 0, 0)),
            // What an edit means to a claimant; or a refund that gives the place back.
            Some("ClaimUpdatedEvent") => matches!((rise, more), (0, 0) | (1, -1)),
            _ => false,
        };
        assert!(possible, "version {version} with {claims} claims was followed by {event:#}");
        (version, claims) = next;
        if event["__typename"] != "ClaimUpdatedEvent" {
            versions.push(version);
        }
    }
    // Each once.
    assert!(versions.iter().copied().eq(number(&opened["version"]) + 1..=version), "{versions:?}");
    (version, claims)
}

async fn every_balance_begins_where_the_last_one_ended(engine: Engine) {
    const ROUNDS: usize = 8;
    let server = TestServer::start(engine).await;
    let mut watched = Vec::new();
    for market in Market::both(&server) {
        let start = market.mark().await;
        let mut socket = market.socket("pat").await;
        let live = socket.subscribe(BALANCES, json!({}));
        watched.push((market, start, socket, live));
    }
    listeners(&server, watched.len()).await;
    join_all(watched.iter().map(|(market, ..)| join_all((0..WRITERS).map(|n| move_wallet(*market, n, ROUNDS))))).await;

    for (market, start, mut socket, mut live) in watched {
        let books = market.audit().await["pat"];
        let mut replay = socket.subscribe(BALANCES, json!({ "after": start }));
        for stream in [&mut live, &mut replay] {
            let (mut balance, mut version) = (100, 1);
            // The first entry, of 100 credits, was made before.
            for _ in 1..books.entries {
                let event = stream.next().await;
                assert_eq!(number(&event["previousBalance"]), balance, "{event:#}");
                balance += number(&event["change"]);
                version += 1;
                assert_eq!(number(&event["balance"]), balance, "{event:#}");
                assert_eq!(event["wallet"], json!({ "version": version, "balance": balance }));
            }
            assert_eq!(balance, books.balance);
        }
    }
}

/// Of sixteen writers some top up, some adjust, and some claim and are refunded.
async fn move_wallet(market: Market<'_>, writer: usize, rounds: usize) {
    for round in 0..rounds {
        let reference = format!("round {round} of writer {writer}");
        match writer % 4 {
            0 | 1 => drop(market.top_up("pat", 3, &reference).await.field("topUpWallet")),
            2 => {
                let change = if round % 2 == 0 { -2 } else { 1 };
                market.adjust("pat", change, &reference).await.field("adjustWallet");
            }
            _ => {
                let lead = market.open(&reference, json!({ "price": 1 })).await;
                let claimed = market.claim("pat", &lead).await;
                market.refund(&claimed.field("claimLead")["claim"]["id"], true).await.field("refundClaim");
            }
        }
    }
}
