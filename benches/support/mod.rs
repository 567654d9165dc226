//! What benches share: a database of either engine, made for the bench and gone with it, and tokens for whoever asks.

#[path = "../../tests/it/support/postgres.rs"]
pub mod postgres;

use std::{path::Path, sync::Arc, time::Duration};

use clap::ValueEnum;
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, connection::SimpleConnection, sql_query, sql_types::Text,
    sqlite::SqliteConnection,
};
use leadcast::{
    auth::Key,
    clock::Clock,
    config::Settings,
    db::{Target, migrate},
    users::Role,
};
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use self::postgres::{Cluster, Database};

#[derive(ValueEnum, strum::Display, Clone, Copy, PartialEq, Eq, Debug)]
#[strum(serialize_all = "lowercase")]
pub enum Engine {
    Sqlite,
    Postgres,
}

pub const SECRET: &str = "a key that nothing but this benchmark uses";

/// A migrated database that is durable (`synchronous = FULL`; a cluster with fsync), and otherwise empty.
pub struct Ground {
    pub engine: Engine,
    pub target: Target,
    data: TempDir,
    /// Kept running.
    _cluster: Option<(Arc<Cluster>, Database)>,
}

impl Ground {
    pub async fn open(engine: Engine) -> Self {
        let data = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder can be made");
        let (target, cluster) = match engine {
            Engine::Sqlite => (Target::Sqlite(data.path().join("bench.db")), None),
            Engine::Postgres => {
                assert!(postgres::available(), "PostgreSQL is not installed");
                let cluster = Cluster::new().await;
                let database = cluster.database().await;
                (Target::Postgres(database.url()), Some((cluster, database)))
            }
        };
        migrate(&target).await.expect("the migrations run");
        Self { engine, target, data, _cluster: cluster }
    }

    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    /// A connection beside leadcast, of somebody who may do everything.
    pub async fn connect(&self) -> Connection {
        match &self.target {
            Target::Sqlite(path) => {
                let path = path.to_str().expect("a path in UTF-8");
                let mut conn = SqliteConnection::establish(path).expect("the file can be opened");
                conn.batch_execute("PRAGMA busy_timeout = 20000").expect("a pragma");
                Connection::Sqlite(conn)
            }
            Target::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
                tokio::spawn(connection);
                Connection::Postgres(client)
            }
        }
    }
}

pub enum Connection {
    Sqlite(SqliteConnection),
    Postgres(tokio_postgres::Client),
}

impl Connection {
    pub async fn execute(&mut self, sql: &str) {
        match self {
            Self::Sqlite(conn) => {
                tokio::task::block_in_place(|| conn.batch_execute(sql))
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }
            Self::Postgres(client) => {
                client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
            }
        }
    }

    /// The rows of a query, each one text: the only column, which is called `detail`.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            detail: String,
        }
        match self {
            Self::Sqlite(conn) => {
                let rows = tokio::task::block_in_place(|| sql_query(sql).load::<Row>(conn));
                let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
                rows.into_iter().map(|row| row.detail).collect()
            }
            Self::Postgres(client) => {
                let rows = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
                let text = |message: SimpleQueryMessage| match message {
                    SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                    _ => None,
                };
                rows.into_iter().filter_map(text).collect()
            }
        }
    }
}

/// A token for a day.
pub fn token(slug: &str, user: &str, role: Role) -> String {
    let (now, day) = (Clock::default().now(), Duration::from_hours(24));
    let key = Key::hs256(SECRET.as_bytes(), &Settings::defaults());
    key.issue(slug, &user.into(), role, now, day).expect("a token can be signed")
}
