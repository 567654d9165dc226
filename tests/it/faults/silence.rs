//! A database that falls silent without closing its connections, as when its host dies or the network swallows packets: here its
//! processes are stopped, which keep their sockets open. Nothing waits for them for ever, and new connections take their place.

use std::process::Command;

use serde_json::json;

use crate::support::{
    TestServer,
    market::{Market, events_stream, insist, is_opening, until},
    postgres::{Cluster, available},
    sql::Sql,
    wire::eventually,
};

/// The server processes whose last statement is like this, as soon as there are any.
async fn backends(sql: &Sql, statement: &str) -> Vec<String> {
    let pids = format!(
        "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'leadcast' AND query LIKE '{statement}'"
    );
    let mut found = String::new();
    eventually(statement, async || {
        found = sql.text(&pids).await;
        !found.is_empty()
    })
    .await;
    found.split_whitespace().map(str::to_owned).collect()
}

fn signal(name: &str, pids: &[String]) {
    assert!(!pids.is_empty(), "there is nobody to send {name}");
    let sent = Command::new("kill").arg(format!("-{name}")).args(pids).status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} {pids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_tail_takes_another_connection() {
    if !available() {
        return;
    }
    let database = Cluster::new().await.database().await;
    let server = TestServer::start_on(&database).await;
    let market = Market::both(&server)[0];
    let sql = Sql::of(&server).await;
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": market.mark().await }));
    let tail = backends(&sql, "SELECT epoch, CASE%").await;
    signal("STOP", &tail);
    let lead = market.open("told all the same", json!({})).await;
    until(&mut stream, |event| is_opening(event, &lead)).await;
    signal("CONT", &tail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_dead_connections_comes_back_to_life() {
    if !available() {
        return;
    }
    let database = Cluster::new().await.database().await;
    let server = TestServer::start_on(&database).await;
    let market = Market::both(&server)[0];
    market.open("before", json!({})).await;
    let sql = Sql::of(&server).await;
    let all = backends(&sql, "%").await;
    signal("STOP", &all);
    // Refused while dead connections are found out, then it works: the database takes new ones.
    let asked = insist(&market.user("admin"), "{ leads { nodes { title } } }", json!({})).await;
    assert_eq!(asked.field("leads")["nodes"].as_array().map(Vec::len), Some(1));
    signal("CONT", &all);
}
