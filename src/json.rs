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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_value_that_it_was_made_of() {
        let value = json!({ "b": [1, -2.5, "é\n\"", null], "a": { "x": true } });
        let text = JsonText::from(&value);
        assert_eq!(text.value(), value);
        assert_eq!(serde_json::to_value(&text).expect("it is JSON"), value);
        assert_eq!(serde_json::from_value::<JsonText>(value).expect("any value will do"), text);
    }

    #[test]
    fn the_order_of_names_makes_no_difference() {
        let [one, other] = [r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#].map(|text| {
            let value: Value = serde_json::from_str(text).expect("JSON");
            JsonText::from(&value)
        });
        assert_eq!(one, other);
    }
}
