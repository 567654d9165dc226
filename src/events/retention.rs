//! How long the log is kept. The floor is raised in a transaction of its own before anything is deleted: a reader that
//! finds the floor still below its place *after* reading knows that nothing was missing.

use std::time::Duration;

use super::{Hub, log};
use crate::{clock::Clock, db::Db, error::Result};

/// Events deleted in one transaction.
const BATCH: i64 = 2_000;

/// Deletes the events that are older than `keep`, in small batches, but none after `needed_after`: somebody still has to read
/// those.
pub async fn retain(db: &Db, hub: &Hub, clock: &Clock, keep: Duration, needed_after: i64) -> Result<()> {
    let cutoff = clock.now().minus(keep);
    // What is not decided yet cannot have been told to anybody.
    let last = hub.watermark().min(needed_after);
    loop {
        let raised = db
            .upkeep(async move |tx| {
                let (_, floor) = log::state(tx).await?;
                let next = log::next_floor(tx, floor, cutoff, BATCH).await?.map(|next| next.min(last));
                let next = next.filter(|next| *next > floor);
                if let Some(next) = next {
                    log::raise_floor(tx, next).await?;
                }
                Ok(next)
            })
            .await?;
        let Some(floor) = raised else { return Ok(()) };
        db.upkeep(async move |tx| log::cut(tx, floor).await).await?;
        tracing::debug!(floor, "old events deleted");
    }
}
