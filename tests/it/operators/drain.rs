//! How a server ends: who is sent away when, who is still answered, and what is left of it in the database.

use std::{path::Path, time::Duration};

use futures_util::future::join_all;
use leadcast::db::Target;
use serde_json::json;
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::support::{
    Engine, TestServer,
    api::{CASEY, lead_input},
    both_engines,
    database::Database,
    postgres::{Cluster, available},
    socket::Heard,
    wire::{RawHttp, eventually, http},
};

both_engines!(a_request_that_runs_still_has_its_database);

const CREATE: &str =
    "mutation($input: CreateLeadInput!) { createLead(input: $input) { lead { id } userErrors { code } } }";

/// Long after the sockets are gone and nobody listens any more.
async fn a_request_that_runs_still_has_its_database(engine: Engine) {
    let database = Database::fresh(engine).await;
    let server = TestServer::start_with(engine, |settings| settings.database_url = Some(database.target())).await;
    let mut socket = server.raw_socket().await;
    let body = json!({ "query": CREATE, "variables": { "input": lead_input() } }).to_string();
    let mut request = RawHttp::connect(&server).await;
    request.begin(&server.token_for(CASEY.tenant, CASEY.user, CASEY.role), &body).await;

    // Whoever still holds the application holds no connection.
    let app = server.app.clone();
    let ready = server.url("/readyz");
    let stopping = tokio::spawn(server.stop());
    assert!(matches!(socket.hear().await, Heard::Closed { code: 1012, .. }));
    eventually("the server to listen no more", async || http().get(&ready).send().await.is_err()).await;
    assert!(!stopping.is_finished(), "it waits for the request");
    request.write(&body).await;
    let answer = request.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\"userErrors\":[]"), "{answer}");
    stopping.await.expect("the server stops in good order");
    if let Target::Sqlite(file) = app.settings.database() {
        assert!(file.exists());
        alone(&file);
    }
}

/// One file that needs no recovery.
fn alone(database: &Path) {
    for suffix in ["-wal", "-shm"] {
        let file = format!("{}{suffix}", database.display());
        assert!(!Path::new(&file).exists(), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_left_behind() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let server = TestServer::start_on(&database).await;
    server.open(json!({})).await;
    let (observer, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let sessions = async || -> i64 {
        let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadcast'";
        observer.query_one(count, &[]).await.expect("a count").get(0)
    };
    assert!(sessions().await >= 4, "a pool, the tail, and two for wake-ups");
    let _app = server.app.clone();
    server.stop().await;
    eventually("all sessions to be gone", async || sessions().await == 0).await;
}

/// A balancer that looks now and then has the time to notice: until then everything goes on.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_closed_before_a_balancer_has_noticed() {
    let delay = Duration::from_secs(2);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.drain_delay = Some(delay)).await;
    let (ready, graphql) = (server.url("/readyz"), server.url("/graphql?query={__typename}"));
    let bearer = format!("Bearer {}", server.token("demo", "pat"));
    let mut socket = server.raw_socket().await;
    let started = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let status = async || http().get(&ready).send().await.expect("an answer").status();
    eventually("the server to say that it is not ready", async || status().await == 503).await;
    let answer = http().get(&graphql).header("authorization", bearer).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(matches!(socket.hear().await, Heard::Closed { code: 1012, .. }));
    assert!(started.elapsed() >= delay, "{:?}", started.elapsed());
    stopping.await.expect("the server stops in good order");
}

/// Each at a moment of its own: whoever is sent away connects again at once, and not all at once.
#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_sent_away_one_by_one() {
    const SOCKETS: u32 = 16;
    let pace = Duration::from_millis(100);
    let server = TestServer::start_with(Engine::Sqlite, |settings| settings.limits.drain_pace = pace).await;
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(server.raw_socket().await);
    }
    let started = Instant::now();
    let stopping = tokio::spawn(server.stop());
    let left = sockets.into_iter().map(async |mut socket| {
        assert!(matches!(socket.hear().await, Heard::Closed { code: 1012, .. }));
        started.elapsed()
    });
    let mut left = join_all(left).await;
    left.sort_unstable();
    // Sixteen random moments in 1.6 s lie within a tenth of that once in 10^14 times.
    assert!(left[left.len() - 1] > left[0] + pace * SOCKETS / 10, "{left:?}");
    stopping.await.expect("the server stops in good order");
}
