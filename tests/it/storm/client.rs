//! Clients of a storm. Each sends one mutation after the other, and sends again what got no answer; now and then it is itself
//! the one who goes away.

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    Storm,
    mutations::plan,
    site::is_busy,
    world::{Deed, World},
};
use crate::support::{
    api::{Who, document},
    client::Answer,
    random::Random,
    soon,
};

/// How rough a client is with its connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manners {
    /// Waits for each answer.
    Patient,
    /// Cuts one connection in eight right after sending or a little later, and sends again.
    Rough,
}

impl Storm {
    /// Does so many things, or goes on until the storm is over.
    pub async fn client(&self, tenant: usize, mut random: Random, steps: Option<usize>) {
        for _ in 0..steps.unwrap_or(usize::MAX) {
            if self.over.is_cancelled() {
                return;
            }
            let (who, mutation, input) = plan(&mut random, &mut self.world(tenant));
            let mut beside = random.fork();
            let doing = self.act(&mut random, Manners::Rough, who, mutation, input.clone());
            match beside.one_in(2).then(|| rival(&self.world(tenant), mutation, &input)).flatten() {
                Some((who, mutation, input)) => {
                    drop(join(doing, self.act(&mut beside, Manners::Rough, who, mutation, input)).await);
                }
                None => drop(doing.await),
            }
        }
    }

    /// Sends a mutation until it is answered, and notes what it was and what came of it.
    pub async fn act(
        &self,
        random: &mut Random,
        manners: Manners,
        who: Who,
        mutation: &'static str,
        input: Value,
    ) -> Deed {
        let began = Instant::now();
        let (payload, doubts) = soon(mutation, self.insist(random, manners, who, mutation, &input)).await;
        let deed = Deed { who, mutation, input, doubts, began, ended: Instant::now(), payload };
        self.world_of(who.tenant).keep(deed.clone());
        deed
    }

    /// The payload, and how many sends before had no answer.
    async fn insist(
        &self,
        random: &mut Random,
        manners: Manners,
        who: Who,
        mutation: &str,
        input: &Value,
    ) -> (Value, usize) {
        let body = json!({ "query": document(mutation), "variables": { "input": input } }).to_string();
        let mut doubts = 0;
        loop {
            // At once, or after about as long as it takes.
            let cut = (manners == Manners::Rough && random.one_in(8)).then(|| match random.below(3) {
                0 => Duration::ZERO,
                _ => Duration::from_micros(random.below(20_000)),
            });
            let answer = self.site.post(random, who, &body, cut).await;
            match answer.as_ref().and_then(|answer| payload(mutation, answer)) {
                Some(payload) => return (payload, doubts),
                None if answer.is_some() => self.figures.busy.fetch_add(1, Ordering::Relaxed),
                None => self.figures.unanswered.fetch_add(1, Ordering::Relaxed),
            };
            doubts += 1;
            // The longer it is away, the less often.
            sleep(Duration::from_micros(random.below(4_000 * u64::try_from(doubts.min(20)).expect("small")))).await;
        }
    }
}

/// Who would be after the same rows at the same moment: the provider that claims once more what is about to be refunded.
fn rival(world: &World, mutation: &str, input: &Value) -> Option<(Who, &'static str, Value)> {
    let claims = || world.claims.iter().rev();
    let known = match mutation {
        "refundClaim" => claims().find(|known| known.id == input["id"]),
        "withdrawLead" => claims().find(|known| known.lead == input["id"]),
        _ => None,
    }?;
    Some((known.provider, "claimLead", json!({ "leadId": known.lead, "maxPrice": 1_000 })))
}

/// What was answered; `None` when the same is to be sent again. Nothing else may be wrong.
fn payload(mutation: &str, answer: &Answer) -> Option<Value> {
    if is_busy(answer) {
        return None;
    }
    Some(answer.data()[mutation].clone())
}
