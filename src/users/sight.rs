//! The first time a token shows up, its user gets a row (and, as a PROVIDER, a wallet).

use super::{Role, User, store};
use crate::{
    auth::Claims,
    clock::Timestamp,
    db::{Db, Tx},
    error::{ErrorCode, Result, UserError},
    ids::{TenantId, UserId},
    input::Input,
    wallets,
};

/// What authentication needs to know of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sighting {
    pub role: Role,
    /// Tokens issued before this are void.
    pub tokens_valid_from: Timestamp,
}

/// Finds or makes the user of a verified token. A token that is not void decides the role, and the stored one follows it.
pub async fn sight(db: &Db, tenant: TenantId, claims: &Claims, now: Timestamp) -> Result<Sighting> {
    let (user, role) = (claims.sub.clone(), claims.role);
    if let Some((known, tokens_valid_from)) =
        db.read(tenant, async move |tx| store::find(tenant, tx, &user).await).await?
        && (known.role == role || claims.iat < tokens_valid_from.as_seconds())
    {
        return Ok(Sighting { role: known.role, tokens_valid_from });
    }
    let claims = claims.clone();
    db.write(tenant, async move |tx| {
        let user = User {
            id: claims.sub.clone(),
            name: name(&claims),
            role,
            email: email(&claims),
            phone: None,
            created_at: now,
        };
        make(tenant, tx, &user, Some(claims.iat)).await
    })
    .await
}

/// What the token calls the user, as far as a name may be so; else its id.
fn name(claims: &Claims) -> String {
    let name = claims.name.as_deref().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(User::MAX_NAME_CHARS).collect();
    match name.trim() {
        "" => claims.sub.to_string(),
        name => name.to_owned(),
    }
}

fn email(claims: &Claims) -> Option<String> {
    let mut input = Input::default();
    let email = input.email(&["email"], claims.email.as_deref());
    email.filter(|_| input.accept().is_ok())
}

/// Makes the user unless it is there, gives it the role, and gives a PROVIDER a wallet. A token that has become void since it
/// was looked at (`issued_at`, in seconds) changes nothing.
async fn make(tenant: TenantId, tx: &Tx, user: &User, issued_at: Option<i64>) -> Result<Sighting> {
    let always = Timestamp::from_micros(0);
    let mut sighting = Sighting { role: user.role, tokens_valid_from: always };
    if !store::insert(tenant, tx, user, always).await?
        && let Some((mut known, tokens_valid_from)) = store::lock(tenant, tx, &user.id).await?
    {
        sighting.tokens_valid_from = tokens_valid_from;
        if issued_at.is_some_and(|issued_at| issued_at < tokens_valid_from.as_seconds()) {
            sighting.role = known.role;
            return Ok(sighting);
        }
        if known.role != user.role {
            known.role = user.role;
            store::update(tenant, tx, &known).await?;
        }
    }
    if user.role == Role::Provider {
        wallets::create_for(tenant, tx, user.created_at, &user.id).await?;
    }
    Ok(sighting)
}

/// The provider called `id`, made if nobody of that name was seen yet. Another role is refused.
pub async fn ensure_provider(tenant: TenantId, tx: &Tx, now: Timestamp, id: &UserId, path: &[&str]) -> Result<()> {
    if !id.is_valid() {
        return Err(
            UserError::invalid(path, "This is not a user id: 1 to 128 characters, no control characters.").into()
        );
    }
    match store::find(tenant, tx, id).await? {
        Some((user, _)) if user.role == Role::Provider => Ok(()),
        Some((user, _)) => Err(UserError::new(
            ErrorCode::Invalid,
            path,
            format!("{id} is a {}; only a PROVIDER has a wallet.", user.role),
        )
        .into()),
        None => {
            let user = User {
                id: id.clone(),
                name: id.to_string(),
                role: Role::Provider,
                email: None,
                phone: None,
                created_at: now,
            };
            make(tenant, tx, &user, None).await.map(drop)
        }
    }
}

/// What the user is; `None` when there is no such user.
pub async fn role_of(tenant: TenantId, tx: &Tx, user: &UserId) -> Result<Option<Role>> {
    Ok(store::find(tenant, tx, user).await?.map(|(user, _)| user.role))
}
