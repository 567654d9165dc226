//! rotateWebhookSecret: a new secret to sign webhooks with. The one before goes on signing beside it for a day, so that receivers can
//! be given the new one without missing anything.

use std::time::Duration;

use super::{
    sign::{SECRET_BYTES, shown},
    store::secrets,
};
use crate::{
    app::App,
    auth::Viewer,
    error::{Error, Result, UserError},
    tenants,
    users::Role,
};

/// How long a secret that was replaced goes on signing.
const BESIDE: Duration = Duration::from_hours(24);

/// ADMIN only. Returns the new secret, which is shown this once.
pub async fn rotate(app: &App, viewer: &Viewer) -> Result<String> {
    if viewer.role != Role::Admin {
        return Err(UserError::forbidden(&[], "Only an ADMIN makes secrets for the webhook.").into());
    }
    let mut secret = [0; SECRET_BYTES];
    getrandom::fill(&mut secret).map_err(Error::internal)?;
    let (tenant, now) = (viewer.tenant, app.clock.now());
    app.db
        .write(tenant, async move |tx| {
            tenants::lock(tenant, tx).await?;
            secrets::replace(tenant, tx, now, now.plus(BESIDE), &secret).await
        })
        .await?;
    Ok(shown(&secret))
}
