//! A storm: clients of every kind send mutations of every kind, on few leads and wallets, with requests and connections that are
//! cut at any moment; beside them subscribers come and go; and what may happen to a server happens to it. When all is quiet
//! again, the promises are checked: the books are right, what was acknowledged is there, what was sent twice was done once, and
//! every subscriber has heard everything that it may hear, once and in order.
//!
//! What a storm is like is drawn from its seed, and every failure prints it. `LEADCAST_TEST_SEEDS` is how many fresh seeds are
//! tried beside the fixed ones; `tests/run --long` tries a thousand. `LEADCAST_TEST_SEED=… cargo test storm::whatever` repeats
//! one. Not exactly: who wants what is in the seed, but not who comes first, and what they do next depends on it. So a failure
//! may take a few runs: `LEADCAST_TEST_SEEDS` of that seed.

mod audience;
mod books;
mod chains;
mod client;
#[cfg(target_os = "linux")]
mod disk;
mod judgement;
mod kill;
mod log;
mod mutations;
mod notes;
mod notifications;
mod outage;
mod proof;
mod site;
mod state;
mod straggler;
mod total;
mod watcher;
mod weather;
mod world;

use std::{
    collections::BTreeSet,
    io::Write,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::{
    audience::Audience,
    client::Manners,
    mutations::MUTATIONS,
    site::Site,
    total::Total,
    weather::{Trouble, Weather},
    world::World,
};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, Who, lead_input, with},
    both_engines,
    database::Database,
    postgres::Cluster,
    program::SECRET,
    random::{Random, fresh_seed, given_seed},
    sql::Sql,
};

both_engines!(whatever_the_weather_the_promises_hold);

const TENANTS: [&str; 2] = ["demo", "rival"];
/// Of each tenant.
const CLIENTS: usize = 5;
const STEPS: usize = 8;

/// Chosen by nothing but their weather: among them is every kind of it.
const FIXED: [u64; 5] = [1, 2, 3, 4, 5];
/// When this is over, no more seeds are tried, however many were asked for.
const LONGEST: Duration = Duration::from_mins(45);
/// How often the figures are told to whoever waits for more than these.
const MANY: usize = 100;

async fn whatever_the_weather_the_promises_hold(engine: Engine) {
    let seeds: Vec<_> = match given_seed() {
        Some(seed) => vec![seed; asked_for("LEADCAST_TEST_SEEDS").unwrap_or(1)],
        None => {
            FIXED.into_iter().chain((0..asked_for("LEADCAST_TEST_SEEDS").unwrap_or(5)).map(|_| fresh_seed())).collect()
        }
    };
    // One of their own: stragglers hold back the events of a whole cluster.
    let cluster = if engine == Engine::Postgres { Some(Cluster::forgetful().await) } else { None };
    let (began, mut total) = (Instant::now(), Total::default());
    for &seed in seeds.iter().take_while(|_| began.elapsed() < LONGEST) {
        let raging = AssertUnwindSafe(rage(engine, cluster.as_ref(), seed)).catch_unwind().await;
        let Ok(storm) = raging else {
            let failed = format!("the storm of LEADCAST_TEST_SEED={seed} on {engine:?} broke a promise");
            // For whoever waits for a thousand: how it did is told when all tests have ended.
            tell(&failed);
            panic!("{failed}: see above");
        };
        total.add(&storm);
        if seeds.len() > MANY && total.storms.is_multiple_of(MANY) {
            tell(&format!("{engine:?}, {:.0?}: {total}", began.elapsed()));
        }
    }
    println!("{engine:?}, {:.0?}: {total}", began.elapsed());
    let sent: BTreeSet<_> = total.outcomes.keys().copied().collect();
    assert!(given_seed().is_some() || sent == MUTATIONS.iter().map(|mutation| mutation.name).collect(), "{sent:?}");
}

fn asked_for(variable: &str) -> Option<usize> {
    std::env::var(variable).ok().map(|count| count.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutation_of_the_schema_joins() {
    let answer =
        leadcast::graphql::schema().finish().execute("{ __schema { mutationType { fields { name } } } }").await;
    let data = answer.data.into_json().expect("JSON");
    let fields = data["__schema"]["mutationType"]["fields"].as_array().expect("there are mutations");
    let fields: BTreeSet<_> = fields.iter().filter_map(|field| field["name"].as_str()).collect();
    assert_eq!(fields, MUTATIONS.iter().map(|mutation| mutation.name).collect());
}

/// Says it at once, and not to libtest, which would keep `eprintln!` to itself.
fn tell(figures: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{figures}");
}

pub struct Storm {
    site: Site,
    worlds: [Mutex<World>; 2],
    /// Of each tenant a lead that the stragglers tell of.
    strange: [String; 2],
    /// The clients stop after what they are at, and nothing more happens to the server.
    over: CancellationToken,
    /// The subscribers stay.
    calm: CancellationToken,
    figures: Figures,
}

#[derive(Default, Debug)]
struct Figures {
    /// In the log.
    events: AtomicUsize,
    /// By all subscribers together.
    heard: AtomicUsize,
    /// Times that a subscriber went away.
    cuts: AtomicUsize,
    /// Times that it was away for too long.
    expired: AtomicUsize,
    /// Mutations that were sent and got no answer, because the client or the server was gone.
    unanswered: AtomicUsize,
    /// Those whose answer was that they should be sent again.
    busy: AtomicUsize,
}

/// A storm from its beginning to its end, and the judgement.
async fn rage(engine: Engine, cluster: Option<&Arc<Cluster>>, seed: u64) -> Arc<Storm> {
    let mut random = Random::of(seed);
    let weather = Weather::draw(engine, &mut random);
    let began = Instant::now();
    let database = match cluster {
        Some(cluster) => Database::Postgres(cluster.database().await),
        None => Database::fresh(engine).await,
    };
    let node = TestServer::start_at(database, |settings| settings.jwt_secret = Some(SECRET.to_owned())).await;
    let mut nodes = vec![node];
    if weather.has(Trouble::TwoNodes) {
        nodes.push(nodes[0].second_node().await);
    }
    let site = Site::new(nodes[0].app.settings.database(), nodes[0].app.clock.clone());
    site.move_to_servers(&nodes);
    let storm = Storm::brew(site, &mut random).await;
    let sql = Sql::open(&storm.site.target).await;
    if weather.has(Trouble::Retention) {
        weather::keep_aside(&sql).await;
    }

    let audience = Audience::gather(&storm, &mut random);
    let mut beside = JoinSet::new();
    for tenant in 0..if weather.has(Trouble::Stragglers) { TENANTS.len() } else { 0 } {
        beside.spawn(straggler::straggle(storm.clone(), tenant, random.fork()));
    }
    let blowing = tokio::spawn(weather.clone().blow(storm.clone(), nodes, random.fork()));
    storm.clients(&mut random, Some(STEPS)).join_all().await;
    storm.over.cancel();
    beside.join_all().await;
    let nodes = blowing.await.expect("the nodes survive");
    if weather.has(Trouble::Retention) {
        weather::put_back(&sql).await;
    }
    storm.judge(audience, !weather.has(Trouble::Retention)).await;
    for node in nodes {
        node.stop().await;
    }
    storm.never_stuck(&sql, cluster.map(AsRef::as_ref)).await;
    println!("{engine:?}: seed {seed}, {weather:?}: {:?} in {:.1?}", storm.figures, began.elapsed());
    storm
}

impl Storm {
    /// Before the storm: in each tenant some leads that everybody will want.
    async fn brew(site: Site, random: &mut Random) -> Arc<Self> {
        let worlds = TENANTS.map(|tenant| Mutex::new(World::new(tenant, site.clock.clone())));
        let mut storm = Self {
            site,
            worlds,
            strange: Default::default(),
            over: CancellationToken::new(),
            calm: CancellationToken::new(),
            figures: Figures::default(),
        };
        for (n, tenant) in TENANTS.into_iter().enumerate() {
            storm.strange[n] = storm.open(random, tenant, "strange").await;
            for name in ["wanted", "wanted too"] {
                storm.open(random, tenant, name).await;
            }
            for owner in ["sam", "nora", "omar"] {
                let input = json!({ "ownerId": owner, "amount": 20, "reference": format!("start of {owner}") });
                storm.act(random, Manners::Patient, Who { tenant, ..ADMIN }, "topUpWallet", input).await;
            }
        }
        storm.into()
    }

    async fn open(&self, random: &mut Random, tenant: &'static str, reference: &str) -> String {
        let admin = Who { tenant, ..ADMIN };
        let terms = json!({ "reference": reference, "customerId": "casey", "price": 1, "maxClaims": 3 });
        let posted = self.act(random, Manners::Patient, admin, "createLead", with(lead_input(), terms)).await;
        let id = posted.id("/lead/id").to_owned();
        self.act(random, Manners::Patient, admin, "verifyLead", json!({ "id": id })).await;
        id
    }

    /// Of both tenants; each does so many things, or goes on until the storm is over.
    fn clients(self: &Arc<Self>, random: &mut Random, steps: Option<usize>) -> JoinSet<()> {
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS * TENANTS.len() {
            let (storm, random) = (self.clone(), random.fork());
            clients.spawn(async move { storm.client(n % TENANTS.len(), random, steps).await });
        }
        clients
    }

    fn world(&self, tenant: usize) -> MutexGuard<'_, World> {
        self.worlds[tenant].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn world_of(&self, tenant: &str) -> MutexGuard<'_, World> {
        self.world(TENANTS.iter().position(|name| *name == tenant).expect("one of the two"))
    }
}
