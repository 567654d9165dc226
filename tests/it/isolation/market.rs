//! A market in which everything that can be shown of one is there to be shown; the same in each tenant, in its own words.

use serde_json::{Value, json};

use super::{
    aim::{Aim, Words},
    table::FAR_AHEAD,
};
use crate::support::{
    TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, ROBOT, Who, unique, with},
    market::Market,
    receiver::{Receiver, Reply},
    wire::eventually,
};

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text was expected: {value}")).to_owned()
}

/// A tenant's market being made.
struct Maker<'a> {
    server: &'a TestServer,
    words: &'a Words,
    aim: Aim,
}

impl Words {
    /// Makes a market.
    pub async fn market(&self, server: &TestServer) -> Aim {
        let market = Market { server, tenant: self.tenant };
        let start = text(&market.mark().await);
        let mut maker = Maker { server, words: self, aim: self.aim() };
        maker.people().await;
        maker.leads().await;
        maker.news().await;
        maker.deliveries().await;
        // What has happened is told in its own time.
        server.all_is_told().await;
        maker.places().await;
        let end = text(&market.mark().await);
        let mut aim = maker.aim;
        (aim.cursor, aim.of_viewer.start, aim.of_viewer.end) = (start.clone(), start, end);
        aim
    }

    /// The same market with another lead, claim, lead in review, reference and notifications that nothing has been done to.
    pub async fn again(&self, server: &TestServer, aim: &Aim) -> Aim {
        let mut maker = Maker { server, words: self, aim: aim.clone() };
        maker.aim.fresh = unique(&format!("{}-fresh", self.word));
        maker.aim.lead = maker.open(json!({})).await;
        maker.aim.claim = maker.claim(PAT, &maker.aim.lead).await;
        maker.aim.review = maker.post(json!({ "customerId": "casey" })).await;
        maker.aim.news = unique(&format!("{}-news", self.word));
        maker.news().await;
        maker.aim
    }
}

impl Maker<'_> {
    fn who(&self, who: Who) -> Who {
        Who { tenant: self.words.tenant, ..who }
    }

    async fn act(&self, who: Who, mutation: &str, input: Value) -> Value {
        self.server.act(self.who(who), mutation, input).await.done().clone()
    }

    /// Everybody has a name, an address and a number; providers have credits.
    async fn people(&self) {
        let (aim, unit) = (&self.aim, self.words.unit);
        let named = [(&aim.customer, "CUSTOMER"), (&aim.provider, "PROVIDER"), (&aim.newcomer, "PROVIDER")];
        let named = named.into_iter().chain([(&aim.person, "PROVIDER")]).map(|(id, role)| (id.as_str(), role));
        let shared = [("pat", "PROVIDER"), ("quinn", "PROVIDER"), ("casey", "CUSTOMER"), ("admin", "ADMIN")];
        for (id, role) in shared.into_iter().chain([("robot", "SERVICE")]).chain(named) {
            let (name, email) = (format!("{} {id}", self.words.title()), format!("{id}@{}.example.com", aim.word));
            let user = json!({ "id": id, "role": role, "name": name, "email": email, "phone": aim.phone });
            self.act(ADMIN, "upsertUser", user).await;
        }
        let rule = |topic: &str| json!({ "type": "CUSTOM", "topic": topic, "channel": "EMAIL", "frequency": "DAILY" });
        let settings = json!({ "currency": "ZAR", "defaultLeadPrice": 5 * unit, "lowBalanceThreshold": 3 * unit,
            "defaultRules": [rule(&format!("{}.news", aim.word))] });
        self.act(ADMIN, "updateTenantSettings", settings).await;
        let preferences = json!({ "rules": [rule(&format!("{}.orders", aim.word))], "quietHours": { "start": "22:00",
            "end": "07:00", "timeZone": "Europe/Berlin", "exceptPriorities": ["HIGH"] } });
        self.act(PAT, "updateNotificationPreferences", preferences).await;
        for (owner, amount, reference) in [
            ("pat", 500, aim.payment.clone()),
            ("quinn", 300, aim.gift.clone()),
            (aim.provider.as_str(), 400, format!("{}-loan", aim.word)),
        ] {
            let input = json!({ "ownerId": owner, "amount": amount * unit, "reference": reference });
            self.act(ROBOT, "topUpWallet", input).await;
        }
        self.wants("pat").await;
        self.wants(&aim.provider).await;
        let reason = format!("{} counted twice", self.words.title());
        let input = json!({ "ownerId": "pat", "change": -unit, "reference": unique(&aim.word), "reason": reason });
        self.act(ADMIN, "adjustWallet", input).await;
    }

    /// A provider whom everything fits.
    async fn wants(&self, provider: &str) {
        let (aim, unit) = (&self.aim, self.words.unit);
        let area = json!({ "country": aim.country, "region": aim.region, "city": aim.city });
        let profile = json!({ "providerId": provider, "categories": [aim.category], "serviceAreas": [area], "minBudget": 13 * unit,
            "attributes": { &aim.attribute: aim.word }, "minScore": 0, "acceptingLeads": true });
        self.act(ROBOT, "updateProviderProfile", profile).await;
    }

    /// Posts a lead, on behalf of Casey unless the terms say otherwise.
    async fn post(&self, terms: Value) -> String {
        let (aim, unit) = (&self.aim, self.words.unit);
        let title = self.words.title();
        let mut input = json!({
            "reference": unique(&aim.word), "customerId": "casey", "title": format!("{title} kitchen"),
            "description": format!("Two rooms, old {title} wiring"), "category": aim.category, "urgency": "HIGH",
            "location": { "country": aim.country, "region": aim.region, "city": aim.city, "postalPrefix": title },
            "contact": { "name": format!("{title} Casey"), "email": aim.email, "phone": aim.phone,
                "address": format!("7 {title} Lane") },
            "attributes": { &aim.attribute: aim.word }, "budget": 31 * unit, "price": 7 * unit,
        });
        for (name, value) in terms.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        text(&self.act(ADMIN, "createLead", input).await["lead"]["id"])
    }

    async fn open(&self, terms: Value) -> String {
        let lead = self.post(terms).await;
        self.act(ROBOT, "verifyLead", json!({ "id": lead })).await;
        lead
    }

    async fn claim(&self, who: Who, lead: &str) -> String {
        let claimed = self.act(who, "claimLead", json!({ "leadId": lead, "maxPrice": 10_000 * self.words.unit })).await;
        text(&claimed["claim"]["id"])
    }

    async fn leads(&mut self) {
        let (title, unit) = (self.words.title(), self.words.unit);
        let lead = self.open(json!({ "reference": self.aim.reference })).await;
        self.aim.claim = self.claim(PAT, &lead).await;
        let refunded = self.claim(QUINN, &lead).await;
        let refund = json!({ "id": refunded, "amount": 6 * unit, "reason": format!("{title} number was wrong") });
        self.act(ROBOT, "refundClaim", refund).await;

        self.aim.full = self.open(json!({ "maxClaims": 1 })).await;
        let won = self.claim(QUINN, &self.aim.full).await;
        for outcome in ["CONTACTED", "WON"] {
            self.act(QUINN, "updateClaim", json!({ "id": won, "outcome": outcome })).await;
        }
        self.aim.dear = self.open(json!({ "price": 9_000 * unit })).await;
        let test = self.open(json!({ "isTest": true, "price": 0 })).await;
        self.claim(PAT, &test).await;
        let theirs = self.open(json!({ "customerId": self.aim.customer })).await;
        self.claim(PAT, &theirs).await;
        self.act(ADMIN, "updateLead", json!({ "id": theirs, "title": format!("{title} cellar") })).await;
        let withdrawn = self.open(json!({})).await;
        let reason = json!({ "id": withdrawn, "reason": format!("{title} is done") });
        self.act(CASEY, "withdrawLead", reason).await;
        self.aim.of_viewer.fence = self.post(json!({})).await;
        self.aim.review = self.post(json!({})).await;
        self.aim.lead = lead;
    }

    /// Everybody is told of the lead, and of an order. What they do with the first differs; the second lies where it came to.
    async fn news(&mut self) {
        let (aim, title) = (&self.aim, self.words.title());
        let everyone = json!({ "everyone": true });
        let input = json!({ "to": everyone, "title": format!("{title} kitchen"), "message": format!("Look at the {title} kitchen"),
            "leadId": aim.lead, "reference": aim.news });
        let told = self.act(ROBOT, "createNotification", input).await["notifications"].clone();
        let order = json!({ "to": everyone, "type": "CUSTOM", "topic": aim.topic, "priority": "HIGH",
            "title": format!("{title} order"), "message": format!("Your {title} order has been shipped"),
            "data": { "parcel": title }, "leadId": aim.lead, "reference": format!("{} order", aim.news) });
        self.act(ROBOT, "createNotification", order).await;
        let of = |who: Who| {
            let own = told.as_array().into_iter().flatten().find(|note| note["recipient"]["id"] == who.user);
            text(&own.expect("everyone is told")["id"])
        };
        let (note, read, archived, snoozed) = (of(PAT), of(ADMIN), of(CASEY), of(ROBOT));
        let one = |id: &str| json!({ "select": { "ids": [id] } });
        self.act(ADMIN, "openNotification", json!({ "id": read })).await;
        self.act(CASEY, "archiveNotifications", one(&archived)).await;
        self.act(ROBOT, "snoozeNotifications", with(one(&snoozed), json!({ "until": FAR_AHEAD }))).await;
        let up_to = Market { server: self.server, tenant: self.words.tenant }.mark().await;
        let aim = &mut self.aim;
        (aim.note, aim.read_note, aim.archived_note, aim.snoozed_note) = (note, read, archived, snoozed);
        aim.up_to = text(&up_to);
    }

    /// Something that was given up, and something that waits for its digest.
    async fn deliveries(&mut self) {
        let receiver = Receiver::start().await;
        receiver.answers(Reply::Status(410));
        let (word, title) = (self.words.word, self.words.title());
        self.act(ADMIN, "rotateWebhookSecret", Value::Null).await;
        self.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": format!("{}/{word}", receiver.url) })).await;
        // It takes what is tried anew, for as long as the test runs.
        std::mem::forget(receiver);
        for (topic, frequency) in [("dead", "INSTANT"), ("waiting", "DAILY")] {
            let topic = format!("{word}-{topic}");
            let rule = json!({ "type": "CUSTOM", "topic": topic, "channel": "WEBHOOK", "frequency": frequency });
            self.act(PAT, "updateNotificationPreferences", json!({ "rules": [rule] })).await;
            let input = json!({ "to": { "userIds": ["pat"] }, "type": "CUSTOM", "topic": topic, "title": format!("{title} visit"),
                // It may be the middle of Pat's night.
                "priority": "HIGH", "message": format!("{title} comes to see you"), "reference": topic });
            self.act(ROBOT, "createNotification", input).await;
        }
        let dead = "{ deliveries(filter: { statuses: [DEAD] }) { nodes { id } } }";
        let look =
            async || self.server.ask(self.who(ADMIN), dead, Value::Null).await.field("deliveries")["nodes"].clone();
        eventually("a delivery to be given up", async || look().await != json!([])).await;
        self.aim.delivery = text(&look().await[0]["id"]);
    }

    /// The newest and the second of each list.
    async fn places(&mut self) {
        let lists = "{ leads(first: 2) { edges { cursor } } claims(first: 2) { edges { cursor } }
            users(first: 2) { edges { cursor } } notifications(first: 2, filter: { view: ALL }) { edges { cursor } }
            deliveries(first: 1) { edges { cursor } } }";
        let found = self.server.ask(self.who(ADMIN), lists, Value::Null).await.data().clone();
        let place = |list: &str, n: usize| text(&found[list]["edges"][n]["cursor"]);
        (self.aim.leads_after, self.aim.leads_before) = (place("leads", 0), place("leads", 1));
        (self.aim.claims_after, self.aim.claims_before) = (place("claims", 0), place("claims", 1));
        self.aim.users_after = place("users", 0);
        (self.aim.notes_after, self.aim.notes_before) = (place("notifications", 0), place("notifications", 1));
        self.aim.deliveries_after = place("deliveries", 0);
    }
}
