//! Up to which event id the log can be read.
//!
//! Ids are handed out before commit, so an id below one that is visible may still turn up. On PostgreSQL the watermark is
//! found like this: read L, the last id handed out; take a transaction id X of our own afterwards; once no transaction
//! older than X is running, every id up to L is decided. It holds because `leadcast_next_event_id()` gives a writer its
//! transaction id before its event id, so whoever was handed an id up to L is older than X. (Reading the visible rows with
//! a transaction id below the snapshot's xmin loses events: an id may be handed out before and become visible after.)
//! On SQLite the one writer makes the ids an order: what is visible is decided.

use std::time::Duration;

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::Instant;

use super::{Db, Engine, on, postgres};
use crate::error::{Fault, Result};

/// Asks for the watermark again and again, on a connection of its own.
pub struct Watermark {
    db: Db,
    connection: Option<AsyncPgConnection>,
    sampled: Option<Instant>,
}

/// A sample costs a transaction id: not more than 200 a second.
const BETWEEN_SAMPLES: Duration = Duration::from_millis(5);
/// Between two looks at whether the older transactions have ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

impl Watermark {
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), connection: None, sampled: None }
    }

    /// The highest id that is decided, `known` or above. Waits until the ids handed out so far are.
    pub async fn read(&mut self, known: i64) -> Result<i64> {
        match &self.db.engine {
            Engine::Sqlite(_) => Self::last_handed_out(&self.db).await,
            Engine::Postgres { url, .. } => {
                let mut conn = match self.connection.take() {
                    Some(conn) => conn,
                    None => postgres::connect_alone(url).await.map_err(Fault::unavailable)?,
                };
                if let Some(sampled) = self.sampled {
                    tokio::time::sleep_until(sampled + BETWEEN_SAMPLES).await;
                }
                // Not put back after an error: the next call connects anew.
                let decided = decided(&mut conn, known).await?;
                self.sampled = Some(Instant::now());
                self.connection = Some(conn);
                Ok(decided)
            }
        }
    }
}

impl Watermark {
    /// The last id handed out, decided or not.
    pub async fn last_handed_out(db: &Db) -> Result<i64> {
        db.across(async move |tx| {
            let rows: Vec<LastId> = on!(tx,
                sqlite conn => sql_query(LAST_ON_SQLITE).load(conn).await,
                postgres conn => sql_query(LAST_ON_POSTGRES).load(conn).await,
            )?;
            Ok(rows.into_iter().next().map_or(0, |row| row.last))
        })
        .await
    }
}

#[derive(QueryableByName)]
struct LastId {
    #[diesel(sql_type = BigInt)]
    last: i64,
}

#[derive(QueryableByName)]
struct Own {
    #[diesel(sql_type = Text)]
    xid: String,
}

#[derive(QueryableByName)]
struct Passed {
    #[diesel(sql_type = Bool)]
    passed: bool,
}

const LAST_ON_SQLITE: &str = "SELECT seq AS last FROM sqlite_sequence WHERE name = 'events'";
const LAST_ON_POSTGRES: &str =
    "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS last FROM events_id_seq";

async fn decided(conn: &mut AsyncPgConnection, known: i64) -> Result<i64> {
    let LastId { last } = sql_query(LAST_ON_POSTGRES).get_result(conn).await?;
    if last <= known {
        return Ok(known);
    }

    // Statements of their own, outside a transaction: otherwise our own X would hold the snapshot's xmin below it.
    let Own { xid } = sql_query("SELECT pg_current_xact_id()::text AS xid").get_result(conn).await?;

    loop {
        let Passed { passed } = sql_query("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS passed")
            .bind::<Text, _>(&xid)
            .get_result(conn)
            .await?;
        if passed {
            return Ok(last);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
