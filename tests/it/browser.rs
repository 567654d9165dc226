//! GraphiQL in a browser: the tests in tests/browser/, which Node runs, against a server in dev mode and one with a key of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use leadcast::config::Switch;

use crate::support::{Engine, TestServer, program::SECRET};

/// As in tests/browser/browser.mjs.
const CHROMIUM: &[&str] = &[
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// The folder of the tests, when they can be run. What is missing is said once, unless `LEADCAST_TEST_REQUIRE` asks for them.
fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        let node = Command::new("node").arg("--version").output().is_ok_and(|version| version.status.success());
        let named = std::env::var("CHROMIUM").ok();
        let chromium = CHROMIUM.iter().copied().chain(named.as_deref()).any(|place| Path::new(place).exists());
        if node && chromium && folder.join("node_modules").is_dir() {
            return Some(folder);
        }
        let missing = "Node 20 or newer, Chromium, or what tests/browser needs of npm, was not found, so those tests were left out. \
            Install both (CHROMIUM says where it is, if nowhere usual) and run `npm ci` in tests/browser, or tests/run, to run them.";
        let required = std::env::var("LEADCAST_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.split(',').any(|one| one == "browser"), "{missing}");
        // Not `eprintln!`, which libtest captures.
        let _ = writeln!(std::io::stderr().lock(), "\n{missing}");
        None
    });
    folder.as_deref()
}

#[tokio::test(flavor = "multi_thread")]
async fn graphiql_works_in_a_browser() {
    let Some(folder) = folder() else { return };
    let dev = TestServer::start(Engine::Sqlite).await;
    let production = TestServer::start_with(Engine::Sqlite, |settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        settings.playground = Some(Switch::On);
    })
    .await;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec", "--test-timeout=240000"]).current_dir(folder);
    node.env("LEADCAST_DEV", dev.url("")).env("LEADCAST_PRODUCTION", production.url(""));
    node.env("LEADCAST_TOKEN", production.token("demo", "pat"));
    let ended = tokio::task::spawn_blocking(move || node.output()).await.expect("no panic").expect("node runs");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}\n{}", String::from_utf8_lossy(&ended.stderr));
    // None was passed over.
    assert!(said.contains("pass 12") && said.contains("skipped 0"), "{said}");
}
