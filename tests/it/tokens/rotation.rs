//! Keys that come and go while the server runs, and a provider that is not well.

use std::time::Duration;

use futures_util::future::join_all;
use leadcast::config::{JwksAt, JwksPace, Settings};
use serde_json::{Value, json};

use super::{ask, is_taken, server};
use crate::{
    operators::value,
    support::{
        TestServer,
        api::with,
        database::temporary_folder,
        keys::{Pair, claims, set},
        program::SECRET,
        provider::{Provider, Shows},
        socket::{Heard, RawSocket},
        wire::eventually,
    },
};

/// By the server's clock, which stands still as far as these are concerned: nothing is read before a test moves it.
const REST: Duration = Duration::from_hours(1);
const INTERVAL: Duration = Duration::from_hours(24);

fn pace() -> JwksPace {
    JwksPace { file: INTERVAL, url: INTERVAL, rest: REST, ..JwksPace::default() }
}

fn keys_at(at: &JwksAt) -> impl FnOnce(&mut Settings) {
    let at = at.clone();
    move |settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        settings.tokens.jwks = Some(at);
        settings.tokens.jwks_pace = pace();
    }
}

/// A token with a key that nobody knows.
fn unknown(server: &TestServer, n: usize) -> String {
    let header = json!({ "alg": "RS256", "kid": format!("unknown-{n}") }).to_string();
    Pair::next_rsa().token_with(&header, &claims(server).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_read_again_when_a_token_names_a_new_key() {
    let folder = temporary_folder();
    let file = folder.path().join("jwks.json");
    let write = |text: String| std::fs::write(&file, text).expect("a file can be written");
    let (old, new) = (Pair::rsa(), Pair::next_rsa());
    write(set(&[&old]).to_string());
    let server = server(keys_at(&JwksAt::File(file.clone()))).await;
    let claims = claims(&server);
    assert!(is_taken(&server, &old.token(&claims)).await);

    write(set(&[&new]).to_string());
    // It was read just now.
    assert!(!is_taken(&server, &new.token(&claims)).await);
    server.advance(REST);
    assert!(is_taken(&server, &new.token(&claims)).await);
    assert!(!is_taken(&server, &old.token(&claims)).await);

    // What cannot be read changes nothing.
    for broken in ["", "{", "{\"keys\":[]}"] {
        write(broken.to_owned());
        server.advance(REST);
        assert!(!is_taken(&server, &old.token(&claims)).await, "{broken:?}");
        assert!(is_taken(&server, &new.token(&claims)).await, "{broken:?}");
    }
    std::fs::remove_file(&file).expect("it is there");
    server.advance(REST);
    assert!(!is_taken(&server, &old.token(&claims)).await);
    assert!(is_taken(&server, &new.token(&claims)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_again_now_and_then() {
    let (old, new) = (Pair::ec(), Pair::ed());
    let provider = Provider::start(Shows::Keys(set(&[&old]))).await;
    let server = server(keys_at(&provider.at)).await;
    let claims = claims(&server);
    assert!(is_taken(&server, &old.token(&claims)).await);
    provider.shows(Shows::Keys(set(&[&new])));
    server.advance(INTERVAL);
    // Nobody asks for the new one: it is there by itself, and the old one is gone.
    provider.was_asked(2).await;
    eventually("the old key to be gone", async || !is_taken(&server, &old.token(&claims)).await).await;
    assert!(is_taken(&server, &new.token(&claims)).await);
    assert_eq!(provider.asked(), 2, "the new key was known");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_under_a_key_that_goes_ends() {
    let (old, new) = (Pair::ec(), Pair::ed());
    let provider = Provider::start(Shows::Keys(set(&[&old, &new]))).await;
    let server = server(keys_at(&provider.at)).await;
    let claims = claims(&server);
    let mut sockets = Vec::new();
    for pair in [&old, &new] {
        let mut socket = server.raw_socket().await;
        let authorization = format!("Bearer {}", pair.token(&claims));
        socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({ "type": "connection_ack" })));
        sockets.push(socket);
    }
    provider.shows(Shows::Keys(set(&[&new])));
    server.advance(INTERVAL);
    let [mut ends, mut stays] = <[RawSocket; 2]>::try_from(sockets).unwrap_or_else(|_| unreachable!("there are two"));
    assert_eq!(ends.hear().await, Heard::Closed { code: 4403, reason: "The token is not valid.".to_owned() });
    stays.say(json!({ "type": "ping" })).await;
    assert_eq!(stays.hear().await, Heard::Message(json!({ "type": "pong" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_unknown_keys_are_one_question() {
    let (known, new) = (Pair::rsa(), Pair::next_rsa());
    let provider = Provider::start(Shows::Keys(set(&[&known]))).await;
    let server = server(keys_at(&provider.at)).await;
    let claims = claims(&server);
    // Just after it was read, nothing is asked for.
    join_all((0..50).map(|n| ask_with(&server, unknown(&server, n)))).await;
    assert_eq!(provider.asked(), 1);

    server.advance(REST);
    provider.shows(Shows::Held(set(&[&known, &new])));
    let waiting = async {
        let mut tokens: Vec<_> = (0..50).map(|n| unknown(&server, n)).collect();
        tokens.push(new.token(&claims));
        join_all(tokens.into_iter().map(|token| ask_with(&server, token))).await
    };
    let letting_go = async {
        provider.was_asked(2).await;
        // Who has a key that is known does not wait.
        assert!(is_taken(&server, &known.token(&claims)).await);
        provider.let_go();
    };
    let (answers, ()) = futures_util::future::join(waiting, letting_go).await;
    assert!(answers[..50].iter().all(|status| *status == 401), "{answers:?}");
    assert_eq!(answers[50], 200, "they all waited for the same answer");
    assert_eq!(provider.asked(), 2);

    for n in 0..20 {
        assert!(!is_taken(&server, &unknown(&server, n)).await);
    }
    assert_eq!(provider.asked(), 2, "it rests");
    server.advance(REST);
    assert!(!is_taken(&server, &unknown(&server, 0)).await);
    provider.was_asked(3).await;
    // No question for what a set at a URL cannot have.
    server.advance(REST);
    let hs256 = Pair::secret(b"another secret of thirty-two bytes");
    assert!(!is_taken(&server, &hs256.token(&claims)).await);
    assert!(!is_taken(&server, &with_alg("none", &claims)).await);
    assert_eq!(provider.asked(), 3);
}

fn with_alg(alg: &str, claims: &Value) -> String {
    Pair::rsa().token_with(&json!({ "alg": alg, "kid": "x" }).to_string(), &claims.to_string())
}

async fn ask_with(server: &TestServer, token: String) -> u16 {
    ask(server, &token).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_takes_nothing_away() {
    let (known, new) = (Pair::rsa(), Pair::next_rsa());
    let provider = Provider::start(Shows::Keys(set(&[&known]))).await;
    let server = server(keys_at(&provider.at)).await;
    let claims = claims(&server);
    let large = with(set(&[&new]), json!({ "padding": "x".repeat(256 << 10) }));
    let twice = json!({ "keys": [new.jwk(), new.jwk()] });
    let secret = json!({ "keys": [new.jwk(), { "kty": "oct", "kid": "s", "k": "c".repeat(64) }] });
    let wrong = [
        Shows::Status(500),
        Shows::Status(404),
        Shows::Text("<html>soon back</html>".to_owned()),
        Shows::Text(String::new()),
        Shows::Text("[".repeat(100_000)),
        Shows::Keys(json!({ "keys": [] })),
        Shows::Keys(large),
        Shows::Keys(twice),
        Shows::Keys(secret),
        Shows::RedirectTo("https://127.0.0.1:1/keys"),
        Shows::RedirectTo("http://keys.example.com/keys"),
    ];
    for (n, shows) in wrong.into_iter().enumerate() {
        provider.shows(shows.clone());
        server.advance(REST);
        assert!(!is_taken(&server, &new.token(&claims)).await, "{shows:?}");
        assert!(is_taken(&server, &known.token(&claims)).await, "{shows:?}");
        assert_eq!(provider.asked(), n + 2);
    }
    assert_eq!(value(&server, "leadcast_jwks_reads_total{outcome=\"failed\"}").await, 11);
    assert_eq!(value(&server, "leadcast_jwks_keys").await, 1);
    provider.shows(Shows::Keys(set(&[&known, &new])));
    server.advance(REST);
    assert!(is_taken(&server, &new.token(&claims)).await);
    assert_eq!(value(&server, "leadcast_jwks_keys").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_its_provider_and_says_so() {
    let rsa = Pair::rsa();
    let provider = Provider::start(Shows::Status(503)).await;
    let server = server(keys_at(&provider.at)).await;
    let claims = claims(&server);
    let answer = ask(&server, &rsa.token(&claims)).await;
    assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "SERVICE_UNAVAILABLE"));
    let message = answer.body["errors"][0]["message"].as_str().expect("a message");
    assert!(message.contains("the keys of its identity provider"), "{message}");
    // What needs no key of it is answered as ever.
    assert!(is_taken(&server, &Pair::secret(SECRET.as_bytes()).token(&claims)).await);
    assert!(!is_taken(&server, "nonsense").await);
    assert!(!is_taken(&server, &with_alg("none", &claims)).await);

    // One that does not answer in time is one that is away.
    provider.shows(Shows::Held(set(&[&rsa])));
    server.advance(REST);
    let answer = ask(&server, &rsa.token(&claims)).await;
    assert_eq!(answer.status.as_u16(), 503);
    provider.let_go();
    provider.shows(Shows::Keys(set(&[&rsa])));
    server.advance(REST);
    eventually("the keys to be there", async || ask(&server, &rsa.token(&claims)).await.status == 200).await;
}
