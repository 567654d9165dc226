//! Keys of an identity provider, and tokens that they sign. The keys are for tests and nothing else: everybody has them.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

use super::{TestServer, api::with};

/// A public key in the form that a careless server would take for a secret.
pub const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa-public.pem");

/// A private key with a name.
pub struct Pair {
    pub kid: &'static str,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl Pair {
    pub fn rsa() -> Self {
        Self::of_rsa("rsa", include_bytes!("keys/rsa.pem"))
    }

    pub fn next_rsa() -> Self {
        Self::of_rsa("rsa-next", include_bytes!("keys/rsa-next.pem"))
    }

    fn of_rsa(kid: &'static str, pem: &[u8]) -> Self {
        Self { kid, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_pem(pem).expect("a key") }
    }

    pub fn ec() -> Self {
        let key = EncodingKey::from_ec_pem(include_bytes!("keys/ec.pem")).expect("a key");
        Self { kid: "ec", algorithm: Algorithm::ES256, key }
    }

    pub fn ed() -> Self {
        let key = EncodingKey::from_ed_pem(include_bytes!("keys/ed25519.pem")).expect("a key");
        Self { kid: "ed", algorithm: Algorithm::EdDSA, key }
    }

    pub fn secret(secret: &[u8]) -> Self {
        Self { kid: "secret", algorithm: Algorithm::HS256, key: EncodingKey::from_secret(secret) }
    }

    /// The same key under another's name.
    pub fn called(self, kid: &'static str) -> Self {
        Self { kid, ..self }
    }

    /// The public half, without `alg`.
    pub fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public half");
        let mut jwk = serde_json::to_value(jwk).expect("JSON");
        jwk.as_object_mut().expect("an object").remove("alg");
        with(jwk, json!({ "kid": self.kid, "use": "sig" }))
    }

    /// What the header of its tokens says.
    pub fn header(&self) -> Value {
        json!({ "alg": self.algorithm, "kid": self.kid, "typ": "JWT" })
    }

    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&self.header().to_string(), &claims.to_string())
    }

    /// Whatever the header says, and the claims, it is signed with this key in its own way.
    pub fn token_with(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
        let signature = crypto::sign(message.as_bytes(), &self.key, self.algorithm).expect("anything can be signed");
        format!("{message}.{signature}")
    }
}

pub fn set(pairs: &[&Pair]) -> Value {
    json!({ "keys": pairs.iter().map(|pair| pair.jwk()).collect::<Vec<_>>() })
}

/// Good claims of Casey's for a week.
pub fn claims(server: &TestServer) -> Value {
    let now = server.app.clock.now().as_seconds();
    json!({ "iss": "leadcast", "aud": "leadcast", "sub": "casey", "tenant": "demo", "role": "CUSTOMER",
        "iat": now, "exp": now + 7 * 24 * 3_600 })
}
