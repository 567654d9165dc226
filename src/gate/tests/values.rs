//! Literals and variables that fit their types and that do not, where apollo-compiler alone does not know.

use super::*;

pub(super) fn even(value: Value) -> Result<(), String> {
    match value {
        Value::Number(number) if number.as_i64().is_some_and(|number| number % 2 == 0) => Ok(()),
        _ => Err("an Even is an even number".to_owned()),
    }
}

/// What is said of a request; nothing when it may be executed.
fn said(query: &str, variables: &Json) -> Vec<String> {
    match checked(query, None, variables) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.message).collect(),
    }
}

#[test]
fn literals_of_own_scalars() {
    for (query, expected) in [
        ("{ a(even: 2, evens: [2, 4], any: {x: [1, YES, null, {}]}) }", ""),
        ("{ a(evens: 2, any: \"text\") }", ""),
        ("{ a(even: null, evens: null, any: null) }", ""),
        ("{ a(even: 1) }", "The argument even does not fit: an Even is an even number."),
        ("{ a(even: \"2\") }", "The argument even does not"),
        ("{ a(even: TWO) }", "The argument even does not"),
        ("{ a(even: [2]) }", "The argument even does not"),
        ("{ a(even: {a: 2}) }", "The argument even does not"),
        ("{ a(evens: [2, 3]) }", "The argument evens[1] does not"),
        ("{ a(evens: 3) }", "The argument evens does not"),
        ("{ a(any: {x: [1e400]}) }", "no number is that large"),
        ("{ a(any: 1e400) }", "no number is that large"),
        ("{ a(any: {x: [$v]}) }", "does not define the variable $v"),
        ("query ($v: Int) { a(any: {x: [$v]}) }", ""),
        ("query ($v: Int) { a(any: $v) }", "Int"),
        ("query ($v: Even = 3) { a(even: $v) }", "The default of the variable $v does not"),
        ("query ($v: Even = 4) { a(even: $v) }", ""),
        ("query ($v: [Even!] = [2, 3]) { a(evens: $v) }", "$v[1] does not"),
        ("query ($v: Even @marked(even: 1)) { a(even: $v) }", "The argument even does not"),
        ("query @marked(even: 1) { a }", "The argument even does not"),
        ("{ a @marked(even: 1) }", "The argument even does not"),
        ("{ ... @marked(even: 1) { a } }", "The argument even does not"),
        ("{ ...F @marked(even: 1) } fragment F on Query { a }", "The argument even does not"),
        ("{ ...F } fragment F on Query @marked(even: 1) { a }", "The argument even does not"),
        ("{ ...F } fragment F on Query { ... { a(even: 1) } }", "The argument even does not"),
        ("{ node { ...F } } fragment F on Node { node { a @marked(even: 1) } }", "The argument even does not"),
    ] {
        let found = said(query, &json!({}));
        let good = if expected.is_empty() { found.is_empty() } else { found.iter().any(|one| one.contains(expected)) };
        assert!(good, "{query}: {found:?}");
    }
}

#[test]
fn input_objects_in_documents() {
    for (query, good) in [
        ("{ a(of: {x: 1, y: {x: 2}}) }", true),
        ("{ a(of: {x: 1, x: 2}) }", false),
        ("{ a(of: {x: 1, y: {x: 2, x: 2}}) }", false),
        ("{ a(one: {p: 1}) }", true),
        ("{ a(one: {one: {q: \"text\"}}) }", true),
        ("{ a(one: {}) }", false),
        ("{ a(one: {p: null}) }", false),
        ("{ a(one: {p: 1, q: null}) }", false),
        ("{ a(one: {p: 1, q: \"\"}) }", false),
        ("{ a(one: {one: {}}) }", false),
        ("{ a(of: {x: 1, one: {p: 1, one: {p: 1}}}) }", false),
        ("query ($v: Int!) { a(one: {p: $v}) }", true),
        ("query ($v: Int) { a(one: {p: $v}) }", false),
        ("query ($v: Int = 1) { a(one: {p: $v}) }", false),
        ("query ($v: String!) { a(one: {q: [$v]}) }", true),
        ("query ($v: One = {p: 1, one: {}}) { a(one: $v) }", false),
    ] {
        let variables = json!({ "v": if query.contains("String") { json!("a") } else { json!(1) } });
        let variables = if query.contains("$v: One") { json!({}) } else { variables };
        assert_eq!(said(query, &variables).is_empty(), good, "{query}: {:?}", said(query, &variables));
    }
}

#[test]
fn variables_within_lists_and_objects() {
    let (one, list, yes) = (json!(1), json!([1]), json!(true));
    for (query, value, good) in [
        ("query ($v: Int!) { a(w: [1, $v]) }", &one, true),
        ("query ($v: Int = 2) { a(w: [1, $v]) }", &one, true),
        ("query ($v: Int) { a(w: [1, $v]) }", &one, false),
        ("query ($v: [Int!]!) { a(w: [$v]) }", &list, false),
        ("query ($v: [Int!]) { a(w: $v) }", &list, true),
        ("query ($v: [Int]) { a(w: $v) }", &list, false),
        ("query ($v: Int!) { a(w: $v) }", &one, false),
        ("query ($v: Int!) { a(of: {x: $v}) }", &one, true),
        ("query ($v: Int) { a(of: {x: $v}) }", &one, false),
        ("query ($v: Int = 3) { a(of: {x: 1, y: {x: $v}}) }", &one, true),
        ("query ($v: Int = null) { a(of: {x: 1, y: {x: $v}}) }", &one, false),
        ("query ($v: [Int!]) { a(of: {x: $v}) }", &list, false),
        ("query ($v: Int) { a(must: $v) }", &one, true),
        ("query ($v: Int = null) { a(v: $v) }", &one, true),
        ("query ($v: Boolean = null) { a @skip(if: $v) }", &yes, false),
        ("query ($v: Boolean = true) { a @skip(if: $v) }", &yes, true),
        ("query ($v: Boolean) { a @skip(if: $v) }", &yes, false),
        ("query A ($v: Int) { ...F } query B ($v: String) { ...F } fragment F on Query { a(v: $v) }", &one, false),
        ("query A ($v: Int) { ...F } query B ($v: Int!) { ...F } fragment F on Query { a(v: $v) }", &one, true),
    ] {
        let found = checked(query, query.contains("query A").then_some("A"), &json!({ "v": value }));
        assert_eq!(found.is_ok(), good, "{query}: {:?}", found.err());
    }
}

#[test]
fn each_variable_that_does_not_fit_is_named() {
    let query = "query ($n: Int, $of: Of, $evens: [Even!], $one: One, $c: Choice, $any: Any) {
        a(v: $n, of: $of, evens: $evens, one: $one, c: $c, any: $any)
    }";
    for (variables, expected) in [
        (json!({ "n": 1, "of": { "x": 1.0 }, "evens": [2, 4], "one": { "q": "" }, "c": "YES", "any": [{}] }), ""),
        (json!({ "n": 1.0, "of": null, "evens": 2, "one": null }), ""),
        (json!({ "n": 1.5 }), "The variable $n does not fit: Int is wanted, not 1.5."),
        (json!({ "n": 2_147_483_648_u64 }), "$n does not fit"),
        (json!({ "n": 2_147_483_648.0 }), "$n does not fit"),
        (json!({ "n": true }), "$n does not fit"),
        (json!({ "n": "x".repeat(1_000) }), "xxx…"),
        (json!({ "n": [1] }), "$n does not fit"),
        (json!({ "of": 1 }), "The variable $of does not fit: Of is wanted, not 1."),
        (json!({ "of": {} }), "$of.x does not fit: Int! is wanted, and there is none."),
        (json!({ "of": { "x": null } }), "$of.x does not fit: Int! is wanted, not null."),
        (json!({ "of": { "x": 1, "nope": 1 } }), "$of does not fit: Of has no field \"nope\"."),
        (json!({ "of": { "x": 1, "y": { "x": "1" } } }), "$of.y.x does not fit"),
        (json!({ "of": { "x": 1, "one": { "p": 1, "q": [] } } }), "$of.one does not fit: exactly one field of One"),
        (json!({ "evens": [2, 3] }), "The variable $evens[1] does not fit: an Even is an even number."),
        (json!({ "evens": [2, null] }), "$evens[1] does not fit: Even! is wanted, not null."),
        (json!({ "evens": 3 }), "$evens does not fit"),
        (json!({ "one": {} }), "$one does not fit: exactly one field of One must be given, and not as null."),
        (json!({ "one": { "p": null } }), "$one does not fit"),
        (json!({ "one": { "q": [1] } }), "$one.q[0] does not fit: String is wanted, not 1."),
        (json!({ "c": "PERHAPS" }), "$c does not fit: Choice is wanted, not \"PERHAPS\"."),
        (json!({ "c": 1 }), "$c does not fit"),
    ] {
        let found = said(query, &variables);
        let good = if expected.is_empty() { found.is_empty() } else { found.len() == 1 && found[0].contains(expected) };
        assert!(good, "{variables}: {found:?}");
    }
    assert_eq!(said(query, &json!({ "n": "1", "c": 1, "evens": [1, 3] })).len(), 4);
    let Err(errors) = checked("query (\n  $n: Int\n) { a(v: $n) }", None, &json!({ "n": {} })) else { panic!("no") };
    assert_eq!((errors[0].locations[0].line, errors[0].locations[0].column), (2, 3));
}

#[test]
fn a_scalar_that_nobody_checks_is_found_at_the_start() {
    let Err(error) = Gate::new(SDL.to_owned(), SCALARS.into_iter().take(1), &Settings::defaults()) else {
        panic!("there is no check of Any")
    };
    assert!(error.describe().contains("Any"), "{error:?}");
}

#[test]
fn what_the_parser_passes_over() {
    for query in [
        "{ a(b) }",
        "{ a(v: 1, b) }",
        "query ($v: Int = 1 @marked(even)) { a(v: $v) }",
        "{ a(any: {x: 1, y}) }",
        "{ a(v: 1) @skip(if: true, x) }",
    ] {
        assert_eq!(said(query, &json!({})), ["Syntax error: there is no value."], "{query}");
    }
    let said_of_break = "Syntax error: a string ends on its line, unless it begins with \"\"\".";
    for line_break in ["\n", "\r", "\nx"] {
        assert_eq!(said(&format!("{{ a(b: \"{line_break}\") }}"), &json!({})), [said_of_break]);
        assert!(said(&format!("{{ a(b: \"\"\"{line_break}\"\"\") }}"), &json!({})).is_empty());
    }
}

#[test]
fn minus_nothing_is_whole() {
    assert!(said("{ a(v: -0) }", &json!({})).is_empty());
    let (_, mut request) = checked("{ a(v: -0) }", None, &json!({})).expect("a good document");
    assert!(shape(&mut request).contains("Number(Number(0))"));
}
