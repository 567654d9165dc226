//! Deliveries in the database.

pub mod lease;
mod listing;
pub mod retention;
pub mod secrets;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub(super) use listing::page;

use super::{Delivery, DeliveryId};
use crate::{
    db::{Tx, on, schema::deliveries},
    error::Result,
    ids::TenantId,
};

/// Deliveries that one statement writes: PostgreSQL takes no more than 65,535 values.
const ROWS: usize = 1_000;

/// Adds new deliveries, each once.
pub async fn insert(tenant: TenantId, tx: &Tx, new: &[Delivery]) -> Result<()> {
    let row = |new: &Delivery| (deliveries::tenant_id.eq(tenant), new.clone());
    on!(tx,
        sqlite conn => {
            for new in new {
                let insert = diesel::insert_into(deliveries::table).values(row(new));
                insert.on_conflict_do_nothing().execute(conn).await?;
            }
        },
        postgres conn => {
            for new in new.chunks(ROWS) {
                let rows: Vec<_> = new.iter().map(row).collect();
                let insert = diesel::insert_into(deliveries::table).values(rows);
                insert.on_conflict_do_nothing().execute(conn).await?;
            }
        },
    );
    Ok(())
}

pub async fn find(tenant: TenantId, tx: &Tx, id: DeliveryId) -> Result<Option<Delivery>> {
    let row = deliveries::table.find((tenant, id));
    Ok(on!(tx, conn => row.select(Delivery::as_select()).first(conn).await).optional()?)
}
