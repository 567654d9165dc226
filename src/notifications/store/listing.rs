//! Lists of notifications in SQL.
//!
//! A list is read along stretches of one index, side by side: each is in order by itself, so the newest of all are among the newest of
//! each. What the index does not know is looked at row by row, up to the bound of `paging`.

use diesel::{
    dsl::{exists, sql},
    pg::Pg,
    prelude::*,
    sqlite::Sqlite,
};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join_all;

use super::super::{
    Notification, NotificationId,
    filter::{Selection, Stretch},
    list::Key,
};
use crate::{
    clock::Timestamp,
    db::{
        self, Tx, on,
        schema::{lead_attributes, notifications},
        sql_types::{Int4, Timestamptz},
    },
    error::Result,
    ids::TenantId,
    input::like_pattern,
    paging::{EXAMINED, Page, PageRequest},
};

/// Which part of a stretch is read, and in which direction. On each side there is one bound, the nearer one: of two, SQLite takes
/// either to find its place in the index, and looks at every row up to the other.
#[derive(Clone, Copy)]
struct Part {
    newest_first: bool,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
    /// Beyond this row.
    from: Option<Key>,
    /// Up to this one, which is among what the other bounds leave.
    to: Option<Key>,
}

impl Part {
    fn new(selection: &Selection, newest_first: bool, from: Option<Key>, to: Option<Key>) -> Self {
        let (after, before) = (selection.filter.created_after, selection.filter.created_before);
        let mut part = Self { newest_first, after, before, from, to };
        let (near, far) =
            if newest_first { (&mut part.before, &mut part.after) } else { (&mut part.after, &mut part.before) };
        if let Some((at, _)) = from {
            let is_nearer = |moment: Timestamp| if newest_first { at < moment } else { at > moment };
            if near.is_none_or(is_nearer) { *near = None } else { part.from = None }
        }
        if to.is_some() {
            *far = None;
        }
        part
    }
}

trait Narrow: Sized {
    fn along(self, stretch: &Stretch) -> Self;
    fn matching(self, selection: &Selection) -> Self;
    fn within(self, part: Part) -> Self;
    /// To the rows beyond a key, or up to it.
    fn placed(self, operator: &str, key: Option<Key>) -> Self;
    fn in_order(self, part: Part) -> Self;
}

/// The same text for both engines: diesel's boxed queries name theirs.
macro_rules! narrow {
    ($backend:ty) => {
        impl Narrow for notifications::BoxedQuery<'static, $backend> {
            fn along(mut self, stretch: &Stretch) -> Self {
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
                self
            }

            fn within(mut self, part: Part) -> Self {
                if let Some(after) = part.after {
                    self = self.filter(notifications::created_at.gt(after));
                }
                if let Some(before) = part.before {
                    self = self.filter(notifications::created_at.lt(before));
                }
                let (beyond, up_to) = if part.newest_first { ("<", ">=") } else { (">", "<=") };
                self.placed(beyond, part.from).placed(up_to, part.to)
            }

            fn matching(mut self, selection: &Selection) -> Self {
                let (filter, rest) = (selection.filter.clone(), selection.rest);
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
                let Some(key) = key else { return self };
                let columns = "notifications.created_at, notifications.id";
                self.filter(db::placed::<Timestamptz, _, _>(columns, operator, key))
            }

            fn in_order(self, part: Part) -> Self {
                let direction = if part.newest_first { "DESC" } else { "ASC" };
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
    let newest_first = !request.backward;
    let stops_at = end_of_walk(tenant, tx, wanted, newest_first, request.from).await?;
    let part = Part::new(wanted, newest_first, request.from, stops_at);
    let limit = request.limit();
    let rows = if wanted.stretches.len() > FEW {
        let keys = keys_along(tenant, tx, wanted, part, limit).await?;
        with_keys(tenant, tx, &first_of(keys, |key| *key, newest_first, limit)).await?
    } else {
        rows_along(tenant, tx, wanted, part, limit).await?
    };
    let rows = first_of(rows, Notification::key, newest_first, limit);
    let total = if request.count { total(tenant, tx, wanted).await? } else { None };
    Ok(request.page(rows, stops_at, total))
}

/// Of more stretches than that most rows are not on the page: their keys are read first, which are in the index.
const FEW: usize = 3;

/// The first rows of each stretch.
async fn rows_along(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    part: Part,
    limit: i64,
) -> Result<Vec<Notification>> {
    let stretches = wanted.stretches.iter().map(async |stretch| -> Result<Vec<Notification>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch)
            .within(part)
            .matching(wanted)
            .in_order(part)
            .limit(limit)
            .select(Notification::as_select())
            .load(conn)
            .await)?)
    });
    Ok(try_join_all(stretches).await?.into_iter().flatten().collect())
}

/// The keys of the first rows of each stretch.
async fn keys_along(tenant: TenantId, tx: &Tx, wanted: &Selection, part: Part, limit: i64) -> Result<Vec<Key>> {
    let stretches = wanted.stretches.iter().map(async |stretch| -> Result<Vec<Key>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch)
            .within(part)
            .matching(wanted)
            .in_order(part)
            .limit(limit)
            .select((notifications::created_at, notifications::id))
            .load(conn)
            .await)?)
    });
    Ok(try_join_all(stretches).await?.into_iter().flatten().collect())
}

/// In no order.
async fn with_keys(tenant: TenantId, tx: &Tx, keys: &[Key]) -> Result<Vec<Notification>> {
    let ids: Vec<NotificationId> = keys.iter().map(|(_, id)| *id).collect();
    let rows = notifications::table.filter(notifications::tenant_id.eq(tenant)).filter(notifications::id.eq_any(ids));
    Ok(on!(tx, conn => rows.select(Notification::as_select()).load(conn).await)?)
}

/// How many there are; `None` when that takes looking at too many.
async fn total(tenant: TenantId, tx: &Tx, wanted: &Selection) -> Result<Option<i64>> {
    let all = Part::new(wanted, true, None, None);
    let (mut total, mut left) = (0, EXAMINED);
    for stretch in &wanted.stretches {
        let (rows, matching): (i64, i64) = on!(tx, conn => {
            let rows = || notifications::table
                .filter(notifications::tenant_id.eq(tenant))
                .into_boxed::<Backend>()
                .along(stretch)
                .within(all);
            let beyond: Option<NotificationId> =
                rows().in_order(all).offset(left).select(notifications::id).first(conn).await.optional()?;
            if beyond.is_some() {
                return Ok(None);
            }
            let count = rows().count().get_result(conn).await?;
            (count, if wanted.skips() { rows().matching(wanted).count().get_result(conn).await? } else { count })
        });
        total += matching;
        left -= rows;
    }
    Ok(Some(total))
}

/// Where a page stops looking, when rows have to be passed over: what lies up to there is at most [`EXAMINED`] rows.
async fn end_of_walk(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    newest_first: bool,
    from: Option<Key>,
) -> Result<Option<Key>> {
    if !wanted.skips() || wanted.stretches.is_empty() {
        return Ok(None);
    }
    let part = Part::new(wanted, newest_first, from, None);
    let share = EXAMINED / i64::try_from(wanted.stretches.len()).unwrap_or(EXAMINED);
    let ends = wanted.stretches.iter().map(async |stretch| -> Result<Option<Key>> {
        Ok(on!(tx, conn => notifications::table
            .filter(notifications::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(stretch)
            .within(part)
            .in_order(part)
            .offset((share - 1).max(0))
            .select((notifications::created_at, notifications::id))
            .first(conn)
            .await)
        .optional()?)
    });
    let ends = try_join_all(ends).await?.into_iter().flatten();
    Ok(if newest_first { ends.max_by_key(order) } else { ends.min_by_key(order) })
}

/// The first of what came from several stretches.
fn first_of<T>(mut found: Vec<T>, key: impl Fn(&T) -> Key, newest_first: bool, limit: i64) -> Vec<T> {
    found.sort_by_key(|one| order(&key(one)));
    if newest_first {
        found.reverse();
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    found
}

/// As both databases compare keys.
fn order((at, id): &Key) -> (Timestamp, uuid::Uuid) {
    (*at, id.uuid())
}

/// The keys of the next notifications that are wanted, oldest first, beyond `after`, at most `limit`; and where looking for them stopped,
/// when that was before the end.
pub async fn next(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    after: Option<Key>,
    limit: usize,
) -> Result<(Vec<Key>, Option<Key>)> {
    let stops_at = end_of_walk(tenant, tx, wanted, false, after).await?;
    let part = Part::new(wanted, false, after, stops_at);
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let keys = first_of(keys_along(tenant, tx, wanted, part, most).await?, |key| *key, false, most);
    let reached = if keys.len() == limit { keys.last().copied() } else { stops_at };
    Ok((keys, reached))
}
