//! Who sees what.

use std::time::Duration;

use leadcast::leads::expire_due;
use serde_json::{Value, json};

use super::VIEWERS;
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN},
    both_engines,
};

both_engines!(what_everyone_sees);

/// Of the lead that expires.
const LIFETIME: Duration = Duration::from_mins(30);

/// What a query shows, in the order of [`VIEWERS`]: `yes`, `no` (null or nothing), or the code of a top-level error.
pub struct Seen {
    pub root: &'static str,
    /// With variables by the names of [`world`]; `$cursor` is from before anything had happened.
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
const BAD_INPUT: &str = "BAD_USER_INPUT";
/// What it takes a profile to ask for, and Pat's matches.
const SCORED: [&str; 7] = [YES, NO, BAD_INPUT, BAD_INPUT, BAD_INPUT, BAD_INPUT, BAD_INPUT];

#[rustfmt::skip]
pub const SEEN: &[Seen] = &[
    //                                                               PAT  QUINN CASEY DANA ROBOT ADMIN RIVAL
    // Leads: a provider every one from its first opening on, whatever its status later; a customer its own; SERVICE and ADMIN all.
    seen("lead", "lead(id: $lead) { title }", "/lead",              [YES, YES, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $review) { title }", "/lead",            [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $full) { title }", "/lead",              [YES, YES, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $expired) { title }", "/lead",           [YES, YES, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $withdrawn) { title }", "/lead",         [YES, YES, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $unopened) { title }", "/lead",          [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $rejected) { title }", "/lead",          [NO, NO, YES, NO, YES, YES, NO]),
    seen("leads", "leads { nodes { id } }", "/leads/nodes",         [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {statuses: [IN_REVIEW]}) { nodes { id } }", "/leads/nodes",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {isTest: true}) { nodes { id } }", "/leads/nodes",
                                                                    [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {statuses: [FULL]}) { nodes { id } }", "/leads/nodes",
                                                                    [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {statuses: [EXPIRED]}) { nodes { id } }", "/leads/nodes",
                                                                    [YES, YES, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {statuses: [REJECTED]}) { nodes { id } }", "/leads/nodes",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("events", "events(after: $cursor) { events { cursor } }", "/events/events",
                                                                    [YES, YES, YES, NO, YES, YES, "BAD_USER_INPUT"]),
    seen("lead", "lead(id: $twin) { duplicateOf }", "/lead/duplicateOf",
                                                                    [NO, NO, NO, NO, YES, YES, NO]),
    // Contact: of leads that a provider has claimed (not refunded); a customer's own; all.
    seen("lead", "lead(id: $lead) { contact { name } }", "/lead/contact",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("leads", "leads(filter: {claimedByViewer: true}) { nodes { contact { name } } }", "/leads/nodes/0/contact",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    seen("lead", "lead(id: $full) { contact { name } }", "/lead/contact",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $expired) { contact { name } }", "/lead/contact",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $withdrawn) { contact { name } }", "/lead/contact",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $refunded) { contact { name } }", "/lead/contact",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { customer { name } }", "/lead/customer",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { customer { email } }", "/lead/customer/email",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $refunded) { customer { name } }", "/lead/customer",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    // Claims: a provider its own; a customer those on its own leads; all.
    seen("lead", "lead(id: $lead) { claims { nodes { id } } }", "/lead/claims",
                                                                    [NO, NO, YES, NO, YES, YES, NO]),
    seen("lead", "lead(id: $lead) { viewerClaim { id } }", "/lead/viewerClaim",
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
    seen("lead", "lead(id: $refunded) { viewerClaim { id } }", "/lead/viewerClaim",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    seen("claim", "claim(id: $paidBack) { status }", "/claim",      [YES, NO, YES, NO, YES, YES, NO]),
    // Wallet, entries: a provider its own; a customer none; SERVICE and ADMIN any.
    seen("viewer", "viewer { wallet { id } }", "/viewer/wallet",    [YES, YES, NO, NO, NO, NO, NO]),
    seen("wallet", "wallet { entries { nodes { id } } }", "/wallet", [YES, YES, NO, NO, NO, NO, NO]),
    seen("wallet", "wallet(ownerId: \"pat\") { entries { nodes { claim { id } } } }", "/wallet/entries/nodes/0/claim",
                                                                    [YES, NO, NO, NO, YES, YES, NO]),
    seen("wallet", "wallet(ownerId: \"casey\") { id }", "/wallet",  [NO, NO, NO, NO, NO, NO, NO]),
    // Profile: a provider its own; a customer those of who claimed its leads; SERVICE and ADMIN any.
    seen("providerProfile", "providerProfile { id }", "/providerProfile", [YES, YES, NO, NO, NO, NO, NO]),
    seen("providerProfile", "providerProfile(providerId: \"pat\") { categories provider { name } }", "/providerProfile/categories",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    seen("providerProfile", "providerProfile(providerId: \"quinn\") { id }", "/providerProfile",
                                                                    [NO, YES, NO, NO, YES, YES, YES]),
    seen("providerProfile", "providerProfile(providerId: \"casey\") { id }", "/providerProfile", [NO, NO, NO, NO, NO, NO, NO]),
    seen("providerProfile", "providerProfile(providerId: \"nobody\") { id }", "/providerProfile", [NO, NO, NO, NO, NO, NO, NO]),
    seen("viewer", "viewer { profile { id } }", "/viewer/profile",  [YES, YES, NO, NO, NO, NO, NO]),
    seen("user", "user(id: \"pat\") { profile { id } }", "/user/profile",
                                                                    [YES, NO, NO, NO, YES, YES, YES]),
    seen("claim", "claim(id: $claim) { provider { profile { categories } } }", "/claim/provider/profile/categories",
                                                                    [YES, NO, YES, NO, YES, YES, NO]),
    // Matching: a provider its own scores. Quinn wants something else.
    seen("lead", "lead(id: $lead) { match { score } }", "/lead/match", [YES, NO, NO, NO, NO, NO, NO]),
    seen("leads", "leads(filter: {minScore: 0}) { nodes { id } }", "/leads/nodes", SCORED),
    seen("leads", "leads(filter: {tiers: [EXCELLENT, GOOD, FAIR, LOW]}) { nodes { id } }", "/leads/nodes", SCORED),
    seen("leads", "leads(orderBy: {field: SCORE}) { nodes { id } }", "/leads/nodes",
                                                                    [YES, YES, BAD_INPUT, BAD_INPUT, BAD_INPUT, BAD_INPUT, BAD_INPUT]),
    seen("events", "events(after: $cursor, leadFilter: {minScore: 0}) { events { ... on LeadCreatedEvent { lead { id } } } }",
         "/events/events/0/lead",                                   SCORED),
    seen("events", "events(after: $cursor, leadFilter: {tiers: [GOOD]}) { events { ... on LeadCreatedEvent { lead { id } } } }",
         "/events/events/0/lead",                                   SCORED),
    // Users: SERVICE and ADMIN; oneself.
    seen("viewer", "viewer { user { email } }", "/viewer/user",     [YES, YES, YES, YES, YES, YES, YES]),
    seen("user", "user(id: \"pat\") { email }", "/user/email",      [YES, NO, NO, NO, YES, YES, NO]),
    seen("user", "user(id: \"casey\") { email }", "/user/email",    [NO, NO, YES, NO, YES, YES, NO]),
    seen("user", "user(id: \"nobody\") { email }", "/user",         [NO, NO, NO, NO, NO, NO, NO]),
    seen("users", "users { nodes { email } }", "/users",            [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, YES]),
    seen("users", "users(search: \"dana\") { nodes { email } }", "/users/nodes",
                                                                    [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, NO]),
    // Notifications: one's own; SERVICE and ADMIN find others'. Pat was told by hand, and is told of its claims.
    seen("notification", "notification(id: $news) { title }", "/notification",
                                                                    [YES, NO, NO, NO, YES, YES, NO]),
    seen("notifications", "notifications(filter: {types: [CUSTOM]}) { nodes { id } }", "/notifications/nodes",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    seen("notifications", "notifications(filter: {recipientIds: [\"pat\"]}) { nodes { id } }", "/notifications/nodes",
                                                                    [BAD_INPUT, BAD_INPUT, BAD_INPUT, BAD_INPUT, YES, YES, NO]),
    seen("viewer", "viewer { unreadCount }", "/viewer/unreadCount", [YES, YES, YES, YES, YES, YES, YES]),
    // Preferences: everybody, its own.
    seen("notificationPreferences", "notificationPreferences { rules { frequency } }", "/notificationPreferences/rules",
                                                                    [YES, YES, YES, YES, YES, YES, YES]),
    // Of those in the table, Pat alone has set some.
    seen("notificationPreferences", "notificationPreferences { quietHours { start } }", "/notificationPreferences/quietHours",
                                                                    [YES, NO, NO, NO, NO, NO, NO]),
    // Deliveries: SERVICE and ADMIN. One is of Casey's, waiting for its digest.
    seen("deliveries", "deliveries { nodes { id } }", "/deliveries",
                                                                    [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, YES]),
    seen("deliveries", "deliveries(filter: {recipientId: \"casey\"}) { nodes { notification { title } } }", "/deliveries/nodes",
                                                                    [FORBIDDEN, FORBIDDEN, FORBIDDEN, FORBIDDEN, YES, YES, NO]),
    // The webhook: ADMIN, of its own tenant.
    seen("viewer", "viewer { tenant { settings { webhookUrl } } }", "/viewer/tenant/settings/webhookUrl",
                                                                    [NO, NO, NO, NO, NO, YES, NO]),
    // Tenant settings, read: everybody. And where everybody stands.
    seen("streamCursor", "streamCursor", "/streamCursor",           [YES, YES, YES, YES, YES, YES, YES]),
    seen("viewer", "viewer { tenant { settings { defaultLeadPrice } } }", "/viewer/tenant/settings",
                                                                    [YES, YES, YES, YES, YES, YES, YES]),
    seen("viewer", "viewer { tenant { settings { defaultRules { frequency } } } }", "/viewer/tenant/settings/defaultRules",
                                                                    [YES, YES, YES, YES, YES, YES, NO]),
];

/// What the table speaks of, by its names. Pat has claimed all that Casey opened, and was refunded one.
async fn world(server: &TestServer) -> Value {
    for (id, role) in [("pat", "PROVIDER"), ("casey", "CUSTOMER")] {
        let input = json!({ "id": id, "role": role, "email": format!("{id}@example.com") });
        server.act(ADMIN, "upsertUser", input).await.done();
    }
    for viewer in VIEWERS {
        server.ask(viewer, "{ viewer { id } }", Value::Null).await.data();
    }
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    server.act(QUINN, "updateProviderProfile", json!({ "categories": ["Gardening"] })).await.done();
    let quiet = json!({ "quietHours": { "start": "22:00", "end": "07:00", "timeZone": "Africa/Johannesburg" } });
    server.act(PAT, "updateNotificationPreferences", quiet).await.done();
    let defaults = json!({ "defaultRules": [{ "type": "ANNOUNCEMENT", "channel": "EMAIL", "frequency": "DAILY" }] });
    server.act(ADMIN, "updateTenantSettings", defaults).await.done();
    server.act(ADMIN, "rotateWebhookSecret", Value::Null).await.done();
    server.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": "http://127.0.0.1:1/hook" })).await.done();
    let daily = json!({ "rules": [{ "type": "LEAD_CLAIMED", "channel": "WEBHOOK", "frequency": "DAILY" }] });
    server.act(CASEY, "updateNotificationPreferences", daily).await.done();
    let cursor = server.user("demo", "admin").stream_cursor().await;
    let claimed = async |terms: Value| {
        let lead = server.open(terms).await;
        let claim = server.claim(PAT, &lead).await;
        (lead, claim)
    };
    let (refunded, paid_back) = claimed(json!({})).await;
    server.act(ADMIN, "refundClaim", json!({ "id": paid_back, "reason": "a wrong number" })).await.done();
    let (lead, claim) = claimed(json!({})).await;
    let soon = server.app.clock.now().plus(LIFETIME).to_string();
    let (expired, _) = claimed(json!({ "expiresAt": soon })).await;
    let (full, _) = claimed(json!({ "maxClaims": 1 })).await;
    let (withdrawn, _) = claimed(json!({})).await;
    server.act(CASEY, "withdrawLead", json!({ "id": withdrawn })).await.done();
    claimed(json!({ "isTest": true })).await;
    let (unopened, rejected) = (server.post(json!({})).await, server.post(json!({})).await);
    server.act(CASEY, "withdrawLead", json!({ "id": unopened })).await.done();
    server.act(ADMIN, "rejectLead", json!({ "id": rejected, "reason": "a joke" })).await.done();
    let contact = json!({ "category": "Twins", "contact": { "name": "C", "email": "twins@example.com" } });
    let (review, twin) = (server.post(contact.clone()).await, server.post(contact).await);
    let news = json!({ "to": { "userIds": ["pat"] }, "type": "CUSTOM", "topic": "visit", "title": "x", "message": "x", "reference": "x" });
    let news = server.act(ADMIN, "createNotification", news).await.done()["notifications"][0]["id"].clone();
    server.advance(2 * LIFETIME);
    expire_due(&server.app).await.expect("the worker's round");
    server.told_of(&twin, &cursor).await;
    server.all_is_told().await;
    json!({ "lead": lead, "claim": claim, "expired": expired, "full": full, "withdrawn": withdrawn, "refunded": refunded,
        "paidBack": paid_back, "unopened": unopened, "rejected": rejected, "review": review, "twin": twin, "cursor": cursor,
        "news": news })
}

async fn what_everyone_sees(engine: Engine) {
    let server = TestServer::start(engine).await;
    let world = world(&server).await;
    let mut wrong = Vec::new();
    for row in SEEN {
        let names = world.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let used = names.filter(|name| row.selection.contains(&format!("${name}")));
        let declared: Vec<_> =
            used.map(|name| format!("${name}: {}", if name == "cursor" { "Cursor!" } else { "ID!" })).collect();
        let declared = if declared.is_empty() { String::new() } else { format!("({})", declared.join(", ")) };
        let document = format!("query Q{declared} {{ {} }}", row.selection);
        for (viewer, expected) in VIEWERS.into_iter().zip(row.expected) {
            let answer = server.ask(viewer, &document, world.clone()).await;
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
