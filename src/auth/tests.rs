//! The verifier on its own, given whatever anybody could send: it never panics, and believes nothing that no key has signed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    claims::{Reader, Refused},
    issue::Key,
    jwk,
    keys::KeySet,
    properties::{NOW, SECRET, any_bytes, any_set, any_token},
};
use crate::{clock::Timestamp, config::Settings, users::Role};

fn now() -> Timestamp {
    Timestamp::from_micros(NOW * 1_000_000)
}

fn good_claims() -> Value {
    json!({ "iss": "leadcast", "aud": "leadcast", "sub": "pat", "tenant": "demo", "role": "ADMIN", "iat": NOW, "exp": NOW + 60 })
}

/// With some members changed.
fn with(object: &Value, changes: &Value) -> Value {
    let mut changed = object.clone();
    for (name, value) in changes.as_object().expect("an object") {
        changed[name] = value.clone();
    }
    changed
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// A set with one key of each public kind. Nobody has the other halves.
fn set() -> KeySet {
    let keys = json!({ "keys": [
        { "kty": "RSA", "kid": "r", "n": base64([0xc5; 256]), "e": "AQAB" },
        { "kty": "EC", "crv": "P-256", "kid": "e", "x": base64([1; 32]), "y": base64([2; 32]) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "o", "x": base64([3; 32]) },
    ] });
    jwk::parse(keys.to_string().as_bytes(), true).expect("a good set")
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop_oneof!["HS256", "RS256", "ES256", "EdDSA", "none", "r", "e", "o"].prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_header() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["alg", "kid", "crit", "typ", "jwk", "jku", "x5u", "[a-z]{1,6}"];
    let with_alg = (
        prop_oneof!["HS256", "RS256", "ES256", "EdDSA", "none", "hs256"],
        prop::option::of(prop_oneof!["r", "e", "o", ".{0,8}"]),
    )
        .prop_map(|(alg, kid)| kid.map_or_else(|| json!({ "alg": alg }), |kid| json!({ "alg": alg, "kid": kid })));
    let any = prop::collection::hash_map(name, any_json(), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect()));
    prop_oneof![with_alg, any, any_json()]
}

fn any_claims() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["iss", "aud", "sub", "tenant", "role", "iat", "exp", "nbf", "name", "email"];
    let changed = prop::collection::hash_map(name, any_json(), 0..3)
        .prop_map(|changes| with(&good_claims(), &Value::Object(changes.into_iter().collect())));
    prop_oneof![Just(good_claims()), changed, any_json()]
}

/// As a provider might write them, or almost.
fn any_keys() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["kty", "crv", "alg", "use", "key_ops", "kid", "x", "y", "n", "e", "k"];
    let value = prop_oneof![
        prop_oneof!["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "sig", "enc", "AQAB", "a"].prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| base64(bytes).into()),
        any_json(),
    ];
    let oct = json!({ "kty": "oct", "kid": "s", "k": base64([7; 32]) });
    let whole = prop::sample::select(vec![ed(), ec(), rsa(256), rsa(1_024), oct, json!({})]);
    let key = (whole, prop::collection::hash_map(name, value, 0..3))
        .prop_map(|(key, changes)| with(&key, &Value::Object(changes.into_iter().collect())));
    prop::collection::vec(prop_oneof![8 => key, 1 => any_json()], 0..4).prop_map(|keys| json!({ "keys": keys }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_set_is_survived(keys in any_keys(), text in ".{0,60}") {
        any_set(keys.to_string().as_bytes());
        any_set(text.as_bytes());
    }

    /// Whatever the parts are; and what was signed well, whatever it says.
    #[test]
    fn any_parts_are_survived(
        header in prop_oneof![Just(json!({ "alg": "HS256" })), any_header()],
        claims in any_claims(),
        signature in prop_oneof![Just(vec![b'=']), prop::collection::vec(any::<u8>(), 0..80)],
        keys in any_keys(),
    ) {
        let signature: Vec<u8> = signature.into_iter().filter(|byte| *byte != b'\n').collect();
        any_bytes(&[format!("{header}\n{claims}\n").into_bytes(), signature, format!("\n{keys}").into_bytes()].concat());
    }

    #[test]
    fn any_text_is_survived(text in ".{0,200}", dots in prop::collection::vec("[A-Za-z0-9_-]{0,40}", 0..6)) {
        prop_assert!(any_token(&text, Some(&set())).is_none());
        prop_assert!(any_token(&dots.join("."), Some(&set())).is_none());
    }

    #[test]
    fn what_nobody_has_signed_is_not_believed(
        header in any_header(),
        claims in any_claims(),
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let token = format!("{}.{}.{}", base64(header.to_string()), base64(claims.to_string()), base64(signature));
        prop_assert!(any_token(&token, None).is_none());
        prop_assert!(any_token(&token, Some(&set())).is_none());
    }

    /// A good signature makes nothing good that is not.
    #[test]
    fn what_is_signed_is_still_read_with_care(claims in any_claims()) {
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).expect("it can be signed");
        any_token(&token, Some(&set()));
    }

    /// Not a bit of it may be another.
    #[test]
    fn a_changed_token_is_another(at in 0_usize..400, to in any::<char>()) {
        let settings = Settings::defaults();
        let ttl = std::time::Duration::from_mins(1);
        let good = Key::hs256(SECRET, &settings).issue("demo", &"pat".into(), Role::Admin, now(), ttl).expect("a token");
        prop_assert!(any_token(&good, Some(&set())).is_some());
        let mut changed: Vec<char> = good.chars().collect();
        let at = at % changed.len();
        prop_assume!(changed[at] != to);
        changed[at] = to;
        prop_assert!(any_token(&changed.into_iter().collect::<String>(), Some(&set())).is_none());
    }
}

const INVALID: &str = "not valid";
const EXPIRED: &str = "expired";

#[test]
fn an_expired_token_is_told_so_and_nothing_else_is() {
    let reader = Reader::new(&Settings::defaults());
    let read = |change: &Value| {
        let claims = with(&good_claims(), change);
        let read = reader.read(claims.as_object().expect("an object"), now());
        read.map(drop).map_err(|refused| if refused == Refused::Expired { EXPIRED } else { INVALID })
    };
    for (change, expected) in [
        (json!({}), Ok(())),
        (json!({ "exp": NOW + 1 }), Ok(())),
        (json!({ "exp": NOW }), Err(EXPIRED)),
        (json!({ "exp": NOW - 1, "iss": "other" }), Err(INVALID)),
        (json!({ "exp": i64::MIN }), Err(EXPIRED)),
        (json!({ "exp": u64::MAX }), Err(INVALID)),
        (json!({ "exp": 1.9e9 }), Err(INVALID)),
        (json!({ "iat": NOW + 60 }), Ok(())),
        (json!({ "iat": NOW + 61 }), Err(INVALID)),
        (json!({ "nbf": NOW + 60 }), Ok(())),
        (json!({ "nbf": NOW + 61 }), Err(INVALID)),
        (json!({ "nbf": null }), Ok(())),
        (json!({ "nbf": "now" }), Err(INVALID)),
        (json!({ "aud": ["other", "leadcast"] }), Ok(())),
        (json!({ "aud": ["leadcast", 1] }), Err(INVALID)),
        (json!({ "aud": [] }), Err(INVALID)),
        (json!({ "iss": ["leadcast"] }), Err(INVALID)),
    ] {
        assert_eq!(read(&change), expected, "{change}");
    }
}

fn ed() -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": base64([3; 32]) })
}

fn ec() -> Value {
    json!({ "kty": "EC", "crv": "P-256", "kid": "b", "x": base64([1; 32]), "y": base64([2; 32]) })
}

fn rsa(bytes: usize) -> Value {
    json!({ "kty": "RSA", "kid": "r", "n": base64(vec![0x80; bytes]), "e": "AQAB" })
}

fn parse(keys: &Value, public: bool) -> Result<usize, String> {
    jwk::parse(json!({ "keys": keys }).to_string().as_bytes(), public).map(|set| set.len())
}

#[test]
fn of_a_set_those_that_check_tokens_are_taken() {
    let (ed, ec) = (ed(), ec());
    for (keys, expected) in [
        (json!([ed, ec, rsa(256)]), 3),
        // For something else, or not known here.
        (json!([ed, with(&ec, &json!({ "use": "enc" }))]), 1),
        (json!([ed, with(&ec, &json!({ "key_ops": ["sign"] }))]), 1),
        (json!([ed, with(&ec, &json!({ "key_ops": ["verify"], "use": "sig", "alg": "ES256" }))]), 2),
        (json!([ed, with(&ec, &json!({ "alg": "HS256" }))]), 1),
        (json!([ed, with(&rsa(256), &json!({ "alg": "RS384" }))]), 1),
        (json!([ed, with(&rsa(256), &json!({ "alg": "HS256" }))]), 1),
        (json!([ed, { "kty": "EC", "crv": "P-384" }, { "kty": "AKP" }, {}]), 1),
        // The secret of another key with the same name is for something else: no two check tokens under one name.
        (json!([ed, with(&ec, &json!({ "kid": "a", "use": "enc" }))]), 1),
    ] {
        assert_eq!(parse(&keys, true), Ok(expected), "{keys}");
    }
}

#[test]
fn a_set_that_is_not_good_says_why() {
    let (ed, ec) = (ed(), ec());
    let oct = json!({ "kty": "oct", "kid": "s", "k": base64([7; 32]) });
    for (keys, why) in [
        (json!([]), "no key that tokens can be checked with"),
        (json!([ed, with(&ec, &json!({ "kid": "a" }))]), "two keys have the kid \"a\""),
        (json!([rsa(128)]), "is RSA with 1024 bits"),
        (json!([rsa(1_025)]), "is RSA with 8200 bits"),
        (
            json!([with(&rsa(256), &json!({ "n": base64([vec![0; 200], vec![1; 56]].concat()) }))]),
            "is RSA with 441 bits",
        ),
        (json!([ed, oct]), "the key \"s\" is a secret (oct)"),
        (json!([with(&ed, &json!({ "x": base64([1; 31]) }))]), "`x` that is not 32 bytes"),
        (json!([with(&ed, &json!({ "x": "*" }))]), "no `x` in base64url"),
        (json!([with(&ed, &json!({ "kid": 7 }))]), "a kid that is not a string"),
        (json!(["x"]), "keys[0] is not an object"),
        (json!(vec![ed.clone(); 101]), "101 keys"),
        (json!({}), "no list"),
    ] {
        let refused = parse(&keys, true).expect_err(why);
        assert!(refused.contains(why), "{refused}: {why}");
    }
    // Who can write the file is trusted with secrets; but a public key is none.
    assert_eq!(parse(&json!([oct]), false), Ok(1));
    for k in [b"too short".to_vec(), b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0B".to_vec()] {
        assert!(parse(&json!([with(&oct, &json!({ "k": base64(k) }))]), false).is_err());
    }
    assert!(jwk::parse(b"{\"keys\":[],\"keys\":[]}", true).is_err());
    assert!(jwk::parse(b"<html>", true).is_err());
}
