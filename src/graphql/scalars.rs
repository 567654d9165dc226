//! The scalars, each on the one type that means it.

use std::borrow::Cow;

use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, Json, OutputType, Pos, Positioned, Scalar,
    ScalarType, ServerResult, Value, parser::types::Field, registry::Registry,
};

use crate::{
    clock::Timestamp,
    events::Cursor,
    ids::{Id, UserId},
    money::{Amount, Credits, SignedCredits},
    paging::PageCursor,
};

/// What a value must be to be one of a scalar, by the scalars' names: it is parsed, and the error says why not.
pub fn checks() -> [(Cow<'static, str>, fn(Value) -> Result<(), String>); 7] {
    [
        check::<Timestamp>(),
        check::<Credits>(),
        check::<SignedCredits>(),
        check::<Amount>(),
        check::<Cursor>(),
        check::<PageCursor>(),
        check::<Json<serde_json::Value>>(),
    ]
}

fn check<T: InputType>() -> (Cow<'static, str>, fn(Value) -> Result<(), String>) {
    let check = |value: Value| match T::parse(Some(value)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = error.into_server_error(Pos::default()).message;
            let begin = format!("Failed to parse \"{}\": ", T::type_name());
            Err(message.strip_prefix(&begin).unwrap_or(&message).to_owned())
        }
    };
    (T::type_name(), check)
}

/// A moment as RFC 3339 text in UTC, to the microsecond: `2026-11-20T09:00:00Z`. Any offset is accepted in inputs.
#[Scalar(name = "DateTime", specified_by_url = "https://scalars.graphql.org/andimarek/date-time.html")]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        let moment = if let Value::String(text) = &value { text.parse().ok() } else { None };
        moment.ok_or_else(|| InputValueError::custom("a DateTime is RFC 3339 text such as 2026-11-20T09:00:00Z"))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// Whole credits, 0 to 2^53 - 1, as a JSON number.
#[Scalar]
impl ScalarType for Credits {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self)
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(_))
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

/// A change of credits, -(2^53 - 1) to 2^53 - 1, as a JSON number.
#[Scalar]
impl ScalarType for SignedCredits {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self)
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(_))
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

/// Money: whole minor units (cents) of the tenant's currency, 0 to 2^53 - 1, as a JSON number.
#[Scalar]
impl ScalarType for Amount {
    fn parse(value: Value) -> InputValueResult<Self> {
        whole(&value).map(Self)
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Number(_))
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

/// Any whole number is read; one beyond 64 bits becomes the nearest. What is out of range is the rules' to refuse, with the path.
fn whole<T: InputType>(value: &Value) -> Result<i64, InputValueError<T>> {
    let number = if let Value::Number(number) = value { Some(number) } else { None };
    if let Some(whole) = number.and_then(async_graphql::Number::as_i64) {
        return Ok(whole);
    }
    match number.and_then(async_graphql::Number::as_f64) {
        // The cast saturates.
        #[allow(clippy::cast_possible_truncation)]
        Some(float) if float.fract() == 0.0 => Ok(float as i64),
        _ => Err(InputValueError::custom(format!("{} is a whole number", T::type_name()))),
    }
}

/// A place in the tenant's event log: for `after` of streams and of `events`, and for `upTo`. Opaque, and bound to its tenant.
#[Scalar]
impl ScalarType for Cursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::parse(&text(value)?)
            .ok_or_else(|| InputValueError::custom("this is not a Cursor of an event or a streamCursor"))
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.to_string())
    }
}

/// A place in one connection in one order. Opaque; not interchangeable with `Cursor`.
#[Scalar]
impl ScalarType for PageCursor {
    fn parse(value: Value) -> InputValueResult<Self> {
        text(value).map(Self::from_client)
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.as_str().to_owned())
    }
}

fn text<T: InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(InputValueError::custom(format!("a {} is text", T::type_name()))),
    }
}

/// Ids are the built-in `ID` on the wire.
macro_rules! as_id {
    ([$($kind:ident)?] $type:ty, $from:expr) => {
        impl$(<$kind>)? InputType for $type {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                <ID as InputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <ID as InputType>::create_type_info(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                let id = <ID as InputType>::parse(value).map_err(InputValueError::propagate)?;
                Ok($from(id.as_str()))
            }

            fn to_value(&self) -> Value {
                Value::String(self.to_string())
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl$(<$kind>)? OutputType for $type {
            fn type_name() -> Cow<'static, str> {
                <ID as OutputType>::type_name()
            }

            fn create_type_info(registry: &mut Registry) -> String {
                <ID as OutputType>::create_type_info(registry)
            }

            async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
                Ok(Value::String(self.to_string()))
            }
        }
    };
}
as_id!([K] Id<K>, Id::from_client);
as_id!([] UserId, UserId::from);
