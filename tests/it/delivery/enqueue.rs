//! What is told goes out on the channels that its recipient wants it on, when it wants it.

use std::{collections::BTreeMap, time::Duration};

use leadcast::{
    clock::Timestamp,
    delivery::{News, enqueue},
    ids::{Id, UserId},
    notifications::{Folder, Notification, NotificationType, Priority},
    preferences::{Channel, Frequency, Own, PreferenceRule, Preferences, QuietHours},
};
use serde_json::{Value, json};
use strum::VariantArray;

use super::{World, address, deliveries, newest, only, prefer, server_with};
use crate::{
    notifications::{list, tell},
    support::{
        Engine, TestServer,
        api::{ADMIN, CASEY, PAT, QUINN},
        both_engines,
        market::Market,
        receiver::MailServer,
        sql::Sql,
    },
};

both_engines!(
    every_type_goes_out_as_its_recipient_wants_it,
    what_is_off_in_the_application_goes_out_all_the_same,
    who_cannot_be_reached_is_sent_nothing,
    quiet_hours_hold_back_what_may_not_break_through,
    ten_thousand_are_told_in_few_statements,
);

fn notification(kind: NotificationType, recipient: &str, now: Timestamp) -> Notification {
    Notification {
        id: Id::random(),
        recipient_id: recipient.into(),
        kind,
        topic: (kind == NotificationType::Custom).then(|| "order.status".to_owned()),
        priority: Priority::Normal,
        title: "News".to_owned(),
        message: "Something happened.".to_owned(),
        data: None,
        reference: None,
        subject_id: Id::random(),
        lead_id: None,
        claim_id: None,
        lead_match: None,
        tier: None,
        category: None,
        folder: Folder::Inbox,
        unread: true,
        read_at: None,
        opened_at: None,
        archived_at: None,
        snoozed_until: None,
        created_at: now,
    }
}

fn preferring(
    user: &str,
    kind: NotificationType,
    channel: Channel,
    frequency: Frequency,
    quiet: Option<QuietHours>,
) -> Preferences {
    let rules =
        NotificationType::VARIANTS.iter().flat_map(|kind| Channel::VARIANTS.iter().map(|channel| (*kind, *channel)));
    let off = rules.map(|(kind, channel)| PreferenceRule { kind, topic: None, channel, frequency: Frequency::Off });
    let mut own = Own {
        rules: off.filter(|rule| rule.channel != Channel::InApp).collect(),
        quiet_hours: quiet,
        ..Own::default()
    };
    own.rules.set((kind, None, channel), Some(frequency));
    Preferences::new(user.into(), own, Vec::new().into_iter().collect())
}

/// The moment of a row by the clock, from the database.
async fn due(sql: &Sql, id: &str) -> String {
    let (moment, id) = if sql.is_sqlite() {
        ("(next_attempt_at - created_at)", format!("x'{}'", id.replace('-', "")))
    } else {
        ("round(extract(epoch FROM next_attempt_at - created_at) * 1000000)::bigint", format!("'{id}'"))
    };
    sql.text(&format!("SELECT channel || ' ' || gathered || ' ' || {moment} FROM deliveries WHERE subject_id = {id}"))
        .await
}

/// Nine types, four channels, four frequencies, each by itself: by the pure rules, beside what the database has.
async fn every_type_goes_out_as_its_recipient_wants_it(engine: Engine) {
    let world = World::start(engine).await;
    let (server, sql) = (&world.server, Sql::of(&world.server).await);
    let tenant = Market::both(server)[0].tenant_id().await;
    // Far ahead, so that nothing is sent meanwhile.
    let now = server.app.clock.now().plus(Duration::from_hours(240));
    let mut expected = BTreeMap::new();
    let mut news = Vec::new();
    for kind in NotificationType::VARIANTS {
        for channel in leadcast::delivery::CHANNELS {
            for frequency in Frequency::VARIANTS {
                let preferences = preferring("pat", *kind, channel, *frequency, None);
                let told = notification(*kind, "pat", now);
                let at = match frequency {
                    Frequency::Off => None,
                    Frequency::Instant => Some((false, 0)),
                    digest => preferences.next_digest(*digest, now).map(|at| (true, at.as_micros() - now.as_micros())),
                };
                let name: &str = channel.into();
                let gathered = |yes: bool| if sql.is_sqlite() { i32::from(yes).to_string() } else { yes.to_string() };
                let row = at.map(|(digest, after)| format!("{name} {} {after}", gathered(digest)));
                expected.insert(told.subject_id.to_string(), row.unwrap_or_default());
                news.push(News { notification: told, in_app: true, preferences });
            }
        }
    }
    assert_eq!(expected.len(), 9 * 4 * 4);
    let twice = news.clone();
    let write = async move |tx: &_| enqueue(tenant, tx, now, true, &news).await;
    server.app.db.write(tenant, write).await.expect("they are written");
    // The net below: the same again is not sent again.
    let write = async move |tx: &_| enqueue(tenant, tx, now, true, &twice).await;
    server.app.db.write(tenant, write).await.expect("they are there");
    for (id, row) in expected {
        assert_eq!(due(&sql, &id).await, row);
    }
}

async fn what_is_off_in_the_application_goes_out_all_the_same(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    prefer(&world.server, PAT, &[("IN_APP", "OFF")]).await;
    world.tell(json!({ "title": "Unseen", "data": { "n": 7 } })).await;
    let calls = world.receiver.called(1).await;
    let sent = calls[0].notification();
    assert_eq!(
        (&sent["title"], &sent["data"], &sent["notificationId"]),
        (&json!("Unseen"), &json!({ "n": 7 }), &Value::Null)
    );
    assert!(list(&world.server, PAT, json!({})).await.is_empty());
    let [one] = &deliveries(&world.server, ADMIN, json!({})).await[..] else { panic!("one delivery") };
    assert_eq!((&one["notification"], &one["recipient"]["id"]), (&Value::Null, &json!("pat")));

    prefer(&world.server, PAT, &[("IN_APP", "INSTANT")]).await;
    world.tell(json!({ "title": "Seen" })).await;
    let calls = world.receiver.called(2).await;
    let told = list(&world.server, PAT, json!({})).await;
    assert_eq!(calls[1].notification()["notificationId"], told[0]["id"]);
    assert_eq!(deliveries(&world.server, ADMIN, json!({})).await[0]["notification"]["id"], told[0]["id"]);
}

async fn who_cannot_be_reached_is_sent_nothing(engine: Engine) {
    let everywhere = [("EMAIL", "INSTANT"), ("SMS", "INSTANT"), ("PUSH", "HOURLY"), ("WEBHOOK", "DAILY")];
    // No mail server, no webhook.
    let bare = TestServer::start(engine).await;
    address(&bare, "pat", "pat@example.com").await;
    prefer(&bare, PAT, &everywhere).await;
    tell(&bare, json!({ "userIds": ["pat"] }), json!({})).await;
    assert!(deliveries(&bare, ADMIN, json!({})).await.is_empty());

    // A mail server, an address of one and none of the other, no webhook; and the webhook of another tenant.
    let post = MailServer::start().await;
    let server = server_with(engine, &post).await;
    address(&server, "pat", "pat@example.com").await;
    super::webhook(&server, crate::support::api::RIVAL, "http://127.0.0.1:1/hook").await;
    for who in [PAT, QUINN] {
        prefer(&server, who, &everywhere).await;
    }
    tell(&server, json!({ "userIds": ["pat", "quinn", "casey"] }), json!({})).await;
    let found = deliveries(&server, ADMIN, json!({})).await;
    let channels: Vec<_> = found.iter().map(|one| (&one["channel"], &one["recipient"]["id"])).collect();
    assert_eq!(channels, [(&json!("EMAIL"), &json!("pat"))]);
    assert_eq!(list(&server, CASEY, json!({})).await.len(), 1);
    assert_eq!(post.got(1).await[0].to, "pat@example.com");
}

async fn quiet_hours_hold_back_what_may_not_break_through(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    only(&world, &["WEBHOOK"]).await;
    world.after_the_hour(Duration::from_mins(10));
    let now = server.app.clock.now().as_seconds();
    let clock =
        |seconds: i64| format!("{:02}:{:02}", seconds.rem_euclid(86_400) / 3_600, seconds.rem_euclid(3_600) / 60);
    let hours = json!({ "quietHours": { "start": clock(now - 1_800), "end": clock(now + 7_200), "timeZone": "UTC",
        "exceptPriorities": ["HIGH"] } });
    server.act(PAT, "updateNotificationPreferences", hours).await.done();
    world.tell(json!({ "title": "Later" })).await;
    world.tell(json!({ "title": "Now", "priority": "HIGH" })).await;
    assert_eq!(world.receiver.called(1).await[0].notification()["title"], "Now");
    newest(server, "SENT", 1).await;
    let waiting = deliveries(server, ADMIN, json!({ "statuses": ["PENDING"] })).await;
    let [later] = &waiting[..] else { panic!("{waiting:#?}") };
    let until: Timestamp = later["nextAttemptAt"].as_str().and_then(|at| at.parse().ok()).expect("a moment");
    assert_eq!(until.as_seconds(), (now + 7_200).div_euclid(60) * 60);
    server.advance(Duration::from_hours(2));
    assert_eq!(world.receiver.called(2).await[1].notification()["title"], "Later");
}

/// As the distribution of a lead does it, in batches of a hundred: every recipient has its row, and not one query of its own.
async fn ten_thousand_are_told_in_few_statements(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    let tenant = Market::both(server)[0].tenant_id().await;
    let now = server.app.clock.now().plus(Duration::from_hours(24));
    for batch in 0..100 {
        let news: Vec<News> = (0..100)
            .map(|n| {
                let user = UserId::from(format!("provider-{batch:02}-{n:02}"));
                let preferences =
                    preferring(user.as_str(), NotificationType::LeadMatched, Channel::Webhook, Frequency::Daily, None);
                let notification = notification(NotificationType::LeadMatched, user.as_str(), now);
                News { notification, in_app: true, preferences }
            })
            .collect();
        let write = async move |tx: &_| enqueue(tenant, tx, now, true, &news).await;
        server.app.db.write(tenant, write).await.expect("they are written");
    }
    let sql = Sql::of(server).await;
    assert_eq!(sql.text("SELECT count(*) || '/' || count(DISTINCT recipient_id) FROM deliveries").await, "10000/10000");
}
