//! upsertUser: an integrator tells of a user ahead of its first token, or changes one.

use async_graphql::{InputObject, MaybeUndefined};

use super::{Role, User, revoke::void_tokens, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    error::{Result, UserError},
    ids::UserId,
    input::Input,
    wallets,
};

/// A user as it should be. Omitted fields stay as they are; `email` and `phone` are cleared by null.
#[derive(InputObject, Clone, Debug)]
pub struct UpsertUserInput {
    /// The user's id: the `sub` of its tokens. 1 to 128 characters.
    pub id: UserId,
    /// What it is. Another role than before makes the tokens it has void.
    pub role: Role,
    /// Its name: 1 to 200 characters. A new user without one is named by its id.
    pub name: MaybeUndefined<String>,
    /// Its e-mail address.
    pub email: MaybeUndefined<String>,
    /// Its phone number.
    pub phone: MaybeUndefined<String>,
}

/// ADMIN and SERVICE. Only an ADMIN makes, or changes, an ADMIN.
pub async fn upsert(app: &App, viewer: &Viewer, input: UpsertUserInput) -> Result<User> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE change users.").into());
    }
    let input = check(input)?;
    let (tenant, now) = (viewer.tenant, app.clock.now());
    let by_admin = viewer.role == Role::Admin;
    let (user, changed) = app
        .db
        .write(tenant, async move |tx| {
            let mut known = store::lock(tenant, tx, &input.id).await?;
            if known.is_none() {
                let new = merged(None, &input, now);
                may_be(by_admin, None, new.role)?;
                if !store::insert(tenant, tx, &new, Timestamp::from_micros(0)).await? {
                    // Made by a request that ran beside this one.
                    known = store::lock(tenant, tx, &input.id).await?;
                }
            }
            let before = known.as_ref().map(|(user, valid_from)| (user.role, *valid_from));
            may_be(by_admin, before.map(|(role, _)| role), input.role)?;
            let user = merged(known.map(|(user, _)| user), &input, now);
            if before.is_some() {
                store::update(tenant, tx, &user).await?;
            }
            if user.role == Role::Provider {
                wallets::create_for(tenant, tx, now, &user.id).await?;
            }
            let changed = before.filter(|(role, _)| *role != user.role);
            if let Some((_, valid_from)) = changed {
                void_tokens(tenant, tx, now, &user.id, valid_from).await?;
            }
            Ok((user, changed.is_some()))
        })
        .await?;
    if changed {
        app.auth.void(tenant, &user.id).await;
    }
    Ok(user)
}

/// Only an ADMIN makes or changes an ADMIN.
fn may_be(by_admin: bool, before: Option<Role>, role: Role) -> Result<(), UserError> {
    if by_admin || (role != Role::Admin && before != Some(Role::Admin)) {
        return Ok(());
    }
    Err(UserError::forbidden(&["role"], "Only an ADMIN makes or changes an ADMIN."))
}

fn check(input: UpsertUserInput) -> Result<UpsertUserInput> {
    let mut complaints = Input::default();
    if !input.id.is_valid() {
        complaints
            .invalid(&["id"], "A user id is 1 to 128 characters without control characters or blanks at its ends.");
    }
    let checked = UpsertUserInput {
        id: input.id,
        role: input.role,
        name: match input.name {
            MaybeUndefined::Value(name) => {
                MaybeUndefined::Value(complaints.text(&["name"], &name, User::MAX_NAME_CHARS))
            }
            MaybeUndefined::Null => {
                complaints.invalid(&["name"], "A user has a name: leave the field out to keep it.");
                MaybeUndefined::Null
            }
            MaybeUndefined::Undefined => MaybeUndefined::Undefined,
        },
        email: input.email.map(|email| complaints.email(&["email"], email.as_deref())),
        phone: input.phone.map(|phone| complaints.phone(&["phone"], phone.as_deref())),
    };
    complaints.accept()?;
    Ok(checked)
}

fn merged(known: Option<User>, input: &UpsertUserInput, now: Timestamp) -> User {
    let mut user = known.unwrap_or_else(|| User {
        id: input.id.clone(),
        name: input.id.to_string(),
        role: input.role,
        email: None,
        phone: None,
        created_at: now,
    });
    user.role = input.role;
    if let MaybeUndefined::Value(name) = &input.name {
        user.name.clone_from(name);
    }
    input.email.clone().update_to(&mut user.email);
    input.phone.clone().update_to(&mut user.phone);
    user
}
