//! What a document gives as arguments and defaults, where apollo-compiler's validation lets through what the specification does not:
//! scalars of the schema's own and `@oneOf` ("Values of Correct Type"), fields of an input object that are given twice, and variables
//! within lists and objects ("All Variable Usages Are Allowed", "All Variable Uses Defined"). What it refuses has not come here.

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    ast::{Argument, DirectiveList, InputValueDefinition, Type, Value, VariableDefinition},
    collections::HashSet,
    executable::{Operation, Selection, SelectionSet},
};
use async_graphql::ServerError;
use async_graphql_value::ConstValue;

use super::{
    convert, errors,
    input::{At, Types, is_one_of, misfit, not_one},
};

/// What is wrong with the values of a document; the first few of it.
pub fn misfits(document: &ExecutableDocument, types: &Types) -> Vec<ServerError> {
    let mut found = Vec::new();
    for operation in document.operations.iter() {
        let mut walk = Walk { document, types, operation, spread: HashSet::default(), found };
        walk.operation();
        found = walk.found;
    }
    found
}

/// Through one operation and the fragments that it spreads, each once.
struct Walk<'a> {
    document: &'a ExecutableDocument,
    types: &'a Types,
    operation: &'a Operation,
    spread: HashSet<&'a Name>,
    found: Vec<ServerError>,
}

/// Where a value is given.
#[derive(Clone, Copy)]
struct Place<'a> {
    what: &'static str,
    at: At<'a>,
    ty: &'a Type,
    /// Whether there is a value already for when none is given.
    has_default: bool,
    /// Whether it is a field of which there is exactly one.
    is_one: bool,
}

impl<'a> Walk<'a> {
    fn operation(&mut self) {
        self.directives(&self.operation.directives);
        for variable in &self.operation.variables {
            self.directives(&variable.directives);
            if let Some(value) = &variable.default_value {
                let what = "The default of the variable";
                let at = At::Variable(&variable.name);
                self.value(Place { what, at, ty: &variable.ty, has_default: false, is_one: false }, value);
            }
        }
        let mut open = vec![&self.operation.selection_set];
        while let Some(set) = open.pop() {
            self.selections(set, &mut open);
        }
    }

    fn selections(&mut self, set: &'a SelectionSet, open: &mut Vec<&'a SelectionSet>) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    self.arguments(&field.arguments, &field.definition.arguments);
                    open.push(&field.selection_set);
                }
                Selection::InlineFragment(fragment) => open.push(&fragment.selection_set),
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.fragment_name);
                    if let Some(fragment) = fragment.filter(|fragment| self.spread.insert(&fragment.name)) {
                        self.directives(&fragment.directives);
                        open.push(&fragment.selection_set);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        let types = self.types;
        for directive in directives {
            if let Some(definition) = types.schema.directive_definitions.get(&directive.name) {
                self.arguments(&directive.arguments, &definition.arguments);
            }
        }
    }

    fn arguments(&mut self, given: &[Node<Argument>], defined: &[Node<InputValueDefinition>]) {
        for argument in given {
            if let Some(definition) = defined.iter().find(|definition| definition.name == argument.name) {
                let (at, has_default) = (At::Argument(&argument.name), definition.default_value.is_some());
                let place = Place { what: "The argument", at, ty: &definition.ty, has_default, is_one: false };
                self.value(place, &argument.value);
            }
        }
    }

    fn value(&mut self, place: Place<'_>, value: &Node<Value>) {
        if self.found.len() >= errors::MAX_ERRORS {
            return;
        }
        let (types, at) = (self.types, place.at);
        match (&**value, place.ty) {
            (Value::Variable(name), _) => self.variable(place, name, value),
            (Value::Null, _) => {}
            (Value::List(items), Type::List(inner) | Type::NonNullList(inner)) => {
                for (n, item) in items.iter().enumerate() {
                    let at = At::Item(&at, n);
                    self.value(Place { at, ty: inner, has_default: false, is_one: false, ..place }, item);
                }
            }
            (_, Type::List(inner) | Type::NonNullList(inner)) => self.value(Place { ty: inner, ..place }, value),
            (_, Type::Named(name) | Type::NonNullNamed(name)) => {
                if let Some(check) = types.check(name) {
                    self.undefined_variables(place, value);
                    if let Err(why) = constant(value).and_then(check) {
                        self.misfit(place, &why, value);
                    }
                } else if let Value::Object(fields) = &**value {
                    self.object(place, name, fields, value);
                }
            }
        }
    }

    fn object(&mut self, place: Place<'_>, name: &Name, fields: &[(Name, Node<Value>)], value: &Node<Value>) {
        let Some(object) = self.types.input_object(name) else { return };
        let is_one = is_one_of(object);
        if is_one && (fields.len() != 1 || fields.iter().any(|(_, value)| value.is_null())) {
            return self.misfit(place, &not_one(object), value);
        }
        let mut seen = HashSet::default();
        for (name, field) in fields {
            if !seen.insert(name) {
                self.misfit(place, &format!("the field \"{name}\" is given twice"), field);
            }
            if let Some(definition) = object.fields.get(name) {
                let (at, has_default) = (At::Field(&place.at, name), definition.default_value.is_some());
                self.value(Place { at, ty: &definition.ty, has_default, is_one, ..place }, field);
            }
        }
    }

    /// apollo-compiler compares the innermost types, and all of it only where the variable is the whole argument.
    fn variable(&mut self, place: Place<'_>, name: &Name, value: &Node<Value>) {
        let Some(variable) = self.defined(name) else { return self.undefined(place, name, value) };
        let has_value = variable.default_value.as_ref().is_some_and(|default| !default.is_null());
        let fits = if place.is_one {
            variable.ty.is_non_null() && variable.ty.is_assignable_to(place.ty)
        } else if place.ty.is_non_null() && !variable.ty.is_non_null() {
            (has_value || place.has_default) && variable.ty.is_assignable_to(&place.ty.clone().nullable())
        } else {
            variable.ty.is_assignable_to(place.ty)
        };
        if !fits {
            let wanted = if place.is_one { place.ty.clone().non_null() } else { place.ty.clone() };
            self.misfit(place, &format!("{wanted} is wanted, and the variable ${name} is {}", variable.ty), value);
        }
    }

    fn defined(&self, name: &Name) -> Option<&'a Node<VariableDefinition>> {
        self.operation.variables.iter().find(|variable| variable.name == *name)
    }

    fn undefined(&mut self, place: Place<'_>, name: &Name, value: &Node<Value>) {
        self.misfit(place, &format!("the operation does not define the variable ${name}"), value);
    }

    /// Within a scalar a variable may be of any type.
    fn undefined_variables(&mut self, place: Place<'_>, value: &Node<Value>) {
        match &**value {
            Value::Variable(name) if self.defined(name).is_none() => self.undefined(place, name, value),
            Value::List(items) => items.iter().for_each(|item| self.undefined_variables(place, item)),
            Value::Object(fields) => fields.iter().for_each(|(_, field)| self.undefined_variables(place, field)),
            _ => {}
        }
    }

    fn misfit(&mut self, place: Place<'_>, why: &str, value: &Node<Value>) {
        self.found.push(misfit(place.what, place.at, why, value.location(), &self.document.sources));
    }
}

/// What a scalar is given, with nothing in the place of variables.
fn constant(value: &Node<Value>) -> Result<ConstValue, String> {
    numbers(value)?;
    convert::value(value).into_const_with(|_| Ok::<_, String>(ConstValue::Null))
}

fn numbers(value: &Node<Value>) -> Result<(), String> {
    let digits = match &**value {
        Value::Int(digits) => digits.as_str(),
        Value::Float(digits) => digits.as_str(),
        Value::List(items) => return items.iter().try_for_each(numbers),
        Value::Object(fields) => return fields.iter().try_for_each(|(_, field)| numbers(field)),
        _ => return Ok(()),
    };
    digits.parse::<async_graphql::Number>().map(drop).map_err(|_| "no number is that large".to_owned())
}
