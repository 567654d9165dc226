//! How long deliveries are kept that are not tried any more.

use super::store::retention;
use crate::{app::App, error::Result};

/// Deliveries deleted in one transaction.
const BATCH: i64 = 2_000;

/// Deletes those that were made longer ago than they are kept, in small batches. What is still to be sent stays.
pub async fn retain(app: &App) -> Result<()> {
    let cutoff = app.clock.now().minus(app.settings.delivery_retention);
    while app.db.upkeep(async move |tx| retention::cut(tx, cutoff, BATCH).await).await? {}
    Ok(())
}
