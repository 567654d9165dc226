//! A transaction on either engine, and the one macro that lets a query be written once.

use diesel::sqlite::SqliteConnection;
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, TransactionManager, pooled_connection::deadpool::Object,
    sync_connection_wrapper::SyncConnectionWrapper,
};

use super::sqlite::InPlace;
use crate::{
    error::{Error, Result},
    ids::TenantId,
};

pub type Sqlite = SyncConnectionWrapper<SqliteConnection, InPlace>;
pub type Postgres = AsyncPgConnection;

/// An open transaction. Stores run their queries on it with [`on!`]; only [`super::Db`] opens and ends one.
///
/// One that is dropped before its end (a panic) takes its connection out of the pool and closes it, so that neither its
/// locks nor its half-done work outlive it.
pub struct Tx {
    pub(crate) connection: Option<Connection>,
    /// Whether events were appended, so that the hub is woken after the commit.
    pub(crate) appended: bool,
    ended: bool,
}

#[allow(clippy::large_enum_variant)] // one per transaction, never in a collection
pub enum Connection {
    Sqlite(Object<Sqlite>),
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
    pub fn reads_only(self) -> bool {
        matches!(self, Self::Read(_) | Self::Across)
    }
}

/// Runs a diesel query on whichever connection the transaction has. Inside, `$conn` is the connection and `Backend` the
/// engine's diesel backend (for `into_boxed::<Backend>()`). The expression is compiled once for each engine.
macro_rules! on {
    ($tx:expr, $conn:ident => $query:expr) => {
        match $tx.connection()? {
            $crate::db::Connection::Sqlite($conn) => {
                #[allow(dead_code)]
                type Backend = diesel::sqlite::Sqlite;
                $query
            }
            $crate::db::Connection::Postgres($conn) => {
                #[allow(dead_code)]
                type Backend = diesel::pg::Pg;
                $query
            }
        }
    };
}
pub(crate) use on;

impl Tx {
    /// For the few places where the engines need different statements.
    pub fn connection(&mut self) -> Result<&mut Connection> {
        self.connection.as_mut().ok_or_else(|| Error::internal("the transaction has ended"))
    }

    pub(crate) async fn begin(connection: Connection, mode: Mode) -> Result<Self> {
        // Made first: when BEGIN fails or is cancelled half-way, the connection is thrown away with it.
        let mut tx = Self { connection: Some(connection), appended: false, ended: false };
        match tx.connection()? {
            Connection::Sqlite(conn) => {
                let begin = if mode.reads_only() { "BEGIN" } else { "BEGIN IMMEDIATE" };
                conn.spawn_blocking(move |conn| {
                    diesel::connection::AnsiTransactionManager::begin_transaction_sql(conn, begin)
                })
                .await?;
            }
            Connection::Postgres(conn) => {
                let begin = match mode {
                    Mode::Read(tenant) => {
                        format!("BEGIN READ ONLY; SET LOCAL leadcast.tenant = '{tenant}'")
                    }
                    Mode::Write(tenant) => format!("BEGIN; SET LOCAL leadcast.tenant = '{tenant}'"),
                    Mode::Across => "BEGIN READ ONLY".to_owned(),
                    Mode::Upkeep => "BEGIN".to_owned(),
                };
                AnsiTransactionManager::begin_transaction_sql(&mut **conn, &begin).await?;
            }
        }
        Ok(tx)
    }

    pub(crate) async fn commit(mut self) -> Result<()> {
        match self.connection()? {
            Connection::Sqlite(conn) => {
                <Sqlite as diesel_async::AsyncConnection>::TransactionManager::commit_transaction(&mut **conn).await?;
            }
            Connection::Postgres(conn) => AnsiTransactionManager::commit_transaction(&mut **conn).await?,
        }
        self.ended = true;
        Ok(())
    }

    /// Rolls back. Should that fail, dropping the transaction closes its connection, which has the same effect.
    pub(crate) async fn roll_back(mut self) {
        let Ok(connection) = self.connection() else { return };
        let done = match connection {
            Connection::Sqlite(conn) => {
                <Sqlite as diesel_async::AsyncConnection>::TransactionManager::rollback_transaction(&mut **conn).await
            }
            Connection::Postgres(conn) => AnsiTransactionManager::rollback_transaction(&mut **conn).await,
        };
        match done {
            Ok(()) => self.ended = true,
            Err(error) => tracing::warn!(%error, "rolling back failed; the connection is closed"),
        }
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match self.connection.take() {
            Some(Connection::Sqlite(conn)) => drop(Object::take(conn)),
            Some(Connection::Postgres(conn)) => drop(Object::take(conn)),
            None => {}
        }
    }
}
