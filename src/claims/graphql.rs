//! Claims in the schema.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject, Subscription};
use futures_util::{Stream, future};

use super::{
    Claim, ClaimFilter, ClaimId, ClaimLeadInput, ClaimStatus, Claimed, LIST, RefundClaimInput, UpdateClaimInput, claim,
    events::ClaimUpdated, list, refund, update,
};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::{Error, Result, UserError},
    events::{Cursor, Delivery, Kind},
    graphql::{
        self, Connection,
        errors::{nullable, outcome},
        stream::events,
    },
    leads::{Lead, LeadId},
    money::Credits,
    paging::{PageArgs, PageCursor},
    users::{Role, User},
    wallets::{LedgerEntry, Wallet},
};

/// A provider's paid access to a lead. Seen by its provider, the lead's customer, ADMIN and SERVICE.
#[Object]
impl Claim {
    /// The claim's id.
    async fn id(&self) -> ClaimId {
        self.id
    }

    /// Rises with every change, from 1.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The lead that was claimed.
    async fn lead(&self, ctx: &Context<'_>) -> async_graphql::Result<Lead> {
        let lead = graphql::loaders(ctx).leads.load(self.lead_id).await?;
        Ok(lead.ok_or_else(|| Error::internal("a visible claim on an invisible lead"))?)
    }

    /// Who claimed it.
    async fn provider(&self, ctx: &Context<'_>) -> async_graphql::Result<User> {
        let provider = graphql::loaders(ctx).users.load(self.provider_id.clone()).await?;
        Ok(provider.ok_or_else(|| Error::internal("a claim without its provider"))?)
    }

    /// How far it has come.
    async fn status(&self) -> ClaimStatus {
        self.status
    }

    /// What was paid for it, in credits. A later price of the lead does not change it.
    async fn price(&self) -> Credits {
        self.price
    }

    /// When it was made.
    async fn claimed_at(&self) -> Timestamp {
        self.claimed_at
    }

    /// When its provider reported CONTACTED; null when it has not.
    async fn contacted_at(&self) -> Option<Timestamp> {
        self.contacted_at
    }

    /// When its provider last reported WON or LOST; null when it has not.
    async fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// When it was refunded; null when it was not.
    async fn refunded_at(&self) -> Option<Timestamp> {
        self.refunded_at
    }

    /// What was paid back, in credits, 0 to `price`; null when it was not refunded.
    async fn refund_amount(&self) -> Option<Credits> {
        self.refund_amount
    }
}

/// What `claimLead` or `refundClaim` did.
#[derive(SimpleObject)]
pub struct ClaimLeadPayload {
    /// The claim as it is now; null when there is none that the viewer may see.
    claim: Option<Claim>,
    /// The lead as it is now, with its contact for who has paid; null when the viewer may not see it.
    lead: Option<Lead>,
    /// The provider's wallet as it is now; null when a refund was refused.
    wallet: Option<Wallet>,
    /// The entry of the payment or the refund; null when nothing was paid.
    entry: Option<LedgerEntry>,
    /// Whether it had been done before: nothing was paid this time, and `entry` is the one from then.
    replayed: bool,
    /// Why nothing was done; empty when it was.
    user_errors: Vec<UserError>,
}

impl From<Claimed> for ClaimLeadPayload {
    fn from(Claimed { claim, lead, wallet, entry, replayed }: Claimed) -> Self {
        Self {
            claim: Some(claim),
            lead: Some(lead),
            wallet: Some(wallet),
            entry: Some(entry),
            replayed,
            user_errors: Vec::new(),
        }
    }
}

impl ClaimLeadPayload {
    fn refused(user_errors: Vec<UserError>) -> Self {
        Self { claim: None, lead: None, wallet: None, entry: None, replayed: false, user_errors }
    }

    /// With the lead, the viewer's wallet and, if there is one, its claim as they are now: what a stale page got wrong.
    async fn not_claimed(ctx: &Context<'_>, lead: LeadId, user_errors: Vec<UserError>) -> async_graphql::Result<Self> {
        let (viewer, loaders) = (graphql::viewer(ctx)?, graphql::loaders(ctx));
        if viewer.role != Role::Provider {
            return Ok(Self::refused(user_errors));
        }
        let (lead, claim, wallet) = future::try_join3(
            loaders.leads.load(lead),
            loaders.own_claims.load(lead),
            loaders.wallets.load(viewer.user.clone()),
        )
        .await?;
        Ok(Self { claim, lead, wallet, ..Self::refused(user_errors) })
    }
}

/// What `updateClaim` did.
#[derive(SimpleObject)]
pub struct ClaimPayload {
    /// The claim as it is now; null when there is none that the viewer may see.
    claim: Option<Claim>,
    /// Its lead as it is now; null as `claim` is.
    lead: Option<Lead>,
    /// Why nothing was changed; empty when it was, or was so already.
    user_errors: Vec<UserError>,
}

/// A claim and its lead as they are now, if the viewer may see them.
async fn visible(ctx: &Context<'_>, id: ClaimId) -> Result<(Option<Claim>, Option<Lead>)> {
    let (viewer, loaders) = (graphql::viewer(ctx)?, graphql::loaders(ctx));
    let claim = loaders.claims.load(id).await?.filter(|claim| claim.visible_to(viewer));
    let lead = match &claim {
        Some(claim) => loaders.leads.load(claim.lead_id).await?,
        None => None,
    };
    Ok((claim, lead))
}

/// A page of the claims that the viewer may see.
async fn connection(ctx: &Context<'_>, filter: ClaimFilter, page: PageArgs) -> Result<Connection<Claim>> {
    let db = &graphql::app(ctx).db;
    let page = list(db, graphql::viewer(ctx)?, filter, page, graphql::wants_total(ctx)).await?;
    Connection::new(page, LIST, Claim::key)
}

#[derive(Default)]
pub struct ClaimQuery;

#[Object]
impl ClaimQuery {
    /// A claim by id. Null when there is none that the viewer may see.
    async fn claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The claim's id.")] id: ClaimId,
    ) -> async_graphql::Result<Option<Claim>> {
        let viewer = graphql::viewer(ctx)?;
        let claim = nullable(ctx, graphql::loaders(ctx).claims.load(id).await);
        Ok(claim.filter(|claim| claim.visible_to(viewer)))
    }

    /// Claims, newest first: a provider's own, those on a customer's leads, all of them for ADMIN and SERVICE. Those on test
    /// leads are among them: to claim a test lead is to ask for it.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them; all when left out.")] filter: Option<ClaimFilter>,
        #[graphql(desc = "How many from the start or after `after`, 0 to 100; 20 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
        #[graphql(desc = "How many from the end or before `before`, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Go back from this place.")] before: Option<PageCursor>,
    ) -> async_graphql::Result<Connection<Claim>> {
        let page = PageArgs { first, after, last, before };
        Ok(connection(ctx, filter.unwrap_or_default(), page).await?)
    }
}

#[derive(Default)]
pub struct ClaimMutation;

#[Object]
impl ClaimMutation {
    /// Pays for a lead, which opens its contact to the viewer. PROVIDER. Safe to send again: it is paid once.
    async fn claim_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lead, and what it may cost.")] input: ClaimLeadInput,
    ) -> async_graphql::Result<ClaimLeadPayload> {
        let lead = input.lead_id;
        let result = claim(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        match outcome(result)? {
            Ok(claimed) => Ok(claimed.into()),
            Err(user_errors) => ClaimLeadPayload::not_claimed(ctx, lead, user_errors).await,
        }
    }

    /// Says what became of a claim. Its provider. Safe to send again: the same outcome changes nothing.
    async fn update_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which claim, and what became of it.")] input: UpdateClaimInput,
    ) -> async_graphql::Result<ClaimPayload> {
        let (id, viewer) = (input.id, graphql::viewer(ctx)?);
        let (user_errors, (claim, lead)) = match outcome(update(graphql::app(ctx), viewer, input).await)? {
            Ok((claim, lead)) => (Vec::new(), (Some(claim), Some(lead))),
            Err(user_errors) if viewer.role == Role::Provider => (user_errors, visible(ctx, id).await?),
            Err(user_errors) => (user_errors, (None, None)),
        };
        Ok(ClaimPayload { claim, lead, user_errors })
    }

    /// Pays a claim back, in whole or in part, and ends it. ADMIN, SERVICE. Safe to send again: it is paid back once.
    async fn refund_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which claim, how much, and why.")] input: RefundClaimInput,
    ) -> async_graphql::Result<ClaimLeadPayload> {
        let (id, viewer) = (input.id, graphql::viewer(ctx)?);
        match outcome(refund(graphql::app(ctx), viewer, input).await)? {
            Ok(refunded) => Ok(refunded.into()),
            Err(user_errors) if viewer.role.is_operator() => {
                let (claim, lead) = visible(ctx, id).await?;
                Ok(ClaimLeadPayload { claim, lead, ..ClaimLeadPayload::refused(user_errors) })
            }
            Err(user_errors) => Ok(ClaimLeadPayload::refused(user_errors)),
        }
    }
}

pub struct ClaimUpdatedEvent {
    delivery: Delivery,
    data: Arc<ClaimUpdated>,
}

impl ClaimUpdatedEvent {
    /// The event as `viewer` may see it; `None` when it is not its to see.
    pub fn for_viewer(delivery: Delivery, viewer: &Viewer) -> Result<Option<Self>> {
        let data = delivery.record.decode::<ClaimUpdated>()?;
        Ok(data.claim.visible_to(viewer).then_some(Self { delivery, data }))
    }
}

/// A claim changed after it was made, or the content of its lead did. Told to its provider, the lead's customer, ADMIN
/// and SERVICE.
#[Object]
impl ClaimUpdatedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it changed.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The claim as it was after the change. Never null here; nullable because every event's `claim` has one type.
    async fn claim(&self) -> Option<&Claim> {
        Some(&self.data.claim)
    }

    /// The lead as it was then.
    async fn lead(&self) -> &Lead {
        &self.data.lead
    }
}

#[derive(Default)]
pub struct ClaimSubscription;

#[Subscription]
impl ClaimSubscription {
    /// Claims that change after they were made: a provider's own, those on a customer's leads, all of them for ADMIN
    /// and SERVICE.
    async fn claim_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<ClaimUpdatedEvent>>> {
        let viewer = graphql::viewer(ctx)?.clone();
        let shown = move |delivery| future::ready(ClaimUpdatedEvent::for_viewer(delivery, &viewer));
        events(ctx, &[Kind::ClaimUpdated], after, shown).await
    }
}
