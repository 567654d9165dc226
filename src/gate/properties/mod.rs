//! What holds of the gate whatever a client asks. The tests and `tests/fuzz` share it.

mod edit;
mod write;

use std::sync::LazyLock;

use async_graphql::{Request, ServerError};
use serde_json::{Map, Value, json};

use super::{Gate, Operation, Parameters, capped, persisted};
use crate::{config::Settings, graphql};

const MAX_ERRORS: usize = 20;
/// 500, and the ellipsis.
const MAX_MESSAGE_CHARS: usize = 501;
/// What no client has any business with: the compiler, its reports, the name of the schema's file.
const INTERNALS: [&str; 9] =
    ["schema.graphql", "apollo", "DiagnosticData", "SourceSpan", "panicked", ".rs:", "╭", "│", "Node {"];

/// As a server with the default limits has it.
static GATE: LazyLock<Gate> = LazyLock::new(|| {
    Gate::new(graphql::sdl(), graphql::scalar_checks(), &Settings::defaults()).expect("the schema is valid")
});

/// What the first byte says: 0, a document is written as the rest decides, and must be let through; 1, one that is then edited.
/// Anything else begins a text: the document, the operation's name and the variables, with `%%` between.
pub fn any_bytes(data: &[u8]) {
    match data {
        [0, choices @ ..] => good_document(choices),
        [1, choices @ ..] => {
            let (choices, edits) = choices.split_at(choices.len() / 2);
            let mut written = write::request(&GATE.types.schema, choices);
            written.query = edit::edited(&written.query, edits);
            let _either = any_request(written);
        }
        _ => any_text(&String::from_utf8_lossy(data)),
    }
}

fn any_text(text: &str) {
    let mut parts = text.splitn(3, "%%");
    let [query, name, variables] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    let variables = serde_json::from_str(variables).unwrap_or_default();
    let _either = any_request(Parameters { query: query.to_owned(), operation_name: name, variables, hash: None });
    if let Some(parameters) = serde_json::from_str(text).ok().and_then(|json| Parameters::from_json(json).ok()) {
        let _either = any_request(parameters);
    }
}

/// What follows the schema is refused for nothing but its size.
fn good_document(choices: &[u8]) {
    let written = write::request(&GATE.types.schema, choices);
    if let Err(errors) = any_request(written.clone()) {
        let only_limits = errors.iter().all(|error| json!(error)["extensions"]["code"] == "LIMIT_EXCEEDED");
        assert!(only_limits, "{errors:#?}\n{}\n{}", written.query, Value::Object(written.variables));
    }
}

/// The verdict is the same however often it is asked for, and whoever asks gets it in a form that can be shown.
fn any_request(parameters: Parameters) -> Result<Operation, Vec<ServerError>> {
    let known = persisted::wanted(&parameters).ok();
    if let Some(hash) = &known {
        GATE.known.invalidate(hash);
    }
    let first = verdict(&parameters);
    assert_eq!(first, verdict(&parameters), "the second time it is another");
    match &first {
        Ok((operation, _)) => {
            assert!(operation.cost >= 1 && operation.cost <= GATE.limits.cost, "{operation:?}");
            assert!(parameters.operation_name.is_none() || operation.name == parameters.operation_name);
            by_its_hash(parameters, known, first.as_ref().ok());
        }
        Err(errors) => well_said(errors, &parameters),
    }
    first.map(|(operation, _)| operation)
}

/// What was let through, and the variables that it is executed with; or the errors as they are sent.
fn verdict(parameters: &Parameters) -> Result<(Operation, Value), Vec<ServerError>> {
    let with_variables = |(operation, request): (Operation, Request)| (operation, json!(request.variables));
    GATE.check(parameters.clone()).map(with_variables).map_err(capped)
}

/// Once a text was let through, its hash stands for it for as long as it is remembered.
fn by_its_hash(parameters: Parameters, hash: Option<[u8; 32]>, expected: Option<&(Operation, Value)>) {
    let by_hash = verdict(&Parameters { query: String::new(), hash, ..parameters });
    if by_hash.as_ref().err().is_none_or(|errors| errors[0].message != "PersistedQueryNotFound") {
        assert_eq!(by_hash.as_ref().ok(), expected);
    }
}

fn well_said(errors: &[ServerError], parameters: &Parameters) {
    assert!((1..=MAX_ERRORS).contains(&errors.len()), "{} errors", errors.len());
    let sent =
        [&parameters.query, &Value::Object(parameters.variables.clone()).to_string()].map(|text| text.to_lowercase());
    let name = parameters.operation_name.clone().unwrap_or_default().to_lowercase();
    let may_be_quoted = |word: &str| sent.iter().chain([&name]).any(|text| text.contains(&word.to_lowercase()));
    // Whatever may be taken for the end of a line.
    let lines = parameters.query.split(['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']).count();
    for error in errors {
        let message = &error.message;
        assert!(!message.is_empty() && message.chars().count() <= MAX_MESSAGE_CHARS, "{message}");
        let internal = INTERNALS.iter().find(|word| message.contains(**word) && !may_be_quoted(word));
        assert_eq!(internal, None, "{message}");
        assert!(json!(error)["extensions"]["code"].is_string(), "{error:?}");
        let places = error.locations.iter().map(|at| (at.line, at.column));
        for (line, column) in places {
            assert!((1..=lines).contains(&line) && column >= 1, "{message} at {line}:{column} of {lines} lines");
        }
    }
}

/// The variables of a request, as JSON.
type Variables = Map<String, Value>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Choices that run out make small documents.
    fn choices(most: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 0..most)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn what_follows_the_schema_is_let_through(choices in choices(300)) {
            good_document(&choices);
        }

        #[test]
        fn what_almost_follows_it_is_survived(choices in choices(200), edits in choices(24)) {
            let mut written = write::request(&GATE.types.schema, &choices);
            written.query = edit::edited(&written.query, &edits);
            let _either = any_request(written);
        }

        #[test]
        fn any_input_is_survived(text in prop_oneof![".{0,80}", edit::words(), choices(80).prop_map(|text| String::from_utf8_lossy(&text).into_owned())]) {
            any_text(&text);
            any_bytes(text.as_bytes());
        }
    }

    /// Were it refused every time, the properties would say little.
    #[test]
    fn most_of_what_is_written_is_let_through() {
        let written = (0_u32..50).map(|seed| {
            let choices: Vec<u8> = (0..200_u32).map(|n| (seed * 7_919 + n * n * 31).to_le_bytes()[1]).collect();
            write::request(&GATE.types.schema, &choices)
        });
        let passed = written.filter(|written| any_request(written.clone()).is_ok()).count();
        assert!(passed >= 40, "{passed} of 50");
    }

    #[test]
    fn the_corpus() {
        crate::corpus::replay("gate", any_bytes);
    }
}
