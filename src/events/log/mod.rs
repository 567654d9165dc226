//! The log's table: appended to by every write, read by the hub and by those who come back.

mod append;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub use append::append;

use super::{Epoch, Kind, Record, Scope};
use crate::{
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{event_users, events, log_state},
    },
    error::Result,
    ids::{TenantId, UserId},
};

type Row = (i64, TenantId, String, String, Timestamp);

fn record((id, tenant, kind, payload, occurred_at): Row) -> Record {
    Record::new(id, tenant, &kind, payload, occurred_at)
}

/// The events of all tenants with ids in (`after`, `upto`], with their users, at most `limit`; and up to which id that is.
pub async fn read_all(tx: &Tx, after: i64, upto: i64, limit: i64) -> Result<(Vec<Record>, i64)> {
    let range = events::table.filter(events::id.gt(after)).filter(events::id.le(upto)).order(events::id).limit(limit);
    let rows: Vec<Row> = on!(tx, conn => range
        .select((events::id, events::tenant_id, events::kind, events::payload, events::occurred_at))
        .load(conn)
        .await)?;
    let reached = end_of(&rows, limit, upto);
    let mut records: Vec<Record> = rows.into_iter().map(record).collect();

    let users: Vec<(i64, UserId)> = on!(tx, conn => event_users::table
        .filter(event_users::event_id.gt(after))
        .filter(event_users::event_id.le(reached))
        .select((event_users::event_id, event_users::user_id))
        .load(conn)
        .await)?;
    for (event, user) in users {
        if let Ok(at) = records.binary_search_by_key(&event, |record| record.id) {
            records[at].users.push(user);
        }
    }
    Ok((records, reached))
}

/// What `scope` takes of the ids in (`after`, `upto`], at most `limit`; and up to which id that is.
pub async fn read_scope(
    tenant: TenantId,
    tx: &Tx,
    scope: &Scope,
    after: i64,
    upto: i64,
    limit: i64,
) -> Result<(Vec<Record>, i64)> {
    let mut reached = upto;
    let mut rows: Vec<Row> = Vec::new();
    let (public, private) = (scope.public(), scope.private());
    if !public.is_empty() {
        let found = of_kinds(tenant, tx, &public, after, upto, limit).await?;
        reached = reached.min(end_of(&found, limit, upto));
        rows.extend(found);
    }
    if !private.is_empty() {
        let found: Vec<Row> = on!(tx, conn => event_users::table
            .inner_join(events::table.on(events::id.eq(event_users::event_id)))
            .filter(event_users::tenant_id.eq(tenant))
            .filter(event_users::user_id.eq(&scope.user))
            .filter(event_users::event_id.gt(after))
            .filter(event_users::event_id.le(upto))
            .filter(events::kind.eq_any(&private))
            .select((events::id, events::tenant_id, events::kind, events::payload, events::occurred_at))
            .order(event_users::event_id)
            .limit(limit)
            .load(conn)
            .await)?;
        reached = reached.min(end_of(&found, limit, upto));
        rows.extend(found);
    }
    rows.retain(|row| row.0 <= reached);
    rows.sort_by_key(|row| row.0);
    Ok((rows.into_iter().map(record).collect(), reached))
}

/// A tenant's events of these kinds with ids in (`after`, `upto`], whoever they name, at most `limit`; and up to which id that is.
pub async fn read_kinds(
    tenant: TenantId,
    tx: &Tx,
    kinds: &[Kind],
    after: i64,
    upto: i64,
    limit: i64,
) -> Result<(Vec<Record>, i64)> {
    let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
    let found = of_kinds(tenant, tx, &names, after, upto, limit).await?;
    let reached = end_of(&found, limit, upto);
    Ok((found.into_iter().map(record).collect(), reached))
}

async fn of_kinds(tenant: TenantId, tx: &Tx, kinds: &[&str], after: i64, upto: i64, limit: i64) -> Result<Vec<Row>> {
    Ok(on!(tx, conn => events::table
        .filter(events::tenant_id.eq(tenant))
        .filter(events::id.gt(after))
        .filter(events::id.le(upto))
        .filter(events::kind.eq_any(kinds))
        .select((events::id, events::tenant_id, events::kind, events::payload, events::occurred_at))
        .order(events::id)
        .limit(limit)
        .load(conn)
        .await)?)
}

fn end_of(rows: &[Row], limit: i64, upto: i64) -> i64 {
    match rows.last() {
        Some(last) if i64::try_from(rows.len()) == Ok(limit) => last.0,
        _ => upto,
    }
}

/// Which history this is, and the id up to which the log may have been cut off.
pub async fn state(tx: &Tx) -> Result<(Epoch, i64)> {
    let state = log_state::table.select((log_state::epoch, log_state::floor));
    Ok(on!(tx, conn => state.first(conn).await)?)
}

/// The highest of the next `limit` ids above `floor` such that all up to it happened before `cutoff`.
pub async fn next_floor(tx: &Tx, floor: i64, cutoff: Timestamp, limit: i64) -> Result<Option<i64>> {
    let next: Vec<(i64, Timestamp)> = on!(tx, conn => events::table
        .filter(events::id.gt(floor))
        .select((events::id, events::occurred_at))
        .order(events::id)
        .limit(limit)
        .load(conn)
        .await)?;
    Ok(next.into_iter().take_while(|(_, occurred_at)| *occurred_at < cutoff).last().map(|(id, _)| id))
}

pub async fn raise_floor(tx: &Tx, floor: i64) -> Result<()> {
    let raise = diesel::update(log_state::table.filter(log_state::floor.lt(floor))).set(log_state::floor.eq(floor));
    on!(tx, conn => raise.execute(conn).await)?;
    Ok(())
}

/// Deletes what lies up to `floor`.
pub async fn cut(tx: &Tx, floor: i64) -> Result<()> {
    on!(tx, conn => diesel::delete(event_users::table.filter(event_users::event_id.le(floor))).execute(conn).await)?;
    on!(tx, conn => diesel::delete(events::table.filter(events::id.le(floor))).execute(conn).await)?;
    Ok(())
}
