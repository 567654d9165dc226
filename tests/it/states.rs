//! The life of a lead, through the API: what every action makes of a lead in every state (`states/table.txt`), and how a
//! lead comes to be in one; and that of a claim.

mod claims;
mod stories;
mod table;

use std::time::Duration;

use leadcast::leads::expire_due;
use serde_json::{Value, json};

use self::table::{Row, STATES, table};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, Done, PAT, QUINN, RILEY, ROBOT, SAM, Who, lead_input, with, word},
    both_engines,
};

both_engines!(every_action_in_every_state);

/// A provider whom nobody has given any credits.
const BROKE: Who = Who { user: "broke", ..SAM };
/// The leads of the table expire an hour after they were posted.
const LIFETIME: Duration = Duration::from_hours(1);
/// Longer than that.
const PAST_IT: Duration = Duration::from_mins(61);
/// The worker may come by just when nobody wants it to; then the same is tried with another lead.
const ATTEMPTS: usize = 20;

/// A server whose log reaches back over all the time that its tests let pass.
async fn patient_server(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |settings| settings.event_retention = Duration::from_hours(24 * 3_650)).await
}

async fn every_action_in_every_state(engine: Engine) {
    let server = patient_server(engine).await;
    for provider in [PAT, QUINN, RILEY, SAM] {
        server.fund(provider, 100_000).await;
    }
    let start = server.cursor().await;
    let mut cells = Vec::new();
    for row in table() {
        for (state, expected) in STATES.into_iter().zip(&row.expected) {
            if expected != "-" {
                cells.push((
                    format!("{}, {state}", row.action),
                    expected.clone(),
                    cell(&server, &row, state, expected).await,
                ));
            }
        }
    }
    let log = server.events(ADMIN, &start).await;
    let wrong = cells.into_iter().filter_map(|(cell, expected, seen)| {
        let happened = seen.in_words(&log);
        (happened != expected).then(|| format!("{cell}: expected `{expected}`, but `{happened}`"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What an action did, but for its events.
struct Seen {
    outcome: String,
    lead: Value,
    /// The lead's version before and after.
    versions: (i64, i64),
}

async fn cell(server: &TestServer, row: &Row, state: &str, expected: &str) -> Seen {
    for _ in 1..ATTEMPTS {
        let seen = attempt(server, row, state).await;
        if state != "OVERDUE" || row.lets_time_pass() || seen.changes() == table::changes(expected) {
            return seen;
        }
    }
    attempt(server, row, state).await
}

async fn attempt(server: &TestServer, row: &Row, state: &str) -> Seen {
    let (lead, claim) = lead_in(server, state).await;
    let before = look(server, &lead).await["version"].as_i64().expect("a version");
    if state == "OVERDUE" {
        server.advance(PAST_IT);
    }
    let mut action = row.action.as_str();
    if row.lets_time_pass() {
        server.advance(PAST_IT);
        expire_due(&server.app).await.expect("the worker's round");
        action = action.trim_start_matches("time passes").trim_start_matches(", then ");
    }
    if action.is_empty() {
        let seen = look(server, &lead).await;
        let after = seen["version"].as_i64().expect("a version");
        return Seen { outcome: in_words(&seen), lead, versions: (before, after) };
    }
    let done = act(server, action, &lead, &claim).await;
    let after = done.payload()["lead"]["version"].as_i64().unwrap_or(before);
    Seen { outcome: outcome(&done), lead, versions: (before, after) }
}

fn outcome(done: &Done) -> String {
    let (payload, lead) = (done.payload(), &done.payload()["lead"]);
    if let Some(refusal) = done.refusals().first() {
        return refusal.clone();
    }
    let replayed = if payload["replayed"] == true { ", replayed" } else { "" };
    in_words(lead) + replayed
}

fn in_words(lead: &Value) -> String {
    let status = lead["status"].as_str().expect("a status");
    format!("{status} {}/{}", lead["claimCount"], lead["maxClaims"])
}

impl Seen {
    fn changes(&self) -> i64 {
        self.versions.1 - self.versions.0
    }

    /// With the events of this action: those that moved the lead's version, and those of its claims.
    fn in_words(&self, log: &[Value]) -> String {
        let mine = log.iter().filter(|event| event["lead"]["id"] == self.lead).filter(|event| {
            let version = event["lead"]["version"].as_i64().expect("a version");
            let changed = version > self.versions.0 || event["__typename"] == "ClaimUpdatedEvent";
            changed && version <= self.versions.1
        });
        let events: Vec<_> = mine.map(word).collect();
        let colon = if events.is_empty() { "" } else { ": " };
        format!("{}{colon}{}", self.outcome, events.join(" "))
    }
}

/// A new lead in this state, and Pat's claim on it.
async fn lead_in(server: &TestServer, state: &str) -> (Value, Value) {
    let expires_at = server.app.clock.now().plus(LIFETIME).to_string();
    let places = if state == "FULL" { 2 } else { 4 };
    let terms = json!({ "customerId": "casey", "maxClaims": places, "expiresAt": expires_at });
    let posted = server.act(ADMIN, "createLead", with(lead_input(), terms)).await;
    let lead = posted.done()["lead"]["id"].clone();
    let id = json!({ "id": lead });
    match state {
        "IN_REVIEW" => return (lead, Value::Null),
        "REJECTED" => {
            server.act(ADMIN, "rejectLead", json!({ "id": lead, "reason": "a joke" })).await.done();
            return (lead, Value::Null);
        }
        "UNOPENED" => {
            server.act(CASEY, "withdrawLead", id).await.done();
            return (lead, Value::Null);
        }
        _ => {}
    }
    server.act(ADMIN, "verifyLead", id.clone()).await.done();
    let claim = server.claim(PAT, &lead).await;
    server.claim(QUINN, &lead).await;
    match state {
        "EXPIRED" => {
            server.advance(PAST_IT);
            expire_due(&server.app).await.expect("the worker's round");
        }
        "WITHDRAWN" => {
            server.act(CASEY, "withdrawLead", id).await.done();
        }
        _ => {}
    }
    (lead, claim)
}

async fn look(server: &TestServer, lead: &Value) -> Value {
    let document = "query($id: ID!) { lead(id: $id) { version status claimCount maxClaims } }";
    server.ask(ADMIN, document, json!({ "id": lead })).await.field("lead").clone()
}

/// Does what a row of the table is called.
async fn act(server: &TestServer, action: &str, lead: &Value, claim: &Value) -> Done {
    match action.split([',', ' ']).next() {
        Some("claimLead") => claims(server, action, lead, claim).await,
        Some("refundClaim") => refunds(server, action, claim).await,
        Some("verifyLead") => server.act(ADMIN, "verifyLead", json!({ "id": lead })).await,
        Some("rejectLead") => server.act(ADMIN, "rejectLead", json!({ "id": lead, "reason": "not one of ours" })).await,
        Some("withdrawLead") => withdraws(server, action, lead).await,
        _ => updates(server, action, lead, claim).await,
    }
}

async fn claims(server: &TestServer, action: &str, lead: &Value, claim: &Value) -> Done {
    let by = |who: Who, max_price: i64| {
        let input = json!({ "leadId": lead, "maxPrice": max_price });
        async move { server.act(who, "claimLead", input).await }
    };
    match action {
        "claimLead" => by(RILEY, 5).await,
        "claimLead, twice by others" => {
            by(RILEY, 5).await;
            by(SAM, 5).await
        }
        "claimLead, by Pat again" => by(PAT, 0).await,
        "claimLead, by Pat after a refund" => {
            refunds(server, "refundClaim", claim).await;
            by(PAT, 5).await
        }
        "claimLead, for less than its price" => by(RILEY, 4).await,
        "claimLead, without credits" => by(BROKE, 5).await,
        "claimLead, without credits and for less than its price" => by(BROKE, 4).await,
        other => panic!("the table has an action that is not known here: {other}"),
    }
}

async fn refunds(server: &TestServer, action: &str, claim: &Value) -> Done {
    let of = |more: Value| {
        let input = with(json!({ "id": claim, "reason": "a wrong number" }), more);
        async move { server.act(ADMIN, "refundClaim", input).await }
    };
    match action {
        "refundClaim" => of(json!({})).await,
        "refundClaim, keeping the place taken" => of(json!({ "reopenSlot": false })).await,
        "refundClaim, twice" => {
            of(json!({})).await;
            of(json!({})).await
        }
        "refundClaim, of more than was paid" => of(json!({ "amount": 6 })).await,
        "refundClaim, of another amount the second time" => {
            of(json!({})).await;
            of(json!({ "amount": 4 })).await
        }
        other => panic!("the table has an action that is not known here: {other}"),
    }
}

async fn withdraws(server: &TestServer, action: &str, lead: &Value) -> Done {
    let by = |who: Who, more: Value| {
        let input = with(json!({ "id": lead }), more);
        async move { server.act(who, "withdrawLead", input).await }
    };
    match action {
        "withdrawLead, by the customer" => by(CASEY, json!({})).await,
        "withdrawLead, with refunds" => by(ADMIN, json!({ "refundClaims": true })).await,
        other => panic!("the table has an action that is not known here: {other}"),
    }
}

async fn updates(server: &TestServer, action: &str, lead: &Value, claim: &Value) -> Done {
    let now = server.app.clock.now();
    let (past, future) =
        (now.minus(Duration::from_secs(9)).to_string(), now.plus(Duration::from_mins(150)).to_string());
    let title = || json!({ "title": "Rewire two kitchens" });
    let (who, change) = match action {
        "nothing new" => (ADMIN, json!({})),
        "maxClaims 1" => (ADMIN, json!({ "maxClaims": 1 })),
        "maxClaims 2" => (ADMIN, json!({ "maxClaims": 2 })),
        "maxClaims 5" => (ADMIN, json!({ "maxClaims": 5 })),
        "price 9" => (ADMIN, json!({ "price": 9 })),
        "expiresAt in the future" => (ADMIN, json!({ "expiresAt": future })),
        "expiresAt in the future, by a service" => (ROBOT, json!({ "expiresAt": future })),
        "expiresAt in the future, with two places" => (ADMIN, json!({ "expiresAt": future, "maxClaims": 2 })),
        "expiresAt in the future, by the customer" => (CASEY, json!({ "expiresAt": future })),
        "expiresAt in the past" => (ADMIN, json!({ "expiresAt": past })),
        "expiresAt in the past, by the customer" => (CASEY, json!({ "expiresAt": past })),
        "expiresAt null" => (ADMIN, json!({ "expiresAt": null })),
        "expiresAt null, by the customer" => (CASEY, json!({ "expiresAt": null })),
        "title, by the customer" => (CASEY, title()),
        "title, after a refund" => {
            refunds(server, "refundClaim", claim).await;
            (ADMIN, title())
        }
        "location" => (ADMIN, json!({ "location": { "country": "ZA", "city": "Paarl" } })),
        "contact, by the customer" => (CASEY, json!({ "contact": { "name": "C", "phone": "082 123 4567" } })),
        other => panic!("the table has an action that is not known here: {other}"),
    };
    server.act(who, "updateLead", with(json!({ "id": lead }), change)).await
}
