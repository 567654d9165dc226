//! What the API shows of a tenant when all is quiet: everything that a client could look up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Storm,
    chains::{Chains, Claim, Lead, Wallet, text},
    mutations::EVERYONE,
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
        for owner in users.keys() {
            let wallet = self.site.query(admin, WALLET, json!({ "owner": owner })).await.field("wallet").clone();
            if wallet.is_null() {
                continue;
            }
            wallets.insert(owner.clone(), wallet);
            let mut of_owner = self.list(admin, WALLET, "wallet", json!({ "owner": owner })).await;
            of_owner.reverse();
            entries.insert(owner.clone(), of_owner);
        }
        let mut preferences = BTreeMap::new();
        for who in EVERYONE {
            let document = format!("{{ notificationPreferences {PREFERENCES} }}");
            let answer = self.site.query(Who { tenant, ..who }, &document, Value::Null).await;
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
    }

    fn wallet_of(&self, owner: &str, wallet: &Value) -> Wallet {
        let entries = self.entries[owner].iter().map(|entry| text(&entry["id"])).collect();
        Wallet { version: number(&wallet["version"]), balance: number(&wallet["balance"]), entries }
    }
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
