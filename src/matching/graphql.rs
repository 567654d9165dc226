//! Profiles in the schema.

use async_graphql::{Context, Json, Object, SimpleObject};

use super::{ProviderProfile, ProviderProfileInput, ServiceArea, update};
use crate::{
    clock::Timestamp,
    error::{Error, Result, UserError},
    graphql::{
        self,
        errors::{nullable, outcome},
    },
    ids::UserId,
    money::Amount,
    users::{Role, User},
};

/// What a provider wants: what matching scores leads against. Seen by the provider itself, a customer whose lead it has claimed, ADMIN
/// and SERVICE. A provider that has set nothing has one, too: without categories, it matches nothing.
#[Object]
impl ProviderProfile {
    /// The provider's id: nobody has two.
    async fn id(&self) -> &UserId {
        &self.provider_id
    }

    /// Whose it is.
    async fn provider(&self, ctx: &Context<'_>) -> async_graphql::Result<User> {
        let provider = graphql::loaders(ctx).users.load(self.provider_id.clone()).await?;
        Ok(provider.ok_or_else(|| Error::internal("a profile without its provider"))?)
    }

    /// Rises with every change; 0 while nothing was ever set.
    async fn version(&self) -> i32 {
        self.version
    }

    /// The categories of leads that it wants, compared whatever their case. Without any it matches nothing.
    async fn categories(&self) -> &[String] {
        &self.categories
    }

    /// Where it serves; empty: everywhere.
    async fn service_areas(&self) -> &[ServiceArea] {
        &self.service_areas
    }

    /// From which budget on, in minor units of the tenant's currency; null: any.
    async fn min_budget(&self) -> Option<Amount> {
        self.min_budget
    }

    /// What a lead's attributes of the same names should be: a JSON object whose values are texts, numbers or booleans, or lists
    /// of these (any of them). Null when nothing is wished.
    async fn attributes(&self) -> Option<Json<serde_json::Value>> {
        self.attributes.clone().map(Json)
    }

    /// Leads that score below it, from 0 to 100, send this provider no notification.
    async fn min_score(&self) -> i32 {
        self.min_score
    }

    /// Whether it wants leads at all. If not, it matches nothing.
    async fn accepting_leads(&self) -> bool {
        self.accepting_leads
    }

    /// When it was last changed; null while nothing was ever set.
    async fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }
}

/// What `updateProviderProfile` did.
#[derive(SimpleObject)]
pub struct ProviderProfilePayload {
    /// The profile as it is now; null when there is none that the viewer may see, or when the mutation is closed to the viewer's role.
    profile: Option<ProviderProfile>,
    /// Why nothing was changed; empty when it was, or was so already.
    user_errors: Vec<UserError>,
}

impl ProviderProfile {
    /// The profile of `user`, if it is a provider's that the viewer may see.
    pub async fn of_user(ctx: &Context<'_>, user: &User) -> Result<Option<Self>> {
        if user.role != Role::Provider {
            return Ok(None);
        }
        let loaders = graphql::loaders(ctx);
        let visible = user.is_open_to(graphql::viewer(ctx)?)
            // Who claims a customer's lead shows itself to it.
            || loaders.claimants.load(user.id.clone()).await?.is_some();
        if visible { loaders.profiles.load(user.id.clone()).await } else { Ok(None) }
    }

    async fn visible(ctx: &Context<'_>, provider: UserId) -> Result<Option<Self>> {
        match graphql::loaders(ctx).users.load(provider).await? {
            Some(user) => Self::of_user(ctx, &user).await,
            None => Ok(None),
        }
    }
}

#[derive(Default)]
pub struct MatchingQuery;

#[Object]
impl MatchingQuery {
    /// What a provider wants. Null for who is no PROVIDER, and for another's unless the viewer is ADMIN or SERVICE, or a customer
    /// whose lead it has claimed.
    async fn provider_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose profile; the viewer's own when left out.")] provider_id: Option<UserId>,
    ) -> async_graphql::Result<Option<ProviderProfile>> {
        let viewer = graphql::viewer(ctx)?;
        let provider = provider_id.unwrap_or_else(|| viewer.user.clone());
        Ok(nullable(ctx, ProviderProfile::visible(ctx, provider).await))
    }
}

#[derive(Default)]
pub struct MatchingMutation;

#[Object]
impl MatchingMutation {
    /// Says what a provider wants. A PROVIDER its own profile; ADMIN and SERVICE anyone's. Leads are scored by it from now on;
    /// streams that are open know it at once on the node that took this, and within two seconds on others.
    async fn update_provider_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be changed.")] input: ProviderProfileInput,
    ) -> async_graphql::Result<ProviderProfilePayload> {
        let viewer = graphql::viewer(ctx)?;
        let provider = input.provider_id.clone().unwrap_or_else(|| viewer.user.clone());
        Ok(match outcome(update(graphql::app(ctx), viewer, input).await)? {
            Ok(profile) => ProviderProfilePayload { profile: Some(profile), user_errors: Vec::new() },
            Err(user_errors) => {
                let closed = UserError::is_closed_door(&user_errors);
                let profile = if closed { None } else { ProviderProfile::visible(ctx, provider).await? };
                ProviderProfilePayload { profile, user_errors }
            }
        })
    }
}
