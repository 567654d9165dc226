//! Who plays, and what they do more than once.

use serde_json::json;

use super::{
    client::{Person, Server},
    documents::Mutation,
    shown::Shown,
    timeline::Timeline,
    watcher::Watcher,
};

/// `casey` posts leads, `pat`, `quinn` and `riley` are providers; whoever listens is a [`Watcher`].
pub struct Cast {
    pub admin: Person,
    pub casey: Watcher,
    pub pat: Watcher,
    pub quinn: Watcher,
    pub riley: Watcher,
    /// The provider of another tenant. Its id is `pat`, too: without a wall between tenants it would be taken for the other.
    pub rival: Watcher,
    pub rival_admin: Person,
    pub rival_casey: Person,
}

impl Cast {
    pub fn of(server: &Server, timeline: &Timeline) -> Result<Self, String> {
        let person = |tenant, user| server.person(tenant, user);
        let watcher = |tenant, user| person(tenant, user).map(|person| Watcher::new(person, timeline));
        Ok(Self {
            admin: person("demo", "admin")?,
            casey: watcher("demo", "casey")?,
            pat: watcher("demo", "pat")?,
            quinn: watcher("demo", "quinn")?,
            riley: watcher("demo", "riley")?,
            rival: watcher("rival", "pat")?,
            rival_admin: person("rival", "admin")?,
            rival_casey: person("rival", "casey")?,
        })
    }

    pub fn watchers(&self) -> [&Watcher; 5] {
        [&self.casey, &self.pat, &self.quinn, &self.riley, &self.rival]
    }

    pub fn watchers_mut(&mut self) -> [&mut Watcher; 5] {
        [&mut self.casey, &mut self.pat, &mut self.quinn, &mut self.riley, &mut self.rival]
    }
}

/// How to reach the customer. New in every run: a job with a contact that was there before is taken for a duplicate, and
/// a text that is nowhere else can be searched for.
pub struct Contact {
    pub email: String,
    pub phone: String,
}

impl Contact {
    pub fn new(random: u32) -> Self {
        Self { email: format!("casey@{random:08x}.example"), phone: format!("+27 8{random:010}") }
    }
}

/// Posts a lead.
pub async fn post(timeline: &Timeline, customer: &Person, run: &str, contact: &Contact) -> Result<Shown, String> {
    let input = json!({
        "reference": run,
        "title": "Rewire a house",
        "description": "Three bedrooms, old wiring, and a certificate at the end.",
        "category": "Electrical",
        "urgency": "HIGH",
        "location": { "country": "ZA", "region": "Western Cape", "city": "Cape Town" },
        "contact": { "name": "Casey", "email": contact.email, "phone": contact.phone },
        "budget": 2_500_000,
    });
    customer.act(timeline, Mutation::CreateLead, input, "\"Rewire a house\" in Cape Town").await
}

/// Claims the lead as the `count`th, sees the contact open and the wallet pay. Returns the ids of the claim and of the
/// ledger entry.
pub async fn claim(
    timeline: &Timeline,
    provider: &mut Watcher,
    lead: &str,
    price: i64,
    contact: &Contact,
    count: i64,
) -> Result<[String; 2], String> {
    let input = json!({ "leadId": lead, "maxPrice": price });
    let about = format!("the lead, for {price} credits at most");
    let answer = provider.person.act(timeline, Mutation::ClaimLead, input, &about).await?;
    let made = [answer.text("/claim/id"), answer.text("/entry/id")];
    let email = contact.email.as_str();
    answer.shows("/lead/contact/email", email)?.shows("/lead/claimCount", count)?;

    let heard = provider.expect("leadClaimed", lead).await?;
    heard.shows("/claimCount", count)?.shows("/claimedByViewer", true)?.shows("/claim/id", made[0].as_str())?;
    heard.shows("/lead/contact/email", email)?.shows("/lead/claims", ())?;
    let paid = provider.expect("balanceUpdated", &made[1]).await?;
    paid.shows("/change", -price)?.shows("/balance", paid.number("/previousBalance") - price)?;
    provider.expect("notificationAdded", lead).await?.shows("/notification/type", "CLAIM_CONFIRMED")?;
    Ok(made)
}

/// Says what a provider wants.
pub async fn want(
    timeline: &Timeline,
    admin: &Person,
    provider: &Person,
    category: &str,
    city: &str,
) -> Result<(), String> {
    let input = json!({
        "providerId": provider.user,
        "categories": [category],
        "serviceAreas": [{ "country": "ZA", "region": "Western Cape", "city": city }],
        "minBudget": null,
        "minScore": 0,
        "acceptingLeads": true,
    });
    let about = format!("{} works on {category} leads in {city}", provider.user);
    admin.act(timeline, Mutation::UpdateProviderProfile, input, &about).await.map(drop)
}

/// Returns the id of the ledger entry.
pub async fn top_up(
    timeline: &Timeline,
    admin: &Person,
    owner: &Person,
    amount: i64,
    run: &str,
) -> Result<String, String> {
    let owner = &owner.user;
    let input = json!({ "ownerId": owner, "amount": amount, "reference": format!("{run}-{owner}") });
    let about = format!("{amount} credits for {owner}");
    Ok(admin.act(timeline, Mutation::TopUpWallet, input, &about).await?.text("/entry/id"))
}
