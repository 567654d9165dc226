//! Changing notifications whose recipients' counts are locked.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::super::{
    Folder, NotificationId,
    filter::search_text,
    state::{Change, Patch},
};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::notifications, to_json},
    error::Result,
    ids::{TenantId, UserId},
};

/// What a change needs to know of a notification.
#[derive(Queryable, Selectable, Clone, PartialEq, Debug)]
#[diesel(table_name = notifications)]
pub struct Standing {
    pub id: NotificationId,
    pub recipient_id: UserId,
    pub created_at: Timestamp,
    pub folder: Folder,
    pub unread: bool,
    pub event_id: i64,
}

/// Those of `ids` that are there, by recipient, oldest first.
pub async fn standings(tenant: TenantId, tx: &Tx, ids: &[NotificationId]) -> Result<Vec<Standing>> {
    let rows = notifications::table
        .filter(notifications::tenant_id.eq(tenant))
        .filter(notifications::id.eq_any(ids))
        .order((notifications::recipient_id, notifications::created_at, notifications::id));
    Ok(on!(tx, conn => rows.select(Standing::as_select()).load(conn).await)?)
}

/// Writes the change to `ids`, all of which it concerns.
pub async fn apply(tenant: TenantId, tx: &Tx, ids: &[NotificationId], change: &Change, now: Timestamp) -> Result<()> {
    if let Change::Edit(patch) = change {
        return edit(tenant, tx, ids, patch).await;
    }
    let rows =
        || notifications::table.filter(notifications::tenant_id.eq(tenant)).filter(notifications::id.eq_any(ids));
    let (folder, archived_at) = (notifications::folder, notifications::archived_at);
    let (unread, read_at, snoozed_until) =
        (notifications::unread, notifications::read_at, notifications::snoozed_until);
    let nothing = None::<Timestamp>;
    on!(tx, conn => match change {
        Change::Read => {
            diesel::update(rows()).set((unread.eq(false), read_at.eq(Some(now)))).execute(conn).await?
        }
        Change::Unread => diesel::update(rows()).set((unread.eq(true), read_at.eq(nothing))).execute(conn).await?,
        Change::Archive => {
            let put = (folder.eq(Folder::Archived), archived_at.eq(Some(now)), snoozed_until.eq(nothing));
            diesel::update(rows()).set(put).execute(conn).await?
        }
        Change::Unarchive => {
            diesel::update(rows()).set((folder.eq(Folder::Inbox), archived_at.eq(nothing))).execute(conn).await?
        }
        Change::Snooze(until) => {
            diesel::update(rows()).set((folder.eq(Folder::Snoozed), snoozed_until.eq(Some(*until)))).execute(conn).await?
        }
        Change::Unsnooze => {
            diesel::update(rows()).set((folder.eq(Folder::Inbox), snoozed_until.eq(nothing))).execute(conn).await?
        }
        Change::Open => {
            let unopened = rows().filter(notifications::opened_at.is_null());
            diesel::update(unopened).set(notifications::opened_at.eq(Some(now))).execute(conn).await?;
            let not_read = rows().filter(unread.eq(true));
            diesel::update(not_read).set((unread.eq(false), read_at.eq(Some(now)))).execute(conn).await?
        }
        Change::Delete => diesel::delete(rows()).execute(conn).await?,
        Change::Edit(_) => 0,
    });
    Ok(())
}

/// The text that is searched is made of both, so each is written with what it stands beside.
async fn edit(tenant: TenantId, tx: &Tx, ids: &[NotificationId], patch: &Patch) -> Result<()> {
    let rows =
        || notifications::table.filter(notifications::tenant_id.eq(tenant)).filter(notifications::id.eq_any(ids));
    if let Some(priority) = patch.priority {
        on!(tx, conn => diesel::update(rows()).set(notifications::priority.eq(priority)).execute(conn).await)?;
    }
    if let Some(data) = &patch.data {
        on!(tx, conn => diesel::update(rows()).set(notifications::data.eq(data.as_ref().map(to_json))).execute(conn).await)?;
    }
    if patch.title.is_none() && patch.message.is_none() {
        return Ok(());
    }
    let texts = rows().select((notifications::id, notifications::title, notifications::message));
    let texts: Vec<(NotificationId, String, String)> = on!(tx, conn => texts.load(conn).await)?;
    for (id, title, message) in texts {
        let (title, message) = (patch.title.clone().unwrap_or(title), patch.message.clone().unwrap_or(message));
        let row = notifications::table.find((tenant, id));
        let update = diesel::update(row).set((
            notifications::search_text.eq(search_text(&title, &message)),
            notifications::title.eq(title),
            notifications::message.eq(message),
        ));
        on!(tx, conn => update.execute(conn).await)?;
    }
    Ok(())
}
