//! Tenants: separate marketplaces in one database. Nothing of one is ever seen from another.

mod create;
mod directory;
pub mod graphql;
mod settings;
pub mod store;

use std::time::Duration;

use diesel::prelude::{Queryable, Selectable};

use crate::{db::schema, ids::TenantId, money::Credits, preferences::Rules};

pub use create::{create, find_by_slug};
pub use directory::Directory;
pub use settings::{TenantSettingsInput, settings, update_settings};
pub use store::{find, lock};

/// A marketplace.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = schema::tenants)]
pub struct Tenant {
    pub id: TenantId,
    /// How tokens name it.
    pub slug: String,
    pub name: String,
    #[diesel(embed)]
    pub settings: TenantSettings,
}

/// How a marketplace works. Everyone in the tenant may read them; ADMIN changes them.
#[derive(async_graphql::SimpleObject, Queryable, Selectable, diesel::AsChangeset, Clone, PartialEq, Debug)]
#[graphql(complex)]
#[diesel(table_name = schema::tenants, treat_none_as_null = true)]
pub struct TenantSettings {
    /// The currency of amounts of money: an ISO 4217 code such as `ZAR`.
    pub currency: String,
    /// Whether a new lead opens at once. If not, it waits IN_REVIEW until `verifyLead`. One that looks like a duplicate waits
    /// in any case.
    pub auto_verify_leads: bool,
    /// What a lead costs, in credits, unless its price is given.
    pub default_lead_price: Credits,
    /// How many providers may claim a lead, unless its `maxClaims` is given. From 1 to 1,000.
    pub default_max_claims: i32,
    /// How long a lead stays open from its opening, in hours, unless its `expiresAt` is given. From 1 to 8,760.
    pub lead_lifetime_hours: i32,
    /// From this many claims on a lead counts as COMPETITIVE. From 1 to 1,000.
    pub competitive_at: i32,
    /// A wallet below this many credits is low.
    pub low_balance_threshold: Credits,
    #[graphql(skip)]
    pub default_rules: Rules,
    /// Seen by ADMIN alone.
    #[graphql(skip)]
    pub webhook_url: Option<String>,
}

impl TenantSettings {
    pub fn lead_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.lead_lifetime_hours.unsigned_abs()) * 3_600)
    }
}
