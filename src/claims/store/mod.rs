//! Claims in the database.

mod listing;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

pub(super) use listing::page;

use super::{Claim, ClaimId};
use crate::{
    db::{Tx, on, schema::claims},
    error::{Error, Result},
    ids::{TenantId, UserId},
    leads::LeadId,
};

pub(super) async fn insert(tenant: TenantId, tx: &Tx, claim: &Claim) -> Result<()> {
    let insert = diesel::insert_into(claims::table).values((claims::tenant_id.eq(tenant), claim));
    on!(tx, conn => insert.execute(conn).await)?;
    Ok(())
}

/// Writes a changed claim of a locked lead and raises its version.
pub(super) async fn save(tenant: TenantId, tx: &Tx, claim: &mut Claim) -> Result<()> {
    let row = claims::table.find((tenant, claim.id)).filter(claims::version.eq(claim.version));
    claim.version += 1;
    let update = diesel::update(row).set((
        claims::version.eq(claim.version),
        claims::status.eq(claim.status),
        claims::contacted_at.eq(claim.contacted_at),
        claims::closed_at.eq(claim.closed_at),
        claims::refunded_at.eq(claim.refunded_at),
        claims::refund_amount.eq(claim.refund_amount),
    ));
    match on!(tx, conn => update.execute(conn).await)? {
        1 => Ok(()),
        _ => Err(Error::internal("a claim was changed without its lead being locked")),
    }
}

pub(super) async fn find(tenant: TenantId, tx: &Tx, id: ClaimId) -> Result<Option<Claim>> {
    let row = claims::table.find((tenant, id));
    Ok(on!(tx, conn => row.select(Claim::as_select()).first(conn).await).optional()?)
}

pub(super) async fn find_many(tenant: TenantId, tx: &Tx, ids: &[ClaimId]) -> Result<Vec<Claim>> {
    let rows = claims::table.filter(claims::tenant_id.eq(tenant)).filter(claims::id.eq_any(ids));
    Ok(on!(tx, conn => rows.select(Claim::as_select()).load(conn).await)?)
}

/// All claims on a lead, oldest first.
pub async fn of_lead(tenant: TenantId, tx: &Tx, lead: LeadId) -> Result<Vec<Claim>> {
    let rows = claims::table
        .filter(claims::tenant_id.eq(tenant))
        .filter(claims::lead_id.eq(lead))
        .order((claims::claimed_at, claims::id));
    Ok(on!(tx, conn => rows.select(Claim::as_select()).load(conn).await)?)
}

/// A provider's claim on a lead.
pub(super) async fn of_provider(tenant: TenantId, tx: &Tx, lead: LeadId, provider: &UserId) -> Result<Option<Claim>> {
    let row = claims::table
        .filter(claims::tenant_id.eq(tenant))
        .filter(claims::lead_id.eq(lead))
        .filter(claims::provider_id.eq(provider));
    Ok(on!(tx, conn => row.select(Claim::as_select()).first(conn).await).optional()?)
}

/// A provider's claims on these leads.
pub(super) async fn of_provider_among(
    tenant: TenantId,
    tx: &Tx,
    provider: &UserId,
    leads: &[LeadId],
) -> Result<Vec<Claim>> {
    let rows = claims::table
        .filter(claims::tenant_id.eq(tenant))
        .filter(claims::provider_id.eq(provider))
        .filter(claims::lead_id.eq_any(leads));
    Ok(on!(tx, conn => rows.select(Claim::as_select()).load(conn).await)?)
}

/// Which of these providers have claimed a lead of this customer's.
pub(super) async fn claimants_among(
    tenant: TenantId,
    tx: &Tx,
    customer: &UserId,
    providers: &[UserId],
) -> Result<Vec<UserId>> {
    let rows = claims::table
        .filter(claims::tenant_id.eq(tenant))
        .filter(claims::customer_id.eq(customer))
        .filter(claims::provider_id.eq_any(providers))
        .select(claims::provider_id)
        .distinct();
    Ok(on!(tx, conn => rows.load(conn).await)?)
}
