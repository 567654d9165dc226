//! What a tenant's own users were shown and nobody else may ever be: every id, every amount of its size, and whatever
//! has the tenant's word in it. Searched for in whole answers, cursors decoded.

use std::{collections::BTreeSet, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use leadcast::events::Cursor;
use regex::Regex;
use serde_json::Value;

use super::aim::Words;

/// Amounts from here on are of the tenant whose amounts are large.
const LARGE: i64 = 1_000_000;

static UUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("a good expression")
});

pub struct Secrets {
    word: &'static str,
    ids: BTreeSet<String>,
    amounts: BTreeSet<String>,
}

impl Secrets {
    pub fn of(words: &Words) -> Self {
        Self { word: words.word, ids: BTreeSet::new(), amounts: BTreeSet::new() }
    }

    /// Takes in what its own users were shown.
    pub fn learn(&mut self, shown: &Value) {
        leaves(shown, &mut |leaf| {
            if leaf.as_i64().is_some_and(|amount| amount.abs() >= LARGE) {
                self.amounts.insert(leaf.to_string());
            }
            self.ids.extend(UUID.find_iter(&text(leaf)).map(|id| id.as_str().to_owned()));
        });
    }

    pub fn is_large(&self) -> bool {
        self.ids.len() > 20 && self.amounts.len() > 10
    }

    /// What of it is in something that somebody else was sent.
    pub fn found_in(&self, sent: &Value) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        leaves(sent, &mut |leaf| {
            let text = text(leaf);
            let ids = UUID.find_iter(&text).map(|id| id.as_str()).filter(|id| self.ids.contains(*id));
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '-');
            let amounts = words.filter(|word| self.amounts.contains(*word));
            found.extend(ids.chain(amounts).map(str::to_owned));
            if text.to_lowercase().contains(self.word) {
                found.insert(text);
            }
        });
        found
    }
}

/// A leaf as text, with what is encoded in it.
fn text(leaf: &Value) -> String {
    let Value::String(text) = leaf else { return leaf.to_string() };
    if let Some(cursor) = Cursor::parse(text) {
        return cursor.tenant.to_string();
    }
    match BASE64_URL_SAFE_NO_PAD.decode(text).map(String::from_utf8) {
        Ok(Ok(decoded)) => format!("{text} {decoded}"),
        _ => text.clone(),
    }
}

/// Every value that has no values in it, and every name of one.
fn leaves(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| leaves(value, visit)),
        Value::Object(object) => {
            for (name, value) in object {
                visit(&Value::String(name.clone()));
                leaves(value, visit);
            }
        }
        leaf => visit(leaf),
    }
}

#[test]
fn what_was_learnt_is_found_wherever_it_hides() {
    let id = "0190a5a0-0000-7000-8000-000000000000";
    let mut secrets = Secrets::of(&super::aim::DEMO);
    secrets.learn(&serde_json::json!({ "lead": { "id": id, "price": 7_000_021, "claimCount": 2 } }));
    let page = BASE64_URL_SAFE_NO_PAD.encode(format!("[\"leads\",[5,\"{id}\"]]"));
    for (sent, found) in [
        (serde_json::json!({ "a": [{ "b": id }] }), true),
        (serde_json::json!({ "message": format!("There is no {id}.") }), true),
        (serde_json::json!({ "cursor": page }), true),
        (serde_json::json!({ "message": "It costs 7000021 by now." }), true),
        (serde_json::json!({ "change": 7_000_021 }), true),
        (serde_json::json!({ "title": "Paint a Quagga" }), true),
        (serde_json::json!({ "quagga-rooms": 1 }), true),
        (serde_json::json!({ "id": "0190a5a0-0000-7000-8000-000000000001", "price": 70, "claimCount": 2 }), false),
    ] {
        assert_eq!(!secrets.found_in(&sent).is_empty(), found, "{sent}");
    }
}
