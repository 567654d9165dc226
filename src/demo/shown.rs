//! What somebody was shown, and the checks of it.

use serde_json::Value;

/// An event, or the answer to a request.
#[derive(Clone)]
pub struct Shown {
    pub who: String,
    /// The type of the event, or the field that was asked for.
    pub what: String,
    pub value: Value,
}

impl Shown {
    /// Checks what stands at a JSON pointer. What was not even selected is never right.
    pub fn shows(&self, pointer: &str, expected: impl Into<Value>) -> Result<&Self, String> {
        let (shown, expected) = (self.value.pointer(pointer), expected.into());
        if shown == Some(&expected) {
            return Ok(self);
        }
        let shown = shown.map_or("nothing".to_owned(), Value::to_string);
        let (who, what) = (&self.who, &self.what);
        Err(format!("{who} was shown {pointer} = {shown} in {what}, where {expected} was expected: please report it."))
    }

    /// Checks that all of these are null.
    pub fn hides(&self, pointers: &[&str]) -> Result<(), String> {
        pointers.iter().try_for_each(|pointer| self.shows(pointer, ()).map(drop))
    }

    pub fn number(&self, pointer: &str) -> i64 {
        self.value.pointer(pointer).and_then(Value::as_i64).unwrap_or_default()
    }

    /// An id, or another text.
    pub fn text(&self, pointer: &str) -> String {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Whether it has this text anywhere.
    pub fn mentions(&self, text: &str) -> bool {
        mentions(&self.value, text)
    }
}

fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found == text,
        Value::Array(values) => values.iter().any(|value| mentions(value, text)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_shown_and_missing_is_not() {
        let value = json!({ "lead": { "contact": null, "claimCount": 1, "claims": [{ "id": "pat" }] } });
        let shown = Shown { who: "riley".to_owned(), what: "leadClaimed".to_owned(), value };
        assert!(shown.hides(&["/lead/contact"]).is_ok());
        assert!(shown.hides(&["/lead/customer"]).is_err());
        assert!(shown.shows("/lead/claimCount", 1).is_ok());
        assert_eq!(
            shown.shows("/lead/claimCount", 2).map(drop),
            Err("riley was shown /lead/claimCount = 1 in leadClaimed, where 2 was expected: please report it."
                .to_owned())
        );
        assert!(shown.mentions("pat") && !shown.mentions("quinn"));
    }
}
