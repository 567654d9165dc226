//! Claims: a provider has paid for a lead.
//!
//! A claim takes a place of the lead, is paid from the provider's wallet and opens the contact to its provider, all in
//! one transaction (`claim.rs`). It goes ACTIVE → CONTACTED → WON or LOST (`state.rs`); a refund ends it, hides the
//! contact again and, unless said otherwise, gives the place back. A claim changes only while its lead is locked.

mod claim;
pub mod events;
pub mod graphql;
mod list;
pub mod loader;
mod lock;
mod refund;
mod state;
mod store;
mod update;

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
    leads::Lead,
    money::Credits,
    users::Role,
};

pub use claim::{ClaimLeadInput, Claimed, claim};
pub use list::{ClaimFilter, Key, LIST, claimed_among, list};
pub use refund::{RefundClaimInput, refund, refund_all};
pub use store::of_lead;
pub use update::{UpdateClaimInput, update};

pub type ClaimId = Id<Claim>;

/// How far a claim has come.
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
pub enum ClaimStatus {
    /// Paid; the contact is open to the provider.
    Active,
    /// The provider has contacted the customer.
    Contacted,
    /// The provider got the job.
    Won,
    /// The provider did not get the job.
    Lost,
    /// Paid back, in whole or in part; the contact is hidden again. Final.
    Refunded,
}
db::text_enum!(ClaimStatus);

/// What a provider says became of its claim.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClaimOutcome {
    /// The customer was contacted.
    Contacted,
    /// The job was won.
    Won,
    /// The job was lost.
    Lost,
}

/// A provider's paid access to a lead.
#[derive(Queryable, Selectable, Insertable, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[diesel(table_name = schema::claims)]
pub struct Claim {
    pub id: ClaimId,
    pub version: i32,
    pub lead_id: Id<Lead>,
    pub provider_id: UserId,
    /// The lead's customer.
    pub customer_id: UserId,
    pub status: ClaimStatus,
    pub price: Credits,
    pub claimed_at: Timestamp,
    pub contacted_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub refunded_at: Option<Timestamp>,
    /// What was paid back; null until refunded.
    pub refund_amount: Option<Credits>,
}

impl Claim {
    /// Its provider, the lead's customer, ADMIN and SERVICE.
    pub fn visible_to(&self, viewer: &Viewer) -> bool {
        match viewer.role {
            Role::Admin | Role::Service => true,
            Role::Provider => self.provider_id == viewer.user,
            Role::Customer => self.customer_id == viewer.user,
        }
    }

    /// Whether it opens the lead's contact to its provider.
    pub fn opens_contact(&self) -> bool {
        self.status != ClaimStatus::Refunded
    }
}
