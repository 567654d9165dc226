//! The tenants table.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Tenant, TenantSettings};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::tenants},
    error::Result,
    ids::TenantId,
};

/// False when the slug is taken.
pub async fn insert(tx: &Tx, id: TenantId, slug: &str, name: &str, now: Timestamp) -> Result<bool> {
    let row = (tenants::id.eq(id), tenants::slug.eq(slug), tenants::name.eq(name), tenants::created_at.eq(now));
    let inserted = on!(tx, conn => diesel::insert_into(tenants::table)
        .values(row)
        .on_conflict(tenants::slug)
        .do_nothing()
        .execute(conn)
        .await)?;
    Ok(inserted == 1)
}

pub async fn find_by_slug(tx: &Tx, slug: &str) -> Result<Option<TenantId>> {
    let query = tenants::table.filter(tenants::slug.eq(slug)).select(tenants::id);
    Ok(on!(tx, conn => query.first(conn).await.optional())?)
}

pub async fn find(tenant: TenantId, tx: &Tx) -> Result<Tenant> {
    let query = tenants::table.find(tenant);
    Ok(on!(tx, conn => query.select(Tenant::as_select()).first(conn).await)?)
}

/// The same, locked until the transaction ends; rows that refer to the tenant may still come.
pub async fn lock(tenant: TenantId, tx: &Tx) -> Result<Tenant> {
    let query = tenants::table.find(tenant);
    Ok(on!(tx,
        sqlite conn => query.select(Tenant::as_select()).first(conn).await,
        postgres conn => query.select(Tenant::as_select()).for_no_key_update().first(conn).await,
    )?)
}

pub async fn save_settings(tenant: TenantId, tx: &Tx, settings: &TenantSettings) -> Result<()> {
    on!(tx, conn => diesel::update(tenants::table.find(tenant)).set(settings).execute(conn).await)?;
    Ok(())
}
