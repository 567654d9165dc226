//! The marketplace's moves as tests make them, each over HTTP, and its books as tests audit them.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use leadcast::{ids::TenantId, users::Role};
use serde_json::{Value, json};

use super::{
    TestServer,
    client::{Answer, Client},
    socket::{Socket, Subscription},
    soon,
};

pub const CREATE: &str = "mutation($input: CreateLeadInput!) { createLead(input: $input) {
    lead { id status } replayed userErrors { code message } } }";
const VERIFY: &str =
    "mutation($id: ID!) { verifyLead(input: { id: $id }) { lead { status } userErrors { code message } } }";
/// Asks for nothing that would have to be looked up once the claim is made: an answer that fails did nothing.
const CLAIM: &str =
    "mutation($lead: ID!, $maxPrice: Credits!) { claimLead(input: { leadId: $lead, maxPrice: $maxPrice }) {
    claim { id } entry { id } lead { claimCount status } wallet { balance } replayed
    userErrors { code message ... on LeadFullError { claimCount maxClaims }
        ... on InsufficientCreditsError { required available } } } }";
const REFUND: &str = "mutation($input: RefundClaimInput!) { refundClaim(input: $input) {
    claim { id status } entry { id } replayed userErrors { code message } } }";
const REPORT: &str = "mutation($input: UpdateClaimInput!) { updateClaim(input: $input) {
    claim { id status } userErrors { code message } } }";
pub const UPDATE: &str = "mutation($input: UpdateLeadInput!) { updateLead(input: $input) {
    lead { version } userErrors { code message } } }";
const TOP_UP: &str = "mutation($input: TopUpWalletInput!) { topUpWallet(input: $input) {
    wallet { balance } entry { id } replayed userErrors { code message } } }";
const ADJUST: &str = "mutation($input: AdjustWalletInput!) { adjustWallet(input: $input) {
    wallet { balance } entry { id } replayed userErrors { code message } } }";
const LEAD: &str = "query($id: ID!) { lead(id: $id) { id status version claimCount maxClaims
    claims(first: 100) { nodes { provider { id } status } } } }";
const PROVIDERS: &str = "query($after: PageCursor) { users(role: PROVIDER, first: 100, after: $after) {
    nodes { id } pageInfo { hasNextPage endCursor } } }";
const ENTRIES: &str = "query($owner: ID!, $after: PageCursor) { wallet(ownerId: $owner) { balance version
    entries(first: 100, after: $after) {
        nodes { change previousBalance balance } pageInfo { hasNextPage endCursor } } } }";

/// What tests look at in an event of any type.
pub const EVENT: &str = "fragment event on Event { __typename cursor backlog
    ... on LeadCreatedEvent { lead { ...state } }
    ... on LeadClaimedEvent { claimCount claimedByViewer lead { ...state } }
    ... on LeadUpdatedEvent { leadChange lead { ...state } }
    ... on ClaimUpdatedEvent { claim { id version status } lead { ...state } }
    ... on BalanceUpdatedEvent { previousBalance balance change wallet { version } }
    ... on NotificationAddedEvent { notification { id type } viewer { unreadCount } }
    ... on NotificationUpdatedEvent { notificationChange affectedCount notificationIds viewer { unreadCount } } }
    fragment state on Lead { id version status claimCount title }";

/// The `events` stream.
pub fn events_stream() -> String {
    format!(
        "subscription($after: Cursor, $types: [EventType!]) {{
            events(after: $after, types: $types) {{ ...event }} }} {EVENT}"
    )
}

/// One tenant of a server. Tests that race do the same in both tenants at once: neither may notice the other.
#[derive(Clone, Copy)]
pub struct Market<'a> {
    pub server: &'a TestServer,
    pub tenant: &'static str,
}

/// A wallet's books.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Books {
    pub balance: i64,
    pub entries: usize,
}

impl<'a> Market<'a> {
    pub fn both(server: &'a TestServer) -> [Self; 2] {
        ["demo", "rival"].map(|tenant| Self { server, tenant })
    }

    /// A seeded user's token, or one of a provider.
    pub fn token(&self, user: &str) -> String {
        match user {
            "admin" | "casey" => self.server.token(self.tenant, user),
            provider => self.server.token_for(self.tenant, provider, Role::Provider),
        }
    }

    pub fn user(&self, user: &str) -> Client {
        Client::new(self.server.url("/graphql"), Some(self.token(user)))
    }

    pub async fn socket(&self, user: &str) -> Socket {
        Socket::connect(self.server.raw_socket().await, &self.token(user)).await
    }

    /// Providers, each with as many credits.
    pub async fn providers(&self, count: usize, credits: i64) -> Vec<String> {
        let names: Vec<_> = (0..count).map(|n| format!("provider-{n}")).collect();
        let top_ups = names.iter().map(async |name| {
            self.top_up(name, credits, &format!("start of {name}")).await.field("topUpWallet");
        });
        few_at_once(top_ups).await;
        names
    }

    /// Posts a lead on behalf of `casey` with these terms (price, maxClaims, title …) and opens it.
    pub async fn open(&self, reference: &str, terms: Value) -> Value {
        let admin = self.user("admin");
        let posted = insist(&admin, CREATE, json!({ "input": lead_input(reference, terms) })).await;
        let id = posted.field("createLead")["lead"]["id"].clone();
        self.verify(&id).await;
        id
    }

    /// A customer posts a lead of its own, which then waits for review.
    pub async fn post(&self, customer: &str, reference: &str, content: Value) -> Value {
        let mut input = lead_input(reference, content);
        input.as_object_mut().expect("an object").remove("customerId");
        let posted = insist(&self.customer(customer), CREATE, json!({ "input": input })).await;
        posted.field("createLead")["lead"]["id"].clone()
    }

    pub fn customer(&self, name: &str) -> Client {
        let token = self.server.token_for(self.tenant, name, Role::Customer);
        Client::new(self.server.url("/graphql"), Some(token))
    }

    /// A provider says what it wants.
    pub async fn wants(&self, provider: &str, profile: Value) {
        let document = super::api::document("updateProviderProfile");
        insist(&self.user(provider), &document, json!({ "input": profile })).await.field("updateProviderProfile");
    }

    pub async fn verify(&self, lead: &Value) {
        let opened = insist(&self.user("admin"), VERIFY, json!({ "id": lead })).await;
        assert_eq!(opened.field("verifyLead")["lead"]["status"], "OPEN");
    }

    pub async fn claim(&self, provider: &str, lead: &Value) -> Answer {
        insist(&self.user(provider), CLAIM, json!({ "lead": lead, "maxPrice": 1_000 })).await
    }

    pub async fn refund(&self, claim: &Value, reopen_slot: bool) -> Answer {
        let input = json!({ "id": claim, "reason": "as agreed", "reopenSlot": reopen_slot });
        insist(&self.user("admin"), REFUND, json!({ "input": input })).await
    }

    pub async fn report(&self, provider: &str, claim: &Value, outcome: &str) -> Answer {
        insist(&self.user(provider), REPORT, json!({ "input": { "id": claim, "outcome": outcome } })).await
    }

    pub async fn update(&self, lead: &Value, change: Value) -> Answer {
        let mut input = change;
        input["id"] = lead.clone();
        insist(&self.user("admin"), UPDATE, json!({ "input": input })).await
    }

    pub async fn top_up(&self, owner: &str, amount: i64, reference: &str) -> Answer {
        let input = json!({ "ownerId": owner, "amount": amount, "reference": reference });
        insist(&self.user("admin"), TOP_UP, json!({ "input": input })).await
    }

    pub async fn adjust(&self, owner: &str, change: i64, reference: &str) -> Answer {
        let input = json!({ "ownerId": owner, "change": change, "reference": reference, "reason": "as agreed" });
        insist(&self.user("admin"), ADJUST, json!({ "input": input })).await
    }

    /// A lead as `admin` sees it.
    pub async fn lead(&self, lead: &Value) -> Value {
        insist(&self.user("admin"), LEAD, json!({ "id": lead })).await.field("lead").clone()
    }

    pub async fn tenant_id(&self) -> TenantId {
        let known = leadcast::tenants::find_by_slug(&self.server.app.db, self.tenant).await;
        known.expect("the tenants can be read").expect("the tenant exists")
    }

    /// The exact end of what has happened by now: the cursor of an event that was caused for this. (A `streamCursor` may be
    /// a little older: what is in the answer may come again.)
    pub async fn mark(&self) -> Value {
        let after = self.user("admin").stream_cursor().await;
        let (_, mark) = self.up_to_a_fence("admin", &after).await;
        mark["cursor"].clone()
    }

    /// What `user` is told of the time from `after` until now, in order. Complete, because a fence comes last.
    pub async fn history(&self, user: &str, after: &Value) -> Vec<Value> {
        self.up_to_a_fence(user, after).await.0
    }

    async fn up_to_a_fence(&self, user: &str, after: &Value) -> (Vec<Value>, Value) {
        let fence = self.open(&format!("fence {}", uuid::Uuid::now_v7()), json!({})).await;
        let mut socket = self.socket(user).await;
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": after }));
        let mut events = until(&mut stream, |event| is_opening(event, &fence)).await;
        let last = events.pop().expect("the fence");
        events.retain(|event| event["lead"]["id"] != fence);
        (events, last)
    }

    /// The books of every wallet of the tenant, by owner: each an unbroken chain of entries from 0 to its balance.
    pub async fn audit(&self) -> BTreeMap<String, Books> {
        let admin = self.user("admin");
        let mut books = BTreeMap::new();
        let mut after = Value::Null;
        loop {
            let page = insist(&admin, PROVIDERS, json!({ "after": after })).await;
            let users = page.field("users");
            for user in users["nodes"].as_array().expect("a list") {
                let owner = user["id"].as_str().expect("a name");
                books.insert(owner.to_owned(), audit_one(&admin, owner).await);
            }
            if users["pageInfo"]["hasNextPage"] != true {
                return books;
            }
            after = users["pageInfo"]["endCursor"].clone();
        }
    }
}

async fn audit_one(admin: &Client, owner: &str) -> Books {
    let mut entries = Vec::new();
    let mut after = Value::Null;
    let wallet = loop {
        let page = insist(admin, ENTRIES, json!({ "owner": owner, "after": after })).await;
        let wallet = page.field("wallet").clone();
        entries.extend(wallet["entries"]["nodes"].as_array().expect("a list").iter().cloned());
        if wallet["entries"]["pageInfo"]["hasNextPage"] != true {
            break wallet;
        }
        after = wallet["entries"]["pageInfo"]["endCursor"].clone();
    };
    let mut balance = 0;
    for entry in entries.iter().rev() {
        assert_eq!(number(&entry["previousBalance"]), balance, "{owner}: {entries:#?}");
        balance += number(&entry["change"]);
        assert_eq!(number(&entry["balance"]), balance, "{owner}: {entries:#?}");
        assert!(balance >= 0, "{owner}: {entries:#?}");
    }
    assert_eq!((number(&wallet["balance"]), number(&wallet["version"])), (balance, count(&entries)), "{owner}");
    Books { balance, entries: entries.len() }
}

/// A lead's input, on behalf of `casey`; `terms` win.
pub fn lead_input(reference: &str, terms: Value) -> Value {
    let mut input = json!({
        "reference": reference, "customerId": "casey", "title": "Rewire a kitchen", "description": "Two rooms, old wiring",
        "category": "Electrical", "location": { "country": "ZA", "city": "Cape Town" },
        "contact": { "name": "Casey", "email": "casey@example.com" },
    });
    for (key, value) in terms.as_object().into_iter().flatten() {
        input[key] = value.clone();
    }
    input
}

/// Sends it, and again while the server is too busy to take it: then it has done nothing, which it says.
pub async fn insist(client: &Client, document: &str, variables: Value) -> Answer {
    soon("a server with time for this", async {
        loop {
            let answer = client.query(document, variables.clone()).await;
            if answer.body["errors"][0]["extensions"]["code"] != "SERVICE_UNAVAILABLE" {
                return answer;
            }
        }
    })
    .await
}

/// For what is only preparation: all of it, but no crowd. Results in order.
pub async fn few_at_once<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    stream::iter(work).buffered(8).collect().await
}

/// The events up to and with the first that is `last`.
pub async fn until(stream: &mut Subscription, last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = stream.next().await;
        let done = last(&event);
        events.push(event);
        if done {
            return events;
        }
    }
}

pub fn is_opening(event: &Value, lead: &Value) -> bool {
    event["__typename"] == "LeadCreatedEvent" && event["lead"]["id"] == *lead
}

/// Waits until the node's hub delivers to this many mailboxes. A stream of both public and private events has two.
pub async fn listeners(server: &TestServer, count: usize) {
    soon("the streams to be open or closed", async {
        while server.app.hub.stats().subscribers != count {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
}

#[track_caller]
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a number was expected: {value:#}"))
}

pub fn count<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).expect("a list that fits")
}

/// Of which type each event is.
pub fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["__typename"].as_str()).collect()
}

/// The events of one type.
pub fn of_type<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["__typename"] == name).collect()
}
