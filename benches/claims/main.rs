//! Claims per second: through the API of a running leadcast, and, in the same run, by the same SQL without leadcast: in a bare
//! loop over the same driver, and on PostgreSQL in pgbench.
//!
//! ```sh
//! cargo bench --bench claims                       # all of it, some four minutes; prints a table
//! cargo bench --bench claims -- --seconds 5 --engine postgres
//! ```
//!
//! All commit durably (`synchronous = FULL`; a cluster with fsync). Everything shares one machine: server, database and load,
//! so that a bare loop, which has no HTTP client beside it, has more of the machine to itself. `spread`: 64 providers claim all
//! over a thousand leads; `hot`: everyone claims the same lead, each provider once. Each cell has a tenant of its own.

mod bare;
mod load;
mod pgbench;
mod statements;
mod world;

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod support;

use std::{collections::BTreeMap, time::Duration};

use clap::Parser;

use self::{
    support::Engine,
    world::{Shape, World},
};

const CONNECTIONS: [usize; 4] = [1, 8, 16, 32];

#[derive(Parser)]
struct Options {
    /// How long each cell is measured
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Only this engine
    #[arg(long)]
    engine: Option<Engine>,
    /// What `cargo bench` adds
    #[arg(long, hide = true)]
    bench: bool,
}

/// Who claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, strum::Display)]
enum Way {
    #[strum(to_string = "pgbench")]
    Pgbench,
    #[strum(to_string = "bare loop")]
    Bare,
    #[strum(to_string = "leadcast")]
    Leadcast,
}

/// Claims per second by connections.
type Row = BTreeMap<usize, f64>;

#[tokio::main]
async fn main() {
    let options = Options::parse();
    let time = Duration::from_secs(options.seconds.max(1));
    println!("Claims per second, by connections ({time:?} each)\n");
    println!("{:<10}{:<8}{:<11}{}", "", "", "", CONNECTIONS.map(|n| format!("{n:>8}")).concat());
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if options.engine.is_some_and(|only| only != engine) {
            continue;
        }
        let world = World::open(engine).await;
        for shape in [Shape::Spread, Shape::Hot] {
            let mut rows = BTreeMap::new();
            for way in [Way::Pgbench, Way::Bare, Way::Leadcast] {
                let row = measure(&world, way, shape, time).await;
                if !row.is_empty() {
                    print_row(engine, shape, way, &row);
                    rows.insert(way, row);
                }
            }
            for way in [Way::Pgbench, Way::Bare] {
                if let Some(other) = rows.get(&way) {
                    let (best, at_best) = (best(&rows[&Way::Leadcast]), best(other));
                    println!("{:>29}{:>8.2} of the best {way}", "", best / at_best);
                }
            }
        }
    }
}

async fn measure(world: &World, way: Way, shape: Shape, time: Duration) -> Row {
    let mut row = Row::new();
    for connections in CONNECTIONS {
        let claims = match (way, world.engine) {
            (Way::Leadcast, _) => load::run(world, &world.market(shape).await, connections, time).await,
            (Way::Bare, Engine::Postgres) => bare::postgres(world, &world.market(shape).await, connections, time).await,
            // There is one writer: more connections would only wait for it.
            (Way::Bare, Engine::Sqlite) if connections == 1 => {
                bare::sqlite(world, &world.market(shape).await, time).await
            }
            (Way::Pgbench, Engine::Postgres) => {
                pgbench::run(world, &world.market(shape).await, connections, time).await
            }
            (Way::Bare | Way::Pgbench, Engine::Sqlite) => continue,
        };
        row.insert(connections, claims);
    }
    row
}

fn print_row(engine: Engine, shape: Shape, way: Way, row: &Row) {
    let cells =
        CONNECTIONS.map(|n| row.get(&n).map_or_else(|| format!("{:>8}", "–"), |claims| format!("{claims:>8.0}")));
    println!("{:<10}{:<8}{:<11}{}", engine.to_string(), shape.to_string(), way.to_string(), cells.concat());
}

fn best(row: &Row) -> f64 {
    row.values().copied().fold(0.0, f64::max)
}
