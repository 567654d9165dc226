//! Keys at the command line: what is wrong with them is told at the start.

use serde_json::json;

use crate::support::{
    database::temporary_folder,
    keys::{Pair, RSA_PUBLIC, set},
    program::{Program, SECRET},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_set_of_keys_is_told_at_the_start() {
    let folder = temporary_folder();
    let twice = json!({ "keys": [Pair::rsa().jwk(), Pair::rsa().jwk()] }).to_string();
    for (text, why) in [
        (None, "No such file"),
        (Some("not JSON".to_owned()), "not a JSON object"),
        (Some(twice), "two keys have the kid \"rsa\""),
        (
            Some(json!({ "keys": [{ "kty": "RSA", "kid": "weak", "n": "vvvv", "e": "AQAB" }] }).to_string()),
            "the key \"weak\" is RSA with 24 bits",
        ),
    ] {
        let file = folder.path().join("jwks.json");
        if let Some(text) = text {
            std::fs::write(&file, text).expect("a file can be written");
        }
        let ended = Program::run(folder.path(), &["--listen", "127.0.0.1:0", "--jwks", "jwks.json"], &[]).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("LEADCAST_JWKS") && ended.stderr.contains(why), "{why}: {ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_keys_alone_nothing_is_signed() {
    let folder = temporary_folder();
    std::fs::write(folder.path().join("jwks.json"), set(&[&Pair::ed()]).to_string()).expect("a file can be written");
    let arguments = ["token", "--tenant", "demo", "--user", "pat", "--role", "PROVIDER"];
    let ended = Program::run(folder.path(), &arguments, &[("LEADCAST_JWKS", "jwks.json")]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("LEADCAST_JWT_SECRET, which is not set"), "{ended:?}");

    // It is no dev mode: nothing is seeded, no tokens are printed or given out.
    let variables = [("LEADCAST_JWKS", "jwks.json"), ("LEADCAST_JWT_SECRET", SECRET)];
    for variables in [&variables[..1], &variables] {
        let (server, address) = Program::serve(folder.path(), variables).await;
        let tokens = crate::support::wire::http().get(format!("{address}/dev/tokens")).send().await.expect("an answer");
        assert_eq!(tokens.status(), 404);
        server.signal("TERM");
        let ended = server.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stdout.contains("Dev mode"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_is_no_secret() {
    let folder = temporary_folder();
    let pem = std::str::from_utf8(RSA_PUBLIC).expect("text");
    let ended = Program::run(folder.path(), &["--listen", "127.0.0.1:0"], &[("LEADCAST_JWT_SECRET", pem)]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("public keys go into LEADCAST_JWKS"), "{ended:?}");
    assert!(!ended.stderr.contains("MII"), "it is not repeated: {ended:?}");
}
