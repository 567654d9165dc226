//! Notifications in the database.

pub mod announcements;
mod change;
mod count;
mod listing;
pub mod positions;

use std::collections::HashSet;

use diesel::{
    dsl::{min, sql},
    prelude::*,
    sql_types::Bool,
};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

pub use change::{Standing, apply, standings};
pub use count::{lock, raise, unread_of};
pub use listing::{next, page};

use super::{Notification, NotificationId, NotificationType, filter::search_text};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::notifications},
    error::Result,
    ids::{Id, TenantId, UserId},
};

/// Notifications that one statement writes: PostgreSQL takes no more than 65,535 values.
const ROWS: usize = 1_000;

/// Adds new notifications, each with the event that tells of it.
pub async fn insert(tenant: TenantId, tx: &Tx, new: &[(i64, Notification)]) -> Result<()> {
    let row = |(event, new): &(i64, Notification)| {
        (
            notifications::tenant_id.eq(tenant),
            notifications::event_id.eq(*event),
            notifications::search_text.eq(search_text(&new.title, &new.message)),
            new.clone(),
        )
    };
    on!(tx,
        sqlite conn => {
            for new in new {
                diesel::insert_into(notifications::table).values(row(new)).execute(conn).await?;
            }
        },
        postgres conn => {
            for new in new.chunks(ROWS) {
                let rows: Vec<_> = new.iter().map(row).collect();
                diesel::insert_into(notifications::table).values(rows).execute(conn).await?;
            }
        },
    );
    Ok(())
}

/// The first of what `subject` has told, by recipient.
pub async fn of_subject(
    tenant: TenantId,
    tx: &Tx,
    subject: Id<Uuid>,
    kind: NotificationType,
    limit: i64,
) -> Result<Vec<Notification>> {
    let rows = notifications::table
        .filter(notifications::tenant_id.eq(tenant))
        .filter(notifications::subject_id.eq(subject))
        .filter(notifications::notification_type.eq(kind))
        .order(notifications::recipient_id)
        .limit(limit);
    Ok(on!(tx, conn => rows.select(Notification::as_select()).load(conn).await)?)
}

/// Who of these users was told of one of these subjects before, and in which way.
pub async fn told(
    tenant: TenantId,
    tx: &Tx,
    subjects: &[Id<Uuid>],
    users: &[UserId],
) -> Result<HashSet<(Id<Uuid>, NotificationType, UserId)>> {
    let rows = notifications::table
        .filter(notifications::tenant_id.eq(tenant))
        .filter(notifications::subject_id.eq_any(subjects))
        .filter(notifications::recipient_id.eq_any(users))
        .select((notifications::subject_id, notifications::notification_type, notifications::recipient_id));
    let told: Vec<_> = on!(tx, conn => rows.load(conn).await)?;
    Ok(told.into_iter().collect())
}

pub async fn find_many(tenant: TenantId, tx: &Tx, ids: &[NotificationId]) -> Result<Vec<Notification>> {
    let rows = notifications::table.filter(notifications::tenant_id.eq(tenant)).filter(notifications::id.eq_any(ids));
    let rows = rows.order((notifications::created_at.desc(), notifications::id.desc()));
    Ok(on!(tx, conn => rows.select(Notification::as_select()).load(conn).await)?)
}

/// Whose snoozes have ended, over all tenants, at most `limit`.
pub async fn due_snoozes(tx: &Tx, now: Timestamp, limit: i64) -> Result<Vec<(TenantId, UserId)>> {
    let due = notifications::table
        .filter(notifications::snoozed_until.le(now))
        .group_by((notifications::tenant_id, notifications::recipient_id))
        .order(min(notifications::snoozed_until))
        .limit(limit)
        .select((notifications::tenant_id, notifications::recipient_id));
    Ok(on!(tx, conn => due.load(conn).await)?)
}

/// Whose are the oldest of those made before a moment, over all tenants: of `limit` notifications, each recipient once.
pub async fn recipients_of_old(tx: &Tx, before: Timestamp, limit: i64) -> Result<HashSet<(TenantId, UserId)>> {
    let oldest = notifications::table
        .filter(notifications::created_at.lt(before))
        // Always true: it opens the index that is for this query alone.
        .filter(sql::<Bool>("notifications.event_id > 0"))
        .order(notifications::created_at)
        .limit(limit)
        .select((notifications::tenant_id, notifications::recipient_id));
    let oldest: Vec<(TenantId, UserId)> = on!(tx, conn => oldest.load(conn).await)?;
    Ok(oldest.into_iter().collect())
}

/// The user's notifications made before a moment, oldest first, at most `limit`.
pub async fn older_than(
    tenant: TenantId,
    tx: &Tx,
    user: &UserId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<NotificationId>> {
    let rows = notifications::table
        .filter(notifications::tenant_id.eq(tenant))
        .filter(notifications::recipient_id.eq(user))
        .filter(notifications::created_at.lt(before))
        .order((notifications::created_at, notifications::id))
        .limit(limit)
        .select(notifications::id);
    Ok(on!(tx, conn => rows.load(conn).await)?)
}

/// The user's notifications whose snooze has ended, at most `limit`.
pub async fn snoozed_until(
    tenant: TenantId,
    tx: &Tx,
    user: &UserId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<NotificationId>> {
    let rows = notifications::table
        .filter(notifications::tenant_id.eq(tenant))
        .filter(notifications::recipient_id.eq(user))
        .filter(notifications::snoozed_until.le(now))
        .order((notifications::snoozed_until, notifications::id))
        .limit(limit)
        .select(notifications::id);
    Ok(on!(tx, conn => rows.load(conn).await)?)
}
