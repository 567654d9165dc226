//! The database: one set of queries, two engines.
//!
//! SQLite is the embedded default, PostgreSQL the one for many nodes; `DATABASE_URL` chooses. A store function takes a
//! [`Tx`] and runs its diesel expression with [`on!`], which compiles it for both. There are three doors:
//!
//! - [`Db::write`] and [`Db::read`] open a transaction of one tenant. On PostgreSQL the tenant is set in BEGIN, for row
//!   level security; in SQL the tenant is part of every key.
//! - [`Db::across`] reads past tenants: for the event tail and the workers' due lists. [`Db::upkeep`] writes past them: for
//!   the log's retention and for making tenants.
//!
//! Each runs in a task of its own that the caller only awaits, so that a request that is dropped or times out never leaves
//! a transaction open. The work is a closure that can be called again: on a serialisation failure, a deadlock or a busy
//! SQLite the transaction is rolled back and repeated.

pub mod backup;
mod constant;
mod engine;
mod epoch;
mod held;
mod migrations;
mod place;
mod postgres;
#[allow(clippy::wildcard_imports)] // generated
pub mod schema;
mod share;
pub mod sql_types;
mod sqlite;
mod tx;
mod values;
mod wakeup;
mod watermark;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_postgres::config::Host;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub(crate) use engine::Engine;
pub use engine::Pool;
pub use epoch::{Epoch, Place};
pub use held::Held;
pub use migrations::{is_there, migrate};
pub(crate) use place::placed;
use share::{Share, Shares};
pub use tx::{Connection, Tx};
pub(crate) use tx::{Mode, on};
pub use values::to_json;
pub(crate) use values::{json_value, text_enum};
pub(crate) use wakeup::relay;
pub use watermark::Watermark;

use crate::{
    clock::{Clock, Timestamp},
    error::{Error, Fault, Result},
    ids::TenantId,
    metrics::DatabaseMetrics,
    telemetry::spans,
    trouble::Trouble,
};

/// Which database: read from `DATABASE_URL`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Target {
    /// `sqlite://path/to/file` or `postgres://user@host/name`.
    pub fn parse(url: &str) -> Result<Self, String> {
        match url.split_once("://") {
            // To SQLite these are no file names: what stands beside the file, above all its lock, would stand elsewhere.
            Some(("sqlite", path)) if path.starts_with("file:") || path.starts_with(":memory:") => {
                Err("after sqlite:// comes the path of a file, such as sqlite:///var/lib/leadcast/leadcast.db"
                    .to_owned())
            }
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            Some(("postgres" | "postgresql", _)) => match url.parse::<tokio_postgres::Config>() {
                Ok(config) if config.get_dbname().is_some_and(|name| name.contains('@')) => {
                    Err("not a PostgreSQL URL: in a password, @ is written %40, / %2F, : %3A and % %25".to_owned())
                }
                Ok(_) => Ok(Self::Postgres(url.to_owned())),
                Err(error) => Err(format!("not a PostgreSQL URL: {error}")),
            },
            _ => Err("must begin with sqlite:// (and a path) or postgres://".to_owned()),
        }
    }

    /// For people and logs: without the password.
    pub fn describe(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("SQLite ({})", path.display()),
            Self::Postgres(url) => {
                let config = url.parse::<tokio_postgres::Config>().ok();
                let name = config.as_ref().and_then(|config| config.get_dbname()).unwrap_or("default database");
                let place = config.as_ref().and_then(|config| match config.get_hosts().first()? {
                    Host::Tcp(host) => Some(format!(" at {host}:{}", config.get_ports().first().unwrap_or(&5432))),
                    Host::Unix(folder) => Some(format!(" at {}", folder.display())),
                });
                format!("PostgreSQL ({name}{})", place.unwrap_or_default())
            }
        }
    }
}

/// The pool of connections. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) engine: Engine,
    pub(crate) wake: Wake,
    /// What keeps the event tail from the end of the log.
    pub held: Held,
    shares: Shares,
    metrics: DatabaseMetrics,
    /// What requests are refused for.
    trouble: Arc<Mutex<Trouble>>,
}

/// Rung after a commit that appended events.
#[derive(Clone, Default)]
pub(crate) struct Wake {
    pub hub: Arc<Notify>,
    pub others: Arc<Notify>,
}

/// A transaction's work: an async closure over `&Tx` that can be sent to another thread and cloned to be run again.
/// (A trait only because an async closure's future cannot yet be bound by `Send` otherwise.)
pub trait Work<T, R>: AsyncFnOnce(T) -> R + FnOnce(T) -> <Self as Work<T, R>>::Fut {
    type Fut: Future<Output = R>;
}
impl<F, T, Fut, R> Work<T, R> for F
where
    F: AsyncFnOnce(T) -> R + FnOnce(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// How long a transaction waits for its tenant's share.
const SHARE_PATIENCE: Duration = Duration::from_secs(2);
/// For BEGIN, which no lock holds up: a connection that does not answer by then is dead.
const BEGIN_PATIENCE: Duration = Duration::from_secs(3);
/// For what a transaction does: longer than the database's own limits, which end it with a better reason, but not for ever.
const WORK_PATIENCE: Duration = Duration::from_secs(30);
/// How long a transaction that lost a race is repeated.
const RETRY_PATIENCE: Duration = Duration::from_secs(5);

/// How many connections to PostgreSQL a node's pool has at most, unless it is told otherwise. Two cores do most with about
/// eight; the rest is for those that wait for a lock.
pub const CONNECTIONS: usize = 16;

impl Db {
    /// For a command: with the usual pool, and figures that nobody reads.
    pub fn open(target: &Target) -> Result<Self> {
        Self::open_with(target, CONNECTIONS, DatabaseMetrics::unread())
    }

    /// Opens the pool, on PostgreSQL of so many connections. Connects lazily; [`Db::ping`] tells whether the database answers.
    pub fn open_with(target: &Target, connections: usize, metrics: DatabaseMetrics) -> Result<Self> {
        let engine = Engine::open(target, connections)?;
        let trouble = Arc::new(Mutex::new(Trouble::with("the database")));
        let shares = Shares::new(engine.shared());
        Ok(Self { engine, wake: Wake::default(), held: Held::default(), shares, metrics, trouble })
    }

    /// Runs `work` in a transaction of `tenant` that may write; commits when it returns `Ok`.
    pub async fn write<F, T>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        self.detached(Mode::Write(tenant), work).await
    }

    /// Runs `work` in a read-only transaction of `tenant`.
    pub async fn read<F, T>(&self, tenant: TenantId, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        self.detached(Mode::Read(tenant), work).await
    }

    /// Reads past tenants: the event tail and the workers' due lists. What is found there is done in [`Db::write`] of its
    /// tenant.
    pub async fn across<F, T>(&self, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        self.detached(Mode::Across, work).await
    }

    /// Writes what belongs to no tenant: the log's floor and a new tenant.
    pub async fn upkeep<F, T>(&self, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        self.detached(Mode::Upkeep, work).await
    }

    async fn detached<F, T>(&self, mode: Mode, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        let db = self.clone();
        let span = spans::transaction(mode.name(), self.engine.name());
        // What has begun goes on to its end when the caller is dropped; what only waits does not begin any more.
        let caller = CancellationToken::new();
        let _dropped_with_the_caller = caller.clone().drop_guard();
        let task = tokio::spawn(async move { db.repeat(mode, work, &caller).await }.instrument(span));
        match task.await {
            Ok(result) => result,
            Err(panicked) => Err(Error::internal(panicked)),
        }
    }

    async fn repeat<F, T>(&self, mode: Mode, work: F, caller: &CancellationToken) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Clone + Send + 'static,
        T: Send + 'static,
    {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut retries = 0;
        loop {
            match self.attempt(mode, work.clone(), caller).await {
                Err(error) if lost_a_race(&error) && started.elapsed() < RETRY_PATIENCE => {
                    tracing::debug!(?error, "transaction repeated");
                    self.metrics.retry(mode.name());
                    retries += 1;
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(100));
                }
                result => {
                    // What was given up because nobody waits for it has not failed.
                    let failed = matches!(result, Err(Error::Fault(_))) && !caller.is_cancelled();
                    spans::transaction_ended(retries, failed);
                    let result = match result {
                        Err(error) if lost_a_race(&error) => Err(Fault::unavailable(error.describe()).into()),
                        result => result,
                    };
                    self.take_note(result.as_ref().err());
                    return result;
                }
            }
        }
    }

    fn take_note(&self, error: Option<&Error>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            Some(error @ Error::Fault(Fault::Unavailable(_))) => trouble.failed(&error.describe()),
            _ => trouble.went_well(),
        }
    }

    /// Whether a transaction was refused just now because the database was away, full or overrun.
    pub fn is_in_trouble(&self) -> bool {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).is_recent()
    }

    async fn attempt<F, T>(&self, mode: Mode, work: F, caller: &CancellationToken) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
        F: Send + 'static,
        T: Send + 'static,
    {
        let asked = Instant::now();
        match &self.engine {
            Engine::Sqlite(_) if mode.reads_only() => {
                let _share = self.share(mode, caller).await?;
                let connection = self.connection(mode, asked, caller).await?;
                sqlite::in_place(async {
                    let started = Instant::now();
                    self.carry_out(mode, Tx::begin(connection, mode).await?, started, work).await
                })
            }
            Engine::Sqlite(pools) => {
                let db = self.clone();
                let begun = CancellationToken::new();
                let write = async move {
                    let (tx, started) = db.begin(mode, asked, &begun).await?;
                    db.carry_out(mode, tx, started, work).await
                };
                pools.turns.run(mode.tenant(), caller, write.in_current_span()).await
            }
            Engine::Postgres { .. } => {
                let _share = self.share(mode, caller).await?;
                let (tx, started) = self.begin(mode, asked, caller).await?;
                self.carry_out(mode, tx, started, work).await
            }
        }
    }

    async fn carry_out<F, T>(&self, mode: Mode, tx: Tx, started: Instant, work: F) -> Result<T>
    where
        for<'t> F: AsyncFnOnce(&'t Tx) -> Result<T> + Work<&'t Tx, Result<T>, Fut: Send>,
    {
        let outcome = match in_time(WORK_PATIENCE, work(&tx)).await {
            Ok(value) => {
                let appended = tx.has_appended();
                in_time(WORK_PATIENCE, tx.commit()).await.map(|()| {
                    if appended {
                        self.wake.hub.notify_one();
                        self.wake.others.notify_one();
                    }
                    value
                })
            }
            Err(error) => {
                // Should this not end in time either, the connection is closed, which has the same effect.
                drop(timeout(BEGIN_PATIENCE, tx.roll_back()).await);
                Err(error)
            }
        };
        self.metrics.transaction(mode.name(), started.elapsed());
        outcome
    }

    /// The server's own need none.
    async fn share(&self, mode: Mode, caller: &CancellationToken) -> Result<Option<Share>> {
        let Some(tenant) = mode.tenant() else { return Ok(None) };
        tokio::select! {
            biased;
            share = timeout(SHARE_PATIENCE, self.shares.take(tenant)) =>
                share.map(Some).map_err(|_| Fault::unavailable("the tenant waits for its own connections").into()),
            () = caller.cancelled() => Err(writer::unwanted()),
        }
    }

    async fn connection(&self, mode: Mode, asked: Instant, caller: &CancellationToken) -> Result<Connection> {
        let connection = tokio::select! {
            biased;
            connection = self.engine.connection(mode) => connection,
            () = caller.cancelled() => Err(writer::unwanted()),
        };
        self.metrics.wait(self.engine.pool_of(mode), asked.elapsed());
        connection
    }

    /// A pooled connection may have died since it was last used: BEGIN shows it, and another is tried. Nothing is lost by
    /// that, for nothing has been said yet. Also tells when it began.
    async fn begin(&self, mode: Mode, mut asked: Instant, caller: &CancellationToken) -> Result<(Tx, Instant)> {
        let first = Instant::now();
        let mut spare: usize = self.pools().iter().map(|pool| pool.max).sum();
        loop {
            let connection = self.connection(mode, asked, caller).await?;
            let started = Instant::now();
            match in_time(BEGIN_PATIENCE, Tx::begin(connection, mode)).await {
                Err(Error::Fault(Fault::Unavailable(_))) if spare > 0 && first.elapsed() < 2 * BEGIN_PATIENCE => {
                    spare -= 1;
                    asked = Instant::now();
                }
                begun => return Ok((begun?, started)),
            }
        }
    }

    /// Closes the database: what runs comes to its end, nothing begins any more. Returns when no connection is left.
    pub async fn close(&self) {
        self.engine.close().await;
        while self.pools().iter().any(|pool| pool.idle + pool.in_use > 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How the pools are.
    pub fn pools(&self) -> Vec<Pool> {
        self.engine.pools(self.shares.waiting())
    }

    /// How large the embedded database's files are, in bytes; none on PostgreSQL.
    pub fn files(&self) -> Vec<(&'static str, u64)> {
        match &self.engine {
            Engine::Sqlite(pools) => pools.sizes().to_vec(),
            Engine::Postgres { .. } => Vec::new(),
        }
    }

    /// Whether the database answers; on PostgreSQL this also reads its clock.
    pub async fn ping(&self, clock: &Clock) -> Result<()> {
        #[derive(QueryableByName)]
        struct Now {
            #[diesel(sql_type = sql_types::Timestamptz)]
            now: Timestamp,
        }
        let now = self
            .across(async move |tx| {
                on!(tx,
                    sqlite conn => {
                        sql_query("SELECT 1").execute(conn).await?;
                        Ok(None)
                    },
                    postgres conn => {
                        let Now { now } = sql_query("SELECT clock_timestamp() AS now").get_result(conn).await?;
                        Ok(Some(now))
                    },
                )
            })
            .await?;
        if let Some(now) = now {
            clock.set_database_time(now);
        }
        Ok(())
    }

    /// Takes the lock that keeps a second server off the same SQLite file; nothing to take on PostgreSQL.
    pub fn lock(target: &Target) -> std::io::Result<Option<std::fs::File>> {
        match target {
            Target::Sqlite(path) => sqlite::lock(path).map(Some),
            Target::Postgres(_) => Ok(None),
        }
    }

    /// Returns when the database can no longer be written to in this process, which should never be.
    pub async fn stopped(&self) {
        match &self.engine {
            Engine::Sqlite(pools) => pools.turns.stopped().await,
            Engine::Postgres { .. } => std::future::pending().await,
        }
    }

    /// Upkeep for as long as the server runs: SQLite's checkpoints, PostgreSQL's wake-ups between nodes.
    pub async fn maintain(self) {
        match &self.engine {
            Engine::Sqlite(pools) => sqlite::checkpoint(pools.clone()).await,
            Engine::Postgres { .. } => relay(self).await,
        }
    }
}

/// PostgreSQL's 40001 and 40P01, SQLite's BUSY. (diesel-async hides the code of a deadlock; its text is what is left.)
fn lost_a_race(error: &Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error as Diesel};
    let Error::Fault(Fault::Internal(cause)) = error else { return false };
    match cause.downcast_ref::<Diesel>() {
        Some(Diesel::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => true,
        Some(Diesel::DatabaseError(DatabaseErrorKind::Unknown, info)) => {
            matches!(info.message(), "deadlock detected" | "database is locked")
        }
        _ => false,
    }
}

/// The folder of the default SQLite database.
pub fn default_sqlite(data: &Path) -> Target {
    Target::Sqlite(data.join("leadcast.db"))
}

/// The database may fall silent without closing its connections. (What a COMMIT came to that was not answered, nobody knows: it is
/// not repeated here; its sender finds out by sending the same again.)
async fn in_time<T>(patience: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(Fault::unavailable("the database does not answer").into()))
}
