//! How every pooled connection is set up: that what is acknowledged is on the disk, and that nothing forgotten stays open, hangs
//! on these.

use std::sync::Arc;

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use leadcast::{
    db::{Connection, Target},
    error::Result,
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Engine, TestServer, market::Market, postgres::available, soon};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    value: String,
}

/// All that are pooled.
const READERS: usize = 8;
const CONNECTIONS: usize = 16;

const PRAGMAS: &str = "SELECT (SELECT synchronous FROM pragma_synchronous) || ' ' || (SELECT journal_mode FROM pragma_journal_mode)
    || ' ' || (SELECT foreign_keys FROM pragma_foreign_keys) || ' ' || (SELECT query_only FROM pragma_query_only) AS value";
const SETTINGS: &str =
    "SELECT concat_ws(' ', current_setting('synchronous_commit'), current_setting('statement_timeout'),
    current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')) AS value";

/// What each of so many connections says, all of which are held at the same time: none is asked twice.
async fn said_by(server: &TestServer, connections: usize, writing: bool) -> Vec<String> {
    let tenant = Market { server, tenant: "demo" }.tenant_id().await;
    let all_here = Arc::new(Barrier::new(connections));
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (db, all_here) = (server.app.db.clone(), all_here.clone());
        asking.spawn(async move {
            let ask = async move |tx: &leadcast::db::Tx| -> Result<String> {
                let Row { value } = match tx.connection()? {
                    Connection::Sqlite(conn) => sql_query(PRAGMAS).get_result(&mut **conn.lock().await).await?,
                    Connection::Postgres(conn) => sql_query(SETTINGS).get_result(&mut &**conn).await?,
                };
                all_here.wait().await;
                Ok(value)
            };
            if writing { db.write(tenant, ask).await } else { db.read(tenant, ask).await }
        });
    }
    let said = soon("all connections to be there at once", asking.join_all()).await;
    said.into_iter().map(|said| said.expect("an answer")).collect()
}

/// None is missing: as many transactions as there are connections can be open at once.
pub async fn all_connections_work(server: &TestServer) {
    let sqlite = matches!(server.app.settings.database(), Target::Sqlite(_));
    for (writing, connections) in
        if sqlite { [(true, 1), (false, READERS)] } else { [(true, CONNECTIONS), (false, CONNECTIONS)] }
    {
        assert_eq!(said_by(server, connections, writing).await.len(), connections);
    }
}

/// `synchronous` 2 is FULL.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_sqlite_waits_for_the_disk() {
    let server = TestServer::start(Engine::Sqlite).await;
    assert_eq!(said_by(&server, 1, true).await, ["2 wal 1 0"]);
    assert_eq!(said_by(&server, READERS, false).await, ["2 wal 1 1"; READERS]);
}

/// Also where the cluster's own setting is another: that of the tests forgets what it has committed.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_postgres_waits_for_the_disk_and_for_nothing_else_for_long() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    for writing in [true, false] {
        assert_eq!(said_by(&server, CONNECTIONS, writing).await, ["on 10s 3s 5s"; CONNECTIONS]);
    }
}
