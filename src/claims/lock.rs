//! A claim is its lead's: whoever changes it holds the lead.

use super::{Claim, ClaimId, store};
use crate::{
    db::Tx,
    error::{Result, UserError},
    ids::TenantId,
    leads::{self, Lead},
};

/// The claim as it is with its lead locked; `NOT_FOUND` when there is none.
pub(super) async fn lock(tenant: TenantId, tx: &Tx, id: ClaimId) -> Result<(Claim, Lead)> {
    let unknown = || UserError::not_found(&["id"], "claim");
    let seen = store::find(tenant, tx, id).await?.ok_or_else(unknown)?;
    let lead = leads::lock(tenant, tx, seen.lead_id).await?.ok_or_else(unknown)?;
    // Again, for it may have changed until the lead was ours.
    let claim = store::find(tenant, tx, id).await?.ok_or_else(unknown)?;
    Ok((claim, lead))
}
