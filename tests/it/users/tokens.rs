//! Which tokens are taken, and how little is said about why one is not.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use leadcast::app::signing_secret;
use serde_json::{Value, json};

use crate::support::{Engine, TestServer, api::with, both_engines, client::Client, socket::Heard, sql::Sql};

both_engines!(tokens_that_are_not_taken, tokens_that_are_taken, only_a_bearer_token_counts);

/// Signs whatever it is given.
pub struct Mint(Vec<u8>);

impl Mint {
    pub fn of(server: &TestServer) -> Self {
        Self(signing_secret(&server.app.settings).expect("it can be read").expect("the server has a key"))
    }

    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(Algorithm::HS256, claims)
    }

    fn sign_with(&self, algorithm: Algorithm, claims: &Value) -> String {
        let key = EncodingKey::from_secret(&self.0);
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).expect("anything can be signed")
    }
}

/// Good claims of Casey's for an hour, with what is changed in two steps. A claim that is set to null is left out.
pub fn claims(server: &TestServer, change: &Value, more: &Value) -> Value {
    let now = server.app.clock.now().as_seconds();
    let good = json!({ "iss": "leadcast", "aud": "leadcast", "sub": "casey", "tenant": "demo", "role": "CUSTOMER",
        "iat": now, "exp": now + 3_600 });
    let mut claims = with(with(good, change.clone()), more.clone());
    if let Value::Object(claims) = &mut claims {
        claims.retain(|_, value| !value.is_null());
    }
    claims
}

/// The claims that make a token bad, one at a time.
fn bad_claims(now: i64) -> Vec<Value> {
    let mut changes: Vec<Value> =
        ["iss", "aud", "sub", "tenant", "role", "iat", "exp"].map(|claim| json!({ claim: null })).to_vec();
    for claim in ["iss", "aud", "sub", "tenant", "role"] {
        changes.extend([
            json!({ claim: "someone else's" }),
            json!({ claim: 7 }),
            json!({ claim: "" }),
            json!({ claim: ["x"] }),
        ]);
    }
    // Anybody may be called `someone else's`.
    changes.retain(|change| change["sub"] != "someone else's");
    for claim in ["iat", "exp"] {
        changes.extend([
            json!({ claim: "soon" }),
            json!({ claim: now.to_string() }),
            json!({ claim: true }),
            json!({ claim: 1e300 }),
        ]);
    }
    changes.extend([
        json!({ "exp": now }),
        json!({ "exp": now - 1 }),
        json!({ "exp": 0 }),
        json!({ "exp": -1 }),
        json!({ "iat": now + 3_000 }),
        json!({ "role": "OWNER" }),
        json!({ "tenant": "demo2" }),
        json!({ "tenant": "Demo" }),
        json!({ "tenant": "demo\u{0}" }),
        json!({ "sub": "x".repeat(129) }),
        json!({ "sub": "with\u{0}nul" }),
        json!({ "sub": " padded" }),
        json!({ "name": 7 }),
    ]);
    changes
}

fn bad_tokens(server: &TestServer) -> Vec<(String, String)> {
    let mint = Mint::of(server);
    let good = claims(server, &json!({}), &json!({}));
    let changes = bad_claims(server.app.clock.now().as_seconds());
    let mut tokens: Vec<_> =
        changes.iter().map(|change| (change.to_string(), mint.sign(&claims(server, change, &json!({}))))).collect();

    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = mint.sign(&good);
    let [header, payload, signature] = signed.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let admin = encode(with(good.clone(), json!({ "role": "ADMIN" })));
    for algorithm in ["none", "None", "NONE", "", "HS256", "RS256"] {
        let header = encode(json!({ "alg": algorithm, "typ": "JWT" }));
        tokens.push((format!("alg {algorithm:?}, unsigned"), format!("{header}.{admin}.")));
        tokens.push((format!("alg {algorithm:?}, without its signature"), format!("{header}.{payload}")));
    }
    let other_key = Mint(b"another key, and a long enough one".to_vec());
    tokens.extend([
        ("another key".to_owned(), other_key.sign(&good)),
        ("an empty key".to_owned(), Mint(Vec::new()).sign(&good)),
        ("HS384".to_owned(), mint.sign_with(Algorithm::HS384, &good)),
        ("HS512".to_owned(), mint.sign_with(Algorithm::HS512, &good)),
        ("another payload".to_owned(), format!("{header}.{admin}.{signature}")),
        ("half a signature".to_owned(), format!("{header}.{payload}.{}", &signature[..20])),
        ("no signature".to_owned(), format!("{header}.{payload}.")),
        ("one part".to_owned(), "casey".to_owned()),
        ("two dots".to_owned(), "..".to_owned()),
        ("a list".to_owned(), mint.sign(&json!([1, 2]))),
        ("a very long one".to_owned(), "a".repeat(6_000)),
    ]);
    tokens
}

/// A refusal says that the token has expired or that it is not valid, and nothing else; nobody gets a row by it.
async fn tokens_that_are_not_taken(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    let before = sql.traces().await;
    for (what, token) in bad_tokens(&server) {
        let answer =
            Client::new(server.url("/graphql"), Some(token.clone())).query("{ __typename }", Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (401, "UNAUTHENTICATED"), "{what}");
        let message = answer.body["errors"][0]["message"].as_str().expect("a message");
        assert!(["The token is not valid.", "The token has expired."].contains(&message), "{what}: {message}");
        let (errors, members) =
            (answer.body["errors"].as_array().expect("a list"), answer.body.as_object().expect("an object"));
        assert_eq!((errors.len(), members.len()), (1, 1), "{what}: {answer}");
        assert_eq!(errors[0]["extensions"], json!({ "code": "UNAUTHENTICATED" }), "{what}");

        let mut socket = server.raw_socket().await;
        socket
            .say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } }))
            .await;
        let Heard::Closed { code: 4403, reason } = socket.hear().await else { panic!("{what} opens a socket") };
        assert_eq!(reason, message, "{what}");
    }
    assert_eq!(sql.traces().await, before);
}

async fn tokens_that_are_taken(engine: Engine) {
    let server = TestServer::start(engine).await;
    let now = server.app.clock.now().as_seconds();
    for change in [
        json!({}),
        json!({ "role": "customer" }),
        json!({ "iat": now + 30 }),
        json!({ "iat": 0 }),
        json!({ "aud": ["other", "leadcast"] }),
        json!({ "sub": "auth0|5f7c8ec7c33c6c004bbafe82" }),
        json!({ "sub": "Zoë 🦊" }),
        json!({ "exp": i64::MAX }),
        json!({ "more": { "than": "needed" } }),
    ] {
        let token = Mint::of(&server).sign(&claims(&server, &change, &json!({})));
        let document = "{ viewer { id tokenExpiresAt } }";
        let answer = Client::new(server.url("/graphql"), Some(token)).query(document, Value::Null).await;
        let expires_at = answer.field("viewer")["tokenExpiresAt"].as_str().expect("a moment");
        assert!(expires_at.parse::<leadcast::clock::Timestamp>().is_ok(), "{change}: {expires_at}");
    }
}

/// No token in the header, or something else in its place.
async fn only_a_bearer_token_counts(engine: Engine) {
    let server = TestServer::start(engine).await;
    let token = server.token("demo", "casey");
    let http = reqwest::Client::builder().no_proxy().build().expect("a plain HTTP client");
    for (header, status) in [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (token.clone(), 401),
        (format!("Basic {token}"), 401),
        (format!("Token {token}"), 401),
        (format!("Bearer{token}"), 401),
        ("Bearer ".to_owned(), 401),
        ("Bearer".to_owned(), 401),
        (String::new(), 401),
    ] {
        let body = json!({ "query": "{ __typename }" });
        let request = http.post(server.url("/graphql")).header("authorization", &header).json(&body);
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status().as_u16(), status, "{}", header.replace(&token, "…"));
        assert_eq!(answer.headers().contains_key("www-authenticate"), status == 401);
    }
    let in_the_address = http.post(server.url(&format!("/graphql?access_token={token}")));
    let answer = in_the_address.json(&json!({ "query": "{ __typename }" })).send().await.expect("the server answers");
    assert_eq!(answer.status().as_u16(), 401);
}
