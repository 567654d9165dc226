//! Pages of twenty out of a million, by every filter that has an index, alone and with every view.

use std::time::Duration;

use leadcast::{ids::Id, paging::PageCursor, users::Role};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    fill::Inbox,
    plans::{Explainer, Plans},
    times::{Times, ms},
    watch,
    world::{Client, Tenant, World},
};

const PAGE: &str = "query Page($filter: NotificationFilter, $after: PageCursor) {
    notifications(filter: $filter, first: 20, after: $after) {
        edges { node { id type priority title message topic reference match { score tier } readAt archivedAt snoozedUntil createdAt } }
        pageInfo { hasNextPage endCursor } } }";
const VIEWS: [&str; 4] = ["INBOX", "SNOOZED", "ARCHIVED", "ALL"];
/// Runs of each page that are not counted: every connection of the pool prepares the statements once.
const WARM_UP: usize = 10;
/// What a page may take, nineteen times of twenty.
pub const AIM: Duration = Duration::from_millis(5);

/// What came of it.
pub struct Outcome {
    /// Pages that took longer than they may.
    pub slow: usize,
    /// Plans that read too much.
    pub faults: usize,
}

pub async fn measure(world: &World, tenant: &Tenant, inbox: &Inbox, runs: usize) -> Outcome {
    let own = world.client(tenant, inbox.user, Role::Provider);
    let operator = world.client(tenant, "operator", Role::Admin);
    let mut explainer = Explainer { engine: world.engine, conn: world.connect().await, tenant, inbox };
    let middle =
        PageCursor::new("notifications", &(inbox.at(0.5), Id::<()>::from_uuid(Uuid::nil()))).expect("a cursor");
    let mut outcome = Outcome { slow: 0, faults: 0 };
    println!("\n{:<10}{:<18}{:<10}{:>12}{:>18}   index", "", "filter", "view", "first page", "in the middle");
    for (name, filter, others) in filters(inbox) {
        for view in VIEWS {
            let mut filter = filter.clone();
            filter["view"] = json!(view);
            let client = if others { &operator } else { &own };
            let mut plans = Plans::default();
            let mut cells = Vec::new();
            for after in [None, Some(middle.as_str())] {
                let variables = json!({ "filter": filter, "after": after });
                let (times, seen) = page(client, &variables, runs, &mut explainer).await;
                outcome.slow += usize::from(times.share(95) > AIM);
                cells.push(format!("{} {}", ms(times.share(50)), ms(times.share(95))));
                plans.indexes.extend(seen.indexes);
                plans.faults.extend(seen.faults);
            }
            let indexes: Vec<_> = plans.indexes.iter().map(String::as_str).collect();
            let engine = world.engine.to_string();
            println!("{engine:<10}{name:<18}{view:<10}{:>12}{:>18}   {}", cells[0], cells[1], indexes.join(", "));
            plans.faults.iter().for_each(|fault| println!("    PLAN: {fault}"));
            outcome.faults += plans.faults.len();
        }
    }
    outcome
}

async fn page(client: &Client, variables: &Value, runs: usize, explainer: &mut Explainer<'_>) -> (Times, Plans) {
    watch::record();
    let (data, _) = client.ask(PAGE, variables).await;
    let plans = explainer.explain(&watch::recorded()).await;
    assert!(!data["notifications"]["edges"].as_array().expect("a list").is_empty(), "an empty page: {variables}");
    for _ in 0..WARM_UP {
        client.ask(PAGE, variables).await;
    }
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        times.push(client.ask(PAGE, variables).await.1);
    }
    (Times::new(times), plans)
}

/// By name; and whether an operator asks, for somebody else's.
fn filters(inbox: &Inbox) -> Vec<(&'static str, Value, bool)> {
    let topics = ["order.status", "invoice.paid"];
    let (early, late) = (inbox.at(0.25).to_string(), inbox.at(0.75).to_string());
    vec![
        ("-", json!({}), false),
        ("unread", json!({ "unread": true }), false),
        ("read", json!({ "unread": false }), false),
        ("one type", json!({ "types": ["BALANCE_LOW"] }), false),
        ("three types", json!({ "types": ["LEAD_MATCHED", "ANNOUNCEMENT", "BALANCE_LOW"] }), false),
        ("two topics", json!({ "topics": topics }), false),
        ("leadId", json!({ "leadId": inbox.lead() }), false),
        ("references", json!({ "recipientIds": [inbox.user], "references": [Inbox::reference(), "r77"] }), true),
        ("created", json!({ "createdAfter": early, "createdBefore": late }), false),
        ("type, unread", json!({ "types": ["CUSTOM"], "unread": true }), false),
        ("leadId, unread", json!({ "leadId": inbox.lead(), "unread": true }), false),
    ]
}
