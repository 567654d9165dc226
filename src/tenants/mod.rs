//! Tenants: separate marketplaces in one database. Nothing of one is ever seen from another.

mod directory;
pub mod graphql;
mod settings;
pub mod store;

use std::time::Duration;

use diesel::prelude::{Queryable, Selectable};

use crate::{
    clock::Timestamp,
    db::{Db, Tx, schema},
    error::{Error, Result, UserError},
    ids::{Id, TenantId},
    input::Input,
    money::Credits,
};

pub use directory::Directory;
pub use settings::{TenantSettingsInput, update_settings};

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
#[diesel(table_name = schema::tenants)]
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
}

impl TenantSettings {
    pub fn lead_lifetime(&self) -> Duration {
        Duration::from_secs(u64::from(self.lead_lifetime_hours.unsigned_abs()) * 3_600)
    }
}

/// Makes a tenant with the default settings.
pub async fn create(db: &Db, slug: &str, name: &str, now: Timestamp) -> Result<TenantId> {
    let mut input = Input::default();
    let well_formed = (1..=63).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-');
    if !well_formed {
        input.invalid(&["slug"], "A slug is 1 to 63 lower-case letters, digits and dashes, with no dash at its ends.");
    }
    let name = input.text(&["name"], name, 200);
    input.accept()?;
    let (id, slug) = (Id::random(), slug.to_owned());
    db.upkeep(async move |tx| {
        if store::insert(tx, id, &slug, &name, now).await? {
            Ok(id)
        } else {
            Err(Error::from(UserError::invalid(&["slug"], format!("There is already a tenant {slug:?}."))))
        }
    })
    .await
}

pub async fn find_by_slug(db: &Db, slug: &str) -> Result<Option<TenantId>> {
    let slug = slug.to_owned();
    db.across(async move |tx| store::find_by_slug(tx, &slug).await).await
}

/// The settings as they are in this transaction.
pub async fn settings(tenant: TenantId, tx: &mut Tx) -> Result<TenantSettings> {
    Ok(store::find(tenant, tx).await?.settings)
}
