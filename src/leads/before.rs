//! What a lead was before a change, as an event keeps it: only the fields that differ, so that an event stays small.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Lead;
use crate::{
    error::{Error, Result},
    json::JsonText,
};

/// The old values of the fields that changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Before(JsonText);

impl Before {
    pub fn between(before: &Lead, after: &Lead) -> Result<Self> {
        let (mut old, new) = (fields(before)?, fields(after)?);
        old.retain(|name, value| new.get(name) != Some(value));
        Ok(Self((&Value::Object(old)).into()))
    }

    /// The lead as it was, given what it became.
    pub fn restore(&self, after: &Lead) -> Result<Lead> {
        let mut lead = fields(after)?;
        lead.extend(object(self.0.value())?);
        serde_json::from_value(Value::Object(lead)).map_err(Error::internal)
    }
}

fn fields(lead: &Lead) -> Result<Map<String, Value>> {
    object(serde_json::to_value(lead).map_err(Error::internal)?)
}

fn object(json: Value) -> Result<Map<String, Value>> {
    match json {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::internal("a lead is an object")),
    }
}
