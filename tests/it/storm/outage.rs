//! PostgreSQL goes away in the middle of a storm: stopped, killed, its connections cut. leadcast says so, loses nothing, and needs
//! no restart when it is back.

use leadcast::db::Target;
use reqwest::StatusCode;

use super::{Storm, audience::Audience, site::Site};
use crate::support::{
    TestServer,
    database::Database,
    postgres::{Cluster, available},
    program::SECRET,
    random::Random,
    sql::Sql,
    wire::{eventually, get},
};

/// Enough to be in the middle of it.
const BETWEEN: usize = 40;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outage {
    /// In good order: what is at it is rolled back.
    Stop,
    Kill,
    /// Of all connections; new ones can be made.
    Cut,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_may_go_away_in_the_middle_of_a_storm() {
    if !available() {
        return;
    }
    let mut random = Random::new();
    let cluster = Cluster::new().await;
    let database = Database::Postgres(cluster.database().await);
    let server = TestServer::start_at(database, |settings| settings.jwt_secret = Some(SECRET.to_owned())).await;
    let site = Site::new(server.app.settings.database(), server.app.clock.clone());
    site.move_to(&[server.url("")]);
    let storm = Storm::brew(site, &mut random).await;
    let audience = Audience::gather(&storm, &mut random);
    let clients = storm.clients(&mut random, None);
    for outage in [Outage::Cut, Outage::Stop, Outage::Cut, Outage::Kill, Outage::Cut, Outage::Cut] {
        storm.goes_on(BETWEEN).await;
        match outage {
            Outage::Cut => cut(&storm.site.target).await,
            Outage::Stop => tokio::task::block_in_place(|| cluster.stop()),
            Outage::Kill => tokio::task::block_in_place(|| cluster.kill()),
        }
        if outage != Outage::Cut {
            let reply = get(&server, "/readyz").await;
            assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{outage:?}: {reply:?}");
            assert_eq!(get(&server, "/healthz").await.status, StatusCode::OK);
            cluster.start().await;
        }
        eventually("the server to be ready", async || get(&server, "/readyz").await.status == StatusCode::OK).await;
    }
    storm.goes_on(BETWEEN).await;
    storm.over.cancel();
    clients.join_all().await;
    storm.judge(audience, true).await;
    let sql = Sql::open(&storm.site.target).await;
    server.stop().await;
    storm.never_stuck(&sql, Some(&cluster)).await;
    println!("{:?}", storm.figures);
}

async fn cut(target: &Target) {
    let sql = Sql::open(target).await;
    let all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'leadcast' AND datname = current_database()";
    sql.run(all).await.expect("the tests' user may do that");
}
