//! An ADMIN puts a balance right, up or down.

use async_graphql::InputObject;
use serde::Serialize;

use super::{Moved, Movement, Reason, Request, apply, balance_updated, lock, movement::made_before};
use crate::{
    app::App,
    auth::Viewer,
    clock::Clock,
    db::Tx,
    error::{Result, UserError},
    events,
    ids::{TenantId, UserId},
    input::{Input, MAX_REFERENCE_CHARS},
    money::{Credits, SignedCredits},
    users::Role,
};

/// A correction of a wallet.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct AdjustWalletInput {
    /// Whose wallet.
    pub owner_id: UserId,
    /// By how many credits: above or below 0, not 0. The balance cannot fall below 0.
    pub change: SignedCredits,
    /// The caller's own key for this movement: 1 to 200 characters, unique among the tenant's wallet movements. Sent
    /// again with the same content, nothing moves twice.
    pub reference: String,
    /// Why, 1 to 500 characters. The wallet's owner can read it.
    pub reason: String,
}

const MAX_REASON_CHARS: usize = 500;

impl AdjustWalletInput {
    fn checked(mut self) -> Result<Self> {
        let mut input = Input::default();
        if !self.owner_id.is_valid() {
            input.invalid(&["ownerId"], "This cannot be a user's id.");
        }
        input.signed_credits(&["change"], self.change);
        if self.change == SignedCredits(0) {
            input.invalid(&["change"], "This must not be 0.");
        }
        self.reference = input.text(&["reference"], &self.reference, MAX_REFERENCE_CHARS);
        self.reason = input.text(&["reason"], &self.reason, MAX_REASON_CHARS);
        input.accept()?;
        Ok(self)
    }

    fn movement(&self, request: Request) -> Movement {
        let reason = Reason::Adjustment(request, self.reason.clone());
        Movement { change: self.change, reason, path: &["change"] }
    }
}

/// Corrects a wallet's balance. For ADMIN.
pub async fn adjust(app: &App, viewer: &Viewer, input: AdjustWalletInput) -> Result<Moved> {
    if viewer.role != Role::Admin {
        return Err(UserError::forbidden(&[], "Only an ADMIN adjusts wallets.").into());
    }
    let input = input.checked()?;
    let request = Request::new("adjustWallet", &input.reference, &input)?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    app.db.write(tenant, async move |tx| put_right(tenant, tx, &clock, &input, request).await).await
}

async fn put_right(
    tenant: TenantId,
    tx: &Tx,
    clock: &Clock,
    input: &AdjustWalletInput,
    request: Request,
) -> Result<Moved> {
    let Some(wallet) = lock(tenant, tx, &input.owner_id).await? else {
        return Err(UserError::not_found(&["ownerId"], "wallet").into());
    };
    if let Some(entry) = made_before(tenant, tx, &request).await? {
        return Ok(Moved { wallet, entry, replayed: true });
    }
    if input.change.0 < 0 {
        wallet.can_pay(Credits(-input.change.0), &["change"])?;
    }
    let now = clock.now();
    let (wallet, entry) = apply(tenant, tx, now, &wallet, &input.movement(request)).await?;
    events::append(tenant, tx, now, vec![balance_updated(&wallet, &entry)?]).await?;
    Ok(Moved { wallet, entry, replayed: false })
}
