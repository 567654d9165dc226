//! Credits come in: bought, or given away.

use async_graphql::InputObject;
use serde::Serialize;

use super::{Moved, Movement, Reason, Request, Wallet, apply, balance_updated, lock, movement::made_before};
use crate::{
    app::App,
    auth::Viewer,
    clock::{Clock, Timestamp},
    db::Tx,
    error::{Error, Result, UserError},
    events,
    ids::{TenantId, UserId},
    input::{Input, MAX_REFERENCE_CHARS},
    money::Credits,
    users,
};

/// Credits for a provider's wallet.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct TopUpWalletInput {
    /// Whose wallet. A provider that has not been seen yet is made known by this.
    pub owner_id: UserId,
    /// How many credits, 1 to 2^53 - 1.
    pub amount: Credits,
    /// The caller's own key for this movement, such as the payment's number: 1 to 200 characters, unique among all the
    /// tenant's wallet movements. Sent again with the same content, nothing moves twice.
    pub reference: String,
    /// Whether the credits are a gift: the entry's type is then GRANT instead of `TOP_UP`.
    #[graphql(default = false)]
    pub granted: bool,
}

impl TopUpWalletInput {
    fn checked(mut self) -> Result<Self> {
        let mut input = Input::default();
        if !self.owner_id.is_valid() {
            input.invalid(&["ownerId"], "This cannot be a user's id.");
        }
        input.credits(&["amount"], self.amount);
        if self.amount == Credits::ZERO {
            input.invalid(&["amount"], "This must be at least 1.");
        }
        self.reference = input.text(&["reference"], &self.reference, MAX_REFERENCE_CHARS);
        input.accept()?;
        Ok(self)
    }

    fn movement(&self, request: Request) -> Movement {
        let reason = if self.granted { Reason::Grant(request) } else { Reason::TopUp(request) };
        Movement { change: self.amount.as_gain(), reason, path: &["amount"] }
    }
}

/// Adds credits to a provider's wallet. For ADMIN and SERVICE.
pub async fn top_up(app: &App, viewer: &Viewer, input: TopUpWalletInput) -> Result<Moved> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE add credits.").into());
    }
    let input = input.checked()?;
    let request = Request::new("topUpWallet", &input.reference, &input)?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    app.db.write(tenant, async move |tx| add(tenant, tx, &clock, &input, request).await).await
}

async fn add(tenant: TenantId, tx: &Tx, clock: &Clock, input: &TopUpWalletInput, request: Request) -> Result<Moved> {
    let now = clock.now();
    let wallet = lock_or_make(tenant, tx, now, &input.owner_id).await?;
    if let Some(entry) = made_before(tenant, tx, &request).await? {
        return Ok(Moved { wallet, entry, replayed: true });
    }
    // Whoever has a wallet from before may be something else by now.
    users::ensure_provider(tenant, tx, now, &input.owner_id, &["ownerId"]).await?;
    let (wallet, entry) = apply(tenant, tx, now, &wallet, &input.movement(request)).await?;
    events::append(tenant, tx, now, vec![balance_updated(&wallet, &entry)?]).await?;
    Ok(Moved { wallet, entry, replayed: false })
}

async fn lock_or_make(tenant: TenantId, tx: &Tx, now: Timestamp, owner: &UserId) -> Result<Wallet> {
    if let Some(wallet) = lock(tenant, tx, owner).await? {
        return Ok(wallet);
    }
    users::ensure_provider(tenant, tx, now, owner, &["ownerId"]).await?;
    lock(tenant, tx, owner).await?.ok_or_else(|| Error::internal("a provider without a wallet"))
}
