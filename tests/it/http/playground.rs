//! What a browser is shown at `/graphql`, and that nobody else notices.

use std::io::Read;

use leadcast::config::Switch;
use reqwest::{Method, RequestBuilder};

use crate::support::{
    Engine, TestServer,
    program::SECRET,
    wire::{Reply, get, http, send},
};

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
const ENCODINGS: &str = "gzip, deflate, br, zstd";

async fn browse(server: &TestServer, path: &str) -> Reply {
    send(as_browser(http().get(server.url(path)))).await
}

fn as_browser(request: RequestBuilder) -> RequestBuilder {
    request.header("accept", BROWSER)
}

/// The paths of the page's own files that a text mentions.
fn assets(page: &str) -> Vec<String> {
    let parts = page.split("./playground/assets/").skip(1);
    parts.map(|part| format!("/playground/assets/{}", part.split('"').next().unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gets_a_page_and_clients_the_api() {
    let server = TestServer::start(Engine::Sqlite).await;
    let page = browse(&server, "/graphql").await;
    assert_eq!((page.status, page.header("content-type").as_str()), (200, "text/html; charset=utf-8"), "{page:?}");
    assert!(page.text.starts_with("<!doctype html>") && page.text.contains("GraphiQL"), "{page:?}");
    assert_eq!(page.header("vary"), "accept, accept-encoding");
    for path in ["/graphql?", "/graphql?operationName=X", "/graphql?queryish=1"] {
        assert!(browse(&server, path).await.text.contains("<!doctype html>"), "{path}");
    }
    for accept in ["*/*", "application/json", "application/graphql-response+json", "application/json, text/html;q=0.9"]
    {
        let reply = send(http().get(server.url("/graphql")).header("accept", accept)).await;
        assert_eq!(reply.status, 401, "{accept}: {reply:?}");
        assert!(reply.refusal().contains("token"), "{accept}: {reply:?}");
    }
    assert_eq!(get(&server, "/graphql").await.status, 401, "without Accept");
    // An operation is executed, whoever asks.
    for path in ["/graphql?query=%7Bviewer%7Bid%7D%7D", "/graphql?a=b&extensions=%7B%7D"] {
        assert_eq!(browse(&server, path).await.status, 401, "{path}");
    }
    let token = server.token("demo", "pat");
    let request = http().get(server.url("/graphql?query=%7Bviewer%7Bid%7D%7D")).bearer_auth(token);
    assert_eq!(send(as_browser(request)).await.json()["data"]["viewer"]["id"], "pat");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_there_in_dev_mode_or_when_it_is_switched_on() {
    for (secret, playground, there) in [
        (None, None, true),
        (None, Some(Switch::Off), false),
        (Some(SECRET), None, false),
        (Some(SECRET), Some(Switch::On), true),
    ] {
        let server = TestServer::start_with(Engine::Sqlite, |settings| {
            settings.jwt_secret = secret.map(str::to_owned);
            settings.playground = playground;
        })
        .await;
        let page = browse(&server, "/graphql").await;
        assert_eq!(page.status, if there { 200 } else { 401 }, "{secret:?} {playground:?}: {page:?}");
        let notices = browse(&server, "/playground/licences.txt").await;
        assert_eq!(notices.status, if there { 200 } else { 404 }, "{secret:?} {playground:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_from_here_and_is_guarded() {
    let server = TestServer::start(Engine::Sqlite).await;
    let page = browse(&server, "/graphql").await;
    let assets = assets(&page.text);
    assert!(assets.len() >= 3 && !page.text.contains("://"), "{page:?}");
    for path in assets.iter().map(String::as_str).chain(["/graphql", "/playground/licences.txt"]) {
        let reply = browse(&server, path).await;
        assert_eq!(reply.status, 200, "{path}");
        let policy = reply.header("content-security-policy");
        let mut directives: Vec<_> = policy.split("; ").collect();
        directives.sort_unstable();
        let expected = [
            "base-uri 'none'",
            "connect-src 'self'",
            "default-src 'none'",
            "font-src 'self'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "img-src 'self' data:",
            "script-src 'self'",
            "style-src 'self' 'unsafe-inline'",
            "worker-src 'self'",
        ];
        assert_eq!(directives, expected, "{path}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
        let for_ever = path.starts_with("/playground/assets/");
        let caching = if for_ever { "public, max-age=31536000, immutable" } else { "no-cache" };
        assert_eq!(reply.header("cache-control"), caching, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_brotli_gets_it_and_others_the_same_in_the_clear() {
    let server = TestServer::start(Engine::Sqlite).await;
    let page = browse(&server, "/graphql").await;
    for path in assets(&page.text).iter().map(String::as_str).chain(["/graphql", "/playground/licences.txt"]) {
        let plain = as_browser(http().get(server.url(path))).send().await.expect("an answer");
        assert!(plain.headers().get("content-encoding").is_none(), "{path}");
        let etag = plain.headers()["etag"].clone();
        let plain = plain.bytes().await.expect("a body");
        let small = as_browser(http().get(server.url(path))).header("accept-encoding", ENCODINGS);
        let small = small.send().await.expect("an answer");
        assert_eq!(
            (&small.headers()["content-encoding"], &small.headers()["etag"]),
            (&"br".parse().expect("text"), &etag)
        );
        assert!(small.headers()["vary"].to_str().expect("text").contains("accept-encoding"), "{path}");
        let small = small.bytes().await.expect("a body");
        let mut whole = Vec::new();
        brotli_decompressor::Decompressor::new(&small[..], 4096).read_to_end(&mut whole).expect("brotli");
        assert!(whole == plain, "{path}: {} and {} bytes", whole.len(), plain.len());
        assert!(small.len() < plain.len(), "{path}");
        let known = as_browser(http().get(server.url(path))).header("if-none-match", etag);
        let known = send(known).await;
        assert_eq!((known.status, known.text.as_str()), (304, ""), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_and_what_is_not_there() {
    let server = TestServer::start(Engine::Sqlite).await;
    let page = browse(&server, "/graphql").await;
    let asset = assets(&page.text).swap_remove(0);
    for path in ["/graphql", &asset] {
        let whole = browse(&server, path).await;
        let head = send(as_browser(http().head(server.url(path)))).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        for name in ["content-type", "content-length", "etag", "cache-control", "content-security-policy"] {
            assert_eq!(head.header(name), whole.header(name), "{path}: {name}");
        }
        assert_eq!(head.header("content-length"), whole.text.len().to_string(), "{path}");
    }
    for path in [
        "/playground",
        "/playground/",
        "/playground/assets/nope.js",
        "/playground/graphql.html",
        "/playground/../graphql.html",
        "/playground/..%2f..%2fCargo.toml",
        "/playground/files.rs",
        "/graphql.html",
    ] {
        assert_eq!(browse(&server, path).await.status, 404, "{path}");
    }
    assert_eq!(send(http().request(Method::POST, server.url(&asset))).await.status, 405);
}
