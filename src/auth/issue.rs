//! Tokens of this server's own: of `leadcast token`, of dev mode and of the tests.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::{DecodingKey, EncodingKey, Header};
use serde_json::{Map, json};

use super::{
    claims::ClaimPath,
    keys::{self, Algorithm},
};
use crate::{
    clock::Timestamp,
    config::Settings,
    error::{Error, Result},
    ids::UserId,
    users::Role,
};

/// The secret that signs and checks tokens, with all that goes into them.
pub struct Key {
    sign: EncodingKey,
    check: Arc<keys::Key>,
    issuer: String,
    audience: String,
    tenant: ClaimPath,
    role: ClaimPath,
}

impl Key {
    pub fn hs256(secret: &[u8], settings: &Settings) -> Self {
        Self {
            sign: EncodingKey::from_secret(secret),
            check: keys::Key::new(None, Algorithm::HS256, DecodingKey::from_secret(secret)).into(),
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            tenant: ClaimPath::new(&settings.tokens.claim_tenant),
            role: ClaimPath::new(&settings.tokens.claim_role),
        }
    }

    /// The half that checks. It has no name.
    pub(super) fn checking(&self) -> &Arc<keys::Key> {
        &self.check
    }

    /// Signs a token that a server with these settings takes.
    pub fn issue(&self, tenant: &str, user: &UserId, role: Role, now: Timestamp, ttl: Duration) -> Result<String> {
        let mut claims = Map::new();
        self.tenant.put(&mut claims, json!(tenant));
        self.role.put(&mut claims, json!(role.to_string()));
        claims.extend([
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(self.audience)),
            ("sub".to_owned(), json!(user)),
            ("iat".to_owned(), json!(now.as_seconds())),
            ("exp".to_owned(), json!(now.plus(ttl).as_seconds())),
        ]);
        let header = Header::new(Algorithm::HS256.into());
        jsonwebtoken::encode(&header, &claims, &self.sign).map_err(Error::internal)
    }
}
