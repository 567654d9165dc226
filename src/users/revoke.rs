//! revokeTokens: an account was taken over, a telephone was lost. What was issued up to now is void, on every node and for good.

use async_graphql::InputObject;
use serde_json::json;

use super::{Role, User, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    db::Tx,
    error::{Result, UserError},
    events::{self, Kind, NewEvent},
    ids::{TenantId, UserId},
};

/// Whose tokens become void.
#[derive(InputObject, Clone, Debug)]
pub struct RevokeTokensInput {
    /// The user's id: the `sub` of its tokens.
    pub user_id: UserId,
}

/// ADMIN alone; also its own.
pub async fn revoke_tokens(app: &App, viewer: &Viewer, input: RevokeTokensInput) -> Result<User> {
    if viewer.role != Role::Admin {
        return Err(UserError::forbidden(&[], "Only an ADMIN makes tokens void.").into());
    }
    let (tenant, now) = (viewer.tenant, app.clock.now());
    let user = app
        .db
        .write(tenant, async move |tx| {
            let id = Some(&input.user_id).filter(|id| id.is_valid());
            let known = match id {
                Some(id) => store::lock(tenant, tx, id).await?,
                // What cannot name a user names none; the databases differ in what they make of it.
                None => None,
            };
            let Some((user, valid_from)) = known else {
                return Err(UserError::not_found(&["userId"], "user").into());
            };
            void_tokens(tenant, tx, now, &user.id, valid_from).await?;
            Ok(user)
        })
        .await?;
    app.auth.void(tenant, &user.id).await;
    Ok(user)
}

/// Of a user who is locked. `valid_from` is from when its tokens were valid until now, and never becomes earlier.
pub async fn void_tokens(
    tenant: TenantId,
    tx: &Tx,
    now: Timestamp,
    user: &UserId,
    valid_from: Timestamp,
) -> Result<()> {
    store::set_tokens_valid_from(tenant, tx, user, next_second(now).max(valid_from)).await?;
    let told = NewEvent::new(Kind::TokensVoided, vec![user.clone()], &json!({}))?;
    events::append(tenant, tx, now, vec![told]).await.map(drop)
}

/// Tokens know whole seconds: one issued in this very second is void too.
fn next_second(now: Timestamp) -> Timestamp {
    Timestamp::from_micros((now.as_micros().div_euclid(1_000_000) + 1) * 1_000_000)
}
