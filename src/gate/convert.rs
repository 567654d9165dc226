//! What apollo-compiler has read, in the form that async-graphql executes, each node still at its place in the text.
//!
//! A field that is asked for in several places, as front ends do whose components each have their fragment, is one field here: async-graphql
//! would execute it in each place, a mutation twice, and lay the results on each other in a way that loses a `null`. So what is asked of
//! an object is collected as the specification has it ("CollectFields"): fragments where they are spread, without what `@skip` and
//! `@include` leave out, fields of one name merged. Where an object may be of several types that are asked for different things, that is
//! done for each of them.

use std::{cell::Cell, collections::HashMap};

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    ast::{Argument, Directive, DirectiveList, OperationType, Value, VariableDefinition},
    collections::{HashSet, IndexMap},
    executable::{Field, Operation, Selection, SelectionSet},
    parser::{SourceMap, SourceSpan},
};
use async_graphql::{
    Name as OutName, Number, Pos, Positioned,
    parser::types::{self as out, DocumentOperations},
};
use async_graphql_value::Value as OutValue;

use super::{input::Types, limits::Extent};

/// One operation of a valid document, and how much there is in it. `answers`: to its [`Questions`], by the names of the variables.
pub fn document(
    types: &Types,
    document: &ExecutableDocument,
    operation: &Node<Operation>,
    answers: &HashMap<&str, bool>,
) -> (out::ExecutableDocument, Extent) {
    let converter = Converter { types, document, sources: &document.sources, answers, made: Cell::default() };
    let operations = DocumentOperations::Single(converter.operation(operation));
    (out::ExecutableDocument { operations, fragments: HashMap::new() }, converter.made.get())
}

/// What is to be known of an operation's variables before it is clear what is executed. No variable is in both.
#[derive(Debug)]
pub struct Questions {
    /// They decide what is included.
    pub conditions: Vec<Name>,
    /// Where they are not given, the default of an argument stands. async-graphql takes it only where the argument is not mentioned.
    pub optional: Vec<Name>,
}

impl Questions {
    /// In the order of their answers.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.conditions.iter().chain(&self.optional)
    }
}

pub fn questions(document: &ExecutableDocument, operation: &Operation) -> Questions {
    let (mut open, mut seen) = (vec![&operation.selection_set], HashSet::default());
    let (mut conditions, mut optional) = (HashSet::default(), HashSet::default());
    while let Some(set) = open.pop() {
        for selection in &set.selections {
            let answered = selection.directives().iter().filter_map(|directive| condition(directive));
            conditions.extend(answered.filter_map(|(value, _)| value.as_variable()));
            match selection {
                Selection::Field(field) => {
                    let arguments = field.arguments.iter().filter(|argument| has_default(field, argument));
                    optional.extend(arguments.filter_map(|argument| argument.value.as_variable()));
                    open.push(&field.selection_set);
                }
                Selection::InlineFragment(inline) => open.push(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    let new = seen.insert(&spread.fragment_name);
                    let fragment = document.fragments.get(&spread.fragment_name).filter(|_| new);
                    open.extend(fragment.map(|fragment| &fragment.selection_set));
                }
            }
        }
    }
    let may_be_missing = |variable: &VariableDefinition| !variable.ty.is_non_null() && variable.default_value.is_none();
    let is_asked = |variable: &VariableDefinition| optional.contains(&variable.name) && may_be_missing(variable);
    let names = |wanted: &dyn Fn(&VariableDefinition) -> bool| {
        let variables = operation.variables.iter().filter(|variable| wanted(variable));
        variables.map(|variable| variable.name.clone()).collect()
    };
    // What may be missing decides nothing: validation has seen to that.
    Questions { conditions: names(&|variable| conditions.contains(&variable.name)), optional: names(&is_asked) }
}

fn has_default(field: &Field, argument: &Argument) -> bool {
    field.definition.argument_by_name(&argument.name).is_some_and(|definition| definition.default_value.is_some())
}

/// On what it depends whether a selection is included, and what that must be.
fn condition(directive: &Directive) -> Option<(&Value, bool)> {
    let wanted = match directive.name.as_str() {
        "include" => true,
        "skip" => false,
        _ => return None,
    };
    Some((directive.specified_argument_by_name("if")?, wanted))
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
    types: &'a Types,
    document: &'a ExecutableDocument,
    sources: &'a SourceMap,
    answers: &'a HashMap<&'a str, bool>,
    made: Cell<Extent>,
}

/// What is asked of an object of one type, in the order of its first mention.
#[derive(Default)]
struct Collected<'a> {
    /// The mentions of each field: validation has seen to it that they are the same but for what they select.
    fields: IndexMap<&'a Name, Vec<&'a Node<Field>>>,
    spread: HashSet<&'a Name>,
    /// Whether there is more that is asked of other types only.
    passed_over: bool,
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
            let converted = out::Directive {
                name: self.name(&directive.name),
                arguments: self.arguments(directive.arguments.iter()),
            };
            self.at(converted, directive.location())
        };
        directives.iter().map(directive).collect()
    }

    fn arguments<'b>(
        &self,
        arguments: impl Iterator<Item = &'b Node<Argument>>,
    ) -> Vec<(Positioned<OutName>, Positioned<OutValue>)> {
        let argument =
            |given: &Node<Argument>| (self.name(&given.name), self.at(value(&given.value), given.value.location()));
        arguments.map(argument).collect()
    }

    /// Whether the argument has a value, or no default that would be it.
    fn is_given(&self, field: &Field, argument: &Argument) -> bool {
        let answer = argument.value.as_variable().and_then(|name| self.answers.get(name.as_str()));
        answer != Some(&false) || !has_default(field, argument)
    }

    /// What `sets` ask of an object of the type `parent`.
    fn selections(
        &self,
        parent: &Name,
        sets: &[&'a SelectionSet],
        span: Option<SourceSpan>,
    ) -> Positioned<out::SelectionSet> {
        let collected = self.collected(parent, sets);
        let types = if collected.passed_over { self.types.possible(parent) } else { &[] };
        let items = if types.is_empty() {
            self.fields(&collected)
        } else {
            types.iter().filter_map(|ty| self.of_type(ty, sets, span)).collect()
        };
        self.at(out::SelectionSet { items }, span)
    }

    /// What `sets` ask of an object that turns out to be a `ty`.
    fn of_type(
        &self,
        ty: &Name,
        sets: &[&'a SelectionSet],
        span: Option<SourceSpan>,
    ) -> Option<Positioned<out::Selection>> {
        let items = self.fields(&self.collected(ty, sets));
        let converted = out::InlineFragment {
            type_condition: Some(self.at(out::TypeCondition { on: self.name(ty) }, span)),
            directives: Vec::new(),
            selection_set: self.at(out::SelectionSet { items }, span),
        };
        let is_empty = converted.selection_set.node.items.is_empty();
        (!is_empty).then(|| self.at(out::Selection::InlineFragment(self.at(converted, span)), span))
    }

    fn fields(&self, collected: &Collected<'a>) -> Vec<Positioned<out::Selection>> {
        let fields = collected.fields.values().map(|mentions| self.field(mentions));
        fields.map(|field| Positioned { pos: field.pos, node: out::Selection::Field(field) }).collect()
    }

    fn collected(&self, ty: &Name, sets: &[&'a SelectionSet]) -> Collected<'a> {
        let mut collected = Collected::default();
        for set in sets {
            self.collect(ty, set, &mut collected);
        }
        collected
    }

    fn collect(&self, ty: &Name, set: &'a SelectionSet, collected: &mut Collected<'a>) {
        for selection in set.selections.iter().filter(|selection| self.is_included(selection.directives())) {
            let (on, set) = match selection {
                Selection::Field(field) => {
                    collected.fields.entry(field.response_key()).or_default().push(field);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    let new = collected.spread.insert(&spread.fragment_name);
                    match self.document.fragments.get(&spread.fragment_name).filter(|_| new) {
                        Some(fragment) => (Some(fragment.type_condition()), &fragment.selection_set),
                        None => continue,
                    }
                }
                Selection::InlineFragment(inline) => (inline.type_condition.as_ref(), &inline.selection_set),
            };
            if on.is_none_or(|on| self.types.is(ty, on)) {
                self.collect(ty, set, collected);
            } else {
                collected.passed_over = true;
            }
        }
    }

    fn is_included(&self, directives: &DirectiveList) -> bool {
        directives.iter().filter_map(|directive| condition(directive)).all(|(value, wanted)| match value {
            Value::Variable(name) => self.answers.get(name.as_str()) == Some(&wanted),
            value => value.to_bool() == Some(wanted),
        })
    }

    fn field(&self, mentions: &[&'a Node<Field>]) -> Positioned<out::Field> {
        let field = mentions[0];
        self.made.set(self.made.get().and(Extent::of(field)));
        let (span, sets): (_, Vec<_>) = (field.location(), mentions.iter().map(|field| &field.selection_set).collect());
        let converted = out::Field {
            alias: field.alias.as_ref().map(|alias| self.name(alias)),
            name: self.name(&field.name),
            arguments: self.arguments(field.arguments.iter().filter(|argument| self.is_given(field, argument))),
            directives: Vec::new(),
            selection_set: self.selections(&field.selection_set.ty, &sets, span),
        };
        self.at(converted, span)
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
        // Whole also where it is -0.
        Value::Int(digits) => digits
            .as_str()
            .parse::<i64>()
            .map_or_else(|_| number(digits.as_str()), |whole| OutValue::Number(whole.into())),
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
