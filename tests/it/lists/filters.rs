//! Random filters over random leads: the list forwards, the list backwards, the streams and the test's own idea of the
//! filter all agree.

use std::{collections::BTreeSet, time::Duration};

use async_graphql::InputType;
use leadcast::{
    auth::Viewer,
    leads::{LeadFilter, LeadId, expire_due, store},
    tenants::find_by_slug,
    users::Role,
};
use serde_json::{Value, json};

use super::{
    leads,
    reference::{Market, text},
    scores,
};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, ROBOT, Who, lead_input, with},
    both_engines,
    random::Random,
};

both_engines!(lists_agree_with_the_reference, streams_agree_with_lists);

const LEADS: usize = 120;
const FILTERS: usize = 300;
const STREAMED_FILTERS: usize = 100;

const WORDS: [&str; 16] = [
    "kitchen",
    "Kitchen",
    "straße",
    "STRASSE",
    "Élysée",
    "élysée",
    "İstanbul",
    "ＦＵＬＬ",
    "full",
    "100%",
    "under_score",
    "back\\slash",
    "Σίσυφος",
    "roof",
    "o'clock",
    "\"quoted\"",
];
const CATEGORIES: [&str; 4] = ["Electrical", "electrical", "Plumbing", "Élagage"];
const PLACES: [&str; 4] = ["Cape Town", "cape town", "Paarl", "Zürich"];
const URGENCIES: [&str; 4] = ["LOW", "NORMAL", "HIGH", "EMERGENCY"];
const STATUSES: [&str; 6] = ["IN_REVIEW", "OPEN", "FULL", "EXPIRED", "WITHDRAWN", "REJECTED"];
const TIERS: [&str; 4] = ["EXCELLENT", "GOOD", "FAIR", "LOW"];
const VIEWERS: [Who; 5] = [ADMIN, ROBOT, CASEY, PAT, QUINN];

fn attributes(random: &mut Random) -> Value {
    let mut attributes = json!({});
    let values = [
        json!(2),
        json!("2"),
        json!(true),
        json!("true"),
        json!(2.5),
        json!("flat"),
        json!(null),
        json!([2]),
        json!({ "a": 2 }),
    ];
    for key in ["rooms", "kind", "Kind", "größe"] {
        if random.one_in(2) {
            attributes[key] = random.pick(&values).clone();
        }
    }
    attributes
}

fn new_lead(server: &TestServer, random: &mut Random) -> Value {
    let expires_in = Duration::from_hours(10 * (1 + random.below(8)));
    let input = json!({
        "customerId": random.pick(&["casey", "dana"]),
        "title": random.some(&WORDS, 3).join(" "), "description": random.some(&WORDS, 4).join(" "),
        "category": random.pick(&CATEGORIES), "urgency": random.pick(&URGENCIES),
        "location": { "country": random.pick(&["ZA", "za", "CH"]), "city": random.pick(&PLACES) },
        "price": random.below(5), "maxClaims": 1 + random.below(3),
    });
    let mut input = with(lead_input(), input);
    if random.one_in(3) {
        input["location"]["region"] = json!(random.pick(&PLACES));
    }
    if random.one_in(2) {
        input["attributes"] = attributes(random);
    }
    if random.one_in(2) {
        input["expiresAt"] = json!(server.app.clock.now().plus(expires_in).to_string());
    }
    if random.one_in(2) {
        input["budget"] = json!(random.below(6));
    }
    if random.one_in(8) {
        input = with(input, json!({ "isTest": true, "price": 0 }));
    }
    input
}

/// Posts a lead, and lets something become of it.
async fn live_through(server: &TestServer, random: &mut Random) {
    let posted = server.act(ADMIN, "createLead", new_lead(server, random)).await;
    let id = json!({ "id": posted.done()["lead"]["id"] });
    match random.below(10) {
        0 | 1 => return,
        2 => {
            server.act(ADMIN, "rejectLead", with(id.clone(), json!({ "reason": "a joke" }))).await.done();
        }
        3 => {
            server.act(ADMIN, "withdrawLead", id.clone()).await.done();
        }
        _ => {
            server.act(ADMIN, "verifyLead", id.clone()).await.done();
        }
    }
    for provider in [PAT, QUINN] {
        if random.one_in(3) {
            let claimed = server.act(provider, "claimLead", json!({ "leadId": id["id"], "maxPrice": 9 })).await;
            if random.one_in(4) && claimed.payload()["claim"].is_object() {
                let refund = json!({ "id": claimed.payload()["claim"]["id"], "reason": "a wrong number" });
                server.act(ADMIN, "refundClaim", refund).await.done();
            }
        }
    }
    if random.one_in(6) {
        let change = json!({ "title": random.some(&WORDS, 3).join(" "), "attributes": attributes(random) });
        server.act(ADMIN, "updateLead", with(id.clone(), change)).await.payload();
    }
    if random.one_in(10) {
        server.act(ADMIN, "withdrawLead", id).await.payload();
    }
}

/// Leads in every state, posted over some days, each at a full hour and for full hours. The test looks at them at half past:
/// none expires meanwhile.
async fn populate(server: &TestServer, random: &mut Random) {
    for who in [DANA, ROBOT] {
        server.ask(who, "{ viewer { id } }", Value::Null).await.data();
    }
    server.fund(PAT, 1_000).await;
    server.fund(QUINN, 1_000).await;
    scores::profiles(server).await;
    for _ in 0..LEADS {
        live_through(server, random).await;
        server.advance(Duration::from_hours(random.below(2)));
    }
    server.advance(Duration::from_mins(30));
    expire_due(&server.app).await.expect("the worker's round");
}

fn filter(random: &mut Random, market: &Market, viewer: Who) -> Value {
    let mut filter = json!({});
    let known = random.pick(&market.leads).clone();
    for _ in 0..=random.below(3) {
        let (name, value) = match random.below(15) {
            0 => ("statuses", json!(random.some(&STATUSES, 3))),
            1 => ("categories", json!(random.some(&CATEGORIES, 2))),
            2 => ("urgencies", json!(random.some(&URGENCIES, 3))),
            3 => ("country", json!(random.pick(&["ZA", "za", "CH", "DE"]))),
            4 => ("region", json!(random.pick(&PLACES))),
            5 => ("city", json!(random.pick(&PLACES))),
            // Not for a provider: who posts a lead is part of what it pays for.
            6 if viewer.role != Role::Provider => ("customerId", json!(random.pick(&["casey", "dana", "nobody"]))),
            7 => ("maxPrice", json!(random.below(6))),
            8 => ("available", json!(random.one_in(2))),
            9 => ("claimedByViewer", json!(random.one_in(2))),
            10 => ("createdAfter", known["createdAt"].clone()),
            11 => ("search", json!(random.some(&WORDS, 2).join("  "))),
            12 if viewer.role == Role::Provider => ("minScore", json!(random.below(101))),
            13 if viewer.role == Role::Provider => ("tiers", json!(random.some(&TIERS, 2))),
            _ => ("attributes", json!([wanted(random)])),
        };
        filter[name] = value;
    }
    if random.one_in(6) {
        filter["isTest"] = json!(true);
    }
    filter
}

fn wanted(random: &mut Random) -> Value {
    json!({ "key": random.pick(&["rooms", "kind", "Kind", "größe", "nothing"]),
        "in": random.some(&["2", "true", "2.5", "flat", "null", "[2]"], 2) })
}

async fn lists_agree_with_the_reference(engine: Engine) {
    let mut random = Random::new();
    let server = TestServer::start(engine).await;
    populate(&server, &mut random).await;
    let market = Market::look(&server).await;
    assert_eq!(market.leads.len(), LEADS);
    for _ in 0..FILTERS {
        let viewer = *random.pick(&VIEWERS);
        let filter = filter(&mut random, &market, viewer);
        let orders = ["CREATED_AT", "EXPIRES_AT", "PRICE", "SCORE"];
        let field = *random.pick(if viewer.role == Role::Provider { &orders } else { &orders[..3] });
        let descending = random.one_in(2);
        let expected = market.expected(viewer, &filter, field, descending);

        let direction = if descending { "DESC" } else { "ASC" };
        let list = leads(filter.clone()).and(format!("orderBy: {{ field: {field}, direction: {direction} }}"));
        let size = 1 + random.below(60);
        let what = format!("{} asks for {filter} by {field} {direction}, {size} at a time", viewer.user);
        assert_eq!(list.forwards(&server, viewer, size).await, expected, "{what}");
        assert_eq!(list.backwards(&server, viewer, size).await, expected, "{what}, backwards");
        let page = list.page(&server, viewer, json!({ "first": 1 })).await;
        assert_eq!(page.total, u64::try_from(expected.len()).ok(), "{what}: the total");
    }
    scores_agree(&server, &market).await;
    // Nothing said: the real ones, newest first, twenty of them.
    let default = server
        .ask(
            ADMIN,
            "{ leads { edges { cursor node { id } } nodes { id } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
            Value::Null,
        )
        .await;
    let default = super::Page::of(default.field("leads"));
    assert_eq!(default.ids, market.expected(ADMIN, &json!({}), "CREATED_AT", true)[..20]);
}

/// What a lead says of how well it matches, each lead that a provider sees.
async fn scores_agree(server: &TestServer, market: &Market) {
    let document =
        "query($after: PageCursor) { leads(first: 100, after: $after) { pageInfo { hasNextPage endCursor } nodes {
        id match { score tier reasons { points text } } } } }";
    for viewer in [PAT, QUINN] {
        let mut after = Value::Null;
        loop {
            let answer = server.ask(viewer, document, json!({ "after": after })).await;
            let page = answer.field("leads");
            for node in page["nodes"].as_array().expect("a list") {
                let lead = market.leads.iter().find(|lead| lead["id"] == node["id"]).expect("a lead of the market");
                scores::agrees(lead, &node["match"], market.profile(viewer));
            }
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }
}

/// The filter as the streams apply it, in memory and through the API.
async fn streams_agree_with_lists(engine: Engine) {
    let mut random = Random::new();
    let server = TestServer::start(engine).await;
    populate(&server, &mut random).await;
    let start = server.cursor().await;
    let market = Market::look(&server).await;
    let mut touched = BTreeSet::new();
    for lead in &market.leads {
        // Which changes nothing that a filter looks at.
        let change = json!({ "id": lead["id"], "contact": { "name": "Casey", "phone": "082 123 4567" } });
        if server.act(ADMIN, "updateLead", change).await.refusals().is_empty() {
            touched.insert(text(&lead["id"]));
        }
    }
    let in_memory = in_memory(&server, &market).await;
    // A fence, so that what follows need not wait for the log.
    server.cursor().await;
    for _ in 0..STREAMED_FILTERS {
        let viewer = *random.pick(&VIEWERS);
        let filter = filter(&mut random, &market, viewer);
        let listed: BTreeSet<_> = market.expected(viewer, &filter, "CREATED_AT", true).into_iter().collect();
        let what = format!("{} asks for {filter}", viewer.user);

        let told = told(&server, viewer, &start, &filter).await;
        let expected: BTreeSet<_> = listed.intersection(&touched).cloned().collect();
        assert_eq!(told, expected, "{what}");

        // Claims are not the lead's own to know, nor are profiles.
        let filter = with(filter, json!({ "claimedByViewer": null, "minScore": null, "tiers": null }));
        let listed: BTreeSet<_> = market.expected(viewer, &filter, "CREATED_AT", true).into_iter().collect();
        assert_eq!(matching(&server, viewer, &in_memory, &filter).await, listed, "{what}, in memory");
    }
}

/// The leads of which a stream with this filter tells that they were edited.
async fn told(server: &TestServer, viewer: Who, after: &Value, filter: &Value) -> BTreeSet<String> {
    let document = "query($after: Cursor!, $filter: LeadFilter) {
        events(after: $after, first: 500, types: [LEAD_UPDATED], leadFilter: $filter) { hasMore events {
            ... on LeadUpdatedEvent { leadChange lead { id } } } } }";
    let answer = server.ask(viewer, document, json!({ "after": after, "filter": filter })).await;
    assert_eq!(answer.field("events")["hasMore"], false);
    let events = answer.field("events")["events"].as_array().expect("a list").iter();
    events.filter(|event| event["leadChange"] == "EDITED").map(|event| text(&event["lead"]["id"])).collect()
}

/// The leads as the program has them.
async fn in_memory(server: &TestServer, market: &Market) -> Vec<leadcast::leads::Lead> {
    let tenant = find_by_slug(&server.app.db, "demo").await.expect("an answer").expect("the tenant");
    let ids = market.leads.iter().map(|lead| LeadId::from_client(lead["id"].as_str().expect("an id")));
    let ids: Vec<_> = ids.collect();
    let found = server.app.db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await;
    found.expect("the leads can be read").into_values().collect()
}

async fn matching(
    server: &TestServer,
    viewer: Who,
    leads: &[leadcast::leads::Lead],
    filter: &Value,
) -> BTreeSet<String> {
    let tenant = find_by_slug(&server.app.db, "demo").await.expect("an answer").expect("the tenant");
    let now = server.app.clock.now();
    let viewer = Viewer { tenant, user: viewer.user.into(), role: viewer.role, expires_at: now };
    let filter = async_graphql::Value::from_json(filter.clone()).expect("JSON is a value");
    let Ok(filter) = LeadFilter::parse(Some(filter)) else { panic!("a filter that the API takes") };
    let shown = leads.iter().filter(|lead| lead.visible_to(&viewer) && filter.matches(lead, now));
    shown.map(|lead| lead.id.to_string()).collect()
}
