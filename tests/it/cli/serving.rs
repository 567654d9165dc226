//! A server as a process: its tokens, its neighbours, its end, and the demo that is played against it.

use std::path::Path;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{failed, succeeded};
use crate::support::{
    client::Client,
    database::temporary_folder,
    program::{Ended, Program, SECRET},
    socket::{Heard, RawSocket},
};

const VIEWER: &str = "{ viewer { id user { role } tenant { name } } }";

/// A token for `boss`, an administrator of `acme`.
async fn token(folder: &Path, variables: &[(&str, &str)]) -> Ended {
    let arguments = ["token", "--tenant", "acme", "--user", "boss", "--role", "admin", "--ttl", "15m"];
    Program::run(folder, &arguments, variables).await
}

/// `leadcast | head -1`, a terminal that was closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_when_nobody_reads_what_it_says() {
    let folder = temporary_folder();
    let (mut server, address) = Program::unheard(folder.path(), &["--listen", "127.0.0.1:0"]);
    let address = address.expect("it says where it listens");
    let token = Program::run(folder.path(), &["token", "--tenant=demo", "--user=pat", "--role=PROVIDER"], &[]).await;
    let client = Client::new(format!("{address}/graphql"), Some(token.stdout.trim().to_owned()));
    for _ in 0..3 {
        assert_eq!(client.query(VIEWER, Value::Null).await.field("viewer")["id"], "pat");
    }
    server.kill().expect("it is still there");
    server.wait().expect("it is ours");
    let (mut command, _) = Program::unheard(folder.path(), &["schema"]);
    assert!(command.wait().expect("it is ours").success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_printed_alone_and_is_good() {
    for variables in [&[][..], &[("LEADCAST_JWT_SECRET", SECRET), ("LEADCAST_JWT_ISSUER", "me")]] {
        let folder = temporary_folder();
        // All of it beside a running server.
        let (_server, url) = Program::serve(folder.path(), variables).await;
        succeeded(&Program::run(folder.path(), &["tenant", "create", "acme", "--name", "Acme"], variables).await);
        let printed = token(folder.path(), variables).await;
        succeeded(&printed);
        assert_eq!(printed.stderr.is_empty(), !variables.is_empty(), "{printed:?}");
        assert!(variables.is_empty() == printed.stderr.contains("the dev key"), "{printed:?}");
        let token = printed.stdout.strip_suffix('\n').expect("a line");
        assert!(token.split('.').count() == 3 && !token.contains(char::is_whitespace), "{printed:?}");

        let answer = Client::new(format!("{url}/graphql"), Some(token.to_owned())).query(VIEWER, Value::Null).await;
        let boss = json!({ "id": "boss", "user": { "role": "ADMIN" }, "tenant": { "name": "Acme" } });
        assert_eq!(answer.field("viewer"), &boss);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_for_the_next_start_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = temporary_folder();
    succeeded(&Program::run(folder.path(), &["tenant", "create", "acme", "--name", "Acme"], &[]).await);
    let token = token(folder.path(), &[]).await.stdout;
    for _ in 0..2 {
        let (server, url) = Program::serve(folder.path(), &[]).await;
        let answer =
            Client::new(format!("{url}/graphql"), Some(token.trim().to_owned())).query(VIEWER, Value::Null).await;
        assert_eq!(answer.field("viewer")["id"], "boss");
        server.signal("INT");
        succeeded(&server.end().await);
    }
    let key = folder.path().join("data/dev-key").metadata().expect("the key is there");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    // Another server's token.
    let (_server, url) = Program::serve(temporary_folder().path(), &[]).await;
    let answer = Client::new(format!("{url}/graphql"), Some(token.trim().to_owned())).query(VIEWER, Value::Null).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_sqlite_file_has_one_server() {
    let folder = temporary_folder();
    let (first, url) = Program::serve(folder.path(), &[]).await;
    failed(&Program::run(folder.path(), &["--listen", "127.0.0.1:0"], &[]).await, "served by another leadcast");
    let address = url.trim_start_matches("http://");
    failed(&Program::run(folder.path(), &["--data", "elsewhere", "--listen", address], &[]).await, "LEADCAST_LISTEN");
    let healthy = Client::new(format!("{url}/graphql"), None).query("{ viewer { id } }", Value::Null).await;
    assert_eq!(healthy.status, StatusCode::UNAUTHORIZED, "the first one still answers");
    first.signal("TERM");
    succeeded(&first.end().await);
    let (_second, _) = Program::serve(folder.path(), &[]).await;
}

/// The lock is the file's, not the name's: also of a link to a file that the first one has yet to make.
#[tokio::test(flavor = "multi_thread")]
async fn one_sqlite_file_has_one_server_by_whatever_name() {
    let folder = temporary_folder();
    std::fs::create_dir(folder.path().join("real")).expect("a folder");
    std::os::unix::fs::symlink("real", folder.path().join("folder")).expect("a link");
    std::os::unix::fs::symlink("real/leads.db", folder.path().join("link.db")).expect("a link");
    let absolute = format!("sqlite://{}", folder.path().join("real/leads.db").display());
    let names = ["sqlite://link.db", "sqlite://real/leads.db", "sqlite://folder/leads.db", &absolute];
    for first in names {
        let (server, _) = Program::serve(folder.path(), &[("DATABASE_URL", first)]).await;
        for second in names {
            let refused = Program::run(folder.path(), &["--listen", "127.0.0.1:0"], &[("DATABASE_URL", second)]).await;
            failed(&refused, "served by another leadcast");
        }
        // However it ends.
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_server_in_good_order() {
    for signal in ["TERM", "INT"] {
        let folder = temporary_folder();
        let (server, url) = Program::serve(folder.path(), &[]).await;
        let mut socket = RawSocket::open(&format!("{}/graphql", url.replacen("http", "ws", 1))).await;
        socket.say(json!({ "type": "ping" })).await;
        assert_eq!(socket.hear().await, Heard::Message(json!({ "type": "pong" })));
        server.signal(signal);
        assert!(matches!(socket.hear().await, Heard::Closed { code: 1012, .. }), "{signal}");
        let ended = server.end().await;
        assert_eq!(ended.code, Some(0), "{signal}: {ended:?}");
        assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{signal}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_mode_prints_tokens_that_are_good() {
    let folder = temporary_folder();
    let (mut server, url) = Program::serve(folder.path(), &[]).await;
    let line = server.line_with("riley").await;
    let [tenant, user, role, _, token] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
    assert_eq!((tenant, user, role), ("demo", "riley", "PROVIDER"));
    let answer = Client::new(format!("{url}/graphql"), Some(token.to_owned())).query(VIEWER, Value::Null).await;
    assert_eq!(answer.field("viewer")["id"], "riley");
}

/// Also a second time, on what the first one has left.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_passes() {
    let folder = temporary_folder();
    let (_server, url) = Program::serve(folder.path(), &[]).await;
    for _ in 0..2 {
        let ended = Program::run(folder.path(), &["demo", "--url", &url], &[]).await;
        succeeded(&ended);
        for heard in ["leadCreated", "leadClaimed", "balanceUpdated"] {
            assert!(ended.stdout.contains(heard), "{}", ended.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_says_what_it_needs() {
    let folder = temporary_folder();
    let (_with_a_key, url) = Program::serve(folder.path(), &[("LEADCAST_JWT_SECRET", SECRET)]).await;
    for (url, why) in [
        ("http://127.0.0.1:1", "cargo run"),
        (url.as_str(), "dev mode"),
        ("https://127.0.0.1:1", "http://"),
        ("nonsense", "http://"),
    ] {
        let ended = Program::run(folder.path(), &["demo", "--url", url], &[]).await;
        failed(&ended, why);
        assert!(ended.stderr.trim().lines().count() == 1, "one line: {ended:?}");
    }
}
