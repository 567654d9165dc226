//! The API in a few words: people, mutations with everything selected that tests look at, and the log of what happened.

use std::sync::atomic::{AtomicU64, Ordering};

use leadcast::users::Role;
use serde_json::{Value, json};

use super::{
    TestServer,
    client::{Answer, Client},
    soon,
    sql::Sql,
};

/// Somebody with a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who {
    pub tenant: &'static str,
    pub user: &'static str,
    pub role: Role,
}

const fn who(tenant: &'static str, user: &'static str, role: Role) -> Who {
    Who { tenant, user, role }
}

pub const ADMIN: Who = who("demo", "admin", Role::Admin);
pub const ROBOT: Who = who("demo", "robot", Role::Service);
pub const CASEY: Who = who("demo", "casey", Role::Customer);
/// Another customer. Not seeded: made when first seen.
pub const DANA: Who = who("demo", "dana", Role::Customer);
pub const PAT: Who = who("demo", "pat", Role::Provider);
pub const QUINN: Who = who("demo", "quinn", Role::Provider);
pub const RILEY: Who = who("demo", "riley", Role::Provider);
/// A provider that is not seeded.
pub const SAM: Who = who("demo", "sam", Role::Provider);
/// The other tenant's administrator.
pub const RIVAL: Who = who("rival", "admin", Role::Admin);

/// What a mutation answered.
#[derive(Debug)]
pub struct Done {
    pub answer: Answer,
    payload: Value,
}

impl Done {
    /// Whatever it was.
    pub fn payload(&self) -> &Value {
        &self.payload
    }

    /// The payload of a mutation that was not refused.
    #[track_caller]
    pub fn done(&self) -> &Value {
        assert!(self.refusals().is_empty(), "unexpectedly refused: {}", self.answer);
        &self.payload
    }

    /// Each refusal as its code and the way to the field: `INVALID location.country`; `FORBIDDEN input` for the whole input.
    #[track_caller]
    pub fn refusals(&self) -> Vec<String> {
        self.answer.data();
        let refusals =
            self.payload["userErrors"].as_array().unwrap_or_else(|| panic!("no userErrors: {}", self.answer));
        refusals.iter().map(in_words).collect()
    }
}

fn in_words(refusal: &Value) -> String {
    let path: Vec<_> = refusal["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let code = refusal["code"].as_str().expect("a code");
    match path.as_slice() {
        [] => code.to_owned(),
        ["input"] => format!("{code} input"),
        ["input", fields @ ..] => format!("{code} {}", fields.join(".")),
        other => panic!("a path begins with `input`: {other:?}"),
    }
}

const LEAD: &str =
    "lead { id version status statusReason title price claimCount maxClaims expiresAt verifiedAt duplicateOf }";
const CLAIM: &str = "claim { id version status price refundAmount }";
const PROFILE: &str =
    "profile { id version categories serviceAreas { country region city } minBudget minScore acceptingLeads
    attributes updatedAt }";
const WALLET: &str = "wallet { id balance version } entry { id type change previousBalance balance reference reason }";

/// What of preferences is looked at, whoever shows them.
pub const PREFERENCES: &str = "{ id sound soundForPriorities quietHours { start end timeZone exceptPriorities }
    rules { type topic channel frequency } }";

/// A mutation with the variable `input`, and what tests look at of its payload.
pub fn document(mutation: &str) -> String {
    let selected = match mutation {
        "createLead" | "updateLead" | "withdrawLead" | "verifyLead" | "rejectLead" => format!("{LEAD} replayed"),
        "claimLead" | "refundClaim" => format!("{CLAIM} {LEAD} {WALLET} replayed"),
        "updateClaim" => format!("{CLAIM} {LEAD}"),
        "topUpWallet" | "adjustWallet" => format!("{WALLET} replayed"),
        "updateNotificationPreferences" => format!("preferences {PREFERENCES}"),
        "upsertUser" => "user { id name role email phone }".to_owned(),
        "revokeTokens" => "user { id }".to_owned(),
        "updateProviderProfile" => PROFILE.to_owned(),
        "updateTenantSettings" => "tenant { id settings { currency autoVerifyLeads defaultLeadPrice
             defaultRules { type topic channel frequency } } }"
            .to_owned(),
        "retryDelivery" => "delivery { id status attempts lastError nextAttemptAt }".to_owned(),
        "rotateWebhookSecret" => {
            return "mutation { rotateWebhookSecret { secret userErrors { code message path } } }".to_owned();
        }
        "createNotification" => "notifications { id recipient { id } } recipientCount replayed".to_owned(),
        notifications if notifications.to_lowercase().contains("notification") => {
            "affectedCount notifications { id readAt archivedAt snoozedUntil title } viewer { unreadCount }".to_owned()
        }
        other => panic!("say here what to select of {other}"),
    };
    let input = match mutation {
        "markNotificationsRead"
        | "markNotificationsUnread"
        | "archiveNotifications"
        | "unarchiveNotifications"
        | "unsnoozeNotifications"
        | "deleteNotifications" => "NotificationsInput".to_owned(),
        "updateTenantSettings" => "TenantSettingsInput".to_owned(),
        "updateProviderProfile" => "ProviderProfileInput".to_owned(),
        "updateNotificationPreferences" => "NotificationPreferencesInput".to_owned(),
        other => format!("{}{}Input", other[..1].to_uppercase(), &other[1..]),
    };
    format!(
        "mutation($input: {input}!) {{ {mutation}(input: $input) {{ {selected} userErrors {{ code message path }} }} }}"
    )
}

impl TestServer {
    /// Sends a query or a mutation as `who`, with a token of now.
    pub async fn ask(&self, who: Who, document: &str, variables: Value) -> Answer {
        let token = self.token_for(who.tenant, who.user, who.role);
        Client::new(self.url("/graphql"), Some(token)).query(document, variables).await
    }

    /// Runs a mutation as `who`.
    pub async fn act(&self, who: Who, mutation: &str, input: Value) -> Done {
        let answer = self.ask(who, &document(mutation), json!({ "input": input })).await;
        let payload = answer.body["data"][mutation].clone();
        Done { answer, payload }
    }

    /// Until all that has happened has been turned into notifications.
    pub async fn all_is_told(&self) {
        Sql::of(self).await.all_is_told().await;
    }

    /// Posts a lead as `casey`, changed by `change`; returns its id.
    pub async fn post(&self, change: Value) -> Value {
        let posted = self.act(CASEY, "createLead", with(lead_input(), change)).await;
        posted.done()["lead"]["id"].clone()
    }

    /// Posts a lead on behalf of `casey` with the terms of `change`, and opens it; returns its id.
    pub async fn open(&self, change: Value) -> Value {
        let input = with(with(lead_input(), json!({ "customerId": "casey" })), change);
        let posted = self.act(ADMIN, "createLead", input).await;
        let id = posted.done()["lead"]["id"].clone();
        self.act(ADMIN, "verifyLead", json!({ "id": id })).await.done();
        id
    }

    /// Claims a lead at any price; returns the claim's id.
    pub async fn claim(&self, who: Who, lead: &Value) -> Value {
        let claimed = self.act(who, "claimLead", json!({ "leadId": lead, "maxPrice": 1_000_000 })).await;
        claimed.done()["claim"]["id"].clone()
    }

    /// Adds credits to the wallet of a provider of the tenant `demo`.
    pub async fn fund(&self, owner: Who, amount: i64) {
        let input = json!({ "ownerId": owner.user, "amount": amount, "reference": unique("funds") });
        self.act(ADMIN, "topUpWallet", input).await.done();
    }

    /// What `who` is told of what happened after `cursor` and until now: all of it, in order.
    pub async fn events(&self, who: Who, after: &Value) -> Vec<Value> {
        self.matching_events(who, after, Value::Null).await
    }

    pub async fn matching_events(&self, who: Who, after: &Value, filter: Value) -> Vec<Value> {
        self.fence(after).await;
        let mut events = Vec::new();
        let mut variables = json!({ "after": after, "filter": filter });
        loop {
            let answer = self.ask(who, EVENTS, variables.clone()).await;
            let page = answer.field("events");
            events.extend(page["events"].as_array().expect("a list").iter().filter(|event| !is_fence(event)).cloned());
            if page["hasMore"] == false {
                return events;
            }
            variables["after"] = page["endCursor"].clone();
        }
    }

    /// Waits until the node has read everything that is in the log by now: up to a lead that is posted for that purpose.
    async fn fence(&self, after: &Value) {
        let input = with(lead_input(), json!({ "title": unique(FENCE) }));
        let fence = self.act(DANA, "createLead", input).await.done()["lead"]["id"].clone();
        self.told_of(&fence, after).await;
    }

    /// Waits until the node has read what the log says of a lead after a place, and with it everything before.
    pub async fn told_of(&self, lead: &Value, after: &Value) {
        let mut variables = json!({ "after": after });
        let seen = async {
            loop {
                let answer = self.ask(ADMIN, EVENTS, variables.clone()).await;
                let page = answer.field("events");
                if page["events"].as_array().expect("a list").iter().any(|event| event["lead"]["id"] == *lead) {
                    return;
                }
                variables["after"] = page["endCursor"].clone();
            }
        };
        soon("the node to read the log", seen).await;
    }

    /// The place in the log after everything that has happened by now.
    pub async fn cursor(&self) -> Value {
        let start = self.user("demo", "admin").stream_cursor().await;
        self.fence(&start).await;
        self.user("demo", "admin").stream_cursor().await
    }
}

const FENCE: &str = "A fence of the tests";

fn is_fence(event: &Value) -> bool {
    event["lead"]["title"].as_str().is_some_and(|title| title.starts_with(FENCE))
}

const EVENTS: &str = "query($after: Cursor!, $filter: LeadFilter) {
    events(after: $after, first: 500, leadFilter: $filter,
            types: [LEAD_CREATED, LEAD_UPDATED, LEAD_CLAIMED, CLAIM_UPDATED, BALANCE_UPDATED]) { hasMore endCursor events { __typename
        ... on LeadCreatedEvent { lead { id version title status } }
        ... on LeadUpdatedEvent { lead { id version title status } leadChange }
        ... on LeadClaimedEvent { lead { id version title status } claimCount available claimedByViewer claim { id } }
        ... on ClaimUpdatedEvent { lead { id version title status } claim { id status } }
        ... on BalanceUpdatedEvent { change previousBalance balance }
    } } }";

/// An event in a word.
pub fn word(event: &Value) -> String {
    match event["__typename"].as_str().expect("a type") {
        "LeadCreatedEvent" => "CREATED".to_owned(),
        "LeadClaimedEvent" => "CLAIMED".to_owned(),
        "LeadUpdatedEvent" => event["leadChange"].as_str().expect("a change").to_owned(),
        "ClaimUpdatedEvent" => "CLAIM_UPDATED".to_owned(),
        "BalanceUpdatedEvent" => format!("BALANCE{:+}", event["change"].as_i64().expect("a change")),
        "NotificationAddedEvent" => "ADDED".to_owned(),
        "NotificationUpdatedEvent" => event["notificationChange"].as_str().expect("a change").to_owned(),
        other => panic!("an unknown event: {other}"),
    }
}

/// A lead that can be posted; no two are alike.
pub fn lead_input() -> Value {
    let reference = unique("lead");
    json!({
        "reference": reference, "title": "Rewire a kitchen", "description": "Two rooms, old wiring", "category": "Electrical",
        "location": { "country": "ZA", "city": "Cape Town" },
        "contact": { "name": "Casey", "email": format!("{reference}@example.com") },
    })
}

/// A name that nothing has had before.
pub fn unique(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{kind}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// `base` with the fields of `change` put in or, where they are objects in both, changed in turn.
pub fn with(mut base: Value, change: Value) -> Value {
    match (&mut base, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                let field = fields.entry(name).or_insert(Value::Null);
                *field = with(field.take(), change);
            }
            base
        }
        (_, change) => change,
    }
}
