//! Deliveries in the schema.

use async_graphql::{Context, ID, Object, SimpleObject};

use super::{
    Delivery, DeliveryStatus,
    list::{DeliveryFilter, LIST, list},
    retry::{RetryDeliveryInput, retry},
    rotate::rotate,
};
use crate::{
    clock::Timestamp,
    error::{Error, Result, UserError},
    graphql::{
        self, Connection, DeliveryConnection,
        errors::{nullable, outcome},
    },
    notifications::Notification,
    paging::{PageArgs, PageCursor},
    preferences::Channel,
    users::User,
};

/// A notification on its way to its recipient on one channel. For ADMIN and SERVICE. Kept for as long as the server is set to, 30 days
/// by default.
#[Object]
impl Delivery {
    /// The id. A message by e-mail or webhook carries it, or for a digest that of one of its deliveries, in `Message-ID` and `webhook-id`.
    #[graphql(name = "id")]
    async fn graphql_id(&self) -> ID {
        self.id.to_string().into()
    }

    /// What it tells. Null when its recipient has switched it off in the application, or deleted it there.
    async fn notification(&self, ctx: &Context<'_>) -> Option<Notification> {
        let id = self.notification_id?;
        nullable(ctx, graphql::loaders(ctx).notifications.load(id).await)
    }

    /// To whom.
    async fn recipient(&self, ctx: &Context<'_>) -> async_graphql::Result<User> {
        let found = graphql::loaders(ctx).users.load(self.recipient_id.clone()).await?;
        Ok(found.ok_or_else(|| Error::internal("a delivery's recipient is a user"))?)
    }

    /// By what.
    async fn channel(&self) -> Channel {
        self.channel
    }

    /// How far it has come.
    async fn status(&self) -> DeliveryStatus {
        self.status
    }

    /// How often it was tried to send it.
    async fn attempts(&self) -> i32 {
        self.attempts
    }

    /// Why that failed last, in a line, for people. In English; may change.
    async fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    /// When it is tried next. While it is being sent: when it would be if that came to no end. Null when it is not tried any more.
    async fn next_attempt_at(&self) -> Option<Timestamp> {
        self.next_attempt_at
    }

    /// When it was told.
    async fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[derive(Default)]
pub struct DeliveryQuery;

#[Object]
impl DeliveryQuery {
    /// What goes out of the application, newest first. ADMIN and SERVICE; null with FORBIDDEN for others.
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only these.")] filter: Option<DeliveryFilter>,
        #[graphql(default = 20, desc = "How many, 0 to 100.")] first: i32,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
    ) -> async_graphql::Result<Option<DeliveryConnection>> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let found = list(&app.db, viewer, filter.unwrap_or_default(), PageArgs::forward(first, after)).await;
        let connection = found.and_then(|page| Connection::new(page, LIST, |one| (one.created_at, one.id)));
        Ok(nullable(ctx, connection.map(|connection| Some(DeliveryConnection(connection)))))
    }
}

/// What `retryDelivery` did.
#[derive(SimpleObject)]
pub struct DeliveryPayload {
    /// The delivery as it is now; null when `userErrors` says why nothing was done.
    pub delivery: Option<Delivery>,
    /// Why nothing was changed; empty when it was.
    pub user_errors: Vec<UserError>,
}

/// What `rotateWebhookSecret` did.
#[derive(SimpleObject)]
pub struct WebhookSecretPayload {
    /// The new secret, `whsec_` and 32 bytes in base64: shown this once. Null when there is none.
    pub secret: Option<String>,
    /// Why there is none.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct DeliveryMutation;

#[Object]
impl DeliveryMutation {
    /// Tries anew to send what was given up (DEAD), at once and with as many attempts as before; a digest as a whole. One that is PENDING
    /// or RETRYING is left as it is. ADMIN and SERVICE.
    async fn retry_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: RetryDeliveryInput,
    ) -> async_graphql::Result<DeliveryPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        Ok(match outcome(retry(app, viewer, input).await)? {
            Ok(delivery) => DeliveryPayload { delivery: Some(delivery), user_errors: Vec::new() },
            Err(user_errors) => DeliveryPayload { delivery: None, user_errors },
        })
    }

    /// Makes a new secret to sign the webhook with, and shows it this once. The one before goes on signing beside it for 24 hours, so
    /// that the receiver can be given the new one meanwhile; at most five sign at once. Sent again it makes another. ADMIN only.
    async fn rotate_webhook_secret(&self, ctx: &Context<'_>) -> async_graphql::Result<WebhookSecretPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let rotated: Result<String> = rotate(app, viewer).await;
        Ok(match outcome(rotated)? {
            Ok(secret) => WebhookSecretPayload { secret: Some(secret), user_errors: Vec::new() },
            Err(user_errors) => WebhookSecretPayload { secret: None, user_errors },
        })
    }
}
