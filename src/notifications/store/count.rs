//! The counts of unread notifications, which are also the locks.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::{
    db::{Tx, on, schema::unread_counts},
    error::Result,
    ids::{TenantId, UserId},
};

/// The counts of these users, nobody else's to change while the transaction lasts. Taken in the order of the ids, so that two who
/// want several never wait for each other: a transaction that tells more than once locks all of them first.
pub async fn lock(tenant: TenantId, tx: &Tx, users: &[UserId]) -> Result<BTreeMap<UserId, i64>> {
    let mut users = users.to_vec();
    users.sort_unstable();
    users.dedup();
    if users.is_empty() {
        return Ok(BTreeMap::new());
    }
    let row = |user: &UserId| {
        (unread_counts::tenant_id.eq(tenant), unread_counts::user_id.eq(user.clone()), unread_counts::unread.eq(0))
    };
    let counts = unread_counts::table
        .filter(unread_counts::tenant_id.eq(tenant))
        .filter(unread_counts::user_id.eq_any(&users))
        .select((unread_counts::user_id, unread_counts::unread));
    let counts: Vec<(UserId, i64)> = on!(tx,
        sqlite conn => {
            for user in &users {
                diesel::insert_into(unread_counts::table).values(row(user)).on_conflict_do_nothing().execute(conn).await?;
            }
            counts.load(conn).await?
        },
        postgres conn => {
            let rows: Vec<_> = users.iter().map(row).collect();
            diesel::insert_into(unread_counts::table).values(rows).on_conflict_do_nothing().execute(conn).await?;
            counts.order(unread_counts::user_id).for_update().load(conn).await?
        },
    );
    Ok(counts.into_iter().collect())
}

/// Changes the counts of these users, which must be locked, by so much each. A statement for all whose counts change alike.
pub async fn raise(tenant: TenantId, tx: &Tx, by: &BTreeMap<UserId, i64>) -> Result<()> {
    let mut alike: BTreeMap<i64, Vec<&UserId>> = BTreeMap::new();
    for (user, by) in by.iter().filter(|(_, by)| **by != 0) {
        alike.entry(*by).or_default().push(user);
    }
    for (by, users) in alike {
        let rows = unread_counts::table
            .filter(unread_counts::tenant_id.eq(tenant))
            .filter(unread_counts::user_id.eq_any(users));
        let update = diesel::update(rows).set(unread_counts::unread.eq(unread_counts::unread + by));
        on!(tx, conn => update.execute(conn).await)?;
    }
    Ok(())
}

/// How many are unread, of those who have a count.
pub async fn unread_of(tenant: TenantId, tx: &Tx, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
    let rows = unread_counts::table
        .filter(unread_counts::tenant_id.eq(tenant))
        .filter(unread_counts::user_id.eq_any(users))
        .select((unread_counts::user_id, unread_counts::unread));
    Ok(on!(tx, conn => rows.load(conn).await)?)
}
