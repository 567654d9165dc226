//! Migrations, embedded in the binary. Expand/contract: a node of the version before runs on the new schema.

use std::{path::Path, time::Duration};

use diesel::{
    migration::{Migration, MigrationSource},
    sqlite::{Sqlite, SqliteConnection},
};
use diesel_async::{AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Target, postgres, sqlite};
use crate::error::{Error, Fault, Result};

const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Any number, but the same in every leadcast: the advisory lock that lets one node migrate at a time.
const LOCK: i64 = 0x006c_6561_6463_6173;
const LOCK_PATIENCE: Duration = Duration::from_mins(2);

/// Brings the database up to date and returns the names of what was applied. Several processes may call it at once.
pub async fn migrate(target: &Target) -> Result<Vec<String>> {
    match target {
        Target::Sqlite(path) => migrate_sqlite(path),
        Target::Postgres(url) => migrate_postgres(url).await,
    }
}

fn migrate_sqlite(path: &Path) -> Result<Vec<String>> {
    // Not the server's lock file: `leadcast tenant` may run beside a server.
    let lock = std::fs::File::create(sqlite::beside(path, "migration-lock")).map_err(unavailable)?;
    tokio::task::block_in_place(|| {
        lock.lock().map_err(unavailable)?;
        let mut conn = sqlite::connect(path).map_err(unavailable)?;
        refuse_other_programs_files(&mut conn)?;
        run_on_sqlite(&mut conn)
    })
}

/// A path may be mistaken, and tables are easily made.
fn refuse_other_programs_files(conn: &mut SqliteConnection) -> Result<()> {
    let others = "(SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%') > 0 \
         AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '__diesel_schema_migrations')";
    let others = diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(others));
    if diesel::RunQueryDsl::get_result(others, conn)? {
        return Err(unavailable("it is a SQLite database, but not one of leadcast"));
    }
    Ok(())
}

pub(super) fn run_on_sqlite(conn: &mut SqliteConnection) -> Result<Vec<String>> {
    let applied = conn.run_pending_migrations(SQLITE).map_err(Fault::internal)?;
    Ok(applied.iter().map(ToString::to_string).collect())
}

/// The first of `versions` that this program has no migration for: they come from a newer one.
pub(super) fn unknown(versions: &[String]) -> Result<Option<&String>> {
    let known: Vec<_> = MigrationSource::<Sqlite>::migrations(&SQLITE).map_err(Fault::internal)?;
    let known: Vec<_> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    Ok(versions.iter().find(|version| !known.contains(version)))
}

async fn migrate_postgres(url: &str) -> Result<Vec<String>> {
    let mut guard = postgres::connect_for_migrations(url).await.map_err(unavailable)?;
    take_turn(&mut guard).await?;
    refuse_other_encodings(&mut guard).await?;
    let conn = postgres::connect_for_migrations(url).await.map_err(unavailable)?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let applied = harness.run_pending_migrations(POSTGRES).map_err(Fault::internal)?;
    Ok(applied.iter().map(ToString::to_string).collect())
    // `guard` is closed here, and its advisory lock with it.
}

/// What clients write must fit: there is no telling it apart from a defect later on.
async fn refuse_other_encodings(conn: &mut AsyncPgConnection) -> Result<()> {
    let encoding = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('server_encoding')");
    let encoding: String = diesel::select(encoding).get_result(conn).await?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(unavailable(format!(
        "its encoding is {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
    )))
}

/// Waits for the advisory lock by asking again: a waiting statement would be ended by lock_timeout.
async fn take_turn(conn: &mut AsyncPgConnection) -> Result<()> {
    let deadline = tokio::time::Instant::now() + LOCK_PATIENCE;
    loop {
        let mine: bool =
            diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>(&format!("pg_try_advisory_lock({LOCK})")))
                .get_result(conn)
                .await?;
        if mine {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            return Err(unavailable("another process has been migrating this database for two minutes"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Fault(Fault::unavailable(cause))
}
