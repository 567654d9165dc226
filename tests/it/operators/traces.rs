//! Traces, as a collector gets them: what belongs to what, what is said, and what is never said.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::any_value::Value as Any,
    trace::v1::{Span, status::StatusCode},
};
use prost::Message;
use reqwest::Client as Http;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    database::temporary_folder,
    postgres::{Cluster, available},
    program::Program,
    socket::{Heard, RawSocket, Socket},
    wire::http,
};

/// Takes what is sent, and keeps it.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Bytes>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let take = async |State(Self(taken)): State<Self>, body: Bytes| taken.lock().expect("no panic").push(body);
        let router = Router::new().route("/v1/traces", post(take)).with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(axum::serve(listener, router).into_future());
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        let taken = self.0.lock().expect("no panic");
        let requests = taken.iter().map(|body| ExportTraceServiceRequest::decode(body.clone()).expect("OTLP"));
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// Whether a text is anywhere in what was sent.
    fn knows(&self, text: &str) -> bool {
        self.0
            .lock()
            .expect("no panic")
            .iter()
            .any(|body| body.windows(text.len()).any(|window| window == text.as_bytes()))
    }
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    let text = |value: Option<Any>| match value {
        Some(Any::StringValue(text)) => text,
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    span.attributes
        .iter()
        .map(|pair| (pair.key.clone(), text(pair.value.clone().and_then(|value| value.value))))
        .collect()
}

async fn tokens(http: &Http, url: &str) -> impl Fn(&str) -> String {
    let tokens = http.get(format!("{url}/dev/tokens")).send().await.expect("the server answers");
    let tokens: Vec<Value> = tokens.json().await.expect("a list");
    move |user: &str| {
        let token = tokens.iter().find(|token| token["user"] == user && token["tenant"] == "demo");
        token.and_then(|token| token["token"].as_str()).expect("a token").to_owned()
    }
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const CREATE: &str =
    "mutation Post($input: CreateLeadInput!) { createLead(input: $input) { lead { id } userErrors { code } } }";
/// In the lead's texts, its contact and its reference.
const SECRETS: [&str; 4] = ["Rewire my secret kitchen", "+27 82 555 0199", "casey@hidden.example", "reference-4711"];

/// What a client does, over both transports; returns the tokens that it used.
async fn do_things(url: &str) -> Vec<String> {
    let http = http();
    let token = tokens(&http, url).await;
    let ask = async |user: &str, body: Value| {
        let request = http.post(format!("{url}/graphql")).bearer_auth(token(user)).json(&body);
        let traced = request.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
        traced.send().await.expect("the server answers").json::<Value>().await.expect("JSON")
    };
    let input = json!({
        "reference": SECRETS[3], "title": SECRETS[0], "description": "Two rooms", "category": "Electrical",
        "location": { "country": "ZA" }, "contact": { "name": "Casey", "phone": SECRETS[1], "email": SECRETS[2] },
    });
    let posted =
        ask("casey", json!({ "query": CREATE, "operationName": "Post", "variables": { "input": input } })).await;
    assert!(posted["data"]["createLead"]["lead"]["id"].is_string(), "{posted:#}");
    ask("casey", json!({ "query": "{ nope }" })).await;
    let long = "N".repeat(300);
    ask("pat", json!({ "query": format!("query {long} {{ leads {{ totalCount }} }}"), "operationName": long })).await;

    let raw = RawSocket::open(&format!("{}/graphql", url.replacen("http", "ws", 1))).await;
    let mut socket = Socket::connect(raw, &token("pat")).await;
    let mut answer = socket.subscribe("query Me { viewer { wallet { balance } } }", Value::Null);
    assert!(matches!(answer.heard().await, Heard::Message(_)));
    let mut stream = socket.subscribe("subscription { events(types: [PROGRESS]) { cursor } }", Value::Null);
    stream.next().await;
    stream.complete();
    ["casey", "pat"].map(token).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_and_transactions_are_told_on_sqlite() {
    told("sqlite", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_and_transactions_are_told_on_postgresql() {
    if available() {
        let database = Cluster::shared().await.database().await;
        told("postgresql", Some(database.url())).await;
    }
}

async fn told(engine: &str, database: Option<String>) {
    let (collector, endpoint) = Collector::start().await;
    let folder = temporary_folder();
    let mut variables = vec![("LEADCAST_OTLP_ENDPOINT", endpoint.as_str())];
    variables.extend(database.as_deref().map(|url| ("DATABASE_URL", url)));
    let (server, url) = Program::serve(folder.path(), &variables).await;
    let tokens = do_things(&url).await;
    // The last ones are sent before the end.
    server.signal("TERM");
    let ended = server.end().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("WARN"), "{ended:?}");

    let spans = collector.spans();
    let with = |key: &str, value: &str| {
        spans.iter().filter(|span| attributes(span).get(key).is_some_and(|v| v == value)).collect::<Vec<_>>()
    };
    let [post] = with("graphql.operation.name", "Post")[..] else { panic!("{spans:#?}") };
    assert_eq!((&post.trace_id, &post.parent_span_id), (&bytes(TRACE), &bytes(CALLER)));
    let said = [
        ("leadcast.transport", "post"),
        ("graphql.operation.type", "mutation"),
        ("graphql.operation.name", "Post"),
        ("leadcast.outcome", "ok"),
    ];
    assert_eq!(
        (post.name.as_str(), attributes(post)),
        ("mutation", said.map(|(k, v)| (k.to_owned(), v.to_owned())).into())
    );
    let children: Vec<_> = spans.iter().filter(|span| span.parent_span_id == post.span_id).collect();
    let write = children.iter().find(|span| span.name == "write").unwrap_or_else(|| panic!("{children:#?}"));
    let said = [("db.system.name", engine), ("leadcast.mode", "write"), ("leadcast.retries", "0")];
    assert_eq!(attributes(write), said.map(|(k, v)| (k.to_owned(), v.to_owned())).into());
    assert_eq!(write.trace_id, bytes(TRACE));
    assert!(
        write.start_time_unix_nano >= post.start_time_unix_nano && write.end_time_unix_nano <= post.end_time_unix_nano
    );

    let [refused] = with("leadcast.outcome", "refused")[..] else { panic!("{spans:#?}") };
    assert_eq!(refused.trace_id, bytes(TRACE));
    let [cut] = with("graphql.operation.name", &"N".repeat(64))[..] else { panic!("{spans:#?}") };
    assert_eq!(attributes(cut)["graphql.operation.type"], "query");
    let sockets = with("leadcast.transport", "websocket");
    assert!(
        sockets.iter().any(|span| span.name == "query" && attributes(span)["leadcast.outcome"] == "ok"),
        "{sockets:#?}"
    );
    assert!(sockets.iter().any(|span| span.name == "subscription" && span.parent_span_id.is_empty()), "{sockets:#?}");
    for worker in ["expiry", "retention", "clock"] {
        let runs: Vec<_> = spans.iter().filter(|span| span.name == worker).collect();
        assert!(
            runs.iter().any(|run| spans.iter().any(|span| span.parent_span_id == run.span_id)),
            "{worker}: {runs:#?}"
        );
    }
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
    let failed: Vec<_> = spans.iter().filter(failed).collect();
    assert!(failed.is_empty(), "{failed:#?}");

    for secret in
        SECRETS.into_iter().chain(tokens.iter().map(String::as_str)).chain(["createLead", "totalCount", "Two rooms"])
    {
        assert!(!collector.knows(secret), "{secret}");
        let payload = secret.split('.').nth(1).unwrap_or(secret);
        assert!(!collector.knows(payload), "{payload}");
    }
    assert!(collector.knows("service.name") && collector.knows("leadcast"), "it looks where something is");
}

/// By the transaction and by the worker that met it.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_marked() {
    if !available() {
        return;
    }
    let (collector, endpoint) = Collector::start().await;
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let folder = temporary_folder();
    let variables = [("LEADCAST_OTLP_ENDPOINT", endpoint.as_str()), ("DATABASE_URL", &database.url())];
    let (mut server, _) = Program::serve(folder.path(), &variables).await;
    cluster.stop();
    server.logged("the worker expiry fails").await;
    server.signal("TERM");
    assert_eq!(server.end().await.code, Some(0));
    let spans = collector.spans();
    let failed = |span: &&Span| span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
    let failed: Vec<_> = spans.iter().filter(failed).collect();
    let worker =
        failed.iter().find(|span| attributes(span).get("leadcast.outcome").is_some_and(|outcome| outcome == "failed"));
    let worker = worker.unwrap_or_else(|| panic!("{spans:#?}"));
    assert!(
        failed
            .iter()
            .any(|span| span.parent_span_id == worker.span_id && attributes(span)["db.system.name"] == "postgresql")
    );
    assert!(!collector.knows(cluster.folder().to_str().expect("UTF-8")), "the cause is for the log");
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = (0..hex.len()).step_by(2).map(|at| &hex[at..at + 2]);
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect()
}

/// One that is not there, one that takes the connection and says nothing, and one that wants nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_costs_a_line_in_the_log() {
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("an address")
    };
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let refusing = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addresses = [gone, silent.local_addr().expect("an address"), refusing.local_addr().expect("an address")];
    tokio::spawn(axum::serve(refusing, Router::new()).into_future());
    for address in addresses {
        let folder = temporary_folder();
        let endpoint = format!("http://{address}");
        let (mut server, url) = Program::serve(folder.path(), &[("LEADCAST_OTLP_ENDPOINT", &endpoint)]).await;
        do_things(&url).await;
        server.logged("takes no traces").await;
        do_things(&url).await;
        server.signal("TERM");
        let ended = server.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("takes no traces"), "once a minute is enough: {ended:?}");
    }
}
