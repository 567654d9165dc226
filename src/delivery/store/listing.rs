//! Lists of deliveries in SQL, newest first.

use diesel::{pg::Pg, prelude::*, sqlite::Sqlite};
use diesel_async::RunQueryDsl;
use futures_util::future::try_join_all;

use super::super::{
    Delivery,
    list::{Key, Way},
};
use crate::{
    db::{self, Tx, on, schema::deliveries, sql_types::Timestamptz},
    error::Result,
    ids::TenantId,
    paging::{EXAMINED, Page, PageRequest},
};

trait Narrow: Sized {
    /// To one stretch of an index.
    fn along(self, way: &Way) -> Self;
    /// To what is wanted of it.
    fn matching(self, way: &Way) -> Self;
    /// To the rows beyond a key, or up to it.
    fn placed(self, operator: &str, key: Option<Key>) -> Self;
}

/// The same text for both engines: diesel's boxed queries name theirs.
macro_rules! narrow {
    ($backend:ty) => {
        impl Narrow for deliveries::BoxedQuery<'static, $backend> {
            fn along(self, way: &Way) -> Self {
                match way {
                    Way::All => self,
                    Way::Of(user, ..) => self.filter(deliveries::recipient_id.eq(user.clone())),
                    Way::By(pairs) => pairs.iter().fold(self, |query, (status, channel)| {
                        query.filter(deliveries::status.eq(*status)).filter(deliveries::channel.eq(*channel))
                    }),
                }
            }

            fn matching(self, way: &Way) -> Self {
                match way {
                    Way::Of(_, statuses, channels) => self
                        .filter(deliveries::status.eq_any(statuses.clone()))
                        .filter(deliveries::channel.eq_any(channels.clone())),
                    Way::All | Way::By(_) => self,
                }
            }

            fn placed(self, operator: &str, key: Option<Key>) -> Self {
                let Some(key) = key else { return self };
                self.filter(db::placed::<Timestamptz, _, _>("deliveries.created_at, deliveries.id", operator, key))
            }
        }
    };
}
narrow!(Sqlite);
narrow!(Pg);

/// A page of the deliveries that are wanted.
pub async fn page(tenant: TenantId, tx: &Tx, way: &Way, request: &PageRequest<Key>) -> Result<Page<Delivery, Key>> {
    let newest_first = (deliveries::created_at.desc(), deliveries::id.desc());
    let stops_at: Option<Key> = match way {
        Way::Of(..) => on!(tx, conn => deliveries::table
            .filter(deliveries::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(way)
            .placed("<", request.from)
            .order(newest_first)
            .offset(EXAMINED - 1)
            .select((deliveries::created_at, deliveries::id))
            .first(conn)
            .await
            .optional())?,
        Way::All | Way::By(_) => None,
    };
    let stretches = match way {
        Way::By(pairs) => pairs.iter().map(|pair| Way::By(vec![*pair])).collect(),
        way => vec![way.clone()],
    };
    let stretches = stretches.iter().map(async |way| -> Result<Vec<Delivery>> {
        Ok(on!(tx, conn => deliveries::table
            .filter(deliveries::tenant_id.eq(tenant))
            .into_boxed::<Backend>()
            .along(way)
            .matching(way)
            .placed("<", request.from)
            .placed(">=", stops_at)
            .order(newest_first)
            .limit(request.limit())
            .select(Delivery::as_select())
            .load(conn)
            .await)?)
    });
    let mut rows: Vec<_> = try_join_all(stretches).await?.into_iter().flatten().collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id.uuid())));
    rows.truncate(usize::try_from(request.limit()).unwrap_or(usize::MAX));
    Ok(request.page(rows, stops_at, None))
}
