//! Who has not paid is not told whom to call, and nobody is told who else did: not by a query, a stream, a replay or a
//! poll, before, during or after anybody's claim. Whatever a provider was ever sent is searched as text.

use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    client::Client,
    market::{Market, UPDATE},
    socket::{Socket, Subscription},
};

both_engines!(
    contact_is_for_who_has_paid_and_only_as_long,
    the_customer_sees_who_has_paid,
    another_tenant_is_sent_nothing_at_all,
);

/// Everything of a lead that could give its customer or its claimants away.
const LEAD: &str = "fragment lead on Lead { id title reference statusReason duplicateOf
    contact { name email phone address } customer { id name email phone }
    claims(first: 10) { nodes { ...claim } totalCount } viewerClaim { ...claim } }";
const CLAIM: &str = "
    fragment claim on Claim { id status provider { id name email phone }
        lead { id contact { name email phone address } } }";
const EVENT: &str = "fragment event on Event { __typename cursor
    ... on LeadCreatedEvent { lead { ...lead } }
    ... on LeadClaimedEvent { claimedByViewer claim { ...claim } lead { ...lead } }
    ... on LeadUpdatedEvent { lead { ...lead } }
    ... on ClaimUpdatedEvent { claim { ...claim } lead { ...lead } }
    ... on BalanceUpdatedEvent { wallet { owner { id } } entry { ...entry } } }
    fragment entry on LedgerEntry { reference reason claim { ...claim lead { ...lead } } }";
const STREAMS: [&str; 6] = ["leadCreated", "leadClaimed", "leadUpdated", "claimUpdated", "balanceUpdated", "events"];

/// The customer, and what only those who paid may know of it.
const CUSTOMER: &str = "customer-zebra-41";
const SECRETS: [&str; 5] = ["Zoe Zebra", "zoe.zebra@example.com", "+27 21 555 0142", "7 Quagga Lane", CUSTOMER];
const NEW_ADDRESS: &str = "new.zebra@example.com";
/// Claims, and keeps its claim.
const OWNER: &str = "provider-lion-17";
/// Claims too, and is refunded.
const REFUNDED: &str = "provider-hyena-23";
/// Never claims the customer's lead.
const WATCHER: &str = "provider-vulture-29";
/// Claims the fences.
const FENCER: &str = "provider-mole-31";

/// A provider who watches everything there is to watch, and remembers all that was sent to it.
struct Witness<'a> {
    market: Market<'a>,
    name: &'static str,
    client: Client,
    start: Value,
    _socket: Socket,
    live: Vec<Subscription>,
    heard: Vec<String>,
}

/// All of a provider's streams.
fn subscribe(socket: &mut Socket, after: &Value) -> Vec<Subscription> {
    let document = |field| {
        format!("subscription($after: Cursor) {{ {field}(after: $after) {{ ...event }} }} {EVENT} {LEAD} {CLAIM}")
    };
    STREAMS.iter().map(|field| socket.subscribe(&document(field), json!({ "after": after }))).collect()
}

/// What came on each of the streams, up to the fence.
async fn read(streams: &mut [Subscription], fence: &str) -> Vec<String> {
    let mut heard = Vec::new();
    for (stream, field) in streams.iter_mut().zip(STREAMS) {
        loop {
            let message = stream.message().await;
            assert_eq!(message["type"], "next", "{message:#}");
            let text = message.to_string();
            // In `events`, the last of the fences.
            let is_fence = text.contains(fence) && (field != "events" || text.contains("BalanceUpdatedEvent"));
            heard.push(text);
            if is_fence {
                break;
            }
        }
    }
    heard
}

impl<'a> Witness<'a> {
    async fn new(market: Market<'a>, name: &'static str, ticket: &Value) -> Self {
        market.top_up(name, 50, &format!("start of {name}")).await.field("topUpWallet");
        market.claim(name, ticket).await.field("claimLead");
        let (client, start) = (market.user(name), market.mark().await);
        let mut socket = market.socket(name).await;
        let live = subscribe(&mut socket, &start);
        Self { market, name, client, start, _socket: socket, live, heard: Vec::new() }
    }

    async fn ask(&mut self, operation: &str, variables: Value) -> String {
        let lead = if operation.contains("...lead") { LEAD } else { "" };
        let claim = if [operation, lead].concat().contains("...claim") { CLAIM } else { "" };
        let answer = self.client.query(&format!("{operation} {lead} {claim}"), variables).await;
        assert!(answer.body["errors"].is_null(), "{answer}");
        let text = answer.body.to_string();
        self.heard.push(text.clone());
        text
    }

    /// What is sent to it of a lead on every way there is, each by its name.
    async fn look(&mut self, lead: &Value, fence: &str) -> Vec<(&'static str, String)> {
        let live = read(&mut self.live, fence).await;
        let mut again = self.market.socket(self.name).await;
        let replay = read(&mut subscribe(&mut again, &self.start), fence).await;
        self.heard.extend([live.clone(), replay.clone()].concat());
        let poll = format!(
            "query($after: Cursor!) {{ events(after: $after, first: 50) {{ events {{ ...event }} endCursor hasMore }} }} {EVENT}"
        );
        let (mut polled, mut after) = (String::new(), self.start.clone());
        loop {
            let page = self.ask(&poll, json!({ "after": after })).await;
            polled.push_str(&page);
            if page.contains("\"hasMore\":false") {
                break;
            }
            let page: Value = serde_json::from_str(&page).expect("JSON");
            after = page["data"]["events"]["endCursor"].clone();
        }
        assert!(polled.contains(fence), "{polled}");
        let mut sent = vec![("live streams", live.concat()), ("replayed streams", replay.concat()), ("a poll", polled)];
        for (way, query) in [
            ("lead", "query($lead: ID!) { lead(id: $lead) { ...lead } }"),
            ("leads", "{ leads(first: 100) { nodes { ...lead } } }"),
            (
                "claims",
                "query($lead: ID!) { claims(filter: { leadId: $lead }) { nodes { ...claim lead { ...lead } } } }",
            ),
            (
                "wallet",
                "{ wallet { owner { id } entries(first: 100) { nodes {
                    reason claim { ...claim lead { ...lead } } } } } }",
            ),
        ] {
            sent.push((way, self.ask(query, json!({ "lead": lead })).await));
        }
        sent
    }

    /// Tries to get at what is not its own.
    async fn pry(&mut self, lead: &Value, claim: &Value) {
        const CLAIMED: &str = "claim { ...claim } lead { ...lead } userErrors { code message path }";
        let (lead, claim) = (json!({ "id": lead }), json!({ "id": claim }));
        for (mutation, id) in [
            ("claimLead(input: { leadId: $id, maxPrice: 100 })", &lead),
            ("updateClaim(input: { id: $id, outcome: WON })", &claim),
            ("refundClaim(input: { id: $id, reason: \"mine\" })", &claim),
        ] {
            self.ask(&format!("mutation($id: ID!) {{ {mutation} {{ {CLAIMED} }} }}"), id.clone()).await;
        }
        let update = "mutation($id: ID!) { updateLead(input: { id: $id, title: \"Mine\" }) {
            lead { ...lead } userErrors { code message path } } }";
        self.ask(update, lead).await;
        self.ask("query($id: ID!) { claim(id: $id) { ...claim } }", claim).await;
        let other = if self.name == OWNER { REFUNDED } else { OWNER };
        for query in [
            "query($id: ID!) { user(id: $id) { name email } wallet(ownerId: $id) { balance } }",
            "query($id: ID!) { claims(filter: { providerId: $id }) { nodes { ...claim } } }",
        ] {
            for id in [other, CUSTOMER] {
                self.ask(query, json!({ "id": id })).await;
            }
        }
        // Who posts a lead is part of what a provider pays for: it may not even ask.
        let fishing = "query($id: ID!) { leads(filter: { customerId: $id }) { totalCount nodes { id } } }";
        let answer = self.client.query(fishing, json!({ "id": CUSTOMER })).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{answer}");
        assert!(answer.body["data"].is_null(), "{answer}");
    }

    /// Nothing of these was ever in anything that was sent to it.
    fn never_heard_of(&self, words: &[&str]) {
        for (text, word) in self.heard.iter().flat_map(|text| words.iter().map(move |word| (text, word))) {
            assert!(!text.contains(word), "{} was told {word}: {text}", self.name);
        }
    }
}

/// Events that end every stream of every witness: a lead opens and is claimed, a lead that all of them have claimed
/// changes, and their wallets move.
async fn fence(market: Market<'_>, ticket: &Value, number: usize, names: &[&str]) -> String {
    let fence = format!("Fence {number}.");
    let lead = market.open(&format!("fence {number}"), json!({ "title": fence, "price": 0 })).await;
    market.claim(FENCER, &lead).await.field("claimLead");
    market.update(ticket, json!({ "title": fence })).await.field("updateLead");
    for name in names {
        market.top_up(name, 1, &format!("{fence} {name}")).await.field("topUpWallet");
    }
    fence
}

#[track_caller]
fn check(who: &Witness<'_>, when: &str, sent: &[(&str, String)], may_know: bool) {
    for (way, text) in sent {
        // The one that was changed is the same secret.
        let text = text.replace(NEW_ADDRESS, SECRETS[1]);
        for secret in SECRETS {
            assert_eq!(text.contains(secret), may_know, "{}, {when}: {secret} in {way}: {text}", who.name);
        }
    }
}

/// The customer's lead, which waits for review.
async fn post(market: Market<'_>) -> Value {
    let [name, email, phone, address, _] = SECRETS;
    let contact = json!({ "name": name, "email": email, "phone": phone, "address": address });
    market.post(CUSTOMER, "the job", json!({ "title": "Paint black stripes", "contact": contact })).await
}

async fn change_contact(market: Market<'_>, lead: &Value) {
    let [name, _, phone, address, _] = SECRETS;
    let contact = json!({ "name": name, "email": NEW_ADDRESS, "phone": phone, "address": address });
    let changed = market.customer(CUSTOMER).query(UPDATE, json!({ "input": { "id": lead, "contact": contact } })).await;
    changed.field("updateLead");
}

async fn contact_is_for_who_has_paid_and_only_as_long(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, _] = Market::both(&server);
    let names = [OWNER, REFUNDED, WATCHER];
    let ticket = market.open("ticket", json!({ "price": 0 })).await;
    let mut witnesses = Vec::new();
    for name in names {
        witnesses.push(Witness::new(market, name, &ticket).await);
    }
    let lead = post(market).await;
    market.update(&lead, json!({ "price": 2, "maxClaims": 2 })).await.field("updateLead");

    let claim = async |name| market.claim(name, &lead).await.field("claimLead")["claim"]["id"].clone();
    let mut claims = Vec::new();
    // What happens, and which of the witnesses may know the contact then.
    for (step, (what, may_know)) in [
        ("in review", [false, false, false]),
        ("open", [false, false, false]),
        ("claimed by one", [true, false, false]),
        ("claimed by another too", [true, true, false]),
        ("the other was refunded", [true, false, false]),
        ("the contact was changed", [true, false, false]),
    ]
    .into_iter()
    .enumerate()
    {
        match step {
            1 => market.verify(&lead).await,
            2 => claims.push(claim(OWNER).await),
            3 => claims.push(claim(REFUNDED).await),
            4 => drop(market.refund(&claims[1], true).await.field("refundClaim")),
            5 => change_contact(market, &lead).await,
            _ => {}
        }
        let fence = fence(market, &ticket, step, &names).await;
        for (witness, may_know) in witnesses.iter_mut().zip(may_know) {
            let sent = witness.look(&lead, &fence).await;
            check(witness, what, &sent, may_know);
        }
        // The lead is full for one, and closed to the other.
        match step {
            3 => witnesses[2].pry(&lead, &claims[0]).await,
            4.. => witnesses[1].pry(&lead, &claims[0]).await,
            _ => {}
        }
    }

    let [owner, refunded, watcher] = &witnesses[..] else { panic!("three witnesses") };
    owner.never_heard_of(&[REFUNDED, WATCHER, FENCER]);
    refunded.never_heard_of(&[OWNER, WATCHER, FENCER, NEW_ADDRESS]);
    watcher.never_heard_of(&[&SECRETS[..], &[OWNER, REFUNDED, FENCER, NEW_ADDRESS]].concat());
    assert!(watcher.heard.iter().any(|text| text.contains("Paint black stripes")), "the lead itself is for all");
}

/// To the customer who posted the lead neither its contact nor who has claimed it is a secret.
async fn the_customer_sees_who_has_paid(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, _] = Market::both(&server);
    let lead = post(market).await;
    market.verify(&lead).await;
    for provider in ["pat", "quinn"] {
        market.claim(provider, &lead).await.field("claimLead");
    }
    let query = format!("query($id: ID!) {{ lead(id: $id) {{ ...lead }} }} {LEAD} {CLAIM}");
    for (client, may_know) in [(market.customer(CUSTOMER), true), (market.customer("casey"), false)] {
        let seen = client.query(&query, json!({ "id": lead })).await.data().to_string();
        for word in [&SECRETS[..], &["\"pat\"", "\"quinn\""]].concat() {
            assert_eq!(seen.contains(word), may_know, "{word}: {seen}");
        }
    }
}

async fn another_tenant_is_sent_nothing_at_all(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    let ticket = rival.open("ticket", json!({ "price": 0 })).await;
    let mut witness = Witness::new(rival, OWNER, &ticket).await;
    let lead = post(market).await;
    market.verify(&lead).await;
    // Of the same name as the witness.
    market.top_up(OWNER, 50, "start").await.field("topUpWallet");
    let claimed = market.claim(OWNER, &lead).await;
    let claim = &claimed.field("claimLead")["claim"]["id"];
    market.report(OWNER, claim, "WON").await.field("updateClaim");
    market.update(&lead, json!({ "title": "Paint white stripes" })).await.field("updateLead");

    let fence = fence(rival, &ticket, 1, &[OWNER]).await;
    witness.look(&lead, &fence).await;
    witness.pry(&lead, claim).await;
    let ids = [&lead, claim].map(|id| id.as_str().expect("an id").to_owned());
    let told = [&SECRETS[..], &["stripes", &ids[0], &ids[1]]].concat();
    witness.never_heard_of(&told);
}
