//! Users in the schema.

use async_graphql::{Context, Object, SimpleObject};

use super::{LIST, RevokeTokensInput, Role, UpsertUserInput, User, list, revoke_tokens, upsert};
use crate::{
    error::UserError,
    graphql::{
        self, Connection,
        errors::{nullable, outcome},
        wants_total,
    },
    ids::UserId,
    matching::ProviderProfile,
    paging::{PageArgs, PageCursor},
    wallets::Wallet,
};

/// A user of the tenant.
#[Object]
impl User {
    /// The `sub` of its tokens.
    async fn id(&self) -> &UserId {
        &self.id
    }

    /// Its name, for people.
    async fn name(&self) -> &str {
        &self.name
    }

    /// What it is in its tenant: decides what it sees and does.
    async fn role(&self) -> Role {
        self.role
    }

    /// Its e-mail address. The user itself, ADMIN, SERVICE, and a customer whose lead it has claimed; null for others.
    async fn email(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<&str>> {
        Ok(if self.is_reachable(ctx).await? { self.email.as_deref() } else { None })
    }

    /// Its phone number. Seen by the same as `email`.
    async fn phone(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<&str>> {
        Ok(if self.is_reachable(ctx).await? { self.phone.as_deref() } else { None })
    }

    /// Its wallet. The user itself, ADMIN and SERVICE; null for others and for who is no PROVIDER.
    async fn wallet(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Wallet>> {
        if self.role != Role::Provider || !self.is_open_to(graphql::viewer(ctx)?) {
            return Ok(None);
        }
        Ok(nullable(ctx, graphql::loaders(ctx).wallets.load(self.id.clone()).await))
    }

    /// What it wants, as a PROVIDER. The user itself, ADMIN, SERVICE, and a customer whose lead it has claimed; null for others and
    /// for who is no PROVIDER.
    async fn profile(&self, ctx: &Context<'_>) -> Option<ProviderProfile> {
        nullable(ctx, ProviderProfile::of_user(ctx, self).await)
    }
}

impl User {
    /// Who may write to it or call it.
    async fn is_reachable(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if self.is_open_to(graphql::viewer(ctx)?) {
            return Ok(true);
        }
        Ok(nullable(ctx, graphql::loaders(ctx).claimants.load(self.id.clone()).await).is_some())
    }
}

/// What `upsertUser` or `revokeTokens` did.
#[derive(SimpleObject)]
pub struct UserPayload {
    /// The user as it is now; null when there is none, or when the mutation is closed to the viewer's role.
    pub user: Option<User>,
    /// Why nothing was changed; empty when it was.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct UserQuery;

#[Object]
impl UserQuery {
    /// A user by id: oneself; for ADMIN and SERVICE anyone. Null when there is none, or for others.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user's id: the `sub` of its tokens.")] id: UserId,
    ) -> async_graphql::Result<Option<User>> {
        let viewer = graphql::viewer(ctx)?;
        if !viewer.role.is_operator() && viewer.user != id {
            return Ok(None);
        }
        Ok(nullable(ctx, graphql::loaders(ctx).users.load(id).await))
    }

    /// The tenant's users, newest first. ADMIN and SERVICE; null with FORBIDDEN for others.
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only users of this role.")] role: Option<Role>,
        #[graphql(
            desc = "Every word is found in the name, the e-mail address or the id, whatever its case. At most 8 words."
        )]
        search: Option<String>,
        #[graphql(default = 20, desc = "How many, 0 to 100.")] first: i32,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
    ) -> async_graphql::Result<Option<Connection<User>>> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let page = PageArgs::forward(first, after);
        let found = list(&app.db, viewer, role, search.as_deref(), page, wants_total(ctx)).await;
        let connection = found.and_then(|page| Connection::new(page, LIST, |user| (user.created_at, user.id.clone())));
        Ok(nullable(ctx, connection.map(Some)))
    }
}

#[derive(Default)]
pub struct UserMutation;

#[Object]
impl UserMutation {
    /// Makes a user or changes one. ADMIN and SERVICE; only an ADMIN makes or changes an ADMIN.
    async fn upsert_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The user.")] input: UpsertUserInput,
    ) -> async_graphql::Result<UserPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let id = input.id.clone();
        Ok(match outcome(upsert(app, viewer, input).await)? {
            Ok(user) => UserPayload { user: Some(user), user_errors: Vec::new() },
            Err(user_errors) if viewer.role.is_operator() => {
                UserPayload { user: graphql::loaders(ctx).users.load(id).await?, user_errors }
            }
            Err(user_errors) => UserPayload { user: None, user_errors },
        })
    }
    /// Makes every token void that the user has had until now. What they keep open ends within moments, on every node: sockets with the
    /// close code 4403, server-sent streams with UNAUTHENTICATED. Tokens issued from the next second on are good: block the account at
    /// the identity provider first, if the user is to stay out. ADMIN only, also for its own tokens.
    async fn revoke_tokens(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose tokens.")] input: RevokeTokensInput,
    ) -> async_graphql::Result<UserPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        Ok(match outcome(revoke_tokens(app, viewer, input).await)? {
            Ok(user) => UserPayload { user: Some(user), user_errors: Vec::new() },
            Err(user_errors) => UserPayload { user: None, user_errors },
        })
    }
}
