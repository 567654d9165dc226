//! The life of every lead, claim and wallet of a tenant as the log tells it: each step follows from the one before.

use std::collections::{BTreeMap, BTreeSet};

use leadcast::events::Kind;
use serde_json::Value;

use super::{
    log::{Fact, Log},
    mutations::reopens,
    notes::Notes,
};
use crate::support::market::number;

/// What the log says that has become of everything.
#[derive(Default, Debug)]
pub struct Chains {
    pub leads: BTreeMap<String, Lead>,
    pub claims: BTreeMap<String, Claim>,
    /// By owner.
    pub wallets: BTreeMap<String, Wallet>,
    /// Whose tokens became void.
    pub voided: BTreeSet<String>,
    pub notes: Notes,
    /// Every version that a lead, and every state that a claim was told to be in: `lead version change`, `claim version status`.
    pub told: BTreeSet<String>,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Lead {
    pub version: i64,
    pub claim_count: i64,
    pub status: String,
    pub opened: bool,
    /// Its count has changed, and an event that says what that means to the lead comes next: FILLED or REOPENED or EDITED.
    pub owed: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    pub lead: String,
    pub provider: String,
    pub version: i64,
    pub status: String,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wallet {
    pub version: i64,
    pub balance: i64,
    pub entries: Vec<String>,
}

impl Chains {
    /// `strange`: a lead whose opening the stragglers tell of again and again.
    pub fn follow(log: &Log, tenant: &str, strange: &str) -> Self {
        let mut chains = Self::default();
        for fact in log.of(tenant) {
            let opened = chains.leads.get(strange).is_some_and(|lead| lead.opened);
            if opened && fact.kind == Kind::LeadCreated && fact.payload["lead"]["id"] == strange {
                continue;
            }
            let step = match fact.kind {
                Kind::BalanceUpdated => chains.balance(fact),
                Kind::ClaimUpdated => chains.claim(fact),
                Kind::NotificationAdded => chains.notes.added(&fact.payload),
                Kind::NotificationUpdated => chains.notes.updated(&fact.users[0], &fact.payload),
                Kind::TokensVoided => {
                    chains.voided.extend(fact.users.iter().cloned());
                    Ok(())
                }
                _ => chains.lead(fact),
            };
            step.unwrap_or_else(|wrong| {
                let about = text(&fact.payload["lead"]["id"]);
                let before = chains.leads.get(&about);
                panic!("{tenant}, event {}: {wrong}, after {before:#?}: {:#}", fact.id, fact.payload)
            });
        }
        assert!(chains.leads.values().all(|lead| !lead.owed), "an event is missing: {:#?}", chains.leads);
        let claims = log.of(tenant).filter(|fact| fact.kind == Kind::LeadClaimed);
        let claims = claims.filter(|fact| fact.payload["lead"]["is_test"] == false);
        chains.notes.tell_of_claims(claims.map(|fact| &fact.payload["claim"]));
        chains
    }

    fn lead(&mut self, fact: &Fact) -> Result<(), &'static str> {
        let (id, next) = state(&fact.payload["lead"]);
        let lead = self.leads.entry(id.clone()).or_default();
        let (rise, more) = (next.version - lead.version, next.claim_count - lead.claim_count);
        let change = match fact.kind {
            Kind::LeadCreated => "CREATED",
            Kind::LeadClaimed => "CLAIMED",
            _ => fact.payload["change"].as_str().expect("a change"),
        };
        let follows = match change {
            _ if lead.owed => (rise, more) == (0, 0),
            "CREATED" => !lead.opened && (rise, more) == (1, 0),
            "SUBMITTED" => lead.version == 0 && (rise, more) == (1, 0),
            "CLAIMED" => (rise, more) == (1, 1),
            _ => (rise, more) == (1, 0),
        };
        if !follows {
            return Err("a step of a lead that does not follow");
        }
        self.told.insert(format!("{id} {} {change}", next.version));
        let owed = change == "CLAIMED" && next.status == "FULL";
        *lead = Lead { opened: lead.opened || change == "CREATED", owed, ..next };
        if change == "CLAIMED" {
            let (id, claim) = claim(&fact.payload["claim"]);
            if claim.version != 1 || claim.status != "ACTIVE" || self.claims.insert(id, claim).is_some() {
                return Err("a claim that was there before");
            }
        }
        Ok(())
    }

    fn claim(&mut self, fact: &Fact) -> Result<(), &'static str> {
        let (id, next) = claim(&fact.payload["claim"]);
        let (lead_id, lead_next) = state(&fact.payload["lead"]);
        let claim = self.claims.get_mut(&id).ok_or("a claim that nobody has made")?;
        let lead = self.leads.get_mut(&lead_id).ok_or("a lead that nobody has posted")?;
        let refunded = next.status == "REFUNDED" && claim.status != "REFUNDED";
        let closed = matches!(lead_next.status.as_str(), "WITHDRAWN" | "REJECTED");
        let frees = refunded && !closed && reopens(&id);
        // What the lead's own event, which comes next, says as well.
        let expected = if frees { (lead.version + 1, lead.claim_count - 1) } else { (lead.version, lead.claim_count) };
        if (lead_next.version, lead_next.claim_count) != expected {
            return Err("a claim's lead that is not as it was told to be");
        }
        if !(next.version == claim.version + 1 || next == *claim) {
            return Err("a step of a claim that does not follow");
        }
        self.told.insert(format!("{id} {} {}", next.version, next.status));
        *claim = next;
        *lead = Lead { opened: lead.opened, owed: frees, ..lead_next };
        Ok(())
    }

    fn balance(&mut self, fact: &Fact) -> Result<(), &'static str> {
        let (told, entry) = (&fact.payload["wallet"], &fact.payload["entry"]);
        let wallet = self.wallets.entry(text(&told["owner_id"])).or_default();
        let (version, balance) = (number(&told["version"]), number(&told["balance"]));
        let follows = version == wallet.version + 1
            && number(&entry["previous_balance"]) == wallet.balance
            && wallet.balance + number(&entry["change"]) == balance
            && balance >= 0
            && (number(&entry["version"]), number(&entry["balance"])) == (version, balance);
        (wallet.version, wallet.balance) = (version, balance);
        wallet.entries.push(text(&entry["id"]));
        follows.then_some(()).ok_or("a step of a wallet that does not follow")
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn state(lead: &Value) -> (String, Lead) {
    let (version, claim_count) = (number(&lead["version"]), number(&lead["claim_count"]));
    (text(&lead["id"]), Lead { version, claim_count, status: text(&lead["status"]), ..Lead::default() })
}

fn claim(claim: &Value) -> (String, Claim) {
    let claimed = Claim {
        lead: text(&claim["lead_id"]),
        provider: text(&claim["provider_id"]),
        version: number(&claim["version"]),
        status: text(&claim["status"]),
    };
    (text(&claim["id"]), claimed)
}
