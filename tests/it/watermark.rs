//! On PostgreSQL ids are handed out before commit: what is not yet decided must hold back what comes after it, and nothing
//! else may. Scripted, on clusters of their own: the watermark looks at the transactions of the whole cluster.

use leadcast::db::Target;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::{
    Engine, TestServer,
    market::{EVENT, FACTS, Market, events_stream, is_opening},
    postgres::{Cluster, Database, available},
    random::Random,
};

/// Tells of the first lead once more: an event that costs its writer nothing but the id.
const AGAIN: &str = "INSERT INTO events (tenant_id, kind, payload, occurred_at)
    SELECT tenant_id, kind, payload, now() FROM events WHERE kind = 'LEAD_CREATED' ORDER BY id LIMIT 1
    RETURNING id";

/// How the writer that took the first id ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    RollBack,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_overtakes_a_writer_that_is_still_at_it() {
    if available() {
        out_of_order(End::Commit).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_gives_up_holds_nobody_back() {
    if available() {
        out_of_order(End::RollBack).await;
    }
}

async fn server_on_its_own_cluster() -> (Database, TestServer) {
    let database = Cluster::new().await.database().await;
    let target = Target::Postgres(database.url());
    let server = TestServer::start_with(Engine::Postgres, |settings| settings.database_url = Some(target)).await;
    (database, server)
}

/// Writer A takes an id in `demo` and stays open; writers B commit, in both tenants; A ends.
async fn out_of_order(end: End) {
    let (database, server) = server_on_its_own_cluster().await;
    let [market, rival] = Market::both(&server);
    let pattern = market.open("pattern", json!({})).await;
    let (start, start_of_rival) = (market.mark().await, rival.mark().await);
    let (mut socket, mut socket_of_rival) = (market.socket("pat").await, rival.socket("pat").await);
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": start }));
    let mut stream_of_rival = socket_of_rival.subscribe(&events_stream(), json!({ "after": start_of_rival }));

    let (writer, connection) = tokio_postgres::connect(&database.url(), NoTls).await.expect("a connection");
    tokio::spawn(connection);
    writer.batch_execute("BEGIN").await.expect("a transaction");
    let first: i64 = writer.query_one(AGAIN, &[]).await.expect("an event").get(0);

    // Every one of these commits wakes the tail, and every one of these polls asks it: twenty chances to do wrong.
    let mut later = Vec::new();
    for n in 0..20 {
        later.push(market.open(&format!("later {n}"), json!({})).await);
        let polled = poll(market, &start).await;
        assert_eq!(polled["events"], json!([]), "while {first} is undecided");
        assert_eq!(polled["hasMore"], false);
    }
    let theirs = rival.open("theirs", json!({})).await;
    assert!(server.app.hub.watermark() < first);
    let early = market.user("pat").stream_cursor().await;

    match end {
        End::Commit => writer.batch_execute("COMMIT").await.expect("a commit"),
        End::RollBack => writer.batch_execute("ROLLBACK").await.expect("a rollback"),
    }
    // Had one been delivered before, it would be here before the first.
    if end == End::Commit {
        stream.nothing_before(|event| is_opening(event, &pattern)).await;
    }
    for lead in &later {
        stream.nothing_before(|event| is_opening(event, lead)).await;
    }
    stream_of_rival.nothing_before(|event| is_opening(event, &theirs)).await;

    // The cursor of a page that was loaded meanwhile does not lie behind what it could not show.
    let mut resumed = socket.subscribe(&events_stream(), json!({ "after": early }));
    let expected = if end == End::Commit { &pattern } else { &later[0] };
    resumed.nothing_before(|event| is_opening(event, expected)).await;
}

async fn poll(market: Market<'_>, after: &Value) -> Value {
    let document = format!(
        "query($after: Cursor!) {{ events(after: $after, types: {FACTS}) {{ events {{ ...event }} hasMore }} }} {EVENT}"
    );
    market.user("pat").query(&document, json!({ "after": after })).await.field("events").clone()
}

/// Writers of all kinds at once, some of which take their time and some of which give up: on the stream, each event that
/// was committed, once, in the order of ids.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_nothing_is_lost_or_doubled() {
    const WRITERS: u64 = 12;
    const ROUNDS: u64 = 25;
    if !available() {
        return;
    }
    let mut random = Random::new();
    let (database, server) = server_on_its_own_cluster().await;
    let [market, _] = Market::both(&server);
    market.open("pattern", json!({})).await;
    let start = market.mark().await;
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(
        "subscription($after: Cursor) { leadCreated(after: $after) { cursor lead { id } } }",
        json!({ "after": start }),
    );

    let writers = (0..WRITERS).map(|_| tokio::spawn(write_at_random(database.url(), random.fork(), ROUNDS)));
    let mut committed = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        committed.extend(writer.await.expect("a writer does not panic"));
    }
    committed.sort_unstable();
    let fence = market.open("fence", json!({})).await;
    let tenant = market.tenant_id().await;
    for id in committed {
        let expected = json!(server.app.hub.cursor(tenant, id).to_string());
        let event = stream.next().await;
        assert_eq!(event["cursor"], expected, "{id} was expected");
    }
    stream.nothing_before(|event| event["lead"]["id"] == fence).await;
}

/// Transactions of one to three events each, of which one in four is rolled back. Returns the ids that were committed.
async fn write_at_random(url: String, mut random: Random, rounds: u64) -> Vec<i64> {
    let (mut writer, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let mut committed = Vec::new();
    for _ in 0..rounds {
        let transaction = writer.transaction().await.expect("a transaction");
        let mut ids: Vec<i64> = Vec::new();
        for _ in 0..=random.below(3) {
            ids.push(transaction.query_one(AGAIN, &[]).await.expect("an event").get(0));
            // Between the id and the commit others get ahead.
            transaction
                .execute("SELECT pg_sleep($1)", &[&(f64::from(u32::try_from(random.below(8)).unwrap_or(0)) / 1_000.0)])
                .await
                .expect("a pause");
        }
        if random.one_in(4) {
            transaction.rollback().await.expect("a rollback");
        } else {
            transaction.commit().await.expect("a commit");
            committed.extend(ids);
        }
        // As another node would: the tail looks again while others are at it.
        writer.batch_execute("NOTIFY leadcast_events").await.expect("a wake-up");
    }
    committed
}
