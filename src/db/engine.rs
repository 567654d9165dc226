//! The engine behind a [`super::Db`] and its pools of connections.

use std::{sync::Arc, time::Duration};

use ::deadpool::Status;
use diesel_async::pooled_connection::deadpool;
use tokio::sync::Mutex;

use super::{Connection, Mode, Target, postgres, sqlite, tx};
use crate::error::{Fault, Result};

/// How long to wait for a connection before saying that the service is busy.
const POOL_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(sqlite::Pools),
    Postgres { pool: deadpool::Pool<tx::Postgres>, url: Arc<str> },
}

/// How a pool is, in numbers of connections.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    pub name: &'static str,
    pub idle: usize,
    pub in_use: usize,
    pub max: usize,
    /// Those that wait for one.
    pub waiting: usize,
}

const WRITER: &str = "writer";
const READERS: &str = "readers";
const SHARED: &str = "shared";

impl Engine {
    pub fn open(target: &Target, connections: usize) -> Result<Self> {
        Ok(match target {
            Target::Sqlite(path) => Self::Sqlite(sqlite::Pools::open(path)?),
            Target::Postgres(url) => {
                Self::Postgres { pool: postgres::pool(url, connections)?, url: url.as_str().into() }
            }
        })
    }

    /// As traces have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres { .. } => "postgresql",
        }
    }

    pub async fn connection(&self, mode: Mode) -> Result<Connection> {
        match self {
            Self::Sqlite(pools) => {
                let pool = if mode.reads_only() { &pools.readers } else { &pools.writer };
                patient(POOL_PATIENCE, pool.get()).await.map(Mutex::new).map(Connection::Sqlite)
            }
            Self::Postgres { pool, .. } => patient(POOL_PATIENCE, pool.get()).await.map(Connection::Postgres),
        }
    }

    /// The name of the pool that such a transaction takes its connection from.
    pub fn pool_of(&self, mode: Mode) -> &'static str {
        match self {
            Self::Sqlite(_) if mode.reads_only() => READERS,
            Self::Sqlite(_) => WRITER,
            Self::Postgres { .. } => SHARED,
        }
    }

    /// How many connections there are that tenants share.
    pub fn shared(&self) -> usize {
        match self {
            Self::Sqlite(pools) => pools.readers.status().max_size,
            Self::Postgres { pool, .. } => pool.status().max_size,
        }
    }

    /// Lets no more transactions begin. Connections are closed as soon as nobody uses them.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(pools) => pools.close().await,
            Self::Postgres { pool, .. } => pool.close(),
        }
    }

    /// `in_line`: how many wait for their tenant's share.
    pub fn pools(&self, in_line: usize) -> Vec<Pool> {
        let shared = |pool: Pool| Pool { waiting: pool.waiting + in_line, ..pool };
        match self {
            Self::Sqlite(pools) => {
                let writer = state(WRITER, &pools.writer.status());
                let waiting = writer.waiting + pools.turns.waiting();
                vec![Pool { waiting, ..writer }, shared(state(READERS, &pools.readers.status()))]
            }
            Self::Postgres { pool, .. } => vec![shared(state(SHARED, &pool.status()))],
        }
    }
}

fn state(name: &'static str, status: &Status) -> Pool {
    let idle = status.available.min(status.size);
    Pool { name, idle, in_use: status.size - idle, max: status.max_size, waiting: status.waiting }
}

async fn patient<T, E: std::error::Error + Send + Sync + 'static>(
    patience: Duration,
    get: impl Future<Output = Result<T, E>>,
) -> Result<T> {
    match tokio::time::timeout(patience, get).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(Fault::unavailable(error).into()),
        Err(_) => Err(Fault::unavailable("no free database connection").into()),
    }
}
