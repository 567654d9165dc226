//! What a token claims, where the settings say it is found.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::{clock::Timestamp, config::Settings, ids::UserId, users::Role};

/// What a token says, beside its issuer and its audience.
#[derive(Clone, Debug)]
pub struct Claims {
    /// The user's id.
    pub sub: UserId,
    /// The tenant's slug.
    pub tenant: String,
    pub role: Role,
    /// Seconds since 1970.
    pub iat: i64,
    pub exp: i64,
    pub name: Option<String>,
    pub email: Option<String>,
}

/// A way into a token. What begins with `/` is a JSON Pointer (RFC 6901). Anything else is the claim of exactly this name; if there is
/// none, names of members with dots between.
#[derive(Clone, Debug)]
pub struct ClaimPath(String);

impl ClaimPath {
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    fn steps(&self) -> Vec<String> {
        match self.0.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect(),
            None => vec![self.0.clone()],
        }
    }

    fn get<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let walk = |steps: &[&str]| {
            let (first, rest) = steps.split_first()?;
            rest.iter().try_fold(claims.get(*first)?, |value, step| value.as_object()?.get(*step))
        };
        let steps = self.steps();
        let exact = walk(&steps.iter().map(String::as_str).collect::<Vec<_>>());
        exact.or_else(|| if self.0.starts_with('/') { None } else { walk(&self.0.split('.').collect::<Vec<_>>()) })
    }

    /// Writes a claim where [`Self::get`] finds it.
    pub fn put(&self, claims: &mut Map<String, Value>, value: Value) {
        let steps = self.steps();
        let Some((last, way)) = steps.split_last() else { return };
        let mut place = claims;
        for step in way {
            let next = place.entry(step.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !next.is_object() {
                *next = Value::Object(Map::new());
            }
            let Value::Object(next) = next else { return };
            place = next;
        }
        place.insert(last.clone(), value);
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    Expired,
    /// For operators: clients are told no more than that.
    Invalid(&'static str),
}

/// How claims are read.
#[derive(Clone, Debug)]
pub struct Reader {
    issuer: String,
    audience: String,
    tenant: ClaimPath,
    role: ClaimPath,
    name: ClaimPath,
    email: ClaimPath,
    /// Seconds.
    skew: i64,
}

impl Reader {
    pub fn new(settings: &Settings) -> Self {
        let tokens = &settings.tokens;
        Self {
            issuer: settings.jwt_issuer.clone(),
            audience: settings.jwt_audience.clone(),
            tenant: ClaimPath::new(&tokens.claim_tenant),
            role: ClaimPath::new(&tokens.claim_role),
            name: ClaimPath::new(&tokens.claim_name),
            email: ClaimPath::new(&tokens.claim_email),
            skew: i64::try_from(tokens.clock_skew.as_secs()).unwrap_or(0),
        }
    }

    /// The claims of a token whose signature was found good. What is missing or of another type makes it invalid.
    pub fn read(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Claims, Refused> {
        let (read, not_before) = self.parse(claims).map_err(Refused::Invalid)?;
        let now = now.as_seconds();
        if read.exp <= now {
            return Err(Refused::Expired);
        }
        if not_before.max(read.iat) > now.saturating_add(self.skew) {
            return Err(Refused::Invalid("iat or nbf is later than now and LEADCAST_CLOCK_SKEW"));
        }
        Ok(read)
    }

    /// And from when on it is good. The error says which claim is wrong.
    fn parse(&self, claims: &Map<String, Value>) -> Result<(Claims, i64), &'static str> {
        let seconds = |name| claims.get(name).and_then(Value::as_i64);
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err("iss is not LEADCAST_JWT_ISSUER");
        }
        if !claims.get("aud").is_some_and(|aud| is_for(aud, &self.audience)) {
            return Err("aud is not, or has not, LEADCAST_JWT_AUDIENCE");
        }
        let sub = claims.get("sub").and_then(Value::as_str).map(UserId::from).filter(UserId::is_valid);
        let iat = seconds("iat").ok_or("iat is not a whole number of seconds")?;
        let not_before = match claims.get("nbf") {
            None | Some(Value::Null) => iat,
            Some(_) => seconds("nbf").ok_or("nbf is not a whole number of seconds")?,
        };
        let tenant = self.tenant.get(claims).and_then(Value::as_str);
        let read = Claims {
            sub: sub.ok_or("sub is no id of a user")?,
            tenant: tenant.ok_or("there is no text where LEADCAST_CLAIM_TENANT says")?.to_owned(),
            role: self.role.get(claims).and_then(role).ok_or("there is no role where LEADCAST_CLAIM_ROLE says")?,
            iat,
            exp: seconds("exp").ok_or("exp is not a whole number of seconds")?,
            name: optional(self.name.get(claims)).map_err(|_| "the name is no text")?,
            email: optional(self.email.get(claims)).map_err(|_| "the e-mail address is no text")?,
        };
        Ok((read, not_before))
    }
}

/// A text, or a list of texts.
fn is_for(aud: &Value, audience: &str) -> bool {
    match aud {
        Value::String(one) => one == audience,
        Value::Array(all) => all.iter().all(Value::is_string) && all.iter().any(|one| one == audience),
        _ => false,
    }
}

/// Of a list, which has all that somebody is to a provider, the one that is a role here; of two, nobody can say which.
fn role(claim: &Value) -> Option<Role> {
    let known = |name: &Value| name.as_str()?.to_ascii_uppercase().parse().ok();
    match claim {
        Value::Array(all) => {
            let roles: HashSet<Role> = all.iter().filter_map(known).collect();
            roles.iter().next().copied().filter(|_| roles.len() == 1)
        }
        one => known(one),
    }
}

/// A text, if it is there. Something else in its place is returned.
fn optional(claim: Option<&Value>) -> Result<Option<String>, &Value> {
    match claim {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(|text| Some(text.to_owned())).ok_or(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_one_place() {
        let claims = json!({
            "tenant": "plain", "a.b": "exact", "a": { "b": "nested", "c": "deep", "d.e": "dotted" },
            "https://example.com/tenant": "namespaced", "o": { "slg": "org" }, "a/b": { "~": "escaped" }, "list": ["x"],
        });
        let claims = claims.as_object().expect("an object");
        for (path, expected) in [
            ("tenant", Some("plain")),
            ("a.b", Some("exact")),
            ("/a/b", Some("nested")),
            ("/a.b", Some("exact")),
            ("a.c", Some("deep")),
            ("/a/d.e", Some("dotted")),
            ("a.d.e", None),
            ("https://example.com/tenant", Some("namespaced")),
            ("/https:~1~1example.com~1tenant", Some("namespaced")),
            ("o.slg", Some("org")),
            ("/a~1b/~0", Some("escaped")),
            ("list.0", None),
            ("/list/0", None),
            ("tenant.length", None),
            ("nope", None),
            ("", None),
            ("/", None),
            (".", None),
        ] {
            assert_eq!(ClaimPath::new(path).get(claims).and_then(Value::as_str), expected, "{path}");
        }
    }

    #[test]
    fn what_is_put_is_found() {
        for path in ["tenant", "a.b", "/a/b/c", "https://example.com/tenant", "/x~1y/~0z", "/a"] {
            let mut claims = json!({ "a": 1 }).as_object().expect("an object").clone();
            ClaimPath::new(path).put(&mut claims, json!("here"));
            assert_eq!(ClaimPath::new(path).get(&claims), Some(&json!("here")), "{path}");
        }
    }

    #[test]
    fn of_a_list_one_is_a_role() {
        for (claim, expected) in [
            (json!("PROVIDER"), Some(Role::Provider)),
            (json!("provider"), Some(Role::Provider)),
            (json!(["offline_access", "uma_authorization", "admin"]), Some(Role::Admin)),
            (json!(["admin", "ADMIN"]), Some(Role::Admin)),
            (json!(["admin", "customer"]), None),
            (json!(["x", 1, null, ["admin"]]), None),
            (json!([]), None),
            (json!(null), None),
            (json!({ "admin": true }), None),
            (json!("owner"), None),
        ] {
            assert_eq!(role(&claim), expected, "{claim}");
        }
    }
}
