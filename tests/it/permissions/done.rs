//! Who may do what.

use serde_json::{Value, json};

use super::VIEWERS;
use crate::support::{
    Engine, TestServer,
    api::{CASEY, PAT, QUINN, RIVAL, ROBOT, SAM, Who, lead_input, unique, with},
    both_engines,
    sql::Sql,
};

both_engines!(what_everyone_may_do, another_tenants_things_do_not_exist);

/// What a mutation answers each of [`VIEWERS`]: `ok`, or the refusal.
pub struct Acted {
    pub root: &'static str,
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
const NOT_YOURS: &str = "FORBIDDEN providerId";
const NO_PROVIDER: &str = "INVALID providerId";
const NO_CUSTOMER: &str = "NOT_FOUND customerId";

#[rustfmt::skip]
pub const DONE: &[Acted] = &[
    //                                                              PAT     QUINN   CASEY   DANA    ROBOT  ADMIN  RIVAL
    // createLead, updateLead, withdrawLead: a customer its own; SERVICE and ADMIN any, on behalf of one.
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
    // verifyLead, rejectLead, refundClaim, upsertUser: SERVICE and ADMIN.
    done("verifyLead", "review", |lead, _| json!({ "id": lead }),  [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("rejectLead", "review", |lead, _| json!({ "id": lead, "reason": "a joke" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("refundClaim", "open", |_, claim| json!({ "id": claim, "reason": "a wrong number" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, NO_ID]),
    done("upsertUser", "", |_, _| json!({ "id": "quinn", "role": "PROVIDER", "name": "Quinn" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    done("upsertUser", "", |_, _| json!({ "id": "admin", "role": "ADMIN", "name": "Admin" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, "FORBIDDEN role", OK, OK]),
    // claimLead, updateClaim: a provider, its own.
    done("claimLead", "open", |lead, _| json!({ "leadId": lead, "maxPrice": 5 }),
                                                                   [OK, OK, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    done("claimLead", "review", |lead, _| json!({ "leadId": lead, "maxPrice": 5 }),
                                                                   [NO_LEAD, NO_LEAD, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    done("updateClaim", "open", |_, claim| json!({ "id": claim, "outcome": "WON" }),
                                                                   [OK, NO_ID, CLOSED, CLOSED, CLOSED, CLOSED, CLOSED]),
    // topUpWallet: SERVICE and ADMIN; adjustWallet: ADMIN.
    done("topUpWallet", "", |_, _| json!({ "ownerId": "pat", "amount": 1, "reference": unique("gift") }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    done("adjustWallet", "", |_, _| json!({ "ownerId": "pat", "change": 1, "reference": unique("fix"), "reason": "x" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    done("adjustWallet", "", |_, _| json!({ "ownerId": "sam", "change": 1, "reference": unique("fix"), "reason": "x" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, NO_OWNER]),
    // retryDelivery: SERVICE and ADMIN; rotateWebhookSecret, and where the webhook is: ADMIN.
    done("retryDelivery", "", |_, _| json!({ "id": "0190a5a0-0000-7000-8000-000000000001" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, NO_ID, NO_ID, NO_ID]),
    done("rotateWebhookSecret", "", |_, _| Value::Null,            [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    done("updateTenantSettings", "", |_, _| json!({ "webhookUrl": "http://127.0.0.1:1/hook" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    // revokeTokens: ADMIN. Of someone of whom nothing else is asked here.
    done("revokeTokens", "", |_, _| json!({ "userId": "riley" }),  [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    done("revokeTokens", "", |_, _| json!({ "userId": "sam" }),    [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, "NOT_FOUND userId"]),
    // updateProviderProfile: a provider its own; SERVICE and ADMIN anyone's.
    done("updateProviderProfile", "", |_, _| json!({ "minScore": 1 }),
                                                                   [OK, OK, CLOSED, CLOSED, NO_PROVIDER, NO_PROVIDER, NO_PROVIDER]),
    done("updateProviderProfile", "", |_, _| json!({ "providerId": "pat", "minScore": 2 }),
                                                                   [OK, NOT_YOURS, CLOSED, CLOSED, OK, OK, OK]),
    done("updateProviderProfile", "", |_, _| json!({ "providerId": "quinn", "minScore": 3 }),
                                                                   [NOT_YOURS, OK, CLOSED, CLOSED, OK, OK, OK]),
    done("updateProviderProfile", "", |_, _| json!({ "providerId": "sam", "minScore": 4 }),
                                                                   [NOT_YOURS, NOT_YOURS, CLOSED, CLOSED, OK, OK, "NOT_FOUND providerId"]),
    done("updateProviderProfile", "", |_, _| json!({ "providerId": "casey", "minScore": 5 }),
                                                                   [NOT_YOURS, NOT_YOURS, CLOSED, CLOSED, NO_PROVIDER, NO_PROVIDER, NO_PROVIDER]),
    // Notifications: everybody its own, other ids are ignored; SERVICE and ADMIN make and change anybody's.
    done("markNotificationsRead", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("markNotificationsUnread", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("archiveNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("unarchiveNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("unsnoozeNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("deleteNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] } }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("snoozeNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] }, "until": "2090-01-01T00:00:00Z" }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("openNotification", "open", |lead, _| json!({ "id": lead }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    done("createNotification", "", |_, _| json!({ "to": { "userIds": ["admin"] }, "title": "x", "message": "x", "reference": unique("news") }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    done("updateNotifications", "open", |lead, _| json!({ "select": { "ids": [lead] }, "patch": { "title": "x" } }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, OK, OK, OK]),
    // Preferences: everybody, its own.
    done("updateNotificationPreferences", "", |_, _| json!({ "sound": false }),
                                                                   [OK, OK, OK, OK, OK, OK, OK]),
    // Tenant settings, written: ADMIN.
    done("updateTenantSettings", "", |_, _| json!({ "currency": "ZAR" }),
                                                                   [CLOSED, CLOSED, CLOSED, CLOSED, CLOSED, OK, OK]),
    done("updateTenantSettings", "", |_, _| json!({ "defaultRules": [] }),
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

/// Apart from the viewer itself and its own wallet, which a provider sees with a refused claim.
fn shows_nothing(viewer: Who, payload: &Value) -> bool {
    const HARMLESS: [&str; 3] = ["userErrors", "replayed", "viewer"];
    let nothing = [Value::Null, json!(0), json!([])];
    let objects = payload.as_object().into_iter().flatten();
    let mut shown = objects.filter(|(name, value)| !HARMLESS.contains(&name.as_str()) && !nothing.contains(value));
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
        (RIVAL, "updateProviderProfile", json!({ "providerId": "sam", "minScore": 7 }), "NOT_FOUND providerId"),
        (RIVAL, "revokeTokens", json!({ "userId": "sam" }), "NOT_FOUND userId"),
        (RIVAL, "createLead", with(lead_input(), json!({ "customerId": "sam" })), NO_CUSTOMER),
    ] {
        let answer = server.act(who, mutation, input).await;
        assert_eq!(answer.refusals(), [refusal], "{mutation} as {} of {}", who.user, who.tenant);
        assert!(shows_nothing(who, answer.payload()), "{}", answer.answer);
    }
    assert_eq!(Sql::of(&server).await.traces().await, with_robot);
}
