//! When all is quiet: is everything as it was promised?

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::{StreamExt, stream};
use leadcast::clock::Timestamp;
use serde_json::{Value, json};

use super::{
    Storm, TENANTS,
    audience::Audience,
    chains::{Chains, text},
    client::Manners,
    log::Log,
    mutations::EVERYONE,
    proof::{again, prove},
    state::State,
    watcher::{How, Watcher},
    world::Deed,
};
use crate::support::{
    api::{ADMIN, CASEY, PAT, QUINN, ROBOT, Who},
    market::count,
    postgres::Cluster,
    random::Random,
    sql::Sql,
    wire::eventually,
};

/// The open lead whose time runs out first.
const FIRST_TO_EXPIRE: &str = "query($tests: Boolean!) {
    leads(first: 1, filter: { statuses: [OPEN], isTest: $tests }, orderBy: { field: EXPIRES_AT, direction: ASC }) {
        nodes { expiresAt } } }";

const SNOOZED: &str = "{ notifications(first: 100, filter: { view: SNOOZED }) { nodes { snoozedUntil } } }";

impl Storm {
    /// All of it. `whole`: the log was never cut off.
    pub async fn judge(&self, audience: Audience, whole: bool) {
        self.calm.cancel();
        let (log, states) = self.settle().await;
        self.figures.events.store(log.facts.len(), Ordering::Relaxed);
        self.figures.heard.store(audience.hears(&log).await, Ordering::Relaxed);
        if whole {
            self.polled(&log).await;
        }
        self.audit().await;
        for (n, state) in states.iter().enumerate() {
            let chains = Chains::follow(&log, TENANTS[n], &self.strange[n]);
            state.agrees_with(&chains);
            prove(&self.world(n), state, &chains);
        }
        self.nothing_happens_again(&states).await;
        self.is_at_rest().await;
    }

    /// Waits until nothing happens any more, and looks at everything.
    async fn settle(&self) -> (Log, [State; 2]) {
        for tenant in TENANTS {
            let admin = Who { tenant, ..ADMIN };
            for tests in [false, true] {
                eventually("what expires at once to be written down", async || {
                    let answer = self.site.query(admin, FIRST_TO_EXPIRE, json!({ "tests": tests })).await;
                    let first = answer.field("leads")["nodes"][0]["expiresAt"].as_str().map(str::parse::<Timestamp>);
                    // What else expires does so in a day.
                    let later = self.site.clock.now().plus(Duration::from_hours(1));
                    first.is_none_or(|first| first.expect("a moment") > later)
                })
                .await;
            }
        }
        self.news_is_told().await;
        self.is_at_rest().await;
        loop {
            let log = Log::read(&self.site.db()).await;
            let states = [self.state(TENANTS[0]).await, self.state(TENANTS[1]).await];
            // A request whose client has gone long ago may still have been at it.
            if Log::read(&self.site.db()).await.facts.len() == log.facts.len() {
                return (log, states);
            }
        }
    }

    /// What has happened was told, and what was put off until now is back.
    async fn news_is_told(&self) {
        let sql = Sql::open(&self.site.target).await;
        let under_way = "SELECT count(*) FROM announcements WHERE NOT done";
        eventually("all announcements to be made", async || sql.text(under_way).await == "0").await;
        for who in TENANTS.iter().flat_map(|tenant| EVERYONE.map(|who| Who { tenant, ..who })) {
            eventually("what was put off for a moment to be back", async || {
                let answer = self.site.query(who, SNOOZED, Value::Null).await;
                let snoozed = answer.field("notifications")["nodes"].as_array().expect("a list").clone();
                let until = |note: &Value| text(&note["snoozedUntil"]).parse::<Timestamp>().expect("a moment");
                // The others come back in a day.
                let later = self.site.clock.now().plus(Duration::from_hours(1));
                snoozed.iter().all(|note| until(note) > later)
            })
            .await;
        }
        sql.all_is_told().await;
    }

    /// Nobody is inside a transaction, and nobody holds a lock.
    pub async fn is_at_rest(&self) {
        let sql = Sql::open(&self.site.target).await;
        if sql.is_sqlite() {
            return sql.run("BEGIN IMMEDIATE; COMMIT").await.expect("nobody holds the lock");
        }
        let others = "datname = current_database() AND pid <> pg_backend_pid()";
        let at_it = format!("SELECT count(*) FROM pg_stat_activity WHERE {others} AND xact_start IS NOT NULL");
        let locks = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)";
        let locks = format!("{locks} WHERE {others} AND locktype <> 'virtualxid'");
        eventually("all transactions to be over", async || sql.text(&at_it).await == "0").await;
        eventually("all locks to be released", async || sql.text(&locks).await == "0").await;
    }

    /// Locks are taken in one order, so nobody ever waited for somebody who waited for him; and PostgreSQL never had to end a
    /// session, as it does with one that stays in a transaction. To be asked when the nodes have stopped, for that is when
    /// their connections have reported.
    pub async fn never_stuck(&self, sql: &Sql, cluster: Option<&Cluster>) {
        let Some(cluster) = cluster else { return };
        let nodes = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
            AND application_name = 'leadcast'";
        eventually("the nodes' connections to be gone", async || sql.text(nodes).await == "0").await;
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(sql.text(deadlocks).await, "0", "deadlocks: somebody takes locks in another order");
        assert_eq!(cluster.abandoned_transactions(), 0, "transactions that were left open");
    }

    /// The log from its beginning in one go, as one who polls gets it.
    async fn polled(&self, log: &Log) {
        let document = format!(
            "query($after: Cursor!) {{ events(after: $after, first: 500) {{ events {{ ...event }} endCursor hasMore }} }} {}",
            crate::support::market::EVENT
        );
        for (tenant, who) in
            TENANTS.iter().flat_map(|tenant| [ADMIN, ROBOT, CASEY, PAT, QUINN].map(|who| (*tenant, who)))
        {
            let watcher = Watcher::new(Who { tenant, ..who }, How::Poll);
            let mut after = log.beginning(tenant);
            let mut polled = Vec::new();
            loop {
                let answer = self.site.query(watcher.who, &document, json!({ "after": after })).await;
                let page = answer.field("events");
                polled.extend(page["events"].as_array().expect("a list").iter().cloned());
                after = page["endCursor"].clone();
                if page["hasMore"] == false {
                    break;
                }
            }
            for event in &mut polled {
                event.as_object_mut().expect("an event").remove("backlog");
            }
            let told = log.told(&watcher, 0, log.last());
            let told: Vec<_> = told.into_iter().map(|(_, event)| event).collect();
            assert!(
                polled[..told.len().min(polled.len())] == told,
                "{who:?} polled {polled:#?}, but the log has {told:#?}"
            );
        }
    }

    /// Everything that was acknowledged is sent again: it is answered as it was, and changes nothing.
    async fn nothing_happens_again(&self, states: &[State; 2]) {
        let sql = Sql::open(&self.site.target).await;
        let before = sql.traces().await;
        for (n, state) in states.iter().enumerate() {
            let deeds: Vec<_> = self.world(n).deeds.iter().filter(|deed| deed.is_accepted()).cloned().collect();
            let repeated = deeds.iter().filter_map(|deed| Some((deed, again(deed, state)?)));
            let sent = repeated.map(async |(deed, expected)| self.repeat(deed, expected).await);
            let sent: Vec<()> = stream::iter(sent).buffered(4).collect().await;
            assert!(count(&sent) > 0);
        }
        assert_eq!(sql.traces().await, before, "sent again, something was done again");
    }

    async fn repeat(&self, deed: &Deed, expected: &[&str]) {
        let mut random = Random::of(0);
        let again = self.act(&mut random, Manners::Patient, deed.who, deed.mutation, deed.input.clone()).await;
        assert_eq!(again.refusals(), expected, "sent again: {again:#?}, after {deed:#?}");
        if !again.is_accepted() {
            return;
        }
        if !again.payload["replayed"].is_null() {
            assert_eq!(again.payload["replayed"], true, "sent again: {again:#?}, after {deed:#?}");
        }
        for place in ["/lead/id", "/claim/id", "/entry/id", "/wallet/id", "/user/id", "/profile/id"] {
            assert_eq!(again.payload.pointer(place), deed.payload.pointer(place), "{again:#?}, after {deed:#?}");
        }
    }
}
