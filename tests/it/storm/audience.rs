//! All subscribers of a storm, and what they must have heard in the end.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    Storm, TENANTS,
    log::Log,
    watcher::{Watcher, audience},
};
use crate::support::{PATIENCE, api::Who, random::Random};

pub struct Audience {
    watchers: Vec<Arc<Watcher>>,
    tasks: JoinSet<()>,
}

impl Audience {
    pub fn gather(storm: &Arc<Storm>, random: &mut Random) -> Self {
        let (mut watchers, mut tasks) = (Vec::new(), JoinSet::new());
        for tenant in TENANTS {
            for (who, how) in audience(random) {
                let watcher = Watcher::new(Who { tenant, ..who }, how);
                watchers.push(watcher.clone());
                let (storm, random) = (storm.clone(), random.fork());
                tasks.spawn(async move { watcher.watch(&storm, random).await });
            }
        }
        Self { watchers, tasks }
    }

    /// Each has heard, or hears now, all that the log says: every event once, in order. Returns how many events that were.
    pub async fn hears(mut self, log: &Log) -> usize {
        let all = async {
            while !self.watchers.iter().all(|watcher| has_heard_the_end(watcher, log)) {
                // A subscriber that has panicked says why.
                if let Some(ended) = self.tasks.try_join_next() {
                    ended.expect("a subscriber");
                }
                sleep(Duration::from_millis(2)).await;
            }
        };
        // Who has not heard the end by then is found below, with what is missing.
        let _ = timeout(PATIENCE, all).await;
        self.tasks.shutdown().await;
        self.watchers.iter().map(|watcher| check(watcher, log)).sum()
    }
}

fn has_heard_the_end(watcher: &Watcher, log: &Log) -> bool {
    let Some(last) = watcher.last() else { return false };
    log.told(watcher, last, log.last()).is_empty()
}

fn check(watcher: &Watcher, log: &Log) -> usize {
    let spans = watcher.spans();
    let mut total = 0;
    for (n, span) in spans.iter().enumerate() {
        // Where the page had to be loaded again, it had heard everything up to some place; in the end, up to the end.
        let last = span.heard.last().map_or(span.after, |(id, _)| *id);
        let upto = if n + 1 == spans.len() { log.last() } else { last };
        let heard: Vec<_> = span.heard.iter().filter(|(id, _)| *id <= upto).collect();
        let told = log.told(watcher, span.after, upto);
        agree(watcher, &heard, &told);
        total += heard.len();
    }
    total
}

/// Compared one by one, for a message that shows where they part.
fn agree(watcher: &Watcher, heard: &[&(i64, Value)], told: &[(i64, Value)]) {
    let parts = heard.iter().zip(told).position(|(heard, told)| **heard != *told);
    let at = parts.unwrap_or(heard.len().min(told.len()));
    assert!(
        parts.is_none() && heard.len() == told.len(),
        "{:?} {:?} heard {:#?}, but the log has {:#?}, after {:#?}; the ids that it heard: {:?}",
        watcher.who,
        watcher.how,
        heard.get(at),
        told.get(at),
        at.checked_sub(1).map(|before| &told[before]),
        heard.iter().map(|(id, _)| id).collect::<Vec<_>>(),
    );
}
