//! What webhooks are signed with.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::webhook_secrets},
    error::Result,
    ids::{Id, TenantId},
};

/// Secrets that sign at once at most: the oldest ends when there would be more.
const MOST: usize = 5;

/// Whether the tenant has ever made one.
pub async fn has_secret(tenant: TenantId, tx: &Tx) -> Result<bool> {
    let current = webhook_secrets::table
        .filter(webhook_secrets::tenant_id.eq(tenant))
        .filter(webhook_secrets::valid_until.is_null());
    let count: i64 = on!(tx, conn => current.count().get_result(conn).await)?;
    Ok(count > 0)
}

/// Those that sign now, newest first.
pub async fn live(tenant: TenantId, tx: &Tx, now: Timestamp) -> Result<Vec<Vec<u8>>> {
    let live = webhook_secrets::table
        .filter(webhook_secrets::tenant_id.eq(tenant))
        .filter(webhook_secrets::valid_until.is_null().or(webhook_secrets::valid_until.gt(now)))
        .order((webhook_secrets::created_at.desc(), webhook_secrets::id.desc()))
        .select(webhook_secrets::secret);
    Ok(on!(tx, conn => live.load(conn).await)?)
}

/// Puts a new one into the place of the current one, which goes on until `until`. The tenant must be locked.
pub async fn replace(tenant: TenantId, tx: &Tx, now: Timestamp, until: Timestamp, secret: &[u8]) -> Result<()> {
    let own = || webhook_secrets::table.filter(webhook_secrets::tenant_id.eq(tenant));
    let ended = diesel::delete(own().filter(webhook_secrets::valid_until.le(now)));
    on!(tx, conn => ended.execute(conn).await)?;
    let newest_first =
        own().order((webhook_secrets::created_at.desc(), webhook_secrets::id.desc())).select(webhook_secrets::id);
    let ids: Vec<Id<Uuid>> = on!(tx, conn => newest_first.load(conn).await)?;
    if let Some(oldest) = ids.get(MOST - 1..).filter(|oldest| !oldest.is_empty()) {
        let oldest = diesel::delete(own().filter(webhook_secrets::id.eq_any(oldest)));
        on!(tx, conn => oldest.execute(conn).await)?;
    }
    let current = own().filter(webhook_secrets::valid_until.is_null());
    let replaced = diesel::update(current).set(webhook_secrets::valid_until.eq(until));
    on!(tx, conn => replaced.execute(conn).await)?;
    let row = (
        webhook_secrets::tenant_id.eq(tenant),
        webhook_secrets::id.eq(Id::<Uuid>::random()),
        webhook_secrets::secret.eq(secret),
        webhook_secrets::created_at.eq(now),
    );
    let insert = diesel::insert_into(webhook_secrets::table).values(row);
    on!(tx, conn => insert.execute(conn).await)?;
    Ok(())
}
