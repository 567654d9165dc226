//! Leads: what customers post and providers pay to answer.
//!
//! A lead waits IN_REVIEW until the marketplace verifies it (or opens at once, where the tenant wants that), is OPEN while it
//! has places left, FULL when they are taken, and ends EXPIRED, WITHDRAWN or REJECTED. `state.rs` is that table as pure
//! functions; `filter.rs` says which leads a list or a stream shows. Everyone in the tenant may see an opened lead and its
//! count; the contact is a value of its own, in a table of its own, that only those who paid can ask for.

mod before;
mod change;
mod content;
mod create;
mod events;
mod expire;
mod filter;
pub mod graphql;
mod list;
pub mod loader;
mod review;
mod scored;
mod state;
pub mod store;
mod update;
mod withdraw;

use diesel::{
    deserialize::FromSqlRow,
    expression::AsExpression,
    prelude::{Insertable, Queryable, Selectable},
    sql_types::Text,
};
use serde::{Deserialize, Serialize};

use crate::{
    auth::Viewer,
    clock::Timestamp,
    db::{self, schema},
    ids::{Id, UserId},
    json::JsonText,
    money::{Amount, Credits},
    users::Role,
};

pub use change::{lock, save, save_places};
pub use content::MAX_CATEGORY_CHARS;
pub use create::{CreateLeadInput, create};
pub use events::{LeadClaimed, LeadCreated, LeadUpdated, claimed, created, updated};
pub use expire::expire_due;
pub use filter::{AttributeFilter, LeadFilter, scalar_text};
pub use list::{LeadOrder, LeadOrderField, OrderDirection, list};
pub use review::{RejectLeadInput, VerifyLeadInput, reject, verify};
pub use store::find_many;
pub use update::{UpdateLeadInput, update};
pub use withdraw::{WithdrawLeadInput, withdraw};

pub type LeadId = Id<Lead>;

/// Where a lead stands.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum LeadStatus {
    /// Waits for verification; providers do not see it yet.
    InReview,
    /// Can be claimed.
    Open,
    /// All places are taken.
    Full,
    /// Its time ran out with places left.
    Expired,
    /// Taken back by its customer or by the marketplace.
    Withdrawn,
    /// Not accepted by the marketplace.
    Rejected,
}
db::text_enum!(LeadStatus);

/// What happened to a lead, other than its opening and its claims.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LeadChange {
    /// Posted, and waiting for review. Told to its customer, ADMIN and SERVICE.
    Submitted,
    /// Its content, price, places or expiry changed, or a refund freed a place.
    Edited,
    /// The last place was taken.
    Filled,
    /// It takes claims again.
    Reopened,
    /// Its time ran out.
    Expired,
    /// It was taken back.
    Withdrawn,
    /// It was not accepted.
    Rejected,
}

/// How soon the customer needs an answer.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum Urgency {
    /// Whenever it suits.
    Low,
    /// In the usual time.
    #[default]
    Normal,
    /// Soon.
    High,
    /// Now.
    Emergency,
}
db::text_enum!(Urgency);

/// How many providers already compete for a lead.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Competition {
    /// Nobody has claimed it.
    None,
    /// Somebody has.
    Some,
    /// At least as many as the tenant's `competitiveAt`.
    Competitive,
    /// No place is left.
    Full,
}

/// A lead without its contact: safe to show to everyone who may see the lead.
#[derive(Queryable, Selectable, Insertable, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[diesel(table_name = schema::leads)]
pub struct Lead {
    pub id: LeadId,
    pub version: i32,
    pub customer_id: UserId,
    pub reference: String,
    pub is_test: bool,
    pub status: LeadStatus,
    pub status_reason: Option<String>,
    pub title: String,
    pub description: String,
    pub category: String,
    pub urgency: Urgency,
    #[diesel(embed)]
    pub location: Location,
    pub attributes: Option<JsonText>,
    pub budget: Option<Amount>,
    pub price: Credits,
    pub max_claims: i32,
    pub claim_count: i32,
    pub duplicate_of: Option<LeadId>,
    pub created_at: Timestamp,
    /// When it first opened; null before.
    pub verified_at: Option<Timestamp>,
    pub expires_at: Option<Timestamp>,
}

/// Where the job is, coarsely: safe to show before a claim.
#[derive(
    async_graphql::SimpleObject, Queryable, Selectable, Insertable, Clone, PartialEq, Eq, Debug, Serialize, Deserialize,
)]
#[diesel(table_name = schema::leads)]
pub struct Location {
    /// The country, as the tenant writes it; ISO 3166-1 alpha-2 codes are recommended.
    pub country: String,
    /// The province or state.
    pub region: Option<String>,
    /// The city or town.
    pub city: Option<String>,
    /// The first characters of the postal code.
    pub postal_prefix: Option<String>,
}

/// How to reach the customer: what a provider pays for.
#[derive(async_graphql::SimpleObject, Queryable, Selectable, Clone, PartialEq, Eq, Debug)]
#[diesel(table_name = schema::contacts)]
pub struct Contact {
    /// Whom to ask for.
    pub name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A phone number, as the customer wrote it.
    pub phone: Option<String>,
    /// Where exactly the job is.
    pub address: Option<String>,
}

impl Lead {
    /// An opened lead is visible to every provider from then on, whatever becomes of it; a customer sees its own.
    pub fn visible_to(&self, viewer: &Viewer) -> bool {
        self.is_seen_by(viewer.role, &viewer.user)
    }

    /// The same for a user who is not asking.
    pub fn is_seen_by(&self, role: Role, user: &UserId) -> bool {
        match role {
            Role::Admin | Role::Service => true,
            Role::Customer => self.customer_id == *user,
            Role::Provider => self.verified_at.is_some(),
        }
    }

    /// Its customer, ADMIN and SERVICE: they see its claims and its contact without paying, and may change it.
    pub fn belongs_to(&self, viewer: &Viewer) -> bool {
        match viewer.role {
            Role::Admin | Role::Service => true,
            Role::Customer => self.customer_id == viewer.user,
            Role::Provider => false,
        }
    }

    pub fn competition(&self, competitive_at: i32) -> Competition {
        match self.claim_count {
            count if self.status == LeadStatus::Full || count >= self.max_claims => Competition::Full,
            count if count >= competitive_at => Competition::Competitive,
            0 => Competition::None,
            _ => Competition::Some,
        }
    }
}
