//! A provider claims a lead: place, payment, claim, entry and events in one transaction, or none of it.

use async_graphql::InputObject;

use super::{Claim, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::Clock,
    db::Tx,
    error::{Error, ErrorCode, Result, UserError},
    events,
    ids::TenantId,
    input::Input,
    leads::{self, Lead, LeadChange, LeadId, LeadStatus},
    money::Credits,
    users::Role,
    wallets::{self, LedgerEntry, LedgerEntryType, Movement, Reason, Wallet},
};

/// Which lead, and what it may cost.
#[derive(InputObject, Clone, Debug)]
pub struct ClaimLeadInput {
    /// The lead.
    pub lead_id: LeadId,
    /// The most that the viewer will pay, in credits: the price it was shown. A lead that costs more by now is refused
    /// with `PRICE_CHANGED`.
    pub max_price: Credits,
}

/// What a claim or its refund came to.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub claim: Claim,
    pub lead: Lead,
    pub wallet: Wallet,
    pub entry: LedgerEntry,
    pub replayed: bool,
}

/// Claims a lead for the viewer, a PROVIDER. A lead that it has claimed before is answered with that claim.
pub async fn claim(app: &App, viewer: &Viewer, input: ClaimLeadInput) -> Result<Claimed> {
    let result = claim_once(app, viewer, input).await;
    app.metrics.claim(outcome(&result));
    result
}

async fn claim_once(app: &App, viewer: &Viewer, input: ClaimLeadInput) -> Result<Claimed> {
    if viewer.role != Role::Provider {
        return Err(UserError::forbidden(&[], "Only a PROVIDER claims leads.").into());
    }
    let mut checks = Input::default();
    checks.credits(&["maxPrice"], input.max_price);
    checks.accept()?;
    let (viewer, clock) = (viewer.clone(), app.clock.clone());
    app.db.write(viewer.tenant, async move |tx| take(tx, &clock, &viewer, &input).await).await
}

/// The rules, from top to bottom. What was claimed before is answered before anything else is asked.
///
/// What does not wait for each other's answers is sent together, in the order of locks (lead, wallet), with the events last.
async fn take(tx: &Tx, clock: &Clock, viewer: &Viewer, input: &ClaimLeadInput) -> Result<Claimed> {
    let (tenant, provider) = (viewer.tenant, &viewer.user);
    let unknown = || UserError::not_found(&["leadId"], "lead");
    let (before, own, wallet) = tokio::try_join!(
        biased;
        leads::lock(tenant, tx, input.lead_id),
        store::of_provider(tenant, tx, input.lead_id, provider),
        wallets::lock(tenant, tx, provider),
    )?;
    let before = before.ok_or_else(unknown)?;
    let now = clock.now();
    if let Some(claim) = own {
        return claimed_before(tenant, tx, claim, before).await;
    }
    if !before.visible_to(viewer) {
        return Err(unknown().into());
    }
    before.claimable(now, input.max_price)?;
    let wallet = wallet.ok_or_else(no_wallet)?;
    wallet.can_pay(before.price, &["leadId"])?;

    let claim = Claim::new(&before, provider.clone(), now);
    let payment = Movement { change: claim.price.as_loss(), reason: Reason::Claim(claim.id), path: &["leadId"] };
    let payment = wallet.book(&payment, now)?;
    let mut lead = before.clone();
    lead.take_place();
    let mut facts = vec![leads::claimed(&before, &lead, &claim)?];
    if lead.status == LeadStatus::Full {
        facts.push(leads::updated(Some(&before), &lead, LeadChange::Filled)?);
    }
    facts.push(wallets::balance_updated(&payment.wallet, &payment.entry)?);
    tokio::try_join!(
        biased;
        store::insert(tenant, tx, &claim),
        wallets::save(tenant, tx, &payment),
        leads::save_places(tenant, tx, &lead),
        events::append(tenant, tx, now, facts),
    )?;
    Ok(Claimed { claim, lead, wallet: payment.wallet, entry: payment.entry, replayed: false })
}

async fn claimed_before(tenant: TenantId, tx: &Tx, claim: Claim, lead: Lead) -> Result<Claimed> {
    if !claim.opens_contact() {
        let message = "Your claim on this lead was refunded, which is final.";
        return Err(UserError::new(ErrorCode::LeadClosed, &["leadId"], message).into());
    }
    replayed(tenant, tx, claim, lead, LedgerEntryType::Claim).await
}

/// The claim, its entry of this type, and the wallet as it is now.
pub(super) async fn replayed(
    tenant: TenantId,
    tx: &Tx,
    claim: Claim,
    lead: Lead,
    entry_type: LedgerEntryType,
) -> Result<Claimed> {
    let entry = wallets::entry_of_claim(tenant, tx, claim.id, entry_type).await?;
    let entry = entry.ok_or_else(|| Error::internal("a claim without its ledger entry"))?;
    let wallet = wallets::find(tenant, tx, &claim.provider_id).await?.ok_or_else(no_wallet)?;
    Ok(Claimed { claim, lead, wallet, entry, replayed: true })
}

pub(super) fn no_wallet() -> Error {
    Error::internal("a provider without a wallet")
}

/// For the metric.
fn outcome(result: &Result<Claimed>) -> &'static str {
    let refusals = match result {
        Ok(claimed) if claimed.replayed => return "replayed",
        Ok(_) => return "claimed",
        Err(Error::Fault(_)) => return "failed",
        Err(Error::Refused(refusals)) => refusals,
    };
    match refusals.first() {
        Some(UserError::LeadFullError(_)) => "lead_full",
        Some(UserError::InsufficientCreditsError(_)) => "insufficient_credits",
        Some(UserError::PriceChangedError(_)) => "price_changed",
        Some(UserError::GenericError(refusal)) => match refusal.code {
            ErrorCode::NotFound => "not_found",
            ErrorCode::LeadClosed => "lead_closed",
            ErrorCode::Forbidden => "forbidden",
            _ => "invalid",
        },
        None => "invalid",
    }
}
