//! The API of notifications: what they show, and how they are found.

mod mutations;
mod stream;

use async_graphql::{Context, Json, Object};

use super::{Notification, NotificationFilter, NotificationId, NotificationType, Priority, list};
use crate::{
    claims::Claim,
    clock::Timestamp,
    error::{Error, Result},
    graphql::{self, Connection, errors::nullable},
    leads::Lead,
    matching::LeadMatch,
    paging::{PageArgs, PageCursor},
    users::User,
};

pub use mutations::NotificationMutation;
pub use stream::{NotificationAddedEvent, NotificationSubscription, NotificationUpdatedEvent};

/// What a user was told of. Seen by its recipient, ADMIN and SERVICE.
#[Object]
impl Notification {
    /// The notification's id.
    async fn id(&self) -> NotificationId {
        self.id
    }

    /// What it is about.
    #[graphql(name = "type")]
    async fn kind(&self) -> NotificationType {
        self.kind
    }

    /// How much it matters.
    async fn priority(&self) -> Priority {
        self.priority
    }

    /// A few words, at most 200 characters.
    async fn title(&self) -> &str {
        &self.title
    }

    /// What it says, at most 2,000 characters.
    async fn message(&self) -> &str {
        &self.message
    }

    /// What the integrator gave along, at most 16 KiB; null when there is nothing.
    async fn data(&self) -> Option<Json<serde_json::Value>> {
        self.data.as_ref().map(|data| Json(data.value()))
    }

    /// Whom it tells.
    async fn recipient(&self, ctx: &Context<'_>) -> Result<User> {
        let user = graphql::loaders(ctx).users.load(self.recipient_id.clone()).await?;
        user.ok_or_else(|| Error::internal("a notification without its recipient"))
    }

    /// The integrator's own kind, such as `order.status`; null unless the type is CUSTOM.
    async fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The key under which it was made; null for those that leadcast makes by itself.
    async fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The lead that it is about, as it is now; null when it is about none, or one that the viewer may not see.
    async fn lead(&self, ctx: &Context<'_>) -> Option<Lead> {
        nullable(ctx, graphql::loaders(ctx).leads.load(self.lead_id?).await)
    }

    /// The claim that it is about, as it is now; null when it is about none, or one that the viewer may not see.
    async fn claim(&self, ctx: &Context<'_>) -> Option<Claim> {
        let viewer = graphql::viewer(ctx).ok()?;
        let claim = nullable(ctx, graphql::loaders(ctx).claims.load(self.claim_id?).await);
        claim.filter(|claim| claim.visible_to(viewer))
    }

    /// How well the lead fitted its recipient when it was told of; null when it is about no match.
    #[graphql(name = "match")]
    async fn lead_match(&self) -> Option<LeadMatch> {
        // Written by us: what cannot be read is of a later version.
        serde_json::from_value(self.lead_match.clone()?).ok()
    }

    /// When it was marked read; null while it is unread.
    async fn read_at(&self) -> Option<Timestamp> {
        self.read_at
    }

    /// When its recipient first followed it (`openNotification`); null before.
    async fn opened_at(&self) -> Option<Timestamp> {
        self.opened_at
    }

    /// When it was archived; null while it is not.
    async fn archived_at(&self) -> Option<Timestamp> {
        self.archived_at
    }

    /// Until when it is put off; null while it is not.
    async fn snoozed_until(&self) -> Option<Timestamp> {
        self.snoozed_until
    }

    /// When it was made.
    async fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[derive(Default)]
pub struct NotificationQuery;

#[Object]
impl NotificationQuery {
    /// A notification: the viewer's own; ADMIN and SERVICE anybody's. Null when there is none that the viewer may see.
    async fn notification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: NotificationId,
    ) -> Option<Notification> {
        nullable(ctx, graphql::loaders(ctx).notifications.load(id).await)
    }

    /// The viewer's notifications, newest first. ADMIN and SERVICE find others' by `recipientIds`.
    ///
    /// `view`, `unread`, `types`, `topics`, `leadId`, `references` and the created range have an index, alone and with `view`; what
    /// else is asked for is looked at row by row: such a page may end short, see `hasNextPage`.
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them; those in the inbox when left out.")] filter: Option<NotificationFilter>,
        #[graphql(desc = "How many from the start or after `after`, 0 to 100; 20 without this and `last`.")]
        first: Option<i32>,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
        #[graphql(desc = "How many from the end or before `before`, 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Go back from this place.")] before: Option<PageCursor>,
    ) -> async_graphql::Result<Connection<Notification>> {
        let page = PageArgs { first, after, last, before };
        let (db, viewer) = (&graphql::app(ctx).db, graphql::viewer(ctx)?);
        let count = graphql::wants_total(ctx);
        let page = list::list(db, viewer, filter.unwrap_or_default(), page, count).await?;
        Ok(Connection::new(page, list::LIST, Notification::key)?)
    }
}
