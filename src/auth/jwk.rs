//! A JWKS (RFC 7517): which of its keys check tokens, and how.
//!
//! Keys for something else, or of a kind that is not known here, are passed over: a provider may have more than one use for
//! its set. A key that must not be there makes the whole set unacceptable.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::{Map, Value};

use super::{
    json,
    keys::{Algorithm, Key, KeySet},
};

const MAX_KEYS: usize = 100;
/// Bits of an RSA key: fewer can be broken, more take too long to check with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;
const MIN_SECRET_BYTES: usize = 32;

/// Why a key is not taken.
enum Unfit {
    /// It is for something else.
    Other,
    Wrong(String),
}

type Fit<T> = Result<T, Unfit>;

/// `public`: anybody could read it. A secret has no place in such a set.
pub fn parse(text: &[u8], public: bool) -> Result<KeySet, String> {
    let set = json::object(text).ok_or("it is not a JSON object, or a member of one is there twice")?;
    let members = set.get("keys").and_then(Value::as_array).ok_or("it has no list `keys`")?;
    if members.len() > MAX_KEYS {
        return Err(format!("it has {} keys; {MAX_KEYS} are allowed", members.len()));
    }
    let mut keys = Vec::new();
    for (place, member) in members.iter().enumerate() {
        let member = member.as_object().ok_or_else(|| format!("keys[{place}] is not an object"))?;
        match key(member, public) {
            Ok(key) => keys.push(key),
            Err(Unfit::Other) => {}
            Err(Unfit::Wrong(why)) => {
                let name = member.get("kid").map_or_else(|| format!("keys[{place}]"), |kid| format!("the key {kid}"));
                return Err(format!("{name} {why}"));
            }
        }
    }
    let keys = KeySet::new(keys)?;
    if keys.len() == 0 {
        return Err("it has no key that tokens can be checked with: RS256, ES256 or EdDSA (Ed25519)".to_owned());
    }
    Ok(keys)
}

fn key(jwk: &Map<String, Value>, public: bool) -> Fit<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if jwk.get("use").is_some_and(|purpose| purpose != "sig") {
        return Err(Unfit::Other);
    }
    let may_verify = |operations: &Value| operations.as_array().is_some_and(|all| all.iter().any(|op| op == "verify"));
    if jwk.get("key_ops").is_some_and(|operations| !may_verify(operations)) {
        return Err(Unfit::Other);
    }
    let (algorithm, names): (_, &[&str]) = match (text("kty"), text("crv")) {
        (Some("RSA"), _) => (Algorithm::RS256, &["RS256"]),
        (Some("EC"), Some("P-256")) => (Algorithm::ES256, &["ES256"]),
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDsa, &["EdDSA", "Ed25519"]),
        (Some("oct"), _) if public => return Err(wrong("is a secret (oct), where anybody can read it")),
        (Some("oct"), _) => (Algorithm::HS256, &["HS256"]),
        _ => return Err(Unfit::Other),
    };
    if jwk.get("alg").is_some_and(|alg| alg.as_str().is_none_or(|alg| !names.contains(&alg))) {
        return Err(Unfit::Other);
    }
    let kid = match jwk.get("kid") {
        None => None,
        Some(Value::String(kid)) => Some(kid.clone()),
        Some(_) => return Err(wrong("has a kid that is not a string")),
    };
    let check = match algorithm {
        Algorithm::RS256 => rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)?,
        Algorithm::ES256 => {
            let (x, y) = (coordinate(jwk, "x")?, coordinate(jwk, "y")?);
            DecodingKey::from_ec_components(x, y).map_err(|_| wrong("is not a point of P-256"))?
        }
        Algorithm::EdDsa => {
            DecodingKey::from_ed_components(coordinate(jwk, "x")?).map_err(|_| wrong("is not a point of Ed25519"))?
        }
        Algorithm::HS256 => secret(&bytes(jwk, "k")?)?,
    };
    Ok(Key::new(kid, algorithm, check))
}

fn rsa(n: &[u8], e: &[u8]) -> Fit<DecodingKey> {
    let n = &n[n.iter().take_while(|byte| **byte == 0).count()..];
    let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
    if !RSA_BITS.contains(&bits) {
        let (least, most) = RSA_BITS.into_inner();
        return Err(Unfit::Wrong(format!("is RSA with {bits} bits; {least} to {most} are allowed")));
    }
    Ok(DecodingKey::from_rsa_raw_components(n, e))
}

/// What could be anybody's is no secret: a public key that is written where a secret belongs would make everyone an issuer.
fn secret(k: &[u8]) -> Fit<DecodingKey> {
    if k.len() < MIN_SECRET_BYTES || k.starts_with(b"-----BEGIN") {
        return Err(Unfit::Wrong(format!("is not a secret of at least {MIN_SECRET_BYTES} bytes")));
    }
    Ok(DecodingKey::from_secret(k))
}

/// Of either curve: 32 bytes, as text.
fn coordinate<'a>(jwk: &'a Map<String, Value>, name: &str) -> Fit<&'a str> {
    match (bytes(jwk, name)?.len(), jwk.get(name).and_then(Value::as_str)) {
        (32, Some(text)) => Ok(text),
        _ => Err(Unfit::Wrong(format!("has a `{name}` that is not 32 bytes long"))),
    }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Fit<Vec<u8>> {
    let text = jwk.get(name).and_then(Value::as_str);
    let bytes = text.and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok()).filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| Unfit::Wrong(format!("has no `{name}` in base64url")))
}

fn wrong(why: &str) -> Unfit {
    Unfit::Wrong(why.to_owned())
}
