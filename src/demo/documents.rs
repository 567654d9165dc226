//! What is asked of the server, and how its answers read.
//!
//! Every stream and every mutation selects all that could give something away (the contact, the customer, the claims), so
//! that what a viewer may not see is seen to be null, and not merely left out.

use serde_json::Value;

const LEAD: &str = "lead {
    id status price claimCount maxClaims
    contact { name email phone } customer { id } claims { nodes { provider { id } } } viewerClaim { id }
}";
const CLAIMED: &str = "claimCount maxClaims claimedByViewer claim { id provider { id } }";
const NOTIFICATION: &str = "viewer { unreadCount } notification {
    type title message priority lead { id } match { score tier reasons { code points } }
}";
const BALANCE: &str = "balance previousBalance change entry { id type }";

/// A subscription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, strum::IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Stream {
    Events,
    LeadCreated,
    LeadClaimed,
    LeadUpdated,
    BalanceUpdated,
    NotificationAdded,
}

impl Stream {
    pub const ALL: [Self; 6] = [
        Self::Events,
        Self::LeadCreated,
        Self::LeadClaimed,
        Self::LeadUpdated,
        Self::BalanceUpdated,
        Self::NotificationAdded,
    ];

    pub fn field(self) -> &'static str {
        self.into()
    }

    pub fn document(self) -> String {
        let selection = match self {
            Self::Events => format!(
                "... on LeadCreatedEvent {{ {LEAD} }} ... on LeadClaimedEvent {{ {LEAD} {CLAIMED} }}
                ... on LeadUpdatedEvent {{ {LEAD} leadChange }} ... on BalanceUpdatedEvent {{ {BALANCE} }}
                ... on NotificationAddedEvent {{ {NOTIFICATION} }}"
            ),
            Self::LeadCreated => LEAD.to_owned(),
            Self::LeadClaimed => format!("{LEAD} {CLAIMED}"),
            Self::LeadUpdated => format!("{LEAD} leadChange"),
            Self::BalanceUpdated => BALANCE.to_owned(),
            Self::NotificationAdded => NOTIFICATION.to_owned(),
        };
        let field = self.field();
        format!(
            "subscription Demo($after: Cursor) {{
                {field}(after: $after) {{ __typename cursor occurredAt backlog {selection} }}
            }}"
        )
    }
}

/// A mutation of the demo.
#[derive(Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "camelCase")]
pub enum Mutation {
    CreateLead,
    VerifyLead,
    ClaimLead,
    WithdrawLead,
    TopUpWallet,
    UpdateProviderProfile,
}

impl Mutation {
    pub fn field(self) -> &'static str {
        self.into()
    }

    pub fn document(self) -> String {
        let selection = match self {
            Self::CreateLead | Self::VerifyLead | Self::WithdrawLead => format!("{LEAD} replayed"),
            Self::ClaimLead => format!("{LEAD} claim {{ id }} wallet {{ balance }} entry {{ id }} replayed"),
            Self::TopUpWallet => "wallet { balance } entry { id } replayed".to_owned(),
            Self::UpdateProviderProfile => "profile { categories }".to_owned(),
        };
        let field = self.field();
        let input = match self {
            Self::UpdateProviderProfile => "ProviderProfileInput".to_owned(),
            _ => format!("{}{}Input", field[..1].to_uppercase(), &field[1..]),
        };
        format!(
            "mutation Demo($input: {input}!) {{
                {field}(input: $input) {{ {selection} userErrors {{ code message path }} }}
            }}"
        )
    }
}

pub const LEAD_QUERY: &str = "query Demo($id: ID!) {
    lead(id: $id) {
        status claimCount maxClaims
        contact { email } customer { id } claims { nodes { provider { id } } } viewerClaim { id }
    }
}";
pub const LEAD_PRICE: &str = "{ viewer { tenant { settings { defaultLeadPrice } } } }";
pub const STREAM_CURSOR: &str = "{ streamCursor }";

/// What kind of event it is, in the words of the subscription that brings only these: `leadClaimed`.
pub fn kind(event: &Value) -> String {
    let name = event["__typename"].as_str().unwrap_or("?");
    let name = name.strip_suffix("Event").unwrap_or(name);
    name.chars().enumerate().map(|(n, c)| if n == 0 { c.to_ascii_lowercase() } else { c }).collect()
}

/// An event, or the payload of a mutation, in a line.
pub fn describe(value: &Value) -> String {
    let mut parts = Vec::new();
    if value["lead"].is_object() {
        parts.push(lead(&value["lead"]));
    }
    // A lead that was withdrawn is WITHDRAWN: that need not be said twice.
    if let Some(change) = value["leadChange"].as_str().filter(|change| value["lead"]["status"] != *change) {
        parts.push(change.to_owned());
    }
    if let Some(provider) = value["claim"]["provider"]["id"].as_str() {
        parts.push(if value["claimedByViewer"] == true {
            "own claim".to_owned()
        } else {
            format!("claim of {provider}")
        });
    }
    if value["notification"].is_object() {
        parts.push(notification(&value["notification"]));
        parts.push(format!("{} unread", value["viewer"]["unreadCount"]));
    }
    if let Some(categories) = value["profile"]["categories"].as_array() {
        parts.push(categories.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" and "));
    }
    if value["balance"].is_number() {
        parts.push(format!(
            "{} → {} credits ({:+})",
            value["previousBalance"],
            value["balance"],
            number(&value["change"])
        ));
    }
    if value["wallet"]["balance"].is_number() {
        parts.push(format!("{} credits left", value["wallet"]["balance"]));
    }
    if value["replayed"] == true {
        parts.push("had been done before".to_owned());
    }
    if value["backlog"] == true {
        parts.push("backlog: true".to_owned());
    }
    parts.join(", ")
}

fn lead(lead: &Value) -> String {
    let contact = lead["contact"]["email"].as_str().unwrap_or("null");
    let status = lead["status"].as_str().unwrap_or("?");
    format!("{status:<9} {} of {} taken, contact: {contact}", lead["claimCount"], lead["maxClaims"])
}

fn notification(notification: &Value) -> String {
    let text = |field: &str| notification[field].as_str().unwrap_or("?");
    let found = &notification["match"];
    let reason = |reason: &Value| Some(format!("{} {}", reason["code"].as_str()?, reason["points"]));
    let reasons = found["reasons"].as_array().into_iter().flatten().filter_map(reason).collect::<Vec<_>>().join(", ");
    let score = if found.is_null() { String::new() } else { format!(", {} of 100 ({reasons})", found["score"]) };
    format!("{}: {}{score}", text("title"), text("message"))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}
