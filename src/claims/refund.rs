//! Paying back: one claim, or all of a lead that is withdrawn.

use async_graphql::InputObject;

use super::{
    Claim, ClaimId, Claimed,
    claim::{no_wallet, replayed},
    events::updated,
    lock::lock,
    state::Refund,
    store,
};
use crate::{
    app::App,
    auth::Viewer,
    clock::{Clock, Timestamp},
    db::Tx,
    error::{Result, UserError},
    events::{self, NewEvent},
    ids::TenantId,
    input::Input,
    leads::{self, Lead, LeadChange, LeadStatus},
    money::Credits,
    wallets::{self, LedgerEntry, LedgerEntryType, Movement, Reason, Wallet},
};

/// Which claim to pay back, and how.
#[derive(InputObject, Clone, Debug)]
pub struct RefundClaimInput {
    /// The claim.
    pub id: ClaimId,
    /// How many credits, 0 to the price that was paid. Null or left out: all of it.
    pub amount: Option<Credits>,
    /// Why, 1 to 500 characters. The provider can read it in its wallet's entries.
    pub reason: String,
    /// Whether the lead gets the place back, so that somebody else can claim it.
    #[graphql(default = true)]
    pub reopen_slot: bool,
}

const MAX_REASON_CHARS: usize = 500;

impl RefundClaimInput {
    fn checked(mut self) -> Result<Self> {
        let mut input = Input::default();
        if let Some(amount) = self.amount {
            input.credits(&["amount"], amount);
        }
        self.reason = input.text(&["reason"], &self.reason, MAX_REASON_CHARS);
        input.accept()?;
        Ok(self)
    }
}

/// Refunds a claim, which ends it. For ADMIN and SERVICE. The same amount again is answered with the first refund.
pub async fn refund(app: &App, viewer: &Viewer, input: RefundClaimInput) -> Result<Claimed> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE refund claims.").into());
    }
    let input = input.checked()?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    app.db.write(tenant, async move |tx| refund_one(tenant, tx, &clock, &input).await).await
}

async fn refund_one(tenant: TenantId, tx: &Tx, clock: &Clock, input: &RefundClaimInput) -> Result<Claimed> {
    let (mut claim, before) = lock(tenant, tx, input.id).await?;
    let amount = match claim.refundable(input.amount)? {
        Refund::Due(amount) => amount,
        Refund::Replayed => return replayed(tenant, tx, claim, before, LedgerEntryType::Refund).await,
    };
    let now = clock.now();
    let (wallet, entry) = pay_back(tenant, tx, now, &mut claim, amount, &input.reason, &["amount"]).await?;

    let mut lead = before.clone();
    if input.reopen_slot {
        give_back_place(&mut lead, now);
    }
    let change = place_change(&before, &lead);
    if change.is_some() {
        leads::save_places(tenant, tx, &lead).await?;
    }
    let mut facts = vec![updated(&claim, &lead)?, wallets::balance_updated(&wallet, &entry)?];
    if let Some(change) = change {
        facts.push(leads::updated(Some(&before), &lead, change)?);
    }
    events::append(tenant, tx, now, facts).await?;
    Ok(Claimed { claim, lead, wallet, entry, replayed: false })
}

/// Refunds in full what is not yet refunded of a locked and saved `lead`; its places and its status stay. Returns the
/// events, to be appended with the lead's own.
pub async fn refund_all(tenant: TenantId, tx: &Tx, now: Timestamp, lead: &Lead, reason: &str) -> Result<Vec<NewEvent>> {
    let mut claims = store::of_lead(tenant, tx, lead.id).await?;
    claims.retain(Claim::opens_contact);
    // Everyone locks wallets in the same order, so that two of these never wait for each other.
    claims.sort_by(|a, b| a.provider_id.cmp(&b.provider_id));
    let mut facts = Vec::with_capacity(2 * claims.len());
    for mut claim in claims {
        let amount = claim.price;
        let (wallet, entry) = pay_back(tenant, tx, now, &mut claim, amount, reason, &["refundClaims"]).await?;
        facts.push(updated(&claim, lead)?);
        facts.push(wallets::balance_updated(&wallet, &entry)?);
    }
    Ok(facts)
}

async fn pay_back(
    tenant: TenantId,
    tx: &Tx,
    now: Timestamp,
    claim: &mut Claim,
    amount: Credits,
    reason: &str,
    path: &'static [&'static str],
) -> Result<(Wallet, LedgerEntry)> {
    let wallet = wallets::lock(tenant, tx, &claim.provider_id).await?.ok_or_else(no_wallet)?;
    let movement = Movement { change: amount.as_gain(), reason: Reason::Refund(claim.id, reason.to_owned()), path };
    let moved = wallets::apply(tenant, tx, now, &wallet, &movement).await?;
    claim.end_refunded(amount, now);
    store::save(tenant, tx, claim).await?;
    Ok(moved)
}

/// A lead that takes no claims any more keeps its count.
fn give_back_place(lead: &mut Lead, now: Timestamp) {
    if !matches!(lead.status, LeadStatus::Withdrawn | LeadStatus::Rejected) {
        lead.free_place(now);
    }
}

/// What giving a place back means to those who watch the lead; `None` when no place was.
fn place_change(before: &Lead, after: &Lead) -> Option<LeadChange> {
    match (before.status, after.status) {
        _ if after.claim_count == before.claim_count => None,
        (LeadStatus::Full, LeadStatus::Open) => Some(LeadChange::Reopened),
        (LeadStatus::Full, LeadStatus::Expired) => Some(LeadChange::Expired),
        _ => Some(LeadChange::Edited),
    }
}
