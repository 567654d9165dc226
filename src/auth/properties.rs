//! What holds of every token and of every set of keys, whoever wrote them. The tests and `tests/fuzz` share it.
//!
//! Tokens are checked on the way that [`super::Auth`] goes; whether one was signed is found out a second time here, by other code.

use std::{collections::HashSet, sync::LazyLock};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{
    Claims,
    claims::Reader,
    issue::Key,
    jwk,
    keys::{self, Algorithm, Found, KeySet},
    token::Token,
};
use crate::{clock::Timestamp, config::Settings};

pub(super) const SECRET: &[u8] = b"a secret of thirty-two bytes, or more";
pub(super) const NOW: i64 = 1_800_000_000;
const SKEW: i64 = 60;

static SECRET_KEY: LazyLock<Key> = LazyLock::new(|| Key::hs256(SECRET, &Settings::defaults()));
static READER: LazyLock<Reader> = LazyLock::new(|| Reader::new(&Settings::defaults()));

/// Four lines: header, payload, signature (`=`: a good one) and a set of keys. Also taken for a token as a whole.
pub fn any_bytes(data: &[u8]) {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let [header, payload, signature, keys] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let set = any_set(keys);
    let signed = format!("{}.{}", base64(header), base64(payload));
    let signature = if signature == b"=" { hmac(&signed).finalize().into_bytes().to_vec() } else { signature.to_vec() };
    any_token(&format!("{signed}.{}", base64(signature)), set.as_ref());
    any_token(&String::from_utf8_lossy(data), set.as_ref());
}

/// What is believed was signed with the secret, and says what it must. `set`: keys of which nobody has the other halves.
pub fn any_token(token: &str, set: Option<&KeySet>) -> Option<Claims> {
    let believed = verify(token, set);
    if let Some(claims) = &believed {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { panic!("{token} has not three parts") };
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("a signature in base64url");
        assert!(hmac(&format!("{header}.{payload}")).verify_slice(&signature).is_ok(), "{token} was not signed");
        let [header, payload] = [header, payload].map(|part| -> Value {
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
        });
        assert_eq!(header["alg"], "HS256");
        assert!(header.get("crit").is_none());
        assert_eq!(payload["iss"], "leadcast");
        assert!(
            payload["aud"] == "leadcast"
                || payload["aud"].as_array().is_some_and(|all| all.contains(&"leadcast".into()))
        );
        assert_eq!(payload["sub"], claims.sub.as_str());
        assert_eq!(payload["tenant"], claims.tenant);
        assert_eq!((payload["iat"].as_i64(), payload["exp"].as_i64()), (Some(claims.iat), Some(claims.exp)));
        assert!(claims.sub.is_valid() && claims.exp > NOW && claims.iat <= NOW + SKEW);
        assert!(payload["nbf"].is_null() || payload["nbf"].as_i64().is_some_and(|from| from <= NOW + SKEW));
    }
    believed
}

/// A set that anybody could read has no secret in it, and no name twice.
pub fn any_set(text: &[u8]) -> Option<KeySet> {
    let (public, own) = (jwk::parse(text, true).ok(), jwk::parse(text, false).ok());
    for set in [&public, &own].into_iter().flatten() {
        let all = [Algorithm::HS256, Algorithm::RS256, Algorithm::ES256, Algorithm::EdDsa];
        let keys: Vec<_> = all.into_iter().flat_map(|algorithm| set.of(algorithm)).collect();
        assert!((1..=100).contains(&keys.len()) && keys.len() == set.len());
        let names: Vec<_> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }
    if let Some(public) = &public {
        assert_eq!(public.of(Algorithm::HS256).count(), 0);
        assert_eq!(own.map(|own| own.len()), Some(public.len()), "what strangers may see is good for a file, too");
    }
    public
}

/// The claims of a token, by the way that [`super::Auth`] goes.
fn verify(token: &str, set: Option<&KeySet>) -> Option<Claims> {
    let token = Token::parse(token)?;
    let found = keys::find(Some(SECRET_KEY.checking()), set, token.algorithm, token.kid.as_deref());
    let Found::Key(key) = found else { return None };
    READER.read(&token.claims(&key)?, Timestamp::from_micros(NOW * 1_000_000)).ok()
}

fn hmac(signed: &str) -> Hmac<Sha256> {
    let mut hmac = Hmac::new_from_slice(SECRET).expect("a secret may have any length");
    hmac.update(signed.as_bytes());
    hmac
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_corpus() {
        crate::corpus::replay("token", super::any_bytes);
    }
}
