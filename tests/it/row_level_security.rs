//! PostgreSQL's second wall, with the first one taken away: statements without a tenant in them, through every door of the
//! database, on connections that somebody else has used just before.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use leadcast::{
    config::Settings,
    db::{self, Connection, Db, Target, Tx},
    error::{Error, Result},
    ids::TenantId,
};
use serde_json::json;
use tokio_postgres::{Client, NoTls};

use crate::support::{
    Engine, TestServer,
    market::Market,
    postgres::{Cluster, available},
    soon,
    sql::Sql,
    wire::eventually,
};

/// Every table of tenants by its name, from the catalogue, and the column with the tenant.
async fn tables_of_tenants(sql: &Sql) -> BTreeMap<String, &'static str> {
    let found = sql
        .text(
            "SELECT string_agg(table_name, ' ') FROM information_schema.columns
             WHERE table_schema = 'public' AND column_name = 'tenant_id'",
        )
        .await;
    let tables = found.split_whitespace().map(|table| (table.to_owned(), "tenant_id"));
    tables.chain([("tenants".to_owned(), "id")]).collect()
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The one number of a query that calls it `n`.
async fn number(tx: &Tx, query: &str) -> Result<i64> {
    use diesel_async::RunQueryDsl;
    let Connection::Postgres(conn) = tx.connection()? else { panic!("this is about PostgreSQL") };
    Ok(sql_query(query).get_result::<Number>(&mut &**conn).await?.n)
}

/// How many rows a statement changed.
async fn changed(tx: &Tx, statement: &str) -> Result<usize> {
    use diesel_async::RunQueryDsl;
    let Connection::Postgres(conn) = tx.connection()? else { panic!("this is about PostgreSQL") };
    Ok(sql_query(statement).execute(&mut &**conn).await?)
}

fn words(error: &Error) -> String {
    format!("{error:?}")
}

/// Both tenants have something in every table.
async fn furnish(server: &TestServer) {
    for market in Market::both(server) {
        let attributes = json!({ "attributes": { "rooms": 2 } });
        let lead = market.open("a lead", attributes).await;
        market.claim("pat", &lead).await.field("claimLead");
        market.wants("pat", json!({ "categories": ["Electrical"] })).await;
        let set = "mutation { updateNotificationPreferences(input: { sound: false }) { userErrors { code } } }";
        market.user("pat").query(set, json!({})).await.field("updateNotificationPreferences");
        for prepared in [
            "mutation { rotateWebhookSecret { userErrors { code } } }",
            "mutation { updateTenantSettings(input: { webhookUrl: \"http://127.0.0.1:1/hook\" }) { userErrors { code } } }",
            "mutation { updateNotificationPreferences(input: { rules: [{ type: ANNOUNCEMENT, channel: WEBHOOK, frequency: DAILY }] }) {
                userErrors { code } } }",
        ] {
            market.user("admin").query(prepared, json!({})).await.data();
        }
        let told = "mutation { createNotification(input: { to: { everyone: true }, title: \"a\", message: \"b\", reference: \"c\" }) {
            userErrors { code } } }";
        market.user("admin").query(told, json!({})).await.field("createNotification");
        // From the second claim on it is told of as competitive, to who has not claimed it.
        market.wants("riley", json!({ "categories": ["Electrical"] })).await;
        market.claim("quinn", &lead).await.field("claimLead");
        let riley = market.user("riley");
        let told = "{ notifications(filter: { types: [LEAD_COMPETITIVE] }) { nodes { id } } }";
        eventually("the lead to be told of", async || {
            riley.query(told, json!({})).await.field("notifications")["nodes"] != json!([])
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_tenants_is_behind_the_wall() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    let sql = Sql::of(&server).await;
    let tables = tables_of_tenants(&sql).await;
    assert!(tables.len() >= 10, "{tables:?}");
    for (table, column) in tables {
        let forced = format!(
            "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'public.{table}'::regclass"
        );
        assert_eq!(sql.text(&forced).await, "true", "{table}: ENABLE and FORCE ROW LEVEL SECURITY");
        let policies = format!(
            "SELECT string_agg(policyname || ': ' || qual || coalesce(with_check, ''), '; ') FROM pg_policies
             WHERE tablename = '{table}' AND roles && ARRAY['leadcast_tenant', 'public']::name[]"
        );
        let expected = format!(
            "own: ({column} = ( SELECT (NULLIF(current_setting('leadcast.tenant'::text, true), ''::text))::uuid AS \"nullif\"))"
        );
        assert_eq!(sql.text(&policies).await, expected, "{table}");
        let for_everyone = format!(
            "SELECT count(*) FROM information_schema.role_table_grants WHERE table_name = '{table}' AND grantee = 'PUBLIC'"
        );
        assert_eq!(sql.text(&for_everyone).await, "0", "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_can_do_nothing_by_themselves() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    let sql = Sql::of(&server).await;
    let ours = "rolname IN ('leadcast_tenant', 'leadcast_across', 'leadcast_upkeep')";
    let plain = "NOT (rolsuper OR rolcanlogin OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)";
    assert_eq!(sql.text(&format!("SELECT count(*) FROM pg_roles WHERE {ours} AND {plain}")).await, "3");
    for (catalogue, owner) in [("pg_class", "relowner"), ("pg_proc", "proowner"), ("pg_namespace", "nspowner")] {
        let owned =
            format!("SELECT count(*) FROM {catalogue} WHERE {owner} IN (SELECT oid FROM pg_roles WHERE {ours})");
        assert_eq!(sql.text(&owned).await, "0", "{catalogue}");
    }
    // What is no table of tenants is not theirs to change either.
    let others = "SELECT string_agg(grantee || ' ' || privilege_type || ' ' || table_name, ', ' ORDER BY grantee, privilege_type)
        FROM information_schema.role_table_grants WHERE grantee LIKE 'leadcast%' AND privilege_type <> 'SELECT'
        AND table_name IN ('log_state', '__diesel_schema_migrations')";
    assert_eq!(sql.text(others).await, "leadcast_upkeep UPDATE log_state");
}

/// On which connection the next statement of this transaction runs.
async fn backend(tx: &Tx) -> Result<i64> {
    number(tx, "SELECT pg_backend_pid()::bigint AS n").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_without_a_tenant_finds_its_own_through_every_door_in_turn() {
    if !available() {
        return;
    }
    // One connection, which every door is opened on in turn.
    let one = |settings: &mut Settings| settings.database_connections = NonZero::<usize>::MIN;
    let server = TestServer::start_with(Engine::Postgres, one).await;
    furnish(&server).await;
    let sql = Sql::of(&server).await;
    let db = &server.app.db;
    let mut doors_of: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    let tables = tables_of_tenants(&sql).await;
    for (table, column) in tables.iter().cycle().take(2 * tables.len()) {
        for market in Market::both(&server) {
            let tenant = market.tenant_id().await;
            let own = sql.text(&format!("SELECT count(*) FROM {table} WHERE {column} = '{tenant}'")).await;
            assert_ne!(own, "0", "nothing in {table} to be found");
            let all = format!("SELECT count(*) AS n FROM {table}");
            let foreign = format!("SELECT count(*) AS n FROM {table} WHERE {column} <> '{tenant}'");
            let look = db.read(tenant, async move |tx| {
                Ok((number(tx, &all).await?, number(tx, &foreign).await?, backend(tx).await?))
            });
            let (found, foreign, connection) = look.await.expect("a table of tenants");
            assert_eq!((found.to_string(), foreign), (own, 0), "{table} of {}", market.tenant);
            doors_of.entry(connection).or_default().insert(market.tenant);
        }
        let all = sql.text(&format!("SELECT count(*) FROM {table}")).await;
        let query = format!("SELECT count(*) AS n FROM {table}");
        let across = db.across(async move |tx| Ok((number(tx, &query).await?, backend(tx).await?))).await;
        match table.as_str() {
            // The leads are open: they may fall due. Every notification grows old. The deliveries wait for their digests.
            "tenants" | "deliveries" | "events" | "event_users" | "leads" | "distributions" | "notifications" => {
                let (found, connection) = across.expect("the workers' to read");
                assert_eq!(found.to_string(), all, "{table}");
                doors_of.entry(connection).or_default().insert("across");
            }
            // Nothing is still being told.
            "announcements" => assert_eq!(across.expect("what is due").0, 0, "{table}"),
            _ => assert!(words(&across.expect_err("not the workers'")).contains("permission denied"), "{table}"),
        }
    }
    assert!(doors_of.values().any(|doors| doors.len() == 3), "no connection has served all three: {doors_of:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_without_a_tenant_changes_its_own_and_nothing_else() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    furnish(&server).await;
    let sql = Sql::of(&server).await;
    let db = &server.app.db;
    let [demo, rival] = Market::both(&server);
    let (demo, rival) = (demo.tenant_id().await, rival.tenant_id().await);

    for statement in [
        "UPDATE tenants SET name = 'ours'",
        "UPDATE leads SET title = 'ours'",
        "UPDATE contacts SET name = 'ours'",
        "UPDATE claims SET price = price",
        "UPDATE users SET name = name",
        "UPDATE wallets SET balance = balance",
        "UPDATE provider_profiles SET min_score = 7",
        "UPDATE notification_preferences SET sound = NOT sound",
        "DELETE FROM lead_attributes",
        "DELETE FROM provider_categories",
        "UPDATE notifications SET title = 'ours'",
        "UPDATE unread_counts SET unread = unread",
        "UPDATE announcements SET title = 'ours'",
        "DELETE FROM notifications",
        "UPDATE deliveries SET title = 'ours'",
        "DELETE FROM webhook_secrets",
    ] {
        let table = statement.split_whitespace().find(|word| word.ends_with('s')).expect("tables end so");
        let column = if table == "tenants" { "id" } else { "tenant_id" };
        let own = sql.text(&format!("SELECT count(*) FROM {table} WHERE {column} = '{demo}'")).await;
        let done = db.write(demo, async move |tx| changed(tx, statement).await).await;
        assert_eq!(done.expect("own rows").to_string(), own, "{statement}");
    }
    let others =
        format!("SELECT name || (SELECT max(title) FROM leads WHERE tenant_id = id) FROM tenants WHERE id = '{rival}'");
    assert!(!sql.text(&others).await.contains("ours"));
    assert_ne!(sql.text(&format!("SELECT count(*) FROM lead_attributes WHERE tenant_id = '{rival}'")).await, "0");
    assert_ne!(sql.text(&format!("SELECT count(*) FROM provider_categories WHERE tenant_id = '{rival}'")).await, "0");
    let others = format!("SELECT max(min_score) FROM provider_profiles WHERE tenant_id = '{rival}'");
    assert_eq!(sql.text(&others).await, "0");

    what_is_not_granted_is_refused(db, demo, rival).await;
}

async fn what_is_not_granted_is_refused(db: &Db, demo: TenantId, rival: TenantId) {
    let mut refused = vec![
        (format!("INSERT INTO event_users VALUES ('{rival}', 'pat', 1)"), "row-level security"),
        (format!("UPDATE leads SET tenant_id = '{rival}'"), "row-level security"),
    ];
    refused.extend(
        [
            "UPDATE ledger_entries SET reason = 'ours'",
            "DELETE FROM ledger_entries",
            "DELETE FROM events",
            "UPDATE events SET payload = '{}'",
            "DELETE FROM claims",
            "DELETE FROM provider_profiles",
            "DELETE FROM notification_preferences",
            "DELETE FROM unread_counts",
            "DELETE FROM lead_notices",
            "DELETE FROM announcements",
            "DELETE FROM deliveries",
            "UPDATE log_state SET floor = 0",
            "INSERT INTO tenants SELECT * FROM tenants",
            "TRUNCATE leads CASCADE",
        ]
        .map(|statement| (statement.to_owned(), "permission denied")),
    );
    for (statement, complaint) in refused {
        let text = statement.clone();
        let refusal = db.write(demo, async move |tx| changed(tx, &text).await).await.expect_err(&statement);
        assert!(words(&refusal).contains(complaint), "{statement}: {refusal:?}");
    }
    for statement in
        ["SELECT count(payload) AS n FROM events", "SELECT count(*) AS n FROM leads", "SELECT count(*) AS n FROM users"]
    {
        let refusal = db.upkeep(async move |tx| number(tx, statement).await).await.expect_err(statement);
        assert!(words(&refusal).contains("permission denied"), "{statement}: {refusal:?}");
    }
    let refusal = db.across(async move |tx| changed(tx, "DELETE FROM events").await).await.expect_err("reads only");
    assert!(words(&refusal).contains("read-only"), "{refusal:?}");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn count(client: &Client, table: &str) -> i64 {
    client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.expect("a number").get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_no_tenant_finds_nothing() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    furnish(&server).await;
    let sql = Sql::of(&server).await;
    let Target::Postgres(url) = server.app.settings.database() else { unreachable!("it was asked for") };
    let client = connect(&url).await;
    let rival = Market::both(&server)[1].tenant_id().await;
    let with_a_tenant = format!("BEGIN; SET LOCAL ROLE leadcast_tenant; SET LOCAL leadcast.tenant = '{rival}'");
    // Never set, then set, then left over as an empty text.
    for (begin, empty) in [
        ("BEGIN; SET LOCAL ROLE leadcast_tenant", true),
        (&with_a_tenant, false),
        ("BEGIN; SET LOCAL ROLE leadcast_tenant", true),
    ] {
        client.batch_execute(begin).await.expect("a transaction");
        for table in tables_of_tenants(&sql).await.keys() {
            assert_eq!(count(&client, table).await == 0, empty, "{table} after {begin}");
        }
        client.batch_execute("COMMIT").await.expect("the end");
    }
}

/// Not as a superuser, whom no wall holds: as somebody who owns the database and may make roles.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_user_of_the_database_is_enough() {
    if !available() {
        return;
    }
    let cluster = Cluster::new().await;
    cluster.execute("CREATE ROLE operator LOGIN").await;
    cluster.execute("CREATE DATABASE plain OWNER operator").await;
    let url = cluster.url_as("operator", "plain");
    let target = Target::Postgres(url.clone());
    let refusal = db::migrate(&target).await.expect_err("it may not make roles").describe();
    assert!(refusal.contains("ALTER ROLE operator CREATEROLE"), "{refusal}");

    cluster.execute("ALTER ROLE operator CREATEROLE").await;
    db::migrate(&target).await.expect("now it may");
    let server = TestServer::start_with(Engine::Postgres, |settings| settings.database_url = Some(target)).await;
    furnish(&server).await;
    let market = Market::both(&server)[0];
    let history = market.history("pat", &market.user("pat").stream_cursor().await).await;
    assert!(history.is_empty(), "{history:?}");

    // The owner itself is held, too.
    let owner = connect(&url).await;
    for table in ["tenants", "leads", "events", "wallets"] {
        assert_eq!(count(&owner, table).await, 0, "{table}");
    }
    // The workers do their work through these doors.
    leadcast::leads::expire_due(&server.app).await.expect("across and write");
    leadcast::events::retain(&server.app.db, &server.app.hub, &server.app.clock, std::time::Duration::ZERO, i64::MAX)
        .await
        .expect("upkeep");
    soon("the listener to be gone", server.stop()).await;
}
