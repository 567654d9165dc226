//! A hundred thousand notifications marked read at once, and how somebody fares who posts leads beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use leadcast::users::Role;
use serde_json::json;

use crate::{
    fill::Inbox,
    leads, sql,
    times::{Times, ms},
    watch,
    world::{Tenant, World},
};

const READ: &str = "mutation Read($input: NotificationsInput!) { markNotificationsRead(input: $input) {
    affectedCount viewer { unreadCount } userErrors { code message } } }";
/// What a transaction may take, and how many rows it may change.
const AIM: Duration = Duration::from_millis(50);
const MOST_ROWS: i64 = 2_000;

/// Fails when not all are told of, or a count is wrong. Leads are posted in `market`.
pub async fn measure(world: &World, tenant: &Tenant, inbox: &Inbox, market: &Tenant) {
    let client = world.client(tenant, inbox.user, Role::Provider);
    let over = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn(leads::post_until(world.client(market, "casey", Role::Customer), over.clone()));
    watch::writes();
    let (data, took) = client.ask(READ, &json!({ "input": { "select": { "filter": { "view": "ALL" } } } })).await;
    let writes = Times::new(watch::writes());
    over.store(true, Ordering::Relaxed);
    let beside = Times::new(beside.await.expect("leads can be posted"));

    let payload = &data["markNotificationsRead"];
    assert_eq!(payload["affectedCount"], json!(inbox.count), "{payload}");
    assert_eq!(payload["viewer"]["unreadCount"], json!(0), "{payload}");
    let (transactions, most_rows) = told(world, tenant, inbox).await;
    let met = writes.longest() <= AIM && most_rows <= MOST_ROWS;
    println!(
        "{:<10}{} marked read in {} ms: {transactions} transactions, each with an event, of at most {most_rows} rows",
        world.engine.to_string(),
        inbox.count,
        ms(took),
    );
    println!(
        "{:<10}all {} writes meanwhile: p50 {}, p95 {}, longest {} ms; {} over {} ms{}",
        "",
        writes.count(),
        ms(writes.share(50)),
        ms(writes.share(95)),
        ms(writes.longest()),
        writes.over(AIM),
        ms(AIM),
        if met { "" } else { "  MISSED" },
    );
    println!(
        "{:<10}createLead beside it, {} times: p50 {}, p95 {}, longest {} ms",
        "",
        beside.count(),
        ms(beside.share(50)),
        ms(beside.share(95)),
        ms(beside.longest()),
    );
}

/// How many events told of it, one for each transaction, and the most rows that one tells of. All of them together tell of all rows,
/// and the last of none that is unread.
async fn told(world: &World, tenant: &Tenant, inbox: &Inbox) -> (usize, i64) {
    let (engine, id) = (world.engine, sql::uuid(world.engine, tenant.id));
    let (affected, unread) =
        (sql::field(engine, "payload", "affected_count"), sql::field(engine, "payload", "unread_count"));
    let mut conn = world.connect().await;
    let told = conn
        .texts(&format!(
            "SELECT {affected} || ' ' || {unread} AS detail FROM events JOIN event_users ON event_users.event_id = events.id
             WHERE events.tenant_id = {id} AND event_users.tenant_id = {id} AND user_id = '{}' ORDER BY id",
            inbox.user
        ))
        .await;
    let told: Vec<(i64, i64)> = told
        .iter()
        .map(|told| {
            let (affected, unread) = told.split_once(' ').expect("two numbers");
            (affected.parse().expect("a number"), unread.parse().expect("a number"))
        })
        .collect();
    let count = i64::try_from(inbox.count).expect("a small number");
    assert_eq!(told.iter().map(|(affected, _)| affected).sum::<i64>(), count);
    let unread = told.iter().scan(count, |left, (affected, _)| {
        *left -= affected;
        Some(*left)
    });
    assert!(unread.eq(told.iter().map(|(_, unread)| *unread)), "each event tells the count as it was then");
    let kept = format!(
        "SELECT unread || '' AS detail FROM unread_counts WHERE tenant_id = {id} AND user_id = '{}'",
        inbox.user
    );
    assert_eq!(conn.texts(&kept).await, ["0"]);
    (told.len(), told.iter().map(|(affected, _)| *affected).max().unwrap_or(0))
}
