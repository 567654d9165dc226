//! What values of a type may be, as far as both literals (`literals.rs`) and variables (`variables.rs`) go.
//!
//! apollo-compiler takes anything for a scalar of the schema's own, and knows nothing of `@oneOf`. A scalar is checked here with what it
//! is parsed with when the operation is executed: [`ScalarCheck`].

use std::{borrow::Cow, collections::HashMap, fmt};

use apollo_compiler::{
    Name, Node, Schema,
    schema::{ExtendedType, InputObjectType},
    validation::Valid,
};
use async_graphql::{ServerError, Value};

use super::convert;
use crate::error::{Error, Result};

/// Says why a value cannot be one of the scalar; it is not `null`.
pub type ScalarCheck = fn(Value) -> Result<(), String>;

/// The types of a schema.
pub struct Types {
    pub schema: Valid<Schema>,
    /// Of each interface and union, by name.
    objects: HashMap<Name, Vec<Name>>,
    scalars: HashMap<Cow<'static, str>, ScalarCheck>,
}

fn objects(schema: &Schema) -> HashMap<Name, Vec<Name>> {
    let interfaces = schema.implementers_map().into_iter().map(|(name, found)| (name, Vec::from_iter(found.objects)));
    let unions = schema.types.iter().filter_map(|(name, found)| match found {
        ExtendedType::Union(union) => {
            Some((name.clone(), union.members.iter().map(|member| member.name.clone()).collect()))
        }
        _ => None,
    });
    let mut objects: HashMap<_, _> = interfaces.chain(unions).collect();
    for names in objects.values_mut() {
        names.sort_unstable();
    }
    objects
}

impl Types {
    /// Fails when a scalar of the schema's own has no check.
    pub fn new(
        schema: Valid<Schema>,
        scalars: impl IntoIterator<Item = (Cow<'static, str>, ScalarCheck)>,
    ) -> Result<Self> {
        let scalars: HashMap<_, _> = scalars.into_iter().collect();
        let unknown = schema.types.iter().find(|(name, found)| {
            matches!(found, ExtendedType::Scalar(scalar) if !scalar.is_built_in())
                && !scalars.contains_key(name.as_str())
        });
        if let Some((name, _)) = unknown {
            return Err(Error::internal(format!("nobody knows what a {name} may be")));
        }
        let objects = objects(&schema);
        Ok(Self { schema, objects, scalars })
    }

    /// The types that an object may have of which an interface or a union is known; none when its type is known.
    pub fn possible(&self, name: &Name) -> &[Name] {
        self.objects.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether whatever is a `ty` is an `of`.
    pub fn is(&self, ty: &Name, of: &Name) -> bool {
        ty == of || self.schema.is_subtype(of, ty)
    }

    /// The check of a scalar of the schema's own; `None` for every other type.
    pub fn check(&self, name: &Name) -> Option<ScalarCheck> {
        self.scalars.get(name.as_str()).copied()
    }

    pub fn input_object(&self, name: &Name) -> Option<&Node<InputObjectType>> {
        self.schema.get_input_object(name)
    }
}

/// Of an input object of which exactly one field is given.
pub fn is_one_of(object: &InputObjectType) -> bool {
    object.directives.has("oneOf")
}

pub fn not_one(object: &InputObjectType) -> String {
    format!("exactly one field of {} must be given, and not as null", object.name)
}

/// Where something stands in a value: `filter.attributes[0].key`.
#[derive(Clone, Copy)]
pub enum At<'a> {
    Variable(&'a str),
    Argument(&'a str),
    Field(&'a At<'a>, &'a str),
    Item(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "${name}"),
            Self::Argument(name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, place) => write!(f, "{parent}[{place}]"),
        }
    }
}

/// `what` has a value that does not fit, and why.
pub fn misfit(
    what: &str,
    at: At<'_>,
    why: &str,
    span: Option<apollo_compiler::parser::SourceSpan>,
    sources: &apollo_compiler::parser::SourceMap,
) -> ServerError {
    let why = why.trim_end_matches('.');
    ServerError::new(format!("{what} {at} does not fit: {why}."), convert::position(span, sources))
}
