//! Profiles and their categories in the database.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::ProviderProfile;
use crate::{
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{provider_categories, provider_profiles, users},
    },
    error::{Error, Result},
    ids::{TenantId, UserId},
    input::normalised,
    money::Amount,
    users::Role,
};

/// A profile as it is kept.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = provider_profiles, primary_key(tenant_id, provider_id), treat_none_as_null = true)]
struct Row {
    tenant_id: TenantId,
    provider_id: UserId,
    version: i32,
    categories: Value,
    service_areas: Value,
    min_budget: Option<Amount>,
    attributes: Option<Value>,
    min_score: i32,
    accepting_leads: bool,
    updated_at: Timestamp,
}

impl Row {
    fn of(tenant_id: TenantId, updated_at: Timestamp, profile: &ProviderProfile) -> Result<Self> {
        Ok(Self {
            tenant_id,
            provider_id: profile.provider_id.clone(),
            version: profile.version,
            categories: serde_json::to_value(&profile.categories).map_err(Error::internal)?,
            service_areas: serde_json::to_value(&profile.service_areas).map_err(Error::internal)?,
            min_budget: profile.min_budget,
            attributes: profile.attributes.clone(),
            min_score: profile.min_score,
            accepting_leads: profile.accepting_leads,
            updated_at,
        })
    }

    fn profile(self) -> Result<ProviderProfile> {
        Ok(ProviderProfile {
            provider_id: self.provider_id,
            version: self.version,
            categories: serde_json::from_value(self.categories).map_err(Error::internal)?,
            service_areas: serde_json::from_value(self.service_areas).map_err(Error::internal)?,
            min_budget: self.min_budget,
            attributes: self.attributes,
            min_score: self.min_score,
            accepting_leads: self.accepting_leads,
            updated_at: Some(self.updated_at),
        })
    }
}

/// The providers that accept leads of this category (whatever its case), by their ids, from the first after `after`, at most
/// `limit`: fewer when there are no more.
pub async fn candidates(
    tenant: TenantId,
    tx: &Tx,
    category: &str,
    after: Option<&UserId>,
    limit: i64,
) -> Result<Vec<ProviderProfile>> {
    // Nobody is called "".
    let after = after.map_or("", UserId::as_str);
    let of = provider_categories::tenant_id
        .eq(provider_profiles::tenant_id)
        .and(provider_categories::provider_id.eq(provider_profiles::provider_id));
    let user = users::tenant_id.eq(provider_categories::tenant_id).and(users::id.eq(provider_categories::provider_id));
    // Somebody may be something else by now.
    let query = provider_categories::table
        .inner_join(provider_profiles::table.on(of))
        .inner_join(users::table.on(user))
        .filter(provider_categories::tenant_id.eq(tenant))
        .filter(provider_categories::category.eq(normalised(category)))
        .filter(provider_categories::provider_id.gt(after))
        .filter(users::role.eq(Role::Provider))
        .order(provider_categories::provider_id)
        .limit(limit);
    let rows: Vec<Row> = on!(tx, conn => query.select(Row::as_select()).load(conn).await)?;
    rows.into_iter().map(Row::profile).collect()
}

/// The profile of each of these providers; of who has set nothing the default one.
pub async fn profiles(tenant: TenantId, tx: &Tx, providers: &[UserId]) -> Result<HashMap<UserId, ProviderProfile>> {
    let query = provider_profiles::table
        .filter(provider_profiles::tenant_id.eq(tenant))
        .filter(provider_profiles::provider_id.eq_any(providers));
    let rows: Vec<Row> = on!(tx, conn => query.select(Row::as_select()).load(conn).await)?;
    let mut found: HashMap<_, _> =
        providers.iter().map(|provider| (provider.clone(), ProviderProfile::default_of(provider.clone()))).collect();
    for row in rows {
        let profile = row.profile()?;
        found.insert(profile.provider_id.clone(), profile);
    }
    Ok(found)
}

/// The profile if there is one, nobody else's to change while the transaction lasts. (On SQLite a transaction that writes is
/// alone.)
pub(super) async fn lock(tenant: TenantId, tx: &Tx, provider: &UserId) -> Result<Option<ProviderProfile>> {
    let row = provider_profiles::table.find((tenant, provider));
    let found: Option<Row> = on!(tx,
        sqlite conn => row.select(Row::as_select()).first(conn).await,
        postgres conn => row.select(Row::as_select()).for_update().first(conn).await,
    )
    .optional()?;
    found.map(Row::profile).transpose()
}

/// False when there is one already: on PostgreSQL this waits for whoever is just making it.
pub(super) async fn insert(tenant: TenantId, tx: &Tx, now: Timestamp, profile: &ProviderProfile) -> Result<bool> {
    let row = Row::of(tenant, now, profile)?;
    let insert = diesel::insert_into(provider_profiles::table).values(row).on_conflict_do_nothing();
    Ok(on!(tx, conn => insert.execute(conn).await)? == 1)
}

/// Writes a profile that was locked and changed.
pub(super) async fn save(tenant: TenantId, tx: &Tx, now: Timestamp, profile: &ProviderProfile) -> Result<()> {
    let row = Row::of(tenant, now, profile)?;
    let old = provider_profiles::table.find((tenant, &profile.provider_id));
    on!(tx, conn => diesel::update(old).set(row).execute(conn).await)?;
    Ok(())
}

/// Makes `profile` one of those that [`candidates`] finds: in its categories, while it accepts leads.
pub(super) async fn enlist(tenant: TenantId, tx: &Tx, profile: &ProviderProfile) -> Result<()> {
    let old = provider_categories::table
        .filter(provider_categories::tenant_id.eq(tenant))
        .filter(provider_categories::provider_id.eq(&profile.provider_id));
    on!(tx, conn => diesel::delete(old).execute(conn).await)?;
    for category in profile.categories.iter().filter(|_| profile.accepting_leads) {
        let row = (
            provider_categories::tenant_id.eq(tenant),
            provider_categories::category.eq(normalised(category)),
            provider_categories::provider_id.eq(&profile.provider_id),
        );
        let insert = diesel::insert_into(provider_categories::table).values(row);
        on!(tx, conn => insert.execute(conn).await)?;
    }
    Ok(())
}
