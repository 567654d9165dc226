//! What was acknowledged is there, and what was sent more than once was done once.

use std::collections::{BTreeMap, BTreeSet};

use leadcast::users::Role;
use serde_json::Value;

use super::{
    chains::{Chains, text},
    mutations::MUTATIONS,
    state::State,
    world::{Deed, World},
};
use crate::support::market::number;

pub fn prove(world: &World, state: &State, chains: &Chains) {
    for deed in &world.deeds {
        if deed.is_accepted() {
            assert!(role_fits(deed), "done for somebody who may not do it: {deed:#?}");
            assert!(is_there(deed, state, chains), "acknowledged, and not there: {deed:#?}");
        }
    }
    for (key, deeds) in by_key(&world.deeds) {
        done_once(&key, &deeds);
    }
    nothing_else(world, state);
    last_word_counts(world, state);
}

fn role_fits(deed: &Deed) -> bool {
    let mutation = MUTATIONS.iter().find(|mutation| mutation.name == deed.mutation).expect("in the table");
    mutation.roles.contains(&deed.who.role)
}

/// The trace that an acknowledged deed must have left.
fn is_there(deed: &Deed, state: &State, chains: &Chains) -> bool {
    let told = |id: &str, version: &Value, what: &str| chains.told.contains(&format!("{id} {version} {what}"));
    let lead_told = |changes: &[&str]| {
        let version = &deed.payload["lead"]["version"];
        changes.iter().any(|change| told(deed.id("/lead/id"), version, change))
    };
    let entry = || entry_of(state, deed.id("/entry/id"));
    match deed.mutation {
        "createLead" => {
            let lead = state.leads.get(deed.id("/lead/id"));
            lead.is_some_and(|lead| {
                lead["reference"] == deed.input["reference"] && lead["customer"]["id"] == customer(deed)
            })
        }
        "verifyLead" => !deed.is_first() || lead_told(&["CREATED"]),
        "rejectLead" => !deed.is_first() || lead_told(&["REJECTED"]),
        "withdrawLead" => !deed.is_first() || lead_told(&["WITHDRAWN"]),
        "updateLead" => !deed.is_first() || lead_told(&["EDITED", "FILLED", "REOPENED", "EXPIRED"]),
        "claimLead" => {
            let claim = state.claims.get(deed.id("/claim/id"));
            let own =
                |claim: &Value| claim["lead"]["id"] == deed.input["leadId"] && claim["provider"]["id"] == deed.who.user;
            claim.is_some_and(own)
                && entry().is_some_and(|(owner, entry)| owner == deed.who.user && entry["type"] == "CLAIM")
                && (!deed.is_first() || lead_told(&["CLAIMED"]))
        }
        "refundClaim" => {
            state.claims.get(deed.given("id")).is_some_and(|claim| claim["status"] == "REFUNDED")
                && entry().is_some_and(|(_, entry)| {
                    entry["type"] == "REFUND" && entry["change"] == deed.payload["claim"]["refundAmount"]
                })
        }
        "updateClaim" => {
            let claim = &deed.payload["claim"];
            claim["status"] == deed.input["outcome"] && told(deed.given("id"), &claim["version"], deed.given("outcome"))
        }
        "topUpWallet" | "adjustWallet" => entry().is_some_and(|(owner, entry)| {
            let asked = if deed.mutation == "topUpWallet" { &deed.input["amount"] } else { &deed.input["change"] };
            owner == deed.given("ownerId") && entry["reference"] == deed.input["reference"] && entry["change"] == *asked
        }),
        "upsertUser" => state.users.contains_key(deed.given("id")),
        "updateNotificationPreferences" => show(&deed.payload["preferences"], &deed.input),
        "createNotification" => deed.notes().all(|id| chains.notes.told.contains(&format!("{id} ADDED"))),
        "revokeTokens" => chains.voided.contains(deed.given("userId")),
        "rotateWebhookSecret" => deed.id("/secret").starts_with("whsec_"),
        "archiveNotifications" => noted(deed, chains, "ARCHIVED"),
        "markNotificationsRead" | "openNotification" => noted(deed, chains, "READ"),
        "markNotificationsUnread" => noted(deed, chains, "UNREAD"),
        "snoozeNotifications" => noted(deed, chains, "SNOOZED"),
        "unarchiveNotifications" => noted(deed, chains, "UNARCHIVED"),
        "unsnoozeNotifications" => noted(deed, chains, "UNSNOOZED"),
        "updateNotifications" => noted(deed, chains, "EDITED"),
        // The last one to say something counts: see below. What was deleted is not shown.
        "updateTenantSettings" | "updateProviderProfile" | "deleteNotifications" => true,
        other => panic!("say here what {other} leaves behind"),
    }
}

/// What is said to have been affected was told of.
fn noted(deed: &Deed, chains: &Chains, change: &str) -> bool {
    deed.notes().all(|id| chains.notes.told.contains(&format!("{id} {change}")))
}

fn entry_of<'a>(state: &'a State, id: &str) -> Option<(&'a str, &'a Value)> {
    let mut all =
        state.entries.iter().flat_map(|(owner, entries)| entries.iter().map(move |entry| (owner.as_str(), entry)));
    all.find(|(_, entry)| entry["id"] == id)
}

fn customer(deed: &Deed) -> &str {
    if deed.who.role == Role::Customer { deed.who.user } else { deed.given("customerId") }
}

/// What a deed is the same as, however often it is sent.
fn key(deed: &Deed) -> Option<String> {
    let (name, given) = (deed.mutation, |field| deed.given(field));
    Some(match name {
        "createLead" if !role_fits(deed) => return None,
        "createLead" if deed.who.role != Role::Customer && deed.input["customerId"].is_null() => return None,
        "createLead" => format!("lead {} of {}", given("reference"), customer(deed)),
        "topUpWallet" | "adjustWallet" => format!("movement {}", given("reference")),
        "createNotification" => format!("news {}", given("reference")),
        "claimLead" => format!("claim of {} by {}", given("leadId"), deed.who.user),
        "refundClaim" | "verifyLead" | "rejectLead" | "withdrawLead" => format!("{name} {}", given("id")),
        _ => return None,
    })
}

fn by_key(deeds: &[Deed]) -> BTreeMap<String, Vec<&Deed>> {
    let mut by_key: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for deed in deeds {
        if let Some(key) = key(deed) {
            by_key.entry(key).or_default().push(deed);
        }
    }
    by_key
}

/// All that were accepted speak of the same thing, and at most one says that it was the one; exactly one, where nothing else
/// could have been and each was answered.
fn done_once(key: &str, deeds: &[&Deed]) {
    let accepted: Vec<_> = deeds.iter().filter(|deed| deed.is_accepted()).collect();
    let identity =
        |deed: &Deed| ["/lead/id", "/claim/id", "/entry/id"].map(|place| deed.payload.pointer(place).map(text));
    let identities: BTreeSet<_> = accepted.iter().map(|deed| identity(deed)).collect();
    assert!(identities.len() <= 1, "{key} was done more than once: {deeds:#?}");
    let first = accepted.iter().filter(|deed| deed.is_first()).count();
    assert!(first <= 1, "{key} was done {first} times: {deeds:#?}");
    // Others open leads (the tenant's settings), and refund claims (withdrawLead).
    let alone = !matches!(deeds[0].mutation, "verifyLead" | "refundClaim");
    if alone && !accepted.is_empty() && deeds.iter().all(|deed| deed.doubts == 0) {
        assert_eq!(first, 1, "{key} was done, but nobody did it: {deeds:#?}");
    }
}

/// Nothing is there that was not acknowledged: everybody has insisted on an answer. But of one that was sent more than once it
/// may have been the first that was done, and the last that was refused, because its time was over, or its customer another.
fn nothing_else(world: &World, state: &State) {
    let sent = |mutation: &str, field: &str, reference: &Value| {
        world.deeds.iter().any(|deed| {
            let done = deed.is_accepted() || (deed.doubts > 0 && role_fits(deed));
            done && deed.mutation == mutation && deed.input[field] == *reference
        })
    };
    for lead in state.leads.values() {
        assert!(sent("createLead", "reference", &lead["reference"]), "nobody was told of {lead:#}");
    }
    for entry in state.entries.values().flatten() {
        let reference = &entry["reference"];
        let seeded = reference.as_str().is_none_or(|reference| reference.starts_with("dev-start-"));
        let moved = ["topUpWallet", "adjustWallet"].iter().any(|mutation| sent(mutation, "reference", reference));
        assert!(seeded || moved, "nobody was told of {entry:#}");
    }
    for note in state.notes.values().filter(|note| !note["reference"].is_null()) {
        assert!(sent("createNotification", "reference", &note["reference"]), "nobody was told of {note:#}");
    }
    for claim in state.claims.values() {
        let asked = world.deeds.iter().any(|deed| {
            deed.mutation == "claimLead"
                && claim["lead"]["id"] == deed.input["leadId"]
                && claim["provider"]["id"] == deed.who.user
        });
        assert!(asked, "nobody asked for {claim:#}");
    }
}

/// Of what can be set again and again, the value that stands is one after which no other was acknowledged.
fn last_word_counts(world: &World, state: &State) {
    let settings = world.deeds.iter().filter(|deed| deed.mutation == "updateTenantSettings");
    let settings: Vec<_> = settings.filter(|deed| deed.is_accepted()).collect();
    for (field, stands) in state.settings.as_object().expect("settings") {
        let said: Vec<_> = settings.iter().copied().filter(|deed| !deed.input[field].is_null()).collect();
        stands_rightly(field, &said, |deed| deed.input[field] == *stands);
    }
    for (id, user) in &state.users {
        let said = world.deeds.iter().filter(|deed| deed.mutation == "upsertUser" && deed.input["id"] == **id);
        let said: Vec<_> = said.filter(|deed| deed.is_accepted()).collect();
        stands_rightly(id, &said, |deed| (&deed.input["name"], &deed.input["role"]) == (&user["name"], &user["role"]));
        let said = world.deeds.iter().filter(|deed| deed.mutation == "updateProviderProfile" && profiled(deed) == id);
        let said: Vec<_> = said.filter(|deed| deed.is_accepted()).collect();
        for (field, stands) in user["profile"].as_object().into_iter().flatten() {
            let said: Vec<_> = said.iter().copied().filter(|deed| !deed.input[field].is_null()).collect();
            stands_rightly(field, &said, |deed| deed.input[field] == *stands);
        }
    }
    let mut preferences: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for deed in world.deeds.iter().filter(|deed| deed.mutation == "updateNotificationPreferences" && deed.is_accepted())
    {
        preferences.entry(setting(deed)).or_default().push(deed);
    }
    for (setting, said) in preferences {
        stands_rightly(&setting, &said, |deed| show(&state.preferences[deed.who.user], &deed.input));
    }
}

/// Whether preferences are as they were asked to be.
fn show(preferences: &Value, asked: &Value) -> bool {
    let listed = |rule: &Value| preferences["rules"].as_array().is_some_and(|rules| rules.contains(rule));
    asked.as_object().is_some_and(|asked| {
        asked.iter().all(|(field, value)| match value {
            Value::Array(rules) if field == "rules" => rules.iter().all(listed),
            value => preferences[field] == *value,
        })
    })
}

/// What of its user's preferences a deed is about.
fn setting(deed: &Deed) -> String {
    let (field, value) = deed.input.as_object().and_then(|input| input.iter().next()).expect("one thing at a time");
    format!("{} of {}, {}", field, deed.who.user, value[0]["topic"])
}

/// Whose profile it is about.
fn profiled(deed: &Deed) -> &str {
    deed.input["providerId"].as_str().unwrap_or(deed.who.user)
}

fn stands_rightly(what: &str, said: &[&Deed], stands: impl Fn(&Deed) -> bool) {
    // One that was in doubt may have been done again, at any time after.
    let over = |deed: &Deed| said.iter().any(|other| deed.doubts == 0 && deed.ended < other.began);
    let rightly = said.is_empty() || said.iter().any(|deed| stands(deed) && !over(deed));
    assert!(rightly, "{what} is not as it was last acknowledged: {said:#?}");
}

/// Whether sending it again must change nothing, and what must be said then: `replayed`, or one of these refusals.
pub fn again(deed: &Deed, state: &State) -> Option<&'static [&'static str]> {
    const REPLAYED: &[&str] = &[];
    let lead = |id: &str| state.leads[id].clone();
    Some(match deed.mutation {
        "verifyLead" => match lead(deed.given("id"))["status"].as_str() {
            Some("OPEN" | "FULL") => REPLAYED,
            _ => &["LEAD_CLOSED"],
        },
        "claimLead" if state.claims[deed.id("/claim/id")]["status"] == "REFUNDED" => &["LEAD_CLOSED"],
        // It makes another one; and it makes void, and tells of, what came since.
        "rotateWebhookSecret" | "revokeTokens" => return None,
        // What was done to notifications meanwhile, it would do to those again.
        change if change.contains("Notifications") || change == "openNotification" => return None,
        "createNotification" | "claimLead" | "createLead" | "rejectLead" | "withdrawLead" | "refundClaim"
        | "topUpWallet" | "adjustWallet" => REPLAYED,
        "updateClaim" => match state.claims[deed.given("id")]["status"].as_str() {
            Some("REFUNDED") => &["INVALID"],
            status if status == deed.input["outcome"].as_str() => REPLAYED,
            _ => return None,
        },
        "updateLead" => {
            let lead = lead(deed.given("id"));
            let expected = deed.input["expectedVersion"].as_i64();
            let fields = ["title", "price", "maxClaims"].into_iter().filter(|field| !deed.input[*field].is_null());
            let fields: Vec<_> = fields.collect();
            match lead["status"].as_str() {
                Some("WITHDRAWN" | "REJECTED") => &["LEAD_CLOSED"],
                _ if expected.is_some_and(|expected| expected != number(&lead["version"])) => &["STALE_VERSION"],
                _ if !fields.is_empty() && fields.iter().all(|field| deed.input[field] == lead[field]) => REPLAYED,
                _ => return None,
            }
        }
        "upsertUser" => {
            let user = &state.users[deed.given("id")];
            if (&deed.input["name"], &deed.input["role"]) != (&user["name"], &user["role"]) {
                return None;
            }
            REPLAYED
        }
        "updateProviderProfile" => {
            let profile = &state.users[profiled(deed)]["profile"];
            // Its role may have changed since.
            let given = deed.input.as_object().expect("an object").iter().filter(|(field, _)| *field != "providerId");
            if profile.is_null() || given.into_iter().any(|(field, value)| profile[field] != *value) {
                return None;
            }
            REPLAYED
        }
        "updateNotificationPreferences" => {
            if !show(&state.preferences[deed.who.user], &deed.input) {
                return None;
            }
            REPLAYED
        }
        "updateTenantSettings" => {
            let given = deed.input.as_object().expect("an object");
            if given.iter().any(|(field, value)| state.settings[field] != *value) {
                return None;
            }
            REPLAYED
        }
        other => panic!("say here what becomes of {other} when it is sent again"),
    })
}
