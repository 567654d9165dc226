//! Providers that want leads, and what a lead comes to for each.

use leadcast::{
    leads::Lead,
    matching::{ProviderProfile, ServiceArea, score},
    money::Amount,
};
use serde_json::json;

use crate::{
    lead, sql,
    support::Engine,
    world::{Tenant, World},
};

/// Rows of one statement.
const STEP: usize = 1_000;

/// What a number wants: the lead of this bench, with one score or another.
pub fn fitting(n: usize) -> ProviderProfile {
    let mut profile = ProviderProfile::default_of(format!("p{n:05}").into());
    profile.version = 1;
    profile.categories = ["Plumbing", "electrical"].map(str::to_owned).into();
    let area = |region: Option<&str>, city: Option<&str>| ServiceArea {
        country: "ZA".to_owned(),
        region: region.map(str::to_owned),
        city: city.map(str::to_owned),
    };
    profile.service_areas = match n % 4 {
        0 => vec![area(Some("Western Cape"), Some("Paarl")), area(Some("Western Cape"), Some("Cape Town"))],
        1 => vec![area(Some("Western Cape"), None)],
        2 => vec![area(None, None)],
        _ => Vec::new(),
    };
    profile.min_budget = n.is_multiple_of(3).then_some(Amount(400_000 + i64::try_from(n % 5).expect("small") * 50_000));
    profile.attributes = n
        .is_multiple_of(2)
        .then(|| json!({ "rooms": [2, 3], "kind": if n.is_multiple_of(7) { "house" } else { "flat" } }));
    profile
}

/// The same, but for something because of which it is not told of the lead.
pub fn unfit(n: usize) -> ProviderProfile {
    let mut profile = fitting(n);
    match n % 3 {
        0 => profile.categories = vec!["Roofing".to_owned()],
        1 => profile.accepting_leads = false,
        _ => (profile.min_score, profile.min_budget) = (100, Some(Amount(9_000_000))),
    }
    profile
}

/// What a provider is told of the lead, if anything.
pub fn told(profile: &ProviderProfile) -> Option<i32> {
    score(&(&lead()).into(), profile).map(|found| found.score).filter(|score| *score >= profile.min_score)
}

/// The lead that [`crate::leads`] posts, as far as scores go by it.
fn lead() -> Lead {
    lead::lead("Electrical", "Cape Town", &json!({ "rooms": 3, "kind": "flat" }), Amount(500_000))
}

/// Makes these providers users of the tenant, with their profiles.
pub async fn settle(world: &World, tenant: &Tenant, profiles: &[ProviderProfile]) {
    let (engine, id) = (world.engine, sql::uuid(world.engine, tenant.id));
    let (now, epoch) = (sql::now(engine), sql::moment(engine, "0"));
    let mut conn = world.connect().await;
    for some in profiles.chunks(STEP) {
        let users = some
            .iter()
            .map(|profile| format!("({id}, '{0}', '{0}', 'PROVIDER', {epoch}, '{0}', {now})", profile.provider_id));
        let wishes = some.iter().map(|profile| format!("({id}, {}, {now})", wish(engine, profile)));
        let enlisted = some.iter().filter(|profile| profile.accepting_leads).flat_map(|profile| {
            let entry = |category: &String| {
                format!("({id}, '{}', '{}')", leadcast::input::normalised(category), profile.provider_id)
            };
            profile.categories.iter().map(entry)
        });
        let list = |rows: Vec<String>| rows.join(", ");
        conn.execute(&format!(
            "BEGIN;
             INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at) VALUES {};
             INSERT INTO provider_profiles (tenant_id, provider_id, version, categories, service_areas, min_budget, attributes,
                 min_score, accepting_leads, updated_at) VALUES {};
             INSERT INTO provider_categories (tenant_id, category, provider_id) VALUES {};
             COMMIT;",
            list(users.collect()),
            list(wishes.collect()),
            list(enlisted.collect()),
        ))
        .await;
    }
}

/// The columns of a profile, from the provider's id to whether it accepts leads.
fn wish(engine: Engine, profile: &ProviderProfile) -> String {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".to_owned());
    [
        sql::text(profile.provider_id.as_str()),
        profile.version.to_string(),
        sql::json(engine, &json!(profile.categories)),
        sql::json(engine, &json!(profile.service_areas)),
        or_null(profile.min_budget.map(|Amount(amount)| amount.to_string())),
        or_null(profile.attributes.as_ref().map(|wanted| sql::json(engine, wanted))),
        profile.min_score.to_string(),
        sql::boolean(engine, profile.accepting_leads),
    ]
    .join(", ")
}
