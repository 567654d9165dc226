//! A client that goes away in the middle of its request leaves no transaction and no lock behind.

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, QUINN},
    both_engines,
    postgres::{Cluster, available},
    sql::Sql,
    wire::{RawHttp, eventually, head},
};

both_engines!(a_request_may_be_cut_anywhere);

const CLAIM: &str =
    "mutation($lead: ID!) { claimLead(input: { leadId: $lead, maxPrice: 1000 }) { replayed userErrors { code } } }";
const PRICE: i64 = 5;

fn claim(lead: &Value) -> String {
    json!({ "query": CLAIM, "variables": { "lead": lead } }).to_string()
}

/// Whatever became of the request: its sender sends it again, and has paid once in the end.
async fn is_paid_once(server: &TestServer, lead: &Value, spent: i64) {
    server.act(PAT, "claimLead", json!({ "leadId": lead, "maxPrice": PRICE })).await.done();
    let wallet = server.ask(PAT, "{ viewer { wallet { balance } } }", Value::Null).await;
    assert_eq!(wallet.field("viewer")["wallet"]["balance"], 100 - spent);
    let count = server.ask(ADMIN, "query($id: ID!) { lead(id: $id) { claimCount } }", json!({ "id": lead })).await;
    assert_eq!(count.field("lead")["claimCount"], 1);
}

async fn a_request_may_be_cut_anywhere(engine: Engine) {
    let server = TestServer::start(engine).await;
    let token = server.token("demo", "pat");
    let mut spent = 0;
    for cut in 0..12 {
        let lead = server.open(json!({ "price": PRICE })).await;
        let body = claim(&lead);
        let mut connection = RawHttp::connect(&server).await;
        match cut {
            // In the head, in the body, and after all of it, when the server is anywhere in its work.
            0 => connection.write(&head(&token, &body, "")[..100]).await,
            1 => connection.begin(&token, &body).await,
            2 => {
                connection.begin(&token, &body).await;
                connection.write(&body[..body.len() - 1]).await;
            }
            _ => connection.write(head(&token, &body, "") + &body).await,
        }
        drop(connection);
        spent += PRICE;
        is_paid_once(&server, &lead, spent).await;
    }
    // Were a transaction still open, this would wait for it.
    let sql = Sql::of(&server).await;
    let everything =
        if sql.is_sqlite() { "BEGIN IMMEDIATE; COMMIT" } else { "BEGIN; LOCK leads, wallets, claims; COMMIT" };
    sql.run(everything).await.expect("nobody holds a lock");
}

/// The client goes while its transaction waits for a lock that somebody else holds. A cluster of its own, because an open
/// transaction holds back everybody's events.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_be_cut_while_it_waits_for_a_lock() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    let database = cluster.database().await;
    let server = TestServer::start_on(&database).await;
    let lead = server.open(json!({ "price": PRICE, "maxClaims": 1 })).await;
    let (holder, observer) = (Sql::of(&server).await, Sql::of(&server).await);
    let sessions = async |what: &str| {
        observer
            .text(&format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leadcast' AND {what}"))
            .await
    };
    holder.run("BEGIN; SELECT FROM leads FOR UPDATE").await.expect("a lock");
    let body = claim(&lead);
    let mut connection = RawHttp::connect(&server).await;
    connection.write(head(&server.token("demo", "pat"), &body, "") + &body).await;
    eventually("the claim to wait for the lock", async || sessions("wait_event_type = 'Lock'").await != "0").await;
    drop(connection);
    holder.run("ROLLBACK").await.expect("the lock is released");

    // Whichever of the two it is, the place is given once.
    server.act(QUINN, "claimLead", json!({ "leadId": lead, "maxPrice": PRICE })).await;
    eventually("all transactions to be over", async || sessions("xact_start IS NOT NULL").await == "0").await;
    let count = server.ask(ADMIN, "query($id: ID!) { lead(id: $id) { claimCount } }", json!({ "id": lead })).await;
    assert_eq!(count.field("lead")["claimCount"], 1);
    holder.run("BEGIN; LOCK leads, wallets, claims; COMMIT").await.expect("nobody holds a lock");
}
