//! Profiles: what is set, kept and cleared, by many at once, and how often they are looked up.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, QUINN, ROBOT},
    both_engines,
    sql::Sql,
    wire::get,
};

both_engines!(what_is_set_stays_until_it_is_changed, many_at_once_lose_nothing, a_page_costs_one_look_up);

const OWN: &str = "{ viewer { profile { id version categories serviceAreas { country region city } minBudget minScore
    acceptingLeads attributes updatedAt provider { name } } } }";

async fn what_is_set_stays_until_it_is_changed(engine: Engine) {
    let server = TestServer::start(engine).await;
    let own = async || server.ask(PAT, OWN, Value::Null).await.field("viewer")["profile"].clone();
    let untouched = json!({ "id": "pat", "version": 0, "categories": [], "serviceAreas": [], "minBudget": null, "minScore": 0,
        "acceptingLeads": true, "attributes": null, "updatedAt": null, "provider": { "name": "Pat" } });
    assert_eq!(own().await, untouched);
    // To say nothing, or what is so already, makes no profile.
    for nothing in [json!({}), json!({ "minScore": 0, "minBudget": null, "acceptingLeads": true, "categories": [] })] {
        let done = server.act(PAT, "updateProviderProfile", nothing).await;
        assert_eq!(done.done()["profile"]["version"], 0);
    }
    assert_eq!(own().await, untouched);

    let all = json!({ "categories": [" Electrical ", "Élagage"], "minBudget": 500, "minScore": 40, "acceptingLeads": true,
        "serviceAreas": [{ "country": " ZA", "region": " ", "city": "Cape Town " }, { "country": "CH", "region": "Zürich" }],
        "attributes": { "rooms": [2, 3.5], "kind": "flat", "new": true } });
    let expected = json!({ "categories": ["Electrical", "Élagage"], "minBudget": 500, "minScore": 40, "acceptingLeads": true,
        "serviceAreas": [{ "country": "ZA", "region": null, "city": "Cape Town" },
            { "country": "CH", "region": "Zürich", "city": null }],
        "attributes": { "rooms": [2, 3.5], "kind": "flat", "new": true } });
    let mut version = 0;
    let mut changed = async |who, input: Value| {
        version += 1;
        let done = server.act(who, "updateProviderProfile", input).await.done()["profile"].clone();
        assert_eq!(done["version"], version);
        let now = own().await;
        for (field, value) in done.as_object().expect("an object") {
            assert_eq!(now[field], *value, "{field}");
        }
        now
    };
    let has = |profile: &Value, expected: &Value| {
        for (field, value) in expected.as_object().expect("an object") {
            assert_eq!(profile[field], *value, "{field}");
        }
    };
    has(&changed(PAT, all.clone()).await, &expected);
    // The same again is no change.
    let again = server.act(PAT, "updateProviderProfile", all).await;
    assert_eq!(again.done()["profile"]["version"], 1);
    // What is left out stays; null clears what may be null.
    let profile = changed(ROBOT, json!({ "providerId": "pat", "minScore": 50 })).await;
    has(&profile, &crate::support::api::with(expected.clone(), json!({ "minScore": 50 })));
    let profile = changed(ADMIN, json!({ "providerId": "pat", "minBudget": null, "attributes": null })).await;
    has(&profile, &json!({ "minBudget": null, "attributes": null, "categories": ["Electrical", "Élagage"] }));
    let profile = changed(PAT, json!({ "providerId": "pat", "serviceAreas": [], "categories": [] })).await;
    has(&profile, &json!({ "serviceAreas": [], "categories": [], "minScore": 50 }));
    // A refusal shows the profile as it is.
    let refused = server.act(PAT, "updateProviderProfile", json!({ "minScore": 101 })).await;
    assert_eq!(
        (refused.refusals(), &refused.payload()["profile"]["minScore"]),
        (vec!["INVALID minScore".to_owned()], &json!(50))
    );
    // Nobody else's has changed.
    let other = server.ask(ADMIN, "{ providerProfile(providerId: \"quinn\") { version } }", Value::Null).await;
    assert_eq!(other.field("providerProfile")["version"], 0);
}

/// Of a profile that is not there yet, and then of one that is.
async fn many_at_once_lose_nothing(engine: Engine) {
    let server = TestServer::start(engine).await;
    for round in 0..2 {
        let changes = (0..8).map(async |n| {
            let input = match n {
                0 => json!({ "minBudget": 100 + round }),
                1 => json!({ "minScore": 10 + round }),
                _ => json!({ "categories": [format!("Category {round} {n}"), "Electrical"] }),
            };
            let answer = server.act(PAT, "updateProviderProfile", input).await;
            answer.done()["profile"]["version"].as_i64().expect("a number")
        });
        let mut versions = join_all(changes).await;
        versions.sort_unstable();
        let first = 8 * round + 1;
        assert_eq!(versions, (first..first + 8).collect::<Vec<_>>());
        let profile = server.ask(PAT, OWN, Value::Null).await.field("viewer")["profile"].clone();
        assert_eq!((&profile["minBudget"], &profile["minScore"]), (&json!(100 + round), &json!(10 + round)));
        // Who is found by its categories is found by those that stand.
        let sql = Sql::of(&server).await;
        assert_eq!(sql.text("SELECT count(*) FROM provider_categories").await, "2");
        let category = profile["categories"][0].as_str().expect("a text").to_lowercase();
        let of = format!("SELECT count(*) FROM provider_categories WHERE category = '{category}'");
        assert_eq!(sql.text(&of).await, "1", "{profile}");
    }
}

/// However many leads say how well they match, and whatever filter and order ask for it, too.
async fn a_page_costs_one_look_up(engine: Engine) {
    const LEADS: usize = 30;
    let server = TestServer::start(engine).await;
    server.act(QUINN, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    for _ in 0..LEADS {
        server.open(json!({})).await;
    }
    let reads = async || {
        let text = get(&server, "/metrics").await.text;
        let series = "leadcast_database_transaction_seconds_count{mode=\"read\"} ";
        let value = text.lines().find_map(|line| line.strip_prefix(series)).expect("it is counted");
        value.parse::<usize>().expect("a whole number")
    };
    let page =
        "{ leads(first: 100, filter: { minScore: 1 }, orderBy: { field: SCORE }) { nodes { match { score } } } }";
    let mut fewest = usize::MAX;
    for _ in 0..5 {
        let before = reads().await;
        let answer = server.ask(QUINN, page, Value::Null).await;
        let nodes = answer.field("leads")["nodes"].as_array().expect("a list");
        assert!(nodes.len() == LEADS && nodes.iter().all(|node| node["match"]["score"] == 63), "{answer}");
        fewest = fewest.min(reads().await - before);
    }
    // The profile and the page; something else may have been read beside one of them.
    assert_eq!(fewest, 2);
}
