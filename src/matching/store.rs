//! Profiles and their categories in the database.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use super::{ProviderProfile, ServiceArea};
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

type Columns = (
    provider_profiles::provider_id,
    provider_profiles::version,
    provider_profiles::categories,
    provider_profiles::service_areas,
    provider_profiles::min_budget,
    provider_profiles::attributes,
    provider_profiles::min_score,
    provider_profiles::accepting_leads,
    provider_profiles::updated_at,
);
const COLUMNS: Columns = (
    provider_profiles::provider_id,
    provider_profiles::version,
    provider_profiles::categories,
    provider_profiles::service_areas,
    provider_profiles::min_budget,
    provider_profiles::attributes,
    provider_profiles::min_score,
    provider_profiles::accepting_leads,
    provider_profiles::updated_at,
);
type Row = (UserId, i32, Value, Value, Option<Amount>, Option<Value>, i32, bool, Timestamp);

fn profile(row: Row) -> Result<ProviderProfile> {
    let (provider_id, version, categories, areas, min_budget, attributes, min_score, accepting_leads, updated_at) = row;
    let categories: Vec<String> = serde_json::from_value(categories).map_err(Error::internal)?;
    let service_areas: Vec<ServiceArea> = serde_json::from_value(areas).map_err(Error::internal)?;
    let updated_at = Some(updated_at);
    Ok(ProviderProfile {
        provider_id,
        version,
        categories,
        service_areas,
        min_budget,
        attributes,
        min_score,
        accepting_leads,
        updated_at,
    })
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
        .limit(limit)
        .select(COLUMNS);
    let rows: Vec<Row> = on!(tx, conn => query.load(conn).await)?;
    rows.into_iter().map(profile).collect()
}

/// The profile of each of these providers; of who has set nothing the default one.
pub async fn profiles(tenant: TenantId, tx: &Tx, providers: &[UserId]) -> Result<HashMap<UserId, ProviderProfile>> {
    let query = provider_profiles::table
        .filter(provider_profiles::tenant_id.eq(tenant))
        .filter(provider_profiles::provider_id.eq_any(providers))
        .select(COLUMNS);
    let rows: Vec<Row> = on!(tx, conn => query.load(conn).await)?;
    let mut found: HashMap<_, _> =
        providers.iter().map(|provider| (provider.clone(), ProviderProfile::default_of(provider.clone()))).collect();
    for row in rows {
        let profile = profile(row)?;
        found.insert(profile.provider_id.clone(), profile);
    }
    Ok(found)
}

/// The profile if there is one, nobody else's to change while the transaction lasts. (On SQLite a transaction that writes is
/// alone.)
pub(super) async fn lock(tenant: TenantId, tx: &Tx, provider: &UserId) -> Result<Option<ProviderProfile>> {
    let row = provider_profiles::table.find((tenant, provider));
    let found: Option<Row> = on!(tx,
        sqlite conn => row.select(COLUMNS).first(conn).await,
        postgres conn => row.select(COLUMNS).for_update().first(conn).await,
    )
    .optional()?;
    found.map(profile).transpose()
}

/// False when there is one already: on PostgreSQL this waits for whoever is just making it.
pub(super) async fn insert(tenant: TenantId, tx: &Tx, now: Timestamp, profile: &ProviderProfile) -> Result<bool> {
    let row = (
        provider_profiles::tenant_id.eq(tenant),
        provider_profiles::provider_id.eq(&profile.provider_id),
        provider_profiles::version.eq(profile.version),
        provider_profiles::categories.eq(json(&profile.categories)?),
        provider_profiles::service_areas.eq(json(&profile.service_areas)?),
        provider_profiles::min_budget.eq(profile.min_budget),
        provider_profiles::attributes.eq(&profile.attributes),
        provider_profiles::min_score.eq(profile.min_score),
        provider_profiles::accepting_leads.eq(profile.accepting_leads),
        provider_profiles::updated_at.eq(now),
    );
    let insert = diesel::insert_into(provider_profiles::table).values(row).on_conflict_do_nothing();
    Ok(on!(tx, conn => insert.execute(conn).await)? == 1)
}

/// Writes a profile that was locked and changed.
pub(super) async fn save(tenant: TenantId, tx: &Tx, now: Timestamp, profile: &ProviderProfile) -> Result<()> {
    let set = (
        provider_profiles::version.eq(profile.version),
        provider_profiles::categories.eq(json(&profile.categories)?),
        provider_profiles::service_areas.eq(json(&profile.service_areas)?),
        provider_profiles::min_budget.eq(profile.min_budget),
        provider_profiles::attributes.eq(&profile.attributes),
        provider_profiles::min_score.eq(profile.min_score),
        provider_profiles::accepting_leads.eq(profile.accepting_leads),
        provider_profiles::updated_at.eq(now),
    );
    let row = provider_profiles::table.find((tenant, &profile.provider_id));
    on!(tx, conn => diesel::update(row).set(set).execute(conn).await)?;
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

fn json(list: &impl serde::Serialize) -> Result<Value> {
    serde_json::to_value(list).map_err(Error::internal)
}
