//! Streams of leads. What a stream shows its viewer is what the query would show: the same visibility, the same filter. An
//! event is sent when its lead matched the filter before or matches it after, so that a list can drop what left it.

use std::sync::Arc;

use async_graphql::{Context, Object, Subscription};
use futures_util::Stream;

use super::super::{Competition, Lead, LeadChange, LeadClaimed, LeadCreated, LeadFilter, LeadId, LeadUpdated};
use crate::{
    app::App,
    auth::Viewer,
    claims::{self, Claim},
    clock::Timestamp,
    error::{Fault, Result},
    events::{Cursor, Delivery, Kind},
    graphql::{self, stream::events},
    matching::{self, OwnProfile},
};

#[derive(Clone, Debug)]
pub struct LeadCreatedEvent {
    delivery: Delivery,
    fact: Arc<LeadCreated>,
}

/// A lead opened. Once per lead.
#[Object]
impl LeadCreatedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it happened.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The lead as it was then.
    async fn lead(&self) -> &Lead {
        &self.fact.lead
    }
}

#[derive(Clone, Debug)]
pub struct LeadUpdatedEvent {
    delivery: Delivery,
    fact: Arc<LeadUpdated>,
}

/// A lead changed in another way than by a claim.
#[Object]
impl LeadUpdatedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it happened.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The lead as it was then, after the change.
    async fn lead(&self) -> &Lead {
        &self.fact.lead
    }

    /// What happened to it.
    async fn lead_change(&self) -> LeadChange {
        self.fact.change
    }
}

#[derive(Clone, Debug)]
pub struct LeadClaimedEvent {
    delivery: Delivery,
    fact: Arc<LeadClaimed>,
}

/// A lead was claimed. The numbers are absolute: the same event twice does no harm. No provider learns who else claimed.
#[Object]
impl LeadClaimedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it happened.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The lead as it was then, with this claim counted.
    async fn lead(&self) -> &Lead {
        &self.fact.lead
    }

    /// How many places were taken then.
    async fn claim_count(&self) -> i32 {
        self.fact.lead.claim_count
    }

    /// How many there were.
    async fn max_claims(&self) -> i32 {
        self.fact.lead.max_claims
    }

    /// Whether it can still be claimed.
    async fn available(&self, ctx: &Context<'_>) -> bool {
        self.fact.lead.available(graphql::app(ctx).clock.now())
    }

    /// How many competed for it then.
    async fn competition(&self, ctx: &Context<'_>) -> Result<Competition> {
        self.fact.lead.competition_in(ctx).await
    }

    /// Whether this claim is the viewer's own.
    async fn claimed_by_viewer(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(self.fact.claim.provider_id == graphql::viewer(ctx)?.user)
    }

    /// The claim. Its provider, the lead's customer, ADMIN and SERVICE; null for others.
    async fn claim(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<&Claim>> {
        let viewer = graphql::viewer(ctx)?;
        Ok(Some(&self.fact.claim).filter(|claim| claim.visible_to(viewer)))
    }
}

/// What a stream of leads is asked for, and by whom.
#[derive(Clone)]
pub struct Watch {
    app: App,
    viewer: Viewer,
    own_profile: OwnProfile,
    filter: LeadFilter,
    ids: Option<Vec<LeadId>>,
}

/// Leads that one stream may name.
const MAX_IDS: usize = 1_000;

impl Watch {
    pub fn new(ctx: &Context<'_>, ids: Option<Vec<LeadId>>, filter: Option<LeadFilter>) -> Result<Self> {
        let filter = filter.unwrap_or_default();
        filter.check(graphql::viewer(ctx)?)?;
        if ids.as_ref().is_some_and(|ids| ids.len() > MAX_IDS) {
            return Err(Fault::BadUserInput(format!("`leadIds` has at most {MAX_IDS} ids.")).into());
        }
        let own_profile = graphql::loaders(ctx).own_profile.clone();
        Ok(Self { app: graphql::app(ctx).clone(), viewer: graphql::viewer(ctx)?.clone(), own_profile, filter, ids })
    }

    pub async fn created(&self, delivery: Delivery) -> Result<Option<LeadCreatedEvent>> {
        let fact: Arc<LeadCreated> = delivery.record.decode()?;
        let shown = self.shows(None, &fact.lead, None).await?;
        Ok(shown.then_some(LeadCreatedEvent { delivery, fact }))
    }

    pub async fn updated(&self, delivery: Delivery) -> Result<Option<LeadUpdatedEvent>> {
        let fact: Arc<LeadUpdated> = delivery.record.decode()?;
        let before = fact.before.as_ref().map(|before| before.restore(&fact.lead)).transpose()?;
        let shown = self.shows(before.as_ref(), &fact.lead, None).await?;
        Ok(shown.then_some(LeadUpdatedEvent { delivery, fact }))
    }

    pub async fn claimed(&self, delivery: Delivery) -> Result<Option<LeadClaimedEvent>> {
        let fact: Arc<LeadClaimed> = delivery.record.decode()?;
        let before = fact.before.restore(&fact.lead)?;
        let shown = self.shows(Some(&before), &fact.lead, Some(&fact.claim)).await?;
        Ok(shown.then_some(LeadClaimedEvent { delivery, fact }))
    }

    async fn shows(&self, before: Option<&Lead>, lead: &Lead, claim: Option<&Claim>) -> Result<bool> {
        let wanted = self.ids.as_ref().is_none_or(|ids| ids.contains(&lead.id))
            && lead.visible_to(&self.viewer)
            && (self.matches(lead).await? || matches!(before, Some(before) if self.matches(before).await?));
        let Some(by_viewer) = self.filter.claimed_by_viewer.filter(|_| wanted) else { return Ok(wanted) };
        let own = claim.is_some_and(|claim| claim.provider_id == self.viewer.user);
        // The viewer's own claim matched either way: before it, or after it.
        Ok(own || by_viewer == self.has_claimed(lead.id).await?)
    }

    /// As far as the lead itself and the viewer's profile tell. The profile is looked up every other second at most.
    async fn matches(&self, lead: &Lead) -> Result<bool> {
        if !self.filter.matches(lead, self.app.clock.now()) {
            return Ok(false);
        }
        if !self.filter.asks_for_score() {
            return Ok(true);
        }
        let profile = self.own_profile.current().await?;
        Ok(self.filter.takes_score(matching::points(&lead.into(), &profile)))
    }

    /// The one look-up that an event may cost: only where `claimedByViewer` is asked for.
    async fn has_claimed(&self, lead: LeadId) -> Result<bool> {
        let claimed = claims::claimed_among(&self.app.db, self.viewer.tenant, &self.viewer.user, &[lead]).await?;
        Ok(claimed.contains(&lead))
    }
}

#[derive(Default)]
pub struct LeadSubscription;

#[Subscription]
impl LeadSubscription {
    /// Leads as they open: once per lead, at its first opening.
    async fn lead_created(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
        #[graphql(desc = "Only leads that match.")] filter: Option<LeadFilter>,
    ) -> Result<impl Stream<Item = Result<LeadCreatedEvent>>> {
        let watch = Watch::new(ctx, None, filter)?;
        events(ctx, &[Kind::LeadCreated], after, move |delivery| {
            let watch = watch.clone();
            async move { watch.created(delivery).await }
        })
        .await
    }

    /// Claims as they are made: how many places are taken, not by whom.
    async fn lead_claimed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
        #[graphql(desc = "Only these leads: at most 1,000.")] lead_ids: Option<Vec<LeadId>>,
        #[graphql(desc = "Only leads that matched before the claim or match after it.")] filter: Option<LeadFilter>,
    ) -> Result<impl Stream<Item = Result<LeadClaimedEvent>>> {
        let watch = Watch::new(ctx, lead_ids, filter)?;
        events(ctx, &[Kind::LeadClaimed], after, move |delivery| {
            let watch = watch.clone();
            async move { watch.claimed(delivery).await }
        })
        .await
    }

    /// Leads as they change in other ways: edited, filled, opened again, expired, withdrawn; for the customer, ADMIN and
    /// SERVICE also submitted and rejected.
    async fn lead_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
        #[graphql(desc = "Only leads that matched before the change or match after it.")] filter: Option<LeadFilter>,
    ) -> Result<impl Stream<Item = Result<LeadUpdatedEvent>>> {
        let watch = Watch::new(ctx, None, filter)?;
        events(ctx, &[Kind::LeadUpdated], after, move |delivery| {
            let watch = watch.clone();
            async move { watch.updated(delivery).await }
        })
        .await
    }
}
