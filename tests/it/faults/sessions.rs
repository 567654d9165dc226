//! How every pooled connection is set up: that what is acknowledged is on the disk, and that nothing forgotten stays open, hangs
//! on these.

use std::sync::Arc;

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use leadcast::{
    db::{Connection, Db, Tx},
    error::Result,
    ids::Id,
};
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::{Engine, TestServer, postgres::available, soon};

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
async fn said_by(db: &Db, connections: usize, writing: bool) -> Vec<String> {
    let all_here = Arc::new(Barrier::new(connections));
    let mut asking = JoinSet::new();
    for _ in 0..connections {
        let (db, all_here) = (db.clone(), all_here.clone());
        asking.spawn(async move {
            let ask = async move |tx: &Tx| -> Result<String> {
                let Row { value } = match tx.connection()? {
                    Connection::Sqlite(conn) => sql_query(PRAGMAS).get_result(&mut **conn.lock().await).await?,
                    Connection::Postgres(conn) => sql_query(SETTINGS).get_result(&mut &**conn).await?,
                };
                all_here.wait().await;
                Ok(value)
            };
            // No tenant's, for nothing of one is asked.
            if writing { db.write(Id::random(), ask).await } else { db.read(Id::random(), ask).await }
        });
    }
    let said = soon("all connections to be there at once", asking.join_all()).await;
    said.into_iter().map(|said| said.expect("an answer")).collect()
}

/// None is missing: as many transactions as there are connections can be open at once.
pub async fn all_connections_work(db: &Db, engine: Engine) {
    let (writers, readers) = if engine == Engine::Sqlite { (1, READERS) } else { (CONNECTIONS, CONNECTIONS) };
    assert_eq!(said_by(db, writers, true).await.len(), writers);
    assert_eq!(said_by(db, readers, false).await.len(), readers);
}

/// `synchronous` 2 is FULL.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_sqlite_waits_for_the_disk() {
    let server = TestServer::start(Engine::Sqlite).await;
    assert_eq!(said_by(&server.app.db, 1, true).await, ["2 wal 1 0"]);
    assert_eq!(said_by(&server.app.db, READERS, false).await, ["2 wal 1 1"; READERS]);
}

/// Also where the cluster's own setting is another: that of the tests forgets what it has committed.
#[tokio::test(flavor = "multi_thread")]
async fn every_connection_to_postgres_waits_for_the_disk_and_for_nothing_else_for_long() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    for writing in [true, false] {
        assert_eq!(said_by(&server.app.db, CONNECTIONS, writing).await, ["on 10s 3s 5s"; CONNECTIONS]);
    }
}
