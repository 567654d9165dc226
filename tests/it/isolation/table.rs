//! How each root field of the schema is tried: arguments that name another tenant's things in every way there is, and what
//! then is to be found. A root that is not here fails a test, and so does an argument or a field of an input that nothing
//! here sends.

use serde_json::{Value, json};

use super::aim::Aim;
use crate::support::api::with;

/// What the other tenant finds. Some role at least: one to which a root is closed is told so, whatever it names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finds {
    /// Its own things, whatever was named: a list, a stream, what it has just made.
    Own,
    /// Null, an empty list, a silent stream; a mutation does it to nothing.
    Nothing,
    /// This error, or this refusal.
    Refusal(&'static str),
}

/// One way to ask, and what the other tenant finds by it. (Its own tenant finds something.)
pub struct Try {
    pub finds: Finds,
    pub arguments: Value,
}

pub struct Row {
    pub root: &'static str,
    pub tries: fn(&Aim) -> Vec<Try>,
}

fn own(arguments: Value) -> Try {
    Try { finds: Finds::Own, arguments }
}

fn nothing(arguments: Value) -> Try {
    Try { finds: Finds::Nothing, arguments }
}

/// A mutation of what does not exist.
fn unknown(input: Value) -> Try {
    Try { finds: Finds::Refusal("NOT_FOUND"), arguments: json!({ "input": input }) }
}

/// A mutation of the viewer's own that nobody may do.
fn refused(input: Value) -> Try {
    Try { finds: Finds::Refusal("INVALID"), arguments: json!({ "input": input }) }
}

/// A mutation that leaves alone what is not the viewer's.
fn unnoticed(input: Value) -> Try {
    nothing(json!({ "input": input }))
}

/// A mutation that makes or changes the viewer's own.
fn does(input: Value) -> Try {
    own(json!({ "input": input }))
}

/// A place that is not in the viewer's log.
fn foreign(arguments: Value) -> Try {
    Try { finds: Finds::Refusal("BAD_USER_INPUT"), arguments }
}

const fn row(root: &'static str, tries: fn(&Aim) -> Vec<Try>) -> Row {
    Row { root, tries }
}

const LEADS: [&str; 3] = ["LEAD_CREATED", "LEAD_CLAIMED", "LEAD_UPDATED"];
const NEWS: [&str; 2] = ["NOTIFICATION_ADDED", "NOTIFICATION_UPDATED"];
const MOST: i64 = (1 << 53) - 1;
const LONG_AGO: &str = "2020-01-01T00:00:00Z";
pub const FAR_AHEAD: &str = "2090-01-01T00:00:00Z";

#[rustfmt::skip]
pub const QUERIES: &[Row] = &[
    row("Query.claim", |a| vec![nothing(json!({ "id": a.claim }))]),
    row("Query.claims", |a| vec![
        own(json!({ "first": 5 })),
        own(json!({ "filter": { "providerId": "pat", "claimedAfter": LONG_AGO }, "first": 5, "after": a.claims_after })),
        nothing(json!({ "last": 5, "before": a.claims_before })),
        nothing(json!({ "filter": { "leadId": a.lead, "statuses": ["ACTIVE", "REFUNDED"] } })),
        nothing(json!({ "filter": { "leadId": a.lead, "providerId": "pat" } })),
    ]),
    row("Query.deliveries", |a| vec![
        own(json!({})),
        own(json!({ "first": 1, "after": a.deliveries_after })),
        own(json!({ "filter": { "recipientId": "pat", "statuses": ["DEAD"], "channels": ["WEBHOOK"] } })),
    ]),
    row("Query.events", |a| vec![
        own(json!({ "after": a.of_viewer.start, "first": 5 })),
        own(json!({ "after": a.of_viewer.start, "first": 2, "types": ["BALANCE_UPDATED"] })),
        own(json!({ "after": a.of_viewer.start, "first": 2, "types": ["LEAD_CLAIMED", "CLAIM_UPDATED"] })),
        nothing(json!({ "after": a.of_viewer.start, "first": 2, "types": LEADS, "leadFilter": { "customerId": a.customer } })),
        nothing(json!({ "after": a.of_viewer.start, "first": 2, "types": LEADS, "leadFilter": written(a) })),
        own(json!({ "after": a.of_viewer.start, "first": 2, "types": NEWS })),
        nothing(json!({ "after": a.of_viewer.start, "first": 2, "types": ["NOTIFICATION_ADDED"], "notificationFilter": ordered(a) })),
        foreign(json!({ "after": a.cursor, "first": 1 })),
    ]),
    row("Query.lead", |a| [&a.lead, &a.review, &a.full, &a.dear].map(|id| nothing(json!({ "id": id }))).into()),
    row("Query.leads", |a| vec![
        own(json!({ "first": 5 })),
        own(json!({ "filter": { "isTest": true }, "first": 2 })),
        own(json!({ "filter": { "claimedByViewer": true, "available": true, "createdAfter": LONG_AGO }, "first": 2 })),
        own(json!({ "filter": { "customerId": "casey" }, "first": 2, "after": a.leads_after })),
        own(json!({ "orderBy": { "field": "PRICE", "direction": "ASC" }, "first": 2 })),
        own(json!({ "orderBy": { "field": "EXPIRES_AT" }, "first": 2 })),
        own(json!({ "filter": { "minScore": 0 }, "first": 2 })),
        own(json!({ "filter": { "tiers": ["EXCELLENT"] }, "orderBy": { "field": "SCORE" }, "first": 2 })),
        nothing(json!({ "filter": { "minScore": 0, "city": a.city }, "first": 2 })),
        nothing(json!({ "last": 5, "before": a.leads_before })),
        nothing(json!({ "filter": { "customerId": a.customer } })),
        nothing(json!({ "filter": written(a), "first": 2 })),
        nothing(json!({ "filter": { "categories": [a.category] }, "first": 2 })),
        nothing(json!({ "filter": { "attributes": [{ "key": a.attribute, "in": [a.word] }] }, "first": 2 })),
    ]),
    row("Query.notification", |a| notes(a).map(|id| nothing(json!({ "id": id }))).into()),
    row("Query.notificationPreferences", |_| vec![own(json!({}))]),
    row("Query.notifications", |a| vec![
        own(json!({ "first": 5 })),
        own(json!({ "filter": { "view": "ALL", "createdAfter": LONG_AGO, "createdBefore": FAR_AHEAD }, "first": 2,
            "after": a.notes_after })),
        own(json!({ "filter": { "view": "ALL", "recipientIds": ["pat", "casey"] }, "first": 5 })),
        nothing(json!({ "last": 5, "before": a.notes_before })),
        nothing(json!({ "filter": { "view": "ALL", "recipientIds": [a.customer, a.provider] } })),
        nothing(json!({ "filter": { "view": "ALL", "references": [a.news] } })),
        nothing(json!({ "filter": { "view": "ALL", "topics": [a.topic] } })),
        nothing(json!({ "filter": { "view": "ALL", "leadId": a.lead } })),
        nothing(json!({ "filter": { "view": "ALL", "search": a.word } })),
        nothing(json!({ "filter": { "view": "ALL", "categories": [a.category] } })),
        nothing(json!({ "filter": matched(a) })),
    ]),
    row("Query.providerProfile", |a| vec![
        own(json!({})),
        own(json!({ "providerId": "pat" })),
        nothing(json!({ "providerId": a.provider })),
    ]),
    row("Query.streamCursor", |_| vec![own(json!({}))]),
    row("Query.user", |a| vec![
        own(json!({ "id": "pat" })),
        nothing(json!({ "id": a.customer })),
        nothing(json!({ "id": a.provider })),
    ]),
    row("Query.users", |a| vec![
        own(json!({})),
        own(json!({ "role": "PROVIDER", "first": 5, "after": a.users_after })),
        nothing(json!({ "search": a.word })),
    ]),
    row("Query.viewer", |_| vec![own(json!({}))]),
    row("Query.wallet", |a| vec![
        own(json!({})),
        own(json!({ "ownerId": "pat" })),
        nothing(json!({ "ownerId": a.provider })),
    ]),
];

#[rustfmt::skip]
pub const MUTATIONS: &[Row] = &[
    row("Mutation.adjustWallet", |a| vec![
        unknown(json!({ "ownerId": a.provider, "change": -1, "reference": a.fresh, "reason": "taken" })),
        does(json!({ "ownerId": "pat", "change": 1, "reference": a.payment, "reason": "given" })),
    ]),
    row("Mutation.archiveNotifications", noticed),
    row("Mutation.claimLead", |a| vec![
        unknown(json!({ "leadId": a.lead, "maxPrice": MOST })),
        unknown(json!({ "leadId": a.full, "maxPrice": MOST })),
        unknown(json!({ "leadId": a.dear, "maxPrice": MOST })),
        unknown(json!({ "leadId": a.dear, "maxPrice": 0 })),
    ]),
    row("Mutation.createLead", |a| vec![
        does(with(lead(a, &a.reference), json!({ "contact": { "email": a.email, "phone": a.phone } }))),
        does(lead(a, &a.fresh)),
        does(with(lead(a, &format!("{} again", a.fresh)), json!({ "customerId": "casey", "expiresAt": FAR_AHEAD,
            "price": 1, "maxClaims": 1, "isTest": false }))),
        unknown(with(lead(a, &a.fresh), json!({ "customerId": a.customer }))),
    ]),
    row("Mutation.createNotification", |a| vec![
        does(notification(a, json!({ "to": { "everyone": true } }))),
        does(notification(a, json!({ "to": { "userIds": ["pat", "casey"] }, "reference": a.news }))),
        does(notification(a, json!({ "to": { "role": "ADMIN" }, "reference": format!("{} again", a.fresh), "type": "CUSTOM",
            "topic": a.topic, "priority": "LOW", "data": { "taken": true } }))),
        unknown(notification(a, json!({ "to": { "userIds": [a.customer] }, "reference": a.payment }))),
        unknown(notification(a, json!({ "to": { "everyone": true }, "reference": a.gift, "leadId": a.lead }))),
    ]),
    row("Mutation.deleteNotifications", noticed),
    row("Mutation.markNotificationsRead", noticed),
    row("Mutation.markNotificationsUnread", |a| vec![
        unnoticed(json!({ "select": { "ids": [a.read_note] } })),
    ]),
    row("Mutation.openNotification", |a| vec![unnoticed(json!({ "id": a.note }))]),
    row("Mutation.refundClaim", |a| vec![
        unknown(json!({ "id": a.claim, "reason": "taken", "amount": 1, "reopenSlot": true })),
    ]),
    row("Mutation.rejectLead", |a| vec![unknown(json!({ "id": a.review, "reason": "taken" }))]),
    row("Mutation.retryDelivery", |a| vec![unknown(json!({ "id": a.delivery }))]),
    row("Mutation.revokeTokens", |a| vec![unknown(json!({ "userId": a.person }))]),
    row("Mutation.rotateWebhookSecret", |_| vec![own(json!({}))]),
    row("Mutation.snoozeNotifications", |a| vec![
        unnoticed(json!({ "select": { "ids": notes(a) }, "until": FAR_AHEAD })),
        foreign(json!({ "input": { "select": { "filter": ordered(a) }, "until": FAR_AHEAD, "upTo": a.up_to } })),
    ]),
    row("Mutation.topUpWallet", |a| vec![
        does(json!({ "ownerId": a.newcomer, "amount": 5, "reference": a.fresh, "granted": true })),
        does(json!({ "ownerId": "pat", "amount": 5, "reference": a.gift })),
    ]),
    row("Mutation.unarchiveNotifications", |a| vec![unnoticed(json!({ "select": { "ids": [a.archived_note] } }))]),
    row("Mutation.unsnoozeNotifications", |a| vec![unnoticed(json!({ "select": { "ids": [a.snoozed_note] } }))]),
    row("Mutation.updateClaim", |a| vec![unknown(json!({ "id": a.claim, "outcome": "CONTACTED" }))]),
    row("Mutation.updateLead", |a| vec![
        unknown(json!({ "id": a.lead, "title": "Taken", "description": "Taken", "category": "Taken", "urgency": "LOW",
            "location": { "country": "Taken", "region": "Taken", "city": "Taken", "postalPrefix": "T" },
            "contact": { "name": "Taken", "email": "taken@example.com", "phone": "082 000 0001", "address": "Taken" },
            "attributes": { "taken": true }, "budget": 1, "expiresAt": FAR_AHEAD })),
        unknown(json!({ "id": a.lead, "price": 1, "maxClaims": 9, "expectedVersion": 3 })),
    ]),
    row("Mutation.updateNotificationPreferences", |a| vec![
        refused(json!({ "rules": [{ "type": "LEAD_MATCHED", "channel": "IN_APP", "frequency": "DAILY" }] })),
        does(json!({ "rules": [rule(&a.word), { "type": "LEAD_MATCHED", "channel": "IN_APP", "frequency": "OFF" }] })),
        does(json!({ "sound": true, "soundForPriorities": ["NORMAL", "HIGH"], "quietHours": { "start": "21:00", "end": "06:00",
            "timeZone": "Africa/Johannesburg", "exceptPriorities": ["HIGH"] } })),
    ]),
    row("Mutation.updateNotifications", |a| vec![
        unnoticed(json!({ "select": { "ids": notes(a) }, "patch": { "title": "Taken", "message": "Taken", "priority": "LOW",
            "data": { "taken": true } } })),
        unnoticed(json!({ "select": { "filter": ordered(a) }, "patch": { "title": "Taken too" } })),
    ]),
    row("Mutation.updateProviderProfile", |a| vec![
        unknown(json!({ "providerId": a.provider, "categories": ["Taken"], "serviceAreas": [], "minBudget": 1, "minScore": 1,
            "acceptingLeads": false, "attributes": { "taken": true } })),
        does(json!({ "providerId": "quinn", "categories": [a.category], "minBudget": 1,
            "serviceAreas": [{ "country": a.country, "region": a.region, "city": a.city }] })),
    ]),
    row("Mutation.updateTenantSettings", |a| vec![
        does(json!({ "currency": "EUR", "autoVerifyLeads": false, "competitiveAt": 1, "defaultLeadPrice": 8,
            "defaultMaxClaims": 8, "leadLifetimeHours": 8, "lowBalanceThreshold": 8 })),
        does(json!({ "defaultRules": [rule(&a.word)] })),
        refused(json!({ "webhookUrl": "ftp://127.0.0.1/hook" })),
    ]),
    row("Mutation.upsertUser", |a| vec![
        does(json!({ "id": a.person, "role": "PROVIDER", "name": "Taken", "email": "taken@example.com" })),
        does(json!({ "id": "pat", "role": "PROVIDER", "phone": "082 000 0001" })),
        does(json!({ "id": "riley", "role": "CUSTOMER" })),
    ]),
    row("Mutation.verifyLead", |a| vec![unknown(json!({ "id": a.review }))]),
    row("Mutation.withdrawLead", |a| vec![
        unknown(json!({ "id": a.lead, "reason": "taken", "expectedVersion": 1 })),
        unknown(json!({ "id": a.lead, "refundClaims": true })),
    ]),
];

#[rustfmt::skip]
pub const SUBSCRIPTIONS: &[Row] = &[
    row("Subscription.balanceUpdated", on_from_anywhere),
    row("Subscription.claimUpdated", on_from_anywhere),
    row("Subscription.events", |a| {
        let mut tries = on_from_anywhere(a);
        tries.extend([json!({ "customerId": a.customer }), written(a)].map(|filter| {
            nothing(json!({ "after": a.of_viewer.end, "types": LEADS, "leadFilter": filter }))
        }));
        tries.push(own(json!({ "types": ["PROGRESS", "LEAD_CREATED"] })));
        tries.push(nothing(json!({ "after": a.of_viewer.end, "types": ["NOTIFICATION_ADDED"], "notificationFilter": ordered(a) })));
        tries
    }),
    row("Subscription.leadClaimed", |a| {
        let mut tries = filtered(a);
        tries.extend([
            own(json!({ "after": a.of_viewer.end, "leadIds": [a.lead, a.of_viewer.fence] })),
            nothing(json!({ "after": a.of_viewer.end, "leadIds": [a.lead, a.full] })),
        ]);
        tries
    }),
    row("Subscription.leadCreated", filtered),
    row("Subscription.leadUpdated", filtered),
    row("Subscription.notificationAdded", |a| {
        let mut tries = on_from_anywhere(a);
        tries.extend([ordered(a), matched(a)].map(|filter| nothing(json!({ "after": a.of_viewer.end, "filter": filter }))));
        tries
    }),
    row("Subscription.notificationUpdated", on_from_anywhere),
];

fn notes(a: &Aim) -> [&str; 4] {
    [&a.note, &a.read_note, &a.archived_note, &a.snoozed_note].map(String::as_str)
}

/// What is done to notifications of others is done to none.
fn noticed(a: &Aim) -> Vec<Try> {
    vec![
        unnoticed(json!({ "select": { "ids": [a.note] } })),
        unnoticed(
            json!({ "select": { "filter": { "view": "ALL", "references": [a.news], "recipientIds": ["admin", "robot"] } } }),
        ),
        foreign(json!({ "input": { "select": { "filter": ordered(a) }, "upTo": a.up_to } })),
    ]
}

/// The match of a lead, as a filter.
fn matched(a: &Aim) -> Value {
    json!({ "view": "ALL", "types": ["LEAD_MATCHED"], "tiers": ["EXCELLENT", "GOOD"], "categories": [a.category] })
}

/// Everything that is written in the notification of an order, as a filter.
fn ordered(a: &Aim) -> Value {
    json!({ "view": "ALL", "types": ["CUSTOM"], "topics": [a.topic], "unread": true, "priorities": ["HIGH"], "leadId": a.lead,
        "categories": [a.category], "attributes": [{ "key": a.attribute, "in": [a.word] }], "search": a.word })
}

fn on_from_anywhere(a: &Aim) -> Vec<Try> {
    vec![own(json!({})), own(json!({ "after": a.of_viewer.end })), foreign(json!({ "after": a.cursor }))]
}

fn filtered(a: &Aim) -> Vec<Try> {
    let mut tries = on_from_anywhere(a);
    let filters = [json!({ "customerId": a.customer }), written(a)];
    tries.extend(filters.map(|filter| nothing(json!({ "after": a.of_viewer.end, "filter": filter }))));
    tries
}

/// Everything that is written in a lead, as a filter.
fn written(a: &Aim) -> Value {
    json!({ "statuses": ["OPEN", "FULL"], "categories": [a.category], "urgencies": ["HIGH"], "country": a.country,
        "region": a.region, "city": a.city, "attributes": [{ "key": a.attribute, "in": [a.word] }], "search": a.word,
        "maxPrice": MOST, "isTest": false })
}

/// Something to tell, as it shall be.
fn notification(a: &Aim, change: Value) -> Value {
    with(json!({ "title": "Taken", "message": "Taken", "reference": a.fresh }), change)
}

/// A rule for a topic of this name.
fn rule(topic: &str) -> Value {
    json!({ "type": "CUSTOM", "topic": topic, "channel": "EMAIL", "frequency": "HOURLY" })
}

/// A lead of the viewer's own that looks like another's.
fn lead(a: &Aim, reference: &str) -> Value {
    json!({ "reference": reference, "title": "Taken", "description": "Taken", "category": a.category, "urgency": "LOW",
        "location": { "country": a.country, "region": "Taken", "city": a.city, "postalPrefix": "T" },
        "contact": { "name": "Taken", "email": a.email, "address": "Taken" }, "attributes": { "taken": true }, "budget": 1 })
}
