//! Tenants in the schema.

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};

use super::{Tenant, TenantSettings, TenantSettingsInput, update_settings};
use crate::{
    error::UserError,
    graphql::{self, errors::outcome},
    preferences::PreferenceRule,
    users::Role,
};

/// A marketplace. Nothing of one is ever seen from another.
#[Object]
impl Tenant {
    /// The tenant's id.
    #[graphql(name = "id")]
    async fn graphql_id(&self) -> ID {
        self.id.to_string().into()
    }

    /// Its name, for people.
    async fn name(&self) -> &str {
        &self.name
    }

    /// How it works.
    async fn settings(&self) -> &TenantSettings {
        &self.settings
    }
}

#[ComplexObject]
impl TenantSettings {
    /// How often notifications go out to users who have not said otherwise: over the built-in defaults, under the user's own
    /// rules. A rule for a topic goes before one without, whoever made it. By type, topic and channel.
    #[graphql(name = "defaultRules")]
    async fn shown_default_rules(&self) -> Vec<PreferenceRule> {
        self.default_rules.iter().cloned().collect()
    }

    /// Where notifications on the channels WEBHOOK, SMS and PUSH are sent. ADMIN only; null for others, and when there is none.
    #[graphql(name = "webhookUrl")]
    async fn shown_webhook_url(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<&str>> {
        let admin = graphql::viewer(ctx)?.role == Role::Admin;
        Ok(self.webhook_url.as_deref().filter(|_| admin))
    }
}

/// What `updateTenantSettings` did.
#[derive(SimpleObject)]
pub struct TenantPayload {
    /// The tenant as it is now; null when the mutation is closed to the viewer's role.
    pub tenant: Option<Tenant>,
    /// Why nothing was changed; empty when it was.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct TenantMutation;

#[Object]
impl TenantMutation {
    /// Changes how the marketplace works. ADMIN only.
    async fn update_tenant_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be changed.")] input: TenantSettingsInput,
    ) -> async_graphql::Result<TenantPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        Ok(match outcome(update_settings(app, viewer, input).await)? {
            Ok(tenant) => TenantPayload { tenant: Some(tenant), user_errors: Vec::new() },
            Err(user_errors) => {
                let tenant =
                    if viewer.role == Role::Admin { Some(app.tenants.tenant(viewer.tenant).await?) } else { None };
                TenantPayload { tenant, user_errors }
            }
        })
    }
}
