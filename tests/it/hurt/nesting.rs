//! Documents nested in every way and at any depth: executed up to the limit, refused above it. What overflows a stack ends the process,
//! and with it this test.

use std::fmt::Write;

use leadcast::gate::{Gate, Parameters};
use serde_json::json;

use super::{ask, ask_for, over, server};
use crate::support::{Engine, TestServer};

/// The literal, type or selection inside `depth` pairs.
fn wrapped(depth: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

/// All ways to nest, each in a document that is valid when it is not too deep (but for types, of which no argument has any that deep).
fn documents(depth: usize) -> [(&'static str, String); 9] {
    let lead = |attributes: &str| {
        let rest = r#"reference: "x", title: "x", description: "x", category: "x", contact: { name: "x" }, location: { country: "x", postalPrefix: "x" }"#;
        format!("mutation {{ createLead(input: {{ {rest}, attributes: {attributes} }}) {{ lead {{ id }} }} }}")
    };
    let chain = (0..depth).fold(String::new(), |mut text, n| {
        let _ = write!(text, "fragment F{n} on Query {{ ...F{} }} ", n + 1);
        text
    });
    let wrap = |open, inner, close| wrapped(depth, open, inner, close);
    [
        ("lists", lead(&wrap("[", "1", "]"))),
        ("objects", lead(&wrap("{a: ", "1", "}"))),
        ("selections", format!("{{ lead(id: \"x\") {{ {} }} }}", wrap("viewerClaim { lead { ", "id", " } }"))),
        ("inline fragments", format!("{{ {} }}", wrap("... { ", "viewer { id }", " }"))),
        ("fragments", format!("{{ ...F0 }} {chain} fragment F{depth} on Query {{ viewer {{ id }} }}")),
        ("types", format!("query ($v: {}) {{ lead(id: $v) {{ id }} }}", wrap("[", "ID", "]"))),
        ("defaults", format!("query ($v: ID = {}) {{ lead(id: $v) {{ id }} }}", wrap("[", "1", "]"))),
        ("directives", format!("{{ viewer {{ id @skip(if: {}) }} }}", wrap("[", "true", "]"))),
        ("variables", format!("query ($v: [ID!] = {}) {{ viewer {{ id }} }}", wrap("{a: [", "1", "]}"))),
    ]
}

fn check(gate: &Gate, depth: usize) {
    for (way, text) in documents(depth) {
        let parameters = Parameters::from_json(json!({ "query": text })).expect("a well-formed request");
        let refused = gate.check(parameters).is_err();
        // A chain of fragments nests no deeper than the fields in it.
        assert!(refused || depth <= 64 || way == "fragments", "{way}, {depth} deep, is let through");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_depth_in_process() {
    let server = server().await;
    for depth in (1..=8_000).chain([100_000]) {
        check(&server.app.gate, depth);
    }
}

/// With limits of size that an operator has taken away, so that the parser and the validation themselves see all of it.
#[tokio::test(flavor = "multi_thread")]
async fn without_other_limits() {
    let server = TestServer::start_with(Engine::Sqlite, |settings| {
        (settings.documents.bytes, settings.documents.tokens) = (100 << 20, 100 << 20);
        (settings.documents.depth, settings.documents.aliases) = (1 << 20, 1 << 20);
    })
    .await;
    for depth in (1..200).chain((200..8_000).step_by(487)).chain([100_000]) {
        check(&server.app.gate, depth);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http() {
    let server = server().await;
    for depth in [5, 50, 1_200, 3_900, 8_000] {
        for (way, text) in documents(depth) {
            let reply = ask_for(&server, &text).await;
            match (depth, way) {
                (5, "lists" | "objects" | "selections" | "inline fragments" | "fragments")
                | (50, "lists" | "objects" | "inline fragments" | "fragments") => {
                    assert_eq!(reply.status, 200, "{way} {depth} {reply:?}");
                }
                (5 | 50, "types" | "defaults" | "directives" | "variables") => {
                    assert_eq!(reply.status, 400, "{way} {depth} {reply:?}");
                }
                _ => drop(over(&reply)),
            }
        }
    }
    // In the variables, which are JSON.
    for depth in [50, 100, 1_000, 100_000] {
        let query = "query ($v: JSON) { viewer { id } }";
        let body = format!(r#"{{"query":"{query}","variables":{{"v":{}}}}}"#, wrapped(depth, "[", "1", "]"));
        let reply = ask(&server, body).await;
        assert_eq!(reply.status, 400, "{depth}: an unused variable, or too deep {reply:?}");
    }
    assert_eq!(ask_for(&server, "{ viewer { id } }").await.status, 200);
}
