//! Requests that are given up because they take too long: what they had begun is done as a whole or not at all, and once, however
//! often they are sent again.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, with},
    both_engines,
    database::Database,
    market::{Books, Market},
    postgres::Cluster,
    sql::Sql,
    wire::eventually,
};

both_engines!(what_takes_too_long_is_given_up_and_done_once);

/// More than a pool has connections.
const CLAIMS: usize = 20;

async fn what_takes_too_long_is_given_up_and_done_once(engine: Engine) {
    let database = match engine {
        Engine::Sqlite => Database::fresh(engine).await,
        Engine::Postgres => Database::Postgres(Cluster::forgetful().await.database().await),
    };
    let short = Duration::from_millis(300);
    let server = TestServer::start_at(database, |settings| settings.limits.request_time = short).await;
    let market = Market { server: &server, tenant: "demo" };
    let mut leads = Vec::new();
    for _ in 0..CLAIMS {
        leads.push(server.open(json!({ "price": 2 })).await);
    }
    // All of it is known to the server by now: nothing but the claims has to wait.
    server.ask(PAT, "{ viewer { id } }", Value::Null).await.data();
    let holder = Sql::of(&server).await;
    let lock = if holder.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN; SELECT FROM leads FOR UPDATE" };
    holder.run(lock).await.expect("a lock");
    let claim = json!({ "maxPrice": 2 });
    let claims = leads.iter().map(|lead| server.act(PAT, "claimLead", with(claim.clone(), json!({ "leadId": lead }))));
    for given_up in join_all(claims).await {
        let answer = given_up.answer;
        assert_eq!((answer.status.as_u16(), answer.error_code()), (504, "SERVICE_UNAVAILABLE"), "{answer}");
    }
    holder.run("ROLLBACK").await.expect("the lock is released");

    // Sent again until there is an answer.
    for done in join_all(leads.iter().map(|lead| market.claim("pat", lead))).await {
        assert!(done.field("claimLead")["replayed"].is_boolean());
    }
    assert_eq!(market.audit().await["pat"], Books { balance: 100 - 2 * 20, entries: 1 + CLAIMS });
    let everything = if holder.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN; LOCK leads, wallets, claims" };
    eventually("all locks to be released", async || {
        let locked = holder.run(everything).await.is_ok();
        // After an error there may be no transaction to end.
        let _ = holder.run("ROLLBACK").await;
        locked
    })
    .await;
    let counts = "{ leads(first: 100) { nodes { claimCount } } }";
    let counts = server.ask(ADMIN, counts, Value::Null).await;
    assert_eq!(counts.field("leads")["nodes"], json!(vec![json!({ "claimCount": 1 }); CLAIMS]));
}
