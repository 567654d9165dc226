//! What `/metrics` has, against what the README says of it; and that it counts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{metrics, value};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, unique},
    both_engines,
    sql::Sql,
    wire::eventually,
};

both_engines!(
    the_readme_lists_every_metric,
    the_database_is_counted,
    the_servers_faults_are_told_from_the_clients,
    workers_and_lag_are_counted
);

/// The names of the README's table, each with its type; those of one engine only where they are.
fn listed(engine: Engine) -> BTreeMap<String, String> {
    let readme = include_str!("../../../README.md");
    let rows = readme.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `leadcast_")?.split('|').map(str::trim);
        let name = cells.next()?.trim_end_matches('`').split('{').next()?.to_owned();
        let (kind, meaning) = (cells.next()?.to_owned(), cells.next()?);
        assert!(meaning.len() > 10, "{line}");
        (engine == Engine::Sqlite || !meaning.contains("SQLite only")).then_some((format!("leadcast_{name}"), kind))
    });
    rows.collect()
}

async fn the_readme_lists_every_metric(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.claim(PAT, &server.open(json!({ "price": 1 })).await).await;
    let text = metrics(&server).await;
    let exposed: BTreeMap<_, _> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (format!("{name}{}", if kind == "counter" { "_total" } else { "" }), kind.to_owned()))
        .collect();
    assert_eq!(exposed, listed(engine));
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        assert!(line.starts_with("leadcast_"), "{line}");
    }
}

async fn the_database_is_counted(engine: Engine) {
    let server = TestServer::start_with(engine, |settings| {
        settings.database_connections = 5.try_into().expect("not zero");
    })
    .await;
    let transactions = async |mode: &str| {
        value(&server, &format!("leadcast_database_transaction_seconds_count{{mode=\"{mode}\"}}")).await
    };
    let counts = async || (transactions("read").await, transactions("write").await);
    let before = counts().await;
    server.open(json!({})).await;
    server.ask(ADMIN, "{ leads { nodes { id } } }", Value::Null).await;
    let after = counts().await;
    assert!(after.0 > before.0 && after.1 >= before.1 + 2, "{before:?} {after:?}");

    let (pools, max) = if engine == Engine::Sqlite {
        (["writer", "readers"].as_slice(), [1, 8].as_slice())
    } else {
        (&["shared"][..], &[5][..])
    };
    for (pool, max) in pools.iter().zip(max) {
        assert_eq!(value(&server, &format!("leadcast_database_connections_max{{pool=\"{pool}\"}}")).await, *max);
        let waiting = format!("leadcast_database_connections_waiting{{pool=\"{pool}\"}}");
        eventually("nobody to wait", async || value(&server, &waiting).await == 0).await;
        assert!(
            value(&server, &format!("leadcast_database_connection_wait_seconds_count{{pool=\"{pool}\"}}")).await > 0
        );
        // Of one moment: the workers take and return connections all the time.
        let text = metrics(&server).await;
        let of = |state: &str| {
            let series = format!("leadcast_database_connections{{pool=\"{pool}\",state=\"{state}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&series)).expect("the series is there");
            value.parse::<i64>().expect("a whole number")
        };
        let (idle, in_use) = (of("idle"), of("in_use"));
        assert!(idle + in_use > 0 && idle + in_use <= *max, "{pool}: {idle} {in_use}");
    }
    if engine == Engine::Sqlite {
        assert!(value(&server, "leadcast_database_file_bytes{file=\"database\"}").await > 0);
        repeated_on_sqlite(&server).await;
    }
}

/// Another process holds the write lock for longer than SQLite itself waits.
async fn repeated_on_sqlite(server: &TestServer) {
    let series = "leadcast_database_transaction_retries_total{mode=\"write\"}";
    let before = value(server, series).await;
    let sql = Sql::of(server).await;
    sql.run("BEGIN IMMEDIATE").await.expect("the lock");
    let input = json!({ "ownerId": "pat", "amount": 1, "reference": unique("late") });
    let (done, ()) = futures_util::future::join(server.act(ADMIN, "topUpWallet", input), async {
        eventually("the write to be repeated", async || value(server, series).await > before).await;
        sql.run("COMMIT").await.expect("the lock is released");
    })
    .await;
    done.done();
}

/// Whether it shows before anything is executed or in the middle of a result.
async fn the_servers_faults_are_told_from_the_clients(engine: Engine) {
    let server = TestServer::start(engine).await;
    let requests = async |transport: &str, outcome: &str| {
        value(&server, &format!("leadcast_requests_total{{transport=\"{transport}\",outcome=\"{outcome}\"}}")).await
    };
    let document = "{ viewer { wallet { balance } } }";
    server.ask(PAT, document, Value::Null).await.field("viewer");
    Sql::of(&server).await.run("ALTER TABLE wallets RENAME TO purses").await.expect("a wallet's table");
    let (failed, errors) = (requests("post", "failed").await, requests("post", "errors").await);
    let answer = server.ask(PAT, document, Value::Null).await;
    assert_eq!(answer.body["errors"][0]["extensions"]["code"], "INTERNAL", "{answer:?}");
    let mut socket = server.socket("demo", "pat").await;
    let told = socket.subscribe(document, Value::Null).message().await;
    assert!(told.to_string().contains("INTERNAL"), "{told}");
    assert_eq!((requests("post", "failed").await, requests("post", "errors").await), (failed + 1, errors));
    eventually("the socket's operation to be counted", async || requests("websocket", "failed").await == 1).await;
    let answer = server.ask(PAT, "{ leads(first: 1000) { totalCount } }", Value::Null).await;
    assert!(answer.body["errors"].is_array(), "{answer:?}");
    assert_eq!(requests("post", "failed").await, failed + 1, "a client's mistake");
}

async fn workers_and_lag_are_counted(engine: Engine) {
    let server = TestServer::start(engine).await;
    for worker in ["expiry", "retention", "clock"] {
        let runs = format!("leadcast_worker_runs_total{{worker=\"{worker}\",outcome=\"ok\"}}");
        eventually("the worker to have run", async || value(&server, &runs).await > 0).await;
        let last =
            value(&server, &format!("leadcast_worker_last_success_timestamp_seconds{{worker=\"{worker}\"}}")).await;
        let now = server.app.clock.now();
        assert!(
            (now.minus(Duration::from_mins(1)).as_seconds()..=now.as_seconds()).contains(&last),
            "{worker}: {last}"
        );
        assert_eq!(
            value(&server, &format!("leadcast_worker_runs_total{{worker=\"{worker}\",outcome=\"failed\"}}")).await,
            0
        );
    }
    // Each event that is read while it runs has a lag; those in the ring at its start have none.
    let node = async |server: &TestServer| {
        (value(server, "leadcast_event_lag_seconds_count").await, value(server, "leadcast_events_read_total").await)
    };
    let lead = server.open(json!({})).await;
    eventually("the event to be read", async || node(&server).await.0 > 0).await;
    server.claim(PAT, &lead).await;
    let second = server.second_node().await;
    let (lags, read) = node(&second).await;
    assert!(lags < read, "{lags} {read}");
    assert!(metrics(&server).await.contains("leadcast_watermark_age_seconds 0.0\n"), "nothing is held back");
}
