//! Who is asking: a bearer token becomes a [`Viewer`]. The same function serves the HTTP header and `connection_init`.
//!
//! The tenant comes from the verified token and from nowhere else. A refused token is told no more than whether it had
//! expired. Each key is bound to its algorithm, so that a token cannot choose how it is checked.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use moka::future::Cache;
use serde::{Deserialize, Serialize};

use crate::{
    clock::{Clock, Timestamp},
    config::Settings,
    db::Db,
    error::{Error, Fault, Result},
    ids::{TenantId, UserId},
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

/// What a token says, beside its issuer and its audience.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Claims {
    /// The user's id.
    pub sub: UserId,
    /// The tenant's slug.
    pub tenant: String,
    pub role: String,
    /// Not to be taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

pub const MISSING: Fault = Fault::Unauthenticated("A bearer token is needed: send `Authorization: Bearer <token>`.");
const INVALID: Fault = Fault::Unauthenticated("The token is not valid.");
pub const EXPIRED: Fault = Fault::Unauthenticated("The token has expired.");

/// How long a node may go on with what it knew of a user or a tenant: a changed role or a revocation reaches every node within it.
const REMEMBER: Duration = Duration::from_secs(2);

/// A token that says it is valid for longer is taken at this: its end has to be written as a date.
const YEAR_9999: i64 = 253_370_764_800;

/// A token issued by a machine whose clock is a little ahead is still taken.
const CLOCK_SKEW_SECONDS: i64 = 60;

#[derive(Clone)]
pub struct Auth {
    db: Db,
    clock: Clock,
    key: Arc<Key>,
    tenants: Cache<String, TenantId>,
    sightings: Cache<(TenantId, UserId), Sighting>,
}

/// The key that signs and checks tokens, with the issuer and the audience that go with it.
pub struct Key {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    issuer: String,
    audience: String,
}

impl Key {
    pub fn hs256(secret: &[u8], settings: &Settings) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&settings.jwt_issuer]);
        validation.set_audience(&[&settings.jwt_audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Against our own clock, below.
        validation.validate_exp = false;
        Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            validation,
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
        }
    }

    /// Signs a token.
    pub fn issue(&self, tenant: &str, user: &UserId, role: Role, now: Timestamp, ttl: Duration) -> Result<String> {
        #[derive(Serialize)]
        struct Token<'a> {
            iss: &'a str,
            aud: &'a str,
            #[serde(flatten)]
            claims: Claims,
        }
        let claims = Claims {
            sub: user.clone(),
            tenant: tenant.to_owned(),
            role: role.to_string(),
            nbf: None,
            iat: now.as_seconds(),
            exp: now.plus(ttl).as_seconds(),
            name: None,
            email: None,
        };
        let token = Token { iss: &self.issuer, aud: &self.audience, claims };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &token, &self.encoding).map_err(Error::internal)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, Fault> {
        let claims =
            jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).map_err(|_| INVALID)?.claims;
        if claims.exp <= now.as_seconds() {
            return Err(EXPIRED);
        }
        let soonest = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if soonest > now.as_seconds() + CLOCK_SKEW_SECONDS || !claims.sub.is_valid() {
            return Err(INVALID);
        }
        Ok(claims)
    }
}

impl Auth {
    pub fn new(db: &Db, clock: &Clock, key: Key) -> Self {
        Self {
            db: db.clone(),
            clock: clock.clone(),
            key: key.into(),
            tenants: Cache::builder().time_to_live(REMEMBER).max_capacity(1_000).build(),
            sightings: Cache::builder().time_to_live(REMEMBER).max_capacity(100_000).build(),
        }
    }

    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Checks a token and makes sure that its user has a row.
    pub async fn viewer(&self, token: &str) -> Result<Viewer> {
        let claims = self.key.verify(token, self.clock.now())?;
        let role: Role = claims.role.to_ascii_uppercase().parse().map_err(|_| INVALID)?;
        let tenant = self.tenant(&claims.tenant).await?.ok_or(INVALID)?;
        let sighting = self.sighting(tenant, role, &claims).await?;
        if claims.iat < sighting.tokens_valid_from.as_seconds() {
            return Err(INVALID.into());
        }
        let expires_at = Timestamp::from_micros(claims.exp.min(YEAR_9999) * 1_000_000);
        Ok(Viewer { tenant, user: claims.sub, role, expires_at })
    }

    /// Forgets what was known of a user: this node's next request with its token looks again.
    pub async fn forget(&self, tenant: TenantId, user: &UserId) {
        self.sightings.invalidate(&(tenant, user.clone())).await;
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

    async fn sighting(&self, tenant: TenantId, role: Role, claims: &Claims) -> Result<Sighting> {
        let key = (tenant, claims.sub.clone());
        if let Some(known) = self.sightings.get(&key).await
            && known.role == role
        {
            return Ok(known);
        }
        let sighting = users::sight(&self.db, tenant, role, claims, self.clock.now()).await?;
        self.sightings.insert(key, sighting.clone()).await;
        Ok(sighting)
    }
}
