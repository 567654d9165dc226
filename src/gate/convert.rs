//! What apollo-compiler has read, in the form that async-graphql executes, each node still at its place in the text.
//!
//! A field that is asked for in several places, as front ends do whose components each have their fragment, is one field here: async-graphql
//! would execute it in each place, and lay the results on each other in a way that loses a `null`. So fragments are put where they are
//! spread, and fields of one name are merged, as the specification has it ("CollectFields"). What is only for some types, or depends on a
//! variable, stays a part of its own.

use std::{collections::HashMap, ptr};

use apollo_compiler::{
    ExecutableDocument, Name, Node, Schema,
    ast::{Argument, Directive, DirectiveList, OperationType, Value, VariableDefinition},
    collections::HashSet,
    executable::{Field, Operation, Selection, SelectionSet},
    parser::{SourceMap, SourceSpan},
};
use async_graphql::{
    Name as OutName, Number, Pos, Positioned,
    parser::types::{self as out, DocumentOperations},
};
use async_graphql_value::Value as OutValue;

/// One operation of a valid document.
pub fn document(
    schema: &Schema,
    document: &ExecutableDocument,
    operation: &Node<Operation>,
) -> out::ExecutableDocument {
    let operation = Converter { schema, document, sources: &document.sources }.operation(operation);
    out::ExecutableDocument { operations: DocumentOperations::Single(operation), fragments: HashMap::new() }
}

/// The kind of an operation.
pub fn kind(operation: &Operation) -> out::OperationType {
    match operation.operation_type {
        OperationType::Query => out::OperationType::Query,
        OperationType::Mutation => out::OperationType::Mutation,
        OperationType::Subscription => out::OperationType::Subscription,
    }
}

/// Where something stands in the text.
pub fn position(span: Option<SourceSpan>, sources: &SourceMap) -> Option<Pos> {
    let at = span?.line_column(sources)?;
    Some(Pos { line: at.line, column: at.column })
}

struct Converter<'a> {
    schema: &'a Schema,
    document: &'a ExecutableDocument,
    sources: &'a SourceMap,
}

/// What is asked of one object, merged, in the order of its first mention.
#[derive(Default)]
struct Merged<'a> {
    parts: Vec<Part<'a>>,
    places: HashMap<Key<'a>, usize>,
    /// Fragments that have been put here.
    spread: HashSet<&'a Name>,
}

/// What may be merged: one answer under one condition, or one condition.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Field(&'a Name, &'a DirectiveList),
    Fragment(Option<&'a Name>, &'a DirectiveList),
}

enum Part<'a> {
    Field(Vec<&'a Node<Field>>),
    Fragment {
        on: Option<&'a Name>,
        directives: &'a DirectiveList,
        at: Option<SourceSpan>,
        sets: Vec<&'a SelectionSet>,
    },
}

impl<'a> Converter<'a> {
    fn at<T>(&self, node: T, span: Option<SourceSpan>) -> Positioned<T> {
        Positioned::new(node, position(span, self.sources).unwrap_or_default())
    }

    fn name(&self, name: &Name) -> Positioned<OutName> {
        self.at(OutName::new(name), name.location())
    }

    fn operation(&self, operation: &'a Node<Operation>) -> Positioned<out::OperationDefinition> {
        let span = operation.location();
        let selection_set = match operation.operation_type {
            OperationType::Subscription => self.at(self.one_root_field(operation), span),
            OperationType::Query | OperationType::Mutation => {
                self.selections(operation.object_type(), &[&operation.selection_set], span)
            }
        };
        let definition = out::OperationDefinition {
            ty: kind(operation),
            variable_definitions: operation.variables.iter().map(|variable| self.variable(variable)).collect(),
            directives: self.directives(&operation.directives),
            selection_set,
        };
        self.at(definition, span)
    }

    /// async-graphql looks for the stream of a subscription at the top only. There is one: validation has seen to that.
    fn one_root_field(&self, operation: &'a Operation) -> out::SelectionSet {
        let root = operation.root_fields(self.document).map(|field| self.field(&[field]));
        let root = root.map(|field| Positioned::new(out::Selection::Field(field.clone()), field.pos));
        out::SelectionSet { items: root.collect() }
    }

    fn condition(&self, on: &Name) -> Positioned<out::TypeCondition> {
        self.at(out::TypeCondition { on: self.name(on) }, on.location())
    }

    fn variable(&self, variable: &Node<VariableDefinition>) -> Positioned<out::VariableDefinition> {
        let default_value = variable.default_value.as_ref().and_then(|value| {
            let constant = self::value(value).into_const()?;
            Some(self.at(constant, value.location()))
        });
        // What apollo-compiler prints as a type is one.
        let var_type = out::Type::new(&variable.ty.to_string()).unwrap_or(out::Type {
            base: out::BaseType::Named(OutName::new(variable.ty.inner_named_type())),
            nullable: true,
        });
        let definition = out::VariableDefinition {
            name: self.name(&variable.name),
            var_type: self.at(var_type, variable.ty.location()),
            directives: self.directives(&variable.directives),
            default_value,
        };
        self.at(definition, variable.location())
    }

    fn directives(&self, directives: &DirectiveList) -> Vec<Positioned<out::Directive>> {
        let directive = |directive: &Node<Directive>| {
            let converted =
                out::Directive { name: self.name(&directive.name), arguments: self.arguments(&directive.arguments) };
            self.at(converted, directive.location())
        };
        directives.iter().map(directive).collect()
    }

    fn arguments(&self, arguments: &[Node<Argument>]) -> Vec<(Positioned<OutName>, Positioned<OutValue>)> {
        let argument =
            |given: &Node<Argument>| (self.name(&given.name), self.at(value(&given.value), given.value.location()));
        arguments.iter().map(argument).collect()
    }

    /// What `sets` ask of an object of the type `parent`.
    fn selections(
        &self,
        parent: &Name,
        sets: &[&'a SelectionSet],
        span: Option<SourceSpan>,
    ) -> Positioned<out::SelectionSet> {
        let mut merged = Merged::default();
        for set in sets {
            self.merge(parent, set, &mut merged);
        }
        let items = merged.parts.into_iter().map(|part| self.part(parent, &part)).collect();
        self.at(out::SelectionSet { items }, span)
    }

    fn merge(&self, parent: &Name, set: &'a SelectionSet, merged: &mut Merged<'a>) {
        for selection in &set.selections {
            let (on, directives, set, at) = match selection {
                Selection::Field(field) => {
                    merged.field(field);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.fragment_name) else { continue };
                    let on = fragment.type_condition();
                    if self.is_all(on, &spread.directives, parent) && !merged.spread.insert(&spread.fragment_name) {
                        continue;
                    }
                    (Some(on), &spread.directives, &fragment.selection_set, spread.location())
                }
                Selection::InlineFragment(inline) => {
                    (inline.type_condition.as_ref(), &inline.directives, &inline.selection_set, inline.location())
                }
            };
            if self.is_all(on.unwrap_or(parent), directives, parent) {
                self.merge(parent, set, merged);
            } else {
                merged.fragment(on, directives, set, at);
            }
        }
    }

    /// Whether a fragment is for every object of the type `parent`, whatever the variables are.
    fn is_all(&self, on: &Name, directives: &DirectiveList, parent: &Name) -> bool {
        directives.is_empty() && (on == parent || self.schema.is_subtype(on, parent))
    }

    fn part(&self, parent: &Name, part: &Part<'a>) -> Positioned<out::Selection> {
        match part {
            Part::Field(fields) => {
                let field = self.field(fields);
                let pos = field.pos;
                Positioned::new(out::Selection::Field(field), pos)
            }
            Part::Fragment { on, directives, at, sets } => {
                let converted = out::InlineFragment {
                    type_condition: on.map(|on| self.condition(on)),
                    directives: self.directives(directives),
                    selection_set: self.selections(on.unwrap_or(parent), sets, *at),
                };
                self.at(out::Selection::InlineFragment(self.at(converted, *at)), *at)
            }
        }
    }

    /// The mentions of a field: validation has seen to it that they are the same but for what they select.
    fn field(&self, mentions: &[&'a Node<Field>]) -> Positioned<out::Field> {
        let field = mentions[0];
        let (span, sets): (_, Vec<_>) = (field.location(), mentions.iter().map(|field| &field.selection_set).collect());
        let converted = out::Field {
            alias: field.alias.as_ref().map(|alias| self.name(alias)),
            name: self.name(&field.name),
            arguments: self.arguments(&field.arguments),
            directives: self.directives(&field.directives),
            selection_set: self.selections(&field.selection_set.ty, &sets, span),
        };
        self.at(converted, span)
    }
}

impl<'a> Merged<'a> {
    fn field(&mut self, field: &'a Node<Field>) {
        let place = self.place(Key::Field(field.response_key(), &field.directives), || Part::Field(Vec::new()));
        if let Part::Field(mentions) = place {
            mentions.push(field);
        }
    }

    fn fragment(
        &mut self,
        on: Option<&'a Name>,
        directives: &'a DirectiveList,
        set: &'a SelectionSet,
        at: Option<SourceSpan>,
    ) {
        let new = || Part::Fragment { on, directives, at, sets: Vec::new() };
        if let Part::Fragment { sets, .. } = self.place(Key::Fragment(on, directives), new)
            && !sets.iter().any(|known| ptr::eq(*known, set))
        {
            sets.push(set);
        }
    }

    fn place(&mut self, key: Key<'a>, new: impl FnOnce() -> Part<'a>) -> &mut Part<'a> {
        let place = *self.places.entry(key).or_insert_with(|| {
            self.parts.push(new());
            self.parts.len() - 1
        });
        &mut self.parts[place]
    }
}

/// A literal.
pub fn value(value: &Value) -> OutValue {
    match value {
        Value::Null => OutValue::Null,
        Value::Enum(name) => OutValue::Enum(OutName::new(name)),
        Value::Variable(name) => OutValue::Variable(OutName::new(name)),
        Value::String(text) => OutValue::String(text.clone()),
        Value::Boolean(value) => OutValue::Boolean(*value),
        Value::Int(digits) => number(digits.as_str()),
        Value::Float(digits) => number(digits.as_str()),
        Value::List(items) => OutValue::List(items.iter().map(|item| self::value(item)).collect()),
        Value::Object(fields) => {
            OutValue::Object(fields.iter().map(|(name, field)| (OutName::new(name), self::value(field))).collect())
        }
    }
}

/// What no number can hold (1e400) is no number: whoever reads it says so.
fn number(digits: &str) -> OutValue {
    digits.parse::<Number>().map_or_else(|_| OutValue::String(digits.to_owned()), OutValue::Number)
}
