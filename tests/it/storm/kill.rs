//! Kill -9 in the middle of a storm, five times (or `LEADCAST_TEST_KILLS`) on the same database, and nothing that was
//! acknowledged is lost. On PostgreSQL the database is killed as well, every other time: with all of its processes at once, so
//! that what it had only in memory is gone. (On SQLite the death of a process shows nothing of this: what was written is the
//! system's to keep. That it is on the disk before it is acknowledged is a pragma, of which `faults` asks every connection.)

use std::time::{Duration, Instant};

use leadcast::{app::App, clock::Clock, config::Settings, db::Target};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{Storm, asked_for, audience::Audience, site::Site, tell, total::Total};
use crate::support::{
    Engine, both_engines,
    database::{Database, temporary_folder},
    postgres::Cluster,
    program::{Program, SECRET},
    random::Random,
    sql::Sql,
    wire::eventually,
};

both_engines!(killed_five_times_nothing_is_lost);

const KILLS: usize = 5;
/// Answers between one kill and the next.
const BETWEEN: usize = 60;

/// The built binary on a database of its own.
pub struct Outside {
    folder: TempDir,
    url: String,
}

impl Outside {
    /// With the tenants and users that a server in dev mode makes.
    pub async fn prepare(target: Target) -> Self {
        let folder = temporary_folder();
        let mut settings = Settings::defaults();
        settings.data = folder.path().to_owned();
        settings.database_url = Some(target.clone());
        let app = App::new(settings, Clock::default()).await.expect("the database answers");
        leadcast::dev::seed(&app).await.expect("the demo tenants can be made");
        let url = match target {
            Target::Sqlite(path) => format!("sqlite://{}", path.display()),
            Target::Postgres(url) => url,
        };
        Self { folder, url }
    }

    pub async fn start(&self, site: &Site) -> Program {
        let (program, url) = Program::serve(self.folder.path(), &self.variables()).await;
        site.move_to(&[url]);
        program
    }

    /// Starts and is killed, before it is ready or just after.
    async fn stumble(&self, random: &mut Random) {
        let program = Program::start(self.folder.path(), &["--listen", "127.0.0.1:0"], &self.variables());
        sleep(Duration::from_millis(random.below(150))).await;
        drop(program);
    }

    fn variables(&self) -> [(&str, &str); 2] {
        [("DATABASE_URL", &self.url), ("LEADCAST_JWT_SECRET", SECRET)]
    }
}

async fn killed_five_times_nothing_is_lost(engine: Engine) {
    let (began, mut random) = (Instant::now(), Random::new());
    // What is killed must keep what it commits.
    let cluster = if engine == Engine::Postgres { Some(Cluster::new().await) } else { None };
    let database = match &cluster {
        Some(cluster) => Database::Postgres(cluster.database().await),
        None => Database::fresh(engine).await,
    };
    let outside = Outside::prepare(database.target()).await;
    let site = Site::new(database.target(), Clock::default());
    let mut program = outside.start(&site).await;
    let storm = Storm::brew(site, &mut random).await;
    let audience = Audience::gather(&storm, &mut random);
    let clients = storm.clients(&mut random, None);
    let kills = asked_for("LEADCAST_TEST_KILLS").unwrap_or(KILLS);
    for round in 0..kills {
        storm.goes_on(BETWEEN).await;
        if let Some(cluster) = cluster.as_ref().filter(|_| round % 2 == 0) {
            // First, while it still commits.
            tokio::task::block_in_place(|| cluster.kill());
            drop(program);
            cluster.start().await;
        } else {
            drop(program);
        }
        outside.stumble(&mut random).await;
        program = outside.start(&storm.site).await;
    }
    storm.goes_on(BETWEEN).await;
    storm.over.cancel();
    clients.join_all().await;
    storm.judge(audience, true).await;
    let sql = Sql::open(&storm.site.target).await;
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
    storm.never_stuck(&sql, cluster.as_deref()).await;
    let mut total = Total::default();
    total.add(&storm);
    let figures = format!("{engine:?}, {kills} kills, {:.0?}: {total}", began.elapsed());
    println!("{figures}");
    if kills > KILLS {
        tell(&figures);
    }
}

impl Storm {
    /// Waits until so many more things have been done.
    pub async fn goes_on(&self, answers: usize) {
        let done = || self.world(0).deeds.len() + self.world(1).deeds.len();
        let enough = done() + answers;
        eventually("the storm to go on", async || done() >= enough).await;
    }
}
