//! A document that may be executed: read, valid for the schema, and within its limits.

use std::sync::Arc;

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    collections::HashMap,
    executable::Operation,
    introspection::check_max_depth,
    parser::{Parser, SourceMap},
    validation::{DiagnosticData, DiagnosticList, WithErrors},
};
use async_graphql::{
    ServerError,
    parser::types::{ExecutableDocument as Executable, OperationType},
};

use super::{convert, cost::Cost, input::Types, limits, literals, syntax};
use crate::config::DocumentLimits;

/// How deep lists, objects, selections and types may be nested in the text: deeper than any use, and no danger to a stack.
const NESTING: usize = 64;

/// Of an ordinary text, which has each where it is needed.
const BYTES_OF_A_SELECTION: usize = 20;

/// A document with all that is the same whoever sends it.
#[derive(Debug)]
pub struct Document {
    anonymous: Option<Arc<Checked>>,
    named: HashMap<Name, Arc<Checked>>,
    /// The text, to say where something stands.
    pub sources: SourceMap,
    /// How much memory it takes, in bytes of an ordinary text that would take as much.
    pub weight: usize,
}

/// One of its operations.
#[derive(Debug)]
pub struct Checked {
    pub operation: Node<Operation>,
    pub kind: OperationType,
    pub executable: Executable,
    pub cost: Cost,
}

impl Document {
    pub fn read(
        text: &str,
        types: &Types,
        limits: &DocumentLimits,
        introspection: bool,
    ) -> Result<Self, Vec<ServerError>> {
        let one = |error: ServerError| vec![error];
        let wide = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if text.len() > limits.bytes {
            let error = limits::exceeded("bytes", "too many bytes", wide(limits.bytes), wide(text.len()));
            return Err(one(error));
        }
        let mut parser = Parser::new().recursion_limit(NESTING).token_limit(limits.tokens);
        let read = parser.parse_executable(&types.schema, text, "document");
        if parser.tokens_reached() > limits.tokens {
            let found = wide(parser.tokens_reached());
            return Err(one(limits::exceeded("tokens", "too many tokens", wide(limits.tokens), found)));
        }
        if parser.recursion_reached() > NESTING {
            let found = wide(parser.recursion_reached());
            return Err(one(limits::exceeded("nesting", "too many levels of nesting", wide(NESTING), found)));
        }
        let refused = |WithErrors { errors, .. }: WithErrors<ExecutableDocument>| refusals(&errors);
        let document = read.map_err(refused)?;
        if let Some(at) = syntax::without_value(text) {
            return Err(one(ServerError::new("Syntax error: there is no value.", Some(at))));
        }
        limits::check_work(&document).map_err(one)?;
        let document = document.validate(&types.schema).map_err(refused)?;
        let misfits = literals::misfits(&document, types);
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let selections = limits::check(&document, limits, introspection).map_err(one)?;
        for operation in document.operations.iter() {
            check_max_depth(&document, operation).map_err(|error| {
                let at = convert::position(error.location(), &document.sources);
                one(ServerError::new(error.message().to_string(), at))
            })?;
        }
        let checked = |operation: &Node<Operation>| {
            Arc::new(Checked {
                operation: operation.clone(),
                kind: convert::kind(operation),
                executable: convert::document(&types.schema, &document, operation),
                cost: Cost::of(&document, operation),
            })
        };
        Ok(Self {
            anonymous: document.operations.anonymous.as_ref().map(checked),
            named: document
                .operations
                .named
                .iter()
                .map(|(name, operation)| (name.clone(), checked(operation)))
                .collect(),
            sources: document.sources.clone(),
            weight: text.len().max(selections * BYTES_OF_A_SELECTION),
        })
    }

    /// The operation that is meant.
    pub fn operation(&self, name: Option<&str>) -> Result<&Arc<Checked>, ServerError> {
        let found = match name {
            Some(name) => self.named.get(name),
            None if self.named.len() + usize::from(self.anonymous.is_some()) > 1 => {
                let message = "The document has several operations: say which one with `operationName`.";
                return Err(ServerError::new(message, None));
            }
            None => self.anonymous.as_ref().or_else(|| self.named.values().next()),
        };
        let missing = || format!("There is no operation named \"{}\".", name.unwrap_or_default());
        found.ok_or_else(|| ServerError::new(missing(), None))
    }
}

/// What is wrong with a document.
fn refusals(errors: &DiagnosticList) -> Vec<ServerError> {
    let refusal = |diagnostic: apollo_compiler::diagnostic::Diagnostic<'_, DiagnosticData>| {
        let at = diagnostic
            .line_column_range()
            .map(|range| async_graphql::Pos { line: range.start.line, column: range.start.column });
        ServerError::new(sentence(&diagnostic.error.to_string()), at)
    };
    errors.iter().map(refusal).collect()
}

/// apollo-compiler begins small and ends without a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
