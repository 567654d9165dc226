//! Tokens of an identity provider: which keys check them, where those come from, where claims are found; and how a token ends
//! before its time.

mod attacks;
mod claims;
mod program;
mod revocation;
mod rotation;

use leadcast::config::{JwksAt, Settings};
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{
    Engine, TestServer,
    client::{Answer, Client},
    database::temporary_folder,
    keys::{Pair, claims as good_claims, set},
    program::SECRET,
};

/// Without anything of the database in it: one engine will do.
async fn server(change: impl FnOnce(&mut Settings)) -> TestServer {
    TestServer::start_with(Engine::Sqlite, change).await
}

async fn ask(server: &TestServer, token: &str) -> Answer {
    Client::new(server.url("/graphql"), Some(token.to_owned())).query("{ viewer { id } }", Value::Null).await
}

async fn is_taken(server: &TestServer, token: &str) -> bool {
    let answer = ask(server, token).await;
    match answer.status {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => {
            assert_eq!(answer.body["errors"][0]["message"], "The token is not valid.");
            false
        }
        other => panic!("{other}: {answer}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_key_is_taken_beside_the_secret() {
    let folder = temporary_folder();
    let file = folder.path().join("jwks.json");
    let pairs = [Pair::rsa(), Pair::ec(), Pair::ed()];
    std::fs::write(&file, set(&pairs.each_ref()).to_string()).expect("a file can be written");
    let server = server(|settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        settings.tokens.jwks = Some(JwksAt::File(file));
    })
    .await;
    let claims = good_claims(&server);
    for pair in pairs.iter().chain([&Pair::secret(SECRET.as_bytes())]) {
        assert!(is_taken(&server, &pair.token(&claims)).await, "{}", pair.kid);
        // The only one of its kind needs no name.
        let header = serde_json::json!({ "alg": pair.algorithm }).to_string();
        assert!(is_taken(&server, &pair.token_with(&header, &claims.to_string())).await, "{}, without a kid", pair.kid);
    }
    // The other's signature under this one's name.
    let stranger = Pair::next_rsa().called("rsa");
    assert!(!is_taken(&server, &stranger.token(&claims)).await);
    assert!(!is_taken(&server, &Pair::secret(&[7; 32]).token(&claims)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_keys_a_token_names_one() {
    let folder = temporary_folder();
    let file = folder.path().join("jwks.json");
    let pairs = [Pair::rsa(), Pair::next_rsa()];
    std::fs::write(&file, set(&pairs.each_ref()).to_string()).expect("a file can be written");
    let server = server(|settings| settings.tokens.jwks = Some(JwksAt::File(file))).await;
    let claims = good_claims(&server);
    for pair in &pairs {
        assert!(is_taken(&server, &pair.token(&claims)).await, "{}", pair.kid);
        assert!(!is_taken(&server, &pair.token_with(r#"{"alg":"RS256"}"#, &claims.to_string())).await, "{}", pair.kid);
    }
    // There is no secret: nothing is signed here, and nothing that is signed with one is taken.
    assert!(server.app.auth.key().is_none());
    assert!(!is_taken(&server, &Pair::secret(SECRET.as_bytes()).token(&claims)).await);
    assert!(!is_taken(&server, &Pair::secret(b"").token_with(r#"{"alg":"HS256"}"#, &claims.to_string())).await);
}
