//! JSON that is passed on as it came: what clients attach to leads and to notifications.

use diesel::deserialize::FromSqlRow;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::db::json_value;

/// A JSON value, kept as text. Most who read it pass it by, and a tree of a thousand small values takes forty times the memory of
/// its text.
#[derive(FromSqlRow, Clone, PartialEq, Eq, Debug)]
pub struct JsonText(Box<str>);

json_value!(JsonText);

impl JsonText {
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("the text of a value can be read")
    }
}

impl From<&Value> for JsonText {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

/// As the value that it is.
impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::from(&value))
    }
}
