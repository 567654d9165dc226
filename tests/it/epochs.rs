//! A new epoch of the log, as after a restore: what was given out before has expired, what runs ends and says so, and who loads
//! its page again misses nothing.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::{join, join_all};
use leadcast::{app::App, db::Target};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    database::temporary_folder,
    market::{Market, events_stream, is_opening},
    postgres::available,
    program::Program,
    socket::Subscription,
    soon,
    sql::Sql,
    wire::eventually,
};

both_engines!(a_new_epoch_ends_what_runs, who_loads_its_page_again_misses_nothing);

fn url(server: &TestServer) -> String {
    match server.app.settings.database() {
        Target::Sqlite(file) => format!("sqlite://{}", file.display()),
        Target::Postgres(url) => url,
    }
}

/// `leadcast epoch`, beside the running server.
async fn begin_epoch(server: &TestServer) {
    let before = server.app.hub.epoch();
    let folder = temporary_folder();
    let ended = Program::run(folder.path(), &["epoch"], &[("DATABASE_URL", &url(server))]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("CURSOR_EXPIRED"), "{ended:?}");
    eventually("the node to notice", async || server.app.hub.epoch() != before).await;
    assert!(ended.stdout.contains(&server.app.hub.epoch().to_string()), "{ended:?}");
}

async fn expires(stream: &mut Subscription) {
    let message = stream.message().await;
    assert_eq!(message["type"], "error", "{message:#}");
    assert_eq!(message["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED", "{message:#}");
}

async fn polled(market: Market<'_>, after: &Value) -> Value {
    let poll = "query($after: Cursor!) { events(after: $after) { endCursor } }";
    let answer = market.user("pat").query(poll, json!({ "after": after })).await;
    answer.body["errors"][0]["extensions"]["code"].clone()
}

async fn a_new_epoch_ends_what_runs(engine: Engine) {
    let server = TestServer::start(engine).await;
    for market in Market::both(&server) {
        let start = market.mark().await;
        market.open("before", json!({})).await;
        let mut socket = market.socket("pat").await;
        // Live, in the middle of its backlog, and of private events alone.
        let mut live = socket.subscribe(
            &events_stream(),
            json!({ "after": market.mark().await, "types": ["LEAD_CREATED", "PROGRESS"] }),
        );
        assert_eq!(live.next().await["__typename"], "ProgressEvent");
        let mut backlog = socket.subscribe(&events_stream(), json!({ "after": start, "types": ["LEAD_CREATED"] }));
        backlog.next().await;
        let private = "subscription($after: Cursor) { balanceUpdated(after: $after) { cursor } }";
        let mut private = socket.subscribe(private, json!({ "after": start }));

        begin_epoch(&server).await;
        expires(&mut live).await;
        // What was on its way may still arrive before the end.
        loop {
            let message = backlog.message().await;
            if message["type"] == "error" {
                assert_eq!(message["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED", "{message:#}");
                break;
            }
        }
        expires(&mut private).await;
        let mut again = socket.subscribe(&events_stream(), json!({ "after": start }));
        expires(&mut again).await;
        assert_eq!(polled(market, &start).await, "CURSOR_EXPIRED");

        let fresh = market.user("pat").stream_cursor().await;
        assert_eq!(polled(market, &fresh).await, Value::Null);
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": fresh, "types": ["LEAD_CREATED"] }));
        let after = market.open("after", json!({})).await;
        stream.nothing_before(|event| is_opening(event, &after)).await;
    }
}

/// What the README tells a client to do: load the page and its cursor in one operation, stream from there, and after
/// CURSOR_EXPIRED do the same again. Returns how often it did.
async fn keep_a_page(market: Market<'_>, page: &mut BTreeSet<String>, last: &str) -> usize {
    let mut loads = 0;
    let user = market.user("pat");
    let mut socket = market.socket("pat").await;
    let titled = |lead: &Value| lead["title"].as_str().expect("a title").to_owned();
    loop {
        loads += 1;
        let loaded = user.query("{ streamCursor leads(first: 100) { nodes { title } } }", Value::Null).await;
        *page = loaded.field("leads")["nodes"].as_array().expect("a list").iter().map(titled).collect();
        let after = loaded.field("streamCursor");
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": after, "types": ["LEAD_CREATED"] }));
        while !page.contains(last) {
            let message = stream.message().await;
            if message["type"] == "error" {
                assert_eq!(message["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED", "{message:#}");
                break;
            }
            page.insert(titled(&message["payload"]["data"]["events"]["lead"]));
        }
        if page.contains(last) {
            return loads;
        }
    }
}

async fn who_loads_its_page_again_misses_nothing(engine: Engine) {
    const LEADS: usize = 60;
    let server = TestServer::start(engine).await;
    let write = async |market: Market<'_>| {
        for n in 0..LEADS {
            market.open(&format!("{n}"), json!({ "title": format!("Lead {n}") })).await;
        }
    };
    let epochs = async {
        for _ in 0..3 {
            begin_epoch(&server).await;
        }
    };
    let all: BTreeSet<_> = (0..LEADS).map(|n| format!("Lead {n}")).collect();
    let last = format!("Lead {}", LEADS - 1);
    let keep = async |market| {
        let mut page = BTreeSet::new();
        let loads = keep_a_page(market, &mut page, &last).await;
        assert_eq!(page, all);
        loads
    };
    let [market, rival] = Market::both(&server);
    let (loads, _) = join(
        join_all([market, market, rival].map(|market| Box::pin(keep(market)))),
        join(epochs, join_all([write(market), write(rival)])),
    )
    .await;
    println!("pages were loaded {loads:?} times");
    // All who join now get on with it, too.
    keep(market).await;
}

/// The epoch and the origin as the database has them.
async fn noted(sql: &Sql) -> (String, String) {
    (sql.text("SELECT epoch FROM log_state").await, sql.text("SELECT origin FROM log_state").await)
}

/// As a promoted replica has another timeline, and a restored dump another cluster or database.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_from_elsewhere_begins_one_new_epoch() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    let sql = Sql::of(&server).await;
    let (epoch, origin) = noted(&sql).await;
    assert_eq!(origin.split('/').count(), 3, "cluster, timeline and database: {origin:?}");
    let another = server.second_node().await;
    assert_eq!(noted(&sql).await, (epoch.clone(), origin.clone()), "a start alone changes nothing");

    let market = Market { server: &server, tenant: "demo" };
    let start = market.mark().await;
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": start, "types": ["PROGRESS"] }));
    stream.next().await;
    let (cluster, rest) = origin.split_once('/').expect("two parts");
    let (_, database) = rest.split_once('/').expect("two parts");
    for elsewhere in [format!("{cluster}/00000002/{database}"), "7/00000001/16384".to_owned()] {
        let (before, _) = noted(&sql).await;
        sql.run(&format!("UPDATE log_state SET origin = '{elsewhere}'")).await.expect("the row is there");
        // Many nodes that start at once, and two that run and lose their connections.
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'leadcast'";
        let starts = (0..6).map(|_| App::new(server.app.settings.clone(), server.app.clock.clone()));
        let (started, cut) = join(join_all(starts), sql.run(cut)).await;
        cut.expect("connections can be cut");
        eventually("the log's origin to be set right", async || noted(&sql).await.1 == origin).await;
        let (after, _) = noted(&sql).await;
        assert_ne!(after, before);
        for app in started.into_iter().flatten() {
            assert_eq!(app.hub.epoch().to_string(), after, "one epoch, not several");
        }
        for node in [&server, &another] {
            eventually("a running node to notice", async || node.app.hub.epoch().to_string() == after).await;
        }
        assert_eq!(noted(&sql).await, (after, origin.clone()));
    }
    expires(&mut stream).await;
    assert_eq!(polled(market, &start).await, "CURSOR_EXPIRED");
}

/// Of two nodes one learns of the new epoch first: its cursors are good at once on the other, which looks again before it answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_not_noticed_yet_takes_the_cursors_of_one_that_has() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    let other = server.second_node().await;
    let [here, there] = [&server, &other].map(|server| Market { server, tenant: "demo" });
    for n in 0..5 {
        server.app.db.begin_epoch().await.expect("an epoch begins");
        let epoch = Sql::of(&server).await.text("SELECT epoch FROM log_state").await;
        soon("one node to notice", async {
            while server.app.hub.epoch().to_string() != epoch {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
        // The other one may or may not know.
        let cursor = here.user("pat").stream_cursor().await;
        let mut socket = there.socket("pat").await;
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": cursor, "types": ["LEAD_CREATED"] }));
        assert_eq!(polled(there, &cursor).await, Value::Null);
        let lead = here.open(&format!("lead {n}"), json!({})).await;
        stream.nothing_before(|event| is_opening(event, &lead)).await;
    }
}
