//! The variables of a request, as the operation wants them.

use apollo_compiler::{
    Name as TypeName, Node,
    ast::{Type, Value as Literal, VariableDefinition},
    executable::Operation,
    parser::SourceMap,
    schema::{ExtendedType, InputObjectType},
};
use async_graphql::{Name, Number, ServerError, Value, Variables};
use serde_json::{Map, Value as Json};

use super::{
    convert, errors,
    input::{At, Types, is_one_of, misfit, not_one},
};

/// What the operation defines, with defaults filled in; what it does not define is left out.
pub fn coerced(
    types: &Types,
    operation: &Operation,
    sources: &SourceMap,
    mut given: Map<String, Json>,
) -> Result<Map<String, Json>, Vec<ServerError>> {
    let mut coerced = Map::new();
    let mut found = Vec::new();
    for variable in &operation.variables {
        let mut coercion = Coercion { types, sources, variable, found };
        match (given.remove(variable.name.as_str()), &variable.default_value) {
            (Some(value), _) => {
                let name = format!("${}", variable.name);
                let value = coercion.value(At::Root(&name), &variable.ty, value);
                coerced.insert(variable.name.to_string(), value);
            }
            (None, Some(default)) => {
                // Validation has seen that it fits.
                coerced.insert(variable.name.to_string(), json(default));
            }
            (None, None) if variable.ty.is_non_null() => coercion.missing(),
            (None, None) => {}
        }
        found = coercion.found;
    }
    if found.is_empty() { Ok(coerced) } else { Err(found) }
}

/// Of the value of one variable. What does not fit is noted, and left as it is.
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

    fn value(&mut self, at: At<'_>, ty: &Type, value: Json) -> Json {
        if self.found.len() >= errors::MAX_ERRORS {
            return value;
        }
        match (ty, value) {
            (Type::NonNullNamed(_) | Type::NonNullList(_), Json::Null) => {
                match at {
                    At::Root(_) => self.missing(),
                    _ => self.misfit(at, &format!("{ty} is wanted, not null")),
                }
                Json::Null
            }
            (_, Json::Null) => Json::Null,
            (Type::List(inner) | Type::NonNullList(inner), Json::Array(items)) => {
                let items = items.into_iter().enumerate();
                items.map(|(n, item)| self.value(At::Item(&at, n), inner, item)).collect()
            }
            // One value stands for a list of it.
            (Type::List(inner) | Type::NonNullList(inner), value) => vec![self.value(at, inner, value)].into(),
            (Type::Named(name) | Type::NonNullNamed(name), value) => self.named(at, name, value),
        }
    }

    fn named(&mut self, at: At<'_>, name: &TypeName, value: Json) -> Json {
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
        value
    }

    fn object(&mut self, at: At<'_>, object: &InputObjectType, mut fields: Map<String, Json>) -> Json {
        if is_one_of(object) && (fields.len() != 1 || fields.values().any(Json::is_null)) {
            self.misfit(at, &not_one(object));
            return fields.into();
        }
        if let Some(unknown) = fields.keys().find(|name| !object.fields.contains_key(name.as_str())) {
            let why = format!("{} has no field \"{}\"", object.name, short(unknown));
            self.misfit(at, &why);
        }
        for (name, definition) in &object.fields {
            let at = At::Field(&at, name);
            if let Some(field) = fields.get_mut(name.as_str()) {
                *field = self.value(at, &definition.ty, field.take());
            } else if definition.ty.is_non_null() && definition.default_value.is_none() {
                self.misfit(at, &format!("{} is wanted, and there is none", definition.ty));
            }
        }
        fields.into()
    }

    fn scalar(&mut self, at: At<'_>, name: &TypeName, value: Json) -> Json {
        if let Some(check) = self.types.check(name) {
            if let Err(why) = check(constant(value.clone())) {
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
                    return whole.into();
                }
                false
            }
            "ID" => match &value {
                Json::Number(number) if number.is_i64() || number.is_u64() => return number.to_string().into(),
                Json::Number(_) => match whole() {
                    Some(whole) => return format!("{whole:.0}").into(),
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
        value
    }

    fn misfit(&mut self, at: At<'_>, why: &str) {
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

/// A literal without variables, as JSON.
fn json(literal: &Node<Literal>) -> Json {
    match &**literal {
        Literal::Null | Literal::Variable(_) => Json::Null,
        Literal::Enum(name) => name.as_str().into(),
        Literal::String(text) => text.as_str().into(),
        Literal::Boolean(value) => (*value).into(),
        Literal::Int(digits) => number(digits.as_str()),
        Literal::Float(digits) => number(digits.as_str()),
        Literal::List(items) => items.iter().map(json).collect(),
        Literal::Object(fields) => fields.iter().map(|(name, field)| (name.to_string(), json(field))).collect(),
    }
}

fn number(digits: &str) -> Json {
    digits.parse::<Number>().map_or(Json::Null, Json::Number)
}

/// As async-graphql takes them.
pub fn of(variables: Map<String, Json>) -> Variables {
    let mut out = Variables::default();
    for (name, value) in variables {
        out.insert(Name::new(name), constant(value));
    }
    out
}

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
