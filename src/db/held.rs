//! What holds the watermark back, and for how long. A transaction that is left open anywhere in the PostgreSQL cluster (by any
//! program, in any database) keeps every event after it from being told, until it ends: whoever runs the server must be told
//! whose it is.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use diesel::{
    OptionalExtension, QueryableByName, sql_query,
    sql_types::{Double, Integer, Nullable, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use tokio::time::Instant;

use crate::error::Result;

/// From this age on something is wrong: the server says so, and names the culprit.
const TOO_LONG: Duration = Duration::from_secs(5);
const BETWEEN_REPORTS: Duration = Duration::from_mins(1);

/// For how long the tail has not got to the end of the log. Clones are the same.
#[derive(Clone, Default, Debug)]
pub struct Held(Arc<Mutex<Option<Wait>>>);

#[derive(Debug)]
struct Wait {
    since: Instant,
    reported: Option<Instant>,
}

impl Held {
    /// How long the oldest undecided id has been waited for; zero when none is.
    pub fn age(&self) -> Duration {
        self.wait().as_ref().map_or(Duration::ZERO, |wait| wait.since.elapsed())
    }

    /// Whether somebody should look at it.
    pub fn too_long(&self) -> bool {
        self.age() >= TOO_LONG
    }

    /// Also across lost connections: an error does not decide anything.
    pub(crate) fn still(&self) {
        self.wait().get_or_insert_with(|| Wait { since: Instant::now(), reported: None });
    }

    pub(crate) fn no_more(&self) {
        let wait = self.wait().take();
        if let Some(Wait { since, reported: Some(_) }) = wait {
            tracing::info!(held_for = ?since.elapsed(), "events go on: nothing holds them back any more");
        }
    }

    fn wait(&self) -> MutexGuard<'_, Option<Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the log should name the culprit now: once it has been too long, and then every minute.
    fn report_is_due(&self) -> bool {
        self.wait().as_ref().is_some_and(|wait| {
            let again = wait.reported.is_none_or(|reported| reported.elapsed() >= BETWEEN_REPORTS);
            wait.since.elapsed() >= TOO_LONG && again
        })
    }

    pub(super) async fn report(&self, conn: &mut AsyncPgConnection) -> Result<()> {
        if self.report_is_due()
            && let Some(culprit) = culprit(conn).await?
        {
            culprit.report(self.age());
            if let Some(wait) = self.wait().as_mut() {
                wait.reported = Some(Instant::now());
            }
        }
        Ok(())
    }
}

async fn culprit(conn: &mut AsyncPgConnection) -> Result<Option<Culprit>> {
    let query = sql_query(CULPRIT).bind::<Double, _>(TOO_LONG.as_secs_f64());
    Ok(query.get_result(conn).await.optional()?)
}

/// The oldest running transaction: a session's, or one that was prepared and belongs to no session.
#[derive(QueryableByName)]
struct Culprit {
    #[diesel(sql_type = Nullable<Integer>)]
    pid: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    prepared: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    user: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    application: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    database: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    client: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    since: Option<String>,
}

/// pg_locks shows the holder to everybody. Of other users' sessions, pg_stat_activity keeps state, client and times to
/// members of pg_read_all_stats. One that is known to be younger than $1 seconds is none: the database was away, or did not answer.
const CULPRIT: &str = "
    WITH oldest AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::xid AS xid)
    SELECT lock.pid, prepared.gid AS prepared, coalesce(session.usename, prepared.owner)::text AS \"user\",
        session.application_name AS application, coalesce(session.datname, prepared.database)::text AS database,
        coalesce(host(session.client_addr), CASE WHEN session.client_port = -1 THEN 'a local socket' END) AS client,
        session.state, to_char(coalesce(session.xact_start, prepared.prepared), 'YYYY-MM-DD\"T\"HH24:MI:SSOF') AS since
    FROM oldest
    JOIN pg_locks lock ON lock.locktype = 'transactionid' AND lock.transactionid = oldest.xid
        AND lock.mode = 'ExclusiveLock' AND lock.granted
    LEFT JOIN pg_stat_activity session ON session.pid = lock.pid
    LEFT JOIN pg_prepared_xacts prepared ON prepared.transaction = oldest.xid
    WHERE coalesce(session.xact_start, prepared.prepared) <= now() - make_interval(secs => $1) IS NOT FALSE
    LIMIT 1";

impl Culprit {
    fn report(self, held_for: Duration) {
        const HIDDEN: &str = "hidden (GRANT pg_read_all_stats to see it)";
        let known = |text: Option<String>| text.unwrap_or_else(|| HIDDEN.to_owned());
        let (user, database) = (known(self.user), known(self.database));
        if let Some(gid) = self.prepared {
            return tracing::warn!(
                ?held_for,
                gid,
                user,
                database,
                since = known(self.since),
                "events are held back by a prepared transaction; end it in its database: ROLLBACK PREPARED '{gid}'"
            );
        }
        let (Some(pid), application) = (self.pid, known(self.application)) else { return };
        tracing::warn!(
            ?held_for,
            pid,
            user,
            application,
            database,
            client = known(self.client),
            state = known(self.state),
            since = known(self.since),
            "events are held back by a transaction that is still open; to end it: SELECT pg_terminate_backend({pid})"
        );
    }
}
