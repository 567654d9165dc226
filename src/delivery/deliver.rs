//! The worker that sends what is due, of all tenants: in turn, each a share at a time.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    DeliveryStatus,
    courier::Ticket,
    letter::{Lane, Letter},
    record::record,
    store::lease,
    take::take,
};
use crate::{app::App, error::Result};

/// After this a run ends, so that it is seen to go well; the next begins at once.
const RUN: Duration = Duration::from_secs(5);
/// Between two looks while there is more than may go out at once.
const LOOK: Duration = Duration::from_millis(250);

/// Sends what is due now, for a while. What is still on its way goes on beside.
pub async fn deliver(app: &App) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < RUN && look(app).await? {
        app.courier.one_less(LOOK).await;
    }
    Ok(())
}

/// Sends what may go out now. Returns whether there may be more.
async fn look(app: &App) -> Result<bool> {
    let now = app.clock.now();
    let (lanes, oldest) = app.db.across(async move |tx| lease::lanes(tx, now).await).await?;
    app.metrics.deliveries.overdue(oldest.map_or(Duration::ZERO, |oldest| now.since(oldest)));
    let mut more = false;
    for lane in app.courier.in_turn(lanes) {
        let room = app.courier.room(lane);
        if room == 0 {
            more = true;
            continue;
        }
        // One tenant's trouble is not another's.
        match take(app, lane, room).await {
            Ok(taken) => {
                app.metrics.deliveries.ended(lane.1.into(), "dead", taken.dead);
                app.metrics.deliveries.ended(lane.1.into(), "unwanted", taken.unwanted);
                more |= taken.busy;
                taken.letters.into_iter().for_each(|letter| send(app, lane, letter));
            }
            Err(error) => {
                tracing::error!(tenant = %lane.0, error = error.describe(), "what is due could not be taken");
            }
        }
    }
    Ok(more)
}

/// Sends a message, beside everything else.
fn send(app: &App, lane: Lane, letter: Letter) {
    let (ticket, own): (Ticket, App) = (app.courier.ticket(lane), app.clone());
    app.courier.spawn(async move {
        let _on_its_way = ticket;
        let outcome = own.courier.send(&letter, own.clock.now()).await;
        match record(&own, &letter, outcome).await {
            Ok(Some(next)) => {
                let outcome = match next.status {
                    DeliveryStatus::Sent => "sent",
                    DeliveryStatus::Dead => "dead",
                    DeliveryStatus::Pending | DeliveryStatus::Retrying => "failed",
                };
                let count = usize::try_from(letter.more).unwrap_or_default() + letter.listed.len();
                own.metrics.deliveries.ended(letter.channel.into(), outcome, count);
            }
            Ok(None) => tracing::warn!(message = %letter.id, "a message took longer than its lease; it may come twice"),
            // Its lease ends, and it is sent again.
            Err(error) => {
                tracing::warn!(message = %letter.id, error = error.describe(), "what became of a message is lost");
            }
        }
    });
}
