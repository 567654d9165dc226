//! Many at once: in transactions of a bounded size, each told by an event with the count then true.

use serde_json::{Value, json};

use super::{change, copies, list, unread};
use crate::support::{
    Engine, TestServer,
    api::PAT,
    both_engines,
    market::{Market, listeners},
};

both_engines!(many_are_changed_in_steps_and_few_by_name);

async fn many_are_changed_in_steps_and_few_by_name(engine: Engine) {
    let server = TestServer::start(engine).await;
    let market = Market::both(&server)[0];
    copies(&server, 2_599).await;
    assert_eq!(unread(&server, PAT).await, 2_600);
    let mut socket = market.socket("pat").await;
    let mut stream = socket.subscribe(
        "subscription { notificationUpdated { notificationChange affectedCount notificationIds notifications { id }
            viewer { unreadCount } } }",
        json!({}),
    );
    listeners(&server, 1).await;
    let done = change(&server, PAT, "markNotificationsRead", json!({ "filter": {} })).await;
    assert_eq!((&done["affectedCount"], &done["viewer"]["unreadCount"]), (&json!(2_600), &json!(0)));
    assert_eq!(done["notifications"].as_array().map(Vec::len), Some(100));
    let mut left = 2_600;
    while left > 0 {
        let event = stream.next().await;
        let affected = event["affectedCount"].as_i64().expect("a number");
        assert!((1..=2_000).contains(&affected), "{event}");
        assert_eq!((&event["notificationIds"], &event["notifications"]), (&Value::Null, &Value::Null));
        left -= affected;
        assert_eq!(event["viewer"]["unreadCount"], left);
    }
    assert!(list(&server, PAT, json!({ "unread": true })).await.is_empty());

    let named: Vec<_> =
        list(&server, PAT, json!({})).await.into_iter().take(700).map(|one| one["id"].clone()).collect();
    let done = change(&server, PAT, "markNotificationsUnread", json!({ "ids": named })).await;
    assert_eq!(done["affectedCount"], 700);
    let mut heard = Vec::new();
    while heard.len() < 700 {
        let event = stream.next().await;
        assert_eq!(event["notifications"], Value::Null, "more than 100");
        heard.extend(event["notificationIds"].as_array().expect("up to 1,000 are named").clone());
        assert_eq!(event["viewer"]["unreadCount"], json!(heard.len()));
    }
    assert_eq!(unread(&server, PAT).await, 700);
}
