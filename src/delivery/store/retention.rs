//! Deleting old deliveries.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::DeliveryId;
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::deliveries},
    error::Result,
    ids::TenantId,
};

/// Deletes the oldest of what is not tried any more and was made before `cutoff`, of all tenants; at most `limit`. Returns whether
/// there may be more.
pub async fn cut(tx: &Tx, cutoff: Timestamp, limit: i64) -> Result<bool> {
    let old = deliveries::table
        .filter(deliveries::next_attempt_at.is_null())
        .filter(deliveries::created_at.lt(cutoff))
        .order(deliveries::created_at)
        .limit(limit)
        .select((deliveries::tenant_id, deliveries::id));
    let old: Vec<(TenantId, DeliveryId)> = on!(tx, conn => old.load(conn).await)?;
    let mut of_tenants: HashMap<TenantId, Vec<DeliveryId>> = HashMap::new();
    for (tenant, id) in &old {
        of_tenants.entry(*tenant).or_default().push(*id);
    }
    let mut count = 0;
    for (tenant, ids) in of_tenants {
        let cut = deliveries::table
            .filter(deliveries::tenant_id.eq(tenant))
            .filter(deliveries::id.eq_any(ids))
            // What is revived meanwhile stays.
            .filter(deliveries::next_attempt_at.is_null());
        count += on!(tx, conn => diesel::delete(cut).execute(conn).await)?;
    }
    Ok(count > 0 && i64::try_from(old.len()) == Ok(limit))
}
