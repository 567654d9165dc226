//! The variables of a request, as the operation wants them.

use apollo_compiler::{Schema, executable::Operation, request::coerce_variable_values, validation::Valid};
use async_graphql::{Name, ServerError, Value, Variables};
use serde_json_bytes::{ByteString, Map, Value as Json};

use super::convert;

/// What the operation defines, with defaults filled in; what it does not define is left out.
pub fn coerced(
    schema: &Valid<Schema>,
    operation: &Operation,
    sources: &apollo_compiler::parser::SourceMap,
    given: serde_json::Map<String, serde_json::Value>,
) -> Result<Map<ByteString, Json>, ServerError> {
    if operation.variables.is_empty() {
        return Ok(Map::new());
    }
    let has_none = |name: &str| given.get(name).is_none_or(serde_json::Value::is_null);
    let mut required =
        operation.variables.iter().filter(|variable| variable.ty.is_non_null() && variable.default_value.is_none());
    if let Some(missing) = required.find(|variable| has_none(&variable.name)) {
        let message = format!("The variable ${} is required and has no value.", missing.name);
        return Err(ServerError::new(message, convert::position(missing.location(), sources)));
    }
    let given = given.into_iter().map(|(name, value)| (ByteString::from(name), Json::from(value))).collect();
    match coerce_variable_values(schema, operation, &given) {
        Ok(variables) => Ok(variables.into_inner()),
        Err(error) => {
            let message = format!("The variables do not fit: {}.", error.message());
            Err(ServerError::new(message, convert::position(error.location(), sources)))
        }
    }
}

/// As async-graphql takes them.
pub fn of(variables: Map<ByteString, Json>) -> Variables {
    let mut out = Variables::default();
    for (name, value) in variables {
        out.insert(Name::new(name.as_str()), constant(value));
    }
    out
}

fn constant(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text.as_str().to_owned()),
        Json::Array(items) => Value::List(items.into_iter().map(constant).collect()),
        Json::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name.as_str()), constant(value))).collect())
        }
    }
}
