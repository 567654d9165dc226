//! SQLite, run in place. The stock wrapper hops to the blocking pool for every statement, which costs more than most
//! statements do; [`InPlace`] runs them on the worker thread under `block_in_place`. It needs the multi-threaded runtime.

use std::{
    fs::File,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use diesel::sqlite::SqliteConnection;
use diesel_async::{
    AsyncConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool},
    sync_connection_wrapper::SpawnBlocking,
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{runtime::Handle, time::timeout};

use super::{tx::Sqlite, writer::Writer};
use crate::error::{Fault, Result};

/// Runs a blocking closure on the current worker thread, after telling tokio to move its other tasks away.
pub struct InPlace;

impl SpawnBlocking for InPlace {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn std::error::Error + Send + Sync>>>
    where
        R: Send + 'static,
    {
        async move { Ok(tokio::task::block_in_place(task)) }.boxed()
    }

    fn get_runtime() -> Self {
        Self
    }
}

/// A transaction on the current worker thread, from its beginning to its end: to move the thread's other tasks away costs more
/// than most statements do, so it is done once for all of them.
pub(crate) fn in_place<T>(transaction: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(transaction))
}

/// One writer (SQLite has only one anyway, and a queue in front of it is fair where its own lock is not), several readers.
#[derive(Clone)]
pub(crate) struct Pools {
    pub writer: Pool<Sqlite>,
    /// Where transactions wait for the writer.
    pub turns: Writer,
    pub readers: Pool<Sqlite>,
    pub path: Arc<Path>,
}

const READERS: usize = 8;
/// How long the last checkpoint waits for the writer.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Every commit is on the disk when it is acknowledged (`synchronous = FULL`). The writer checkpoints when idle ([`checkpoint`]).
const SETUP: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;";
/// In the pools a busy database is tried again by `Db`, which waits without blocking a thread.
const SHORT: &str = "PRAGMA busy_timeout = 100;";
/// Beside a server that writes.
const PATIENT: &str = "PRAGMA busy_timeout = 5000;";
const READ_ONLY: &str = "PRAGMA query_only = ON;";

impl Pools {
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            turns: Writer::start().map_err(Fault::internal)?,
            writer: pool(path, 1, format!("{SHORT}{SETUP}"))?,
            readers: pool(path, READERS, format!("{SHORT}{SETUP}{READ_ONLY}"))?,
            path: path.into(),
        })
    }

    /// With a last checkpoint, so that what is left is one file that needs no recovery. The connection that is closed last
    /// removes the write-ahead log.
    pub async fn close(&self) {
        if let Ok(Ok(mut conn)) = timeout(CLOSE_PATIENCE, self.writer.get()).await
            && let Err(error) = conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").await
        {
            tracing::warn!(%error, "the last checkpoint failed: the write-ahead log stays beside the database");
        }
        tokio::task::block_in_place(|| {
            self.readers.close();
            self.writer.close();
        });
    }

    /// Of the database and of its write-ahead log, in bytes.
    pub fn sizes(&self) -> [(&'static str, u64); 2] {
        let size = |file: &Path| std::fs::metadata(file).map_or(0, |file| file.len());
        [("database", size(&self.path)), ("wal", size(&self.wal()))]
    }

    fn wal(&self) -> PathBuf {
        format!("{}-wal", self.path.display()).into()
    }
}

fn pool(path: &Path, size: usize, setup: String) -> Result<Pool<Sqlite>> {
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let (url, setup) = (url.to_owned(), setup.clone());
        async move {
            let mut conn = Sqlite::establish(&url).await?;
            conn.batch_execute(&setup).await.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
            Ok(conn)
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::new_with_config(path.to_string_lossy(), config);
    Pool::builder(manager).max_size(size).build().map_err(|e| Fault::internal(e).into())
}

/// A connection of its own, for migrations.
pub(crate) fn connect(path: &Path) -> Result<SqliteConnection, diesel::ConnectionError> {
    // A new file is its owner's alone, and what SQLite puts beside it likewise: it has the contacts. (Should it be there, or
    // not to be made, SQLite says what is to be said.)
    drop(File::options().create_new(true).write(true).mode(0o600).open(path));
    tokio::task::block_in_place(|| established(path, &format!("{PATIENT}{SETUP}")))
}

/// A connection that leaves the file as it is, for backups. Blocks.
pub(crate) fn open(path: &Path) -> Result<SqliteConnection, diesel::ConnectionError> {
    established(path, "PRAGMA busy_timeout = 2000;")
}

fn established(path: &Path, setup: &str) -> Result<SqliteConnection, diesel::ConnectionError> {
    use diesel::{Connection, connection::SimpleConnection};
    let mut conn = SqliteConnection::establish(&path.to_string_lossy())?;
    conn.batch_execute(setup).map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Held for as long as the process serves this database file: two servers on one file would each tail only their own
/// events. Released by the system when the process ends, however it ends.
pub(crate) fn lock(path: &Path) -> std::io::Result<File> {
    // By whatever name the file is called: the lock stands beside the file itself.
    let named = |error: std::io::Error| std::io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let lock = beside(&real(path).map_err(named)?, "lock");
    let held = File::options().create(true).truncate(false).write(true).open(&lock).map_err(named)?;
    match held.try_lock() {
        Ok(()) => Ok(held),
        Err(std::fs::TryLockError::WouldBlock) => Err(std::io::Error::new(
            std::io::ErrorKind::ResourceBusy,
            format!(
                "{} is served by another leadcast: stop that one, or choose another LEADCAST_DATA (--data) or DATABASE_URL (--database-url)",
                path.display()
            ),
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(named(error)),
    }
}

/// The file that a path leads to, by its one true name; also when it is yet to be made.
pub(crate) fn real(path: &Path) -> std::io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        found => return found,
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match path.read_link() {
        // To a file that is not there: canonicalize does not follow it.
        Ok(target) => real(&folder.join(target)),
        Err(_) => Ok(folder.canonicalize()?.join(path.file_name().unwrap_or_default())),
    }
}

/// `leads.db` and `lock` make `leads.db.lock`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Above this size the write-ahead log is folded into the database even while writes keep coming.
const WAL_LIMIT: u64 = 64 << 20;

/// Folds the write-ahead log into the database when nothing was written for a second, or when it has grown too large.
pub(crate) async fn checkpoint(pools: Pools) {
    let wal = pools.wal();
    let mut seen = 0;
    let mut every_second = tokio::time::interval(Duration::from_secs(1));
    loop {
        every_second.tick().await;
        let size = std::fs::metadata(&wal).map_or(0, |wal| wal.len());
        let idle = size > 0 && size == seen;
        seen = size;
        if !(idle || size > WAL_LIMIT) {
            continue;
        }
        if let Ok(mut conn) = pools.writer.get().await {
            match conn.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)").await {
                Ok(()) => seen = 0,
                Err(error) => tracing::debug!(%error, "checkpoint put off"),
            }
        }
    }
}
