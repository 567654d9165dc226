//! The table of lead states, as pure functions: what each action makes of a lead in each state, at a given time.
//!
//! Time closes OPEN leads by itself: a lead whose time has run out counts as EXPIRED from that moment, whether or not the
//! worker that writes it down has come by. A FULL lead stays FULL; a place that is freed after its time makes it EXPIRED.

use super::{Lead, LeadStatus};
use crate::{
    clock::Timestamp,
    error::{ErrorCode, LeadFullError, PriceChangedError, UserError, path_of},
    money::Credits,
};

/// What a repeatable action found: something to do, or that it was done before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Go,
    Replayed,
}

impl Lead {
    /// The status as the clock has it.
    pub fn status_at(&self, now: Timestamp) -> LeadStatus {
        match self.status {
            LeadStatus::Open if self.is_past(now) => LeadStatus::Expired,
            status => status,
        }
    }

    /// Whether it can be claimed by somebody now.
    pub fn available(&self, now: Timestamp) -> bool {
        self.status_at(now) == LeadStatus::Open
    }

    fn is_past(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    pub fn verifiable(&self, now: Timestamp) -> Result<Step, UserError> {
        match self.status_at(now) {
            LeadStatus::InReview if self.is_past(now) => Err(UserError::invalid(
                &["id"],
                "This lead's expiresAt has passed while it waited: set a later one with updateLead first.",
            )),
            LeadStatus::InReview => Ok(Step::Go),
            LeadStatus::Open | LeadStatus::Full => Ok(Step::Replayed),
            LeadStatus::Expired | LeadStatus::Withdrawn | LeadStatus::Rejected => Err(self.closed("id", now)),
        }
    }

    pub fn rejectable(&self, now: Timestamp) -> Result<Step, UserError> {
        match self.status_at(now) {
            LeadStatus::InReview => Ok(Step::Go),
            LeadStatus::Rejected => Ok(Step::Replayed),
            LeadStatus::Open | LeadStatus::Full | LeadStatus::Expired | LeadStatus::Withdrawn => {
                Err(self.closed("id", now))
            }
        }
    }

    pub fn withdrawable(&self, now: Timestamp) -> Result<Step, UserError> {
        match self.status_at(now) {
            LeadStatus::InReview | LeadStatus::Open | LeadStatus::Full | LeadStatus::Expired => Ok(Step::Go),
            LeadStatus::Withdrawn => Ok(Step::Replayed),
            LeadStatus::Rejected => Err(self.closed("id", now)),
        }
    }

    /// Whether its content, price, places and expiry may still be changed.
    pub fn editable(&self) -> Result<(), UserError> {
        match self.status {
            LeadStatus::Withdrawn | LeadStatus::Rejected => Err(UserError::new(
                ErrorCode::LeadClosed,
                &["id"],
                "This lead was withdrawn or rejected; it stays as it is.",
            )),
            _ => Ok(()),
        }
    }

    /// Whether a provider that sees it and has not claimed it may claim it now for at most `max_price`. The wallet is asked
    /// afterwards.
    pub fn claimable(&self, now: Timestamp, max_price: Credits) -> Result<(), UserError> {
        match self.status_at(now) {
            LeadStatus::Open => {}
            LeadStatus::Full => return Err(self.full()),
            LeadStatus::InReview => return Err(UserError::not_found(&["leadId"], "lead")),
            LeadStatus::Expired | LeadStatus::Withdrawn | LeadStatus::Rejected => {
                return Err(self.closed("leadId", now));
            }
        }
        if self.price > max_price {
            return Err(UserError::PriceChangedError(PriceChangedError {
                code: ErrorCode::PriceChanged,
                message: format!(
                    "This lead costs {} credits, more than the {} of maxPrice.",
                    self.price.0, max_price.0
                ),
                path: path_of(&["maxPrice"]),
                price: self.price,
            }));
        }
        Ok(())
    }

    fn full(&self) -> UserError {
        UserError::LeadFullError(LeadFullError {
            code: ErrorCode::LeadFull,
            message: format!("All {} places of this lead are taken.", self.max_claims),
            path: path_of(&["leadId"]),
            claim_count: self.claim_count,
            max_claims: self.max_claims,
        })
    }

    fn closed(&self, named_by: &str, now: Timestamp) -> UserError {
        let why = match self.status_at(now) {
            LeadStatus::Expired => "has expired",
            LeadStatus::Withdrawn => "was withdrawn",
            LeadStatus::Rejected => "was rejected",
            LeadStatus::InReview | LeadStatus::Open | LeadStatus::Full => "has already been opened",
        };
        UserError::new(ErrorCode::LeadClosed, &[named_by], format!("This lead {why}."))
    }

    /// Opens it for the first time.
    pub fn open(&mut self, now: Timestamp, lifetime: std::time::Duration) {
        self.status = LeadStatus::Open;
        self.verified_at = Some(now);
        self.expires_at.get_or_insert(now.plus(lifetime));
    }

    /// One more claim holds a place, which makes another version of the lead.
    pub fn take_place(&mut self) {
        self.version += 1;
        self.claim_count += 1;
        if self.claim_count >= self.max_claims {
            self.status = LeadStatus::Full;
        }
    }

    /// A refund gives a place back: a FULL lead opens again, or expires when its time has passed meanwhile.
    pub fn free_place(&mut self, now: Timestamp) {
        self.version += 1;
        self.claim_count = (self.claim_count - 1).max(0);
        self.settle(now);
    }

    /// Sets the number of places.
    pub fn set_max_claims(&mut self, max_claims: i32, now: Timestamp) -> Result<(), UserError> {
        if max_claims < self.claim_count {
            return Err(UserError::invalid(
                &["maxClaims"],
                format!("{} places are already taken: maxClaims cannot be below that.", self.claim_count),
            ));
        }
        self.max_claims = max_claims;
        self.settle(now);
        Ok(())
    }

    /// Sets when it expires. An expired lead opens again by this.
    pub fn set_expires_at(&mut self, expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), UserError> {
        if self.status != LeadStatus::InReview && expires_at.is_none_or(|at| at <= now) {
            return Err(UserError::invalid(&["expiresAt"], "An opened lead needs an expiresAt in the future."));
        }
        if self.status_at(now) == LeadStatus::Expired {
            self.status = LeadStatus::Open;
        }
        self.expires_at = expires_at;
        self.settle(now);
        Ok(())
    }

    /// Brings OPEN, FULL and EXPIRED in line with places and time.
    fn settle(&mut self, now: Timestamp) {
        let full = self.claim_count >= self.max_claims;
        self.status = match self.status {
            // Its time has run out: the expiry worker says so, with an event.
            LeadStatus::Open if self.is_past(now) => LeadStatus::Open,
            LeadStatus::Open | LeadStatus::Full if full => LeadStatus::Full,
            LeadStatus::Full if self.is_past(now) => LeadStatus::Expired,
            LeadStatus::Full => LeadStatus::Open,
            other => other,
        };
    }
}
