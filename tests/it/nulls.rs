//! What becomes of a field that fails: null where it may be, and else its nearest parent that may be, with one error at the field's own
//! place. Seven cases of the specification (6.4.4, "Handling Execution Errors"), and what is to be watched besides.
//!
//! A resolver fails where the test says: by an extension, or because its table is away.

mod events;
mod faults;

use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{
    ErrorExtensionValues, PathSegment, QueryPathNode, QueryPathSegment, ServerError, ServerResult,
    extensions::ResolveInfo,
};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, QUINN, Who},
    resolvers::before_each,
};

/// Where resolvers fail, as paths such as `lead.claims.nodes.1.price`, and with which code.
#[derive(Clone, Default)]
struct Failing(Arc<Mutex<(Vec<String>, &'static str)>>);

impl Failing {
    async fn server() -> (Self, TestServer) {
        let failing = Self::default();
        let fails = failing.clone();
        let sound = TestServer::start(Engine::Sqlite).await;
        (failing, before_each(sound, move |info| std::future::ready(fails.outcome(info)).boxed()).await)
    }

    fn at(&self, paths: &[&str], code: &'static str) {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (paths, code);
    }

    fn outcome(&self, info: &ResolveInfo<'_>) -> ServerResult<()> {
        let path = info.path_node.to_string_vec().join(".");
        let (paths, code) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.contains(&path) { Err(failure(info, code)) } else { Ok(()) }
    }
}

/// The same as of a resolver that fails.
fn failure(info: &ResolveInfo<'_>, code: &str) -> ServerError {
    let start = info.field.alias.as_ref().unwrap_or(&info.field.name);
    let mut error = ServerError::new("A failure of the test.", Some(start.pos)).with_path(path(info.path_node));
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code);
    error
}

fn path(node: &QueryPathNode<'_>) -> Vec<PathSegment> {
    let mut path = node.parent.map(path).unwrap_or_default();
    path.push(match &node.segment {
        QueryPathSegment::Name(name) => PathSegment::Field((*name).to_owned()),
        QueryPathSegment::Index(index) => PathSegment::Index(*index),
    });
    path
}

/// Where an error says that it is: `lead.title 1:20`.
fn place(error: &Value) -> String {
    let segment = |segment: &Value| segment.as_str().map_or_else(|| segment.to_string(), str::to_owned);
    let path: Vec<_> = error["path"].as_array().expect("a path").iter().map(segment).collect();
    let locations: Vec<_> = error["locations"].as_array().expect("locations").iter().collect();
    let [at] = locations[..] else { panic!("one location was expected: {error:#}") };
    format!("{} {}:{}", path.join("."), at["line"], at["column"])
}

/// The places of the errors, sorted.
fn places(errors: &Value) -> Vec<String> {
    let mut places: Vec<_> = errors.as_array().into_iter().flatten().map(place).collect();
    places.sort();
    places
}

/// A document in which `^` marks where errors are, and their places: the paths with the marks, in their order, the last mark for the rest.
fn marked(document: &str, paths: &[&str]) -> (String, Vec<String>) {
    let (mut text, mut marks) = (String::new(), Vec::new());
    for part in document.split_inclusive('^') {
        text.push_str(part.trim_end_matches('^'));
        if part.ends_with('^') {
            let line = text.rsplit('\n').next().expect("a line");
            marks.push(format!("{}:{}", text.matches('\n').count() + 1, line.chars().count() + 1));
        }
    }
    let mark = |n: usize| marks.get(n).or(marks.last()).expect("a mark");
    let mut places: Vec<_> = paths.iter().enumerate().map(|(n, path)| format!("{path} {}", mark(n))).collect();
    places.sort();
    (text, places)
}

/// Asks; what comes has this data, and errors exactly there.
async fn gives(server: &TestServer, who: Who, document: &str, variables: &Value, data: Value, errors: &[&str]) {
    let (query, expected) = marked(document, errors);
    let answer = server.ask(who, &query, variables.clone()).await;
    assert_eq!((answer.status.as_u16(), &answer.body["data"]), (200, &data), "{query}: {answer}");
    assert_eq!(places(&answer.body["errors"]), expected, "{query}: {answer}");
}

/// A lead with two claims.
async fn claimed_lead(server: &TestServer) -> Value {
    let lead = server.open(json!({ "title": "Rewire" })).await;
    for who in [PAT, QUINN] {
        server.claim(who, &lead).await;
    }
    lead
}

/// 2: A leaf that may not be null, of an object that may. 3: The same, with an object between that may not be null, either.
#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_that_may_be_null_is_null() {
    let (failing, server) = Failing::server().await;
    let id = json!({ "id": claimed_lead(&server).await });
    for (error, query) in [
        ("lead.title", "query($id: ID!) {\n  lead(id: $id) {\n    id ^title\n  }\n  viewer { id }\n}"),
        (
            "lead.location.country",
            "query($id: ID!) { viewer { id }\n\tlead(id: $id) { id location { city ^country } } }",
        ),
        ("lead.location", "query($id: ID!) { viewer { id } lead(id: $id) { ^location { city } } }"),
    ] {
        failing.at(&[error], "BAD_USER_INPUT");
        gives(&server, ADMIN, query, &id, json!({ "lead": null, "viewer": { "id": "admin" } }), &[error]).await;
    }
    // What is within is told of by its response key, at the place of its alias.
    let error = "mine.where.land";
    failing.at(&[error], "BAD_USER_INPUT");
    let query =
        "query($id: ID!) { mine: lead(id: $id) { where: location { ^land: country } }\n lead(id: $id) { title } }";
    gives(&server, ADMIN, query, &id, json!({ "mine": null, "lead": { "title": "Rewire" } }), &[error]).await;
}

/// 4: Of a list of what may not be null, up to the nearest that may. 6: There is none.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_a_list_takes_the_list_with_it() {
    let (failing, server) = Failing::server().await;
    let id = json!({ "id": claimed_lead(&server).await });
    for (error, query) in [
        ("lead.all.nodes.1.price", "{ lead(id: $id) { title all: claims { nodes { ^price } } } }"),
        ("lead.all.edges.0.node.price", "{ lead(id: $id) { all: claims { edges { node { id ^price } } } title } }"),
        (
            "lead.all.of.1.by.called",
            "{ lead(id: $id) { title all: claims { of: nodes { by: provider { ^called: name } } } } }",
        ),
    ] {
        failing.at(&[error], "BAD_USER_INPUT");
        let data = json!({ "lead": { "title": "Rewire", "all": null } });
        gives(&server, ADMIN, &format!("query($id: ID!) {query}"), &id, data, &[error]).await;
    }
    for (error, query) in [
        ("claims.nodes.1.price", "{ viewer { id } claims { nodes { ^price } } }"),
        (
            "claims.edges.1.node.lead.location.country",
            "{ claims { edges { node { lead { location { ^country } } } } } }",
        ),
        ("viewer.unreadCount", "{ streamCursor viewer { id ^unreadCount } }"),
        ("streamCursor", "{ viewer { id } ^streamCursor }"),
    ] {
        failing.at(&[error], "BAD_USER_INPUT");
        gives(&server, ADMIN, query, &Value::Null, Value::Null, &[error]).await;
    }
}

/// 7: At least one of them is told, and none of elsewhere is lost.
#[tokio::test(flavor = "multi_thread")]
async fn siblings_that_fail_are_one_null() {
    let (failing, server) = Failing::server().await;
    let id = json!({ "id": claimed_lead(&server).await });
    let errors = ["lead.title", "lead.category", "user.name"];
    failing.at(&errors, "BAD_USER_INPUT");
    let query = "query($id: ID!) { lead(id: $id) { ^title ^category id } \
        other: lead(id: $id) { title } user(id: \"pat\") { id ^name } viewer { id } }";
    let (query, expected) = marked(query, &errors);
    let answer = server.ask(ADMIN, &query, id.clone()).await;
    let data = json!({ "lead": null, "other": { "title": "Rewire" }, "user": null, "viewer": { "id": "admin" } });
    assert_eq!(answer.body["data"], data, "{answer}");
    let told = places(&answer.body["errors"]);
    // `user.name` is the last.
    assert!(told.len() >= 2 && told.last() == expected.last(), "{answer}");
    assert!(told.iter().all(|place| expected.contains(place)), "{answer}");
    // In branches that may be null for themselves each is told.
    let errors = ["lead.claims.nodes.0.price", "lead.contact.name", "user.name"];
    failing.at(&errors, "BAD_USER_INPUT");
    let query = "query($id: ID!) { lead(id: $id) { title claims { nodes { ^price } } contact { ^name } } \
        user(id: \"pat\") { ^name } }";
    let data = json!({ "lead": { "title": "Rewire", "claims": null, "contact": null }, "user": null });
    gives(&server, ADMIN, query, &id, data, &errors).await;
}

/// What is asked for in two places is one field: null for both when it fails in either.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_twice_fails_once_and_for_all() {
    let (failing, server) = Failing::server().await;
    let id = json!({ "id": claimed_lead(&server).await });
    failing.at(&["lead.title", "lead.claims.nodes.1.price"], "BAD_USER_INPUT");
    for (error, query) in [
        ("lead.title", "{ lead(id: $id) { ^title } lead(id: $id) { id } }"),
        ("lead.title", "{ lead(id: $id) { id } lead(id: $id) { ^title } }"),
        ("lead.title", "{ ... { lead(id: $id) { id } } ...Rest } fragment Rest on Query { lead(id: $id) { ^title } }"),
    ] {
        gives(&server, ADMIN, &format!("query($id: ID!) {query}"), &id, json!({ "lead": null }), &[error]).await;
    }
    let query = "query($id: ID!) { lead(id: $id) { id claims { nodes { id } } } ...Rest }
        fragment Rest on Query { lead(id: $id) { claims { nodes { ^price } } } }";
    let data = json!({ "lead": { "id": id["id"], "claims": null } });
    gives(&server, ADMIN, query, &id, data, &["lead.claims.nodes.1.price"]).await;
}

/// What a mutation has done is done, whatever of it cannot be shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_cannot_be_shown_in_full_is_shown_in_part() {
    let (failing, server) = Failing::server().await;
    let lead = claimed_lead(&server).await;
    for (title, error, selected, data) in [
        (
            "Anew",
            "updateLead.lead.title",
            "lead { id ^title } userErrors { code }",
            json!({ "updateLead": { "lead": null, "userErrors": [] } }),
        ),
        ("Again", "updateLead.userErrors", "lead { id } ^userErrors { code }", Value::Null),
    ] {
        failing.at(&[error], "BAD_USER_INPUT");
        let query = format!("mutation($input: UpdateLeadInput!) {{ updateLead(input: $input) {{ {selected} }} }}");
        let input = json!({ "input": { "id": lead, "title": title } });
        gives(&server, ADMIN, &query, &input, data, &[error]).await;
        let now = server.ask(ADMIN, "query($id: ID!) { lead(id: $id) { title } }", json!({ "id": lead })).await;
        assert_eq!(now.field("lead")["title"], title);
    }
}

/// Lists that are no connections, and what is beside them.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_within_a_page_or_a_payload_is_named() {
    let (failing, server) = Failing::server().await;
    let start = server.cursor().await;
    let lead = claimed_lead(&server).await;
    server.told_of(&lead, &start).await;
    let variables = json!({ "after": start });
    for (error, query) in [
        ("events.events.1.lead.location.country", "... on LeadCreatedEvent { lead { location { ^country } } }"),
        ("events.events.2.cursor", "... on Event { ^cursor }"),
    ] {
        failing.at(&[error], "BAD_USER_INPUT");
        let query = format!("query($after: Cursor!) {{ events(after: $after) {{ events {{ {query} }} }} }}");
        gives(&server, ADMIN, &query, &variables, Value::Null, &[error]).await;
    }
    let input =
        json!({ "input": { "reference": "news", "to": { "userIds": ["pat"] }, "title": "News", "message": "Some" } });
    let create = "mutation($input: CreateNotificationInput!) { createNotification(input: $input) {
        notifications { id recipient { ^name } } } }";
    let error = "createNotification.notifications.0.recipient.name";
    failing.at(&[error], "BAD_USER_INPUT");
    gives(&server, ADMIN, create, &input, Value::Null, &[error]).await;
    let read = "mutation { markNotificationsRead(input: { select: { filter: {} } }) {
        notifications { recipient { id ^name } } viewer { id ^unreadCount } } }";
    for (n, error) in
        ["markNotificationsRead.notifications.0.recipient.name", "markNotificationsRead.viewer.unreadCount"]
            .into_iter()
            .enumerate()
    {
        failing.at(&[error], "BAD_USER_INPUT");
        // The mark of the other one is not for this one.
        let read = if n == 0 { read.replacen("^unread", "unread", 1) } else { read.replacen("^name", "name", 1) };
        gives(&server, PAT, &read, &Value::Null, Value::Null, &[error]).await;
        let again = "mutation { markNotificationsUnread(input: { select: { filter: {} } }) { affectedCount } }";
        server.ask(PAT, again, Value::Null).await.field("markNotificationsUnread");
    }
}
