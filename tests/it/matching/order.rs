//! The order of scores, and what is refused: places of another profile, and whoever has none.

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, ROBOT, Who},
    both_engines,
};

both_engines!(another_profile_voids_the_places, a_score_takes_a_profile, test_leads_are_asked_for);

const BY_SCORE: &str =
    "query($after: PageCursor, $filter: LeadFilter) { leads(first: 1, after: $after, filter: $filter,
    orderBy: { field: SCORE }) { totalCount nodes { title match { score } } pageInfo { hasNextPage endCursor } } }";

async fn another_profile_voids_the_places(engine: Engine) {
    let server = TestServer::start(engine).await;
    for (title, change) in [
        ("near", json!({ "category": "Plumbing" })),
        ("far", json!({ "category": "Plumbing", "location": { "country": "CH", "city": null } })),
        ("no match", json!({})),
        ("urgent", json!({ "category": "plumbing", "urgency": "EMERGENCY" })),
    ] {
        server.open(crate::support::api::with(change, json!({ "title": title }))).await;
    }
    let wants = json!({ "categories": ["PLUMBING"], "serviceAreas": [{ "country": "ZA" }] });
    server.act(PAT, "updateProviderProfile", wants).await.done();
    let mut after = Value::Null;
    let mut found = Vec::new();
    loop {
        let answer = server.ask(PAT, BY_SCORE, json!({ "after": after })).await;
        let page = answer.field("leads");
        assert_eq!(page["totalCount"], 4);
        let node = &page["nodes"][0];
        found.push((node["title"].as_str().expect("a title").to_owned(), node["match"]["score"].as_i64()));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    let expected = [("urgent", Some(65)), ("near", Some(63)), ("far", Some(43)), ("no match", None)];
    assert_eq!(found, expected.map(|(title, score)| (title.to_owned(), score)));

    let go_on = async |who| server.ask(who, BY_SCORE, json!({ "after": after })).await;
    go_on(PAT).await.field("leads");
    // What changes nothing leaves the places as they are.
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["PLUMBING"] })).await.done();
    go_on(PAT).await.field("leads");
    server.act(PAT, "updateProviderProfile", json!({ "minScore": 7 })).await.done();
    assert_eq!(go_on(PAT).await.error_code(), "BAD_USER_INPUT");
    assert_eq!(go_on(QUINN).await.error_code(), "BAD_USER_INPUT");
    // Who wants nothing has an order all the same, of leads that do not match.
    let answer = server.ask(QUINN, BY_SCORE, Value::Null).await;
    let page = answer.field("leads");
    assert_eq!((&page["totalCount"], &page["nodes"][0]), (&json!(4), &json!({ "title": "urgent", "match": null })));
}

/// Everywhere that a filter is taken.
async fn a_score_takes_a_profile(engine: Engine) {
    let server = TestServer::start(engine).await;
    for who in [ADMIN, ROBOT, CASEY, PAT] {
        server.ask(who, "{ viewer { id } }", Value::Null).await.data();
    }
    let cursor = server.cursor().await;
    let refusals: Vec<(Who, Value)> = [ADMIN, ROBOT, CASEY]
        .into_iter()
        .flat_map(|who| [(who, json!({ "minScore": 50 })), (who, json!({ "tiers": ["GOOD"] }))])
        .chain(
            [json!({ "minScore": -1 }), json!({ "minScore": 101 }), json!({ "tiers": vec!["GOOD"; 101] })]
                .map(|f| (PAT, f)),
        )
        .collect();
    for (who, filter) in refusals {
        let what = format!("{} asks for {}", who.user, filter.to_string().chars().take(40).collect::<String>());
        let variables = json!({ "filter": filter, "after": cursor });
        for document in [
            "query($filter: LeadFilter) { leads(filter: $filter) { nodes { id } } }",
            "query($filter: LeadFilter, $after: Cursor!) { events(after: $after, leadFilter: $filter) { hasMore } }",
        ] {
            let answer = server.ask(who, document, variables.clone()).await;
            assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{what}");
        }
        let token = server.token_for(who.tenant, who.user, who.role);
        let mut socket = crate::support::socket::Socket::connect(server.raw_socket().await, &token).await;
        for stream in [
            "leadCreated(filter: $filter)",
            "leadUpdated(filter: $filter)",
            "leadClaimed(filter: $filter)",
            "events(leadFilter: $filter)",
        ] {
            let document = format!("subscription($filter: LeadFilter) {{ {stream} {{ cursor }} }}");
            let refused = socket.subscribe(&document, variables.clone()).message().await;
            assert_eq!(refused["type"], "error", "{what}: {refused}");
            assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{what}");
        }
    }
}

async fn test_leads_are_asked_for(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    server.open(json!({ "title": "a test", "isTest": true })).await;
    server.open(json!({ "title": "a real one" })).await;
    for (test, title) in [(false, "a real one"), (true, "a test")] {
        let answer = server.ask(PAT, BY_SCORE, json!({ "filter": { "minScore": 1, "isTest": test } })).await;
        let page = answer.field("leads");
        assert_eq!((&page["totalCount"], &page["nodes"][0]["title"]), (&json!(1), &json!(title)));
    }
}
