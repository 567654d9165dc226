//! The figures of many storms.

use std::{collections::BTreeMap, fmt, sync::atomic::Ordering};

use super::{Storm, TENANTS};

/// What there was of everything. See [`super::Figures`].
#[derive(Default)]
pub struct Total {
    pub storms: usize,
    mutations: usize,
    events: usize,
    heard: usize,
    cuts: usize,
    expired: usize,
    unanswered: usize,
    busy: usize,
    /// Of each mutation, how often what came of it.
    pub outcomes: BTreeMap<&'static str, BTreeMap<String, usize>>,
}

impl Total {
    pub fn add(&mut self, storm: &Storm) {
        let figures = &storm.figures;
        self.storms += 1;
        for tenant in 0..TENANTS.len() {
            for deed in &storm.world(tenant).deeds {
                self.mutations += 1;
                let outcomes = self.outcomes.entry(deed.mutation).or_default();
                *outcomes.entry(deed.outcome()).or_default() += 1;
            }
        }
        for (sum, figure) in [
            (&mut self.events, &figures.events),
            (&mut self.heard, &figures.heard),
            (&mut self.cuts, &figures.cuts),
            (&mut self.expired, &figures.expired),
            (&mut self.unanswered, &figures.unanswered),
            (&mut self.busy, &figures.busy),
        ] {
            *sum += figure.load(Ordering::Relaxed);
        }
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} storms, {} mutations answered ({} times sent without an answer, {} times turned away), {} events, {} times \
             heard by subscribers that left {} times and were {} times away for too long",
            self.storms, self.mutations, self.unanswered, self.busy, self.events, self.heard, self.cuts, self.expired,
        )?;
        for (mutation, outcomes) in &self.outcomes {
            let outcomes: Vec<_> = outcomes.iter().map(|(outcome, count)| format!("{outcome} {count}")).collect();
            write!(f, "\n    {mutation}: {}", outcomes.join(", "))?;
        }
        Ok(())
    }
}
