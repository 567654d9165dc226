//! Who is told that the log has grown. This process's own commits wake its hub directly. On PostgreSQL the other nodes are
//! told by NOTIFY, sent outside the writers' transactions (inside, it takes a lock of the whole cluster at commit) and
//! at most every few milliseconds. A wake-up may be lost: the log is the truth, and the hub also looks by itself.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::StreamExt;

use super::{Db, Engine, postgres};
use crate::trouble::Trouble;

const BETWEEN_NOTIFIES: Duration = Duration::from_millis(5);
const BEFORE_RECONNECT: Duration = Duration::from_secs(1);

/// Passes this node's wake-ups on to the others and theirs to this node, for as long as it is polled.
pub(crate) async fn relay(db: Db) {
    let Engine::Postgres { url, .. } = &db.engine else { return };
    let mut trouble = Trouble::with("telling other nodes of events");
    loop {
        let (listener, sender) = (postgres::connect_alone(url).await, postgres::connect_alone(url).await);
        if let (Ok(listener), Ok(sender)) = (listener, sender) {
            trouble.went_well();
            tokio::select! {
                () = listen(&db, listener) => {}
                () = send(&db, sender) => {}
            }
        }
        trouble.failed("no connection to the database");
        tokio::time::sleep(BEFORE_RECONNECT).await;
    }
}

async fn listen(db: &Db, mut conn: AsyncPgConnection) {
    if conn.batch_execute("LISTEN leadcast_events").await.is_err() {
        return;
    }
    let mut notifications = std::pin::pin!(conn.notifications_stream());
    while let Some(Ok(_)) = notifications.next().await {
        db.wake.hub.notify_one();
    }
}

async fn send(db: &Db, mut conn: AsyncPgConnection) {
    loop {
        db.wake.others.notified().await;
        if conn.batch_execute("NOTIFY leadcast_events").await.is_err() {
            return;
        }
        tokio::time::sleep(BETWEEN_NOTIFIES).await;
    }
}
