//! Moving a balance: the one way in which a wallet changes.

use serde::Serialize;

use super::{LedgerEntry, LedgerEntryId, LedgerEntryType, Wallet, store};
use crate::{
    claims::ClaimId,
    clock::Timestamp,
    db::Tx,
    error::{Error, Result, UserError},
    ids::TenantId,
    money::SignedCredits,
    reference,
};

/// A change of a balance, and why.
#[derive(Clone, Debug)]
pub struct Movement {
    pub change: SignedCredits,
    pub reason: Reason,
    /// The input's field that is at fault when the balance would leave its range.
    pub path: &'static [&'static str],
}

/// Why a balance moves.
#[derive(Clone, Debug)]
pub enum Reason {
    TopUp(Request),
    Grant(Request),
    Claim(ClaimId),
    Refund(ClaimId, String),
    Adjustment(Request, String),
}

/// Under which key a movement was asked for, and the hash of what was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub reference: String,
    pub hash: Vec<u8>,
}

/// What a movement that was asked for under a reference came to.
#[derive(Clone, Debug)]
pub struct Moved {
    pub wallet: Wallet,
    pub entry: LedgerEntry,
    pub replayed: bool,
}

impl Request {
    /// `kind`: the mutation.
    pub fn new(kind: &str, reference: &str, input: &impl Serialize) -> Result<Self> {
        Ok(Self { reference: reference.to_owned(), hash: reference::request_hash(kind, input)? })
    }
}

impl Reason {
    fn entry_type(&self) -> LedgerEntryType {
        match self {
            Self::TopUp(_) => LedgerEntryType::TopUp,
            Self::Grant(_) => LedgerEntryType::Grant,
            Self::Claim(_) => LedgerEntryType::Claim,
            Self::Refund(..) => LedgerEntryType::Refund,
            Self::Adjustment(..) => LedgerEntryType::Adjustment,
        }
    }

    fn claim(&self) -> Option<ClaimId> {
        match self {
            Self::Claim(claim) | Self::Refund(claim, _) => Some(*claim),
            Self::TopUp(_) | Self::Grant(_) | Self::Adjustment(..) => None,
        }
    }

    fn request(&self) -> Option<&Request> {
        match self {
            Self::TopUp(request) | Self::Grant(request) | Self::Adjustment(request, _) => Some(request),
            Self::Claim(_) | Self::Refund(..) => None,
        }
    }

    fn text(&self) -> Option<String> {
        match self {
            Self::Refund(_, text) | Self::Adjustment(_, text) => Some(text.clone()),
            Self::TopUp(_) | Self::Grant(_) | Self::Claim(_) => None,
        }
    }
}

/// A movement that has been worked out and is yet to be written.
#[derive(Clone, Debug)]
pub struct Booking {
    before: Wallet,
    /// As it is afterwards.
    pub wallet: Wallet,
    pub entry: LedgerEntry,
    request: Option<Request>,
}

impl Wallet {
    /// What the movement makes of this wallet.
    pub fn book(&self, movement: &Movement, now: Timestamp) -> Result<Booking> {
        let Some(after) = self.after(movement.change) else {
            return Err(UserError::invalid(movement.path, "A balance is from 0 to 9007199254740991 credits.").into());
        };
        let entry = entry(self, &after, movement, now);
        Ok(Booking { before: self.clone(), wallet: after, entry, request: movement.reason.request().cloned() })
    }
}

/// Writes the balance of a wallet that was *locked* when the movement was booked, and the entry.
pub async fn save(tenant: TenantId, tx: &Tx, booking: &Booking) -> Result<()> {
    let hash = booking.request.as_ref().map(|request| request.hash.as_slice());
    let (saved, inserted) = tokio::try_join!(
        biased;
        store::save(tenant, tx, &booking.before, &booking.wallet),
        store::insert_entry(tenant, tx, &booking.entry, hash),
    )?;
    match booking.request {
        _ if !saved => Err(Error::internal("a wallet was moved without being locked")),
        _ if inserted => Ok(()),
        // The wallet was locked when the reference was looked up, so it was taken for another wallet since.
        Some(_) => Err(reference::mismatch().into()),
        None => Err(Error::internal("a ledger entry exists already")),
    }
}

/// Moves the balance of a *locked* wallet and writes the entry. Returns both as they are now.
pub async fn apply(
    tenant: TenantId,
    tx: &Tx,
    now: Timestamp,
    wallet: &Wallet,
    movement: &Movement,
) -> Result<(Wallet, LedgerEntry)> {
    let booking = wallet.book(movement, now)?;
    save(tenant, tx, &booking).await?;
    Ok((booking.wallet, booking.entry))
}

fn entry(before: &Wallet, after: &Wallet, movement: &Movement, now: Timestamp) -> LedgerEntry {
    LedgerEntry {
        id: LedgerEntryId::random(),
        wallet_id: after.id,
        version: after.version,
        entry_type: movement.reason.entry_type(),
        change: movement.change,
        previous_balance: before.balance,
        balance: after.balance,
        claim_id: movement.reason.claim(),
        reference: movement.reason.request().map(|request| request.reference.clone()),
        reason: movement.reason.text(),
        created_at: now,
    }
}

/// The entry that this request made before, if it did. To be called with the wallet locked, so that a request that
/// comes twice at once waits for itself. The same reference with other content is refused.
pub(super) async fn made_before(tenant: TenantId, tx: &Tx, request: &Request) -> Result<Option<LedgerEntry>> {
    match store::entry_of_reference(tenant, tx, &request.reference).await? {
        Some((entry, Some(hash))) if hash == request.hash => Ok(Some(entry)),
        Some(_) => Err(reference::mismatch().into()),
        None => Ok(None),
    }
}
