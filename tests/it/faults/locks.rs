//! Locks that somebody else holds, and connections that others have taken: said clearly, and soon; gone when they are free. And
//! the order in which locks are taken, seen from outside.

use std::sync::Arc;

use leadcast::error::Result;
use serde_json::{Value, json};
use tokio::{
    sync::{Barrier, Semaphore},
    task::JoinSet,
};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, RILEY, Who},
    both_engines,
    database::Database,
    market::Market,
    postgres::{Cluster, available},
    soon,
    sql::Sql,
    wire::eventually,
};

both_engines!(a_row_that_stays_locked_is_said_to_be, connections_that_are_all_taken_are_said_to_be);

/// A server on a cluster where transactions may be held open.
async fn server(engine: Engine) -> TestServer {
    match engine {
        Engine::Sqlite => TestServer::start(engine).await,
        Engine::Postgres => {
            let database = Cluster::forgetful().await.database().await;
            TestServer::start_at(Database::Postgres(database), |_| {}).await
        }
    }
}

async fn a_row_that_stays_locked_is_said_to_be(engine: Engine) {
    let server = server(engine).await;
    let lead = server.open(json!({ "price": 5 })).await;
    let holder = Sql::of(&server).await;
    let lock = if holder.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN; SELECT FROM leads FOR UPDATE" };
    holder.run(lock).await.expect("a lock");
    let claim = json!({ "leadId": lead, "maxPrice": 5 });
    let refused = server.act(PAT, "claimLead", claim.clone()).await.answer;
    assert_eq!(refused.error_code(), "SERVICE_UNAVAILABLE");
    // Who only looks is not in anybody's way.
    let seen = server.ask(PAT, "query($id: ID!) { lead(id: $id) { claimCount } }", json!({ "id": lead })).await;
    assert_eq!(seen.field("lead")["claimCount"], 0);
    holder.run("ROLLBACK").await.expect("the lock is released");
    assert_eq!(server.act(PAT, "claimLead", claim).await.done()["replayed"], false);
}

async fn connections_that_are_all_taken_are_said_to_be(engine: Engine) {
    let server = server(engine).await;
    let lead = server.open(json!({ "price": 5 })).await;
    let [demo, rival] = Market::both(&server);
    let (demo, rival) = (demo.tenant_id().await, rival.tenant_id().await);
    // A tenant may have three quarters of sixteen.
    let (of_demo, of_rival) = if engine == Engine::Sqlite { (1, 0) } else { (12, 4) };
    let connections = of_demo + of_rival;
    let (all_here, done) = (Arc::new(Barrier::new(connections + 1)), Arc::new(Semaphore::new(0)));
    let mut holding = JoinSet::new();
    for tenant in [vec![demo; of_demo], vec![rival; of_rival]].concat() {
        let (db, all_here, done) = (server.app.db.clone(), all_here.clone(), done.clone());
        holding.spawn(async move {
            let hold = async move |_: &leadcast::db::Tx| -> Result<()> {
                all_here.wait().await;
                drop(done.acquire().await);
                Ok(())
            };
            db.write(tenant, hold).await
        });
    }
    soon("all connections to be taken", all_here.wait()).await;
    let claim = json!({ "leadId": lead, "maxPrice": 5 });
    let refused = server.act(PAT, "claimLead", claim.clone()).await.answer;
    assert_eq!(refused.error_code(), "SERVICE_UNAVAILABLE");
    if of_rival > 0 {
        let refused = server.user("rival", "pat").query("{ leads { totalCount } }", json!({})).await;
        assert_eq!(refused.error_code(), "SERVICE_UNAVAILABLE");
    }
    done.add_permits(connections);
    holding.join_all().await;
    assert_eq!(server.act(PAT, "claimLead", claim).await.done()["replayed"], false);
}

/// Lead, then wallet: whoever waits for a wallet has its lead already. (Two that took them in different orders could wait for
/// each other; storms would find that, too, but not which of them it is.)
#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_for_a_wallet_holds_its_lead() {
    if !available() {
        return;
    }
    let server = server(Engine::Postgres).await;
    let (holder, observer) = (Sql::of(&server).await, Sql::of(&server).await);
    let cases: [(Who, &str, fn(&Value, &Value) -> Value); 3] = [
        (RILEY, "claimLead", |lead, _| json!({ "leadId": lead, "maxPrice": 5 })),
        (ADMIN, "refundClaim", |_, claim| json!({ "id": claim, "reason": "a test" })),
        (ADMIN, "withdrawLead", |lead, _| json!({ "id": lead, "refundClaims": true })),
    ];
    for (who, mutation, input) in cases {
        let lead = server.open(json!({ "price": 5 })).await;
        let claim = server.claim(PAT, &lead).await;
        holder.run("BEGIN; SELECT FROM wallets FOR UPDATE").await.expect("a lock");
        let outside = async {
            let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                AND application_name = 'leadcast' AND datname = current_database()";
            eventually("the wallet to be waited for", async || observer.text(waiting).await == "1").await;
            let lead =
                format!("BEGIN; SELECT FROM leads WHERE id = '{}' FOR UPDATE NOWAIT", lead.as_str().expect("an id"));
            let locked = observer.run(&lead).await;
            observer.run("ROLLBACK").await.expect("the end of a transaction");
            holder.run("ROLLBACK").await.expect("the lock is released");
            locked
        };
        let (done, locked) = futures_util::future::join(server.act(who, mutation, input(&lead, &claim)), outside).await;
        done.done();
        assert!(locked.is_err(), "{mutation} waits for a wallet, and does not hold the lead");
    }
}
