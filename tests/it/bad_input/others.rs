//! Mutations of claims, wallets, users and settings.

use serde_json::{Value, json};

use super::{Case, NOT_OF_THE_TYPE, at, case, count, email, money, no_user_id, phone, refuse, refused, text, unknown};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, ROBOT, with},
    both_engines,
};

both_engines!(claims, refunds, top_ups, adjustments, users, settings, profiles, documents);

const MAX: i64 = 9_007_199_254_740_991;

async fn claims(engine: Engine) {
    let server = TestServer::start(engine).await;
    let (open, dear) = (server.open(json!({})).await, server.open(json!({ "price": 101 })).await);
    let (review, test) = (server.post(json!({})).await, server.open(json!({ "price": MAX })).await);
    let cases = [
        unknown("leadId"),
        money("maxPrice"),
        refused("maxPrice", "PRICE_CHANGED", [0, 4]),
        refused("leadId", "NOT_FOUND", [review]),
        refused("leadId", "INSUFFICIENT_CREDITS", [dear, test]),
        vec![case(at("maxPrice", Value::Null), NOT_OF_THE_TYPE)],
    ];
    refuse(&server, PAT, "claimLead", &json!({ "leadId": open, "maxPrice": MAX }), cases.concat()).await;

    let claim = server.claim(PAT, &open).await;
    let outcomes = [json!("REFUNDED"), json!("ACTIVE"), json!("won"), json!(null), json!(1)];
    let cases = [unknown("id"), refused("outcome", NOT_OF_THE_TYPE, outcomes)];
    refuse(&server, PAT, "updateClaim", &json!({ "id": claim, "outcome": "WON" }), cases.concat()).await;
    let others = vec![case(json!({}), "NOT_FOUND id")];
    refuse(&server, QUINN, "updateClaim", &json!({ "id": claim, "outcome": "WON" }), others).await;
}

async fn refunds(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    let claim = server.claim(PAT, &lead).await;
    let good = json!({ "id": claim, "reason": "a wrong number" });
    let cases = [
        unknown("id"),
        money("amount"),
        text("reason", 500),
        refused("amount", "INVALID", [6, 100, MAX]),
        refused("reopenSlot", NOT_OF_THE_TYPE, [json!(null), json!("yes"), json!(0)]),
        vec![case(at("reason", Value::Null), NOT_OF_THE_TYPE)],
    ];
    refuse(&server, ROBOT, "refundClaim", &good, cases.concat()).await;

    // The wallet has no room for it.
    server.fund(PAT, MAX - 95 - 4).await;
    let cases = vec![case(json!({}), "INVALID amount"), case(at("amount", 5), "INVALID amount")];
    refuse(&server, ROBOT, "refundClaim", &good, cases).await;
    let part = server.act(ROBOT, "refundClaim", with(good, json!({ "amount": 4 }))).await;
    assert_eq!(part.done()["wallet"]["balance"], MAX);
}

async fn top_ups(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.ask(ROBOT, "{ viewer { id } }", Value::Null).await.data();
    let good = json!({ "ownerId": "pat", "amount": 5, "reference": "invoice 7" });
    let cases = [
        money("amount"),
        text("reference", 200),
        no_user_id("ownerId"),
        refused("ownerId", "INVALID", ["casey", "admin", "robot"]),
        refused("amount", "INVALID", [0, MAX, MAX - 99]),
        refused("granted", NOT_OF_THE_TYPE, [json!(null), json!("yes")]),
        ["ownerId", "amount", "reference"].map(|field| case(at(field, Value::Null), NOT_OF_THE_TYPE)).to_vec(),
        vec![case(
            json!({ "ownerId": "", "amount": -5, "reference": " " }),
            "INVALID amount, INVALID ownerId, INVALID reference",
        )],
    ];
    refuse(&server, ROBOT, "topUpWallet", &good, cases.concat()).await;

    // Up to the last credit that fits, and no further.
    server.act(ROBOT, "topUpWallet", with(good.clone(), json!({ "amount": MAX - 100 }))).await.done();
    refuse(&server, ROBOT, "topUpWallet", &good, refused("reference", "REFERENCE_MISMATCH", ["invoice 7"])).await;
    let cases = vec![case(json!({ "reference": "invoice 8", "amount": 1 }), "INVALID amount")];
    refuse(&server, ROBOT, "topUpWallet", &good, cases).await;
}

async fn adjustments(engine: Engine) {
    let server = TestServer::start(engine).await;
    let good = json!({ "ownerId": "pat", "change": 5, "reference": "fix 1", "reason": "charged twice" });
    let out_of_range = [
        json!(0),
        json!(MAX + 1),
        json!(-MAX - 1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e30),
        json!(-1e30),
    ];
    let cases = [
        text("reference", 200),
        text("reason", 500),
        no_user_id("ownerId"),
        refused("ownerId", "NOT_FOUND", ["nobody", "casey"]),
        refused("change", "INVALID", out_of_range),
        refused("change", "INVALID", [MAX, MAX - 99]),
        refused("change", "INSUFFICIENT_CREDITS", [-101, -MAX]),
        refused("change", NOT_OF_THE_TYPE, [json!(1.5), json!("5"), json!(null), json!(-0.5)]),
        ["ownerId", "reference", "reason"].map(|field| case(at(field, Value::Null), NOT_OF_THE_TYPE)).to_vec(),
    ];
    refuse(&server, ADMIN, "adjustWallet", &good, cases.concat()).await;
}

async fn users(engine: Engine) {
    let server = TestServer::start(engine).await;
    let good = json!({ "id": "zoe", "role": "PROVIDER" });
    let cases: Vec<Case> = [
        no_user_id("id"),
        text("name", 200),
        email("email"),
        phone("phone"),
        refused("name", "INVALID", [json!(null)]),
        refused("role", NOT_OF_THE_TYPE, [json!("OWNER"), json!(null), json!("provider"), json!(1)]),
        vec![case(json!({ "id": " ", "name": "", "email": "x" }), "INVALID email, INVALID id, INVALID name")],
    ]
    .concat();
    refuse(&server, ADMIN, "upsertUser", &good, cases.clone()).await;
    // The same of a user that is there.
    server.act(ADMIN, "upsertUser", good.clone()).await.done();
    refuse(&server, ADMIN, "upsertUser", &good, cases).await;

    let unknown_users = refused("userId", "NOT_FOUND", ["nobody", "", " zoe", "a\u{0}b", &"x".repeat(129)]);
    let others = refused("userId", NOT_OF_THE_TYPE, [json!(null), json!(true), json!({})]);
    refuse(&server, ADMIN, "revokeTokens", &json!({ "userId": "zoe" }), [unknown_users, others].concat()).await;
}

async fn settings(engine: Engine) {
    let server = TestServer::start(engine).await;
    let fields = [
        "currency",
        "autoVerifyLeads",
        "defaultLeadPrice",
        "defaultMaxClaims",
        "leadLifetimeHours",
        "competitiveAt",
        "lowBalanceThreshold",
    ];
    let cases = [
        refused("currency", "INVALID", ["", "usd", "US", "USDD", "U$D", "ÜSD", "US\u{0}"]),
        money("defaultLeadPrice"),
        money("lowBalanceThreshold"),
        count("defaultMaxClaims", 1_000),
        count("leadLifetimeHours", 8_760),
        count("competitiveAt", 1_000),
        refused("autoVerifyLeads", NOT_OF_THE_TYPE, [json!("yes"), json!(1)]),
        fields.map(|field| case(at(field, Value::Null), format!("INVALID {field}"))).to_vec(),
        vec![case(json!({ "currency": "ZAR", "competitiveAt": 0 }), "INVALID competitiveAt")],
    ];
    refuse(&server, ADMIN, "updateTenantSettings", &json!({}), cases.concat()).await;
}

async fn profiles(engine: Engine) {
    let server = TestServer::start(engine).await;
    let area = |change: Value| with(json!({ "country": "ZA" }), change);
    let areas = |list: Value| at("serviceAreas", list);
    let wide = "é".repeat(101);
    let many: Vec<_> = (0..51).map(|n| format!("Category {n}")).collect();
    let places: Vec<_> = (0..51).map(|n| json!({ "country": format!("Country {n}") })).collect();
    let keys: serde_json::Map<_, _> = (0..21).map(|n| (format!("key {n}"), json!(n))).collect();
    let values = vec![7; 21];
    let mut cases = [
        money("minBudget"),
        refused("minScore", "INVALID", [-1, 101, i32::MAX, i32::MIN]),
        refused("minScore", NOT_OF_THE_TYPE, [json!(1.5), json!("7")]),
        refused("acceptingLeads", NOT_OF_THE_TYPE, [json!("yes"), json!(1)]),
        refused("categories", "INVALID", [json!(many)]),
        refused("categories", NOT_OF_THE_TYPE, [json!([1]), json!([null])]),
        refused("serviceAreas", "INVALID", [json!(places)]),
        refused("serviceAreas", NOT_OF_THE_TYPE, [json!(["ZA"]), json!([{}]), json!([{ "country": null }])]),
        refused("attributes", "INVALID", [json!([]), json!("x"), json!(7), json!(keys), json!({ "a": values })]),
        refused("attributes", "INVALID", [json!({ "a": null }), json!({ "a": { "b": 1 } }), json!({ "a": [[1]] })]),
        refused("attributes", "INVALID", [json!({ "a": wide }), json!({ &wide: 1 }), json!({ "a": ["x", "a\u{0}b"] })]),
    ]
    .concat();
    for field in ["categories", "serviceAreas", "minScore", "acceptingLeads"] {
        cases.push(case(at(field, Value::Null), format!("INVALID {field}")));
    }
    let long = "x".repeat(61);
    for category in ["", " \n", "a\u{0}b", &long] {
        cases.push(case(at("categories", json!(["Plumbing", category])), "INVALID categories.1"));
    }
    for twice in [["Plumbing", " PLUMBING "], ["Straße", "STRASSE"]] {
        cases.push(case(at("categories", json!(twice)), "INVALID categories.1"));
    }
    cases.extend([
        case(areas(json!([area(json!({ "country": " " }))])), "INVALID serviceAreas.0.country"),
        case(
            areas(json!([area(json!({ "country": wide, "city": wide }))])),
            "INVALID serviceAreas.0.city, INVALID serviceAreas.0.country",
        ),
        case(areas(json!([area(json!({ "region": "a\u{0}b" }))])), "INVALID serviceAreas.0.region"),
        case(
            areas(json!([area(json!({})), area(json!({ "country": "za", "region": " " }))])),
            "INVALID serviceAreas.1",
        ),
        case(
            areas(json!([area(json!({ "city": "Paarl" })), area(json!({ "city": "PAARL" }))])),
            "INVALID serviceAreas.1",
        ),
        case(json!({ "minScore": 101, "categories": [""] }), "INVALID categories.0, INVALID minScore"),
    ]);
    refuse(&server, PAT, "updateProviderProfile", &json!({}), cases.clone()).await;
    // The same of a profile that is there.
    let good = json!({ "categories": ["Electrical"], "serviceAreas": [{ "country": "ZA" }], "minBudget": 5 });
    server.act(PAT, "updateProviderProfile", good).await.done();
    refuse(&server, PAT, "updateProviderProfile", &json!({}), cases).await;
    let whose = [
        refused("providerId", "NOT_FOUND", ["nobody", "", " ", " pat", "a\u{0}b"]),
        refused("providerId", "INVALID", [json!("casey"), json!("admin"), json!(null)]),
    ];
    refuse(&server, ROBOT, "updateProviderProfile", &json!({ "minScore": 7 }), whose.concat()).await;
}

/// Requests that are none: refused as a whole.
async fn documents(engine: Engine) {
    let server = TestServer::start(engine).await;
    let deep = format!("{}viewer{}", "{ ".repeat(200), " }".repeat(200));
    for document in [
        "",
        "{",
        "no GraphQL",
        "{ nothing }",
        "query($id: ID!) { lead(id: $id) { title } }",
        "mutation { createLead(input: {}) { replayed } }",
        "mutation { createLead { replayed } }",
        "mutation { dropEverything }",
        "{ lead(id: 1.5) { id } }",
        "{ leads(first: \"ten\") { nodes { id } } }",
        "{ leads(orderBy: {field: SIZE}) { nodes { id } } }",
        "{ viewer }",
        &deep,
    ] {
        let answer = server.ask(CASEY, document, Value::Null).await;
        assert_eq!(answer.status.as_u16(), 400, "{document}: {answer}");
        assert!(answer.body.get("data").is_none() && answer.body["errors"].is_array(), "{document}: {answer}");
    }
}
