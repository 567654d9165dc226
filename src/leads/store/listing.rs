//! Lists of leads in SQL: the twin of `filter.rs`.
//!
//! One index leads the way: the customer's, one status's, one category's, or the order's own. What else is asked for is
//! looked at row by row, up to the bound of `paging`. (`IN` several values is no order, so it leads no way.)

use diesel::{dsl::sql, prelude::*, sql_types::Integer};
use diesel_async::RunQueryDsl;

use super::{
    super::{
        Lead,
        list::{Key, LeadOrder, LeadOrderField, OrderDirection, Selection},
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

pub async fn page(
    tenant: TenantId,
    tx: &Tx,
    selection: &Selection,
    order: LeadOrder,
    page: &PageRequest<Key>,
) -> Result<Page<Lead, Key>> {
    let column = match order.field {
        LeadOrderField::CreatedAt => "leads.created_at",
        LeadOrderField::ExpiresAt => "leads.expiry_order",
        LeadOrderField::Price => "leads.price",
    };
    let descending = (order.direction == OrderDirection::Desc) != page.backward;
    let (direction, beyond, up_to) = if descending { ("DESC", "<", ">=") } else { ("ASC", ">", "<=") };
    let in_order = || sql::<Integer>(&format!("{column} {direction}, leads.id {direction}"));

    on!(tx, conn => {
        let all = || leads::table.filter(leads::tenant_id.eq(tenant)).into_boxed::<Backend>();
        let along = || all().along(selection, order.field);
        let mut walk = along();
        let mut rows = along().matching(selection);
        if let Some(from) = page.from {
            walk = walk.placed(column, beyond, from);
            rows = rows.placed(column, beyond, from);
        }
        let stops_at = if selection.is_exact() {
            None
        } else {
            walk.select((leads::created_at, leads::expiry_order, leads::price, leads::id))
                .order(in_order())
                .offset(EXAMINED - 1)
                .first(conn)
                .await
                .optional()?
                .map(|row| key(order.field, row))
        };
        if let Some(last) = stops_at {
            rows = rows.placed(column, up_to, last);
        }
        let rows = rows.select(Lead::as_select()).order(in_order()).limit(page.limit()).load(conn).await?;

        let mut total = None;
        if page.count {
            let too_many: Option<Id<Lead>> =
                along().select(leads::id).order(in_order()).offset(EXAMINED).first(conn).await.optional()?;
            if too_many.is_none() {
                total = Some(along().matching(selection).count().get_result(conn).await?);
            }
        }
        Ok(page.page(rows, stops_at, total))
    })
}

fn key(field: LeadOrderField, (created_at, expiry, price, id): (Timestamp, Timestamp, Credits, Id<Lead>)) -> Key {
    match field {
        LeadOrderField::CreatedAt => Key::Time(created_at, id),
        LeadOrderField::ExpiresAt => Key::Time(expiry, id),
        LeadOrderField::Price => Key::Price(price, id),
    }
}
