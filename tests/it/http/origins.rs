//! A page of another site, open in a user's browser, is not the user.

use reqwest::Method;
use serde_json::{Value, json};

use super::{QUERY, server};
use crate::support::{
    Engine, TestServer,
    client::Client,
    socket::RawSocket,
    wire::{get, http, send},
};

const ALLOWED: &str = "https://app.example.com";
const FOREIGN: &str = "https://evil.example";

async fn server_for_a_site() -> TestServer {
    TestServer::start_with(Engine::Sqlite, |settings| settings.allowed_origins.push(ALLOWED.to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_for_allowed_sites_to_read() {
    let server = server_for_a_site().await;
    let good = server.token("demo", "pat");
    for (origin, token, status, allowed) in [
        (Some(ALLOWED), good.as_str(), 200, ALLOWED),
        // The page must be able to read why it was refused.
        (Some(ALLOWED), "nope", 401, ALLOWED),
        (Some(FOREIGN), &good, 200, ""),
        (Some("null"), &good, 200, ""),
        (Some("https://app.example.com.evil.example"), &good, 200, ""),
        (None, &good, 200, ""),
    ] {
        let mut request = http().post(server.url("/graphql")).bearer_auth(token).json(&json!({ "query": QUERY }));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let reply = send(request).await;
        assert_eq!(
            (reply.status, reply.header("access-control-allow-origin").as_str()),
            (status, allowed),
            "{origin:?}"
        );
        for varies in ["accept", "origin"] {
            assert!(reply.header("vary").to_ascii_lowercase().contains(varies), "{reply:?}");
        }
        assert_eq!(reply.header("access-control-allow-credentials"), "", "tokens are no cookies");
        if status == 401 {
            assert!(reply.header("access-control-expose-headers").contains("www-authenticate"), "{reply:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_tells_what_an_allowed_site_may_send() {
    let server = server_for_a_site().await;
    for (origin, allowed) in [(ALLOWED, ALLOWED), (FOREIGN, "")] {
        let request = http()
            .request(Method::OPTIONS, server.url("/graphql"))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let reply = send(request).await;
        assert_eq!((reply.status, reply.header("access-control-allow-origin").as_str()), (200, allowed), "{reply:?}");
        assert_eq!(reply.header("access-control-allow-methods"), "GET,POST");
        assert_eq!(reply.header("access-control-allow-headers"), "authorization,content-type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_for_allowed_sites_and_for_what_is_no_browser() {
    let server = server_for_a_site().await;
    let own = server.url("");
    for (origin, admitted) in [
        (None, true),
        (Some(ALLOWED), true),
        (Some("HTTPS://APP.EXAMPLE.COM"), true),
        (Some(own.as_str()), true),
        (Some(FOREIGN), false),
        (Some("http://app.example.com"), false),
        (Some("https://app.example.com:8443"), false),
        (Some("http://127.0.0.1:1"), false),
        (Some("null"), false),
        (Some(""), false),
    ] {
        let headers: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
        match RawSocket::open_with(&server, &headers).await {
            Ok(_) => assert!(admitted, "{origin:?}"),
            Err(refused) => {
                assert!(!admitted, "{origin:?}: {refused:?}");
                assert_eq!(refused.status, 403);
                assert!(refused.refusal().contains("LEADCAST_ALLOWED_ORIGINS"), "{refused:?}");
            }
        }
    }
}

/// A name that leads to 127.0.0.1 makes any page the server's own (DNS rebinding): so the Host is looked at, too.
#[tokio::test(flavor = "multi_thread")]
async fn dev_tokens_stay_on_this_machine() {
    let server = server().await;
    let own = server.url("");
    for (host, origin, status) in [
        ("127.0.0.1:4000", None, 200),
        ("localhost:4000", None, 200),
        ("[::1]:4000", None, 200),
        ("evil.example:4000", None, 403),
        ("localhost.evil.example", None, 403),
        ("192.168.0.1:4000", None, 403),
        (own.trim_start_matches("http://"), Some(own.as_str()), 200),
        ("127.0.0.1:4000", Some(FOREIGN), 403),
        ("127.0.0.1:4000", Some("http://127.0.0.1:5173"), 403),
        ("evil.example:4000", Some("http://evil.example:4000"), 403),
        ("127.0.0.1:4000", Some("null"), 403),
    ] {
        let mut request = http().get(server.url("/dev/tokens")).header("host", host);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let reply = send(request).await;
        assert_eq!(reply.status, status, "{host} {origin:?}: {reply:?}");
        assert_eq!(reply.text.contains("eyJ"), status == 200, "a token, or none: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_tokens_are_good_and_not_kept() {
    let server = server().await;
    let reply = get(&server, "/dev/tokens").await;
    assert_eq!(reply.header("cache-control"), "no-store");
    let tokens = reply.json();
    assert_eq!(tokens.as_array().map(Vec::len), Some(10));
    for known in tokens.as_array().expect("a list") {
        let token = known["token"].as_str().expect("a text").to_owned();
        let client = Client::new(server.url("/graphql"), Some(token));
        let answer = client.query("{ viewer { user { id role } tenant { name } } }", Value::Null).await;
        let viewer = answer.field("viewer");
        assert_eq!(viewer["user"], json!({ "id": known["user"], "role": known["role"] }));
        let tenant = if known["tenant"] == "rival" { "Rival marketplace" } else { "Demo marketplace" };
        assert_eq!(viewer["tenant"]["name"], tenant);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_key_gives_no_tokens_away() {
    let key = Some("a key that somebody has thought of".to_owned());
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.jwt_secret = key).await;
    let reply = get(&server, "/dev/tokens").await;
    assert_eq!((reply.status, reply.text.contains("eyJ")), (404, false));
}
