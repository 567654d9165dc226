//! Who is asking: a bearer token becomes a [`Viewer`]. The same function serves the HTTP header and `connection_init`.
//!
//! The tenant comes from the verified token and from nowhere else. A refused token is told no more than whether it had
//! expired. Each key is bound to its algorithm (`keys.rs`), so that a token cannot choose how it is checked; keys are the secret of the
//! settings and those of a JWKS (`jwks.rs`). What a token keeps open ends with it (`watch.rs`).

mod claims;
mod issue;
mod json;
mod jwk;
mod jwks;
mod keys;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
#[cfg(test)]
mod tests;
mod token;
mod watch;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;
use tokio::sync::broadcast::{Receiver, error::RecvError};

pub use self::{claims::Claims, issue::Key, watch::Watch};
use self::{
    claims::{Reader, Refused},
    jwks::Jwks,
    keys::Found,
    token::Token,
    watch::Bells,
};
use crate::{
    clock::{Clock, Timestamp},
    config::{JwksAt, Settings},
    db::Db,
    error::{Error, Fault, Result},
    events::{Kind, Record},
    ids::{TenantId, UserId},
    metrics::KeyMetrics,
    tenants,
    users::{self, Role, Sighting},
};

/// The authenticated user of a request or a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Viewer {
    pub tenant: TenantId,
    pub user: UserId,
    pub role: Role,
    /// When the token expires; a socket is closed then.
    pub expires_at: Timestamp,
}

pub const MISSING: Fault = Fault::Unauthenticated("A bearer token is needed: send `Authorization: Bearer <token>`.");
const INVALID: Fault = Fault::Unauthenticated("The token is not valid.");
const EXPIRED: Fault = Fault::Unauthenticated("The token has expired.");

/// Told to operators, who may have to look for it; the client learns nothing of keys, tenants and settings.
fn invalid(reason: &'static str) -> Fault {
    tracing::debug!(reason, "a token is refused");
    INVALID
}

/// How long a node may go on with what it knew of a user or a tenant. What makes tokens void is told sooner, by the log.
const REMEMBER: Duration = Duration::from_secs(2);

/// A token that says it is valid for longer is taken at this: its end has to be written as a date.
const YEAR_9999: i64 = 253_370_764_800;

/// Cheap to clone.
#[derive(Clone)]
pub struct Auth {
    db: Db,
    clock: Clock,
    secret: Option<Arc<Key>>,
    jwks: Option<Jwks>,
    reader: Arc<Reader>,
    tenants: Cache<String, TenantId>,
    sightings: Cache<(TenantId, UserId), Sighting>,
    /// How many times tokens have been made void, as far as this node knows.
    voided: Arc<AtomicU64>,
    bells: Bells,
}

impl Auth {
    /// `secret`: what HS256 tokens are signed with, if any are taken. Reads the JWKS of the settings.
    pub async fn open(
        db: &Db,
        clock: &Clock,
        settings: &Settings,
        secret: Option<&[u8]>,
        metrics: KeyMetrics,
    ) -> Result<Self> {
        let jwks = match &settings.tokens.jwks {
            Some(at) => Some(Jwks::open(at, settings.tokens.jwks_pace, clock, metrics).await.map_err(Error::internal)?),
            None => None,
        };
        Ok(Self {
            db: db.clone(),
            clock: clock.clone(),
            secret: secret.map(|secret| Key::hs256(secret, settings).into()),
            jwks,
            reader: Reader::new(settings).into(),
            tenants: Cache::builder().time_to_live(REMEMBER).max_capacity(1_000).build(),
            sightings: Cache::builder().time_to_live(REMEMBER).max_capacity(100_000).build(),
            voided: Arc::default(),
            bells: Bells::default(),
        })
    }

    /// What signs tokens, where there is a secret.
    pub fn key(&self) -> Option<&Key> {
        self.secret.as_deref()
    }

    /// Checks a token and makes sure that its user has a row.
    pub async fn viewer(&self, token: &str) -> Result<Viewer> {
        let claims = self.verify(token).await?;
        let tenant = self.tenant(&claims.tenant).await?.ok_or_else(|| invalid("there is no such tenant"))?;
        let sighting = self.sighting(tenant, &claims).await?;
        if claims.iat < sighting.tokens_valid_from.as_seconds() {
            return Err(invalid("it was issued before the user's tokens were revoked").into());
        }
        let expires_at = Timestamp::from_micros(claims.exp.min(YEAR_9999) * 1_000_000);
        Ok(Viewer { tenant, user: claims.sub, role: claims.role, expires_at })
    }

    /// The same, for what stays open: it has to end when the [`Watch`] does.
    pub async fn admit(&self, token: Arc<str>) -> Result<Watch> {
        let viewer = self.viewer(&token).await?;
        Ok(self.watch(token, viewer))
    }

    /// Of a token that was found good just now.
    pub fn watch(&self, token: Arc<str>, viewer: Viewer) -> Watch {
        Watch::new(self, token, viewer)
    }

    /// The claims of a token with a good signature, for this server and this moment. UNAVAILABLE while a JWKS has not been had yet that
    /// may have its key.
    async fn verify(&self, token: &str) -> Result<Claims> {
        let token = Token::parse(token).ok_or_else(|| invalid("it is no JWT, or its header is not for this server"))?;
        let Found::Key(key) = self.find(&token).await? else {
            return Err(invalid("no key is known for its alg and kid").into());
        };
        let claims = token.claims(&key).ok_or_else(|| invalid("its key has not signed it"))?;
        self.reader.read(&claims, self.clock.now()).map_err(|refused| match refused {
            Refused::Expired => EXPIRED.into(),
            Refused::Invalid(reason) => invalid(reason).into(),
        })
    }

    async fn find(&self, token: &Token<'_>) -> Result<Found> {
        let find = |jwks: Option<&Jwks>| {
            let (set, secret) = (jwks.and_then(Jwks::keys), self.secret.as_deref().map(Key::checking));
            (keys::find(secret, set.as_deref(), token.algorithm, token.kid.as_deref()), set.is_some())
        };
        let Some(jwks) = self.jwks.as_ref().filter(|jwks| jwks.may_have(token.algorithm)) else {
            return Ok(find(self.jwks.as_ref()).0);
        };
        if let (found @ (Found::Key(_) | Found::Never), _) = find(Some(jwks)) {
            return Ok(found);
        }
        jwks.look_again().await;
        match find(Some(jwks)) {
            (Found::Unknown, false) => {
                Err(Fault::unavailable("the keys of LEADCAST_JWKS have not been had yet").into())
            }
            (found, _) => Ok(found),
        }
    }

    async fn tenant(&self, slug: &str) -> Result<Option<TenantId>> {
        if let Some(known) = self.tenants.get(slug).await {
            return Ok(Some(known));
        }
        let found = tenants::find_by_slug(&self.db, slug).await?;
        if let Some(tenant) = found {
            self.tenants.insert(slug.to_owned(), tenant).await;
        }
        Ok(found)
    }

    async fn sighting(&self, tenant: TenantId, claims: &Claims) -> Result<Sighting> {
        let key = (tenant, claims.sub.clone());
        if let Some(known) = self.sightings.get(&key).await
            && known.role == claims.role
        {
            return Ok(known);
        }
        let before = self.voided.load(Ordering::SeqCst);
        let sighting = users::sight(&self.db, tenant, claims, self.clock.now()).await?;
        self.sightings.insert(key.clone(), sighting.clone()).await;
        // Tokens were made void while it was read: perhaps after.
        if self.voided.load(Ordering::SeqCst) != before {
            self.sightings.invalidate(&key).await;
        }
        Ok(sighting)
    }

    /// Tokens of this user have become void: what was known of it is forgotten, and what they keep open is looked at.
    pub async fn void(&self, tenant: TenantId, user: &UserId) {
        let user = (tenant, user.clone());
        self.voided.fetch_add(1, Ordering::SeqCst);
        self.sightings.invalidate(&user).await;
        self.bells.ring(&user);
    }

    /// Keeps the keys young, and hears from the log which tokens have become void, for as long as it is polled.
    pub async fn keep(self, news: Receiver<Arc<Record>>) {
        let keys = async {
            if let Some(jwks) = &self.jwks {
                // What a key that has gone keeps open ends now.
                jwks.keep(|| self.bells.ring_all()).await;
            }
        };
        tokio::join!(keys, self.listen(news));
    }

    async fn listen(&self, mut news: Receiver<Arc<Record>>) {
        loop {
            match news.recv().await {
                Ok(record) if record.kind == Some(Kind::TokensVoided) => {
                    for user in &record.users {
                        self.void(record.tenant, user).await;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => {
                    self.voided.fetch_add(1, Ordering::SeqCst);
                    self.sightings.invalidate_all();
                    self.bells.ring_all();
                }
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
    }
}

/// Whether the settings' file of keys, if there is one, can be read and has good keys in it.
pub fn check_keys(settings: &Settings) -> Result<(), String> {
    let Some(JwksAt::File(path)) = &settings.tokens.jwks else { return Ok(()) };
    jwks::check_file(Path::new(path))
        .map_err(|why| format!("cannot use the keys in {} (LEADCAST_JWKS, --jwks): {why}", path.display()))
}
