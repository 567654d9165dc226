//! What is told of a claim after it was made. (That it was made is told of its lead.)

use serde::{Deserialize, Serialize};

use super::Claim;
use crate::{
    error::Result,
    events::{Kind, NewEvent},
    leads::Lead,
};

/// What a `claimUpdated` event carries. Told to whoever may see the claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimUpdated {
    pub claim: Claim,
    pub lead: Lead,
}

/// The event of a claim that changed, or whose lead's content did.
pub fn updated(claim: &Claim, lead: &Lead) -> Result<NewEvent> {
    NewEvent::new(Kind::ClaimUpdated, Vec::new(), &ClaimUpdated { claim: claim.clone(), lead: lead.clone() })
}
