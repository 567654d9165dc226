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

/// Whether a database of leadcast is there, whatever its version. Changes nothing.
pub async fn is_there(target: &Target) -> Result<bool> {
    match target {
        Target::Sqlite(path) => Ok(std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() > 0)),
        Target::Postgres(url) => {
            let mut conn = postgres::connect_for_migrations(url).await.map_err(unavailable)?;
            has_log(&mut conn).await
        }
    }
}

fn migrate_sqlite(path: &Path) -> Result<Vec<String>> {
    let path = &sqlite::real(path).map_err(unavailable)?;
    tokio::task::block_in_place(|| {
        // Before anything is made beside it.
        refuse_other_programs_files(path)?;
        // Not the server's lock file: `leadcast tenant` may run beside a server.
        let lock = sqlite::beside(path, "migration-lock");
        let lock = std::fs::File::create(&lock).map_err(|error| unavailable(format!("{}: {error}", lock.display())))?;
        lock.lock().map_err(unavailable)?;
        let mut conn = sqlite::connect(path).map_err(unavailable)?;
        run_on_sqlite(&mut conn)
    })
}

/// A path may be mistaken, and tables are easily made.
fn refuse_other_programs_files(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => return Err(unavailable("it is no file")),
        Ok(file) if file.len() > 0 => {}
        // To be made; or not to be read, which SQLite will say.
        _ => return Ok(()),
    }
    let conn = &mut sqlite::open(path).map_err(unavailable)?;
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
    refuse_other_languages(&mut guard).await?;
    refuse_other_programs_databases(&mut guard).await?;
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

/// Some errors can be told by nothing but their words: diesel-async keeps their codes to itself.
async fn refuse_other_languages(conn: &mut AsyncPgConnection) -> Result<()> {
    let messages = diesel::dsl::sql::<diesel::sql_types::Text>("current_setting('lc_messages')");
    let messages: String = diesel::select(messages).get_result(conn).await?;
    if is_english(&messages) {
        return Ok(());
    }
    Err(unavailable(format!(
        "it words its errors in the language of {messages}, of which leadcast understands English alone: \
         let a superuser run ALTER ROLE … SET lc_messages = 'C' for the user that leadcast connects as"
    )))
}

/// The locale of the messages: `C`, `en_US.UTF-8`; empty where it is the system's, which is not known.
fn is_english(locale: &str) -> bool {
    let language = locale.split(['_', '.', '@', '-']).next().unwrap_or_default();
    ["", "C", "POSIX", "en", "English"].contains(&language)
}

/// A URL may be mistaken.
async fn refuse_other_programs_databases(conn: &mut AsyncPgConnection) -> Result<()> {
    let tables =
        "SELECT FROM pg_tables WHERE schemaname = current_schema() AND tablename <> '__diesel_schema_migrations'";
    let others = diesel::dsl::sql::<diesel::sql_types::Bool>(&format!("EXISTS ({tables})"));
    if diesel::select(others).get_result(conn).await? && !has_log(conn).await? {
        return Err(unavailable("it has tables, but not those of leadcast: make a database of its own"));
    }
    Ok(())
}

async fn has_log(conn: &mut AsyncPgConnection) -> Result<bool> {
    let log = diesel::dsl::sql::<diesel::sql_types::Bool>("to_regclass('log_state') IS NOT NULL");
    Ok(diesel::select(log).get_result(conn).await?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_english_is_understood() {
        for locale in ["", "C", "C.UTF-8", "POSIX", "en_US.UTF-8", "en_ZA", "English_United States.1252"] {
            assert!(is_english(locale), "{locale}");
        }
        for locale in ["de_DE.UTF-8", "fr_FR", "af_ZA.UTF-8", "Deutsch_Deutschland.1252"] {
            assert!(!is_english(locale), "{locale}");
        }
    }
}
