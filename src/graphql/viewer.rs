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

/// Who is asking, as its token says.
#[Object]
impl Viewer {
    /// The user's id.
    async fn id(&self) -> &UserId {
        &self.user
    }

    /// Its row among the tenant's users.
    async fn user(&self, ctx: &Context<'_>) -> Result<User> {
        let user = super::loaders(ctx).users.load(self.user.clone()).await?;
        user.ok_or_else(|| Error::internal("the viewer has no user row"))
    }

    /// The marketplace it belongs to.
    async fn tenant(&self, ctx: &Context<'_>) -> Result<Tenant> {
        super::app(ctx).tenants.tenant(self.tenant).await
    }

    /// When its token expires. A socket is closed then, with 4403.
    async fn token_expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Its wallet; null for who is no PROVIDER.
    async fn wallet(&self, ctx: &Context<'_>) -> Option<Wallet> {
        if self.role != Role::Provider {
            return None;
        }
        nullable(ctx, super::loaders(ctx).wallets.load(self.user.clone()).await)
    }

    /// What it wants, as a PROVIDER; null for who is none.
    async fn profile(&self, ctx: &Context<'_>) -> Option<ProviderProfile> {
        if self.role != Role::Provider {
            return None;
        }
        nullable(ctx, super::loaders(ctx).profiles.load(self.user.clone()).await)
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
    async fn viewer(&self, ctx: &Context<'_>) -> Result<Viewer> {
        Ok(super::viewer(ctx)?.clone())
    }
}
