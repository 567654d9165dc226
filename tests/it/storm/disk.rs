//! The disk of the embedded database is full in the middle of a storm: whoever writes is told so, whoever reads is not, and when
//! there is room again all goes on by itself. (Full, because the system no longer lets the process write beyond the first page of
//! any file; a signal says so too, which is ignored. The tool for it is Linux's.)

use std::{process::Command, sync::atomic::Ordering};

use leadcast::clock::Clock;
use serde_json::{Value, json};

use super::{Storm, audience::Audience, kill::Outside, site::Site};
use crate::support::{
    Engine,
    api::{CASEY, PAT},
    database::Database,
    random::Random,
    wire::eventually,
};

const BETWEEN: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn the_disk_may_be_full_in_the_middle_of_a_storm() {
    let mut random = Random::new();
    let database = Database::fresh(Engine::Sqlite).await;
    let outside = Outside::prepare(database.target()).await;
    let site = Site::new(database.target(), Clock::default());
    let mut program = outside.start(&site).await;
    let storm = Storm::brew(site, &mut random).await;
    let audience = Audience::gather(&storm, &mut random);
    let clients = storm.clients(&mut random, None);
    let busy = || storm.figures.busy.load(Ordering::Relaxed);
    for round in 0..2 {
        storm.goes_on(BETWEEN).await;
        let before = busy();
        limit(program.id(), "4096");
        eventually("writers to be turned away", async || busy() > before + 40).await;
        for who in [PAT, CASEY] {
            storm.site.query(who, "{ leads { nodes { id status claimCount } } }", Value::Null).await.field("leads");
        }
        let told = storm.site.readiness().await;
        let failed =
            json!({ "name": "transactions", "ok": false, "detail": "some transactions fail: the log says why" });
        assert_eq!((&told["ready"], &told["degraded"], &told["checks"][3]), (&json!(true), &json!(true), &failed));
        if round == 0 {
            // Once; the second time it may be the same trouble still.
            program.logged("the database fails; it is tried again error=\"disk I/O error").await;
        }
        limit(program.id(), "unlimited");
    }
    storm.goes_on(BETWEEN).await;
    storm.over.cancel();
    clients.join_all().await;
    storm.judge(audience, true).await;
    eventually("the server to be well again", async || storm.site.readiness().await["degraded"] == false).await;
    program.logged("the database works again").await;
    program.signal("TERM");
    assert_eq!(program.end().await.code, Some(0));
    println!("{:?}", storm.figures);
}

/// How large the process's files may grow.
fn limit(process: u32, bytes: &str) {
    let set = Command::new("prlimit").args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")]).status();
    assert!(set.is_ok_and(|status| status.success()), "prlimit (util-linux) sets the limit");
}
