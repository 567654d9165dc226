//! The notification_preferences table.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::Own;
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::notification_preferences, to_json},
    error::Result,
    ids::{TenantId, UserId},
};

/// What of a row can change.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = notification_preferences, treat_none_as_null = true)]
struct Columns {
    version: i32,
    rules: serde_json::Value,
    sound: bool,
    sound_for: serde_json::Value,
    quiet_hours: Option<serde_json::Value>,
    updated_at: Timestamp,
}

fn columns(own: &Own, now: Timestamp) -> Columns {
    Columns {
        version: own.version,
        rules: to_json(&own.rules),
        sound: own.sound,
        sound_for: to_json(&own.sound_for),
        quiet_hours: own.quiet_hours.as_ref().map(to_json),
        updated_at: now,
    }
}

pub async fn find_many(tenant: TenantId, tx: &Tx, users: &[UserId]) -> Result<HashMap<UserId, Own>> {
    let query = notification_preferences::table
        .filter(notification_preferences::tenant_id.eq(tenant))
        .filter(notification_preferences::user_id.eq_any(users));
    let user = notification_preferences::user_id;
    let found: Vec<(UserId, Own)> = on!(tx, conn => query.select((user, Own::as_select())).load(conn).await)?;
    Ok(found.into_iter().collect())
}

/// What the user has set, locked until the transaction ends. (On SQLite a transaction that writes is alone.)
pub async fn lock(tenant: TenantId, tx: &Tx, user: &UserId) -> Result<Option<Own>> {
    let query = notification_preferences::table.find((tenant, user));
    Ok(on!(tx,
        sqlite conn => query.select(Own::as_select()).first(conn).await,
        postgres conn => query.select(Own::as_select()).for_update().first(conn).await,
    )
    .optional()?)
}

/// Unless the user has a row. On PostgreSQL this waits for whoever is just making it.
pub async fn insert(tenant: TenantId, tx: &Tx, now: Timestamp, user: &UserId, own: &Own) -> Result<()> {
    let key = (notification_preferences::tenant_id.eq(tenant), notification_preferences::user_id.eq(user));
    let insert = diesel::insert_into(notification_preferences::table).values((key, columns(own, now)));
    on!(tx, conn => insert.on_conflict_do_nothing().execute(conn).await)?;
    Ok(())
}

pub async fn update(tenant: TenantId, tx: &Tx, now: Timestamp, user: &UserId, own: &Own) -> Result<()> {
    let row = notification_preferences::table.find((tenant, user));
    on!(tx, conn => diesel::update(row).set(columns(own, now)).execute(conn).await)?;
    Ok(())
}
