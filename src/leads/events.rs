//! What the log keeps of a lead's life. Each event has the whole lead (without its contact) as it was then, so that
//! delivering it needs no query; and what it was before, since a list must hear of what leaves it.

use serde::{Deserialize, Serialize};

use super::{Lead, LeadChange, before::Before};
use crate::{
    claims::Claim,
    error::Result,
    events::{Kind, NewEvent},
};

/// It opened for the first time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadCreated {
    pub lead: Lead,
}

/// It changed; `before` is what changed, null when it was just submitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadUpdated {
    pub lead: Lead,
    pub before: Option<Before>,
    pub change: LeadChange,
}

/// Somebody claimed it. Who did is told to those who may see the claim.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LeadClaimed {
    pub lead: Lead,
    pub before: Before,
    pub claim: Claim,
}

pub fn created(lead: &Lead) -> Result<NewEvent> {
    NewEvent::new(Kind::LeadCreated, Vec::new(), &LeadCreated { lead: lead.clone() })
}

pub fn updated(before: Option<&Lead>, after: &Lead, change: LeadChange) -> Result<NewEvent> {
    let before = before.map(|before| Before::between(before, after)).transpose()?;
    NewEvent::new(Kind::LeadUpdated, Vec::new(), &LeadUpdated { lead: after.clone(), before, change })
}

pub fn claimed(before: &Lead, after: &Lead, claim: &Claim) -> Result<NewEvent> {
    let before = Before::between(before, after)?;
    NewEvent::new(Kind::LeadClaimed, Vec::new(), &LeadClaimed { lead: after.clone(), before, claim: claim.clone() })
}
