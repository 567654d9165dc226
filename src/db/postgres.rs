//! PostgreSQL: the pool and how its connections are set up.

use std::{str::FromStr, time::Duration};

use diesel::ConnectionError;
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool},
};
use futures_util::FutureExt;
use tokio_postgres::{Config, NoTls};

use crate::error::{Fault, Result, in_one_line};

/// A forgotten transaction would hold locks and the event watermark of the whole cluster: nothing may stay open for long. And
/// what is acknowledged is on the disk, also where the cluster, the database or the role is set up to be faster than that
/// (other settings than `off` wait for standbys as well, and stay).
const SESSION: &str = "SET idle_in_transaction_session_timeout = '5s'; SET statement_timeout = '10s'; SET lock_timeout = '3s'; \
     SET timezone = 'UTC'; \
     SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

/// Migrations may take long, but never queue for a lock in front of everybody else.
const MIGRATION_SESSION: &str = "SET lock_timeout = '2s'; SET timezone = 'UTC';";

pub(crate) fn pool(url: &str, connections: usize) -> Result<Pool<AsyncPgConnection>> {
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(|url| connect(url.to_owned(), SESSION).boxed());
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    Pool::builder(manager).max_size(connections).build().map_err(|e| Fault::internal(e).into())
}

/// A connection outside the pool, for the event tail.
pub(crate) async fn connect_alone(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    connect(url.to_owned(), SESSION).await
}

pub(crate) async fn connect_for_migrations(url: &str) -> Result<AsyncPgConnection, ConnectionError> {
    connect(url.to_owned(), MIGRATION_SESSION).await
}

async fn connect(url: String, session: &'static str) -> Result<AsyncPgConnection, ConnectionError> {
    let mut config = Config::from_str(&url).map_err(|e| ConnectionError::InvalidConnectionUrl(e.to_string()))?;
    config.connect_timeout(Duration::from_secs(2));
    // A host that has gone without a word is found out in seconds, whether it owes an answer or not.
    config.keepalives(true).keepalives_idle(Duration::from_secs(10));
    config.keepalives_interval(Duration::from_secs(3)).keepalives_retries(3).tcp_user_timeout(Duration::from_secs(10));
    if config.get_application_name().is_none() {
        config.application_name("leadcast");
    }
    let (client, connection) =
        config.connect(NoTls).await.map_err(|e| ConnectionError::BadConnection(in_one_line(&e)))?;
    let mut conn = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
    conn.batch_execute(session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
