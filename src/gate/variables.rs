//! The variables of a request, as the operation wants them.

use apollo_compiler::{
    Name as TypeName, Node,
    ast::{InputValueDefinition, Type, VariableDefinition},
    executable::Operation,
    parser::SourceMap,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql::{Name, ServerError, Value, Variables};
use serde_json::{Map, Value as Json};

use super::{
    convert, errors,
    input::{At, Types, is_one_of, misfit, not_one},
};

/// What the operation defines, as async-graphql takes it, with defaults filled in; what it does not define is left out.
pub fn coerced(
    types: &Types,
    operation: &Operation,
    sources: &SourceMap,
    mut given: Map<String, Json>,
) -> Result<Variables, Vec<ServerError>> {
    let mut coerced = Variables::default();
    let mut found = Vec::new();
    for variable in &operation.variables {
        let mut coercion = Coercion { types, sources, variable, found };
        match (given.remove(variable.name.as_str()), &variable.default_value) {
            (Some(value), _) => {
                let value = coercion.value(At::Variable(&variable.name), &variable.ty, value);
                coerced.insert(Name::new(&variable.name), value);
            }
            (None, Some(default)) => {
                // Validation has seen that it fits, and that it has no variables.
                let default = convert::value(default).into_const().unwrap_or_default();
                coerced.insert(Name::new(&variable.name), default);
            }
            (None, None) if variable.ty.is_non_null() => coercion.missing(),
            (None, None) => {}
        }
        found = coercion.found;
    }
    if found.is_empty() { Ok(coerced) } else { Err(found) }
}

/// Of the value of one variable. What does not fit is noted, and nothing is made of it.
struct Coercion<'a> {
    types: &'a Types,
    sources: &'a SourceMap,
    variable: &'a Node<VariableDefinition>,
    found: Vec<ServerError>,
}

impl Coercion<'_> {
    fn missing(&mut self) {
        let message = format!("The variable ${} is required and has no value.", self.variable.name);
        self.found.push(ServerError::new(message, convert::position(self.variable.location(), self.sources)));
    }

    fn value(&mut self, at: At<'_>, ty: &Type, value: Json) -> Value {
        if self.found.len() >= errors::MAX_ERRORS {
            return Value::Null;
        }
        match (ty, value) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), Json::Null) => {
                match at {
                    At::Variable(_) => self.missing(),
                    _ => self.misfit(at, &format!("{ty} is wanted, not null")),
                }
                Value::Null
            }
            (_, Json::Null) => Value::Null,
            (Type::List(inner) | Type::NonNullList(inner), Json::Array(items)) => {
                let items = items.into_iter().enumerate();
                Value::List(items.map(|(n, item)| self.value(At::Item(&at, n), inner, item)).collect())
            }
            // One value stands for a list of it.
            (Type::List(inner) | Type::NonNullList(inner), value) => Value::List(vec![self.value(at, inner, value)]),
            (Type::Named(name) | Type::NonNullNamed(name), value) => self.named(at, name, value),
        }
    }

    fn named(&mut self, at: At<'_>, name: &TypeName, value: Json) -> Value {
        let fits = match self.types.schema.types.get(name) {
            Some(ExtendedType::InputObject(object)) => match value {
                Json::Object(fields) => return self.object(at, object, fields),
                _ => false,
            },
            Some(ExtendedType::Enum(choice)) => {
                value.as_str().is_some_and(|text| choice.values.keys().any(|known| known == text))
            }
            Some(ExtendedType::Scalar(_)) => return self.scalar(at, name, value),
            // Validation has seen to it that it is one of these.
            _ => false,
        };
        if !fits {
            self.misfit(at, &not_of(name, &value));
        }
        constant(value)
    }

    fn object(&mut self, at: At<'_>, object: &InputObjectType, fields: Map<String, Json>) -> Value {
        if is_one_of(object) && (fields.len() != 1 || fields.values().any(Json::is_null)) {
            self.misfit(at, &not_one(object));
            return Value::Null;
        }
        let wanted = |definition: &InputValueDefinition| {
            definition.ty.is_non_null() && definition.default_value.is_none() && !fields.contains_key(&*definition.name)
        };
        for missing in object.fields.values().filter(|definition| wanted(definition)) {
            self.misfit(At::Field(&at, &missing.name), &format!("{} is wanted, and there is none", missing.ty));
        }
        let coerced = fields.into_iter().filter_map(|(name, value)| {
            let Some(definition) = object.fields.get(name.as_str()) else {
                self.misfit(at, &format!("{} has no field \"{}\"", object.name, short(&name)));
                return None;
            };
            let value = self.value(At::Field(&at, &name), &definition.ty, value);
            Some((Name::new(name), value))
        });
        Value::Object(coerced.collect())
    }

    fn scalar(&mut self, at: At<'_>, name: &TypeName, value: Json) -> Value {
        if let Some(check) = self.types.check(name) {
            let value = constant(value);
            if let Err(why) = check(value.clone()) {
                self.misfit(at, &why);
            }
            return value;
        }
        // JSON does not tell 1 from 1.0.
        let whole = || value.as_f64().filter(|number| number.fract() == 0.0);
        let fits = match name.as_str() {
            "Int" => {
                #[allow(clippy::cast_possible_truncation)] // It is within the range of an i32.
                let whole = value.as_i64().or_else(|| {
                    whole().filter(|n| (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(n)).map(|n| n as i64)
                });
                if let Some(whole) = whole.and_then(|whole| i32::try_from(whole).ok()) {
                    return Value::Number(whole.into());
                }
                false
            }
            "ID" => match &value {
                Json::Number(number) if number.is_i64() || number.is_u64() => return Value::String(number.to_string()),
                Json::Number(_) => match whole() {
                    Some(whole) => return Value::String(format!("{whole:.0}")),
                    None => false,
                },
                other => other.is_string(),
            },
            "Float" => value.is_number(),
            "Boolean" => value.is_boolean(),
            _ => value.is_string(),
        };
        if !fits {
            self.misfit(at, &not_of(name, &value));
        }
        constant(value)
    }

    fn misfit(&mut self, at: At<'_>, why: &str) {
        if self.found.len() >= errors::MAX_ERRORS {
            return;
        }
        self.found.push(misfit("The variable", at, why, self.variable.location(), self.sources));
    }
}

fn not_of(name: &TypeName, value: &Json) -> String {
    format!("{name} is wanted, not {}", short(&value.to_string()))
}

/// What was sent may be long.
fn short(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// As it was sent.
fn constant(value: Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => Value::Number(number),
        Json::String(text) => Value::String(text),
        Json::Array(items) => Value::List(items.into_iter().map(constant).collect()),
        Json::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), constant(value))).collect())
        }
    }
}
