//! What others make, against leadcast: the tests in tests/clients/, which Node runs. They start the server and move its clock by way of a
//! channel that is made here, for a clock can only be moved from within.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Mutex};

use crate::support::{Engine, TestServer, both_engines};

both_engines!(clients_are_content);

/// The folder of the tests, when they can be run. What is missing is said once, unless `LEADCAST_TEST_REQUIRE` asks for them.
fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let node = Command::new("node").arg("--version").output().is_ok_and(|version| version.status.success());
        if node && folder.join("node_modules").is_dir() {
            return Some(folder);
        }
        let missing = "Node 20 or newer, or what tests/clients needs of npm, was not found, so those tests were left out. Install \
            Node and run `npm ci` in tests/clients, or tests/run, to run them.";
        let required = std::env::var("LEADCAST_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|one| one == "clients"), "{missing}");
        // Not `eprintln!`, which libtest captures.
        let _ = writeln!(std::io::stderr().lock(), "\n{missing}");
        None
    });
    folder.as_deref()
}

#[derive(Clone)]
struct Control {
    engine: Engine,
    /// Of the file that is being run.
    server: Arc<Mutex<Option<TestServer>>>,
}

/// `{"smtp": url}`: starts a server, with that mail server if one is named; answers its address.
async fn start(State(control): State<Control>, body: String) -> String {
    let asked: Value = serde_json::from_str(&body).expect("JSON");
    let server = TestServer::start_with(control.engine, |settings| {
        if let Some(smtp) = asked["smtp"].as_str() {
            settings.smtp_url = Some(smtp.to_owned());
            settings.mail_from = Some("Leads <leads@example.com>".parse().expect("a mailbox"));
        }
    })
    .await;
    let url = server.url("");
    *control.server.lock().await = Some(server);
    url
}

/// `{"seconds": n}`
async fn advance(State(control): State<Control>, body: String) -> StatusCode {
    let asked: Value = serde_json::from_str(&body).expect("JSON");
    let by = Duration::from_secs(asked["seconds"].as_u64().expect("seconds"));
    match control.server.lock().await.as_ref() {
        Some(server) => server.advance(by),
        None => return StatusCode::CONFLICT,
    }
    StatusCode::NO_CONTENT
}

async fn clients_are_content(engine: Engine) {
    let Some(folder) = folder() else { return };
    let control = Control { engine, server: Arc::default() };
    let router = Router::new().route("/start", post(start)).route("/advance", post(advance));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
    let serving = tokio::spawn(axum::serve(listener, router.with_state(control.clone())).into_future());
    let run = move || {
        let mut node = Command::new("node");
        // One file after the other: each has the server for itself.
        node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
            .current_dir(folder)
            .env("LEADCAST_CONTROL", url)
            .output()
    };
    let ended = tokio::task::spawn_blocking(run).await.expect("no panic").expect("node runs");
    serving.abort();
    drop(control.server.lock().await.take());
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    // None was passed over.
    assert!(said.contains("pass 31") && said.contains("skipped 0"), "{said}");
}
