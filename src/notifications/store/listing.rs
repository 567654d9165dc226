//! Lists of notifications in SQL.
//!
//! A list is read along stretches of one index, side by side: each is in order by itself, so the newest of all are among the newest of
//! each. What the index does not know is looked at row by row, up to the bound of `paging`.

use diesel::{
    dsl::{exists, sql},
    pg::Pg,
    prelude::*,
    sql_types::Bool,
    sqlite::Sqlite,
};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join_all;

use super::{
    super::{
        Notification, NotificationId,
        filter::{Selection, Stretch},
        list::Key,
    },
    change::Standing,
};
use crate::{
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{lead_attributes, notifications},
        sql_types::{Int4, Timestamptz, Uuid},
    },
    error::Result,
    ids::TenantId,
    input::like_pattern,
    paging::{EXAMINED, Page, PageRequest},
};

/// Which way a stretch is read.
#[derive(Clone, Copy)]
struct Way {
    direction: &'static str,
    beyond: &'static str,
    up_to: &'static str,
}

const NEWEST_FIRST: Way = Way { direction: "DESC", beyond: "<", up_to: ">=" };
const OLDEST_FIRST: Way = Way { direction: "ASC", beyond: ">", up_to: "<=" };

trait Narrow: Sized {
    fn along(self, stretch: &Stretch, selection: &Selection) -> Self;
    fn matching(self, selection: &Selection) -> Self;
    /// To the rows beyond a key, or up to it.
    fn placed(self, operator: &str, key: Option<Key>) -> Self;
    fn in_order(self, way: Way) -> Self;
}

/// The same text for both engines: diesel's boxed queries name theirs.
macro_rules! narrow {
    ($backend:ty) => {
        impl Narrow for notifications::BoxedQuery<'static, $backend> {
            fn along(mut self, stretch: &Stretch, selection: &Selection) -> Self {
                self = self.filter(notifications::recipient_id.eq(stretch.recipient.clone()));
                if let Some(kind) = stretch.kind {
                    self = self.filter(notifications::notification_type.eq(kind));
                }
                if let Some(topic) = stretch.topic.clone() {
                    self = self.filter(notifications::topic.eq(topic));
                }
                if let Some(lead) = stretch.lead {
                    self = self.filter(notifications::lead_id.eq(lead));
                }
                if let Some(reference) = stretch.reference.clone() {
                    self = self.filter(notifications::reference.eq(reference));
                }
                if let Some(folder) = stretch.folder {
                    self = self.filter(notifications::folder.eq(folder));
                }
                if let Some(unread) = stretch.unread {
                    self = self.filter(notifications::unread.eq(unread));
                }
                if let Some(after) = selection.filter.created_after {
                    self = self.filter(notifications::created_at.gt(after));
                }
                if let Some(before) = selection.filter.created_before {
                    self = self.filter(notifications::created_at.lt(before));
                }
                self
            }

            fn matching(mut self, selection: &Selection) -> Self {
                let (filter, rest) = (selection.filter.clone(), selection.rest);
                if rest.folder {
                    self = self.filter(notifications::folder.eq_any(selection.folders.clone()));
                }
                if rest.unread {
                    self = self.filter(notifications::unread.eq_any(selection.unread.clone()));
                }
                if let Some(types) = filter.types.filter(|_| rest.types) {
                    self = self.filter(notifications::notification_type.eq_any(types));
                }
                if let Some(topics) = filter.topics.filter(|_| rest.topics) {
                    self = self.filter(notifications::topic.eq_any(topics));
                }
                if let Some(references) = filter.references.filter(|_| rest.references) {
                    self = self.filter(notifications::reference.eq_any(references));
                }
                if let Some(priorities) = filter.priorities {
                    self = self.filter(notifications::priority.eq_any(priorities));
                }
                if let Some(tiers) = filter.tiers {
                    self = self.filter(notifications::tier.eq_any(tiers));
                }
                if let Some(categories) = filter.categories {
                    self = self.filter(notifications::category.eq_any(categories));
                }
                if let Some(event) = selection.up_to {
                    self = self.filter(notifications::event_id.le(event));
                }
                for word in selection.filter.words() {
                    self = self.filter(notifications::search_text.like(like_pattern(&word)).escape('\\'));
                }
                for attribute in filter.attributes.into_iter().flatten() {
                    let having = lead_attributes::table
                        .filter(lead_attributes::tenant_id.eq(notifications::tenant_id))
                        .filter(lead_attributes::lead_id.nullable().eq(notifications::lead_id))
                        .filter(lead_attributes::key.eq(attribute.key))
                        .filter(lead_attributes::value.eq_any(attribute.any_of));
                    self = self.filter(exists(having));
                }
                self
            }

            fn placed(self, operator: &str, key: Option<Key>) -> Self {
                let Some((at, id)) = key else { return self };
                self.filter(
                    sql::<Bool>(&format!("(notifications.created_at, notifications.id) {operator} ("))
                        .bind::<Timestamptz, _>(at)
                        .sql(", ")
                        .bind::<Uuid, _>(id)
                        .sql(")"),
                )
            }

            fn in_order(self, way: Way) -> Self {
                let direction = way.direction;
                self.order(sql::<Int4>(&format!("notifications.created_at {direction}, notifications.id {direction}")))
            }
        }
    };
}
narrow!(Sqlite);
narrow!(Pg);

/// A page of the notifications that are wanted, newest first.
pub async fn page(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    request: &PageRequest<Key>,
) -> Result<Page<Notification, Key>> {
    let way = if request.backward { OLDEST_FIRST } else { NEWEST_FIRST };
    let stops_at = end_of_walk(tenant, tx, wanted, way, request.from).await?;
    let stretches = wanted.stretches.iter().map(async |stretch| -> Result<Vec<Notification>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch, wanted)
            .matching(wanted)
            .placed(way.beyond, request.from)
            .placed(way.up_to, stops_at)
            .in_order(way)
            .limit(request.limit())
            .select(Notification::as_select())
            .load(conn)
            .await)?)
    });
    let mut rows: Vec<_> = try_join_all(stretches).await?.into_iter().flatten().collect();
    rows.sort_by_key(|row| order(&row.key()));
    if !request.backward {
        rows.reverse();
    }
    rows.truncate(usize::try_from(request.limit()).unwrap_or(usize::MAX));
    let total = if request.count { total(tenant, tx, wanted).await? } else { None };
    Ok(request.page(rows, stops_at, total))
}

/// How many there are; `None` when that takes looking at too many.
async fn total(tenant: TenantId, tx: &Tx, wanted: &Selection) -> Result<Option<i64>> {
    let mut total = 0;
    for stretch in &wanted.stretches {
        let rows: i64 = on!(tx, conn => {
            let rows = || notifications::table
                .filter(notifications::tenant_id.eq(tenant))
                .into_boxed::<Backend>()
                .along(stretch, wanted);
            let beyond: Option<NotificationId> = rows()
                .in_order(NEWEST_FIRST)
                .offset(EXAMINED)
                .select(notifications::id)
                .first(conn)
                .await
                .optional()?;
            if beyond.is_some() {
                return Ok(None);
            }
            rows().matching(wanted).count().get_result(conn).await?
        });
        total += rows;
    }
    Ok(Some(total).filter(|total| *total <= EXAMINED))
}

/// Where a page stops looking, when rows have to be passed over: what lies up to there is at most [`EXAMINED`] rows.
async fn end_of_walk(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    way: Way,
    from: Option<Key>,
) -> Result<Option<Key>> {
    if !wanted.skips() || wanted.stretches.is_empty() {
        return Ok(None);
    }
    let share = EXAMINED / i64::try_from(wanted.stretches.len()).unwrap_or(EXAMINED);
    let ends = wanted.stretches.iter().map(async |stretch| -> Result<Option<Key>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch, wanted)
            .placed(way.beyond, from)
            .in_order(way)
            .offset((share - 1).max(0))
            .select((notifications::created_at, notifications::id))
            .first(conn)
            .await)
        .optional()?)
    });
    let ends = try_join_all(ends).await?.into_iter().flatten();
    Ok(if way.direction == OLDEST_FIRST.direction { ends.min_by_key(order) } else { ends.max_by_key(order) })
}

/// As both databases compare keys.
fn order((at, id): &Key) -> (Timestamp, uuid::Uuid) {
    (*at, id.uuid())
}

/// The next of the notifications that are wanted, oldest first, beyond `after`, at most `limit`; and where looking for them stopped,
/// when that was before the end.
pub async fn next(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    after: Option<Key>,
    limit: usize,
) -> Result<(Vec<Standing>, Option<Key>)> {
    let stops_at = end_of_walk(tenant, tx, wanted, OLDEST_FIRST, after).await?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let stretches = wanted.stretches.iter().map(async |stretch| -> Result<Vec<Standing>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch, wanted)
            .matching(wanted)
            .placed(OLDEST_FIRST.beyond, after)
            .placed(OLDEST_FIRST.up_to, stops_at)
            .in_order(OLDEST_FIRST)
            .limit(most)
            .select(Standing::as_select())
            .load(conn)
            .await)?)
    });
    let mut rows: Vec<_> = try_join_all(stretches).await?.into_iter().flatten().collect();
    rows.sort_by_key(|row| order(&row.key()));
    rows.truncate(limit);
    let reached = if rows.len() == limit { rows.last().map(Standing::key) } else { stops_at };
    Ok((rows, reached))
}
