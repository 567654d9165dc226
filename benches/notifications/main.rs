//! Notifications at scale: pages out of a million, leads that ten thousand providers are told of, a hundred thousand marked read.
//!
//! ```sh
//! cargo bench --bench notifications                # all of it, some three minutes; prints tables
//! cargo bench --bench notifications -- --engine sqlite
//! BENCH_ROWS=50000 BENCH_PROVIDERS=1000 BENCH_BULK=5000 cargo bench --bench notifications
//! ```
//!
//! leadcast runs in this process, so that its statements and transactions can be watched; it is asked over HTTP by one client, with
//! all that it has to do beside. All commit durably (`synchronous = FULL`; a cluster with fsync). Times are in milliseconds, p50
//! and p95 where there are two. It fails when a plan reads a table or an index from end to end, passes rows over, or sorts; when somebody is told who
//! should not be, or not as it should be; and says what took longer than it may.

mod bulk;
mod fill;
#[path = "../support/lead.rs"]
mod lead;
mod leads;
mod pages;
mod plans;
mod providers;
mod sql;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod support;
mod times;
mod watch;
mod world;

use std::{process::ExitCode, time::Instant};

use clap::Parser;

use self::{fill::Inbox, leads::Markets, support::Engine, times::ms, world::World};

/// As in leadcast itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
struct Options {
    /// Notifications of the user whose pages are read
    #[arg(long, env = "BENCH_ROWS", default_value_t = 1_000_000)]
    rows: u64,
    /// Notifications that are marked read at once
    #[arg(long, env = "BENCH_BULK", default_value_t = 100_000)]
    bulk: u64,
    /// Providers that a lead fits
    #[arg(long, env = "BENCH_PROVIDERS", default_value_t = 10_000)]
    providers: usize,
    /// How often each page is read, and how many leads are posted
    #[arg(long, env = "BENCH_RUNS", default_value_t = 60)]
    runs: usize,
    /// Only this engine
    #[arg(long)]
    engine: Option<Engine>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --benches` wants to know that it can be started.
    if !options.bench {
        return ExitCode::SUCCESS;
    }
    watch::begin();
    let mut faults = 0;
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if options.engine.is_none_or(|only| only == engine) {
            faults += measure(engine, &options).await;
        }
    }
    ExitCode::from(u8::from(faults > 0))
}

/// Returns how many plans read too much.
async fn measure(engine: Engine, options: &Options) -> usize {
    let began = Instant::now();
    let world = World::open(engine).await;
    let tenant = world.tenant().await;
    let inbox = Inbox::fill(&world, &tenant, "reader", options.rows.max(1_000), false).await;
    let heap = Inbox::fill(&world, &tenant, "heap", options.bulk.max(1_000), true).await;
    let markets = Markets::furnish(&world, options.providers.max(leads::FEW)).await;
    // PostgreSQL would vacuum what is new in the middle of something else.
    let known = if engine == Engine::Postgres { "VACUUM ANALYZE" } else { "ANALYZE" };
    world.connect().await.execute(known).await;
    println!("\n{engine}: {} notifications of one user, made ready in {} ms", options.rows, ms(began.elapsed()));

    let pages = pages::measure(&world, &tenant, &inbox, options.runs.max(1)).await;
    println!("{} of the pages took longer than {} ms (p95)\n", pages.slow, ms(pages::AIM));
    bulk::measure(&world, &tenant, &heap, &markets.few).await;
    leads::measure(&world, &markets, options.runs.max(1)).await;
    world.close().await;
    println!("{engine}: {} s in all", began.elapsed().as_secs());
    pages.faults
}
