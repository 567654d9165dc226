//! The viewer, and where its streams begin.

use async_graphql::{Context, Object};

use super::{context::Began, errors::nullable};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::{Error, Result},
    events::Cursor,
    ids::UserId,
    matching::ProviderProfile,
    tenants::Tenant,
    users::{Role, User},
    wallets::Wallet,
};

/// Whoever asks, and, in an event, how many of its notifications were unread then.
#[derive(Clone, Debug)]
pub struct Me {
    viewer: Viewer,
    unread_then: Option<i64>,
}

impl Me {
    pub fn now(viewer: &Viewer) -> Self {
        Self { viewer: viewer.clone(), unread_then: None }
    }

    pub fn then(viewer: &Viewer, unread: i64) -> Self {
        Self { viewer: viewer.clone(), unread_then: Some(unread) }
    }
}

/// Who is asking, as its token says.
#[Object(name = "Viewer")]
impl Me {
    /// The user's id.
    async fn id(&self) -> &UserId {
        &self.viewer.user
    }

    /// Its row among the tenant's users.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let user = super::loaders(ctx).users.load(self.viewer.user.clone()).await?;
        user.ok_or_else(|| Error::internal("the viewer has no user row"))
    }

    /// The marketplace it belongs to.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        super::app(ctx).tenants.tenant(self.viewer.tenant).await
    }

    /// When its token expires. A socket is closed then, with 4403.
    async fn token_expires_at(&self) -> Timestamp {
        self.viewer.expires_at
    }

    /// Its wallet; null for who is no PROVIDER.
    async fn wallet(&self, ctx: &Context<'_>) -> Option<Wallet> {
        if self.viewer.role != Role::Provider {
            return None;
        }
        nullable(ctx, super::loaders(ctx).wallets.load(self.viewer.user.clone()).await)
    }

    /// How many notifications are in its inbox and not read; in an event, how many there were then.
    async fn unread_count(&self, ctx: &Context<'_>) -> Result<i64> {
        match self.unread_then {
            Some(unread) => Ok(unread),
            None => Ok(super::loaders(ctx).unread_counts.load(self.viewer.user.clone()).await?.unwrap_or(0)),
        }
    }

    /// What it wants, as a PROVIDER; null for who is none.
    async fn profile(&self, ctx: &Context<'_>) -> Option<ProviderProfile> {
        if self.viewer.role != Role::Provider {
            return None;
        }
        nullable(ctx, super::loaders(ctx).profiles.load(self.viewer.user.clone()).await)
    }
}

#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// A place in the event log, taken before anything else in this operation is read: start the page's streams from it.
    /// What is already in the answer may come again; nothing is missed.
    async fn stream_cursor(&self, ctx: &Context<'_>) -> Cursor {
        ctx.data_unchecked::<Began>().0
    }

    /// Who is asking.
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Me> {
        Ok(Me::now(super::viewer(ctx)?))
    }
}
