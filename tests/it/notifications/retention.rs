//! What is old goes by itself, and the counts stay true.

use std::time::Duration;

use leadcast::notifications::retain;
use serde_json::{Value, json};

use super::{change, copies, ids, list, tell, unread};
use crate::support::{
    Engine, TestServer,
    api::{CASEY, PAT, Who},
    both_engines,
    sql::Sql,
    wire::eventually,
};

both_engines!(what_is_old_is_deleted_and_the_count_says_so, many_are_deleted_in_small_steps);

const DAY: Duration = Duration::from_hours(24);

async fn what_is_old_is_deleted_and_the_count_says_so(engine: Engine) {
    let server = TestServer::start(engine).await;
    let rival = Who { tenant: "rival", ..PAT };
    for _ in 0..2 {
        tell(&server, json!({ "userIds": ["pat", "casey"] }), json!({})).await;
    }
    let read = ids(&list(&server, CASEY, json!({})).await);
    change(&server, CASEY, "markNotificationsRead", json!({ "ids": read })).await;
    server.advance(10 * DAY);
    let young = tell(&server, json!({ "userIds": ["pat", "casey"] }), json!({})).await;
    let after = server.cursor().await;
    assert_eq!(retain(&server.app, 5 * DAY).await.expect("old ones can be deleted"), 4);
    assert_eq!(retain(&server.app, 5 * DAY).await.expect("nothing is left"), 0);

    let of = |who: Who| {
        young["notifications"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|note| note["recipient"]["id"] == who.user)
            .cloned()
    };
    for who in [PAT, CASEY] {
        assert_eq!(ids(&list(&server, who, json!({ "view": "ALL" })).await), ids(&[of(who).expect("its own")]));
        assert_eq!(unread(&server, who).await, 1, "{who:?}");
    }
    assert_eq!(unread(&server, rival).await, 0);
    // Who had not read them is told that they count no more; who had is spared.
    let told = async |who: Who| {
        let document = "query($after: Cursor!) { events(after: $after, types: [NOTIFICATION_UPDATED]) { events {
            ... on NotificationUpdatedEvent { notificationChange affectedCount viewer { unreadCount } } } } }";
        server.ask(who, document, json!({ "after": after })).await.field("events")["events"].clone()
    };
    let deleted = json!([{ "notificationChange": "DELETED", "affectedCount": 2, "viewer": { "unreadCount": 1 } }]);
    eventually("the tab to be told", async || told(PAT).await == deleted).await;
    assert_eq!(told(CASEY).await, Value::Array(Vec::new()));
}

async fn many_are_deleted_in_small_steps(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    copies(&server, 1_300).await;
    assert_eq!(unread(&server, PAT).await, 1_301);
    server.advance(10 * DAY);
    assert_eq!(retain(&server.app, DAY).await.expect("old ones can be deleted"), 1_301);
    assert_eq!(unread(&server, PAT).await, 0);
    let told = sql.text("SELECT count(*) FROM events WHERE kind = 'NOTIFICATION_UPDATED'").await;
    assert_eq!(told, "3", "one for each step of 500");
}
