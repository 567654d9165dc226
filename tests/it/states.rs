//! The life of a lead, through the API: what every action makes of a lead in every state (`states/table.txt`), and how a
//! lead comes to be in one.

mod stories;
mod table;

use std::time::Duration;

use leadcast::leads::expire_due;
use serde_json::{Value, json};

use self::table::{Row, STATES, table};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, Done, PAT, QUINN, RILEY, SAM, Who, lead_input, with, word},
    both_engines,
};

both_engines!(every_action_in_every_state);

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
    let moment = |seconds: i64| {
        let now = server.app.clock.now();
        let by = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { now.minus(by).to_string() } else { now.plus(by).to_string() }
    };
    let update = |who: Who, change: Value| {
        let input = with(json!({ "id": lead }), change);
        async move { server.act(who, "updateLead", input).await }
    };
    let claims = |who: Who, max_price: i64| {
        let input = json!({ "leadId": lead, "maxPrice": max_price });
        async move { server.act(who, "claimLead", input).await }
    };
    match action {
        "nothing new" => update(ADMIN, json!({})).await,
        "verifyLead" => server.act(ADMIN, "verifyLead", json!({ "id": lead })).await,
        "rejectLead" => server.act(ADMIN, "rejectLead", json!({ "id": lead, "reason": "not one of ours" })).await,
        "claimLead" => claims(RILEY, 5).await,
        "claimLead, twice by others" => {
            claims(RILEY, 5).await;
            claims(SAM, 5).await
        }
        "claimLead, by Pat again" => claims(PAT, 0).await,
        "claimLead, for less than its price" => claims(RILEY, 4).await,
        "maxClaims 1" => update(ADMIN, json!({ "maxClaims": 1 })).await,
        "maxClaims 2" => update(ADMIN, json!({ "maxClaims": 2 })).await,
        "maxClaims 5" => update(ADMIN, json!({ "maxClaims": 5 })).await,
        "price 9" => update(ADMIN, json!({ "price": 9 })).await,
        "expiresAt in the future" => update(ADMIN, json!({ "expiresAt": moment(9_000) })).await,
        "expiresAt in the future, with two places" => {
            update(ADMIN, json!({ "expiresAt": moment(9_000), "maxClaims": 2 })).await
        }
        "expiresAt in the future, by the customer" => update(CASEY, json!({ "expiresAt": moment(9_000) })).await,
        "expiresAt in the past" => update(ADMIN, json!({ "expiresAt": moment(-9) })).await,
        "expiresAt in the past, by the customer" => update(CASEY, json!({ "expiresAt": moment(-9) })).await,
        "expiresAt null" => update(ADMIN, json!({ "expiresAt": null })).await,
        "expiresAt null, by the customer" => update(CASEY, json!({ "expiresAt": null })).await,
        "title, by the customer" => update(CASEY, json!({ "title": "Rewire two kitchens" })).await,
        "location" => update(ADMIN, json!({ "location": { "country": "ZA", "city": "Paarl" } })).await,
        "contact, by the customer" => {
            update(CASEY, json!({ "contact": { "name": "C", "phone": "082 123 4567" } })).await
        }
        "withdrawLead, by the customer" => server.act(CASEY, "withdrawLead", json!({ "id": lead })).await,
        "withdrawLead, with refunds" => {
            server.act(ADMIN, "withdrawLead", json!({ "id": lead, "refundClaims": true })).await
        }
        "refundClaim" => server.act(ADMIN, "refundClaim", json!({ "id": claim, "reason": "a wrong number" })).await,
        "refundClaim, keeping the place taken" => {
            let input = json!({ "id": claim, "reason": "a wrong number", "reopenSlot": false });
            server.act(ADMIN, "refundClaim", input).await
        }
        other => panic!("the table has an action that is not known here: {other}"),
    }
}
