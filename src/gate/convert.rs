//! What apollo-compiler has read, in the form that async-graphql executes, each node still at its place in the text.

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    ast::{Argument, Directive, DirectiveList, OperationType, Value, VariableDefinition},
    executable::{Field, Fragment, Operation, Selection, SelectionSet},
    parser::{SourceMap, SourceSpan},
};
use async_graphql::{
    Name as OutName, Number, Pos, Positioned,
    parser::types::{self as out, DocumentOperations},
};
use async_graphql_value::Value as OutValue;

/// One operation of a valid document, with the fragments of the document.
pub fn document(document: &ExecutableDocument, operation: &Node<Operation>) -> out::ExecutableDocument {
    let converter = Converter { sources: &document.sources };
    let fragments = document.fragments.values().map(|fragment| converter.fragment(fragment)).collect();
    let operation = converter.operation(document, operation);
    out::ExecutableDocument { operations: DocumentOperations::Single(operation), fragments }
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
    sources: &'a SourceMap,
}

impl Converter<'_> {
    fn at<T>(&self, node: T, span: Option<SourceSpan>) -> Positioned<T> {
        Positioned::new(node, position(span, self.sources).unwrap_or_default())
    }

    fn name(&self, name: &Name) -> Positioned<OutName> {
        self.at(OutName::new(name), name.location())
    }

    fn operation(
        &self,
        document: &ExecutableDocument,
        operation: &Node<Operation>,
    ) -> Positioned<out::OperationDefinition> {
        let span = operation.location();
        let selection_set = match operation.operation_type {
            OperationType::Subscription => self.at(self.one_root_field(document, operation), span),
            OperationType::Query | OperationType::Mutation => self.selections(&operation.selection_set, span),
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
    fn one_root_field(&self, document: &ExecutableDocument, operation: &Operation) -> out::SelectionSet {
        let root = operation.root_fields(document).map(|field| self.field(field));
        let root = root.map(|field| Positioned::new(out::Selection::Field(field.clone()), field.pos));
        out::SelectionSet { items: root.collect() }
    }

    fn fragment(&self, fragment: &Node<Fragment>) -> (OutName, Positioned<out::FragmentDefinition>) {
        let span = fragment.location();
        let definition = out::FragmentDefinition {
            type_condition: self.condition(fragment.type_condition()),
            directives: self.directives(&fragment.directives),
            selection_set: self.selections(&fragment.selection_set, span),
        };
        (OutName::new(&fragment.name), self.at(definition, span))
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

    fn selections(&self, set: &SelectionSet, span: Option<SourceSpan>) -> Positioned<out::SelectionSet> {
        let items = set.selections.iter().map(|selection| self.selection(selection)).collect();
        self.at(out::SelectionSet { items }, span)
    }

    fn selection(&self, selection: &Selection) -> Positioned<out::Selection> {
        match selection {
            Selection::Field(field) => self.at(out::Selection::Field(self.field(field)), field.location()),
            Selection::FragmentSpread(spread) => {
                let converted = out::FragmentSpread {
                    fragment_name: self.name(&spread.fragment_name),
                    directives: self.directives(&spread.directives),
                };
                let span = spread.location();
                self.at(out::Selection::FragmentSpread(self.at(converted, span)), span)
            }
            Selection::InlineFragment(fragment) => {
                let span = fragment.location();
                let converted = out::InlineFragment {
                    type_condition: fragment.type_condition.as_ref().map(|on| self.condition(on)),
                    directives: self.directives(&fragment.directives),
                    selection_set: self.selections(&fragment.selection_set, span),
                };
                self.at(out::Selection::InlineFragment(self.at(converted, span)), span)
            }
        }
    }

    fn field(&self, field: &Node<Field>) -> Positioned<out::Field> {
        let span = field.location();
        let converted = out::Field {
            alias: field.alias.as_ref().map(|alias| self.name(alias)),
            name: self.name(&field.name),
            arguments: self.arguments(&field.arguments),
            directives: self.directives(&field.directives),
            selection_set: self.selections(&field.selection_set, span),
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
