//! What the API shows of a tenant when all is quiet: everything that a client could look up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Storm,
    chains::{Chains, Claim, Lead, Wallet, text},
    mutations::EVERYONE,
    notes::Note,
};
use crate::support::{
    api::{ADMIN, PREFERENCES, Who},
    market::number,
};

/// By id; wallets by owner.
pub struct State {
    pub leads: BTreeMap<String, Value>,
    pub claims: BTreeMap<String, Value>,
    pub users: BTreeMap<String, Value>,
    pub wallets: BTreeMap<String, Value>,
    /// Of each owner, oldest first.
    pub entries: BTreeMap<String, Vec<Value>>,
    pub settings: Value,
    /// By user.
    pub preferences: BTreeMap<String, Value>,
    pub notes: BTreeMap<String, Value>,
    /// What each of [`EVERYONE`] is shown as its count.
    pub unread: BTreeMap<String, i64>,
}

const LEADS: &str =
    "query($after: PageCursor, $more: Boolean!) { list: leads(first: 100, after: $after, filter: { isTest: $more }) {
    nodes { id version status claimCount maxClaims price title reference customer { id } }
    pageInfo { hasNextPage endCursor } } }";
const CLAIMS: &str = "query($after: PageCursor) { list: claims(first: 100, after: $after) {
    nodes { id version status lead { id } provider { id } } pageInfo { hasNextPage endCursor } } }";
const USERS: &str = "query($after: PageCursor) { list: users(first: 100, after: $after) {
    nodes { id name role profile { version categories minBudget minScore acceptingLeads } } pageInfo { hasNextPage endCursor } } }";
const WALLET: &str = "query($owner: ID!, $after: PageCursor) { wallet(ownerId: $owner) { id balance version
    list: entries(first: 100, after: $after) {
        nodes { id type change previousBalance balance reference } pageInfo { hasNextPage endCursor } } } }";
const NOTES: &str = "query($owner: ID!, $after: PageCursor) { list: notifications(first: 100, after: $after,
    filter: { view: ALL, recipientIds: [$owner] }) {
    nodes { id recipient { id } reference readAt archivedAt snoozedUntil } pageInfo { hasNextPage endCursor } } }";
const SETTINGS: &str = "{ viewer { tenant { settings { autoVerifyLeads defaultLeadPrice defaultMaxClaims } } } }";

impl Storm {
    pub async fn state(&self, tenant: &'static str) -> State {
        let admin = Who { tenant, ..ADMIN };
        let mut leads = Vec::new();
        for tests in [false, true] {
            leads.extend(self.list(admin, LEADS, "", json!({ "more": tests })).await);
        }
        let users = by_id(self.list(admin, USERS, "", json!({})).await);
        let (mut wallets, mut entries) = (BTreeMap::new(), BTreeMap::new());
        let mut notes = Vec::new();
        for owner in users.keys() {
            notes.extend(self.list(admin, NOTES, "", json!({ "owner": owner })).await);
            let wallet = self.site.query(admin, WALLET, json!({ "owner": owner })).await.field("wallet").clone();
            if wallet.is_null() {
                continue;
            }
            wallets.insert(owner.clone(), wallet);
            let mut of_owner = self.list(admin, WALLET, "wallet", json!({ "owner": owner })).await;
            of_owner.reverse();
            entries.insert(owner.clone(), of_owner);
        }
        let (mut preferences, mut unread) = (BTreeMap::new(), BTreeMap::new());
        for who in EVERYONE {
            let document = format!("{{ viewer {{ unreadCount }} notificationPreferences {PREFERENCES} }}");
            let answer = self.site.query(Who { tenant, ..who }, &document, Value::Null).await;
            unread.insert(who.user.to_owned(), number(&answer.field("viewer")["unreadCount"]));
            preferences.insert(who.user.to_owned(), answer.field("notificationPreferences").clone());
        }
        State {
            leads: by_id(leads),
            claims: by_id(self.list(admin, CLAIMS, "", json!({})).await),
            users,
            wallets,
            entries,
            settings: self.site.query(admin, SETTINGS, Value::Null).await.field("viewer")["tenant"]["settings"].clone(),
            preferences,
            notes: by_id(notes),
            unread,
        }
    }

    /// All pages of the `list` in the answer, or in this field of it.
    async fn list(&self, who: Who, document: &str, within: &str, mut variables: Value) -> Vec<Value> {
        let mut nodes = Vec::new();
        loop {
            let answer = self.site.query(who, document, variables.clone()).await;
            let data = answer.data();
            let list = if within.is_empty() { &data["list"] } else { &data[within]["list"] };
            nodes.extend(list["nodes"].as_array().expect("a list").iter().cloned());
            if list["pageInfo"]["hasNextPage"] == false {
                return nodes;
            }
            variables["after"] = list["pageInfo"]["endCursor"].clone();
        }
    }
}

fn by_id(nodes: Vec<Value>) -> BTreeMap<String, Value> {
    let total = nodes.len();
    let nodes: BTreeMap<_, _> = nodes.into_iter().map(|node| (text(&node["id"]), node)).collect();
    assert_eq!(nodes.len(), total, "a list shows something twice");
    nodes
}

impl State {
    /// The log tells how everything came to be as it is, and of nothing else.
    pub fn agrees_with(&self, chains: &Chains) {
        let leads = self.leads.iter().map(|(id, lead)| (id.clone(), lead_of(lead)));
        let told = chains.leads.iter().map(|(id, lead)| (id.clone(), Lead { opened: false, ..lead.clone() }));
        same("leads", leads, told);
        let claims = self.claims.iter().map(|(id, claim)| {
            let claim = Claim {
                lead: text(&claim["lead"]["id"]),
                provider: text(&claim["provider"]["id"]),
                version: number(&claim["version"]),
                status: text(&claim["status"]),
            };
            (id.clone(), claim)
        });
        same("claims", claims, chains.claims.clone());
        let wallets = self.wallets.iter().map(|(owner, wallet)| (owner.clone(), self.wallet_of(owner, wallet)));
        let moved = wallets.filter(|(_, wallet)| wallet.version > 0);
        same("wallets", moved, chains.wallets.clone());
        let notes = self.notes.iter().map(|(id, note)| (id.clone(), note_of(note)));
        same("notifications", notes, chains.notes.all.clone());
        for (user, unread) in &self.unread {
            assert_eq!(*unread, chains.notes.unread_of(user), "what is unread of {user}");
            let told = chains.notes.unread.get(user).copied().unwrap_or(0);
            assert_eq!(*unread, told, "what the tabs of {user} were told last");
        }
    }

    fn wallet_of(&self, owner: &str, wallet: &Value) -> Wallet {
        let entries = self.entries[owner].iter().map(|entry| text(&entry["id"])).collect();
        Wallet { version: number(&wallet["version"]), balance: number(&wallet["balance"]), entries }
    }
}

fn note_of(note: &Value) -> Note {
    let folder = match (note["archivedAt"].is_null(), note["snoozedUntil"].is_null()) {
        (false, _) => "ARCHIVED",
        (true, false) => "SNOOZED",
        (true, true) => "INBOX",
    };
    Note { recipient: text(&note["recipient"]["id"]), folder, unread: note["readAt"].is_null() }
}

fn lead_of(lead: &Value) -> Lead {
    Lead {
        version: number(&lead["version"]),
        claim_count: number(&lead["claimCount"]),
        status: text(&lead["status"]),
        ..Lead::default()
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    shown: impl IntoIterator<Item = (String, T)>,
    told: impl IntoIterator<Item = (String, T)>,
) {
    let (shown, told): (BTreeMap<_, _>, BTreeMap<_, _>) = (shown.into_iter().collect(), told.into_iter().collect());
    assert_eq!(shown, told, "{what} as the API shows them, and as the log tells of them");
}
