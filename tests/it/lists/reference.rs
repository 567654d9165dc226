//! What a filter means, said once more and in another way: over the leads as the API shows them to an administrator.

use std::collections::{HashMap, HashSet};

use leadcast::{clock::Timestamp, users::Role};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use super::scores;
use crate::support::{
    TestServer,
    api::{ADMIN, PAT, QUINN, Who},
};

/// All that is known.
pub struct Market {
    pub leads: Vec<Value>,
    /// Who has claimed which lead.
    claims: HashSet<(String, String)>,
    /// What the providers want.
    profiles: HashMap<&'static str, Value>,
}

const LEADS: &str = "query($after: PageCursor, $test: Boolean!) {
    leads(first: 100, after: $after, filter: { isTest: $test }) { pageInfo { hasNextPage endCursor } nodes {
        id title description category urgency location { country region city } attributes budget customer { id } price status
        available createdAt expiresAt verifiedAt isTest
        claims(first: 100) { nodes { provider { id } } } } } }";

impl Market {
    pub async fn look(server: &TestServer) -> Self {
        let mut leads = Vec::new();
        for test in [false, true] {
            let mut after = Value::Null;
            loop {
                let answer = server.ask(ADMIN, LEADS, json!({ "after": after, "test": test })).await;
                let page = answer.field("leads");
                leads.extend(page["nodes"].as_array().expect("a list").iter().cloned());
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
                after = page["pageInfo"]["endCursor"].clone();
            }
        }
        let claims = leads.iter().flat_map(|lead| {
            let claims = lead["claims"]["nodes"].as_array().expect("a list").iter();
            claims.map(|claim| (text(&lead["id"]), text(&claim["provider"]["id"])))
        });
        let mut profiles = HashMap::new();
        for provider in [PAT.user, QUINN.user] {
            profiles.insert(provider, scores::profile(server, provider).await);
        }
        Self { claims: claims.collect(), leads, profiles }
    }

    /// How well a lead matches the viewer; `None`: not at all, or it is no provider.
    pub fn score(&self, viewer: Who, lead: &Value) -> Option<i64> {
        scores::score(lead, self.profiles.get(viewer.user)?)
    }

    pub fn profile(&self, viewer: Who) -> &Value {
        &self.profiles[viewer.user]
    }

    /// The ids of the leads that match, in order.
    pub fn expected(&self, viewer: Who, filter: &Value, field: &str, descending: bool) -> Vec<String> {
        let mut found: Vec<_> = self.leads.iter().filter(|lead| self.shows(viewer, filter, lead)).collect();
        found.sort_by_key(|lead| {
            let created_at = moment(&lead["createdAt"]).expect("a moment").as_micros();
            let (first, second) = match field {
                "CREATED_AT" => (created_at, 0),
                "EXPIRES_AT" => (moment(&lead["expiresAt"]).map_or(i64::MAX, Timestamp::as_micros), 0),
                "SCORE" => (self.score(viewer, lead).unwrap_or(-1), created_at),
                _ => (lead["price"].as_i64().expect("a number"), 0),
            };
            (first, second, text(&lead["id"]))
        });
        if descending {
            found.reverse();
        }
        found.into_iter().map(|lead| text(&lead["id"])).collect()
    }

    pub fn shows(&self, viewer: Who, filter: &Value, lead: &Value) -> bool {
        let visible = match viewer.role {
            Role::Admin | Role::Service => true,
            Role::Customer => lead["customer"]["id"] == viewer.user,
            Role::Provider => !lead["verifiedAt"].is_null(),
        };
        let claimed = self.claims.contains(&(text(&lead["id"]), viewer.user.to_owned()));
        let test = filter["isTest"] == true;
        let mut conditions = filter.as_object().expect("an object").iter();
        let score = self.score(viewer, lead);
        visible && lead["isTest"] == test && conditions.all(|(name, wanted)| holds(name, wanted, lead, claimed, score))
    }
}

/// Whether one condition of a filter holds.
fn holds(name: &str, wanted: &Value, lead: &Value, claimed: bool, score: Option<i64>) -> bool {
    let one_of = |value: &Value| wanted.as_array().is_some_and(|values| values.contains(value));
    match name {
        _ if wanted.is_null() => true,
        "statuses" => one_of(&lead["status"]),
        "categories" => one_of(&lead["category"]),
        "urgencies" => one_of(&lead["urgency"]),
        "country" | "region" | "city" => lead["location"][name] == *wanted,
        "customerId" => lead["customer"]["id"] == *wanted,
        "maxPrice" => lead["price"].as_i64() <= wanted.as_i64(),
        "minScore" => score.is_some() && score >= wanted.as_i64(),
        "tiers" => score.is_some_and(|score| one_of(&scores::tier(score).into())),
        "available" => lead["available"] == *wanted,
        "claimedByViewer" => claimed == (*wanted == true),
        "createdAfter" => moment(&lead["createdAt"]) > moment(wanted),
        "search" => {
            let looked_through = folded(&format!("{} {}", text(&lead["title"]), text(&lead["description"])));
            folded(&text(wanted)).split_whitespace().all(|word| looked_through.contains(word))
        }
        "attributes" => wanted.as_array().expect("a list").iter().all(|wanted| {
            let has = match &lead["attributes"][text(&wanted["key"])] {
                Value::String(text) => text.clone(),
                scalar @ (Value::Bool(_) | Value::Number(_)) => scalar.to_string(),
                _ => return false,
            };
            wanted["in"].as_array().is_some_and(|values| values.iter().any(|value| *value == has))
        }),
        "isTest" => true,
        other => panic!("what does {other} mean?"),
    }
}

/// Without compatibility forms, in one case.
pub fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().to_uppercase().to_lowercase().replace('ς', "σ")
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| text.parse().expect("a moment"))
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
