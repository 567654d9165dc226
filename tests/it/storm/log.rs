//! The log as the database has it, and what the rules of visibility (DOMAIN.md) make of it for each viewer: told here once more,
//! from the facts, to be compared with what was heard.

use std::collections::HashMap;

use leadcast::{
    db::Db,
    events::{Cursor, Epoch, Kind, Record, log},
    ids::TenantId,
    tenants::find_by_slug,
    users::Role,
};
use serde_json::{Value, json};

use super::{
    TENANTS,
    watcher::{How, Watcher},
};
use crate::support::api::Who;

pub struct Log {
    pub facts: Vec<Fact>,
}

/// An event as it was appended.
pub struct Fact {
    pub id: i64,
    pub tenant: &'static str,
    pub kind: Kind,
    pub users: Vec<String>,
    pub payload: Value,
    cursor: String,
}

const AT_ONCE: i64 = 1_000;

impl Log {
    /// All of it.
    pub async fn read(db: &Db) -> Self {
        let (epoch, _) = db.across(async move |tx| log::state(tx).await).await.expect("the log has a state");
        let mut tenants = HashMap::new();
        for slug in TENANTS {
            let id = find_by_slug(db, slug).await.expect("tenants can be read").expect("the tenant is there");
            tenants.insert(id, slug);
        }
        let mut facts: Vec<Fact> = Vec::new();
        loop {
            let after = facts.last().map_or(0, |fact| fact.id);
            let read = db.across(async move |tx| log::read_all(tx, after, i64::MAX, AT_ONCE).await).await;
            let (records, _) = read.expect("the log can be read");
            if records.is_empty() {
                return Self { facts };
            }
            facts.extend(records.into_iter().map(|record| fact(record, epoch, &tenants)));
        }
    }

    pub fn last(&self) -> i64 {
        self.facts.last().map_or(0, |fact| fact.id)
    }

    pub fn of<'a>(&'a self, tenant: &'a str) -> impl Iterator<Item = &'a Fact> {
        self.facts.iter().filter(move |fact| fact.tenant == tenant)
    }

    /// What a subscriber is told of what lies in (`after`, `upto`].
    pub fn told(&self, watcher: &Watcher, after: i64, upto: i64) -> Vec<(i64, Value)> {
        let facts = self.of(watcher.who.tenant).filter(|fact| after < fact.id && fact.id <= upto);
        facts
            .filter(|fact| fact.is_in(watcher.how))
            .filter_map(|fact| Some((fact.id, fact.event(watcher.who)?)))
            .collect()
    }

    /// The cursor of the place before everything.
    pub fn beginning(&self, tenant: &str) -> Value {
        let first = self.of(tenant).next().expect("something has happened");
        json!(Cursor { id: 0, ..Cursor::parse(&first.cursor).expect("a cursor") }.to_string())
    }
}

fn fact(record: Record, epoch: Epoch, tenants: &HashMap<TenantId, &'static str>) -> Fact {
    Fact {
        id: record.id,
        tenant: tenants[&record.tenant],
        kind: record.kind.expect("a kind that is known"),
        users: record.users.iter().map(ToString::to_string).collect(),
        payload: serde_json::from_str(&record.payload).expect("JSON"),
        cursor: Cursor { epoch, tenant: record.tenant, id: record.id }.to_string(),
    }
}

impl Fact {
    fn is_in(&self, how: How) -> bool {
        match how {
            How::Poll | How::Stream("events") => true,
            How::Stream("leadCreated") => self.kind == Kind::LeadCreated,
            How::Stream("leadClaimed") => self.kind == Kind::LeadClaimed,
            How::Stream("leadUpdated") => self.kind == Kind::LeadUpdated,
            How::Stream("claimUpdated") => self.kind == Kind::ClaimUpdated,
            How::Stream("balanceUpdated") => self.kind == Kind::BalanceUpdated,
            How::Stream("notificationAdded") => self.kind == Kind::NotificationAdded,
            How::Stream("notificationUpdated") => self.kind == Kind::NotificationUpdated,
            How::Stream(other) => panic!("no such stream: {other}"),
        }
    }

    /// As it is told to a viewer; `None` when it is not.
    fn event(&self, who: Who) -> Option<Value> {
        let (lead, claim, wallet) = (&self.payload["lead"], &self.payload["claim"], &self.payload["wallet"]);
        let entry = &self.payload["entry"];
        let sees_lead = lead["is_test"] == false
            && match who.role {
                Role::Admin | Role::Service => true,
                Role::Customer => lead["customer_id"] == who.user,
                Role::Provider => !lead["verified_at"].is_null(),
            };
        let sees_claim = match who.role {
            Role::Admin | Role::Service => true,
            Role::Customer => claim["customer_id"] == who.user,
            Role::Provider => claim["provider_id"] == who.user,
        };
        let state = json!({ "id": lead["id"], "version": lead["version"], "status": lead["status"],
            "claimCount": lead["claim_count"], "title": lead["title"] });
        let mut event = match self.kind {
            Kind::LeadCreated if sees_lead => json!({ "__typename": "LeadCreatedEvent", "lead": state }),
            Kind::LeadUpdated if sees_lead => {
                json!({ "__typename": "LeadUpdatedEvent", "lead": state, "leadChange": self.payload["change"] })
            }
            Kind::LeadClaimed if sees_lead => {
                let own = claim["provider_id"] == who.user;
                json!({ "__typename": "LeadClaimedEvent", "lead": state, "claimCount": lead["claim_count"],
                    "claimedByViewer": own })
            }
            Kind::ClaimUpdated if sees_claim => {
                let claim = json!({ "id": claim["id"], "version": claim["version"], "status": claim["status"] });
                json!({ "__typename": "ClaimUpdatedEvent", "lead": state, "claim": claim })
            }
            Kind::BalanceUpdated if self.users.iter().any(|user| user == who.user) => {
                json!({ "__typename": "BalanceUpdatedEvent", "previousBalance": entry["previous_balance"],
                    "balance": entry["balance"], "change": entry["change"], "wallet": { "version": wallet["version"] } })
            }
            Kind::NotificationAdded => {
                let copy = self.payload["copies"].get(who.user)?;
                let notification = json!({ "id": copy["id"], "type": self.payload["content"]["kind"] });
                json!({ "__typename": "NotificationAddedEvent", "notification": notification,
                    "viewer": { "unreadCount": copy["unread_count"] } })
            }
            Kind::NotificationUpdated if self.users.iter().any(|user| user == who.user) => {
                let told = &self.payload;
                json!({ "__typename": "NotificationUpdatedEvent", "notificationChange": told["change"],
                    "affectedCount": told["affected_count"], "notificationIds": told["ids"],
                    "viewer": { "unreadCount": told["unread_count"] } })
            }
            _ => return None,
        };
        event["cursor"] = json!(self.cursor);
        Some(event)
    }
}
