//! Other programs on the same PostgreSQL, which take an event's id and leave it undecided for a while: what comes after it must
//! wait, and must not be lost. They tell of a lead's opening once more, so that all may hear of it.

use std::{sync::Arc, time::Duration};

use leadcast::db::Target;
use tokio::time::sleep;
use tokio_postgres::NoTls;

use super::Storm;
use crate::support::random::Random;

const AGAIN: &str = "INSERT INTO events (tenant_id, kind, payload, occurred_at)
    SELECT tenant_id, kind, payload, now() FROM events WHERE kind = 'LEAD_CREATED' AND payload LIKE $1 ORDER BY id LIMIT 1";

/// Until the storm is over.
pub async fn straggle(storm: Arc<Storm>, tenant: usize, mut random: Random) {
    let Target::Postgres(url) = &storm.site.target else { panic!("on PostgreSQL only") };
    let (mut writer, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let lead = format!("%{}%", storm.strange[tenant]);
    while !storm.over.is_cancelled() {
        let transaction = writer.transaction().await.expect("a transaction");
        for _ in 0..=random.below(2) {
            transaction.execute(AGAIN, &[&lead]).await.expect("an event");
            // Between the id and the end others get ahead.
            sleep(Duration::from_micros(random.below(20_000))).await;
        }
        if random.one_in(3) {
            transaction.rollback().await.expect("a rollback");
        } else {
            transaction.commit().await.expect("a commit");
        }
        writer.batch_execute("NOTIFY leadcast_events").await.expect("a wake-up");
        sleep(Duration::from_micros(random.below(20_000))).await;
    }
}
