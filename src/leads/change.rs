//! Changing a lead: lock it, apply the rules, save it. Every operation that moves a lead goes this way.

use super::{Lead, LeadId, store};
use crate::{db::Tx, error::Result, ids::TenantId};

/// The lead, locked until the transaction ends. First in the order of locks: lead, wallet.
pub async fn lock(tenant: TenantId, tx: &Tx, id: LeadId) -> Result<Option<Lead>> {
    store::lock(tenant, tx, id).await
}

/// Writes a lead that was locked and changed, and raises its version.
pub async fn save(tenant: TenantId, tx: &Tx, lead: &mut Lead) -> Result<()> {
    lead.version += 1;
    store::update(tenant, tx, lead).await
}

/// Writes what [`Lead::take_place`] or [`Lead::free_place`] has changed: less to write than all of the lead, and by far the most
/// frequent.
pub async fn save_places(tenant: TenantId, tx: &Tx, lead: &Lead) -> Result<()> {
    store::update_places(tenant, tx, lead).await
}
