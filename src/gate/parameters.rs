//! The parameters of a GraphQL request: the same object in the body of a POST and in the payload of a `subscribe`.

use serde_json::{Map, Value};

/// `query`, `operationName`, `variables` and what of `extensions` is known, with their types checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Parameters {
    /// Empty when `hash` says which document is meant.
    pub query: String,
    /// `extensions.persistedQuery.sha256Hash`.
    pub hash: Option<[u8; 32]>,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
}

impl Parameters {
    /// About how many bytes there are to read: of the text, and of the variables.
    pub fn size(&self) -> usize {
        let name = |name: &String| name.len() + 1;
        self.query.len() + self.variables.iter().map(|(key, value)| name(key) + size(value)).sum::<usize>()
    }

    /// The error is for people and names the parameter. Unknown members are ignored.
    pub fn from_json(json: Value) -> Result<Self, String> {
        let mut members = match json {
            Value::Object(members) => members,
            Value::Array(_) => {
                return Err("Batches are not accepted: send one request at a time, as an object.".to_owned());
            }
            _ => return Err("A request is a JSON object with the member `query`.".to_owned()),
        };
        let query = match members.remove("query") {
            Some(Value::String(query)) => Some(query),
            Some(Value::Null) | None => None,
            Some(_) => return Err("The parameter `query` must be a string.".to_owned()),
        };
        let operation_name = match members.remove("operationName") {
            Some(Value::String(name)) => Some(name),
            Some(Value::Null) | None => None,
            Some(_) => return Err("The parameter `operationName` must be a string or null.".to_owned()),
        };
        let mut object = |name: &str| match members.remove(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(Value::Null) | None => Ok(Map::new()),
            Some(_) => Err(format!("The parameter `{name}` must be an object or null.")),
        };
        let variables = object("variables")?;
        let hash = object("extensions")?.get("persistedQuery").map(hash).transpose()?;
        if query.is_none() && hash.is_none() {
            return Err("The parameter `query` is missing.".to_owned());
        }
        Ok(Self { query: query.unwrap_or_default(), hash, operation_name, variables })
    }
}

/// Of `extensions.persistedQuery`.
fn hash(persisted: &Value) -> Result<[u8; 32], String> {
    let text = persisted["sha256Hash"].as_str().filter(|_| persisted["version"] == 1);
    let pairs = text
        .filter(|text| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::as_bytes)
        .unwrap_or_default()
        .chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        "The parameter `extensions.persistedQuery` must have `version` 1 and, in `sha256Hash`, 64 hexadecimal digits."
            .to_owned()
    })
}

/// The token in the text of an `Authorization` header: `Bearer <token>`.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// About how long a value is as JSON. What is nested too deep has not been read.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| 1 + size(item)).sum::<usize>(),
        Value::Object(members) => 2 + members.iter().map(|(name, value)| name.len() + 4 + size(value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_parameters() {
        let parameters = Parameters::from_json(json!({
            "query": "query A($n: Int) { a(n: $n) }",
            "operationName": "A",
            "variables": {"n": 1},
            "extensions": null,
            "unknown": 1,
        }))
        .expect("they are all good");
        assert_eq!(parameters.operation_name.as_deref(), Some("A"));
        assert_eq!(parameters.variables["n"], 1);
        assert_eq!(parameters.hash, None);
    }

    #[test]
    fn each_wrong_type_is_named() {
        for (json, expected) in [
            (json!([]), "one request at a time"),
            (json!("x"), "JSON object"),
            (json!({}), "`query` is missing"),
            (json!({"query": null}), "`query` is missing"),
            (json!({"query": 1}), "`query` must be a string"),
            (json!({"query": "{a}", "operationName": {}}), "`operationName` must be a string or null"),
            (json!({"query": "{a}", "variables": []}), "`variables` must be an object or null"),
            (json!({"query": "{a}", "variables": "{}"}), "`variables` must be an object or null"),
            (json!({"query": "{a}", "extensions": 0}), "`extensions` must be an object or null"),
            (json!({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "0".repeat(64)}}}), "`version` 1"),
            (json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0".repeat(63)}}}), "64 hexadecimal"),
            (
                json!({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "+1".repeat(32)}}}),
                "64 hexadecimal",
            ),
            (json!({"extensions": {"persistedQuery": null}}), "64 hexadecimal"),
        ] {
            let message = Parameters::from_json(json.clone()).expect_err("it is wrong");
            assert!(message.contains(expected), "{json}: {message}");
        }
    }

    #[test]
    fn bearer_tokens() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer   abc "), Some("abc"));
        for wrong in ["", "abc", "Bearer", "Bearer ", "Basic abc"] {
            assert_eq!(bearer(wrong), None, "{wrong:?}");
        }
    }
}
