//! A document that may be executed: read, valid for the schema, and within its limits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apollo_compiler::{
    ExecutableDocument, Name, Node,
    collections::HashMap,
    executable::Operation,
    introspection::check_max_depth,
    parser::{Parser, SourceMap},
    validation::{DiagnosticData, DiagnosticList, Valid, WithErrors},
};
use async_graphql::{
    ServerError, Value, Variables,
    parser::types::{ExecutableDocument as Executable, OperationType},
};

use super::{
    convert::{self, Questions},
    cost::Cost,
    input::Types,
    limits::{self, Extent},
    literals, syntax,
};
use crate::config::DocumentLimits;

/// How deep lists, objects, selections and types may be nested in the text: deeper than any use, and no danger to a stack.
const NESTING: usize = 64;

/// Bytes of an ordinary text that take as much memory as a selection, and as a value.
const BYTES_OF_A_SELECTION: usize = 20;
const BYTES_OF_A_VALUE: usize = 8;
/// What a document takes in memory, in bytes for each of an ordinary text.
const MEMORY_OF_A_BYTE: usize = 20;

/// What is executed depends on the answers to the operation's [`Questions`]: what was made for so many of them is kept.
const KEPT: usize = 4;

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
    pub cost: Cost,
    document: Arc<Valid<ExecutableDocument>>,
    questions: Questions,
    made: Mutex<Vec<Made>>,
}

/// What is executed.
#[derive(Clone, Debug)]
struct Made {
    answers: Vec<bool>,
    executable: Arc<Executable>,
    /// What it takes, in bytes.
    memory: usize,
}

/// Of an ordinary text that takes as much.
fn bytes(extent: Extent) -> usize {
    extent.selections * BYTES_OF_A_SELECTION + extent.values * BYTES_OF_A_VALUE
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
        if let Some(error) = syntax::passed_over(text) {
            return Err(one(error));
        }
        limits::check_work(&document).map_err(one)?;
        let document = document.validate(&types.schema).map_err(refused)?;
        let misfits = literals::misfits(&document, types);
        if !misfits.is_empty() {
            return Err(misfits);
        }
        let extent = limits::check(&document, types, limits, introspection).map_err(one)?;
        for operation in document.operations.iter() {
            check_max_depth(&document, operation).map_err(|error| {
                let at = convert::position(error.location(), &document.sources);
                one(ServerError::new(error.message().to_string(), at))
            })?;
        }
        let document = Arc::new(document);
        let checked = |operation: &Node<Operation>| {
            Arc::new(Checked {
                operation: operation.clone(),
                kind: convert::kind(operation),
                cost: Cost::of(&document, operation),
                questions: convert::questions(&document, operation),
                document: document.clone(),
                made: Mutex::default(),
            })
        };
        let is_conditional = |operation: &Arc<Checked>| operation.questions.names().next().is_some();
        let anonymous = document.operations.anonymous.as_ref().map(checked);
        let named = document.operations.named.iter().map(|(name, operation)| (name.clone(), checked(operation)));
        let named: HashMap<_, _> = named.collect();
        let variants = if anonymous.iter().chain(named.values()).any(is_conditional) { KEPT } else { 1 };
        Ok(Self {
            anonymous,
            named,
            sources: document.sources.clone(),
            weight: text.len().max(bytes(extent) * variants),
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

impl Checked {
    /// What is executed with these variables, coerced; and what it takes, in bytes.
    pub fn executable(&self, types: &Types, variables: &Variables) -> Result<(Executable, usize), ServerError> {
        let included = self.questions.conditions.iter().map(|name| self.answer(name, variables));
        let given = self.questions.optional.iter().map(|name| Ok(variables.contains_key(name.as_str())));
        let answers = included.chain(given).collect::<Result<Vec<bool>, _>>()?;
        let known = self.made().iter().find(|made| made.answers == answers).cloned();
        let made = known.unwrap_or_else(|| self.make(types, answers));
        Ok(((*made.executable).clone(), made.memory))
    }

    fn make(&self, types: &Types, answers: Vec<bool>) -> Made {
        let by_name = self.questions.names().map(Name::as_str).zip(answers.iter().copied()).collect();
        let (executable, extent) = convert::document(types, &self.document, &self.operation, &by_name);
        let made = Made { answers, executable: executable.into(), memory: bytes(extent) * MEMORY_OF_A_BYTE };
        let mut kept = self.made();
        if kept.len() < KEPT && kept.iter().all(|known| known.answers != made.answers) {
            kept.push(made.clone());
        }
        made
    }

    /// Whoever has a default may still be given `null`.
    fn answer(&self, name: &Name, variables: &Variables) -> Result<bool, ServerError> {
        if let Some(Value::Boolean(answer)) = variables.get(name.as_str()) {
            return Ok(*answer);
        }
        let at = convert::position(name.location(), &self.document.sources);
        Err(ServerError::new(format!("The variable ${name} decides what is included: it must not be null."), at))
    }

    fn made(&self) -> MutexGuard<'_, Vec<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
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
