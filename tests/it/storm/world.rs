//! What the clients of one tenant have learnt so far, from which they plan what they do next; and what they did.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use leadcast::clock::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    api::{PAT, Who},
    random::Random,
};

/// A mutation as it was sent, and what came of it.
#[derive(Clone, Debug)]
pub struct Deed {
    pub who: Who,
    pub mutation: &'static str,
    pub input: Value,
    /// How often it was sent without an answer. Each of these may have been done before the one that was answered, or
    /// after it, or never.
    pub doubts: usize,
    pub began: Instant,
    pub ended: Instant,
    pub payload: Value,
}

impl Deed {
    pub fn is_accepted(&self) -> bool {
        self.refusals().is_empty()
    }

    /// The codes of its userErrors.
    pub fn refusals(&self) -> Vec<&str> {
        let errors = self.payload["userErrors"].as_array().unwrap_or_else(|| panic!("no payload: {self:#?}"));
        errors.iter().filter_map(|error| error["code"].as_str()).collect()
    }

    /// In a word, for figures.
    pub fn outcome(&self) -> String {
        match self.refusals().first() {
            Some(refusal) => (*refusal).to_owned(),
            None if self.payload["replayed"] == true => "replayed".to_owned(),
            None => "done".to_owned(),
        }
    }

    /// Whether it says that it changed something.
    pub fn is_first(&self) -> bool {
        self.is_accepted() && self.payload["replayed"] == false
    }

    /// The text at this place of its payload.
    #[track_caller]
    pub fn id(&self, pointer: &str) -> &str {
        self.payload.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {self:#?}"))
    }

    /// The notifications that its payload shows.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.payload["notifications"].as_array().into_iter().flatten().filter_map(|note| note["id"].as_str())
    }

    /// The text of a field of its input.
    #[track_caller]
    pub fn given(&self, field: &str) -> &str {
        self.input[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:#?}"))
    }
}

/// A claim that somebody has made.
#[derive(Clone)]
pub struct Known {
    pub id: Value,
    pub lead: Value,
    pub provider: Who,
}

pub struct World {
    pub tenant: &'static str,
    pub clock: Clock,
    /// In the order in which they were heard of.
    pub leads: Vec<Value>,
    /// Those that could be claimed when they were last heard of; everybody wants the last ones.
    open: Vec<Value>,
    /// Version and status, as they were when they were last heard of.
    last_heard: HashMap<String, (i64, String)>,
    pub claims: Vec<Known>,
    /// Notifications, by id.
    notes: Vec<Value>,
    known: HashSet<String>,
    pub deeds: Vec<Deed>,
    /// That were used before, for leads and for movements.
    references: HashMap<&'static str, Vec<String>>,
    /// The newest number that made something different from everything before.
    serial: u64,
}

impl World {
    pub fn new(tenant: &'static str, clock: Clock) -> Self {
        Self {
            tenant,
            clock,
            leads: Vec::new(),
            open: Vec::new(),
            last_heard: HashMap::new(),
            claims: Vec::new(),
            notes: Vec::new(),
            known: HashSet::new(),
            deeds: Vec::new(),
            references: HashMap::new(),
            serial: 0,
        }
    }

    /// A lead that somebody might claim: mostly one of the few that all are after.
    pub fn wanted_lead(&self, random: &mut Random) -> Value {
        let hot = last(2, &self.open);
        if hot.is_empty() || random.one_in(5) { self.any_lead(random) } else { random.pick(hot).clone() }
    }

    pub fn any_lead(&self, random: &mut Random) -> Value {
        random.pick(&self.leads).clone()
    }

    /// Mostly one that waits for review, if there is one.
    pub fn waiting_lead(&self, random: &mut Random) -> Value {
        let waits = |id: &&Value| self.heard_of(id).is_some_and(|(_, status)| status == "IN_REVIEW");
        let waiting: Vec<_> = self.leads.iter().filter(waits).collect();
        if waiting.is_empty() || random.one_in(3) { self.any_lead(random) } else { (*random.pick(&waiting)).clone() }
    }

    /// The id of a notification, mostly a new one. Before there are any, one that there is not.
    pub fn note(&self, random: &mut Random) -> Value {
        let some = if random.one_in(3) { &self.notes } else { last(12, &self.notes) };
        if some.is_empty() { json!(uuid::Uuid::nil()) } else { random.pick(some).clone() }
    }

    pub fn version(&self, lead: &Value) -> Option<i64> {
        self.heard_of(lead).map(|(version, _)| *version)
    }

    fn heard_of(&self, lead: &Value) -> Option<&(i64, String)> {
        self.last_heard.get(lead.as_str()?)
    }

    /// Mostly a new one. Before there are any, one that there is not.
    pub fn claim(&self, random: &mut Random) -> Known {
        let some = if random.one_in(3) { &self.claims } else { last(4, &self.claims) };
        if some.is_empty() {
            return Known { id: json!("none"), lead: json!("none"), provider: PAT };
        }
        random.pick(some).clone()
    }

    pub fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// A key for a lead or a movement; now and then one that was used before.
    pub fn reference(&mut self, random: &mut Random, kind: &'static str) -> String {
        let number = self.next();
        let used = self.references.entry(kind).or_default();
        if !used.is_empty() && random.one_in(6) {
            return random.pick(used).clone();
        }
        used.push(format!("{kind} {number}"));
        format!("{kind} {number}")
    }

    /// A moment: mostly tomorrow, now and then at once.
    pub fn expiry(&self, random: &mut Random) -> Value {
        let ahead = if random.one_in(3) { Duration::from_millis(random.below(100)) } else { Duration::from_hours(24) };
        self.clock.now().plus(ahead).to_string().into()
    }

    /// Learns from a deed and keeps it.
    pub fn keep(&mut self, deed: Deed) {
        let (lead, claim) = (&deed.payload["lead"], &deed.payload["claim"]);
        if let (Some(id), Some(version), Some(status)) =
            (lead["id"].as_str(), lead["version"].as_i64(), lead["status"].as_str())
        {
            self.last_heard.insert(id.to_owned(), (version, status.to_owned()));
            self.open.retain(|known| *known != lead["id"]);
            if matches!(status, "OPEN" | "FULL") {
                self.open.push(lead["id"].clone());
                // In the order of their making, so that the last ones stay the last.
                self.open.sort_unstable_by(|a, b| a.as_str().cmp(&b.as_str()));
            }
            if self.known.insert(id.to_owned()) {
                self.leads.push(lead["id"].clone());
            }
        }
        if let Some(id) = claim["id"].as_str()
            && deed.mutation == "claimLead"
            && self.known.insert(id.to_owned())
        {
            self.claims.push(Known { id: claim["id"].clone(), lead: lead["id"].clone(), provider: deed.who });
        }
        for note in deed.notes() {
            if self.known.insert(note.to_owned()) {
                self.notes.push(json!(note));
            }
        }
        self.deeds.push(deed);
    }
}

fn last<T>(most: usize, list: &[T]) -> &[T] {
    &list[list.len().saturating_sub(most)..]
}
