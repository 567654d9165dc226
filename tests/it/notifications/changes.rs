//! Read, unread, archived, put off, opened, edited, deleted: the rows, the count and what every tab is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::{change, ids, list, tell, unread};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, QUINN, RIVAL},
    both_engines,
    market::{Market, listeners},
    wire::eventually,
};

both_engines!(
    the_count_follows_every_change,
    all_tabs_are_told_the_same,
    others_notifications_are_ignored,
    an_admin_edits_and_deletes_others,
    what_came_later_is_spared,
    what_is_put_off_comes_back,
    what_cannot_be_is_refused
);

/// Two notifications of Pat's, the older one first.
async fn two(server: &TestServer) -> [Value; 2] {
    let to = || json!({ "userIds": ["pat"] });
    let first = tell(server, to(), json!({ "title": "First" })).await;
    let second = tell(server, to(), json!({ "title": "Second" })).await;
    [first, second].map(|told| told["notifications"][0]["id"].clone())
}

async fn the_count_follows_every_change(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [first, second] = two(&server).await;
    let of = |ids: &[&Value]| json!({ "ids": ids });
    let steps: [(&str, Value, i64, i64); 14] = [
        ("markNotificationsRead", of(&[&first]), 1, 1),
        ("markNotificationsRead", of(&[&first]), 0, 1),
        ("markNotificationsUnread", of(&[&first, &second]), 1, 2),
        ("archiveNotifications", of(&[&first]), 1, 1),
        ("archiveNotifications", of(&[&first]), 0, 1),
        ("markNotificationsRead", of(&[&first]), 1, 1),
        ("markNotificationsUnread", of(&[&first]), 1, 1),
        ("unarchiveNotifications", of(&[&first]), 1, 2),
        ("unarchiveNotifications", of(&[&first]), 0, 2),
        ("unsnoozeNotifications", of(&[&first]), 0, 2),
        ("markNotificationsRead", json!({ "filter": {} }), 2, 0),
        ("markNotificationsRead", json!({ "filter": {} }), 0, 0),
        ("markNotificationsUnread", json!({ "filter": { "search": "second" } }), 1, 1),
        ("deleteNotifications", json!({ "filter": { "unread": true } }), 1, 0),
    ];
    for (mutation, select, affected, left) in steps {
        let done = change(&server, PAT, mutation, select.clone()).await;
        assert_eq!(
            (&done["affectedCount"], &done["viewer"]["unreadCount"]),
            (&json!(affected), &json!(left)),
            "{mutation} {select}"
        );
        assert_eq!(unread(&server, PAT).await, left, "{mutation} {select}");
        let counted = list(&server, PAT, json!({ "unread": true })).await;
        assert_eq!(i64::try_from(counted.len()), Ok(left), "{mutation} {select}");
    }
    let opened = server.act(PAT, "openNotification", json!({ "id": first })).await.done().clone();
    assert_eq!(opened["affectedCount"], 1);
    let [one] = &list(&server, PAT, json!({ "view": "ALL" })).await[..] else { panic!("one is left") };
    assert!(one["openedAt"].is_string() && one["readAt"].is_string(), "{one:#}");
}

async fn all_tabs_are_told_the_same(engine: Engine) {
    let server = TestServer::start(engine).await;
    let market = Market::both(&server)[0];
    let stream = "subscription { events(types: [NOTIFICATION_ADDED, NOTIFICATION_UPDATED]) { __typename
        ... on NotificationAddedEvent { notification { id title } viewer { id unreadCount } }
        ... on NotificationUpdatedEvent { notificationChange affectedCount notificationIds notifications { id readAt }
            viewer { id unreadCount } } } }";
    let mut sockets = [market.socket("pat").await, market.socket("pat").await, market.socket("quinn").await];
    let [one, other, quinn] = &mut sockets;
    let [mut one, mut other, mut quinn] = [one, other, quinn].map(|socket| socket.subscribe(stream, json!({})));
    listeners(&server, 3).await;
    let [first, second] = two(&server).await;
    change(&server, PAT, "markNotificationsRead", json!({ "ids": [first] })).await;
    change(&server, PAT, "snoozeNotifications", json!({ "ids": [second] })).await;
    change(&server, PAT, "deleteNotifications", json!({ "filter": { "view": "ALL" } })).await;
    tell(&server, json!({ "userIds": ["quinn"] }), json!({ "title": "For Quinn" })).await;

    let mut heard = Vec::new();
    for stream in [&mut one, &mut other] {
        let mut events = Vec::new();
        for _ in 0..5 {
            events.push(stream.next().await);
        }
        heard.push(events);
    }
    assert_eq!(heard[0], heard[1]);
    let words = |event: &Value| {
        let what = if event["notification"].is_object() {
            "ADDED"
        } else {
            event["notificationChange"].as_str().unwrap_or("?")
        };
        format!("{what} {}", event["viewer"]["unreadCount"])
    };
    let said: Vec<_> = heard[0].iter().map(words).collect();
    assert_eq!(said, ["ADDED 1", "ADDED 2", "READ 1", "SNOOZED 0", "DELETED 0"]);
    assert_eq!(heard[0][2]["notificationIds"], json!([first]));
    assert_eq!(heard[0][2]["notifications"][0]["id"], first);
    assert_eq!((&heard[0][4]["notifications"], &heard[0][4]["affectedCount"]), (&Value::Null, &json!(2)));
    let own = quinn.next().await;
    assert_eq!((&own["notification"]["title"], &own["viewer"]["unreadCount"]), (&json!("For Quinn"), &json!(1)));
}

async fn others_notifications_are_ignored(engine: Engine) {
    let server = TestServer::start(engine).await;
    let own = two(&server).await;
    for who in [QUINN, ADMIN, RIVAL] {
        for mutation in ["markNotificationsRead", "archiveNotifications", "snoozeNotifications"] {
            let done = change(&server, who, mutation, json!({ "ids": own })).await;
            assert_eq!((&done["affectedCount"], &done["notifications"]), (&json!(0), &json!([])), "{who:?} {mutation}");
        }
    }
    for who in [ADMIN, RIVAL] {
        let done =
            change(&server, who, "markNotificationsRead", json!({ "filter": { "recipientIds": ["pat"] } })).await;
        assert_eq!(done["affectedCount"], 0, "{who:?}");
    }
    for who in [QUINN, RIVAL] {
        assert_eq!(change(&server, who, "deleteNotifications", json!({ "ids": own })).await["affectedCount"], 0);
        let opened = server.act(who, "openNotification", json!({ "id": own[0] })).await.done().clone();
        assert_eq!(opened["affectedCount"], 0);
        let answer = server.ask(who, "query($id: ID!) { notification(id: $id) { id } }", json!({ "id": own[0] })).await;
        assert_eq!(answer.field("notification"), &Value::Null);
    }
    let refused =
        server.act(QUINN, "markNotificationsRead", json!({ "select": { "filter": { "recipientIds": ["pat"] } } }));
    assert_eq!(refused.await.refusals(), ["INVALID select.filter"]);
    assert_eq!(unread(&server, PAT).await, 2);
}

async fn an_admin_edits_and_deletes_others(engine: Engine) {
    let server = TestServer::start(engine).await;
    tell(
        &server,
        json!({ "userIds": ["pat", "quinn"] }),
        json!({ "title": "Wrong", "data": { "a": 1 }, "reference": "r" }),
    )
    .await;
    let all = json!({ "filter": { "recipientIds": ["pat", "quinn"], "references": ["r"] } });
    let patch = json!({ "title": "Right", "data": null, "priority": "LOW" });
    let edited =
        server.act(ADMIN, "updateNotifications", json!({ "select": all, "patch": patch })).await.done().clone();
    assert_eq!(edited["affectedCount"], 2);
    for who in [PAT, QUINN] {
        let [one] = &list(&server, who, json!({ "search": "right" })).await[..] else { panic!("one") };
        assert_eq!((&one["title"], &one["message"]), (&json!("Right"), &json!("Something happened.")));
        assert_eq!((&one["data"], &one["priority"]), (&Value::Null, &json!("LOW")));
        assert!(list(&server, who, json!({ "search": "wrong" })).await.is_empty());
    }
    let edit = |patch: Value| json!({ "select": all, "patch": patch });
    for (patch, refusal) in [
        (json!({}), "INVALID patch"),
        (json!({ "title": null }), "INVALID patch.title"),
        (json!({ "title": "" }), "INVALID patch.title"),
        (json!({ "data": 1 }), "INVALID patch.data"),
    ] {
        assert_eq!(
            server.act(ADMIN, "updateNotifications", edit(patch.clone())).await.refusals(),
            [refusal],
            "{patch}"
        );
    }
    assert_eq!(server.act(PAT, "updateNotifications", edit(json!({}))).await.refusals(), ["FORBIDDEN input"]);
    assert_eq!(change(&server, ADMIN, "deleteNotifications", all).await["affectedCount"], 2);
    assert_eq!((unread(&server, PAT).await, unread(&server, QUINN).await), (0, 0));
}

async fn what_came_later_is_spared(engine: Engine) {
    let server = TestServer::start(engine).await;
    let market = Market::both(&server)[0];
    let [first, _] = two(&server).await;
    let mark = market.mark().await;
    let later = tell(&server, json!({ "userIds": ["pat"] }), json!({ "title": "Later" })).await;
    let later = later["notifications"][0]["id"].clone();
    let all = json!({ "filter": {} });
    let done = server.act(PAT, "markNotificationsRead", json!({ "select": all, "upTo": mark })).await.done().clone();
    assert_eq!((&done["affectedCount"], &done["viewer"]["unreadCount"]), (&json!(2), &json!(1)));
    let by_id = json!({ "select": { "ids": [first, later] }, "upTo": mark });
    assert_eq!(server.act(PAT, "archiveNotifications", by_id).await.done()["affectedCount"], 1);
    assert_eq!(ids(&list(&server, PAT, json!({ "unread": true })).await), [later]);
    let foreign = Market::both(&server)[1].mark().await;
    let refused = server.act(PAT, "markNotificationsRead", json!({ "select": all, "upTo": foreign })).await;
    assert_eq!(refused.answer.error_code(), "BAD_USER_INPUT");
}

async fn what_is_put_off_comes_back(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [first, _] = two(&server).await;
    let done = change(&server, PAT, "snoozeNotifications", json!({ "ids": [first] })).await;
    assert_eq!((&done["affectedCount"], &done["viewer"]["unreadCount"]), (&json!(1), &json!(1)));
    assert_eq!(ids(&list(&server, PAT, json!({ "view": "SNOOZED" })).await), std::slice::from_ref(&first));
    assert_eq!(list(&server, PAT, json!({})).await.len(), 1);
    server.app.clock.advance(Duration::from_mins(59));
    assert_eq!(unread(&server, PAT).await, 1);
    server.app.clock.advance(Duration::from_mins(2));
    eventually("it to come back", async || unread(&server, PAT).await == 2).await;
    let back = list(&server, PAT, json!({})).await;
    assert!(back.len() == 2 && back.iter().all(|one| one["snoozedUntil"].is_null()), "{back:#?}");
}

async fn what_cannot_be_is_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [first, _] = two(&server).await;
    let many: Vec<_> = (0..1_001).map(|_| uuid::Uuid::now_v7().to_string()).collect();
    let refused = server.act(PAT, "markNotificationsRead", json!({ "select": { "ids": many } })).await;
    assert_eq!(refused.refusals(), ["INVALID select.ids"]);
    for until in ["2001-01-01T00:00:00Z", "12000-01-01T00:00:00Z"] {
        let input = json!({ "select": { "ids": [first] }, "until": until });
        let refused = server.act(PAT, "snoozeNotifications", input).await;
        if until.starts_with('2') {
            assert_eq!(refused.refusals(), ["INVALID until"]);
        } else {
            assert_eq!(refused.answer.error_code(), "BAD_USER_INPUT");
        }
    }
    let nothing = json!({ "ids": ["nothing", uuid::Uuid::now_v7().to_string()] });
    assert_eq!(change(&server, PAT, "deleteNotifications", nothing).await["affectedCount"], 0);
    assert_eq!(unread(&server, PAT).await, 2);
}
