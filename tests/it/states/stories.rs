//! How a lead comes to be in a state, and what stays as it was.

use std::time::Duration;

use leadcast::leads::expire_due;
use serde_json::{Value, json};

use super::patient_server;
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, Done, PAT, QUINN, RILEY, lead_input, with, word},
    both_engines, soon,
};

both_engines!(
    where_leads_open_by_themselves,
    a_lead_that_looks_like_another_waits_for_review,
    a_lead_opens_once,
    the_worker_comes_by_itself,
    a_lead_that_says_no_other_time_lasts_as_long_as_the_tenant_says,
    a_later_price_is_for_later_claims,
    what_was_sold_stays_sold,
    a_refunded_claim_is_over,
    a_claim_goes_from_active_to_its_end,
    what_a_claim_and_a_refund_tell_their_provider,
);

const DAY: Duration = Duration::from_hours(24);

fn lead(done: &Done) -> &Value {
    &done.done()["lead"]
}

async fn open_by_themselves(server: &TestServer) {
    server.act(ADMIN, "updateTenantSettings", json!({ "autoVerifyLeads": true })).await.done();
}

async fn where_leads_open_by_themselves(engine: Engine) {
    let server = patient_server(engine).await;
    let start = server.cursor().await;
    server.post(json!({ "title": "By hand" })).await;
    open_by_themselves(&server).await;
    let posted = server.act(CASEY, "createLead", with(lead_input(), json!({ "title": "At once" }))).await;
    assert_eq!((&lead(&posted)["status"], &lead(&posted)["version"]), (&json!("OPEN"), &json!(1)));
    assert_eq!(lead(&posted)["duplicateOf"], Value::Null);

    let events = server.events(ADMIN, &start).await;
    let told: Vec<_> = events.iter().map(|event| format!("{}: {}", event["lead"]["title"], word(event))).collect();
    assert_eq!(told, ["\"By hand\": SUBMITTED", "\"At once\": CREATED"]);
}

/// The same e-mail address or phone number, however written, in the same category, within 30 days.
async fn a_lead_that_looks_like_another_waits_for_review(engine: Engine) {
    let server = patient_server(engine).await;
    open_by_themselves(&server).await;
    let reach = |email: Option<&str>, phone: Option<&str>| json!({ "name": "C", "email": email, "phone": phone });
    let post = async |who, contact: Value, change: Value| {
        let mut input = with(lead_input(), change);
        input["contact"] = contact;
        let posted = server.act(who, "createLead", input).await;
        let id = lead(&posted)["id"].clone();
        let seen = "query($id: ID!) { lead(id: $id) { status duplicateOf } }";
        let seen = server.ask(ADMIN, seen, json!({ "id": id })).await.field("lead").clone();
        (id, seen["status"].clone(), seen["duplicateOf"].clone())
    };
    let casey = reach(Some("casey@example.com"), Some("+27 82 123-4567"));
    let (first, status, _) = post(CASEY, casey.clone(), json!({})).await;
    assert_eq!(status, "OPEN");

    let same_email = reach(Some("CASEY@Example.com"), None);
    let same_phone = reach(Some("other@example.com"), Some("(27) 82 123 4567"));
    for (who, contact, change, duplicate) in [
        (CASEY, same_email.clone(), json!({}), true),
        (DANA, same_phone, json!({}), true),
        (CASEY, casey.clone(), json!({ "category": "Plumbing" }), false),
        (CASEY, reach(Some("c@example.com"), None), json!({}), false),
    ] {
        let what = format!("{contact} {change}");
        let (_, status, duplicate_of) = post(who, contact, change).await;
        assert_eq!(status, if duplicate { "IN_REVIEW" } else { "OPEN" }, "{what}");
        assert_eq!(!duplicate_of.is_null(), duplicate, "{what}");
    }
    let (_, _, duplicate_of) = post(CASEY, reach(None, Some("082 000 0001")), json!({})).await;
    assert_eq!(duplicate_of, Value::Null);
    let newest = post(CASEY, reach(None, Some("0820000001")), json!({})).await;
    assert_ne!((&newest.1, &newest.2), (&json!("OPEN"), &first), "the newest of those alike is the one that is meant");

    // The customer is not told of what.
    let own = "query($id: ID!) { lead(id: $id) { status duplicateOf } }";
    let own = server.ask(CASEY, own, json!({ "id": newest.0 })).await;
    assert_eq!(own.field("lead"), &json!({ "status": "IN_REVIEW", "duplicateOf": null }));

    server.advance(29 * DAY);
    assert_eq!(post(CASEY, same_email.clone(), json!({})).await.1, "IN_REVIEW");
    server.advance(31 * DAY);
    assert_eq!(post(CASEY, same_email, json!({})).await.1, "OPEN");
}

/// By its verification, and never again by what happens to it later.
async fn a_lead_opens_once(engine: Engine) {
    let server = patient_server(engine).await;
    let start = server.cursor().await;
    let id = server.open(json!({ "maxClaims": 1 })).await;
    let claim = server.claim(PAT, &id).await;
    server.act(ADMIN, "refundClaim", json!({ "id": claim, "reason": "a wrong number" })).await.done();
    server.act(ADMIN, "verifyLead", json!({ "id": id })).await.done();
    server.advance(30 * DAY);
    expire_due(&server.app).await.expect("the worker's round");
    let later = server.app.clock.now().plus(DAY).to_string();
    server.act(ADMIN, "updateLead", json!({ "id": id, "expiresAt": later })).await.done();

    let events = server.events(ADMIN, &start).await;
    let told: Vec<_> = events.iter().map(word).collect();
    assert_eq!(told, ["SUBMITTED", "CREATED", "CLAIMED", "FILLED", "CLAIM_UPDATED", "REOPENED", "EXPIRED", "REOPENED"]);
}

/// Unasked, and while the clock has already closed the lead to claims.
async fn the_worker_comes_by_itself(engine: Engine) {
    let server = patient_server(engine).await;
    let (left_alone, full) = (server.open(json!({})).await, server.open(json!({ "maxClaims": 1 })).await);
    server.claim(PAT, &full).await;
    server.advance(8 * DAY);
    let late = server.act(QUINN, "claimLead", json!({ "leadId": left_alone, "maxPrice": 100 })).await;
    assert_eq!(late.refusals(), ["LEAD_CLOSED leadId"]);

    let status = "query($id: ID!) { lead(id: $id) { status available } }";
    let expired = async {
        while server.ask(ADMIN, status, json!({ "id": left_alone })).await.field("lead")["status"] != "EXPIRED" {}
    };
    soon("the worker to expire the lead", expired).await;
    let full = server.ask(ADMIN, status, json!({ "id": full })).await;
    assert_eq!(full.field("lead"), &json!({ "status": "FULL", "available": false }));
}

/// From its opening on.
async fn a_lead_that_says_no_other_time_lasts_as_long_as_the_tenant_says(engine: Engine) {
    const SEEN: &str = "query($id: ID!) { lead(id: $id) { createdAt verifiedAt expiresAt } }";
    let server = patient_server(engine).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "leadLifetimeHours": 5 })).await.done();
    let times = async |id: &Value| server.ask(ADMIN, SEEN, json!({ "id": id })).await.field("lead").clone();
    let hours = |times: &Value| {
        let [from, to] = ["verifiedAt", "expiresAt"].map(|name| times[name].as_str().expect("a moment"));
        let [from, to] = [from, to].map(|text| text.parse::<jiff::Timestamp>().expect("a moment"));
        to.duration_since(from).as_secs_f64() / 3_600.0
    };
    let (id, late) = (server.post(json!({})).await, server.app.clock.now().plus(9 * DAY).to_string());
    assert_eq!(times(&id).await["expiresAt"], Value::Null);
    let own = server.post(json!({ "expiresAt": late })).await;
    server.advance(DAY);
    for id in [&id, &own] {
        server.act(ADMIN, "verifyLead", json!({ "id": id })).await.done();
    }
    assert!((hours(&times(&id).await) - 5.0).abs() < f64::EPSILON, "{}", times(&id).await);
    assert_eq!(times(&own).await["expiresAt"], late);

    open_by_themselves(&server).await;
    let at_once = times(&server.post(json!({})).await).await;
    assert_eq!(at_once["verifiedAt"], at_once["createdAt"]);
    assert!((hours(&at_once) - 5.0).abs() < f64::EPSILON, "{at_once}");
}

async fn a_later_price_is_for_later_claims(engine: Engine) {
    let server = patient_server(engine).await;
    // The first is open when its price changes, the second full.
    for places in [5, 1] {
        let id = server.open(json!({ "price": 7, "maxClaims": places })).await;
        let first = server.claim(PAT, &id).await;
        server.act(ADMIN, "updateLead", json!({ "id": id, "price": 9 })).await.done();
        server.act(ADMIN, "updateLead", json!({ "id": id, "maxClaims": 5 })).await.done();

        let claimed = server.act(QUINN, "claimLead", json!({ "leadId": id, "maxPrice": 8 })).await;
        assert_eq!(claimed.refusals(), ["PRICE_CHANGED maxPrice"]);
        let claimed = server.act(QUINN, "claimLead", json!({ "leadId": id, "maxPrice": 9 })).await;
        assert_eq!((&claimed.done()["claim"]["price"], &claimed.done()["entry"]["change"]), (&json!(9), &json!(-9)));

        // What was paid is what is paid back.
        let refunded = server.act(ADMIN, "refundClaim", json!({ "id": first, "reason": "a wrong number" })).await;
        assert_eq!((&refunded.done()["claim"]["price"], &refunded.done()["entry"]["change"]), (&json!(7), &json!(7)));
        assert_eq!(refunded.done()["wallet"]["balance"], 100);
    }
}

/// However a lead ends: the claims on it and its contact are for those who paid, and nothing is paid back unasked.
async fn what_was_sold_stays_sold(engine: Engine) {
    const SEEN: &str = "query($id: ID!) { lead(id: $id) { status contact { name } viewerClaim { status } }
        viewer { wallet { balance } } }";
    let server = patient_server(engine).await;
    for (nth, end) in ["WITHDRAWN", "EXPIRED", "FULL"].into_iter().enumerate() {
        let id = server.open(json!({ "maxClaims": if end == "FULL" { 1 } else { 5 } })).await;
        server.claim(PAT, &id).await;
        match end {
            "WITHDRAWN" => drop(server.act(CASEY, "withdrawLead", json!({ "id": id })).await.done()),
            "EXPIRED" => {
                server.advance(8 * DAY);
                expire_due(&server.app).await.expect("the worker's round");
            }
            _ => {}
        }
        let seen = server.ask(PAT, SEEN, json!({ "id": id })).await;
        let sold = json!({ "status": end, "contact": { "name": "Casey" }, "viewerClaim": { "status": "ACTIVE" } });
        assert_eq!(seen.field("lead"), &sold);
        assert_eq!(seen.field("viewer")["wallet"]["balance"], 100 - 5 * (nth + 1));
    }
}

async fn a_refunded_claim_is_over(engine: Engine) {
    let server = patient_server(engine).await;
    let id = server.open(json!({})).await;
    let claim = server.claim(PAT, &id).await;
    let contact = "query($id: ID!) { lead(id: $id) { contact { name } viewerClaim { status } } }";
    let refund = |amount: Value| {
        let input = json!({ "id": claim, "amount": amount, "reason": "a wrong number" });
        server.act(ADMIN, "refundClaim", input)
    };
    assert_eq!(refund(json!(6)).await.refusals(), ["INVALID amount"]);
    let refunded = refund(json!(2)).await;
    let claim_now = json!({ "id": claim, "version": 2, "status": "REFUNDED", "price": 5, "refundAmount": 2 });
    assert_eq!(refunded.done()["claim"], claim_now);
    assert_eq!((&refunded.done()["replayed"], &refunded.done()["wallet"]["balance"]), (&json!(false), &json!(97)));

    let again = refund(json!(2)).await;
    assert_eq!((&again.done()["replayed"], &again.done()["claim"]), (&json!(true), &claim_now));
    assert_eq!(again.done()["entry"]["id"], refunded.done()["entry"]["id"]);
    for other in [json!(3), Value::Null] {
        assert_eq!(refund(other).await.refusals(), ["REFERENCE_MISMATCH amount"]);
    }
    assert_eq!(refund(json!(6)).await.refusals(), ["INVALID amount"]);

    let claimed = server.act(PAT, "claimLead", json!({ "leadId": id, "maxPrice": 100 })).await;
    assert_eq!(claimed.refusals(), ["LEAD_CLOSED leadId"]);
    assert_eq!(claimed.payload()["claim"]["status"], "REFUNDED");
    let outcome = server.act(PAT, "updateClaim", json!({ "id": claim, "outcome": "WON" })).await;
    assert_eq!(outcome.refusals(), ["INVALID id"]);
    let seen = server.ask(PAT, contact, json!({ "id": id })).await;
    assert_eq!(seen.field("lead"), &json!({ "contact": null, "viewerClaim": { "status": "REFUNDED" } }));
}

async fn a_claim_goes_from_active_to_its_end(engine: Engine) {
    let server = patient_server(engine).await;
    let id = server.open(json!({})).await;
    let claim = server.claim(PAT, &id).await;
    let start = server.cursor().await;
    for (outcome, expected, version) in [
        ("CONTACTED", "CONTACTED", 2),
        ("CONTACTED", "CONTACTED", 2),
        ("WON", "WON", 3),
        ("CONTACTED", "INVALID outcome", 3),
        ("LOST", "LOST", 4),
        ("LOST", "LOST", 4),
        ("WON", "WON", 5),
    ] {
        let done = server.act(PAT, "updateClaim", json!({ "id": claim, "outcome": outcome })).await;
        let status = done.payload()["claim"]["status"].as_str().expect("the claim is shown in any case").to_owned();
        assert_eq!(done.refusals().first().cloned().unwrap_or(status), expected);
        assert_eq!(done.payload()["claim"]["version"], version);
    }
    let events = server.events(CASEY, &start).await;
    let told: Vec<_> = events.iter().map(|event| event["claim"]["status"].as_str().unwrap_or_default()).collect();
    assert_eq!(told, ["CONTACTED", "WON", "LOST", "WON"]);
}

async fn what_a_claim_and_a_refund_tell_their_provider(engine: Engine) {
    let server = patient_server(engine).await;
    let start = server.cursor().await;
    let id = server.open(json!({ "maxClaims": 1 })).await;
    let claim = server.claim(PAT, &id).await;
    server.act(ADMIN, "refundClaim", json!({ "id": claim, "amount": 3, "reason": "a wrong number" })).await.done();
    server.claim(RILEY, &id).await;
    server.act(ADMIN, "withdrawLead", json!({ "id": id, "refundClaims": true })).await.done();

    let told: Vec<_> = server.events(PAT, &start).await.iter().map(word).collect();
    let lead_and_own = ["CREATED", "CLAIMED", "FILLED", "BALANCE-5", "CLAIM_UPDATED", "BALANCE+3", "REOPENED"];
    assert_eq!(told, [&lead_and_own[..], &["CLAIMED", "FILLED", "WITHDRAWN"]].concat());
    let told: Vec<_> = server.events(RILEY, &start).await.iter().map(word).collect();
    let end = ["CLAIMED", "FILLED", "BALANCE-5", "WITHDRAWN", "CLAIM_UPDATED", "BALANCE+5"];
    assert_eq!(told, [&["CREATED", "CLAIMED", "FILLED", "REOPENED"], &end[..]].concat());
}
