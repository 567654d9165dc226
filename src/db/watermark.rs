//! Up to which event id the log can be read.
//!
//! Ids are handed out before commit, so an id below one that is visible may still turn up. On PostgreSQL the watermark is
//! found like this: read L, the last id handed out; take a transaction id X of our own afterwards; once no transaction
//! older than X is running, every id up to L is decided. It holds because `leadcast_next_event_id()` gives a writer its
//! transaction id before its event id, so whoever was handed an id up to L is older than X. (Reading the visible rows with
//! a transaction id below the snapshot's xmin loses events: an id may be handed out before and become visible after.)
//! On SQLite the one writer makes the ids an order: what is visible is decided.

use std::time::Duration;

use diesel::{QueryableByName, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::{Instant, timeout};

use super::{
    Db, Engine,
    constant::Constant,
    epoch::{self, Place, PlaceRow},
    held::Held,
    on, postgres,
};
use crate::error::{Fault, Result};

/// Asks for the watermark again and again, on a connection of its own.
pub struct Watermark {
    db: Db,
    connection: Option<AsyncPgConnection>,
    sampled: Option<Instant>,
}

/// A sample costs a transaction id: not more than 200 a second.
const BETWEEN_SAMPLES: Duration = Duration::from_millis(5);
/// Between two looks at whether the older transactions have ended: the longer, the longer it takes.
const BETWEEN_LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// For the answer to one question.
const PATIENCE: Duration = Duration::from_secs(3);

impl Watermark {
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), connection: None, sampled: None }
    }

    /// The highest id that is decided, `known` or above; in another epoch than `known`'s, whatever it is there. Waits until
    /// the ids handed out so far are decided.
    pub async fn read(&mut self, known: Option<Place>) -> Result<Place> {
        let Engine::Postgres { url, .. } = &self.db.engine else {
            return last_place(&self.db).await;
        };
        let mut conn = if let Some(conn) = self.connection.take() {
            conn
        } else {
            let mut conn = postgres::connect_alone(url).await.map_err(Fault::unavailable)?;
            promptly(epoch::check_origin(&mut conn)).await?;
            conn
        };
        if let Some(sampled) = self.sampled {
            tokio::time::sleep_until(sampled + BETWEEN_SAMPLES).await;
        }
        // Not put back after an error: the next call connects anew.
        let decided = decided(&mut conn, known, &self.db.held).await?;
        self.sampled = Some(Instant::now());
        self.connection = Some(conn);
        Ok(decided)
    }

    /// The last id handed out, decided or not.
    pub async fn last_handed_out(db: &Db) -> Result<i64> {
        last_place(db).await.map(|place| place.id)
    }
}

async fn last_place(db: &Db) -> Result<Place> {
    db.across(async move |tx| {
        let row: PlaceRow = on!(tx,
            sqlite conn => Constant(LAST_ON_SQLITE).get_result(conn).await,
            postgres conn => Constant(LAST_ON_POSTGRES).get_result(conn).await,
        )?;
        Ok(row.into())
    })
    .await
}

#[derive(QueryableByName)]
struct Xid {
    #[diesel(sql_type = BigInt)]
    xid: i64,
}

const LAST_ON_SQLITE: &str =
    "SELECT epoch, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS id FROM log_state";
const LAST_ON_POSTGRES: &str =
    "SELECT epoch, CASE WHEN is_called THEN last_value ELSE last_value - 1 END AS id FROM log_state, events_id_seq";
/// A transaction id that is younger than everyone's who was given one before.
const OWN: &str = "SELECT pg_current_xact_id()::text::bigint AS xid";
/// Older transactions than this have ended.
const OLDEST: &str = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid";

async fn decided(conn: &mut AsyncPgConnection, known: Option<Place>, held: &Held) -> Result<Place> {
    let last: PlaceRow = promptly(async { Ok(Constant(LAST_ON_POSTGRES).get_result(conn).await?) }).await?;
    let last = Place::from(last);
    if let Some(known) = known
        && known.epoch == last.epoch
        && known.id >= last.id
    {
        return Ok(known);
    }

    // Statements of their own, outside a transaction: otherwise our own X would hold the snapshot's xmin below it. The first
    // look goes along with X.
    let (own, mut oldest) = tokio::try_join!(biased; ask(conn, OWN), ask(conn, OLDEST))?;
    let started = Instant::now();
    loop {
        if oldest >= own {
            return Ok(last);
        }
        held.still();
        promptly(held.report(conn)).await?;
        let (shortest, longest) = BETWEEN_LOOKS;
        tokio::time::sleep((started.elapsed() / 20).clamp(shortest, longest)).await;
        oldest = ask(conn, OLDEST).await?;
    }
}

async fn ask(mut conn: &AsyncPgConnection, question: &'static str) -> Result<i64> {
    promptly(async {
        let answer: Xid = Constant(question).get_result(&mut conn).await?;
        Ok(answer.xid)
    })
    .await
}

/// None of these questions waits for anybody. A database that falls silent would otherwise stop all events unnoticed.
async fn promptly<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    let answer = timeout(PATIENCE, question).await;
    answer.unwrap_or_else(|_| Err(Fault::unavailable("the database does not answer the event tail").into()))
}
