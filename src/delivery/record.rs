//! Writing down what became of a message.

use super::{
    letter::Letter,
    state::{self, Next, Outcome},
    store::lease,
};
use crate::{app::App, error::Result};

/// Returns what is written down of it. `None`: the lease had ended, and the message is another's.
pub async fn record(app: &App, letter: &Letter, outcome: Outcome) -> Result<Option<Next>> {
    let next = state::next(outcome, letter.attempt, chance());
    let (tenant, message, attempt) = (letter.tenant, letter.id, letter.attempt);
    let next_attempt_at = next.wait.map(|wait| app.clock.now().plus(wait));
    let written = next.clone();
    let count = app
        .db
        .write(tenant, async move |tx| lease::record(tenant, tx, message, attempt, &written, next_attempt_at).await);
    Ok((count.await? > 0).then_some(next))
}

/// From 0 to 1. Without randomness messages that failed together are tried together, which is no harm.
fn chance() -> f64 {
    getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX))
}
