//! Dev mode: someone tries leadcast without setting anything up. Two tenants with a cast of users wait for them, and
//! tokens to act as each. Only a server without a key does this, and such a server listens on a loopback address alone.

use std::time::Duration;

use async_graphql::MaybeUndefined;

use crate::{
    app::App,
    auth::Viewer,
    error::Result,
    http::DevToken,
    ids::{TenantId, UserId},
    money::Credits,
    tenants,
    users::{self, Role, UpsertUserInput},
    wallets::{self, TopUpWalletInput},
};

/// Slug and name. The second is there to see that nothing of the first is seen from it.
const TENANTS: [(&str, &str); 2] = [("demo", "Demo marketplace"), ("rival", "Rival marketplace")];

const USERS: [(&str, &str, Role); 5] = [
    ("admin", "Admin", Role::Admin),
    ("casey", "Casey", Role::Customer),
    ("pat", "Pat", Role::Provider),
    ("quinn", "Quinn", Role::Provider),
    ("riley", "Riley", Role::Provider),
];

const STARTING_CREDITS: Credits = Credits(100);
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// Makes what is missing of tenants, users and starting credits. Everything goes through the normal operations, whose
/// natural keys make it harmless to do again.
pub async fn seed(app: &App) -> Result<()> {
    for (slug, name) in TENANTS {
        let tenant = match tenants::find_by_slug(&app.db, slug).await? {
            Some(tenant) => tenant,
            None => tenants::create(&app.db, slug, name, app.clock.now()).await?,
        };
        seed_users(app, tenant).await?;
    }
    Ok(())
}

async fn seed_users(app: &App, tenant: TenantId) -> Result<()> {
    let expires_at = app.clock.now().plus(TOKEN_TTL);
    let admin = Viewer { tenant, user: "admin".into(), role: Role::Admin, expires_at };
    for (id, name, role) in USERS {
        let id = UserId::from(id);
        let user = UpsertUserInput {
            id: id.clone(),
            role,
            name: MaybeUndefined::Value(name.to_owned()),
            email: MaybeUndefined::Undefined,
            phone: MaybeUndefined::Undefined,
        };
        users::upsert(app, &admin, user).await?;
        if role == Role::Provider {
            let reference = format!("dev-start-{id}");
            let start = TopUpWalletInput { owner_id: id, amount: STARTING_CREDITS, reference, granted: true };
            wallets::top_up(app, &admin, start).await?;
        }
    }
    Ok(())
}

/// A fresh token for every user of [`seed`].
pub fn tokens(app: &App) -> Result<Vec<DevToken>> {
    let now = app.clock.now();
    let Some(key) = app.auth.key() else { return Ok(Vec::new()) };
    let everyone = TENANTS.iter().flat_map(|(tenant, _)| USERS.iter().map(move |user| (*tenant, user)));
    everyone
        .map(|(tenant, &(user, _, role))| {
            let token = key.issue(tenant, &user.into(), role, now, TOKEN_TTL)?;
            Ok(DevToken { tenant, user, role: role.into(), token })
        })
        .collect()
}
