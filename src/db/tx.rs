//! A transaction on either engine, and the one macro that lets a query be written once.

use std::sync::atomic::{AtomicBool, Ordering};

use diesel::sqlite::SqliteConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, TransactionManager, pooled_connection::deadpool::Object,
    sync_connection_wrapper::SyncConnectionWrapper,
};

use tokio::sync::Mutex;

use super::sqlite::InPlace;
use crate::{
    error::{Error, Result},
    ids::TenantId,
};

pub type Sqlite = SyncConnectionWrapper<SqliteConnection, InPlace>;
pub type Postgres = AsyncPgConnection;

/// An open transaction. Stores run their queries on it with [`on!`]; only [`super::Db`] opens and ends one.
///
/// Queries that do not wait for each other's answers may be awaited together, with `tokio::try_join!(biased; …)`: on PostgreSQL
/// they then travel in one round trip, and are executed in that order all the same. On SQLite they take turns.
///
/// One that is dropped before its end (a panic) takes its connection out of the pool and closes it, so that neither its
/// locks nor its half-done work outlive it.
pub struct Tx {
    pub(crate) connection: Option<Connection>,
    /// Whether events were appended, so that the hub is woken after the commit.
    appended: AtomicBool,
    ended: bool,
}

#[allow(clippy::large_enum_variant)] // one per transaction, never in a collection
pub enum Connection {
    Sqlite(Mutex<Object<Sqlite>>),
    Postgres(Object<Postgres>),
}

/// What a transaction is for: decides how it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Read(TenantId),
    Write(TenantId),
    /// Reads past tenants.
    Across,
    /// Writes past tenants.
    Upkeep,
}

impl Mode {
    /// Whose rows it writes; `None`: the server's own.
    pub fn tenant(self) -> Option<TenantId> {
        match self {
            Self::Read(tenant) | Self::Write(tenant) => Some(tenant),
            Self::Across | Self::Upkeep => None,
        }
    }

    /// For metrics and traces.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(_) => "write",
            Self::Across => "across",
            Self::Upkeep => "upkeep",
        }
    }

    pub fn reads_only(self) -> bool {
        matches!(self, Self::Read(_) | Self::Across)
    }

    /// In one round trip with the role and the tenant that row level security goes by.
    fn begin_on_postgres(self) -> String {
        let of_tenant = |tenant| format!("SET LOCAL ROLE leadcast_tenant; SET LOCAL leadcast.tenant = '{tenant}'");
        match self {
            // One moment for all its statements: a list is read with several.
            Self::Read(tenant) => format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", of_tenant(tenant)),
            Self::Write(tenant) => format!("BEGIN; {}", of_tenant(tenant)),
            Self::Across => "BEGIN READ ONLY; SET LOCAL ROLE leadcast_across".to_owned(),
            Self::Upkeep => "BEGIN; SET LOCAL ROLE leadcast_upkeep".to_owned(),
        }
    }
}

/// Runs a diesel query on whichever connection the transaction has. Inside, `$conn` is the connection and `Backend` the
/// engine's diesel backend (for `into_boxed::<Backend>()`). The expression is compiled once for each engine; where they need
/// different ones, both are given.
macro_rules! on {
    ($tx:expr, $conn:ident => $query:expr) => {
        $crate::db::on!($tx, sqlite $conn => $query, postgres $conn => $query)
    };
    ($tx:expr, sqlite $lite:ident => $on_sqlite:expr, postgres $pg:ident => $on_postgres:expr $(,)?) => {
        match $tx.connection()? {
            $crate::db::Connection::Sqlite(sqlite) => {
                #[allow(dead_code)]
                type Backend = diesel::sqlite::Sqlite;
                let $lite = &mut **sqlite.lock().await;
                $on_sqlite
            }
            $crate::db::Connection::Postgres(postgres) => {
                #[allow(dead_code)]
                type Backend = diesel::pg::Pg;
                let $pg = &mut &**postgres;
                $on_postgres
            }
        }
    };
}
pub(crate) use on;

impl Tx {
    /// For the few places where the engines need different statements.
    pub fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(ended)
    }

    fn connection_mut(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(ended)
    }

    pub(crate) fn note_appended(&self) {
        self.appended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_appended(&self) -> bool {
        self.appended.load(Ordering::Relaxed)
    }

    pub(crate) async fn begin(connection: Connection, mode: Mode) -> Result<Self> {
        // Made first: when BEGIN fails or is cancelled half-way, the connection is thrown away with it.
        let mut tx = Self { connection: Some(connection), appended: AtomicBool::default(), ended: false };
        match tx.connection_mut()? {
            Connection::Sqlite(conn) => {
                let begin = if mode.reads_only() { "BEGIN" } else { "BEGIN IMMEDIATE" };
                conn.get_mut()
                    .spawn_blocking(move |conn| {
                        diesel::connection::AnsiTransactionManager::begin_transaction_sql(conn, begin)
                    })
                    .await?;
            }
            Connection::Postgres(conn) => {
                AnsiTransactionManager::begin_transaction_sql(&mut **conn, &mode.begin_on_postgres()).await?;
            }
        }
        Ok(tx)
    }

    pub(crate) async fn commit(mut self) -> Result<()> {
        match self.connection_mut()? {
            Connection::Sqlite(conn) => {
                <Sqlite as diesel_async::AsyncConnection>::TransactionManager::commit_transaction(
                    &mut **conn.get_mut(),
                )
                .await?;
            }
            Connection::Postgres(conn) => AnsiTransactionManager::commit_transaction(&mut **conn).await?,
        }
        self.ended = true;
        Ok(())
    }

    /// Rolls back. Should that fail, dropping the transaction closes its connection, which has the same effect.
    pub(crate) async fn roll_back(mut self) {
        let Ok(connection) = self.connection_mut() else { return };
        let done = match connection {
            Connection::Sqlite(conn) => {
                <Sqlite as diesel_async::AsyncConnection>::TransactionManager::rollback_transaction(
                    &mut **conn.get_mut(),
                )
                .await
            }
            Connection::Postgres(conn) => AnsiTransactionManager::rollback_transaction(&mut **conn).await,
        };
        match done {
            Ok(()) => self.ended = true,
            Err(error) => tracing::debug!(%error, "rolling back failed; the connection is closed"),
        }
    }
}

fn ended() -> Error {
    Error::internal("the transaction has ended")
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match self.connection.take() {
            Some(Connection::Sqlite(conn)) => drop(Object::take(conn.into_inner())),
            Some(Connection::Postgres(conn)) => drop(Object::take(conn)),
            None => {}
        }
    }
}
