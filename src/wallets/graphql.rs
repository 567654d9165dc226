//! Wallets in the schema.

use std::{collections::HashSet, sync::Arc};

use async_graphql::{Context, Object, SimpleObject, Subscription};
use futures_util::{Stream, future};

use super::{
    AdjustWalletInput, BalanceUpdated, LIST, LedgerEntry, LedgerEntryId, LedgerEntryType, Moved, Selection,
    TopUpWalletInput, Wallet, WalletId, adjust, entries, top_up,
};
use crate::{
    auth::Viewer,
    claims::Claim,
    clock::Timestamp,
    error::{Error, Result, UserError},
    events::{Cursor, Delivery, Kind},
    graphql::{
        self, Connection,
        errors::{nullable, outcome},
        stream::events,
    },
    ids::UserId,
    money::{Credits, SignedCredits},
    paging::{PageArgs, PageCursor},
    users::{Role, User},
};

/// A provider's credits. Seen by its owner, ADMIN and SERVICE.
#[Object]
impl Wallet {
    /// The wallet's own id; it is looked up by its owner's.
    async fn id(&self) -> WalletId {
        self.id
    }

    /// The provider whose wallet it is.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<User> {
        let owner = graphql::loaders(ctx).users.load(self.owner_id.clone()).await?;
        Ok(owner.ok_or_else(|| Error::internal("a wallet without its owner"))?)
    }

    /// What it holds, in credits. Never below 0.
    async fn balance(&self) -> Credits {
        self.balance
    }

    /// Rises by one with every entry; 0 while there is none.
    async fn version(&self) -> i32 {
        self.version
    }

    /// Its movements, newest first.
    async fn entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20, desc = "How many, 0 to 100.")] first: i32,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
        #[graphql(desc = "Only entries of these types; all when left out.")] types: Option<HashSet<LedgerEntryType>>,
    ) -> async_graphql::Result<Connection<LedgerEntry>> {
        let (db, tenant) = (&graphql::app(ctx).db, graphql::viewer(ctx)?.tenant);
        let wanted = Selection { wallet: self.id, types };
        let page = PageArgs::forward(first, after);
        let page = entries(db, tenant, wanted, page, graphql::wants_total(ctx)).await?;
        Ok(Connection::new(page, LIST, |entry| entry.version)?)
    }
}

/// One movement of a wallet. Never changed or deleted; a wallet's entries add up to its balance.
#[Object]
impl LedgerEntry {
    /// The entry's id.
    async fn id(&self) -> LedgerEntryId {
        self.id
    }

    /// Why the balance moved.
    #[graphql(name = "type")]
    async fn entry_type(&self) -> LedgerEntryType {
        self.entry_type
    }

    /// By how many credits. 0 for a claim of a lead without a price, and for the refund of one.
    async fn change(&self) -> SignedCredits {
        self.change
    }

    /// The balance before, in credits.
    async fn previous_balance(&self) -> Credits {
        self.previous_balance
    }

    /// The balance after, in credits.
    async fn balance(&self) -> Credits {
        self.balance
    }

    /// The claim that was paid or refunded; null for other types.
    async fn claim(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Claim>> {
        let Some(id) = self.claim_id else { return Ok(None) };
        let viewer = graphql::viewer(ctx)?;
        let claim = nullable(ctx, graphql::loaders(ctx).claims.load(id).await);
        Ok(claim.filter(|claim| claim.visible_to(viewer)))
    }

    /// The key under which the movement was asked for; null for claims and refunds.
    async fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Why, as it was given for an adjustment or a refund; null when nothing was given.
    async fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// When the balance moved.
    async fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

/// What `topUpWallet` or `adjustWallet` did.
#[derive(SimpleObject)]
pub struct WalletPayload {
    /// The wallet as it is now; null when there is none, or when the mutation is closed to the viewer's role.
    wallet: Option<Wallet>,
    /// The entry that the movement made; null when nothing moved.
    entry: Option<LedgerEntry>,
    /// Whether this request had been made before: nothing moved this time, and `entry` is the one from then.
    replayed: bool,
    /// Why nothing moved; empty when it did.
    user_errors: Vec<UserError>,
}

impl WalletPayload {
    async fn of(ctx: &Context<'_>, owner: UserId, result: Result<Moved>) -> async_graphql::Result<Self> {
        Ok(match outcome(result)? {
            Ok(Moved { wallet, entry, replayed }) => {
                Self { wallet: Some(wallet), entry: Some(entry), replayed, user_errors: Vec::new() }
            }
            Err(user_errors) => {
                let closed = UserError::is_closed_door(&user_errors);
                let wallet = if closed { None } else { visible(ctx, graphql::viewer(ctx)?, owner).await? };
                Self { wallet, entry: None, replayed: false, user_errors }
            }
        })
    }
}

/// The wallet of `owner`, if there is one that the viewer may see.
async fn visible(ctx: &Context<'_>, viewer: &Viewer, owner: UserId) -> Result<Option<Wallet>> {
    if !owner.is_valid() {
        return Ok(None);
    }
    let wallet = graphql::loaders(ctx).wallets.load(owner).await?;
    Ok(wallet.filter(|wallet| wallet.visible_to(viewer)))
}

#[derive(Default)]
pub struct WalletQuery;

#[Object]
impl WalletQuery {
    /// A provider's wallet. Null for who has none (only a PROVIDER has one), and for another's unless the viewer is
    /// ADMIN or SERVICE.
    async fn wallet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose wallet; the viewer's own when left out. Another's: ADMIN, SERVICE.")] owner_id: Option<
            UserId,
        >,
    ) -> async_graphql::Result<Option<Wallet>> {
        let viewer = graphql::viewer(ctx)?;
        let owner = owner_id.unwrap_or_else(|| viewer.user.clone());
        if owner == viewer.user && viewer.role != Role::Provider {
            return Ok(None);
        }
        Ok(nullable(ctx, visible(ctx, viewer, owner).await))
    }
}

#[derive(Default)]
pub struct WalletMutation;

#[Object]
impl WalletMutation {
    /// Adds credits to a provider's wallet. ADMIN, SERVICE. Safe to send again: the `reference` makes it count once.
    async fn top_up_wallet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose wallet, and how much.")] input: TopUpWalletInput,
    ) -> async_graphql::Result<WalletPayload> {
        let owner = input.owner_id.clone();
        let result = top_up(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        WalletPayload::of(ctx, owner, result).await
    }

    /// Corrects a wallet's balance, up or down. ADMIN. Safe to send again: the `reference` makes it count once.
    async fn adjust_wallet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose wallet, by how much, and why.")] input: AdjustWalletInput,
    ) -> async_graphql::Result<WalletPayload> {
        let owner = input.owner_id.clone();
        let result = adjust(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        WalletPayload::of(ctx, owner, result).await
    }
}

pub struct BalanceUpdatedEvent {
    delivery: Delivery,
    data: Arc<BalanceUpdated>,
}

impl BalanceUpdatedEvent {
    /// The event as `viewer` may see it; `None` when it is not its to see.
    pub fn for_viewer(delivery: Delivery, viewer: &Viewer) -> Result<Option<Self>> {
        let data = delivery.record.decode::<BalanceUpdated>()?;
        Ok((data.wallet.owner_id == viewer.user).then_some(Self { delivery, data }))
    }
}

/// The viewer's wallet moved. Told to its owner alone, whatever the viewer's role.
#[Object]
impl BalanceUpdatedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When the balance moved.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The wallet as it was after this movement. An older `version` than one already seen is old news.
    async fn wallet(&self) -> &Wallet {
        &self.data.wallet
    }

    /// The balance after, in credits.
    async fn balance(&self) -> Credits {
        self.data.entry.balance
    }

    /// The balance before, in credits.
    async fn previous_balance(&self) -> Credits {
        self.data.entry.previous_balance
    }

    /// By how many credits; may be 0.
    async fn change(&self) -> SignedCredits {
        self.data.entry.change
    }

    /// The entry that the movement made.
    async fn entry(&self) -> &LedgerEntry {
        &self.data.entry
    }
}

#[derive(Default)]
pub struct WalletSubscription;

#[Subscription]
impl WalletSubscription {
    /// The viewer's own wallet, whenever it moves. Nobody hears of another's, whatever the role.
    async fn balance_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<BalanceUpdatedEvent>>> {
        let viewer = graphql::viewer(ctx)?.clone();
        let shown = move |delivery| future::ready(BalanceUpdatedEvent::for_viewer(delivery, &viewer));
        events(ctx, &[Kind::BalanceUpdated], after, shown).await
    }
}
