//! Leads in the schema.

mod mutations;
mod queries;
mod stream;

use async_graphql::{Context, Json, Object};

pub use mutations::LeadMutation;
pub use queries::LeadQuery;
pub use stream::{LeadClaimedEvent, LeadCreatedEvent, LeadSubscription, LeadUpdatedEvent, Watch};

use super::{Competition, Contact, Lead, LeadId, LeadStatus, Location, Urgency};
use crate::{
    claims::{self, Claim, ClaimFilter},
    clock::Timestamp,
    error::Result,
    graphql::{self, Connection, errors::nullable, wants_total},
    matching::{self, LeadMatch},
    money::{Amount, Credits},
    paging::{PageArgs, PageCursor},
    users::{Role, User},
};

/// What a customer wants done. Everyone in the tenant may see an opened lead and its count; the contact is for those who
/// paid. In an event, the lead is as it was then.
#[Object]
impl Lead {
    /// The lead's id.
    async fn id(&self) -> LeadId {
        self.id
    }

    /// Rises with every change.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The customer's own key for it. Seen by everyone who sees the lead.
    async fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether it is only a test: it costs 0, and is in no list or stream unless asked for.
    async fn is_test(&self) -> bool {
        self.is_test
    }

    /// Where it stands. An OPEN lead whose time has run out is written down as EXPIRED within seconds; `available` knows at
    /// once.
    async fn status(&self) -> LeadStatus {
        self.status
    }

    /// Why it was rejected or withdrawn; null when nobody said.
    async fn status_reason(&self) -> Option<&str> {
        self.status_reason.as_deref()
    }

    /// Who posted it. Seen by the customer itself, by who has claimed the lead, ADMIN and SERVICE; null for others.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<User>> {
        if !self.opens_to(ctx).await? {
            return Ok(None);
        }
        Ok(nullable(ctx, graphql::loaders(ctx).users.load(self.customer_id.clone()).await))
    }

    /// What is wanted, in a line.
    async fn title(&self) -> &str {
        &self.title
    }

    /// What is wanted, in full.
    async fn description(&self) -> &str {
        &self.description
    }

    /// The trade.
    async fn category(&self) -> &str {
        &self.category
    }

    /// How soon the customer needs an answer.
    async fn urgency(&self) -> Urgency {
        self.urgency
    }

    /// Where, coarsely: safe to show before a claim.
    async fn location(&self) -> &Location {
        &self.location
    }

    /// Domain extras: property type, number of units. A JSON object, or null.
    async fn attributes(&self) -> Option<Json<serde_json::Value>> {
        self.attributes.as_ref().map(|attributes| Json(attributes.value()))
    }

    /// What the customer would spend, in minor units of the tenant's currency; null when it did not say.
    async fn budget(&self) -> Option<Amount> {
        self.budget
    }

    /// What a claim costs now, in credits.
    async fn price(&self) -> Credits {
        self.price
    }

    /// How many providers may claim it.
    async fn max_claims(&self) -> i32 {
        self.max_claims
    }

    /// How many places are taken: claims that are not refunded, or were refunded without giving the place back.
    async fn claim_count(&self) -> i32 {
        self.claim_count
    }

    /// Whether it can be claimed now.
    #[graphql(name = "available")]
    async fn available_now(&self, ctx: &Context<'_>) -> bool {
        self.available(graphql::app(ctx).clock.now())
    }

    /// How many already compete for it.
    #[graphql(name = "competition")]
    async fn competition_now(&self, ctx: &Context<'_>) -> Result<Competition> {
        self.competition_in(ctx).await
    }

    /// When it was posted.
    async fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it first opened; null before.
    async fn verified_at(&self) -> Option<Timestamp> {
        self.verified_at
    }

    /// When it expires, or expired. Null while it waits for review without an expiry of its own.
    async fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// A lead with the same contact and category that was posted within the 30 days before. ADMIN and SERVICE; null for others.
    async fn duplicate_of(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<LeadId>> {
        Ok(self.duplicate_of.filter(|_| graphql::viewer(ctx).is_ok_and(|viewer| viewer.role.is_operator())))
    }

    /// How well it fits what the viewer wants, by its profile as it is now, and why. Null for who is no PROVIDER, and for a PROVIDER that
    /// does not accept leads or has no category in common with this one.
    #[graphql(name = "match")]
    async fn match_for_viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<LeadMatch>> {
        if graphql::viewer(ctx)?.role != Role::Provider {
            return Ok(None);
        }
        let profile = graphql::loaders(ctx).own_profile.current().await;
        Ok(nullable(ctx, profile.map(|profile| matching::score(&self.into(), &profile))))
    }

    /// The viewer's own claim, refunded or not; null until it has claimed the lead.
    async fn viewer_claim(&self, ctx: &Context<'_>) -> Option<Claim> {
        nullable(ctx, graphql::loaders(ctx).own_claims.load(self.id).await)
    }

    /// Who has claimed it, newest first. Its customer, ADMIN and SERVICE; null for others: no provider learns who else did.
    async fn claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 20, desc = "How many, 0 to 100.")] first: i32,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
    ) -> async_graphql::Result<Option<Connection<Claim>>> {
        if !self.belongs_to(graphql::viewer(ctx)?) {
            return Ok(None);
        }
        Ok(nullable(ctx, self.claims_page(ctx, PageArgs::forward(first, after)).await.map(Some)))
    }

    /// How to reach the customer. Null until the viewer may see it: who has claimed the lead (and was not refunded), its
    /// customer, ADMIN and SERVICE. On every transport alike.
    async fn contact(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Contact>> {
        if !self.opens_to(ctx).await? {
            return Ok(None);
        }
        Ok(nullable(ctx, graphql::loaders(ctx).contacts.load(self.id).await))
    }
}

impl Lead {
    /// Whether the viewer may know who posted it and how to reach them: as things are now, whatever the event that shows it.
    async fn opens_to(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if self.belongs_to(graphql::viewer(ctx)?) {
            return Ok(true);
        }
        let own = nullable(ctx, graphql::loaders(ctx).own_claims.load(self.id).await);
        Ok(own.is_some_and(|claim| claim.opens_contact()))
    }

    async fn competition_in(&self, ctx: &Context<'_>) -> Result<Competition> {
        let tenant = graphql::viewer(ctx)?.tenant;
        let settings = graphql::app(ctx).tenants.tenant(tenant).await?.settings;
        Ok(self.competition(settings.competitive_at))
    }

    async fn claims_page(&self, ctx: &Context<'_>, page: PageArgs) -> Result<Connection<Claim>> {
        let filter = ClaimFilter { lead_id: Some(self.id), ..ClaimFilter::default() };
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let found = claims::list(&app.db, viewer, filter, page, wants_total(ctx)).await?;
        Connection::new(found, claims::LIST, |claim| (claim.claimed_at, claim.id))
    }
}
