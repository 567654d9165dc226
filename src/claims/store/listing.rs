//! Lists of claims in SQL.
//!
//! One index leads the way: the lead's, the provider's, the customer's, or the tenant's. What else is asked for is
//! looked at row by row, up to the bound of `paging`.

use diesel::{dsl::sql, prelude::*, sql_types::Integer};
use diesel_async::RunQueryDsl;

use super::super::{
    Claim, ClaimId, Key,
    list::{Party, Selection},
};
use crate::{
    db::{self, Tx, on, schema::claims, sql_types::Timestamptz},
    error::Result,
    ids::TenantId,
    paging::{EXAMINED, Page, PageRequest},
};

/// A page of the claims that are `wanted`, newest first.
pub(in super::super) async fn page(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    request: &PageRequest<Key>,
) -> Result<Page<Claim, Key>> {
    let (direction, beyond, up_to) = if request.backward { ("ASC", ">", "<=") } else { ("DESC", "<", ">=") };
    let in_order = || sql::<Integer>(&format!("claims.claimed_at {direction}, claims.id {direction}"));
    on!(tx, conn => {
        type Query = claims::BoxedQuery<'static, Backend>;
        let narrowed = |rows: Query, party: &Party| match party {
            Party::Lead(lead) => rows.filter(claims::lead_id.eq(*lead)),
            Party::Provider(provider) => rows.filter(claims::provider_id.eq(provider.clone())),
            Party::Customer(customer) => rows.filter(claims::customer_id.eq(customer.clone())),
        };
        let along = || {
            let rows = claims::table.filter(claims::tenant_id.eq(tenant)).into_boxed::<Backend>();
            let rows = wanted.parties.iter().take(1).fold(rows, narrowed);
            match wanted.claimed_after {
                Some(moment) => rows.filter(claims::claimed_at.gt(moment)),
                None => rows,
            }
        };
        let matching = || {
            let rows = wanted.parties.iter().skip(1).fold(along(), narrowed);
            match wanted.statuses.clone() {
                Some(statuses) => rows.filter(claims::status.eq_any(statuses)),
                None => rows,
            }
        };
        let placed = |rows: Query, operator: &str, place: Option<Key>| match place {
            Some(place) => rows.filter(db::placed::<Timestamptz, _, _>("claims.claimed_at, claims.id", operator, place)),
            None => rows,
        };

        let mut stops_at: Option<Key> = None;
        if wanted.skips() {
            let walk = placed(along(), beyond, request.from).order(in_order()).offset(EXAMINED - 1);
            stops_at = walk.select((claims::claimed_at, claims::id)).first(conn).await.optional()?;
        }
        let rows = placed(placed(matching(), beyond, request.from), up_to, stops_at).order(in_order());
        let rows = rows.limit(request.limit()).select(Claim::as_select()).load(conn).await?;

        let mut total = None;
        if request.count {
            let too_many: Option<ClaimId> =
                along().select(claims::id).order(in_order()).offset(EXAMINED).first(conn).await.optional()?;
            if too_many.is_none() {
                total = Some(matching().count().get_result(conn).await?);
            }
        }
        Ok(request.page(rows, stops_at, total))
    })
}
