//! What becomes of a claim, as pure functions.

use super::{Claim, ClaimId, ClaimOutcome, ClaimStatus};
use crate::{clock::Timestamp, error::UserError, ids::UserId, leads::Lead, money::Credits, reference};

/// What a refund finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refund {
    /// This much is to be paid back.
    Due(Credits),
    /// It was paid back before.
    Replayed,
}

impl Claim {
    /// A provider's claim on a lead at the price that it has now.
    pub fn new(lead: &Lead, provider: UserId, now: Timestamp) -> Self {
        Self {
            id: ClaimId::random(),
            version: 1,
            lead_id: lead.id,
            provider_id: provider,
            customer_id: lead.customer_id.clone(),
            status: ClaimStatus::Active,
            price: lead.price,
            claimed_at: now,
            contacted_at: None,
            closed_at: None,
            refunded_at: None,
            refund_amount: None,
        }
    }

    /// Notes what its provider says became of it. False when that was known.
    pub fn report(&mut self, outcome: ClaimOutcome, now: Timestamp) -> Result<bool, UserError> {
        let status = match (self.status, outcome) {
            (ClaimStatus::Refunded, _) => {
                return Err(UserError::invalid(&["id"], "This claim was refunded, which is final."));
            }
            (ClaimStatus::Won | ClaimStatus::Lost, ClaimOutcome::Contacted) => {
                return Err(UserError::invalid(
                    &["outcome"],
                    "This claim is already WON or LOST; it can change between these two only.",
                ));
            }
            (_, ClaimOutcome::Contacted) => ClaimStatus::Contacted,
            (_, ClaimOutcome::Won) => ClaimStatus::Won,
            (_, ClaimOutcome::Lost) => ClaimStatus::Lost,
        };
        if status == self.status {
            return Ok(false);
        }
        self.status = status;
        match outcome {
            ClaimOutcome::Contacted => self.contacted_at = Some(now),
            ClaimOutcome::Won | ClaimOutcome::Lost => self.closed_at = Some(now),
        }
        Ok(true)
    }

    /// What a refund of `amount` (`None`: of all that was paid) comes to.
    pub fn refundable(&self, amount: Option<Credits>) -> Result<Refund, UserError> {
        let amount = amount.unwrap_or(self.price);
        if amount > self.price {
            let message = format!("This claim cost {} credits: no more than that can be refunded.", self.price.0);
            return Err(UserError::invalid(&["amount"], message));
        }
        match self.refund_amount {
            None => Ok(Refund::Due(amount)),
            Some(refunded) if refunded == amount => Ok(Refund::Replayed),
            Some(_) => {
                Err(reference::other_content(&["amount"], "This claim was already refunded, with another amount."))
            }
        }
    }

    /// Ends it.
    pub fn end_refunded(&mut self, amount: Credits, now: Timestamp) {
        self.status = ClaimStatus::Refunded;
        self.refunded_at = Some(now);
        self.refund_amount = Some(amount);
    }
}

#[cfg(test)]
mod tests {
    use ClaimOutcome::{Contacted, Lost, Won};

    use super::*;
    use crate::{
        error::{ErrorCode, GenericError},
        ids::Id,
    };

    const NOW: Timestamp = Timestamp::from_micros(7);

    fn claim(status: ClaimStatus) -> Claim {
        Claim {
            id: Id::random(),
            version: 1,
            lead_id: Id::random(),
            provider_id: "pat".into(),
            customer_id: "cleo".into(),
            status,
            price: Credits(10),
            claimed_at: Timestamp::from_micros(1),
            contacted_at: None,
            closed_at: None,
            refunded_at: None,
            refund_amount: None,
        }
    }

    #[allow(clippy::needless_pass_by_value)]
    fn code<T>(result: Result<T, UserError>) -> Option<ErrorCode> {
        match result {
            Err(UserError::GenericError(GenericError { code, .. })) => Some(code),
            _ => None,
        }
    }

    #[test]
    fn a_claim_goes_forward_and_changes_its_mind_between_won_and_lost() {
        for (from, outcome, to) in [
            (ClaimStatus::Active, Contacted, ClaimStatus::Contacted),
            (ClaimStatus::Active, Won, ClaimStatus::Won),
            (ClaimStatus::Active, Lost, ClaimStatus::Lost),
            (ClaimStatus::Contacted, Won, ClaimStatus::Won),
            (ClaimStatus::Won, Lost, ClaimStatus::Lost),
            (ClaimStatus::Lost, Won, ClaimStatus::Won),
        ] {
            let mut claim = claim(from);
            assert_eq!(claim.report(outcome, NOW), Ok(true), "{from:?} {outcome:?}");
            assert_eq!(claim.status, to);
            assert_eq!(claim.contacted_at.is_some(), outcome == Contacted);
            assert_eq!(claim.closed_at.is_some(), outcome != Contacted);
        }
    }

    #[test]
    fn the_same_outcome_again_changes_nothing() {
        let before = claim(ClaimStatus::Won);
        let mut after = before.clone();
        assert_eq!(after.report(Won, NOW), Ok(false));
        assert_eq!(after, before);
    }

    #[test]
    fn a_claim_does_not_go_back() {
        assert_eq!(code(claim(ClaimStatus::Won).report(Contacted, NOW)), Some(ErrorCode::Invalid));
        for outcome in [Contacted, Won, Lost] {
            assert_eq!(code(claim(ClaimStatus::Refunded).report(outcome, NOW)), Some(ErrorCode::Invalid));
        }
    }

    #[test]
    fn a_refund_is_of_all_or_of_a_part_and_happens_once() {
        let mut claim = claim(ClaimStatus::Lost);
        assert_eq!(claim.refundable(None), Ok(Refund::Due(Credits(10))));
        assert_eq!(claim.refundable(Some(Credits(0))), Ok(Refund::Due(Credits(0))));
        assert_eq!(code(claim.refundable(Some(Credits(11)))), Some(ErrorCode::Invalid));
        claim.end_refunded(Credits(4), NOW);
        assert!(!claim.opens_contact());
        assert_eq!(claim.refundable(Some(Credits(4))), Ok(Refund::Replayed));
        assert_eq!(code(claim.refundable(None)), Some(ErrorCode::ReferenceMismatch));
        assert_eq!(code(claim.refundable(Some(Credits(11)))), Some(ErrorCode::Invalid));
    }
}
