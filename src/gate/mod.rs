//! What a request must pass before it is executed, whatever transport it came by: its parameters have the right types
//! ([`Parameters`]), its document can be read, and it is clear which operation is meant and of what kind ([`Operation`]).
//!
//! A *request error* is found here or by validation, and nothing is executed; an *execution error* leaves a result with
//! `data`. The transports answer the two differently, so that [`Operation::failed_before_execution`] tells them apart.

mod parameters;
mod subscription;

use async_graphql::{
    Name, Positioned, Request, Response, ServerError, Value,
    parser::types::{DocumentOperations, OperationDefinition, OperationType},
};

pub use parameters::{Parameters, bearer};

use crate::error::Fault;

/// The operation of a request that is to be executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operation {
    pub kind: OperationType,
}

/// Errors of one response: more help nobody.
const MAX_ERRORS: usize = 20;
/// Characters of one message: the parser and the validation quote the document.
const MAX_MESSAGE_CHARS: usize = 500;

/// Reads the document, picks the operation and makes sure that its required variables are there.
pub fn check(request: &mut Request) -> Result<Operation, ServerError> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(syntax_error)?;
    let picked = pick(&document.operations, name.as_deref())?;
    let operation = &picked.node;
    let kind = operation.ty;
    let mended = match kind {
        OperationType::Subscription => subscription::with_one_root_field(document, picked)?,
        OperationType::Query | OperationType::Mutation => None,
    };
    let required: Vec<Name> = operation
        .variable_definitions
        .iter()
        .filter(|variable| !variable.node.var_type.node.nullable && variable.node.default_value.is_none())
        .map(|variable| variable.node.name.node.clone())
        .collect();
    let missing = required.iter().find(|name| matches!(request.variables.get(*name), None | Some(Value::Null)));
    if let Some(name) = missing {
        return Err(ServerError::new(format!("The variable ${name} is required and has no value."), None));
    }
    if let Some(document) = mended {
        request.set_parsed_query(document);
    }
    Ok(Operation { kind })
}

impl Operation {
    /// As it is written in documents.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        }
    }

    /// Whether this is the answer to a request that could not be executed. For a subscription also whether its stream
    /// could not be opened or has failed as a whole, which is the error of the root field itself and ends it.
    pub fn failed_before_execution(self, response: &Response) -> bool {
        let longest_path = usize::from(self.kind == OperationType::Subscription);
        response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.len() <= longest_path)
    }
}

/// Caps the number and the length of errors, and sees to it that each has a code: what comes from the parser, the
/// validation or a scalar has none, and is always the request's fault.
pub fn capped(mut errors: Vec<ServerError>) -> Vec<ServerError> {
    errors.truncate(MAX_ERRORS);
    errors.into_iter().map(|error| shortened(coded(error))).collect()
}

fn coded(mut error: ServerError) -> ServerError {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Fault::BadUserInput(String::new()).code());
    }
    error
}

/// The parser draws the line in question, which may be the whole document; what it expected stands below, and where is
/// in `locations`.
fn syntax_error(error: ServerError) -> ServerError {
    let message = match error.message.rsplit_once("= ") {
        Some((_, expectation)) => format!("Syntax error: {expectation}."),
        None => format!("Syntax error: {}.", error.message.trim_end_matches('.')),
    };
    shortened(ServerError { message, ..error })
}

fn shortened(mut error: ServerError) -> ServerError {
    if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
        error.message.truncate(end);
        error.message.push('…');
    }
    error
}

fn pick<'a>(
    operations: &'a DocumentOperations,
    name: Option<&str>,
) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
    let found = match (operations, name) {
        (DocumentOperations::Single(operation), None) => Some(operation),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name),
        (DocumentOperations::Multiple(all), None) if all.len() == 1 => all.values().next(),
        (DocumentOperations::Multiple(_), None) => {
            let message = "The document has several operations: say which one with `operationName`.";
            return Err(ServerError::new(message, None));
        }
    };
    found.ok_or_else(|| {
        shortened(ServerError::new(format!("There is no operation named \"{}\".", name.unwrap_or_default()), None))
    })
}

#[cfg(test)]
mod tests {
    use async_graphql::{PathSegment, Variables};
    use serde_json::json;

    use super::*;

    fn checked(query: &str, name: Option<&str>, variables: serde_json::Value) -> Result<OperationType, String> {
        let mut request = Request::new(query).variables(Variables::from_json(variables));
        request.operation_name = name.map(str::to_owned);
        check(&mut request).map(|operation| operation.kind).map_err(|error| error.message)
    }

    #[test]
    fn the_operation_that_is_meant() {
        use OperationType::{Mutation, Query, Subscription};
        const TWO: &str = "query A { a } mutation B { b }";
        for (query, name, expected) in [
            ("{ a }", None, Ok(Query)),
            ("subscription S { a }", None, Ok(Subscription)),
            ("subscription S { a }", Some("S"), Ok(Subscription)),
            (TWO, Some("A"), Ok(Query)),
            (TWO, Some("B"), Ok(Mutation)),
            (TWO, None, Err("several operations")),
            (TWO, Some("C"), Err("no operation named \"C\"")),
            ("{ a }", Some("A"), Err("no operation named \"A\"")),
            ("", None, Err("Syntax error")),
            ("{ a", None, Err("Syntax error: expected")),
        ] {
            match (checked(query, name, json!({})), expected) {
                (Ok(kind), Ok(expected)) => assert_eq!(kind, expected, "{query}"),
                (Err(message), Err(expected)) => assert!(message.contains(expected), "{query}: {message}"),
                (found, expected) => panic!("{query}: {found:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn one_root_field_of_a_subscription() {
        for (query, good) in [
            ("subscription { a }", true),
            ("subscription { a { b c @skip(if: true) } }", true),
            ("subscription { ...F } fragment F on Subscription { a { b c } }", true),
            ("subscription { ... { ... on Subscription { a } } }", true),
            ("subscription { a b }", false),
            ("subscription { a c: a }", false),
            ("subscription { a a }", false),
            ("subscription { a ... { b } }", false),
            (
                "subscription { ...F ...G } fragment F on Subscription { a } fragment G on Subscription { b ...F ...G }",
                false,
            ),
            ("subscription { a __typename }", false),
            ("subscription { __typename }", false),
            ("subscription { a @include(if: true) }", false),
            ("subscription { ... @skip(if: false) { a } }", false),
            ("{ a b __typename @skip(if: true) }", true),
        ] {
            assert_eq!(checked(query, None, json!({})).is_ok(), good, "{query}");
        }
    }

    #[test]
    fn required_variables() {
        for (definition, variables, good) in [
            ("$v: Int!", json!({"v": 1}), true),
            ("$v: Int!", json!({"v": null}), false),
            ("$v: Int!", json!({}), false),
            ("$v: Int! = 1", json!({}), true),
            ("$v: Int", json!({}), true),
            ("$v: [Int!]", json!({"v": null}), true),
        ] {
            let query = format!("query ({definition}) {{ a(v: $v) }}");
            assert_eq!(checked(&query, None, variables.clone()).is_ok(), good, "{query} {variables}");
        }
    }

    #[test]
    fn a_syntax_error_does_not_repeat_the_document() {
        let message =
            checked(&format!("{{ a(b: \"{}\" }}", "x".repeat(10_000)), None, json!({})).expect_err("it is wrong");
        assert!(message.len() < 200 && !message.contains("xxx"), "{message}");
    }

    #[test]
    fn errors_of_the_request_and_errors_of_its_execution() {
        let with_path = |length: usize| {
            let path = vec![PathSegment::Field("a".to_owned()); length];
            Response::from_errors(vec![ServerError::new("no", None).with_path(path)])
        };
        let (query, subscription) =
            (Operation { kind: OperationType::Query }, Operation { kind: OperationType::Subscription });
        assert!(query.failed_before_execution(&with_path(0)));
        assert!(!query.failed_before_execution(&with_path(1)));
        assert!(subscription.failed_before_execution(&with_path(1)));
        assert!(!subscription.failed_before_execution(&with_path(2)));
        assert!(!query.failed_before_execution(&Response::new(Value::Null)));
    }
}
