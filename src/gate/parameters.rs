//! The parameters of a GraphQL request: the same object in the body of a POST and in the payload of a `subscribe`.

use async_graphql::{Request, Variables};
use serde_json::{Map, Value};

/// `query`, `operationName`, `variables` and `extensions`, with their types checked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Parameters {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
    pub extensions: Map<String, Value>,
}

impl Parameters {
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
            Some(Value::String(query)) => query,
            Some(Value::Null) | None => return Err("The parameter `query` is missing.".to_owned()),
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
        Ok(Self { query, operation_name, variables: object("variables")?, extensions: object("extensions")? })
    }

    pub fn into_request(self) -> Request {
        let request = Request::new(self.query).variables(Variables::from_json(Value::Object(self.variables)));
        match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        }
    }
}

/// The token in the text of an `Authorization` header: `Bearer <token>`.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
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
        assert!(parameters.extensions.is_empty());
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
