//! Lists of leads in SQL: the twin of `filter.rs`.
//!
//! One index leads the way: the customer's, one status's, one category's, or the order's own. What else is asked for is
//! looked at row by row, up to the bound of `paging`. (`IN` several values is no order, so it leads no way.)

use diesel::{dsl::sql, expression::SqlLiteral, prelude::*, sql_types::Integer};
use diesel_async::RunQueryDsl;

use super::{
    super::{
        Lead,
        list::{Key, LeadOrder, LeadOrderField, OrderDirection, Selection},
        scored::Outline,
    },
    narrow::Narrow,
};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::leads},
    error::Result,
    ids::{Id, TenantId},
    money::Credits,
    paging::{EXAMINED, Page, PageRequest},
};

/// Where leads without an expiry stand in the order of expiry.
pub const NEVER: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

/// A way through the leads that may be examined: in the order of a column, one way or the other.
#[derive(Clone, Copy)]
pub struct Way<'a> {
    pub selection: &'a Selection,
    pub field: LeadOrderField,
    pub descending: bool,
}

impl Way<'_> {
    fn column(self) -> &'static str {
        match self.field {
            LeadOrderField::CreatedAt | LeadOrderField::Score => "leads.created_at",
            LeadOrderField::ExpiresAt => "leads.expiry_order",
            LeadOrderField::Price => "leads.price",
        }
    }

    fn in_order(self) -> SqlLiteral<Integer> {
        let (column, direction) = (self.column(), if self.descending { "DESC" } else { "ASC" });
        sql(&format!("{column} {direction}, leads.id {direction}"))
    }

    /// To what lies beyond `from`, up to `up_to`.
    fn between<Q: Narrow>(self, mut query: Q, from: Option<Key>, up_to: Option<Key>) -> Q {
        let (beyond, until) = if self.descending { ("<", ">=") } else { (">", "<=") };
        if let Some(from) = from {
            query = query.placed(self.column(), beyond, from);
        }
        if let Some(up_to) = up_to {
            query = query.placed(self.column(), until, up_to);
        }
        query
    }
}

pub async fn page(
    tenant: TenantId,
    tx: &Tx,
    selection: &Selection,
    order: LeadOrder,
    page: &PageRequest<Key>,
) -> Result<Page<Lead, Key>> {
    let descending = (order.direction == OrderDirection::Desc) != page.backward;
    let way = Way { selection, field: order.field, descending };
    let stops_at = stops_at(tenant, tx, way, page.from).await?;
    let short = page.count && is_short(tenant, tx, way).await?;
    on!(tx, conn => {
        let all = || leads::table.filter(leads::tenant_id.eq(tenant)).into_boxed::<Backend>();
        let matching = || all().along(selection, order.field).matching(selection);
        let rows = way.between(matching(), page.from, stops_at);
        let rows = rows.select(Lead::as_select()).order(way.in_order()).limit(page.limit()).load(conn).await?;
        let total = if short { Some(matching().count().get_result(conn).await?) } else { None };
        Ok(page.page(rows, stops_at, total))
    })
}

/// The last row that a page which begins at `from` may examine; `None` when it can reach the end of the list.
pub async fn stops_at(tenant: TenantId, tx: &Tx, way: Way<'_>, from: Option<Key>) -> Result<Option<Key>> {
    if way.selection.is_exact() {
        return Ok(None);
    }
    place(tenant, tx, way, from, EXAMINED - 1).await
}

/// Whether the whole list can be examined, and so counted.
pub async fn is_short(tenant: TenantId, tx: &Tx, way: Way<'_>) -> Result<bool> {
    Ok(place(tenant, tx, way, None, EXAMINED).await?.is_none())
}

/// The place of the row after so many.
async fn place(tenant: TenantId, tx: &Tx, way: Way<'_>, from: Option<Key>, after: i64) -> Result<Option<Key>> {
    let row = on!(tx, conn => {
        let all = leads::table.filter(leads::tenant_id.eq(tenant)).into_boxed::<Backend>();
        way.between(all.along(way.selection, way.field), from, None)
            .select((leads::created_at, leads::expiry_order, leads::price, leads::id))
            .order(way.in_order())
            .offset(after)
            .first(conn)
            .await
            .optional()?
    });
    Ok(row.map(|row| key(way.field, row)))
}

/// What passes the filter on the way beyond `from`, up to `up_to`; as far as it does not take a profile to know.
pub async fn outlines(
    tenant: TenantId,
    tx: &Tx,
    way: Way<'_>,
    from: Option<Key>,
    up_to: Option<Key>,
    limit: i64,
) -> Result<Vec<Outline>> {
    Ok(on!(tx, conn => {
        let all = leads::table.filter(leads::tenant_id.eq(tenant)).into_boxed::<Backend>();
        let rows = way.between(all.along(way.selection, way.field).matching(way.selection), from, up_to);
        rows.select(Outline::as_select()).order(way.in_order()).limit(limit).load(conn).await?
    }))
}

/// The place of a row in the order of a column.
pub fn key(field: LeadOrderField, (created_at, expiry, price, id): (Timestamp, Timestamp, Credits, Id<Lead>)) -> Key {
    match field {
        LeadOrderField::CreatedAt | LeadOrderField::Score => Key::Time(created_at, id),
        LeadOrderField::ExpiresAt => Key::Time(expiry, id),
        LeadOrderField::Price => Key::Price(price, id),
    }
}
