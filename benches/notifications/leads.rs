//! Posting leads, which open at once, while the providers that they fit are told of them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use leadcast::{matching::ProviderProfile, users::Role};
use serde_json::json;
use uuid::Uuid;

use crate::{
    providers::{self, fitting, settle, unfit},
    sql,
    times::{Times, ms},
    watch,
    world::{Client, Tenant, World},
};

const POST: &str = "mutation Post($input: CreateLeadInput!) { createLead(input: $input) {
    lead { id status } userErrors { code message } } }";
/// Providers of the small market.
pub const FEW: usize = 10;
/// How often the database is asked how far it has come.
const LOOK: Duration = Duration::from_millis(20);
/// Leads that are there before anything is measured.
const WARM_UP: usize = 100;
/// Between two leads that are posted beside something else.
const PAUSE: Duration = Duration::from_millis(5);
const REST: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_mins(2);

/// Markets with few and with many providers that a lead fits; and another's, with as many.
pub struct Markets {
    pub few: Tenant,
    many: Tenant,
    others: Tenant,
    providers: Vec<ProviderProfile>,
}

impl Markets {
    /// With so many providers that fit; a twentieth more that do not.
    pub async fn furnish(world: &World, count: usize) -> Self {
        let providers: Vec<_> = (0..count).map(fitting).chain((count..count + count / 20).map(unfit)).collect();
        let (few, many, others) = (world.tenant().await, world.tenant().await, world.tenant().await);
        settle(world, &few, &providers[..FEW.min(count)]).await;
        settle(world, &many, &providers).await;
        settle(world, &others, &providers).await;
        // So that the databases' statistics know of leads and contacts: PostgreSQL plans badly for tables that it takes to be empty.
        posted(&world.client(&few, "casey", Role::Customer), WARM_UP).await;
        Self { few, many, others, providers }
    }
}

/// Posts leads that few are told of, and such that distribution is at work all the time. Fails when somebody is not told what it should.
pub async fn measure(world: &World, markets: &Markets, runs: usize) {
    let engine = world.engine.to_string();
    let casey = |tenant| world.client(tenant, "casey", Role::Customer);
    let line = |what: &str, times: &Times| {
        let (p50, p95, longest) = (ms(times.share(50)), ms(times.share(95)), ms(times.longest()));
        println!(
            "{engine:<10}createLead, {what}: p50 {p50}, p95 {p95}, longest {longest} ms ({} times)",
            times.count()
        );
    };
    let few = casey(&markets.few);
    // What was done before is told, and SQLite's log folded in.
    tokio::time::sleep(REST).await;
    line(&format!("{FEW} providers, nothing else to tell"), &posted(&few, runs).await);

    let many = casey(&markets.many);
    watch::writes();
    let (lead, _) = post(&many).await;
    let took = all_told(world, markets, lead).await;
    let writes = Times::new(watch::writes());
    let count = check(world, markets, lead).await;
    println!(
        "{engine:<10}one lead told to {count} providers, each once and with its score, nobody else's: {} ms, \
         {} transactions, the longest {} ms (p50 {})",
        ms(took),
        writes.count(),
        ms(writes.longest()),
        ms(writes.share(50)),
    );
    // In turn, so that both have the same beside them.
    let (mut of_few, mut of_many) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        of_few.push(post(&few).await.1);
        of_many.push(post(&many).await.1);
    }
    line(&format!("{FEW} providers, many being told"), &Times::new(of_few));
    line(&format!("{count} providers, many being told"), &Times::new(of_many));
    watch::writes();
}

async fn posted(client: &Client, runs: usize) -> Times {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        times.push(post(client).await.1);
    }
    Times::new(times)
}

/// Posts a lead every few milliseconds. Returns how long each took.
pub async fn post_until(client: Client, over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut times = Vec::new();
    while !over.load(Ordering::Relaxed) {
        times.push(post(&client).await.1);
        tokio::time::sleep(PAUSE).await;
    }
    times
}

/// The same lead again, of somebody else: who posts the same twice is suspected.
async fn post(client: &Client) -> (Uuid, Duration) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let input = json!({
        "reference": format!("r{number}"), "title": "Rewire a kitchen", "description": "Two rooms, old wiring",
        "category": "Electrical", "urgency": "HIGH", "budget": 500_000, "attributes": { "rooms": 3, "kind": "flat" },
        "location": { "country": "ZA", "region": "Western Cape", "city": "Cape Town" },
        "contact": { "name": "Casey", "email": format!("casey{number}@example.com") },
    });
    let (data, took) = client.ask(POST, &json!({ "input": input })).await;
    let payload = &data["createLead"];
    assert_eq!(payload["lead"]["status"], "OPEN", "{payload}");
    (payload["lead"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"), took)
}

/// Waits until the lead is told to everybody. Returns how long that took.
async fn all_told(world: &World, markets: &Markets, lead: Uuid) -> Duration {
    let started = Instant::now();
    let mut conn = world.connect().await;
    let (tenant, lead) = (sql::uuid(world.engine, markets.many.id), sql::uuid(world.engine, lead));
    let told = format!(
        "SELECT count(*) || '' AS detail FROM notifications WHERE tenant_id = {tenant} AND subject_id = {lead}"
    );
    // All events up to the lead's are done.
    let done = format!(
        "SELECT 'done' AS detail FROM distributions WHERE tenant_id = {tenant} AND lane = 'BROADCAST' AND told_up_to IS NULL
         AND event_id >= (SELECT min(id) FROM events WHERE tenant_id = {tenant} AND kind = 'LEAD_CREATED')"
    );
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos} of {len}").expect("a template");
    let expected = markets.providers.iter().filter_map(providers::told).count();
    let bar = ProgressBar::new(expected as u64).with_style(style).with_message(format!("{}: telling", world.engine));
    while conn.texts(&done).await.is_empty() {
        assert!(started.elapsed() < PATIENCE, "the lead is not told");
        bar.set_position(conn.texts(&told).await[0].parse().expect("a number"));
        tokio::time::sleep(LOOK).await;
    }
    bar.finish_and_clear();
    started.elapsed()
}

/// That exactly the providers that the lead fits were told of it, once each, with the score that it has for them. Returns how many.
async fn check(world: &World, markets: &Markets, lead: Uuid) -> usize {
    let (engine, mut conn) = (world.engine, world.connect().await);
    let score = sql::field(engine, "lead_match", "score");
    let of = |tenant: &Tenant| sql::uuid(engine, tenant.id);
    let rows = format!(
        "SELECT recipient_id || ' ' || {score} AS detail FROM notifications
         WHERE tenant_id = {} AND lead_id = {} AND notification_type = 'LEAD_MATCHED'",
        of(&markets.many),
        sql::uuid(engine, lead)
    );
    let rows = conn.texts(&rows).await;
    let told: BTreeMap<&str, i32> = rows
        .iter()
        .map(|row| {
            let (user, score) = row.split_once(' ').expect("two words");
            (user, score.parse().expect("a number"))
        })
        .collect();
    assert_eq!(rows.len(), told.len(), "somebody was told twice");
    let expected =
        markets.providers.iter().filter_map(|profile| Some((profile.provider_id.as_str(), providers::told(profile)?)));
    let expected: BTreeMap<_, _> = expected.collect();
    assert!(told == expected, "{} were told, {} should have been", told.len(), expected.len());
    let strangers =
        format!("SELECT count(*) || '' AS detail FROM notifications WHERE tenant_id = {}", of(&markets.others));
    assert_eq!(conn.texts(&strangers).await, ["0"], "another tenant's providers were told");
    told.len()
}
