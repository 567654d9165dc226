//! Up to where the log has been turned into notifications.

use diesel::{
    dsl::{exists, sql},
    prelude::*,
    sql_types::BigInt,
};
use diesel_async::RunQueryDsl;

use super::super::{NotificationType, news::Lane};
use crate::{
    db::{
        Tx, on,
        schema::{distributions, events, lead_notices, tenants},
    },
    error::Result,
    ids::{TenantId, UserId},
    leads::LeadId,
};

/// A lane's place in a tenant's log.
#[derive(Queryable, Selectable, Clone, PartialEq, Eq, Debug)]
#[diesel(table_name = distributions)]
pub struct Position {
    /// All up to this event is told.
    pub event_id: i64,
    /// Of the event after it: who was told last.
    pub told_up_to: Option<UserId>,
}

/// Tenants in whose log something lies between their place and `up_to`, with their place, at most `limit`: who is farthest behind
/// first.
pub async fn due(tx: &Tx, lane: Lane, up_to: i64, limit: i64) -> Result<Vec<(TenantId, i64)>> {
    let place = || sql::<BigInt>("coalesce(distributions.event_id, 0)");
    let of = distributions::tenant_id.eq(tenants::id).and(distributions::lane.eq(lane.name()));
    let news = events::table
        .filter(events::tenant_id.eq(tenants::id))
        .filter(events::id.gt(place()))
        .filter(events::id.le(up_to));
    let due = tenants::table
        .left_join(distributions::table.on(of))
        .filter(exists(news))
        .order((place(), tenants::id))
        .select((tenants::id, place()))
        .limit(limit);
    Ok(on!(tx, conn => due.load(conn).await)?)
}

/// The place, nobody else's to move while the transaction lasts; `None` when somebody else is at it.
pub async fn lock(tenant: TenantId, tx: &Tx, lane: Lane) -> Result<Option<Position>> {
    let first =
        (distributions::tenant_id.eq(tenant), distributions::lane.eq(lane.name()), distributions::event_id.eq(0_i64));
    let insert = diesel::insert_into(distributions::table).values(first).on_conflict_do_nothing();
    on!(tx, conn => insert.execute(conn).await)?;
    let row = distributions::table.find((tenant, lane.name()));
    Ok(on!(tx,
        sqlite conn => row.select(Position::as_select()).first(conn).await,
        postgres conn => row.select(Position::as_select()).for_update().skip_locked().first(conn).await,
    )
    .optional()?)
}

pub async fn save(tenant: TenantId, tx: &Tx, lane: Lane, place: &Position) -> Result<()> {
    let row = distributions::table.find((tenant, lane.name()));
    let update = diesel::update(row)
        .set((distributions::event_id.eq(place.event_id), distributions::told_up_to.eq(&place.told_up_to)));
    on!(tx, conn => update.execute(conn).await)?;
    Ok(())
}

/// Notes that a lead is told of in this way. False when it was before.
pub async fn notice(tenant: TenantId, tx: &Tx, lead: LeadId, kind: NotificationType) -> Result<bool> {
    let row =
        (lead_notices::tenant_id.eq(tenant), lead_notices::lead_id.eq(lead), lead_notices::notification_type.eq(kind));
    let insert = diesel::insert_into(lead_notices::table).values(row).on_conflict_do_nothing();
    Ok(on!(tx, conn => insert.execute(conn).await)? == 1)
}
