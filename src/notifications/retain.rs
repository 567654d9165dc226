//! How long notifications are kept. What goes is told where it still counted as unread: the count is what tabs show.

use std::time::Duration;

use super::{
    change::{BATCH, Batch, Reach, Telling},
    state::Change,
    store,
};
use crate::{app::App, error::Result};

/// Notifications that are looked up in one go.
const OLDEST: i64 = 2_000;

/// Deletes the notifications that are older than `keep`, recipient by recipient. Returns how many.
pub async fn retain(app: &App, keep: Duration) -> Result<usize> {
    let now = app.clock.now();
    let before = now.minus(keep);
    let mut deleted = 0;
    loop {
        let recipients = app.db.across(async move |tx| store::recipients_of_old(tx, before, OLDEST).await).await?;
        if recipients.is_empty() {
            return Ok(deleted);
        }
        for (tenant, user) in recipients {
            let gone = app.db.write(tenant, async move |tx| {
                let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
                let ids = store::older_than(tenant, tx, &user, before, most).await?;
                let telling = Telling { named: true, shown: false, always: false };
                let (change, reach) = (Change::Delete, Reach::Own(user));
                Batch { tenant, ids, change, reach, up_to: None, wanted: None, telling, now }.run(tx).await
            });
            deleted += gone.await?.len();
        }
    }
}
