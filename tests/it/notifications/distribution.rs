//! What happens is told: to whom it fits, once, and to nobody else.

use std::collections::BTreeMap;

use leadcast::{
    leads::Lead,
    matching::{ProviderProfile, score},
};
use serde_json::{Value, json};

use super::{list, unread};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, RILEY, SAM, Who},
    both_engines,
    sql::Sql,
    wire::eventually,
};

both_engines!(
    whom_a_lead_fits_is_told_once_with_its_score,
    a_claim_is_told_to_both_sides,
    competition_is_told_once_to_those_that_have_not_claimed,
    a_low_balance_is_told,
    what_has_begun_is_told_to_its_end_and_what_follows_from_its_beginning,
    what_is_in_the_log_twice_is_told_once,
    many_providers_are_told_once_each
);

async fn wants(server: &TestServer, provider: &str, profile: Value) {
    let mut input = json!({ "providerId": provider, "categories": ["Electrical"] });
    input.as_object_mut().expect("an object").extend(profile.as_object().expect("an object").clone());
    server.act(ADMIN, "updateProviderProfile", input).await.done();
}

async fn told(server: &TestServer, who: Who, kind: &str, count: usize) -> Vec<Value> {
    let filter = json!({ "types": [kind] });
    eventually(kind, async || list(server, who, filter.clone()).await.len() >= count).await;
    let told = list(server, who, filter).await;
    assert_eq!(told.len(), count, "{who:?} {kind}");
    told
}

async fn whom_a_lead_fits_is_told_once_with_its_score(engine: Engine) {
    let server = TestServer::start(engine).await;
    wants(&server, "pat", json!({ "serviceAreas": [{ "country": "ZA", "city": "Cape Town" }] })).await;
    wants(&server, "quinn", json!({ "minScore": 100 })).await;
    wants(&server, "riley", json!({ "categories": ["Plumbing"] })).await;
    let place = json!({ "country": "ZA", "region": "Western Cape", "city": "Cape Town" });
    let lead =
        server.open(json!({ "category": "Electrical", "location": place, "urgency": "HIGH", "budget": 900 })).await;
    server.open(json!({ "category": "Electrical", "isTest": true, "price": 0 })).await;

    let one = told(&server, PAT, "LEAD_MATCHED", 1).await.remove(0);
    assert_eq!(one["lead"]["id"], lead);
    assert_eq!(
        (&one["title"], &one["message"]),
        (&json!("High-value lead"), &json!("New Electrical lead in Cape Town"))
    );
    assert_eq!(one["priority"], "HIGH");
    let shown = "query($id: ID!) { notification(id: $id) { match { score tier reasons { code points } } lead { match { score } } } }";
    let shown = server.ask(PAT, shown, json!({ "id": one["id"] })).await.field("notification").clone();
    assert_eq!(
        (&shown["match"]["tier"], &shown["match"]["score"]),
        (&json!("EXCELLENT"), &shown["lead"]["match"]["score"])
    );
    server.all_is_told().await;
    for who in [QUINN, RILEY, CASEY] {
        assert_eq!(unread(&server, who).await, 0, "{who:?}");
    }
    assert_eq!(unread(&server, PAT).await, 1);
    assert_eq!(list(&server, PAT, json!({ "tiers": ["EXCELLENT"], "categories": ["Electrical"] })).await.len(), 1);
    assert!(list(&server, PAT, json!({ "tiers": ["GOOD"] })).await.is_empty());
}

async fn a_claim_is_told_to_both_sides(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.fund(PAT, 100).await;
    let lead = server.open(json!({ "price": 3, "maxClaims": 2 })).await;
    server.claim(PAT, &lead).await;
    let confirmed = told(&server, PAT, "CLAIM_CONFIRMED", 1).await.remove(0);
    assert_eq!(confirmed["lead"]["id"], lead);
    let claimed = told(&server, CASEY, "LEAD_CLAIMED", 1).await.remove(0);
    assert!(claimed["message"].as_str().is_some_and(|text| text.contains("1 of 2")), "{claimed:#}");
    assert!(!claimed.to_string().contains("pat"), "who claimed is not in the text: {claimed:#}");
}

async fn competition_is_told_once_to_those_that_have_not_claimed(engine: Engine) {
    let server = TestServer::start(engine).await;
    for (who, name) in [(PAT, "pat"), (QUINN, "quinn"), (RILEY, "riley")] {
        server.fund(who, 100).await;
        wants(&server, name, json!({})).await;
    }
    let lead = server.open(json!({ "category": "Electrical", "price": 1, "maxClaims": 3 })).await;
    server.claim(PAT, &lead).await;
    let second = server.claim(QUINN, &lead).await;
    let told_of = told(&server, RILEY, "LEAD_COMPETITIVE", 1).await.remove(0);
    assert!(told_of["message"].as_str().is_some_and(|text| text.contains("2 of 3")), "{told_of:#}");
    // It gets less, and competitive again: that is not told again.
    server.act(ADMIN, "refundClaim", json!({ "id": second, "reason": "as agreed" })).await.done();
    server.claim(RILEY, &lead).await;
    server.all_is_told().await;
    for who in [PAT, QUINN] {
        assert!(list(&server, who, json!({ "types": ["LEAD_COMPETITIVE"] })).await.is_empty(), "{who:?}");
    }
    told(&server, RILEY, "LEAD_COMPETITIVE", 1).await;

    let small = server.open(json!({ "category": "Electrical", "price": 1, "maxClaims": 1 })).await;
    server.claim(PAT, &small).await;
    let full = told(&server, QUINN, "LEAD_FULL", 1).await.remove(0);
    assert_eq!(full["lead"]["id"], small);
    server.all_is_told().await;
    assert!(list(&server, PAT, json!({ "types": ["LEAD_FULL"] })).await.is_empty());
}

async fn a_low_balance_is_told(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "lowBalanceThreshold": 10 })).await.done();
    server.fund(SAM, 12).await;
    for change in [-2, -1, -1] {
        let input = json!({ "ownerId": "sam", "change": change, "reference": format!("{change} {}", uuid::Uuid::now_v7()), "reason": "x" });
        server.act(ADMIN, "adjustWallet", input).await.done();
    }
    let low = told(&server, SAM, "BALANCE_LOW", 1).await.remove(0);
    server.all_is_told().await;
    told(&server, SAM, "BALANCE_LOW", 1).await;
    assert!(low["message"].as_str().is_some_and(|text| text.ends_with("credits left")), "{low:#}");
}

/// Also when the settings say by now that it is not to be told at all.
async fn what_has_begun_is_told_to_its_end_and_what_follows_from_its_beginning(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "competitiveAt": 1 })).await.done();
    for (who, name) in [(PAT, "pat"), (QUINN, "quinn"), (RILEY, "riley"), (SAM, "sam")] {
        server.fund(who, 100).await;
        wants(&server, name, json!({})).await;
    }
    let wanted = server.open(json!({ "category": "Electrical", "price": 1, "maxClaims": 3 })).await;
    server.claim(SAM, &wanted).await;
    let next = server.open(json!({ "category": "Electrical", "price": 1 })).await;
    server.all_is_told().await;
    server.act(ADMIN, "updateTenantSettings", json!({ "competitiveAt": 3 })).await.done();
    server.all_is_told().await;

    // As if the claim had been told as far as Pat, and nothing after it.
    let undo = "DELETE FROM notifications WHERE notification_type IN ('LEAD_MATCHED', 'LEAD_COMPETITIVE')
        AND event_id > (SELECT max(id) FROM events WHERE kind = 'LEAD_CLAIMED')";
    sql.run(undo).await.expect("rows");
    let back = "UPDATE distributions SET told_up_to = 'pat', event_id = (SELECT max(id) - 1 FROM events WHERE kind = 'LEAD_CLAIMED')
        WHERE lane = 'BROADCAST' AND tenant_id = (SELECT tenant_id FROM events WHERE kind = 'LEAD_CLAIMED' ORDER BY id DESC LIMIT 1)";
    sql.run(back).await.expect("a row");
    server.all_is_told().await;
    for who in [QUINN, RILEY] {
        let competitive = list(&server, who, json!({ "types": ["LEAD_COMPETITIVE"] })).await;
        assert_eq!(competitive.len(), 1, "{who:?}");
    }
    assert!(list(&server, PAT, json!({ "types": ["LEAD_COMPETITIVE"] })).await.is_empty(), "that was told before");
    for who in [PAT, QUINN, RILEY, SAM] {
        let matched = list(&server, who, json!({ "types": ["LEAD_MATCHED"], "leadId": next })).await;
        assert_eq!(matched.len(), 1, "{who:?}");
    }
}

/// As a log may hold it that some tool has written to: it is told once, and what comes later is not held up.
async fn what_is_in_the_log_twice_is_told_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "lowBalanceThreshold": 10 })).await.done();
    server.fund(SAM, 12).await;
    let fall = json!({ "ownerId": "sam", "change": -5, "reference": "fall", "reason": "x" });
    server.act(ADMIN, "adjustWallet", fall).await.done();
    told(&server, SAM, "BALANCE_LOW", 1).await;
    let last = "FROM events WHERE payload LIKE '%\"entry\"%' ORDER BY id DESC LIMIT 1";
    let payload: Value = serde_json::from_str(&sql.text(&format!("SELECT payload {last}")).await).expect("JSON");
    let (old, new) = (payload["entry"]["id"].as_str().expect("an id"), uuid::Uuid::now_v7());
    let thrice = format!(
        "INSERT INTO events (tenant_id, kind, payload, occurred_at)
         SELECT tenant_id, kind, replace(payload, '{old}', '{new}'), occurred_at FROM (SELECT * {last}) AS one
         CROSS JOIN (SELECT 1 AS n UNION ALL SELECT 2 UNION ALL SELECT 3) AS times"
    );
    sql.run(&thrice).await.expect("rows");
    told(&server, SAM, "BALANCE_LOW", 2).await;
    server.all_is_told().await;
    told(&server, SAM, "BALANCE_LOW", 2).await;
    server.fund(SAM, 5).await;
    let again = json!({ "ownerId": "sam", "change": -5, "reference": "again", "reason": "x" });
    server.act(ADMIN, "adjustWallet", again).await.done();
    told(&server, SAM, "BALANCE_LOW", 3).await;
}

/// More than one transaction looks at, in both tenants; each is told what the pure function says, and nobody else anything.
async fn many_providers_are_told_once_each(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    let rival = Who { tenant: "rival", ..ADMIN };
    let mut expected: BTreeMap<String, ProviderProfile> = BTreeMap::new();
    for n in 0..230 {
        let name = format!("provider-{n:03}");
        let profile = json!({ "providerId": name, "categories": [if n % 3 == 0 { "Electrical" } else { "Plumbing" }],
            "minScore": n % 100, "acceptingLeads": n % 7 != 0 });
        for who in [ADMIN, rival] {
            server.act(who, "upsertUser", json!({ "id": name, "role": "PROVIDER" })).await.done();
            server.act(who, "updateProviderProfile", profile.clone()).await.done();
        }
        let own = ProviderProfile {
            categories: vec![profile["categories"][0].as_str().unwrap_or_default().to_owned()],
            min_score: n % 100,
            accepting_leads: n % 7 != 0,
            ..ProviderProfile::default_of(name.as_str().into())
        };
        expected.insert(name, own);
    }
    let id = server.open(json!({ "category": "Electrical" })).await;
    server.all_is_told().await;
    let lead: Lead = serde_json::from_str(&sql.text("SELECT payload FROM events WHERE kind = 'LEAD_CREATED'").await)
        .map(|fact: leadcast::leads::LeadCreated| fact.lead)
        .expect("the lead as it opened");
    let rows = if sql.is_sqlite() {
        "SELECT group_concat(recipient_id || ' ' || (lead_match ->> 'score'), ',') FROM notifications WHERE notification_type = 'LEAD_MATCHED'"
    } else {
        "SELECT string_agg(recipient_id || ' ' || (lead_match ->> 'score'), ',') FROM notifications WHERE notification_type = 'LEAD_MATCHED'"
    };
    let mut told: Vec<_> = sql.text(rows).await.split(',').map(str::to_owned).collect();
    told.sort_unstable();
    let fits = expected.iter().filter_map(|(name, profile)| {
        let found = score(&(&lead).into(), profile).filter(|found| found.score >= profile.min_score)?;
        Some(format!("{name} {}", found.score))
    });
    let fits: Vec<_> = fits.collect();
    assert!(fits.len() > 20, "{fits:?}");
    assert_eq!(told, fits, "lead {id}");
}
