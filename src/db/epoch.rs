//! Which history of the log this is. Event ids are only good within one: a database that was restored or a replica that was
//! promoted hands out ids again that clients have seen with other events. So it begins a new epoch, and cursors of the old
//! one have expired.
//!
//! PostgreSQL tells by itself: the log's row names the cluster, the timeline and the database that wrote it last, and the tail
//! compares whenever it connects. What it cannot tell (a dump restored into the same database, a storage snapshot, a copied
//! SQLite file) is told by `leadcast epoch` or done by `leadcast restore`.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Nullable, Text},
    sqlite::SqliteConnection,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Db, on, schema::log_state, sql_types};
use crate::{error::Result, ids::Id};

/// The name of a history.
pub type Epoch = Id<Place>;

/// A place in the log of all tenants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub epoch: Epoch,
    /// An event's id.
    pub id: i64,
}

/// A [`Place`] as the database has it.
#[derive(QueryableByName)]
pub(super) struct PlaceRow {
    #[diesel(sql_type = sql_types::Uuid)]
    epoch: Epoch,
    #[diesel(sql_type = BigInt)]
    id: i64,
}

impl From<PlaceRow> for Place {
    fn from(PlaceRow { epoch, id }: PlaceRow) -> Self {
        Self { epoch, id }
    }
}

impl Db {
    /// Ends the log's history and begins another: every cursor that was given out has expired. Running nodes notice within
    /// moments.
    pub async fn begin_epoch(&self) -> Result<Epoch> {
        let epoch = Epoch::random();
        self.upkeep(async move |tx| {
            let begin = diesel::update(log_state::table).set(log_state::epoch.eq(epoch));
            on!(tx, conn => begin.execute(conn).await)?;
            Ok(epoch)
        })
        .await
    }
}

/// Likewise, in a file that nobody serves.
pub(super) fn begin_on_sqlite(conn: &mut SqliteConnection) -> QueryResult<Epoch> {
    let epoch = Epoch::random();
    diesel::RunQueryDsl::execute(diesel::update(log_state::table).set(log_state::epoch.eq(epoch)), conn)?;
    Ok(epoch)
}

#[derive(QueryableByName)]
struct Origin {
    #[diesel(sql_type = Text)]
    here: String,
    #[diesel(sql_type = Nullable<Text>)]
    noted: Option<String>,
}

/// A promoted replica has another timeline, a restored dump another cluster or database.
const ORIGIN: &str = "SELECT concat_ws('/', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), \
     (SELECT oid FROM pg_database WHERE datname = current_database())) AS here, origin AS noted \
     FROM pg_control_system(), log_state";
const NOTE: &str = "UPDATE log_state SET origin = $1 WHERE origin IS NULL";
/// Of two nodes that find out at once, one begins the new epoch: for the other, the row has changed.
const BEGIN: &str = "UPDATE log_state SET origin = $1, epoch = gen_random_uuid() WHERE origin = $2";

/// Begins a new epoch when the log comes from elsewhere than where it is read now.
pub(super) async fn check_origin(conn: &mut AsyncPgConnection) -> Result<()> {
    let found: Option<Origin> = match sql_query(ORIGIN).get_result(conn).await.optional() {
        Err(diesel::result::Error::DatabaseError(_, info)) if info.message().starts_with("permission denied") => {
            tracing::warn!(
                error = info.message(),
                "leadcast cannot see which cluster this is: after a restore or a promotion, run `leadcast epoch`"
            );
            return Ok(());
        }
        found => found?,
    };
    match found {
        Some(Origin { here, noted: None }) => {
            sql_query(NOTE).bind::<Text, _>(here).execute(conn).await?;
        }
        Some(Origin { here, noted: Some(noted) }) if noted != here => {
            let begun = sql_query(BEGIN).bind::<Text, _>(&here).bind::<Text, _>(&noted).execute(conn).await?;
            if begun == 1 {
                tracing::warn!(
                    here,
                    noted,
                    "the database was restored or promoted: the log begins a new epoch, and cursors given out before have expired"
                );
            }
        }
        _ => {}
    }
    Ok(())
}
