//! A rolling upgrade: a newer version has migrated the database and writes to it, while nodes of this version go on.

use leadcast::db::Target;
use serde_json::{Value, json};

use super::value;
use crate::support::{
    Engine, TestServer, both_engines,
    database::temporary_folder,
    market::{EVENT, Market, events_stream, is_opening},
    program::Program,
    sql::Sql,
    wire::eventually,
};

both_engines!(what_a_newer_version_writes_is_passed_over, a_newer_schema_is_lived_with);

const UNKNOWN: &str = "leadcast_events_unknown_total";

/// As a node of a newer version does it: an event of this kind in each tenant, public, and one for pat alone.
async fn write_unknown(sql: &Sql, kind: &str) {
    let per_tenant = "SELECT id, 'KIND', '{\"shiny\": true}', created_at FROM tenants".replace("KIND", kind);
    let insert = format!("INSERT INTO events (tenant_id, kind, payload, occurred_at) {per_tenant}");
    let address = "INSERT INTO event_users (tenant_id, user_id, event_id) \
        SELECT tenant_id, 'pat', max(id) FROM events GROUP BY tenant_id";
    sql.run(&format!("BEGIN; {insert}; {insert}; {address}; COMMIT")).await.expect("events can be written");
}

async fn what_a_newer_version_writes_is_passed_over(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    for market in Market::both(&server) {
        let start = market.mark().await;
        let mut socket = market.socket("pat").await;
        let mut live = socket.subscribe(&events_stream(), json!({ "after": start }));
        let before = value(&server, UNKNOWN).await;
        write_unknown(&sql, "LEAD_BOOSTED").await;
        eventually("the node to pass them over", async || value(&server, UNKNOWN).await == before + 4).await;
        let known = market.open("known", json!({})).await;
        write_unknown(&sql, "SEASON_OPENED").await;
        // Of a kind that is known, with more in it than this version knows.
        let more = "INSERT INTO events (tenant_id, kind, payload, occurred_at)
            SELECT tenant_id, kind, '{\"shiny\": 1, ' || substr(payload, 2), occurred_at FROM events
            WHERE kind = 'LEAD_CREATED' ORDER BY id DESC LIMIT 1";
        sql.run(more).await.expect("an event can be written");
        live.nothing_before(|event| is_opening(event, &known)).await;
        live.nothing_before(|event| is_opening(event, &known)).await;

        // A cursor moves past what its holder cannot be told.
        let poll = format!(
            "query($after: Cursor!) {{ events(after: $after) {{ events {{ ...event }} endCursor hasMore }} }} {EVENT}"
        );
        write_unknown(&sql, "LEAD_BOOSTED").await;
        eventually("the node to pass them over", async || value(&server, UNKNOWN).await == before + 12).await;
        let page = market.user("pat").query(&poll, json!({ "after": start })).await.field("events").clone();
        assert_eq!((page["events"].as_array().map(Vec::len), &page["hasMore"]), (Some(2), &json!(false)), "{page:#}");
        let page = market.user("pat").query(&poll, json!({ "after": page["endCursor"] })).await.field("events").clone();
        assert_eq!(page["events"], json!([]));
        let mut resumed = socket.subscribe(&events_stream(), json!({ "after": page["endCursor"] }));
        // Also by a node that has never seen them come.
        let node = server.second_node().await;
        let there = Market { server: &node, ..market };
        let mut elsewhere = there.socket("pat").await;
        let mut replayed = elsewhere.subscribe(&events_stream(), json!({ "after": start }));
        for _ in 0..2 {
            replayed.nothing_before(|event| is_opening(event, &known)).await;
        }
        let last = market.open("last", json!({})).await;
        for stream in [&mut live, &mut resumed, &mut replayed] {
            stream.nothing_before(|event| is_opening(event, &last)).await;
        }
    }
}

/// Expand, then contract: what a newer version adds can be null or has a default, and nothing that this one uses goes.
async fn a_newer_schema_is_lived_with(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    let market = Market { server: &server, tenant: "demo" };
    let start = market.mark().await;
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(&events_stream(), json!({ "after": start, "types": ["LEAD_CREATED"] }));
    let before = market.open("before", json!({ "price": 1 })).await;
    for table in [
        "tenants",
        "users",
        "leads",
        "contacts",
        "claims",
        "wallets",
        "ledger_entries",
        "events",
        "event_users",
        "log_state",
        "notification_preferences",
    ] {
        sql.run(&format!("ALTER TABLE {table} ADD COLUMN shiny text")).await.expect("a column");
        sql.run(&format!("ALTER TABLE {table} ADD COLUMN shinier integer NOT NULL DEFAULT 7")).await.expect("a column");
    }
    sql.run("CREATE TABLE shinies (id integer PRIMARY KEY); CREATE INDEX leads_by_shine ON leads (shinier)")
        .await
        .expect("a table");
    sql.run("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000001')").await.expect("a row");

    let url = match server.app.settings.database() {
        Target::Sqlite(file) => format!("sqlite://{}", file.display()),
        Target::Postgres(url) => url,
    };
    let folder = temporary_folder();
    for arguments in [&["migrate"][..], &["tenant", "create", "third", "--name", "Third"]] {
        let ended = Program::run(folder.path(), arguments, &[("DATABASE_URL", &url)]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let node = server.second_node().await;
    for market in [market, Market { server: &node, ..market }] {
        market.claim("pat", &before).await.field("claimLead");
        let lead = market.open(&format!("after {}", market.server.url("")), json!({ "price": 1 })).await;
        market.claim("quinn", &lead).await.field("claimLead");
        market.update(&lead, json!({ "title": "Changed" })).await.field("updateLead");
        market.top_up("riley", 1, &format!("bonus {lead}")).await.field("topUpWallet");
        let seen = market.lead(&lead).await;
        assert_eq!(seen["claimCount"], 1);
        market.audit().await;
    }
    let seen: Vec<Value> = [stream.next().await, stream.next().await, stream.next().await].into();
    assert!(is_opening(&seen[0], &before), "{seen:#?}");
}
