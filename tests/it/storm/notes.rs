//! The life of every notification of a tenant as the log tells it: who was told of it, where it lies, and at every step how many
//! of its recipient's are unread.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::chains::text;
use crate::support::market::number;

#[derive(Default, Debug)]
pub struct Notes {
    /// Those that were not deleted, by id.
    pub all: BTreeMap<String, Note>,
    /// What each user's tabs were told last.
    pub unread: BTreeMap<String, i64>,
    /// Everything that happened: `id CHANGE`.
    pub told: BTreeSet<String>,
    /// How often each user was told in one way of one thing: `recipient type subject`.
    pub causes: BTreeMap<String, usize>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub recipient: String,
    pub folder: &'static str,
    pub unread: bool,
}

impl Note {
    fn counts(&self) -> bool {
        self.folder == "INBOX" && self.unread
    }

    fn change(&mut self, change: &str) {
        match change {
            "READ" => self.unread = false,
            "UNREAD" => self.unread = true,
            "ARCHIVED" => self.folder = "ARCHIVED",
            "SNOOZED" => self.folder = "SNOOZED",
            "UNARCHIVED" | "UNSNOOZED" => self.folder = "INBOX",
            "EDITED" => {}
            other => panic!("say here what {other} does to a notification"),
        }
    }
}

impl Notes {
    /// One event tells many, each of its own count.
    pub fn added(&mut self, payload: &Value) -> Result<(), &'static str> {
        let content = &payload["content"];
        let cause = format!("{} {}", text(&content["kind"]), text(&content["subject_id"]));
        for (recipient, copy) in payload["copies"].as_object().expect("copies") {
            let note = Note { recipient: recipient.clone(), folder: "INBOX", unread: true };
            let id = text(&copy["id"]);
            self.told.insert(format!("{id} ADDED"));
            *self.causes.entry(format!("{recipient} {cause}")).or_default() += 1;
            if self.all.insert(id, note).is_some() {
                return Err("a notification that was there before");
            }
            self.counted(recipient, number(&copy["unread_count"]))?;
        }
        Ok(())
    }

    pub fn updated(&mut self, recipient: &str, payload: &Value) -> Result<(), &'static str> {
        let change = text(&payload["change"]);
        let ids = payload["ids"].as_array().ok_or("so few notifications are named")?;
        if number(&payload["affected_count"]) != i64::try_from(ids.len()).expect("few") {
            return Err("another count than there are ids");
        }
        for id in ids.iter().map(text) {
            let note = self.all.get_mut(&id).filter(|note| note.recipient == recipient);
            let note = note.ok_or("a notification that its recipient does not have")?;
            self.told.insert(format!("{id} {change}"));
            if change == "DELETED" {
                self.all.remove(&id);
            } else {
                note.change(&change);
            }
        }
        self.counted(recipient, number(&payload["unread_count"]))
    }

    fn counted(&mut self, user: &str, told: i64) -> Result<(), &'static str> {
        self.unread.insert(user.to_owned(), told);
        if self.unread_of(user) == told { Ok(()) } else { Err("a count of what is unread that is not true") }
    }

    pub fn unread_of(&self, user: &str) -> i64 {
        let unread = self.all.values().filter(|note| note.recipient == user && note.counts()).count();
        i64::try_from(unread).expect("few")
    }

    /// Every claim is told of once: to who made it, and to whose lead it is. Nobody is told of anything twice.
    pub fn tell_of_claims<'a>(&self, claims: impl Iterator<Item = &'a Value>) {
        for claim in claims {
            let id = text(&claim["id"]);
            for (recipient, kind) in [("provider_id", "CLAIM_CONFIRMED"), ("customer_id", "LEAD_CLAIMED")] {
                let cause = format!("{} {kind} {id}", text(&claim[recipient]));
                assert!(self.causes.contains_key(&cause), "nobody was told: {cause}");
            }
        }
        let twice: Vec<_> = self.causes.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "told more than once: {twice:?}");
    }
}
