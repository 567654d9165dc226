//! GraphQL over HTTP to the letter: media types, status codes, methods and bodies. Who may ask from where is in `origins`;
//! what a browser is shown, in `playground`.

mod origins;
mod playground;

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    wire::{RawHttp, Reply, get, head, http, send},
};

const GRAPHQL_RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";
/// Answered in full.
const QUERY: &str = "{ viewer { id } }";
/// Answered in part: `users` is for administrators.
const HALF: &str = "{ viewer { id } users { nodes { id } } }";
const LEAD: &str = "query($id: ID!) { lead(id: $id) { id } }";
const TWO: &str = "query A { viewer { id } } query B { viewer { id } }";
/// Would change something, if a GET could.
const MUTATION: &str =
    "mutation M { upsertUser(input: { id: \"made-by-get\", role: PROVIDER }) { userErrors { code } } }";

async fn server() -> TestServer {
    TestServer::start(Engine::Sqlite).await
}

/// A POST of `pat`'s.
fn post(server: &TestServer) -> RequestBuilder {
    http().post(server.url("/graphql")).bearer_auth(server.token("demo", "pat"))
}

async fn ask(server: &TestServer, accept: &str, body: &Value) -> Reply {
    send(post(server).header("accept", accept).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_media_type_is_the_clients_choice() {
    let server = server().await;
    for (accept, expected) in [
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json;q=0.9", JSON),
        ("application/graphql-response+json;q=0.5, application/json;q=0.4", GRAPHQL_RESPONSE),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
    ] {
        for body in [json!({ "query": QUERY }), json!({ "query": "{" }), json!([])] {
            let reply = ask(&server, accept, &body).await;
            assert_eq!(reply.header("content-type"), format!("{expected}; charset=utf-8"), "{accept} {reply:?}");
            assert_eq!(reply.header("vary"), "accept");
        }
    }
    for accept in ["text/html", "image/*", "application/json;q=0", "application/json; charset=latin1", ""] {
        let reply = ask(&server, accept, &json!({ "query": QUERY })).await;
        assert_eq!((reply.status, reply.header("vary")), (406, "accept".to_owned()), "{accept}");
        assert!(reply.refusal().contains(GRAPHQL_RESPONSE), "{reply:?}");
    }
    let body = json!({ "query": QUERY }).to_string();
    let mut connection = RawHttp::connect(&server).await;
    connection.write(head(&server.token("demo", "pat"), &body, "") + &body).await;
    let reply = connection.read_to_end().await;
    assert!(reply.contains("content-type: application/json; charset=utf-8"), "without Accept: {reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_executed_is_400_and_has_no_data() {
    let server = server().await;
    for (body, expected) in [
        (json!({ "query": "" }), "Syntax error"),
        (json!({ "query": "{ viewer { id }" }), "Syntax error"),
        (json!({ "query": "{ nope }" }), "nope"),
        (json!({ "query": "{ viewer }" }), "subselection"),
        (json!({ "query": "{ viewer { id @nope } }" }), "nope"),
        (json!({ "query": "{ lead { id } }" }), "id"),
        (json!({ "query": "{ lead(id: $id) { id } }" }), "id"),
        (json!({ "query": "{ ...Nope }" }), "Nope"),
        (json!({ "query": LEAD }), "$id"),
        (json!({ "query": LEAD, "variables": { "id": null } }), "$id"),
        (json!({ "query": LEAD, "variables": { "id": {} } }), "id"),
        (json!({ "query": "query($n: Int) { leads(first: $n) { totalCount } }", "variables": { "n": "x" } }), "n"),
        (json!({ "query": TWO }), "operationName"),
        (json!({ "query": TWO, "operationName": "C" }), "\"C\""),
        (json!({ "query": QUERY, "operationName": "A" }), "\"A\""),
    ] {
        for (accept, status) in [(GRAPHQL_RESPONSE, 400), (JSON, 200)] {
            let reply = ask(&server, accept, &body).await;
            assert_eq!(reply.status, status, "{body}: {reply:?}");
            assert!(reply.refusal().contains(expected), "{body}: {reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_executed_is_200_even_with_errors() {
    let server = server().await;
    for (body, errors) in [
        (json!({ "query": QUERY }), json!(null)),
        (json!({ "query": TWO, "operationName": "B" }), json!(null)),
        (json!({ "query": QUERY, "operationName": null, "variables": null, "extensions": null }), json!(null)),
        (json!({ "query": QUERY, "variables": {}, "extensions": { "a": 1 }, "unknown": 1 }), json!(null)),
        (json!({ "query": HALF }), json!([["users"]])),
    ] {
        for accept in [GRAPHQL_RESPONSE, JSON] {
            let reply = ask(&server, accept, &body).await;
            assert_eq!(reply.status, 200, "{body}: {reply:?}");
            assert_eq!(reply.json()["data"]["viewer"]["id"], "pat");
            let paths =
                reply.json()["errors"].as_array().map(|all| all.iter().map(|error| error["path"].clone()).collect());
            assert_eq!(paths.map_or(Value::Null, Value::Array), errors, "{reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_request_is_400() {
    let server = server().await;
    let query = json!(QUERY);
    for (body, expected) in [
        (json!([]).to_string(), "one request at a time"),
        (json!([{ "query": query }, { "query": query }]).to_string(), "one request at a time"),
        (json!("x").to_string(), "JSON object"),
        (json!({}).to_string(), "`query` is missing"),
        (json!({ "query": null }).to_string(), "`query` is missing"),
        (json!({ "query": 1 }).to_string(), "`query` must be a string"),
        (json!({ "query": query, "operationName": 1 }).to_string(), "`operationName` must be"),
        (json!({ "query": query, "variables": "{}" }).to_string(), "`variables` must be"),
        (json!({ "query": query, "variables": [] }).to_string(), "`variables` must be"),
        (json!({ "query": query, "extensions": 0 }).to_string(), "`extensions` must be"),
        ("{ not json".to_owned(), "not JSON"),
        (String::new(), "not JSON"),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "not JSON"),
    ] {
        for accept in [GRAPHQL_RESPONSE, JSON] {
            let request = post(&server).header("accept", accept).header("content-type", JSON);
            let reply = send(request.body(body.clone())).await;
            assert_eq!(reply.status, 400, "{reply:?}");
            assert!(reply.refusal().contains(expected), "{expected}: {reply:?}");
            assert!(reply.header("content-type").starts_with(accept), "{reply:?}");
        }
    }
    let reply = send(post(&server).header("content-type", JSON).body(vec![b'"', 0xff, b'"'])).await;
    assert_eq!((reply.status, reply.refusal().contains("not JSON")), (400, true), "not UTF-8: {reply:?}");
}

/// A web page may send what these forbid without being asked by the browser whether it may.
#[tokio::test(flavor = "multi_thread")]
async fn only_json_in_utf8_is_read() {
    let server = server().await;
    let body = json!({ "query": QUERY }).to_string();
    for (content_type, status) in [
        (Some("application/json"), 200),
        (Some("Application/JSON"), 200),
        (Some("application/json; charset=utf-8"), 200),
        (Some("application/json;charset=\"UTF-8\"; profile=x"), 200),
        (Some("application/json; charset=latin1"), 415),
        (Some("application/graphql"), 415),
        (Some("application/jsonx"), 415),
        (Some("text/plain"), 415),
        (Some("application/x-www-form-urlencoded"), 415),
        (Some("multipart/form-data; boundary=x"), 415),
        (None, 415),
    ] {
        let mut request = post(&server).body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let reply = send(request).await;
        assert_eq!(reply.status, status, "{content_type:?}: {reply:?}");
        if status == 415 {
            assert!(reply.refusal().contains("application/json"), "{reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_read_in_two_ways_is_not_read() {
    let server = server().await;
    let body = json!({ "query": QUERY }).to_string();
    for (name, value, status, said) in [
        ("authorization", "Bearer nonsense", 400, "There is more than one Authorization header."),
        ("content-encoding", "gzip", 415, "The body must be sent as it is, without Content-Encoding."),
    ] {
        let reply = send(post(&server).header("content-type", JSON).header(name, value).body(body.clone())).await;
        assert_eq!((reply.status, reply.refusal().as_str()), (status, said), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_be_as_large_as_the_limit() {
    let server = server().await;
    let limit = server.app.settings.limits.body_bytes;
    let padded = |length: usize| {
        let body = json!({ "query": QUERY }).to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    for (length, status) in [(limit, 200), (limit + 1, 413)] {
        let reply = send(post(&server).header("content-type", JSON).body(padded(length))).await;
        assert_eq!(reply.status, status, "{length}: {reply:?}");
        if status == 413 {
            assert!(reply.refusal().contains(&limit.to_string()), "{reply:?}");
            assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_its_readers_alone_and_no_page() {
    let server = server().await;
    let answers = [
        ask(&server, JSON, &json!({ "query": QUERY })).await,
        ask(&server, "image/*", &json!({})).await,
        get(&server, "/healthz").await,
        get(&server, "/readyz").await,
        get(&server, "/metrics").await,
        get(&server, "/dev/tokens").await,
        get(&server, "/nowhere").await,
    ];
    for answer in answers {
        for (name, value) in [
            ("cache-control", "no-store"),
            (
                "content-security-policy",
                "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), value, "{name}: {answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_long_is_compressed_for_those_who_can_read_it() {
    let server = server().await;
    let long = json!({ "query": "{ __schema { types { name description fields { name description } } } }" });
    let encoded = async |body: &Value, accepted: &str| {
        let request = post(&server).header("accept-encoding", accepted).json(body);
        let response = request.send().await.expect("the server answers");
        let encoding = response.headers().get("content-encoding").cloned();
        (encoding, response.bytes().await.expect("the answer arrives whole"))
    };
    let (none, plain) = encoded(&long, "identity").await;
    assert!(none.is_none() && serde_json::from_slice::<Value>(&plain).is_ok_and(|answer| answer["data"].is_object()));
    for (accepted, expected) in [("gzip", "gzip"), ("gzip, br", "br")] {
        let (encoding, bytes) = encoded(&long, accepted).await;
        assert_eq!(encoding.expect("it is encoded"), expected);
        assert!(bytes.len() < plain.len() / 2, "{accepted}: {} of {} bytes", bytes.len(), plain.len());
    }
    let (none, _) = encoded(&json!({ "query": QUERY }), "gzip, br").await;
    assert!(none.is_none(), "what is short is sent as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_not_waited_for() {
    let short = Duration::from_millis(100);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.body_time = short).await;
    let body = json!({ "query": QUERY }).to_string();
    let mut connection = RawHttp::connect(&server).await;
    connection.begin(&server.token("demo", "pat"), &body).await;
    connection.write(&body[..10]).await;
    let answer = connection.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n") && answer.contains("too long"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_reads_and_never_writes() {
    let server = server().await;
    let both = format!("query Q {QUERY} {MUTATION}");
    for (parameters, status, allow) in [
        (&[("query", QUERY)][..], 200, ""),
        (&[("query", LEAD), ("variables", "{\"id\": \"x\"}"), ("extensions", "{}")], 200, ""),
        (&[("query", TWO), ("operationName", "B")], 200, ""),
        (&[("query", &both), ("operationName", "Q")], 200, ""),
        (&[("query", QUERY), ("variables", ""), ("operationName", "")], 200, ""),
        (&[("query", MUTATION)], 405, "POST"),
        (&[("query", MUTATION), ("operationName", "M")], 405, "POST"),
        (&[("query", &both), ("operationName", "M")], 405, "POST"),
        (&[("query", "subscription { leadCreated { cursor } }")], 400, ""),
        (&[("query", "{ nope }")], 400, ""),
        (&[("query", LEAD), ("variables", "nope")], 400, ""),
        (&[("query", LEAD), ("variables", "[]")], 400, ""),
        (&[("query", QUERY), ("extensions", "1")], 400, ""),
        (&[("query", QUERY), ("query", QUERY)], 400, ""),
        (&[("query", "")], 400, ""),
        (&[], 400, ""),
    ] {
        let url = Url::parse_with_params(&server.url("/graphql"), parameters).expect("a URL");
        let request = http().get(url).bearer_auth(server.token("demo", "admin")).header("accept", GRAPHQL_RESPONSE);
        let reply = send(request).await;
        assert_eq!((reply.status, reply.header("allow").as_str()), (status, allow), "{parameters:?}: {reply:?}");
        assert_eq!(reply.json()["data"].is_object(), status == 200, "{parameters:?}: {reply:?}");
    }
    let made = server.user("demo", "admin").query("{ user(id: \"made-by-get\") { id } }", Value::Null).await;
    assert_eq!(made.field("user"), &Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_addresses_are_refused() {
    let server = server().await;
    let unheard_of = Method::from_bytes(b"BREW").expect("a method");
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, unheard_of] {
        let reply = send(http().request(method.clone(), server.url("/graphql")).json(&json!({ "query": QUERY }))).await;
        assert_eq!((reply.status, reply.header("allow").as_str()), (405, "GET, POST"), "{method}: {reply:?}");
        assert!(reply.refusal().contains("POST"), "{reply:?}");
    }
    for path in ["/nope", "/graphql/", "/graphql/nope", "/dev", "/..%2f..%2fetc%2fpasswd"] {
        let reply = get(&server, path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert!(reply.text.contains("/graphql"), "{path}: {}", reply.text);
    }
    for path in ["/healthz", "/readyz", "/metrics", "/dev/tokens"] {
        assert_eq!(send(http().post(server.url(path))).await.status, 405, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_told_where_to_go() {
    let server = server().await;
    let body = json!({ "query": "subscription { leadCreated { cursor } }" });
    for accept in [GRAPHQL_RESPONSE, JSON] {
        let reply = ask(&server, accept, &body).await;
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.refusal().contains("graphql-transport-ws"), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_without_a_token_not_even_for_the_schema() {
    let server = server().await;
    let good = server.token("demo", "pat");
    for (authorization, challenge) in [
        (None, "Bearer"),
        (Some(String::new()), "Bearer"),
        (Some(format!("Basic {good}")), "Bearer"),
        (Some(good.clone()), "Bearer"),
        (Some("Bearer nope".to_owned()), "Bearer error=\"invalid_token\""),
        (Some(format!("Bearer {good}x")), "Bearer error=\"invalid_token\""),
    ] {
        for query in [QUERY, "{ __schema { types { name } } }", "{ __typename }", "{", MUTATION] {
            let mut request = http().post(server.url("/graphql")).json(&json!({ "query": query }));
            if let Some(authorization) = &authorization {
                request = request.header("authorization", authorization);
            }
            let reply = send(request).await;
            assert_eq!((reply.status, reply.header("www-authenticate").as_str()), (401, challenge), "{reply:?}");
            assert_eq!(reply.json()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
            reply.refusal();
        }
    }
    assert_eq!(get(&server, "/graphql?query=%7B__typename%7D").await.status, 401);
    let reply = ask(&server, JSON, &json!({ "query": "{ __schema { queryType { name } } }" })).await;
    assert_eq!(reply.json()["data"]["__schema"]["queryType"]["name"], "Query");
}

/// What is wrong is said in a few lines, however long it is.
#[tokio::test(flavor = "multi_thread")]
async fn errors_are_short() {
    const SHORT: usize = 16 << 10;
    let server = server().await;
    let long = "x".repeat(900_000);
    let failing: Vec<_> = (0..500).map(|n| format!("f{n}: users {{ totalCount }}")).collect();
    for (what, body) in [
        ("a field", json!({ "query": format!("{{ {long} }}") })),
        ("many fields", json!({ "query": format!("{{ {} }}", "nope ".repeat(20_000)) })),
        ("an argument", json!({ "query": format!("{{ viewer {{ id(a: \"{long}\") }} }}") })),
        ("a string without an end", json!({ "query": format!("{{ lead(id: \"{long}) {{ id }} }}") })),
        ("a syntax error after it", json!({ "query": format!("{{ lead(id: \"{long}\") {{ id }}") })),
        ("no GraphQL at all", json!({ "query": "] ".repeat(450_000) })),
        ("a variable's name", json!({ "query": format!("query(${long}: Int!) {{ viewer {{ id }} }}") })),
        ("a variable's type", json!({ "query": format!("query($v: {long}) {{ lead(id: $v) {{ id }} }}") })),
        ("a variable", json!({ "query": LEAD, "variables": { "id": { "x": long } } })),
        ("an operation's name", json!({ "query": TWO, "operationName": long })),
        ("a fragment's name", json!({ "query": format!("{{ ...{long} }}") })),
        ("a directive", json!({ "query": format!("{{ viewer {{ id @{long} }} }}") })),
        (
            "fields in conflict",
            json!({ "query": format!("{{ {} }}", "a: viewer { id } a: streamCursor ".repeat(1_000)) }),
        ),
        ("fields that fail", json!({ "query": format!("{{ {} }}", failing.join(" ")) })),
        ("an id", json!({ "query": LEAD, "variables": { "id": long } })),
    ] {
        let reply = ask(&server, GRAPHQL_RESPONSE, &body).await;
        assert!(reply.text.len() < SHORT, "{what}: {} bytes", reply.text.len());
        assert!(matches!(reply.status, 200 | 400), "{what}: {reply:?}");
        let errors = reply.json()["errors"].as_array().map_or(0, Vec::len);
        assert!(errors <= 20, "{what}: {errors} errors");
    }
    let unread = send(post(&server).header("content-type", JSON).body(format!("{{\"{long}"))).await;
    assert!(unread.status == 400 && unread.text.len() < SHORT, "{} bytes", unread.text.len());
}
