//! A token in its three parts (JWS, compact form), before anything in it is believed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{
    json,
    keys::{Algorithm, Key},
};

pub struct Token<'a> {
    pub algorithm: Algorithm,
    /// The name of the key that it says has signed it.
    pub kid: Option<String>,
    /// Header and payload, as they were signed.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Token<'a> {
    /// `None` for what is no token, has an algorithm that is not known here (`none` is none), or an extension that must be understood.
    /// Keys and addresses of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) mean nothing: anybody can write them.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header = json::object(&BASE64_URL_SAFE_NO_PAD.decode(header).ok()?)?;
        if header.contains_key("crit") {
            return None;
        }
        let algorithm = header.get("alg")?.as_str()?.parse().ok()?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str()?.to_owned()),
        };
        Some(Self { algorithm, kid, signed, payload, signature })
    }

    /// What it claims, if `key` has signed it.
    pub fn claims(&self, key: &Key) -> Option<Map<String, Value>> {
        if key.algorithm != self.algorithm || !key.has_signed(self.signed, self.signature) {
            return None;
        }
        json::object(&BASE64_URL_SAFE_NO_PAD.decode(self.payload).ok()?)
    }
}
