//! The background work of a node. Each worker's effects are safe to repeat and safe beside another node's.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::{
    app::App,
    delivery,
    error::Error,
    events, leads,
    metrics::Worker,
    notifications::{self, Lane},
    telemetry::spans,
    trouble::Trouble,
};

const EXPIRY: Duration = Duration::from_secs(1);
/// Between two looks at what there is to tell, at least and at most: in between, the log moving on is the cause. The first event
/// after a pause is told at once; of many, those of a blink share a transaction, which otherwise would cost as much as a claim.
const NEWS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
const SNOOZES: Duration = Duration::from_secs(1);
const ANNOUNCEMENTS: Duration = Duration::from_millis(500);
const DELIVERY: Duration = Duration::from_millis(250);
const RETENTION: Duration = Duration::from_mins(1);
/// How often PostgreSQL's clock is compared with this machine's.
const CLOCK: Duration = Duration::from_secs(10);

/// Runs all workers for as long as it is polled.
pub async fn run(app: App) {
    let keep = app.settings.event_retention;
    tokio::join!(
        app.db.clone().maintain(),
        every(EXPIRY, Worker::Expiry, &app, || async { leads::expire_due(&app).await.map(drop) }),
        every(SNOOZES, Worker::Snoozes, &app, || async {
            while notifications::end_snoozes(&app).await? > 0 {}
            Ok(())
        }),
        every(ANNOUNCEMENTS, Worker::Announcements, &app, || async {
            while notifications::go_on_announcing(&app).await? {}
            Ok(())
        }),
        on_news(Worker::DirectNews, &app, || notifications::distribute(&app, Lane::Direct)),
        on_news(Worker::BroadcastNews, &app, || notifications::distribute(&app, Lane::Broadcast)),
        every(DELIVERY, Worker::Delivery, &app, || delivery::deliver(&app)),
        every(RETENTION, Worker::Retention, &app, || async {
            let told = notifications::told_up_to(&app).await?;
            events::retain(&app.db, &app.hub, &app.clock, keep, told).await?;
            delivery::retain(&app).await
        }),
        every(RETENTION, Worker::NotificationRetention, &app, || async {
            notifications::retain(&app, app.settings.notification_retention).await.map(drop)
        }),
        every(CLOCK, Worker::Clock, &app, || app.db.ping(&app.clock)),
    );
}

async fn every<F: Future<Output = Result<(), Error>>>(
    period: Duration,
    worker: Worker,
    app: &App,
    work: impl Fn() -> F,
) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut trouble = trouble_of(worker);
    loop {
        ticks.tick().await;
        once(worker, app, &mut trouble, work()).await;
    }
}

/// Whenever something has happened.
async fn on_news<F: Future<Output = Result<(), Error>>>(worker: Worker, app: &App, work: impl Fn() -> F) {
    let (at_least, at_most) = NEWS;
    let mut trouble = trouble_of(worker);
    loop {
        let seen = app.hub.watermark();
        once(worker, app, &mut trouble, work()).await;
        sleep(at_least).await;
        let _net = timeout(at_most, app.hub.goes_past(seen)).await;
    }
}

fn trouble_of(worker: Worker) -> Trouble {
    Trouble::with(format!("the worker {}", worker.name()))
}

async fn once(worker: Worker, app: &App, trouble: &mut Trouble, work: impl Future<Output = Result<(), Error>>) {
    let span = spans::worker(worker.name());
    let outcome = work.instrument(span.clone()).await;
    spans::ended(&span, if outcome.is_ok() { "ok" } else { "failed" }, outcome.is_err());
    match outcome {
        Ok(()) => {
            app.metrics.workers.went_well(worker, app.clock.now().as_seconds());
            trouble.went_well();
        }
        Err(error) => {
            app.metrics.workers.failed(worker);
            trouble.failed(&error.describe());
        }
    }
}
