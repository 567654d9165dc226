//! `leadcast demo`: one lead's life, played against a running server in dev mode and shown as it happens.
//!
//! A client like any other: it has the tokens that dev mode gives out and speaks GraphQL over HTTP and WebSocket. Read
//! [`run`] from top to bottom: each step causes something, waits for everyone who must hear of it, and checks what they
//! are shown. What nobody may have heard is looked for in the end (`proof`).

mod cast;
mod client;
mod documents;
mod proof;
mod shown;
mod socket;
mod timeline;
mod watcher;

use serde_json::json;

use cast::{Cast, Contact, claim, post, top_up, want};
use client::Server;
use documents::{Mutation, Stream};
use timeline::Timeline;

/// Plays the demo. The error says what was expected, of whom, and what to do.
pub async fn run(url: &str) -> Result<(), String> {
    let mut demo = Demo::prepare(url).await?;
    demo.providers_say_what_they_want().await?;
    demo.everyone_listens().await?;
    demo.wallets_are_filled().await?;
    demo.casey_posts_a_lead().await?;
    demo.admin_verifies_it().await?;
    demo.riley_loses_the_connection().await;
    demo.pat_claims_it().await?;
    demo.quinn_claims_it().await?;
    demo.riley_comes_back().await?;
    demo.admin_tops_up_riley().await?;
    demo.casey_withdraws_it().await?;
    demo.the_rival_has_a_lead_of_its_own().await?;
    proof::check(&mut demo)?;
    proof::summary(&demo);
    Ok(())
}

struct Demo {
    timeline: Timeline,
    /// In every reference of this run, so that nothing is taken for what an earlier run had sent.
    run: String,
    cast: Cast,
    contact: Contact,
    /// The id of the lead that the story is about.
    lead: String,
    /// What it costs, and how many may claim it.
    price: i64,
    max_claims: i64,
    /// The ids of all that this run made: the lead, its claims, the ledger entries.
    made: Vec<String>,
}

const TOP_UP: i64 = 25;
/// What a provider is shown of a lead only once it has paid, or never.
const UNPAID: [&str; 4] = ["/lead/contact", "/lead/customer", "/lead/claims", "/lead/viewerClaim"];

impl Demo {
    async fn prepare(url: &str) -> Result<Self, String> {
        let server = Server::find(url).await?;
        let random = getrandom::u32().map_err(|error| format!("the system gives no random numbers: {error}"))?;
        let run = format!("demo-{random:08x}");
        let timeline = Timeline::start();
        let cast = Cast::of(&server, &timeline)?;
        Timeline::plain(&format!("leadcast demo against {}; what is made is called {run}\n", cast.admin.url));
        timeline.legend();
        let contact = Contact::new(random);
        Ok(Self { timeline, run, cast, contact, lead: String::new(), price: 0, max_claims: 0, made: Vec::new() })
    }

    /// Casey's lead will fit two of them.
    async fn providers_say_what_they_want(&mut self) -> Result<(), String> {
        self.timeline.heading("Setup: what the providers want");
        let Cast { admin, pat, quinn, riley, .. } = &self.cast;
        for (provider, category, city) in
            [(pat, "Electrical", "Cape Town"), (quinn, "Electrical", "Paarl"), (riley, "Gardening", "Cape Town")]
        {
            want(&self.timeline, admin, &provider.person, category, city).await?;
        }
        Ok(())
    }

    async fn everyone_listens(&mut self) -> Result<(), String> {
        self.timeline.heading("Everyone listens: pat to all events in one stream, the others to single ones");
        let of_leads = [Stream::LeadCreated, Stream::LeadClaimed, Stream::LeadUpdated];
        let single = [&of_leads[..], &[Stream::BalanceUpdated, Stream::NotificationAdded]].concat();
        let of_customer = [&of_leads[..], &[Stream::NotificationAdded]].concat();
        let Cast { casey, pat, quinn, riley, rival, .. } = &mut self.cast;
        for (watcher, streams) in [
            (casey, &of_customer[..]),
            (pat, &[Stream::Events]),
            (quinn, &single),
            (riley, &single),
            (rival, &[Stream::Events]),
        ] {
            // Taken before: whatever happens from here on comes, even if it happens before the server has subscribed us.
            watcher.cursor = watcher.person.stream_cursor().await?;
            watcher.listen(streams).await?;
        }
        Ok(())
    }

    /// However often the demo has been played, they can pay.
    async fn wallets_are_filled(&mut self) -> Result<(), String> {
        self.timeline.heading("Setup: pat and quinn get what they will spend");
        let amount = self.cast.admin.lead_price().await?.max(1);
        for watcher in [&mut self.cast.pat, &mut self.cast.quinn] {
            let entry = top_up(&self.timeline, &self.cast.admin, &watcher.person, amount, &self.run).await?;
            watcher.expect("balanceUpdated", &entry).await?.shows("/change", amount)?;
            self.made.push(entry);
        }
        Ok(())
    }

    async fn casey_posts_a_lead(&mut self) -> Result<(), String> {
        self.timeline.heading("casey posts a lead; no provider hears of it yet");
        let casey = &mut self.cast.casey;
        let posted = post(&self.timeline, &casey.person, &self.run, &self.contact).await?;
        self.lead = posted.text("/lead/id");
        self.made.push(self.lead.clone());
        self.price = posted.number("/lead/price");
        self.max_claims = posted.number("/lead/maxClaims");
        if self.max_claims < 3 {
            return Err(format!(
                "a lead of the tenant demo may be claimed {} times, and the demo needs a place left after two claims: \
                 set defaultMaxClaims to 3 or more with updateTenantSettings, as its admin.",
                self.max_claims
            ));
        }
        // A tenant may let leads in without a review; then there is nothing to submit.
        if posted.text("/lead/status") == "IN_REVIEW" {
            let submitted = casey.expect("leadUpdated", &self.lead).await?;
            submitted.shows("/leadChange", "SUBMITTED")?.shows("/lead/contact/email", self.contact.email.as_str())?;
        }
        Ok(())
    }

    async fn admin_verifies_it(&mut self) -> Result<(), String> {
        self.timeline
            .heading("admin verifies it: every provider hears of it, its contact null; whom it fits is told, and why");
        let Cast { admin, casey, pat, quinn, riley, .. } = &mut self.cast;
        admin.act(&self.timeline, Mutation::VerifyLead, json!({ "id": self.lead }), "the lead").await?;
        for provider in [&mut *pat, &mut *quinn, riley] {
            let created = provider.expect("leadCreated", &self.lead).await?;
            created.shows("/lead/status", "OPEN")?.shows("/lead/claimCount", 0)?.hides(&UNPAID)?;
        }
        for (provider, tier) in [(pat, "EXCELLENT"), (quinn, "FAIR")] {
            let told = provider.expect("notificationAdded", &self.lead).await?;
            told.shows("/notification/type", "LEAD_MATCHED")?.shows("/notification/match/tier", tier)?;
        }
        let created = casey.expect("leadCreated", &self.lead).await?;
        created.shows("/lead/contact/email", self.contact.email.as_str())?;
        Ok(())
    }

    async fn riley_loses_the_connection(&mut self) {
        self.timeline.heading("riley's connection is lost");
        self.cast.riley.hang_up().await;
    }

    async fn pat_claims_it(&mut self) -> Result<(), String> {
        self.timeline.heading("pat claims it: pat sees the contact now; the others, that a place is taken");
        let made = claim(&self.timeline, &mut self.cast.pat, &self.lead, self.price, &self.contact, 1).await?;
        self.made.extend(made);
        let heard = self.cast.quinn.expect("leadClaimed", &self.lead).await?;
        heard.shows("/claimCount", 1)?.shows("/claimedByViewer", false)?.shows("/claim", ())?.hides(&UNPAID)?;
        let heard = self.cast.casey.expect("leadClaimed", &self.lead).await?;
        heard.shows("/claimCount", 1)?.shows("/claim/provider/id", "pat")?;
        let told = self.cast.casey.expect("notificationAdded", &self.lead).await?;
        told.shows("/notification/type", "LEAD_CLAIMED")?;
        Ok(())
    }

    async fn quinn_claims_it(&mut self) -> Result<(), String> {
        self.timeline.heading("quinn claims it, too");
        let made = claim(&self.timeline, &mut self.cast.quinn, &self.lead, self.price, &self.contact, 2).await?;
        self.made.extend(made);
        let heard = self.cast.pat.expect("leadClaimed", &self.lead).await?;
        heard.shows("/claimCount", 2)?.shows("/claimedByViewer", false)?.shows("/claim", ())?;
        heard.shows("/lead/claims", ())?.shows("/lead/contact/email", self.contact.email.as_str())?;
        let heard = self.cast.casey.expect("leadClaimed", &self.lead).await?;
        heard.shows("/claimCount", 2)?.shows("/claim/provider/id", "quinn")?;
        let told = self.cast.casey.expect("notificationAdded", &self.lead).await?;
        told.shows("/notification/type", "LEAD_CLAIMED")?;
        Ok(())
    }

    async fn riley_comes_back(&mut self) -> Result<(), String> {
        self.timeline.heading("riley comes back with the cursor of its last event, and gets what it missed");
        let riley = &mut self.cast.riley;
        riley.listen(&[Stream::Events]).await?;
        for count in [1, 2] {
            let missed = riley.expect("leadClaimed", &self.lead).await?;
            missed.shows("/claimCount", count)?.shows("/backlog", true)?.shows("/claim", ())?.hides(&UNPAID)?;
        }
        let looked_up = riley.person.look_up(&self.timeline, &self.lead).await?;
        looked_up.shows("/lead/claimCount", 2)?.hides(&UNPAID)
    }

    async fn admin_tops_up_riley(&mut self) -> Result<(), String> {
        self.timeline.heading("admin tops up riley's wallet: riley alone hears of it, live");
        let riley = &mut self.cast.riley;
        let entry = top_up(&self.timeline, &self.cast.admin, &riley.person, TOP_UP, &self.run).await?;
        let heard = riley.expect("balanceUpdated", &entry).await?;
        self.made.push(entry);
        heard.shows("/change", TOP_UP)?.shows("/backlog", false)?;
        heard.shows("/balance", heard.number("/previousBalance") + TOP_UP)?;
        Ok(())
    }

    /// The last that everyone hears. What should not have come would have come by now.
    async fn casey_withdraws_it(&mut self) -> Result<(), String> {
        self.timeline.heading("casey withdraws the lead; who has paid keeps the contact");
        let Cast { casey, pat, quinn, riley, .. } = &mut self.cast;
        casey.person.act(&self.timeline, Mutation::WithdrawLead, json!({ "id": self.lead }), "the lead").await?;
        for watcher in [casey, pat, quinn] {
            let withdrawn = watcher.expect("leadUpdated", &self.lead).await?;
            withdrawn.shows("/leadChange", "WITHDRAWN")?.shows("/lead/contact/email", self.contact.email.as_str())?;
        }
        let withdrawn = riley.expect("leadUpdated", &self.lead).await?;
        withdrawn.shows("/leadChange", "WITHDRAWN")?.hides(&UNPAID)
    }

    /// The fence: the events of both tenants are in one log, so the rival would have heard of all the above before this.
    async fn the_rival_has_a_lead_of_its_own(&mut self) -> Result<(), String> {
        self.timeline.heading("The rival tenant gets a lead of its own: the first thing that its provider hears");
        let Cast { rival, rival_admin, rival_casey, .. } = &mut self.cast;
        let lead = post(&self.timeline, rival_casey, &self.run, &self.contact).await?.text("/lead/id");
        rival_admin.act(&self.timeline, Mutation::VerifyLead, json!({ "id": lead }), "the rival's lead").await?;
        rival.expect_next("leadCreated", &lead).await?.hides(&UNPAID)
    }
}
