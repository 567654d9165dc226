//! Announcements and how far they have come.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::super::{
    NotificationType, Priority,
    announce::{Announcement, Recipients},
    events::Content,
};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::announcements, to_json},
    error::{Error, Result},
    ids::{Id, TenantId, UserId},
    json::JsonText,
    leads::LeadId,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = announcements)]
struct Row {
    id: Id<Uuid>,
    reference: String,
    request_hash: Vec<u8>,
    notification_type: NotificationType,
    topic: Option<String>,
    priority: Priority,
    title: String,
    message: String,
    data: Option<JsonText>,
    lead_id: Option<LeadId>,
    category: Option<String>,
    attributes: serde_json::Value,
    recipients: serde_json::Value,
    recipient_count: i64,
    told_up_to: Option<UserId>,
    done: bool,
}

impl Row {
    fn read(self) -> Result<(Announcement, Vec<u8>)> {
        let content = Content {
            kind: self.notification_type,
            topic: self.topic,
            title: self.title,
            message: self.message,
            priority: self.priority,
            data: self.data,
            reference: Some(self.reference),
            subject_id: self.id,
            lead_id: self.lead_id,
            claim_id: None,
            category: self.category,
            attributes: serde_json::from_value(self.attributes).map_err(Error::internal)?,
        };
        let to: Recipients = serde_json::from_value(self.recipients).map_err(Error::internal)?;
        let (recipient_count, told_up_to, done) = (self.recipient_count, self.told_up_to, self.done);
        Ok((Announcement { content, to, recipient_count, told_up_to, done }, self.request_hash))
    }
}

/// What was announced under this reference, with the hash of what was asked.
pub async fn find(tenant: TenantId, tx: &Tx, reference: &str) -> Result<Option<(Announcement, Vec<u8>)>> {
    let row =
        announcements::table.filter(announcements::tenant_id.eq(tenant)).filter(announcements::reference.eq(reference));
    on!(tx, conn => row.select(Row::as_select()).first(conn).await).optional()?.map(Row::read).transpose()
}

/// One that is under way, nobody else's to go on with while the transaction lasts; `None` when somebody else is at it, or it is done.
pub async fn lock(tenant: TenantId, tx: &Tx, id: Id<Uuid>) -> Result<Option<Announcement>> {
    let row = announcements::table.find((tenant, id)).filter(announcements::done.eq(false));
    let row = on!(tx,
        sqlite conn => row.select(Row::as_select()).first(conn).await,
        postgres conn => row.select(Row::as_select()).for_update().skip_locked().first(conn).await,
    );
    Ok(row.optional()?.map(Row::read).transpose()?.map(|(announcement, _)| announcement))
}

/// False when the reference is taken: on PostgreSQL this waits for whoever is just taking it.
pub async fn insert(tenant: TenantId, tx: &Tx, new: &Announcement, hash: &[u8], now: Timestamp) -> Result<bool> {
    let content = &new.content;
    let row = (
        (
            announcements::tenant_id.eq(tenant),
            announcements::id.eq(content.subject_id),
            announcements::reference.eq(content.reference.as_deref().unwrap_or_default()),
            announcements::request_hash.eq(hash),
            announcements::notification_type.eq(content.kind),
            announcements::topic.eq(&content.topic),
            announcements::priority.eq(content.priority),
            announcements::title.eq(&content.title),
            announcements::message.eq(&content.message),
        ),
        (
            announcements::data.eq(content.data.as_ref().map(to_json)),
            announcements::lead_id.eq(content.lead_id),
            announcements::category.eq(&content.category),
            announcements::attributes.eq(serde_json::to_value(&content.attributes).map_err(Error::internal)?),
            announcements::recipients.eq(serde_json::to_value(&new.to).map_err(Error::internal)?),
            announcements::recipient_count.eq(new.recipient_count),
            announcements::told_up_to.eq(&new.told_up_to),
            announcements::done.eq(new.done),
            announcements::created_at.eq(now),
        ),
    );
    let insert = diesel::insert_into(announcements::table).values(row).on_conflict_do_nothing();
    Ok(on!(tx, conn => insert.execute(conn).await)? == 1)
}

/// Notes how far it has come.
pub async fn save(tenant: TenantId, tx: &Tx, announcement: &Announcement) -> Result<()> {
    let row = announcements::table.find((tenant, announcement.content.subject_id));
    let progress = (announcements::told_up_to.eq(&announcement.told_up_to), announcements::done.eq(announcement.done));
    let update = diesel::update(row).set(progress);
    on!(tx, conn => update.execute(conn).await)?;
    Ok(())
}

/// Those that are under way, over all tenants, at most `limit`.
pub async fn due(tx: &Tx, limit: i64) -> Result<Vec<(TenantId, Id<Uuid>)>> {
    let rows = announcements::table
        .filter(announcements::done.eq(false))
        .order((announcements::tenant_id, announcements::id))
        .limit(limit)
        .select((announcements::tenant_id, announcements::id));
    Ok(on!(tx, conn => rows.load(conn).await)?)
}
