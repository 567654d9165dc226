//! What is gathered goes out as one.

use std::time::Duration;

use leadcast::clock::Timestamp;
use serde_json::{Value, json};

use super::{World, deliveries, prefer};
use crate::support::{
    Engine,
    api::{ADMIN, PAT},
    both_engines,
    receiver::Reply,
    wire::eventually,
};

both_engines!(
    an_hour_is_one_message,
    a_day_ends_in_the_morning_of_its_recipient,
    a_long_digest_lists_a_hundred,
    a_digest_that_fails_stays_the_same_message,
    what_is_switched_off_is_left_out_of_a_digest,
    what_was_left_out_of_a_digest_is_a_message_of_its_own,
    what_is_left_out_between_two_attempts_parts_from_the_rest,
    what_became_of_it_in_the_application_counts,
);

const HOUR: Duration = Duration::from_hours(1);

fn titles(body: &Value) -> Vec<&str> {
    let listed = body["data"]["notifications"].as_array().expect("a list");
    listed.iter().map(|one| one["title"].as_str().expect("a title")).collect()
}

async fn an_hour_is_one_message(engine: Engine) {
    let world = World::start(engine).await;
    prefer(&world.server, PAT, &[("EMAIL", "HOURLY"), ("WEBHOOK", "HOURLY"), ("SMS", "INSTANT")]).await;
    world.after_the_hour(Duration::from_mins(5));
    for title in ["One", "Two", "Three"] {
        world.tell(json!({ "title": title })).await;
    }
    // What is instant is there, and the digests are not.
    let instant = world.receiver.called(3).await;
    assert!(instant.iter().all(|call| call.json()["data"]["channel"] == "SMS"));
    assert!(world.post.mails().is_empty());
    world.server.advance(HOUR);
    let digest = world.receiver.called(4).await.remove(3);
    let body = digest.json();
    assert_eq!((&body["type"], &body["data"]["channel"]), (&json!("notification.digest"), &json!("WEBHOOK")));
    assert_eq!(titles(&body), ["Three", "Two", "One"]);
    let mail = world.post.got(1).await.remove(0);
    assert!(mail.text.contains("\nSubject: 3 notifications from Demo marketplace\n"), "{}", mail.text);
    for title in ["One", "Two", "Three"] {
        assert_eq!(mail.text.matches(&format!("\n{title}\n")).count(), 1, "{}", mail.text);
    }
    let all_sent = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["SENT"] })).await.len() == 9;
    eventually("all to be sent", all_sent).await;
    let ids: Vec<_> = deliveries(&world.server, ADMIN, json!({ "channels": ["WEBHOOK"] })).await;
    assert!(ids.iter().any(|one| one["id"] == digest.header("webhook-id")), "it is the id of one of them");

    // The next hour is another message.
    world.tell(json!({ "title": "Four" })).await;
    world.receiver.called(5).await;
    world.server.advance(HOUR);
    assert_eq!(titles(&world.receiver.called(6).await[5].json()), ["Four"]);
    assert!(world.post.got(2).await[1].text.contains("\nSubject: Four\n"));
}

/// From the evening on, over midnight, until 08:00 where the recipient is.
async fn a_day_ends_in_the_morning_of_its_recipient(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    prefer(server, PAT, &[("WEBHOOK", "DAILY")]).await;
    let zone = json!({ "quietHours": { "start": "23:00", "end": "07:30", "timeZone": "Africa/Johannesburg", "exceptPriorities": [] } });
    server.act(PAT, "updateNotificationPreferences", zone).await.done();
    // 22:30 in Johannesburg, which is 20:30 in UTC.
    let past = server.app.clock.now().as_seconds().rem_euclid(86_400);
    let left = (20 * 3_600 + 1_800 - past).rem_euclid(86_400);
    server.advance(Duration::from_secs(left.try_into().expect("it lies ahead")));
    world.tell(json!({ "title": "In the evening" })).await;
    server.advance(3 * HOUR);
    world.tell(json!({ "title": "After midnight" })).await;
    let waiting = deliveries(server, ADMIN, json!({})).await;
    let due: Vec<_> = waiting.iter().map(|one| one["nextAttemptAt"].as_str().expect("a moment")).collect();
    assert_eq!(due[0], due[1]);
    assert!(due[0].ends_with("T06:00:00Z"), "{due:?}");
    let at: Timestamp = due[0].parse().expect("a moment");
    server.advance(at.since(server.app.clock.now()));
    let call = world.receiver.called(1).await.remove(0);
    assert_eq!(titles(&call.json()), ["After midnight", "In the evening"]);
}

async fn a_long_digest_lists_a_hundred(engine: Engine) {
    let world = World::start(engine).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "HOURLY"), ("EMAIL", "HOURLY")]).await;
    world.after_the_hour(Duration::from_mins(1));
    for n in 0..105 {
        world.tell(json!({ "title": format!("Number {n}") })).await;
    }
    world.server.advance(HOUR);
    let body = world.receiver.called(1).await[0].json();
    let listed = titles(&body);
    assert_eq!((listed.len(), listed[0], listed[99]), (100, "Number 104", "Number 5"));
    assert_eq!(body["data"]["more"], 5);
    let mail = world.post.got(1).await.remove(0);
    assert!(mail.text.contains("Subject: 105 notifications") && mail.text.contains("And 5 more."), "{}", mail.text);
    let sent = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["SENT"] })).await.len() == 210;
    eventually("all of them to be sent", sent).await;
}

async fn a_digest_that_fails_stays_the_same_message(engine: Engine) {
    let world = World::start(engine).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "HOURLY")]).await;
    world.after_the_hour(Duration::from_mins(1));
    world.receiver.answers(Reply::Status(410));
    for title in ["One", "Two"] {
        world.tell(json!({ "title": title })).await;
    }
    world.server.advance(HOUR);
    let dead = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["DEAD"] })).await;
    eventually("both to share what became of it", async || dead().await.len() == 2).await;
    // What comes meanwhile is another's.
    world.tell(json!({ "title": "Three" })).await;
    world.receiver.answers(Reply::Status(204));
    let revived = world.server.act(ADMIN, "retryDelivery", json!({ "id": dead().await[0]["id"] })).await;
    assert_eq!(revived.done()["delivery"]["status"], "PENDING");
    let calls = world.receiver.called(2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(titles(&calls[1].json()), ["Two", "One"]);
    world.server.advance(HOUR);
    let calls = world.receiver.called(3).await;
    assert_ne!(calls[1].header("webhook-id"), calls[2].header("webhook-id"));
    assert_eq!(titles(&calls[2].json()), ["Three"]);
}

/// Sets how often Pat gets CUSTOM notifications of a topic by the webhook.
async fn prefer_topic(world: &World, topic: &str, frequency: &str) {
    let rule = json!({ "type": "CUSTOM", "topic": topic, "channel": "WEBHOOK", "frequency": frequency });
    world.server.act(PAT, "updateNotificationPreferences", json!({ "rules": [rule] })).await.done();
}

/// Two notifications, `visit` the first, that are gathered for the end of the hour, which begins a minute later.
async fn gather_two(world: &World) {
    prefer(&world.server, PAT, &[("WEBHOOK", "HOURLY")]).await;
    world.after_the_hour(Duration::from_mins(1));
    for topic in ["visit", "order"] {
        prefer_topic(world, topic, "HOURLY").await;
        world.tell(json!({ "title": topic, "type": "CUSTOM", "topic": topic })).await;
    }
}

async fn with_status(world: &World, status: &str, count: usize) -> Vec<Value> {
    let found = async || deliveries(&world.server, ADMIN, json!({ "statuses": [status] })).await;
    eventually(&format!("{count} to be {status}"), async || found().await.len() == count).await;
    found().await
}

async fn what_was_left_out_of_a_digest_is_a_message_of_its_own(engine: Engine) {
    let world = World::start(engine).await;
    gather_two(&world).await;
    // The first of a digest gives it its id: it is the one that is left out.
    prefer_topic(&world, "visit", "OFF").await;
    world.server.advance(HOUR);
    assert_eq!(titles(&world.receiver.called(1).await[0].json()), ["order"]);
    with_status(&world, "SENT", 1).await;
    let dead = with_status(&world, "DEAD", 1).await;
    prefer_topic(&world, "visit", "HOURLY").await;
    world.server.act(ADMIN, "retryDelivery", json!({ "id": dead[0]["id"] })).await.done();
    let calls = world.receiver.called(2).await;
    assert_eq!(titles(&calls[1].json()), ["visit"]);
    assert_ne!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    with_status(&world, "SENT", 2).await;
}

async fn what_is_left_out_between_two_attempts_parts_from_the_rest(engine: Engine) {
    let world = World::start(engine).await;
    gather_two(&world).await;
    world.receiver.answers(Reply::Status(500));
    world.server.advance(HOUR);
    assert_eq!(titles(&world.receiver.called(1).await[0].json()), ["order", "visit"]);
    with_status(&world, "RETRYING", 2).await;
    prefer_topic(&world, "visit", "OFF").await;
    world.receiver.answers(Reply::Status(503));
    world.server.advance(Duration::from_secs(7));
    world.receiver.called(2).await;
    let dead = with_status(&world, "DEAD", 1).await;
    let rest = async || with_status(&world, "RETRYING", 1).await[0]["lastError"].clone();
    eventually("the rest to have failed twice", async || rest().await == "The webhook answered 503: said the receiver")
        .await;

    // Both are under way, each with attempts of its own.
    prefer_topic(&world, "visit", "HOURLY").await;
    world.receiver.answers(Reply::Status(204));
    world.server.act(ADMIN, "retryDelivery", json!({ "id": dead[0]["id"] })).await.done();
    world.receiver.called(3).await;
    with_status(&world, "SENT", 1).await;
    world.server.advance(HOUR);
    let calls = world.receiver.called(4).await;
    assert_eq!((titles(&calls[2].json()), titles(&calls[3].json())), (vec!["visit"], vec!["order"]));
    let ids: Vec<_> = calls.iter().map(|call| call.header("webhook-id")).collect();
    assert!(ids[0] == ids[1] && ids[1] == ids[3] && ids[2] != ids[3], "{ids:?}");
    with_status(&world, "SENT", 2).await;
    // Nor is any of it sent again when a lease would be over.
    world.server.advance(HOUR);
    world.tell(json!({ "title": "Next", "type": "CUSTOM", "topic": "visit" })).await;
    world.server.advance(HOUR);
    assert_eq!(titles(&world.receiver.called(5).await[4].json()), ["Next"]);
}

async fn what_is_switched_off_is_left_out_of_a_digest(engine: Engine) {
    let world = World::start(engine).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "HOURLY")]).await;
    let rule = |topic: &str, frequency: &str| json!({ "rules": [{ "type": "CUSTOM", "topic": topic, "channel": "WEBHOOK", "frequency": frequency }] });
    for topic in ["order", "visit"] {
        world.server.act(PAT, "updateNotificationPreferences", rule(topic, "HOURLY")).await.done();
    }
    world.after_the_hour(Duration::from_mins(1));
    world.tell(json!({ "title": "Announced" })).await;
    for topic in ["order", "visit"] {
        world.tell(json!({ "title": topic, "type": "CUSTOM", "topic": topic })).await;
    }
    world.server.act(PAT, "updateNotificationPreferences", rule("visit", "OFF")).await.done();
    world.server.advance(HOUR);
    assert_eq!(titles(&world.receiver.called(1).await[0].json()), ["order", "Announced"]);
    let dead = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["DEAD"] })).await;
    eventually("the third to be given up", async || dead().await.len() == 1).await;
    assert_eq!(dead().await[0]["lastError"], "The recipient has switched this off.");
}

/// In the words that it has when it goes out, and not when it is gone.
async fn what_became_of_it_in_the_application_counts(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    prefer(server, PAT, &[("WEBHOOK", "HOURLY"), ("EMAIL", "HOURLY")]).await;
    world.after_the_hour(Duration::from_mins(1));
    for title in ["Deleted", "Wrong", "Read", "Left alone"] {
        world.tell(json!({ "title": title, "message": "old words" })).await;
    }
    let told = deliveries(server, ADMIN, json!({ "channels": ["WEBHOOK"] })).await;
    let one = |title: &str| {
        let found = told.iter().find(|delivery| delivery["notification"]["title"] == title).expect("it was told");
        json!({ "ids": [found["notification"]["id"]] })
    };
    server.act(ADMIN, "deleteNotifications", json!({ "select": one("Deleted") })).await.done();
    let patch = json!({ "title": "Right", "message": "new words", "data": { "order": 7 } });
    server.act(ADMIN, "updateNotifications", json!({ "select": one("Wrong"), "patch": patch })).await.done();
    server.act(PAT, "markNotificationsRead", json!({ "select": one("Read") })).await.done();
    server.advance(HOUR);
    let body = world.receiver.called(1).await[0].json();
    assert_eq!(titles(&body), ["Left alone", "Read", "Right"]);
    assert_eq!(body["data"]["notifications"][2]["message"], "new words");
    assert_eq!(body["data"]["notifications"][2]["data"], json!({ "order": 7 }));
    let mail = world.post.got(1).await.remove(0).text;
    assert!(mail.contains("\nRight\n") && !mail.contains("Wrong") && !mail.contains("Deleted"), "{mail}");
    let dead = with_status(&world, "DEAD", 2).await;
    assert!(dead.iter().all(|one| one["lastError"] == "The notification was deleted."), "{dead:?}");
    with_status(&world, "SENT", 6).await;
}
