//! Notifications: what is told to whom, how it is found, and what becomes of it.

mod announcements;
mod bulk;
mod changes;
mod distribution;
mod filters;
mod killed;
mod retention;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    TestServer,
    api::{ADMIN, Who, unique},
    sql::Sql,
};

pub const NOTIFICATION: &str =
    "fragment notification on Notification { id type topic priority title message data reference
    recipient { id } lead { id } readAt openedAt archivedAt snoozedUntil createdAt }";

/// Tells `to` something, changed by `change`; the payload.
pub async fn tell(server: &TestServer, to: Value, change: Value) -> Value {
    let mut input = json!({ "to": to, "title": "News", "message": "Something happened.", "reference": unique("news") });
    for (key, value) in change.as_object().into_iter().flatten() {
        input[key] = value.clone();
    }
    server.act(ADMIN, "createNotification", input).await.done().clone()
}

/// Runs a change with a selector; the payload, not refused.
pub async fn change(server: &TestServer, who: Who, mutation: &str, select: Value) -> Value {
    let mut input = json!({ "select": select });
    if mutation == "snoozeNotifications" {
        input["until"] = server.app.clock.now().plus(Duration::from_hours(1)).to_string().into();
    }
    server.act(who, mutation, input).await.done().clone()
}

/// All pages of `who`'s list.
pub async fn list(server: &TestServer, who: Who, filter: Value) -> Vec<Value> {
    let document = format!(
        "query($filter: NotificationFilter, $after: PageCursor) {{ notifications(filter: $filter, first: 100, after: $after) {{
            nodes {{ ...notification }} pageInfo {{ hasNextPage endCursor }} }} }} {NOTIFICATION}"
    );
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = server.ask(who, &document, json!({ "filter": filter, "after": after })).await;
        let page = answer.field("notifications");
        all.extend(page["nodes"].as_array().expect("a list").iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

pub async fn unread(server: &TestServer, who: Who) -> i64 {
    let answer = server.ask(who, "{ viewer { unreadCount } }", json!({})).await;
    answer.field("viewer")["unreadCount"].as_i64().expect("a number")
}

pub fn ids(notifications: &[Value]) -> Vec<Value> {
    notifications.iter().map(|notification| notification["id"].clone()).collect()
}

/// One notification of Pat's, and so many that are like it.
pub async fn copies(server: &TestServer, count: usize) {
    tell(server, json!({ "userIds": ["pat"] }), json!({})).await;
    let sql = Sql::of(server).await;
    let id = if sql.is_sqlite() { "randomblob(16)" } else { "gen_random_uuid()" };
    let columns = "tenant_id, recipient_id, notification_type, priority, title, message, folder, unread, created_at, event_id, search_text";
    let copy = format!(
        "INSERT INTO notifications (id, subject_id, {columns})
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
         SELECT {id}, {id}, {columns} FROM notifications, numbers"
    );
    sql.run(&copy).await.expect("the copies");
    sql.run("UPDATE unread_counts SET unread = (SELECT count(*) FROM notifications)").await.expect("the count");
}
