//! Mutations of leads.

use serde_json::{Value, json};

use super::{
    Case, NOT_OF_THE_TYPE, at, case, count, email, money, no_moment, no_user_id, optional_text, phone, refuse, refused,
    text, unknown,
};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, lead_input, with},
    both_engines,
};

both_engines!(
    what_a_lead_says,
    contact_details_in_public,
    the_terms_of_a_new_lead,
    a_reference_with_other_content,
    changes_of_a_lead,
    terms_below_what_was_sold,
    reviews_and_withdrawals,
);

/// What createLead and updateLead have in common.
fn content() -> Vec<Case> {
    let (base, nul) = ("x".repeat(17_000), "a\u{0}b");
    let attributes = [
        json!([1]),
        json!("x"),
        json!(7),
        json!(true),
        json!({ "big": base }),
        json!({ "nul": nul }),
        json!({ "deep": [{ "nul": [nul] }] }),
        json!({ nul: 1 }),
    ];
    [
        text("title", 120),
        text("description", 3_000),
        text("category", 60),
        text("location.country", 100),
        optional_text("location.region", 100),
        optional_text("location.city", 100),
        optional_text("location.postalPrefix", 10),
        text("contact.name", 200),
        optional_text("contact.address", 500),
        email("contact.email"),
        phone("contact.phone"),
        money("budget"),
        no_moment("expiresAt"),
        refused("attributes", "INVALID", attributes),
        refused("urgency", NOT_OF_THE_TYPE, [json!("SOON"), json!("low"), json!(1), json!("")]),
        refused("location", NOT_OF_THE_TYPE, [json!("Cape Town"), json!([])]),
        vec![
            case(at("contact.email", Value::Null), "INVALID contact"),
            case(json!({ "contact": { "email": " ", "phone": "" } }), "INVALID contact"),
            case(at("contact.name", Value::Null), NOT_OF_THE_TYPE),
            case(at("location.country", Value::Null), NOT_OF_THE_TYPE),
            case(at("colour", "red"), NOT_OF_THE_TYPE),
            case(at("location.street", "Long Street"), NOT_OF_THE_TYPE),
            // Every complaint at once.
            case(
                json!({ "title": "", "description": "", "contact": { "email": "x" }, "budget": -1 }),
                "INVALID budget, INVALID contact.email, INVALID description, INVALID title",
            ),
        ],
    ]
    .concat()
}

async fn what_a_lead_says(engine: Engine) {
    let server = TestServer::start(engine).await;
    let required = ["reference", "title", "description", "category", "location", "contact", "urgency"];
    let cases = [
        text("reference", 200),
        content(),
        required.map(|field| case(at(field, Value::Null), NOT_OF_THE_TYPE)).to_vec(),
        refused(
            "expiresAt",
            "INVALID",
            ["2020-01-01T00:00:00Z", "1969-12-31T23:59:59+02:00", "-009999-06-01T00:00:00Z"],
        ),
    ];
    refuse(&server, CASEY, "createLead", &lead_input(), cases.concat()).await;
}

/// They would give away what a provider pays for.
async fn contact_details_in_public(engine: Engine) {
    let server = TestServer::start(engine).await;
    let given_away = [
        "casey@example.com",
        "write to casey@example.com please",
        "082 123 4567",
        "call +27 82 123 4567",
        "(082) 123-4567",
        "０８２１２３４５６７",
        "casey＠example.com",
    ];
    let mut cases = Vec::new();
    for field in ["title", "description", "category", "location.country", "location.region", "location.city"] {
        cases.extend(refused(field, "INVALID", given_away));
    }
    for text in given_away {
        let attributes = [json!({ "note": text }), json!({ text: true }), json!({ "deep": [[{ "note": text }]] })];
        cases.extend(refused("attributes", "INVALID", attributes));
    }
    cases.extend(refused("attributes", "INVALID", [json!({ "number": 27_821_234_567_i64 })]));
    // Everyone sees a lead's reference too; it may have as many digits as it likes.
    let references = refused("reference", "INVALID", ["casey@example.com", "for casey@example.com, 2"]);
    refuse(&server, CASEY, "createLead", &lead_input(), [cases.clone(), references].concat()).await;
    server.post(json!({ "reference": "0821234567" })).await;
    let id = server.post(json!({})).await;
    refuse(&server, CASEY, "updateLead", &with(partly(), json!({ "id": id })), cases).await;
}

/// Parts of a lead that have to be sent whole.
fn partly() -> Value {
    json!({ "location": { "country": "ZA" }, "contact": { "name": "C", "email": "c@example.com" } })
}

async fn the_terms_of_a_new_lead(engine: Engine) {
    let server = TestServer::start(engine).await;
    let good = with(lead_input(), json!({ "customerId": "casey" }));
    let nobody = ["nobody", "0190a5a0-0000-7000-8000-000000000000"];
    let cases = [
        money("price"),
        count("maxClaims", 1_000),
        no_user_id("customerId"),
        refused("customerId", "NOT_FOUND", nobody),
        refused("customerId", "INVALID", ["pat", "admin"]),
        refused("isTest", NOT_OF_THE_TYPE, [json!("yes"), json!(1), json!(null)]),
        vec![
            case(at("customerId", Value::Null), "INVALID customerId"),
            case(json!({ "isTest": true, "price": 1 }), "INVALID price"),
            case(json!({ "price": -1, "maxClaims": 0 }), "INVALID maxClaims, INVALID price"),
        ],
    ];
    refuse(&server, ADMIN, "createLead", &good, cases.concat()).await;
    let terms = [
        case(at("customerId", "casey"), "FORBIDDEN customerId"),
        case(at("price", 5), "FORBIDDEN price"),
        case(at("maxClaims", 1), "FORBIDDEN maxClaims"),
        case(at("isTest", true), "FORBIDDEN isTest"),
    ];
    refuse(&server, CASEY, "createLead", &lead_input(), terms.to_vec()).await;
}

async fn a_reference_with_other_content(engine: Engine) {
    let server = TestServer::start(engine).await;
    let good = with(lead_input(), json!({ "attributes": { "rooms": 2, "floor": "oak" }, "budget": 9 }));
    let first = server.act(CASEY, "createLead", good.clone()).await.done()["lead"].clone();
    let changes = [
        at("title", "Rewire a shed"),
        at("description", "One room"),
        at("category", "Plumbing"),
        at("urgency", "HIGH"),
        at("location.city", "Paarl"),
        at("location.city", Value::Null),
        at("contact.name", "Dana"),
        at("contact.phone", "082 123 4567"),
        at("attributes.rooms", 3),
        at("attributes", Value::Null),
        at("budget", 10),
        at("budget", Value::Null),
        at("expiresAt", "9000-01-01T00:00:00Z"),
    ];
    let cases = changes.map(|change| case(change, "REFERENCE_MISMATCH reference")).to_vec();
    refuse(&server, CASEY, "createLead", &good, cases).await;

    // What the lead has become since does not count, nor does how the same is written.
    server.act(CASEY, "updateLead", json!({ "id": first["id"], "title": "Rewire a shed" })).await.done();
    let same = with(good, json!({ "attributes": { "floor": "oak", "rooms": 2 }, "urgency": "NORMAL" }));
    let again = server.act(CASEY, "createLead", same.clone()).await;
    let lead = &again.done()["lead"];
    assert_eq!(
        (&again.done()["replayed"], &lead["id"], &lead["title"]),
        (&json!(true), &first["id"], &json!("Rewire a shed"))
    );
    // Another customer may use the same reference.
    let other = server.act(crate::support::api::DANA, "createLead", same).await;
    assert_ne!(other.done()["lead"]["id"], first["id"]);
}

async fn changes_of_a_lead(engine: Engine) {
    let server = TestServer::start(engine).await;
    let id = server.open(json!({})).await;
    let good = with(partly(), json!({ "id": id }));
    let never_null = ["title", "description", "category", "urgency", "location", "contact", "price", "maxClaims"];
    let cases = [
        content(),
        unknown("id"),
        money("price"),
        count("maxClaims", 1_000),
        never_null.map(|field| case(at(field, Value::Null), format!("INVALID {field}"))).to_vec(),
        refused("expectedVersion", "STALE_VERSION", [0, -1, 1, 3, i32::MAX]),
        refused("expectedVersion", NOT_OF_THE_TYPE, [json!(i64::MAX), json!("2"), json!(2.5)]),
        refused("expiresAt", "INVALID", [json!(null), json!("2020-01-01T00:00:00Z")]),
    ];
    refuse(&server, ADMIN, "updateLead", &good, cases.concat()).await;

    let test = server.open(json!({ "isTest": true })).await;
    refuse(&server, ADMIN, "updateLead", &json!({ "id": test }), refused("price", "INVALID", [1])).await;
    // The refusal shows the lead as it is.
    let refused =
        server.act(CASEY, "updateLead", json!({ "id": id, "expectedVersion": 7, "title": "Rewire a shed" })).await;
    let lead = &refused.payload()["lead"];
    assert_eq!((&lead["version"], &lead["title"]), (&json!(2), &json!("Rewire a kitchen")));
    let taken =
        server.act(CASEY, "updateLead", json!({ "id": id, "expectedVersion": 2, "title": "Rewire a shed" })).await;
    assert_eq!(taken.done()["lead"]["version"], 3);
}

async fn terms_below_what_was_sold(engine: Engine) {
    let server = TestServer::start(engine).await;
    let id = server.open(json!({})).await;
    server.claim(PAT, &id).await;
    server.claim(QUINN, &id).await;
    let cases = refused("maxClaims", "INVALID", [1, 0, -1, 1_001]);
    refuse(&server, ADMIN, "updateLead", &json!({ "id": id }), cases).await;
    // All or nothing: what is good in the same input is not done either.
    let cases = vec![
        case(json!({ "title": "Rewire a shed", "maxClaims": 1 }), "INVALID maxClaims"),
        case(json!({ "contact": { "name": "D", "email": "d@example.com" }, "expiresAt": null }), "INVALID expiresAt"),
    ];
    refuse(&server, ADMIN, "updateLead", &json!({ "id": id }), cases).await;
}

async fn reviews_and_withdrawals(engine: Engine) {
    let server = TestServer::start(engine).await;
    let id = server.post(json!({})).await;
    refuse(&server, ADMIN, "verifyLead", &json!({ "id": id }), unknown("id")).await;
    let reject = json!({ "id": id, "reason": "a joke" });
    let missing = vec![case(at("reason", Value::Null), NOT_OF_THE_TYPE)];
    refuse(&server, ADMIN, "rejectLead", &reject, [unknown("id"), text("reason", 500), missing].concat()).await;
    let cases = [
        unknown("id"),
        optional_text("reason", 500),
        refused("expectedVersion", "STALE_VERSION", [0, 2, -1]),
        refused("refundClaims", NOT_OF_THE_TYPE, [json!(null), json!("no")]),
    ];
    refuse(&server, ADMIN, "withdrawLead", &json!({ "id": id }), cases.concat()).await;
    refuse(&server, CASEY, "withdrawLead", &json!({ "id": id }), refused("refundClaims", "FORBIDDEN", [true])).await;

    // A refund that its wallet has no room for: then the lead is not withdrawn either.
    let id = server.open(json!({ "price": 5 })).await;
    server.claim(QUINN, &id).await;
    server.claim(PAT, &id).await;
    server.fund(PAT, 9_007_199_254_740_991 - 95).await;
    let cases = refused("refundClaims", "INVALID", [true]);
    refuse(&server, ADMIN, "withdrawLead", &json!({ "id": id }), cases).await;
}
