//! Looking up preferences.

use std::collections::HashMap;

use super::{Own, Preferences, store};
use crate::{
    db::{Db, Tx},
    error::{Error, Result},
    ids::{TenantId, UserId},
    tenants,
};

/// The preferences of these users, whoever asks: one query for all of them and one for the tenant's defaults. Who has set
/// nothing, or is not there, has the defaults.
pub async fn of_users(tenant: TenantId, tx: &Tx, users: &[UserId]) -> Result<HashMap<UserId, Preferences>> {
    let (own, settings) = tokio::try_join!(biased; store::find_many(tenant, tx, users), tenants::settings(tenant, tx))?;
    let preferences = |user: &UserId| {
        let own: Own = own.get(user).cloned().unwrap_or_default();
        (user.clone(), Preferences::new(user.clone(), own, settings.default_rules.clone()))
    };
    Ok(users.iter().map(preferences).collect())
}

/// A user's preferences as they are.
pub async fn of_user(db: &Db, tenant: TenantId, user: UserId) -> Result<Preferences> {
    db.read(tenant, async move |tx| {
        let mut found = of_users(tenant, tx, std::slice::from_ref(&user)).await?;
        found.remove(&user).ok_or_else(|| Error::internal("preferences of who was asked for"))
    })
    .await
}
