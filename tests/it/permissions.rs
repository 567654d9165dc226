//! Who sees what and who may do what: every root field of the schema, for every role, on what is its own and what is
//! another's. A root that is not in these tables fails the first test.

mod streams;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    contract::root_fields,
    support::{
        Engine, TestServer,
        api::{ADMIN, CASEY, DANA, PAT, QUINN, RIVAL, ROBOT, SAM, Who, lead_input, unique, with},
        both_engines,
        sql::Sql,
    },
};

both_engines!(what_everyone_sees, what_everyone_may_do, another_tenants_things_do_not_exist);

/// Those who ask. Casey posted the lead and Pat claimed it; Quinn and Dana have nothing to do with it, and Rival is the
/// administrator of another tenant.
const VIEWERS: [Who; 7] = [PAT, QUINN, CASEY, DANA, ROBOT, ADMIN, RIVAL];

#[test]
fn every_root_field_is_in_a_table() {
    let mut known: BTreeSet<String> = BTreeSet::new();
    known.extend(SEEN.iter().map(|row| format!("Query.{}", row.root)));
    known.extend(DONE.iter().map(|row| format!("Mutation.{}", row.root)));
    known.extend(streams::HEARD.iter().map(|row| format!("Subscription.{}", row.root)));
    let exported: BTreeSet<String> = root_fields().into_iter().collect();
    let missing: Vec<_> = exported.difference(&known).collect();
    assert!(missing.is_empty(), "who may see or do these? {missing:?}");
    let gone: Vec<_> = known.difference(&exported).collect();
    assert!(gone.is_empty(), "these are no more: {gone:?}");
}

/// What a query shows, in the order of [`VIEWERS`]: `yes`, `no` (null or nothing), or the code of a top-level error.
struct Seen {
    root: &'static str,
    /// With `$lead`, `$claim` and `$cursor` (from before anything had happened) as variables.
    selection: &'static str,
    /// Where in `data` to look.
    at: &'static str,
    expected: [&'static str; 7],
}

const fn seen(root: &'static str, selection: &'static str, at: &'static str, expected: [&'static str; 7]) -> Seen {
    Seen { root, selection, at, expected }
}

const YES: &str = "yes";
const NO: &str = "no";
const FORBIDDEN: &str = "FORBIDDEN";

#[rustfmt::skip]
const SEEN: &[Seen] = &[
    //                                                               PAT  QUINN CASEY DANA ROBOT ADMIN RIVAL
    seen("streamCursor", "streamCursor", "/streamCursor",           [YES, YES, YES, YES, YES, YES, YES]),
    seen("viewer", "viewer { user { email } }", "/viewer/user",     [YES, YES, YES, YES, YES, YES, YES]),
    seen("viewer", "viewer { wallet { id } }", "/viewer/wallet",    [YES, YES, NO, NO, NO, NO, NO]),
    seen("viewer", "viewer { tenant { settings { defaultLeadPrice } } }", "/viewer/tenant/settings",
                                                                    [YES, YES, YES, YES, YES, YES, YES]),
    seen("lead", "lead(id: $lead) { title }", "/lead",              [YES, YES, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $review) { title }", "/lead",            [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { contact { name } }", "/lead/contact",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { customer { name } }", "/lead/customer",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { customer { email } }", "/lead/customer/email",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { claims { nodes { id } } }", "/lead/claims",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { viewerClaim { id } }", "/lead/viewerClaim",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    seen("lead", "lead(id: $twin) { duplicateOf }", "/lead/duplicateOf",
                                                                    [NO, NO, NO, NO, YES, YES, NO]),
    seen("leads", "leads { nodes { id } }", "/leads/nodes",         [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {statuses: [IN_REVIEW]}) { nodes { id } }", "/leads/nodes",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {isTest: true}) { nodes { id } }", "/leads/nodes",
                                                                    [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {claimedByViewer: true}) { nodes { contact { name } } }", "/leads/nodes/0/contact",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    seen("claim", "claim(id: $claim) { lead { id } }", "/claim",    [YES, NO, YES, NO, YES, YES, NO]),
    seen("claim", "claim(id: $claim) { provider { email } }", "/claim/provider/email",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("claim", "claim(id: $claim) { provider { wallet { id } } }", "/claim/provider/wallet",
                                                                    [YES, NO, NO, NO, YES, YES, NO]),
    seen("claims", "claims { nodes { id } }", "/claims/nodes",      [YES, NO, YES, NO, YES, YES, NO]),
    seen("claims", "claims(filter: {providerId: \"pat\"}) { nodes { id } }", "/claims/nodes",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("claims", "claims(filter: {leadId: $lead}) { nodes { id } }", "/claims/nodes",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("wallet", "wallet { entries { nodes { id } } }", "/wallet", [YES, YES, NO, NO, NO, NO, NO]),
    seen("wallet", "wallet(ownerId: \"pat\") { entries { nodes { claim { id } } } }", "/wallet/entries/nodes/0/claim",
                                                                    [YES, NO, NO, NO, YES, YES, NO]),
    seen("wallet", "wallet(ownerId: \"casey\") { id }", "/wallet",  [NO, NO, NO, NO, NO, NO, NO]),
    seen("user", "user(id: \"pat\") { email }", "/user/email",      [YES, NO, NO, NO, YES, YES, NO]),
    seen("user", "user(id: \"casey\") { email }", "/user/email",    [NO, NO, YES, NO, YES, YES, NO]),
    seen("user", "user(id: \"nobody\") { email }", "/user",         [NO, NO, NO, NO, NO, NO, NO]),
    seen("users", "users { nodes { email } }", "/users",            [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, YES]),
    seen("users", "users(search: \"dana\") { nodes { email } }", "/users/nodes",
                                                                    [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, NO]),
    seen("events", "events(after: $cursor) { events { cursor } }", "/events/events",
                                                                    [YES, YES, YES, NO, YES, YES, "BAD_USER_INPUT"]),
];

/// What the tables speak of.
struct World {
    lead: Value,
    claim: Value,
    /// Waits for review.
    review: Value,
    /// Looks like `review`.
    twin: Value,
    cursor: Value,
}

impl World {
    async fn new(server: &TestServer) -> Self {
        for (id, role) in [("pat", "PROVIDER"), ("casey", "CUSTOMER")] {
            let input = json!({ "id": id, "role": role, "email": format!("{id}@example.com") });
            server.act(ADMIN, "upsertUser", input).await.done();
        }
        for viewer in VIEWERS {
            server.ask(viewer, "{ viewer { id } }", Value::Null).await.data();
        }
        let cursor = server.user("demo", "admin").stream_cursor().await;
        let lead = server.open(json!({})).await;
        let claim = server.claim(PAT, &lead).await;
        let test = server.open(json!({ "isTest": true })).await;
        server.claim(PAT, &test).await;
        let contact = json!({ "category": "Twins", "contact": { "name": "C", "email": "twins@example.com" } });
        let (review, twin) = (server.post(contact.clone()).await, server.post(contact).await);
        server.told_of(&twin, &cursor).await;
        Self { lead, claim, review, twin, cursor }
    }
}

async fn what_everyone_sees(engine: Engine) {
    let server = TestServer::start(engine).await;
    let world = World::new(&server).await;
    let variables = json!({ "lead": world.lead, "review": world.review, "twin": world.twin, "claim": world.claim,
        "cursor": world.cursor });
    let mut wrong = Vec::new();
    for row in SEEN {
        let types = [("lead", "ID!"), ("review", "ID!"), ("twin", "ID!"), ("claim", "ID!"), ("cursor", "Cursor!")];
        let used = types.iter().filter(|(name, _)| row.selection.contains(&format!("${name}")));
        let declared: Vec<_> = used.map(|(name, kind)| format!("${name}: {kind}")).collect();
        let declared = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
        let document = format!("query Q{declared} {{ {} }}", row.selection);
        for (viewer, expected) in VIEWERS.into_iter().zip(row.expected) {
            let answer = server.ask(viewer, &document, variables.clone()).await;
            let found = answer.body["data"].pointer(row.at).unwrap_or(&Value::Null);
            let sees = if answer.body["errors"].is_array() {
                assert!(answer.body["data"][row.root].is_null(), "{answer}");
                answer.error_code()
            } else if found.is_null() || found == &json!([]) {
                NO
            } else {
                YES
            };
            if sees != expected {
                wrong.push(format!("{} asks `{}`: {sees}, expected {expected}", viewer.user, row.selection));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What a mutation answers each of [`VIEWERS`]: `ok`, or the refusal.
struct Acted {
    root: &'static str,
    /// What it needs to find: `review` (a lead that waits), `open` (one that Pat has claimed).
    on: &'static str,
    input: fn(lead: &Value, claim: &Value) -> Value,
    expected: [&'static str; 7],
}

const fn done(
    root: &'static str,
    on: &'static str,
    input: fn(&Value, &Value) -> Value,
    expected: [&'static str; 7],
) -> Acted {
    Acted { root, on, input, expected }
}

const OK: &str = "ok";
/// Closed to the role, decided before anything is looked up.
const CLOSED: &str = "FORBIDDEN input";
const NO_ID: &str = "NOT_FOUND id";
const NO_LEAD: &str = "NOT_FOUND leadId";
const NO_OWNER: &str = "NOT_FOUND ownerId";
const NO_CUSTOMER: &str = "NOT_FOUND customerId";

#[rustfmt::skip]
const DONE: &[Acted] = &[
    //                                                              PAT     QUINN   CASEY   DANA    ROBOT  ADMIN  RIVAL
    done("createLead", "", |_, _| lead_input(),                    [CLOSED, CLOSED, OK, OK, "INVALID customerId", "INVALID customerId", "INVALID customerId"]),
    done("createLead", "", |_, _| with(lead_input(), json!({ "customerId": "casey" })),
                                                                   [CLOSED, CLOSED, "FORBIDDEN customerId", "FORBIDDEN customerId", OK, OK, OK]),
    done("createLead", "", |_, _| with(lead_input(), json!({ "customerId": "dana" })),
                                                                   [CLOSED, CLOSED, "FORBIDDEN customerId", "FORBIDDEN customerId", OK, OK, NO_CUSTOMER]),
    done("createLead", "", |_, _| with(lead_input(), json!({ "price": 1 })),
                                                                   [CLOSED, CLOSED, "FORBIDDEN price", "FORBIDDEN price", "INVALID customerId", "INVALID customerId", "INVALID customerId"]),
    done("createLead", "", |_, _| with(lead_input(), json!({ "maxClaims": 1 })),
                                                                   [CLOSED, CLOSED, "FORBIDDEN maxClaims", "FORBIDDEN maxClaims", "INVALID customerId", "INVALID customerId", "INVALID customerId"]),
    done("createLead", "", |_, _| with(lead_input(), json!({ "isTest": true })),
                                                                   [CLOSED, CLOSED, "FORBIDDEN isTest", "FORBIDDEN isTest", "INVALID customerId", "INVALID customerId", "INVALID customerId"]),
    done("updateLead", "open", |lead, _| json!({ "id": lead, "title": "Rewire a shed" }),
                                                                   [CLOSED, CLOSED, OK, NO_ID, OK, OK, NO_ID]),
    done("updateLead", "open", |lead, _| json!({ "id": lead, "price": 2 }),
                                                                   [CLOSED, CLOSED, "FORBIDDEN price", "FORBIDDEN price", OK, OK, NO_ID]),
    done("updateLead", "open", |lead, _| json!({ "id": lead, "maxClaims": 2 }),
                                                                   [CLOSED, CLOSED, "FORBIDDEN maxClaims", "FORBIDDEN maxClaims", OK, OK, NO_ID]),
    done("withdrawLead", "open", |lead, _| json!({ "id": lead }),  [CLOSED, CLOSED, OK, NO_ID, OK, OK, NO_ID]),
    done("withdrawLead", "open", |lead, _| json!({ "id": lead, "refundClaims": true }),
                                                                   [CLOSED, CLOSED, "FORBIDDEN refundClaims", "FORBIDDEN refundClaims", OK, OK, NO_ID]),
    done("verifyLead", "review", |lead, _| json!({ "id": lead }),  [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("rejectLead", "review", |lead, _| json!({ "id": lead, "reason": "a joke" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("claimLead", "open", |lead, _| json!({ "leadId": lead, "maxPrice": 5 }),
                                                                   [OK, OK, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    done("claimLead", "review", |lead, _| json!({ "leadId": lead, "maxPrice": 5 }),
                                                                   [NO_LEAD, NO_LEAD, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    done("updateClaim", "open", |_, claim| json!({ "id": claim, "outcome": "WON" }),
                                                                   [OK, NO_ID, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    done("refundClaim", "open", |_, claim| json!({ "id": claim, "reason": "a wrong number" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("topUpWallet", "", |_, _| json!({ "ownerId": "pat", "amount": 1, "reference": unique("gift") }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    done("adjustWallet", "", |_, _| json!({ "ownerId": "pat", "change": 1, "reference": unique("fix"), "reason": "x" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    done("adjustWallet", "", |_, _| json!({ "ownerId": "sam", "change": 1, "reference": unique("fix"), "reason": "x" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, NO_OWNER]),
    done("upsertUser", "", |_, _| json!({ "id": "quinn", "role": "PROVIDER", "name": "Quinn" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    done("upsertUser", "", |_, _| json!({ "id": "admin", "role": "ADMIN", "name": "Admin" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, "FORBIDDEN role", OK, OK]),
    done("updateTenantSettings", "", |_, _| json!({ "currency": "ZAR" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
];

async fn what_everyone_may_do(engine: Engine) {
    let server = TestServer::start(engine).await;
    for viewer in VIEWERS {
        server.ask(viewer, "{ viewer { id } }", Value::Null).await.data();
    }
    server.fund(PAT, 10_000).await;
    server.fund(QUINN, 10_000).await;
    server.fund(SAM, 1).await;
    let mut wrong = Vec::new();
    for row in DONE {
        for (viewer, expected) in VIEWERS.into_iter().zip(row.expected) {
            let (lead, claim) = match row.on {
                "" => (Value::Null, Value::Null),
                "review" => (server.post(json!({})).await, Value::Null),
                _ => {
                    let lead = server.open(json!({})).await;
                    let claim = server.claim(PAT, &lead).await;
                    (lead, claim)
                }
            };
            let input = (row.input)(&lead, &claim);
            let answer = server.act(viewer, row.root, input.clone()).await;
            let happened = answer.refusals().first().cloned().unwrap_or_else(|| OK.to_owned());
            if happened != expected {
                wrong.push(format!("{}: {} {input}: {happened}, expected {expected}", viewer.user, row.root));
            }
            if expected == CLOSED || expected.starts_with("NOT_FOUND") {
                assert!(shows_nothing(viewer, answer.payload()), "{}: {}", viewer.user, answer.answer);
            }
            // A closed door says the same to whoever guesses.
            for unknown in ["0190a5a0-0000-7000-8000-000000000000", "no id"].map(Value::from) {
                let guess = (row.input)(&unknown, &unknown);
                if expected == CLOSED && guess != input {
                    let answer = server.act(viewer, row.root, guess).await;
                    assert_eq!(answer.refusals(), [CLOSED], "{}: {}", viewer.user, row.root);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Apart from the viewer's own wallet, which a provider sees with a refused claim.
fn shows_nothing(viewer: Who, payload: &Value) -> bool {
    let objects = payload.as_object().into_iter().flatten();
    let mut shown = objects.filter(|(name, value)| *name != "userErrors" && *name != "replayed" && !value.is_null());
    shown.all(|(name, _)| name == "wallet" && viewer.role == leadcast::users::Role::Provider)
}

/// Every mutation with an id, sent with the other tenant's by whoever may send it at all.
async fn another_tenants_things_do_not_exist(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.open(json!({})).await;
    let claim = server.claim(PAT, &lead).await;
    let review = server.post(json!({})).await;
    server.fund(SAM, 5).await;
    let before = Sql::of(&server).await.traces().await;
    let [rival_pat, rival_casey, rival_robot] = [PAT, CASEY, ROBOT].map(|who| Who { tenant: "rival", ..who });
    server.ask(rival_robot, "{ viewer { id } }", Value::Null).await.data();
    let with_robot = Sql::of(&server).await.traces().await;
    assert_ne!(before, with_robot, "the traces show a new user");
    for (who, mutation, input, refusal) in [
        (rival_casey, "updateLead", json!({ "id": lead, "title": "Ours now" }), NO_ID),
        (RIVAL, "updateLead", json!({ "id": lead, "price": 0 }), NO_ID),
        (rival_casey, "withdrawLead", json!({ "id": lead }), NO_ID),
        (rival_robot, "withdrawLead", json!({ "id": lead, "refundClaims": true }), NO_ID),
        (rival_robot, "verifyLead", json!({ "id": review }), NO_ID),
        (rival_robot, "rejectLead", json!({ "id": review, "reason": "ours" }), NO_ID),
        (rival_pat, "claimLead", json!({ "leadId": lead, "maxPrice": 100 }), NO_LEAD),
        (rival_pat, "updateClaim", json!({ "id": claim, "outcome": "WON" }), NO_ID),
        (rival_robot, "refundClaim", json!({ "id": claim, "reason": "ours" }), NO_ID),
        (RIVAL, "adjustWallet", json!({ "ownerId": "sam", "change": -5, "reference": "x", "reason": "x" }), NO_OWNER),
        (RIVAL, "createLead", with(lead_input(), json!({ "customerId": "sam" })), NO_CUSTOMER),
    ] {
        let answer = server.act(who, mutation, input).await;
        assert_eq!(answer.refusals(), [refusal], "{mutation} as {} of {}", who.user, who.tenant);
        assert!(shows_nothing(who, answer.payload()), "{}", answer.answer);
    }
    assert_eq!(Sql::of(&server).await.traces().await, with_robot);
}
