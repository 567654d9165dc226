//! updateNotificationPreferences: a user says what it wants to be told of.

use super::{NotificationPreferencesInput, Own, Preferences, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    db::Tx,
    error::{Error, Result},
    ids::{TenantId, UserId},
    tenants,
};

/// Everyone's own. Sent again, it changes nothing.
pub async fn update(app: &App, viewer: &Viewer, input: NotificationPreferencesInput) -> Result<Preferences> {
    let changes = input.checked()?;
    let (tenant, user, now) = (viewer.tenant, viewer.user.clone(), app.clock.now());
    app.db
        .write(tenant, async move |tx| {
            let before = locked(tenant, tx, now, &user).await?;
            let mut own = changes.applied_to(&before)?;
            if own != before {
                own.version += 1;
                store::update(tenant, tx, now, &user, &own).await?;
            }
            let settings = tenants::settings(tenant, tx).await?;
            Ok(Preferences::new(user, own, settings.default_rules))
        })
        .await
}

/// What the user has set, nobody else's to change while the transaction lasts; made if there is nothing yet.
async fn locked(tenant: TenantId, tx: &Tx, now: Timestamp, user: &UserId) -> Result<Own> {
    if let Some(own) = store::lock(tenant, tx, user).await? {
        return Ok(own);
    }
    // Or a request that runs beside this one makes it.
    store::insert(tenant, tx, now, user, &Own::default()).await?;
    store::lock(tenant, tx, user).await?.ok_or_else(|| Error::internal("preferences were there and are not"))
}
