//! What is due, and who has it.

use diesel::{
    dsl::{exists, not},
    prelude::*,
};
use diesel_async::RunQueryDsl;

use super::super::{
    CHANNELS, Delivery, DeliveryId, DeliveryStatus,
    letter::{About, Lane, Part},
    state::Next,
};
use crate::{
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{deliveries, notifications, tenants},
        to_json,
    },
    error::Result,
    ids::TenantId,
};

/// Deliveries that a message holds at most; what is due beyond goes out in the next.
const GATHERED: i64 = 1_000;

/// The tenants and channels with something due, and since when the longest overdue of all is.
pub async fn lanes(tx: &Tx, now: Timestamp) -> Result<(Vec<Lane>, Option<Timestamp>)> {
    let first = deliveries::table
        .filter(deliveries::next_attempt_at.le(now))
        .order(deliveries::next_attempt_at)
        .select(deliveries::next_attempt_at);
    let oldest: Option<Option<Timestamp>> = on!(tx, conn => first.first(conn).await).optional()?;
    let Some(oldest) = oldest else { return Ok((Vec::new(), None)) };
    let mut lanes = Vec::new();
    for channel in CHANNELS {
        let due = deliveries::table
            .filter(deliveries::tenant_id.eq(tenants::id))
            .filter(deliveries::channel.eq(channel))
            .filter(deliveries::next_attempt_at.le(now))
            .select(deliveries::tenant_id);
        let of = tenants::table.filter(exists(due)).select(tenants::id);
        let found: Vec<TenantId> = on!(tx, conn => of.load(conn).await)?;
        lanes.extend(found.into_iter().map(|tenant| (tenant, channel)));
    }
    Ok((lanes, oldest))
}

/// Waits for nobody: false when another node is looking at the tenant's deliveries just now. Of two that gather the same digest
/// each would have a part.
pub async fn alone(tenant: TenantId, tx: &Tx) -> Result<bool> {
    let row = tenants::table.find(tenant).select(tenants::id);
    let locked: Option<TenantId> = on!(tx,
        sqlite conn => row.first(conn).await,
        postgres conn => row.for_no_key_update().skip_locked().first(conn).await,
    )
    .optional()?;
    Ok(locked.is_some())
}

/// What is due on a channel, the longest overdue first.
pub async fn due((tenant, channel): Lane, tx: &Tx, now: Timestamp, limit: i64) -> Result<Vec<Delivery>> {
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::channel.eq(channel))
        .filter(deliveries::next_attempt_at.le(now))
        .order((deliveries::next_attempt_at, deliveries::id))
        .limit(limit);
    Ok(on!(tx, conn => rows.select(Delivery::as_select()).load(conn).await)?)
}

/// Puts off what is due of it.
pub async fn postpone(tenant: TenantId, tx: &Tx, part: &Part, now: Timestamp, until: Timestamp) -> Result<()> {
    let set = deliveries::next_attempt_at.eq(until);
    let due = deliveries::table.filter(deliveries::tenant_id.eq(tenant)).filter(deliveries::next_attempt_at.le(now));
    match part {
        Part::Message(message) => {
            let rows = due.filter(deliveries::message_id.eq(message));
            on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?;
        }
        Part::Ungathered(recipient, channel) => {
            let rows = due
                .filter(deliveries::message_id.is_null())
                .filter(deliveries::recipient_id.eq(recipient))
                .filter(deliveries::channel.eq(channel));
            on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?;
        }
    }
    Ok(())
}

/// Makes a message of what is due of a digest, of which this is the first. The message has its id.
pub async fn gather(tenant: TenantId, tx: &Tx, first: &Delivery, now: Timestamp) -> Result<()> {
    let due = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::recipient_id.eq(&first.recipient_id))
        .filter(deliveries::channel.eq(first.channel))
        .filter(deliveries::message_id.is_null())
        .filter(deliveries::next_attempt_at.le(now))
        .order((deliveries::next_attempt_at, deliveries::id))
        .limit(GATHERED)
        .select(deliveries::id);
    let ids: Vec<DeliveryId> = on!(tx, conn => due.load(conn).await)?;
    let rows = deliveries::table.filter(deliveries::tenant_id.eq(tenant)).filter(deliveries::id.eq_any(ids));
    let update = diesel::update(rows).set(deliveries::message_id.eq(first.id));
    on!(tx, conn => update.execute(conn).await)?;
    Ok(())
}

/// What a message is about, of what is still to be sent.
pub async fn kinds(tenant: TenantId, tx: &Tx, message: DeliveryId) -> Result<Vec<About>> {
    let kinds = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null())
        .select((deliveries::notification_type, deliveries::topic))
        .distinct();
    Ok(on!(tx, conn => kinds.load(conn).await)?)
}

/// Ends the attempts to send a message. Returns how many deliveries that are.
pub async fn give_up(tenant: TenantId, tx: &Tx, message: DeliveryId, why: &str) -> Result<usize> {
    let set = (
        deliveries::status.eq(DeliveryStatus::Dead),
        deliveries::last_error.eq(why),
        deliveries::next_attempt_at.eq(None::<Timestamp>),
    );
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null());
    Ok(on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?)
}

/// Takes what is of a type and topic out of a message, into another: what was sent or not of the one says nothing of the other.
pub async fn part(tenant: TenantId, tx: &Tx, message: DeliveryId, about: &About, into: DeliveryId) -> Result<()> {
    let set = deliveries::message_id.eq(into);
    let (kind, topic) = about;
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null())
        .filter(deliveries::notification_type.eq(*kind));
    match topic {
        None => {
            let rows = rows.filter(deliveries::topic.is_null());
            on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?
        }
        Some(topic) => {
            let rows = rows.filter(deliveries::topic.eq(topic));
            on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?
        }
    };
    Ok(())
}

/// Takes what was deleted in the application out of a message, into another. Returns how many deliveries that are.
pub async fn part_deleted(tenant: TenantId, tx: &Tx, message: DeliveryId, into: DeliveryId) -> Result<usize> {
    let told = notifications::table
        .filter(notifications::tenant_id.eq(deliveries::tenant_id))
        .filter(deliveries::notification_id.eq(notifications::id.nullable()));
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null())
        .filter(deliveries::notification_id.is_not_null())
        .filter(not(exists(told)));
    Ok(on!(tx, conn => diesel::update(rows).set(deliveries::message_id.eq(into)).execute(conn).await)?)
}

/// Writes what a delivery says now.
pub async fn reword(tenant: TenantId, tx: &Tx, delivery: &Delivery) -> Result<()> {
    let set = (
        deliveries::title.eq(&delivery.title),
        deliveries::message.eq(&delivery.message),
        deliveries::data.eq(delivery.data.as_ref().map(to_json)),
        deliveries::priority.eq(delivery.priority),
    );
    let row = deliveries::table.find((tenant, delivery.id));
    on!(tx, conn => diesel::update(row).set(set).execute(conn).await)?;
    Ok(())
}

/// Takes a message until then, for one attempt more. Returns how many deliveries are in it.
pub async fn extend(tenant: TenantId, tx: &Tx, message: DeliveryId, until: Timestamp) -> Result<usize> {
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null());
    let set = (deliveries::attempts.eq(deliveries::attempts + 1), deliveries::next_attempt_at.eq(until));
    Ok(on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?)
}

/// The newest deliveries of a message that are to be sent.
pub async fn newest(tenant: TenantId, tx: &Tx, message: DeliveryId, limit: usize) -> Result<Vec<Delivery>> {
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::next_attempt_at.is_not_null())
        .order((deliveries::created_at.desc(), deliveries::id.desc()))
        .limit(i64::try_from(limit).unwrap_or(i64::MAX));
    Ok(on!(tx, conn => rows.select(Delivery::as_select()).load(conn).await)?)
}

/// Writes down what became of a message. Nothing is written where it has been taken again meanwhile, or is not tried any more.
pub async fn record(
    tenant: TenantId,
    tx: &Tx,
    message: DeliveryId,
    attempt: i32,
    next: &Next,
    next_attempt_at: Option<Timestamp>,
) -> Result<usize> {
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::attempts.eq(attempt))
        .filter(deliveries::next_attempt_at.is_not_null());
    let set = (
        deliveries::status.eq(next.status),
        deliveries::last_error.eq(&next.last_error),
        deliveries::next_attempt_at.eq(next_attempt_at),
    );
    Ok(on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?)
}

/// Begins anew with what of a message was given up.
pub async fn revive(tenant: TenantId, tx: &Tx, message: DeliveryId, now: Timestamp) -> Result<()> {
    let rows = deliveries::table
        .filter(deliveries::tenant_id.eq(tenant))
        .filter(deliveries::message_id.eq(message))
        .filter(deliveries::status.eq(DeliveryStatus::Dead));
    let set = (
        deliveries::status.eq(DeliveryStatus::Pending),
        deliveries::attempts.eq(0),
        deliveries::next_attempt_at.eq(now),
    );
    on!(tx, conn => diesel::update(rows).set(set).execute(conn).await)?;
    Ok(())
}
