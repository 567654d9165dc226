//! A backup that was taken while claims were made is one moment of the marketplace, and a server on it goes on from there.

use futures_util::future::{join, join_all};
use leadcast::{config::Settings, db::Target};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    database::temporary_folder,
    market::{Market, events_stream, few_at_once, insist, is_opening, number},
    program::Program,
    sql::Sql,
    wire::eventually,
};

const LEADS: &str = "query($after: PageCursor) { leads(first: 50, after: $after) {
    nodes { id title claimCount maxClaims status claims(first: 100) { nodes { id status } } }
    pageInfo { hasNextPage endCursor } } }";

async fn leads(market: Market<'_>) -> Vec<Value> {
    let (mut leads, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = insist(&market.user("admin"), LEADS, json!({ "after": after })).await;
        let page = page.field("leads");
        leads.extend(page["nodes"].as_array().expect("a list").iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            return leads;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Money and places agree with each other; returns how many claims there are.
async fn books_are_right(market: Market<'_>) -> usize {
    let paid: usize = market.audit().await.values().map(|books| books.entries - 1).sum();
    let mut claims = 0;
    for lead in leads(market).await {
        let made = lead["claims"]["nodes"].as_array().expect("a list").len();
        assert_eq!(number(&lead["claimCount"]), i64::try_from(made).expect("few"), "{lead:#}");
        let full = lead["claimCount"] == lead["maxClaims"];
        assert_eq!(lead["status"] == "FULL", full, "{lead:#}");
        claims += made;
    }
    assert_eq!(claims, paid, "a claim is paid for, and a payment has its claim");
    claims
}

/// On the file that `leadcast restore` has made of a backup.
async fn restored(backup: &std::path::Path) -> (tempfile::TempDir, TestServer) {
    let elsewhere = temporary_folder();
    let file = backup.to_str().expect("UTF-8");
    let ended = Program::run(elsewhere.path(), &["restore", file], &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let database = elsewhere.path().join("data/leadcast.db");
    let server = TestServer::start_with(Engine::Sqlite, |settings: &mut Settings| {
        settings.database_url = Some(Target::Sqlite(database));
    })
    .await;
    (elsewhere, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_whole() {
    const PROVIDERS: usize = 12;
    const BACKUPS: usize = 4;
    const LEADS: usize = 30;
    /// Claims that are made in the end, in both tenants.
    const ALL: usize = 2 * LEADS * (PROVIDERS - 2);
    let server = TestServer::start(Engine::Sqlite).await;
    let markets = Market::both(&server);
    let mut prepared = Vec::new();
    for market in markets {
        let providers = market.providers(PROVIDERS, 1_000).await;
        let names: Vec<_> = (0..LEADS).map(|n| format!("lead {n}")).collect();
        let open = names.iter().map(|name| market.open(name, json!({ "price": 7, "maxClaims": PROVIDERS - 2 })));
        prepared.push((market, providers, few_at_once(open).await, market.mark().await));
    }
    let folder = temporary_folder();
    let Target::Sqlite(database) = server.app.settings.database() else { unreachable!("this is SQLite") };
    let url = format!("sqlite://{}", database.display());
    let sql = Sql::of(&server).await;
    // Each provider wants every lead; two are left over.
    let load = join_all(prepared.iter().map(async |(market, providers, leads, _)| {
        let claim_all = async |provider: &String| {
            for lead in leads {
                market.claim(provider, lead).await;
            }
        };
        join_all(providers.iter().map(claim_all)).await
    }));
    let backups = async {
        let mut counts = Vec::new();
        for n in 0..BACKUPS {
            // Spread over the load.
            let claims = async || sql.text("SELECT count(*) FROM claims").await.parse::<usize>().expect("a number");
            eventually("claims to be made", async || claims().await >= n * ALL / BACKUPS).await;
            let before = claims().await;
            let ended = Program::run(folder.path(), &["backup", &format!("{n}.db")], &[("DATABASE_URL", &url)]).await;
            assert_eq!(ended.code, Some(0), "{ended:?}");
            counts.push((before, claims().await));
        }
        counts
    };
    let (_, counts) = join(load, backups).await;
    println!("claims before and after each backup: {counts:?}");
    assert!(counts.iter().any(|(before, after)| before < after), "claims went on meanwhile: {counts:?}");

    for (n, (before, after)) in counts.into_iter().enumerate() {
        let (_folder, server) = restored(&folder.path().join(format!("{n}.db"))).await;
        let mut claims = 0;
        for market in Market::both(&server) {
            claims += books_are_right(market).await;
        }
        assert!((before..=after).contains(&claims), "one moment during the backup: {before} {claims} {after}");
        for (market, start) in Market::both(&server).into_iter().zip(prepared.iter().map(|(.., start)| start)) {
            goes_on(market, start).await;
        }
        server.stop().await;
    }
}

/// The restored log is another one than its cursors speak of, though it has the same events.
async fn goes_on(market: Market<'_>, old: &Value) {
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": old }));
    let message = stream.message().await;
    assert_eq!(message["payload"][0]["extensions"]["code"], "CURSOR_EXPIRED", "{message:#}");

    let start = market.user("pat").stream_cursor().await;
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": start }));
    let lead = market.open("after the restore", json!({ "price": 7 })).await;
    stream.nothing_before(|event| is_opening(event, &lead)).await;
    assert_eq!(market.claim("pat", &lead).await.field("claimLead")["replayed"], false);
    books_are_right(market).await;
}
