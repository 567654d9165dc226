//! What a score is, said once more and in another way: from the README's table, over what the API shows.

use serde_json::{Value, json};

use super::reference::{folded, text};
use crate::support::{
    TestServer,
    api::{ADMIN, PAT, QUINN},
};

const PROFILE: &str =
    "query($id: ID!) { providerProfile(providerId: $id) { categories serviceAreas { country region city }
    minBudget attributes acceptingLeads } }";

/// Two providers who want different things.
pub async fn profiles(server: &TestServer) {
    let places =
        json!([{ "country": "za", "city": "CAPE town" }, { "country": "CH" }, { "country": "ZA", "region": "Paarl" }]);
    let choosy = json!({ "categories": ["ELECTRICAL", "Élagage"], "serviceAreas": places, "minBudget": 3,
        "attributes": { "rooms": [2, true], "kind": "FLAT", "größe": 2.5 } });
    server.act(PAT, "updateProviderProfile", choosy).await.done();
    server.act(QUINN, "updateProviderProfile", json!({ "categories": ["plumbing"] })).await.done();
}

pub async fn profile(server: &TestServer, of: &str) -> Value {
    server.ask(ADMIN, PROFILE, json!({ "id": of })).await.field("providerProfile").clone()
}

/// How well a lead matches; `None`: not at all.
pub fn score(lead: &Value, profile: &Value) -> Option<i64> {
    let list = |name: &str| profile[name].as_array().expect("a list");
    if profile["acceptingLeads"] != true || !list("categories").iter().any(|wanted| alike(wanted, &lead["category"])) {
        return None;
    }
    let area = list("serviceAreas").iter().map(|area| area_points(area, &lead["location"])).max().unwrap_or(20);
    let budget = match (lead["budget"].as_i64(), profile["minBudget"].as_i64()) {
        (Some(budget), Some(min)) if budget < min => 0,
        (None, Some(_)) => 5,
        _ => 15,
    };
    let urgency = match lead["urgency"].as_str() {
        Some("EMERGENCY") => 5,
        Some("HIGH") => 4,
        Some("NORMAL") => 3,
        _ => 1,
    };
    Some(25 + area + budget + urgency + attribute_points(&lead["attributes"], &profile["attributes"]))
}

pub fn tier(score: i64) -> &'static str {
    let tiers = [(80, "EXCELLENT"), (60, "GOOD"), (40, "FAIR"), (0, "LOW")];
    tiers.into_iter().find(|(least, _)| score >= *least).expect("no score is below 0").1
}

fn alike(one: &Value, other: &Value) -> bool {
    matches!((one.as_str(), other.as_str()), (Some(one), Some(other)) if folded(one) == folded(other))
}

fn area_points(area: &Value, location: &Value) -> i64 {
    let names = |place: &str| !area[place].is_null();
    let covers = |place: &str| !names(place) || alike(&area[place], &location[place]);
    let in_region = covers("region") || (names("city") && location["region"].is_null());
    match (names("city"), names("region")) {
        _ if !(covers("country") && covers("city") && in_region) => 0,
        (true, _) => 45,
        (false, true) => 35,
        (false, false) => 20,
    }
}

fn attribute_points(has: &Value, wanted: &Value) -> i64 {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(folded(text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let mut shared = Vec::new();
    for (key, wanted) in wanted.as_object().into_iter().flatten() {
        if let Some(has) = scalar(&has[key]) {
            let any_of = wanted.as_array().cloned().unwrap_or_else(|| vec![wanted.clone()]);
            shared.push(any_of.iter().any(|wanted| scalar(wanted).as_ref() == Some(&has)));
        }
    }
    let equal = shared.iter().filter(|equal| **equal).count();
    if shared.is_empty() { 0 } else { i64::try_from(10 * equal / shared.len()).expect("at most 10") }
}

/// The leads' own `match` says the same.
pub fn agrees(lead: &Value, matched: &Value, profile: &Value) {
    let Some(score) = score(lead, profile) else { return assert!(matched.is_null(), "{matched} of {lead}") };
    assert_eq!((&matched["score"], &matched["tier"]), (&json!(score), &json!(tier(score))), "{lead} and {profile}");
    let reasons = matched["reasons"].as_array().expect("a list");
    let points: i64 = reasons.iter().map(|reason| reason["points"].as_i64().expect("a number")).sum();
    assert_eq!(points, score, "{matched}");
    assert!(reasons.iter().all(|reason| !text(&reason["text"]).is_empty() && reason["points"] != 0), "{matched}");
}
