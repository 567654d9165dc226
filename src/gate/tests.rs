use async_graphql::PathSegment;
use serde_json::{Value as Json, json};

use sha2::Digest;

use super::*;

mod values;

/// A schema with something of everything.
const SDL: &str = "
    type Query { either: Either  a(v: Int, w: [Int!], b: String, c: Choice, of: Of, even: Even, evens: [Even!], any: Any, one: One, must: Int! = 1): Int  node: Node  nodes(first: Int! = 20, name: String): Nodes! }
    type Mutation { b: Int }
    type Subscription { a(v: Int): Node  b: Int }
    type Node { id: ID!  a: Int  named(as: String): Int  node: Node  children(first: Int): Nodes!  tags: [Node!]! }
    type Nodes { nodes: [Node!]!  edges: [Edge!]!  total: Int }
    type Edge { node: Node! }
    union Either = Node | Edge
    enum Choice { YES NO }
    input Of { x: Int!  y: Of  one: One }
    input One @oneOf { p: Int  q: [String!]  one: One }
    scalar Even  scalar Any
    directive @oneOf on INPUT_OBJECT
    directive @marked(even: Even) on FIELD | QUERY | FRAGMENT_SPREAD | FRAGMENT_DEFINITION | INLINE_FRAGMENT | VARIABLE_DEFINITION
";

const SCALARS: [(Cow<'static, str>, ScalarCheck); 2] =
    [(Cow::Borrowed("Even"), values::even), (Cow::Borrowed("Any"), |_| Ok(()))];

fn gate_with(change: impl FnOnce(&mut Settings)) -> Gate {
    let mut settings = Settings::defaults();
    change(&mut settings);
    Gate::new(SDL.to_owned(), SCALARS, &settings).expect("a schema")
}

fn parameters(query: &str, name: Option<&str>, variables: &Json) -> Parameters {
    let json = json!({ "query": query, "operationName": name, "variables": variables });
    Parameters::from_json(json).expect("good parameters")
}

fn checked(query: &str, name: Option<&str>, variables: &Json) -> Result<(Operation, Request), Vec<ServerError>> {
    gate_with(|_| {}).check(parameters(query, name, variables))
}

/// The first error's message and code.
fn refusal(gate: &Gate, query: &str) -> (String, Option<Json>) {
    let Err(errors) = gate.check(parameters(query, None, &json!({}))) else { panic!("{query} is let through") };
    let error = capped(errors).swap_remove(0);
    let extensions = serde_json::to_value(&error.extensions).expect("plain data");
    (error.message, Some(extensions))
}

#[test]
fn the_operation_that_is_meant() {
    use OperationType::{Mutation, Query, Subscription};
    const TWO: &str = "query A { a } mutation B { b }";
    for (query, name, expected) in [
        ("{ a }", None, Ok(Query)),
        ("subscription S { b }", None, Ok(Subscription)),
        ("subscription S { b }", Some("S"), Ok(Subscription)),
        (TWO, Some("A"), Ok(Query)),
        (TWO, Some("B"), Ok(Mutation)),
        (TWO, None, Err("several operations")),
        (TWO, Some("C"), Err("no operation named \"C\"")),
        ("{ a }", Some("A"), Err("no operation named \"A\"")),
        ("", None, Err("Syntax error")),
        ("# nothing", None, Err("Syntax error")),
        ("fragment F on Query { a }", None, Err("`F`")),
        ("{ a", None, Err("Syntax error")),
        ("{ c }", None, Err("`c`")),
        ("type T { a: Int }", None, Err("ype")),
    ] {
        match (checked(query, name, &json!({})), expected) {
            (Ok((operation, _)), Ok(expected)) => assert_eq!(operation.kind, expected, "{query}"),
            (Err(errors), Err(expected)) => assert!(errors[0].message.contains(expected), "{query}: {errors:?}"),
            (found, expected) => panic!("{query}: {:?}, expected {expected:?}", found.map(|(operation, _)| operation)),
        }
    }
}

#[test]
fn one_root_field_of_a_subscription() {
    for (query, good) in [
        ("subscription { b }", true),
        ("subscription { a { id node @skip(if: true) { id } } }", true),
        ("subscription { ...F } fragment F on Subscription { a { id a } }", true),
        ("subscription { ... { ... on Subscription { b } } }", true),
        ("subscription { b b }", false),
        ("subscription { a { id } ... { a { a } } }", false),
        ("subscription { a { id } b }", false),
        ("subscription { b c: b }", false),
        ("subscription { a { id } a(v: 1) { id } }", false),
        ("subscription { b ... { a { id } } }", false),
        (
            "subscription { ...F ...G } fragment F on Subscription { b } fragment G on Subscription { a { id } ...F }",
            false,
        ),
        ("subscription { b __typename }", false),
        ("subscription { __typename }", false),
        ("subscription { b @include(if: true) }", false),
        ("subscription { ... @skip(if: false) { b } }", false),
        ("{ a __typename @skip(if: true) }", true),
    ] {
        assert_eq!(checked(query, None, &json!({})).is_ok(), good, "{query}");
    }
}

/// async-graphql finds the one field at the top.
#[test]
fn the_root_field_is_lifted_out_of_fragments() {
    let query = "subscription { ... { ...F } } fragment F on Subscription { a { id node { id } } }";
    let (_, mut request) = checked(query, None, &json!({})).expect("one root field");
    let document = request.parsed_query().expect("it is there");
    let operation = &document.operations.iter().next().expect("an operation").1.node;
    let [root] = &operation.selection_set.node.items[..] else { panic!("{operation:?}") };
    let async_graphql::parser::types::Selection::Field(field) = &root.node else { panic!("{root:?}") };
    assert_eq!((field.node.name.node.as_str(), field.node.selection_set.node.items.len()), ("a", 2));
}

#[test]
fn variables_that_fit_and_that_do_not() {
    for (definition, use_of, variables, expected) in [
        ("$v: Int!", "v: $v", json!({"v": 1}), Some(json!({"v": 1}))),
        ("$v: Int!", "v: $v", json!({"v": null}), None),
        ("$v: Int!", "v: $v", json!({}), None),
        ("$v: Int!", "v: $v", json!({"v": "1"}), None),
        ("$v: Int!", "v: $v", json!({"v": 1.5}), None),
        ("$v: Int!", "v: $v", json!({"v": 3_000_000_000_i64}), None),
        ("$v: Int! = 1", "v: $v", json!({}), Some(json!({"v": 1}))),
        ("$v: Int", "v: $v", json!({"other": 1}), Some(json!({}))),
        ("$v: [Int!]", "w: $v", json!({"v": null}), Some(json!({"v": null}))),
        ("$v: [Int!]", "w: $v", json!({"v": 7}), Some(json!({"v": [7]}))),
        ("$v: [Int!]", "w: $v", json!({"v": [7, null]}), None),
        ("$v: Choice", "c: $v", json!({"v": "YES"}), Some(json!({"v": "YES"}))),
        ("$v: Choice", "c: $v", json!({"v": "PERHAPS"}), None),
        ("$v: Of", "of: $v", json!({"v": {"x": 1, "y": {"x": 2}}}), Some(json!({"v": {"x": 1, "y": {"x": 2}}}))),
        ("$v: Of", "of: $v", json!({"v": {"y": {"x": 2}}}), None),
        ("$v: Of", "of: $v", json!({"v": {"x": 1, "z": 2}}), None),
        ("$v: Of", "of: $v", json!({"v": []}), None),
    ] {
        let query = format!("query ({definition}) {{ a({use_of}) }}");
        let found = checked(&query, None, &variables).map(|(_, request)| json!(request.variables));
        assert_eq!(found.ok(), expected, "{query} {variables}");
    }
}

#[test]
fn a_document_is_executed_as_it_was_written() {
    let query = "query Q($v: Int = -3, $c: Choice = NO) { x: a(v: $v, w: [1, 2], b: \"\\u00e9\\n\\\"\", c: $c, of: {x: 1, y: null}) \
                 ...F ... on Query @include(if: true) { node { ...G } } }
        fragment F on Query { other: a(b: \"\"\"block\n  text\"\"\") } fragment G on Node { id }";
    let (operation, mut request) = checked(query, Some("Q"), &json!({})).expect("a good document");
    assert_eq!(operation.name.as_deref(), Some("Q"));
    let converted = format!("{:?}", request.parsed_query().expect("it is there"));
    let mut same = Request::new(query);
    let parsed = format!("{:?}", same.parsed_query().expect("async-graphql reads it, too"));
    for piece in ["-3", "NO", "é\\n\\\"", "block\\ntext", "Number(2)", "Null", "alias: Some"] {
        assert!(converted.contains(piece) && parsed.contains(piece), "{piece}\n{converted}\n{parsed}");
    }
}

/// The document that is executed, without the places of what is in it.
fn shape(request: &mut Request) -> String {
    let debug = format!("{:?}", request.parsed_query().expect("a document").operations);
    let mut pieces = debug.split("Pos(");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |shape, piece| shape + piece.split_once(')').expect("a place ends").1)
}

/// What is executed for `query` when its variable `v` is this.
fn executed(query: &str, v: bool) -> String {
    shape(&mut checked(query, None, &json!({ "v": v })).expect(query).1)
}

#[test]
fn what_is_asked_for_in_several_places_is_executed_once() {
    const F: &str = "fragment F on Node { a node { id } }";
    for (query, merged) in [
        ("{ node { id } a node { a } }", "{ node { id a } a }"),
        ("{ node { id } ...Q } fragment Q on Query { node { a } a }", "{ node { id a } a }"),
        (
            &format!("{{ node {{ ...F node {{ a }} ...F }} ... {{ node {{ ...F }} }} }} {F}"),
            "{ node { a node { id a } } }",
        ),
        ("{ node { id } one: node { a } node { id } }", "{ node { id } one: node { a } }"),
        ("{ node { ... on Node { ... on Node { id } } } }", "{ node { id } }"),
    ] {
        assert_eq!(executed(query, true), shape(&mut Request::new(merged)), "{query}");
    }
}

#[test]
fn what_may_be_of_several_types_is_asked_of_each() {
    for (query, merged) in [
        (
            "{ either { ... on Node { id } __typename ... on Edge { node { id } } ...N } } fragment N on Node { a id }",
            "{ either { ... on Edge { __typename node { id } } ... on Node { id __typename a } } }",
        ),
        ("{ either { ... on Node { id } } }", "{ either { ... on Node { id } } }"),
        ("{ either { __typename ... on Either { __typename } } }", "{ either { __typename } }"),
    ] {
        assert_eq!(executed(query, true), shape(&mut Request::new(merged)), "{query}");
    }
}

/// Above all a mutation that is mentioned twice, once on a condition, is one.
#[test]
fn what_is_left_out_is_not_executed() {
    const F: &str = "fragment F on Node { a node { id } }";
    for (query, with, without) in [
        (
            "query ($v: Boolean!) { node @include(if: $v) { id } node { a } ... @skip(if: $v) { a } }",
            "query ($v: Boolean!) { node { id a } }",
            "query ($v: Boolean!) { node { a } a }",
        ),
        (
            &format!("query ($v: Boolean!) {{ node {{ ...F @skip(if: $v) id ...F }} }} {F}"),
            "query ($v: Boolean!) { node { id a node { id } } }",
            "query ($v: Boolean!) { node { a node { id } id } }",
        ),
        (
            "mutation ($v: Boolean! = true) { b ... @include(if: $v) { b } again: b @skip(if: $v) }",
            "mutation ($v: Boolean! = true) { b }",
            "mutation ($v: Boolean! = true) { b again: b }",
        ),
        (
            "query ($v: Boolean = false) { a @include(if: $v) @skip(if: false) node @include(if: true) { id a @skip(if: $v) } }",
            "query ($v: Boolean = false) { a node { id } }",
            "query ($v: Boolean = false) { node { id a } }",
        ),
    ] {
        assert_eq!(executed(query, true), shape(&mut Request::new(with)), "{query}");
        assert_eq!(executed(query, false), shape(&mut Request::new(without)), "{query}");
    }
}

#[test]
fn what_decides_is_not_null() {
    let query = "query ($v: Boolean = true) { a @include(if: $v) }";
    let errors = checked(query, None, &json!({ "v": null })).expect_err("nobody knows whether to include it");
    assert_eq!(errors[0].message, "The variable $v decides what is included: it must not be null.");
    assert_eq!(errors[0].locations, [async_graphql::Pos { line: 1, column: 9 }]);
}

#[test]
fn each_operation_has_conditions_of_its_own() {
    let query = "query A($v: Boolean!) { a @include(if: $v) ...F } query B($v: Int) { a(v: $v) }
        query C($w: Boolean = true) { ...F } fragment F on Query { node { id @skip(if: $w) } }";
    let query = query.replace("query A($v: Boolean!)", "query A($v: Boolean!, $w: Boolean = true)");
    assert!(checked(&query, Some("B"), &json!({ "v": null })).is_ok());
    assert!(checked(&query, Some("B"), &json!({})).is_ok());
    assert!(checked(&query, Some("A"), &json!({ "v": true })).is_ok());
    assert!(checked(&query, Some("C"), &json!({ "w": null })).is_err());
}

/// One gate remembers a document with what it is for some answers; for the others it is made anew.
#[test]
fn many_answers_to_many_conditions() {
    let gate = gate_with(|_| {});
    let names = ["p", "q", "r", "s"];
    let query = format!(
        "query ({}) {{ must: a {} }}",
        names.map(|name| format!("${name}: Boolean!")).join(" "),
        names.map(|name| format!("{name}: a @include(if: ${name})")).join(" "),
    );
    for answers in (0..16).chain(0..16) {
        let is = |n: usize| answers >> n & 1 == 1;
        let variables: serde_json::Map<_, _> = (0..4).map(|n| (names[n].to_owned(), is(n).into())).collect();
        let checked = gate.check(parameters(&query, None, &variables.into()));
        let mut request = checked.expect("a good document").1;
        let shape = shape(&mut request);
        for (n, name) in names.iter().enumerate() {
            assert_eq!(
                shape.contains(&format!("alias: Some(Positioned {{ pos: , node: Name(\"{name}\")")),
                is(n),
                "{answers} {shape}"
            );
        }
    }
}

/// What a fragment has in it is there wherever it is spread.
#[test]
fn a_long_text_in_many_places_is_refused() {
    let gate = gate_with(|_| {});
    let fields = (0..25).map(|n| format!("n{n}: node {{ ...F }} ")).collect::<Vec<_>>().concat();
    let of = |length: usize| format!("{{ {fields} }} fragment F on Node {{ named(as: \"{}\") }}", "x".repeat(length));
    assert!(gate.check(parameters(&of(5_000), None, &json!({}))).is_ok());
    let (message, extensions) = refusal(&gate, &of(60_000));
    assert_eq!(extensions.map(|extensions| extensions["limit"].clone()), Some(json!("values")), "{message}");
}

#[test]
fn an_error_says_where() {
    let Err(errors) = checked("{\n  a\n  nowhere\n}", None, &json!({})) else { panic!("there is no such field") };
    assert_eq!((errors[0].locations[0].line, errors[0].locations[0].column), (3, 3));
}

#[test]
fn a_syntax_error_does_not_repeat_the_document() {
    let query = format!("{{ a(b: \"{}\" }}", "x".repeat(10_000));
    let (message, _) = refusal(&gate_with(|_| {}), &query);
    assert!(message.len() <= 2_000 && !message.contains(&"x".repeat(600)), "{message}");
}

#[test]
fn every_limit_says_what_it_is() {
    let gate = gate_with(|settings| {
        let limits = &mut settings.documents;
        (limits.bytes, limits.tokens, limits.depth) = (1_000, 100, 4);
        (limits.root_fields, limits.aliases, limits.directives, limits.cost) = (3, 4, 4, 500);
    });
    let nested =
        |depth: usize| format!("{{ node {}{} }}", "{ node ".repeat(depth), "{ id }".to_owned() + &"}".repeat(depth));
    let cases: [(&str, String, String, u64, u64); 7] = [
        ("bytes", format!("{{ a }} # {}", "x".repeat(992)), format!("{{ a }} # {}", "x".repeat(993)), 1_000, 1_001),
        ("tokens", "{ a } ".to_owned(), format!("{{ {} }}", "a ".repeat(200)), 100, 101),
        ("depth", nested(2), nested(3), 4, 5),
        ("rootFields", "{ a a a a x: a y: a }".to_owned(), "{ x: a y: a ... { z: a a } }".to_owned(), 3, 4),
        (
            "aliases",
            "{ a: a b: a node { ...F } } fragment F on Node { c: id d: id }".to_owned(),
            "{ a: a b: a node { e: id ...F } } fragment F on Node { c: id d: id }".to_owned(),
            4,
            5,
        ),
        ("directives", "{ a @skip(if: false) }".to_owned(), "{ node { a @skip(if: true) id @skip(if: true) node @skip(if: true) { id @skip(if: true) a @include(if: true) } } }".to_owned(), 4, 5),
        (
            "cost",
            "{ nodes(first: 20) { nodes { id node { id } children(first: 1) { total } } } }".to_owned(),
            "{ nodes(first: 40) { nodes { id node { id } children(first: 1) { total } } } }".to_owned(),
            500,
            651,
        ),
    ];
    for (name, good, bad, maximum, found) in cases {
        assert!(gate.check(parameters(&good, None, &json!({}))).is_ok(), "{name}: {good}");
        let (message, extensions) = refusal(&gate, &bad);
        let expected = json!({ "code": "LIMIT_EXCEEDED", "limit": name, "maximum": maximum, "found": found });
        assert_eq!(extensions, Some(expected), "{name}: {message}");
    }
}

/// At any depth: refused or executed, and no stack overflows.
#[test]
fn nesting_is_no_danger() {
    let gate = gate_with(|_| {});
    for depth in (1..200).chain([500, 1_540, 4_000, 8_000, 100_000]) {
        let wrap =
            |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
        for text in [
            format!("{{ a(w: {}) }}", wrap("[", "1", "]")),
            format!("{{ a(of: {}) }}", wrap("{y: ", "{x: 1}", "}")),
            format!("{{ {} }}", wrap("node { ", "id", " }")),
            format!("{{ {} }}", wrap("... { ", "a", " }")),
            format!("query ($v: {}) {{ a(w: $v) }}", wrap("[", "Int", "]")),
            format!("query ($v: [Int!] = {}) {{ a(w: $v) }}", wrap("[", "1", "]")),
            format!("{{ a @skip(if: {}) }}", wrap("[", "true", "]")),
        ] {
            let result = gate.check(parameters(&text, None, &json!({})));
            assert!(result.is_err() || depth <= 64, "{depth}: {}", &text[..40.min(text.len())]);
        }
        let chain = (0..depth.min(2_000)).map(|n| format!("fragment F{n} on Node {{ id ...F{} }} ", n + 1));
        let chain = chain.collect::<Vec<_>>().concat();
        let last = format!("fragment F{} on Node {{ id }}", depth.min(2_000));
        let _no_overflow = gate.check(parameters(&format!("{{ node {{ ...F0 }} }} {chain}{last}"), None, &json!({})));
    }
}

/// Thirty fragments that each spread the next twice ask for a thousand million fields.
#[test]
fn doubling_fragments_are_found_out_at_once() {
    let gate = gate_with(|_| {});
    for count in [22, 30, 60] {
        let fragments = (0..count).map(|n| format!("fragment F{n} on Node {{ ...F{0} ...F{0} }} ", n + 1));
        let fragments = fragments.collect::<Vec<_>>().concat();
        let text = format!("{{ node {{ ...F0 }} }} {fragments} fragment F{count} on Node {{ id }}");
        let (message, extensions) = refusal(&gate, &text);
        assert_eq!(extensions.map(|extensions| extensions["limit"].clone()), Some(json!("selections")), "{message}");
    }
}

/// Each operation is validated with the fragments that it leads to.
#[test]
fn many_operations_with_one_large_fragment_are_refused() {
    let gate = gate_with(|_| {});
    let document = |operations: usize, fields: usize| {
        let operations = (0..operations).map(|n| format!("query Q{n} {{ ...F }} ")).collect::<Vec<_>>().concat();
        format!("{operations} fragment F on Query {{ ...G }} fragment G on Query {{ {} }}", "a ".repeat(fields))
    };
    let (message, extensions) = refusal(&gate, &document(300, 3_000));
    assert_eq!(extensions.map(|extensions| extensions["limit"].clone()), Some(json!("selections")), "{message}");
    assert!(checked(&document(30, 600), Some("Q7"), &json!({})).is_ok());
}

#[test]
fn the_size_of_a_page_may_be_a_variable() {
    let gate = gate_with(|_| {});
    let cost = |query: &str, variables: Json| {
        gate.check(parameters(query, None, &variables)).map(|(operation, _)| operation.cost).map_err(|_| ())
    };
    let query = "query ($n: Int! = 5) { nodes(first: $n) { nodes { ...F } } } fragment F on Node { id a }";
    // A field and a page, and of each row `nodes`, `id` and `a`.
    assert_eq!(cost(query, json!({})), Ok(11 + 5 * 3));
    assert_eq!(cost(query, json!({ "n": 100 })), Ok(11 + 100 * 3));
    assert_eq!(cost(query, json!({ "n": -100 })), Ok(11 + 20 * 3));
    // More than a page may have is refused for that: it costs as much as the largest.
    assert_eq!(cost(query, json!({ "n": 2_000_000_000 })), Ok(11 + 1_000 * 3));
    let large = "{ nodes(first: 1000) { nodes { children(first: 100) { nodes { id } } } } }";
    assert_eq!(cost(large, json!({})), Err(()));
    // A row is of one type: what is asked of the others does not count.
    let either =
        "{ nodes(first: 10) { nodes { id } } either { ... on Node { id a } ...E } } fragment E on Edge { node { id } }";
    assert_eq!(cost(either, json!({})), Ok(11 + 10 * 2 + 1 + 2));
    assert_eq!(cost("{ nodes { total } }", json!({})), Ok(11 + 20));
    assert_eq!(cost("{ node { tags { id } } }", json!({})), Ok(2 + 10));
    assert_eq!(cost("mutation { b }", json!({})), Ok(11));
}

#[test]
fn introspection_can_be_switched_off() {
    use crate::config::Switch;
    const SCHEMA: &str = "{ __schema { queryType { name } } }";
    for (switch, open) in [(Switch::On, true), (Switch::Off, false)] {
        let gate = gate_with(|settings| settings.introspection = Some(switch));
        assert_eq!(gate.check(parameters(SCHEMA, None, &json!({}))).is_ok(), open);
        assert_eq!(
            gate.check(parameters("{ ... { __type(name: \"Node\") { name } } }", None, &json!({}))).is_ok(),
            open
        );
        assert!(gate.check(parameters("{ __typename node { __typename } }", None, &json!({}))).is_ok());
    }
    let deep = "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }";
    let (message, _) = refusal(&gate_with(|_| {}), deep);
    assert!(message.contains("ntrospection"), "{message}");
}

fn hash_of(text: &str) -> String {
    sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[test]
fn a_hash_stands_for_a_text_that_was_sent_before() {
    let gate = gate_with(|_| {});
    let hash = "d46df70dbd77fa5b08ef13e25d6937ef21dc0d4e4ee35fb6ad2a8f1bf3f8b1bb";
    let text = "{ a }";
    let own = hash_of(text);
    let ask = |query: Option<&str>, hash: &str| {
        let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
        let parameters = Parameters::from_json(json!({ "query": query, "extensions": extensions })).expect("good ones");
        gate.check(parameters).map(|(operation, _)| operation.kind).map_err(|errors| errors[0].message.clone())
    };
    assert_eq!(ask(None, &own), Err("PersistedQueryNotFound".to_owned()));
    assert!(ask(Some(text), hash).is_err_and(|message| message.contains("not that of `query`")));
    assert_eq!(ask(Some(text), &own), Ok(OperationType::Query));
    assert_eq!(ask(None, &own.to_uppercase()), Ok(OperationType::Query));
    // What is not valid is not remembered.
    let bad = hash_of("{ nothing }");
    assert!(ask(Some("{ nothing }"), &bad).is_err());
    assert_eq!(ask(None, &bad), Err("PersistedQueryNotFound".to_owned()));
}

#[test]
fn only_trusted_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = |settings: &mut Settings| settings.trusted_documents = Some(folder.path().to_owned());
    let mut settings = Settings::defaults();
    empty(&mut settings);
    assert!(Gate::new(SDL.to_owned(), SCALARS, &settings).is_err(), "a folder without documents");
    std::fs::write(folder.path().join("a.graphql"), "query A { a }\n").expect("a file");
    let gate = Gate::new(SDL.to_owned(), SCALARS, &settings).expect("one document");
    for text in ["query A { a }", "query A { a }\n"] {
        assert!(gate.check(parameters(text, None, &json!({}))).is_ok());
    }
    let (message, _) = refusal(&gate, "query A { a  }");
    assert!(message.contains("only the documents"), "{message}");
    std::fs::write(folder.path().join("b.graphql"), "{ nothing }").expect("a file");
    let Err(error) = Gate::new(SDL.to_owned(), SCALARS, &settings) else { panic!("b.graphql is not valid") };
    assert!(error.describe().contains("b.graphql"), "{error:?}");
}

#[test]
fn errors_of_the_request_and_errors_of_its_execution() {
    let with_path = |length: usize| {
        let path = vec![PathSegment::Field("a".to_owned()); length];
        Response::from_errors(vec![ServerError::new("no", None).with_path(path)])
    };
    let of = |kind: OperationType| Operation { kind, name: None, cost: 0, memory: 0 };
    let (query, subscription) = (of(OperationType::Query), of(OperationType::Subscription));
    assert!(query.failed_before_execution(&with_path(0)));
    assert!(!query.failed_before_execution(&with_path(1)));
    assert!(subscription.failed_before_execution(&with_path(1)));
    assert!(!subscription.failed_before_execution(&with_path(2)));
    assert!(!query.failed_before_execution(&Response::new(Value::Null)));
}
