//! Arguments of queries and streams that cannot be meant: a clear error, and never an internal one.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, RIVAL, Who},
    both_engines,
};

both_engines!(
    paging_arguments,
    cursors_of_other_lists,
    forged_cursors,
    filters_that_are_too_long,
    strange_but_harmless_arguments,
    places_in_the_log,
);

/// The lists, each with where its arguments go.
const LISTS: [(&str, Who); 5] = [
    ("leads(ARGUMENTS) { nodes { id } pageInfo { hasNextPage } }", ADMIN),
    ("claims(ARGUMENTS) { nodes { id } pageInfo { hasNextPage } }", ADMIN),
    ("users(ARGUMENTS) { nodes { id } pageInfo { hasNextPage } }", ADMIN),
    ("wallet { entries(ARGUMENTS) { nodes { id } pageInfo { hasNextPage } } }", PAT),
    ("leads(first: 1) { nodes { claims(ARGUMENTS) { nodes { id } pageInfo { hasNextPage } } } }", ADMIN),
];

async fn code(server: &TestServer, who: Who, selection: &str) -> String {
    let answer = server.ask(who, &format!("{{ {selection} }}"), Value::Null).await;
    if answer.body["errors"].is_null() {
        return "answered".to_owned();
    }
    let code = answer.body["errors"][0]["extensions"]["code"].as_str();
    assert_ne!(code, Some("INTERNAL"), "{selection}: {answer}");
    code.unwrap_or("no code").to_owned()
}

async fn paging_arguments(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.open(json!({})).await;
    for (list, who) in LISTS {
        for size in ["0", "1", "100"] {
            assert_eq!(
                code(&server, who, &list.replace("ARGUMENTS", &format!("first: {size}"))).await,
                "answered",
                "{list}"
            );
        }
        // The last four are refused by GraphQL itself.
        for size in ["-1", "101", "2147483647", "-2147483648", "2147483648", "1.5", "\"1\"", "99999999999999999999999"]
        {
            let asked = list.replace("ARGUMENTS", &format!("first: {size}"));
            assert_eq!(code(&server, who, &asked).await, "BAD_USER_INPUT", "{asked}");
        }
    }
    let cursor = server.ask(ADMIN, "{ leads { pageInfo { endCursor } } }", Value::Null).await;
    let cursor = cursor.field("leads")["pageInfo"]["endCursor"].clone();
    for list in ["leads", "claims"] {
        for arguments in [
            "first: 1, last: 1",
            "first: 1, before: CURSOR",
            "last: 1, after: CURSOR",
            "after: CURSOR, before: CURSOR",
            "first: 1, last: 1, after: CURSOR, before: CURSOR",
            "last: -1",
            "last: 101",
        ] {
            let asked = format!("{list}({}) {{ nodes {{ id }} }}", arguments.replace("CURSOR", &cursor.to_string()));
            assert_eq!(code(&server, ADMIN, &asked).await, "BAD_USER_INPUT", "{asked}");
        }
    }
}

async fn cursors_of_other_lists(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    server.claim(PAT, &lead).await;
    let orders = ["CREATED_AT", "EXPIRES_AT", "PRICE"];
    let mut lists = Vec::new();
    for field in orders {
        for direction in ["ASC", "DESC"] {
            lists.push((format!("leads(orderBy: {{field: {field}, direction: {direction}}}, ARGUMENTS)"), ADMIN));
        }
    }
    for direction in ["ASC", "DESC"] {
        lists.push((format!("leads(orderBy: {{field: SCORE, direction: {direction}}}, ARGUMENTS)"), PAT));
    }
    lists.extend([("claims(ARGUMENTS)".to_owned(), PAT), ("users(ARGUMENTS)".to_owned(), ADMIN)]);
    lists.push(("wallet { entries(ARGUMENTS)".to_owned(), PAT));
    let close = |list: &str| if list.contains('{') && list.starts_with("wallet") { " }" } else { "" };

    let mut cursors = Vec::new();
    for (list, who) in &lists {
        let asked =
            format!("{{ {} {{ pageInfo {{ endCursor }} }} {} }}", list.replace("ARGUMENTS", "first: 1"), close(list));
        let answer = server.ask(*who, &asked, Value::Null).await;
        let root = answer.data().as_object().and_then(|data| data.values().next()).expect("a root").clone();
        let page = if root["entries"].is_object() { &root["entries"] } else { &root };
        cursors.push(page["pageInfo"]["endCursor"].as_str().expect("a cursor").to_owned());
    }
    for (at, (list, who)) in lists.iter().enumerate() {
        for (of, cursor) in cursors.iter().enumerate() {
            let asked = list.replace("ARGUMENTS", &format!("first: 1, after: \"{cursor}\""));
            let found = code(&server, *who, &format!("{asked} {{ nodes {{ id }} }} {}", close(list))).await;
            assert_eq!(
                found,
                if at == of { "answered" } else { "BAD_USER_INPUT" },
                "{list} after a place in {}",
                lists[of].0
            );
        }
    }
}

/// Well-formed, but no page has had them.
async fn forged_cursors(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.open(json!({})).await;
    let id = "0190a5a0-0000-7000-8000-000000000000";
    let forge = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    for text in ["", "x", "%%%", "bm8gSlNPTg", "null", "\\u0000", &"A".repeat(10_000)] {
        for (list, who) in LISTS {
            let asked = list.replace("ARGUMENTS", &format!("first: 1, after: \"{text}\""));
            assert_eq!(code(&server, who, &asked).await, "BAD_USER_INPUT", "{asked}");
        }
    }
    for (list, cursor, expected) in [
        (0, json!(["leads", { "p": [1, id] }]), "BAD_USER_INPUT"),
        (0, json!(["leads", { "t": ["x", id] }]), "BAD_USER_INPUT"),
        (0, json!(["leads", { "t": [1, "no id"] }]), "BAD_USER_INPUT"),
        (0, json!(["leads", null]), "BAD_USER_INPUT"),
        (0, json!(["leads", { "t": [i64::MAX, id] }]), "answered"),
        (0, json!(["leads", { "t": [i64::MIN, id] }]), "answered"),
        (1, json!(["claims", [i64::MAX, id]]), "answered"),
        (1, json!(["claims", [i64::MIN, id]]), "answered"),
        (2, json!(["users", [i64::MIN, "a"]]), "answered"),
        (2, json!(["users", [1, "a\u{0}b"]]), "BAD_USER_INPUT"),
        (3, json!(["entries", i32::MAX]), "answered"),
        (3, json!(["entries", i32::MIN]), "answered"),
        (3, json!(["entries", i64::MAX]), "BAD_USER_INPUT"),
    ] {
        let (list, who) = LISTS[list];
        let asked = list.replace("ARGUMENTS", &format!("first: 1, after: \"{}\"", forge(cursor.clone())));
        assert_eq!(code(&server, who, &asked).await, expected, "{cursor}");
    }
    let price = forge(json!(["leads by price", { "t": [1, id] }]));
    let asked = format!("leads(orderBy: {{field: PRICE, direction: ASC}}, after: \"{price}\") {{ nodes {{ id }} }}");
    assert_eq!(code(&server, ADMIN, &asked).await, "BAD_USER_INPUT");
}

fn too_long() -> Vec<Value> {
    let many = |value: &str, count: usize| vec![value.to_owned(); count];
    let (long, nul) = ("x".repeat(501), "a\u{0}b");
    let attribute = |key: &str, values: Vec<String>| json!({ "key": key, "in": values });
    let mut filters = vec![
        json!({ "categories": many("x", 101) }),
        json!({ "statuses": many("OPEN", 101) }),
        json!({ "urgencies": many("LOW", 101) }),
        json!({ "attributes": vec![attribute("a", many("x", 1)); 11] }),
        json!({ "attributes": [attribute("a", many("x", 101))] }),
        json!({ "search": "a b c d e f g h i" }),
    ];
    for text in [&long, nul] {
        filters.extend([
            json!({ "search": text }),
            json!({ "categories": ["x", text] }),
            json!({ "country": text }),
            json!({ "region": text }),
            json!({ "city": text }),
            json!({ "customerId": text }),
            json!({ "attributes": [attribute(text, many("x", 1))] }),
            json!({ "attributes": [attribute("a", many(text, 1))] }),
        ]);
    }
    filters
}

async fn filters_that_are_too_long(engine: Engine) {
    let server = TestServer::start(engine).await;
    let cursor = server.cursor().await;
    let mut socket = server.socket("demo", "admin").await;
    for filter in too_long() {
        let what: String = filter.to_string().chars().take(100).collect();
        let variables = json!({ "filter": filter, "after": cursor });
        for document in [
            "query($filter: LeadFilter) { leads(filter: $filter) { nodes { id } } }",
            "query($filter: LeadFilter, $after: Cursor!) { events(after: $after, leadFilter: $filter) { hasMore } }",
        ] {
            let answer = server.ask(ADMIN, document, variables.clone()).await;
            assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{what}");
        }
        for stream in ["leadCreated(filter: $filter)", "leadUpdated(filter: $filter)", "leadClaimed(filter: $filter)"] {
            let document = format!("subscription($filter: LeadFilter) {{ {stream} {{ cursor }} }}");
            let refused = socket.subscribe(&document, variables.clone()).message().await;
            assert_eq!(refused["type"], "error", "{what}: {refused}");
            assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT", "{what}");
        }
    }
    let document = "subscription($ids: [ID!]) { leadClaimed(leadIds: $ids) { cursor } }";
    let refused = socket.subscribe(document, json!({ "ids": vec!["x"; 1_001] })).message().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    for search in ["a b c d e f g h i", &"x".repeat(501), "a\u{0}"] {
        let document = "query($search: String) { users(search: $search) { nodes { id } } }";
        let answer = server.ask(ADMIN, document, json!({ "search": search })).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{search}");
    }
}

/// They name nothing, which is an answer.
async fn strange_but_harmless_arguments(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    server.claim(PAT, &lead).await;
    let nul = "a\\u0000b";
    let long = "9".repeat(5_000);
    for id in ["", "no id", "-1", nul, &long, "{}", "' OR 1=1 --"] {
        for root in ["lead(id: ID) { id }", "claim(id: ID) { id }", "user(id: ID) { id }", "wallet(ownerId: ID) { id }"]
        {
            let asked = format!("{{ {} }}", root.replace("ID", &format!("\"{id}\"")));
            let answer = server.ask(ADMIN, &asked, Value::Null).await;
            assert!(
                answer.data().as_object().is_some_and(|data| data.values().all(Value::is_null)),
                "{asked}: {answer}"
            );
        }
        for filter in ["claims(filter: {providerId: ID})", "claims(filter: {leadId: ID})"] {
            let asked = format!("{{ {} {{ totalCount nodes {{ id }} }} }}", filter.replace("ID", &format!("\"{id}\"")));
            let answer = server.ask(ADMIN, &asked, Value::Null).await;
            assert_eq!(answer.field("claims"), &json!({ "totalCount": 0, "nodes": [] }), "{asked}");
        }
    }
    for (filter, found) in [
        ("maxPrice: -1", false),
        ("maxPrice: 9223372036854775807", true),
        ("maxPrice: 99999999999999999999999", true),
        ("maxPrice: -99999999999999999999999", false),
        ("createdAfter: \"-009999-01-02T01:59:59Z\"", true),
        ("createdAfter: \"9999-12-30T22:00:00Z\"", false),
        ("statuses: []", false),
        ("categories: []", false),
        ("attributes: []", true),
        ("attributes: [{key: \"a\", in: []}]", false),
        ("search: \"\"", true),
        ("search: \" \\n \"", true),
        ("customerId: \"nobody\"", false),
    ] {
        let asked = format!("{{ leads(filter: {{{filter}}}) {{ totalCount }} }}");
        let answer = server.ask(ADMIN, &asked, Value::Null).await;
        assert_eq!(answer.field("leads")["totalCount"], i32::from(found), "{filter}");
    }
    for (after, found) in [("-009999-01-02T01:59:59Z", 1), ("9999-12-30T22:00:00Z", 0)] {
        let asked = format!("{{ claims(filter: {{claimedAfter: \"{after}\"}}) {{ totalCount }} }}");
        assert_eq!(server.ask(ADMIN, &asked, Value::Null).await.field("claims")["totalCount"], found, "{after}");
    }
}

async fn places_in_the_log(engine: Engine) {
    let server = TestServer::start(engine).await;
    let cursor = server.cursor().await;
    let document = "query($after: Cursor!, $first: Int! = 1, $types: [EventType!]) {
        events(after: $after, first: $first, types: $types) { hasMore endCursor } }";
    for first in [0, -1, 501, i32::MAX] {
        let answer = server.ask(ADMIN, document, json!({ "after": cursor, "first": first })).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{first}");
    }
    let answer = server.ask(RIVAL, document, json!({ "after": cursor })).await;
    assert_eq!(answer.error_code(), "BAD_USER_INPUT");
    let page = server.ask(ADMIN, "{ leads(first: 1) { pageInfo { endCursor } } }", Value::Null).await;
    let page = page.field("leads")["pageInfo"]["endCursor"].clone();
    assert!(page.is_string());
    for after in [json!(""), json!("x"), page, json!(7), json!(null), json!("A".repeat(5_000))] {
        let answer = server.ask(ADMIN, document, json!({ "after": after })).await;
        assert!(answer.body["errors"].is_array(), "{after}: {answer}");
        assert_ne!(answer.body["errors"][0]["extensions"]["code"], "INTERNAL", "{after}");
    }
    let answer = server.ask(ADMIN, document, json!({ "after": cursor, "types": [] })).await;
    assert_eq!(answer.field("events")["hasMore"], false);
}
