//! What fails is tried again, by the clock, and given up in the end.

use std::time::Duration;

use serde_json::{Value, json};

use super::{World, deliveries, newest, only, prefer};
use crate::support::{
    Engine,
    api::{ADMIN, PAT, ROBOT},
    both_engines,
    receiver::Reply,
    sql::Sql,
};

both_engines!(
    a_webhook_that_fails_is_called_again,
    eight_attempts_and_then_it_is_given_up,
    what_a_webhook_answers_decides,
    what_a_mail_server_answers_decides,
    what_nobody_finished_is_sent_again,
    what_is_switched_off_meanwhile_is_not_sent,
    what_has_become_unreachable_is_given_up,
    a_retry_does_not_break_into_quiet_hours,
);

const DAY: Duration = Duration::from_hours(24);

async fn a_webhook_that_fails_is_called_again(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    world.receiver.answers(Reply::Status(503));
    world.tell(json!({})).await;
    let failed = newest(&world.server, "RETRYING", 1).await;
    assert_eq!(failed["lastError"], "The webhook answered 503: said the receiver");
    assert!(failed["nextAttemptAt"].is_string());
    world.receiver.answers(Reply::Status(200));
    world.server.advance(Duration::from_secs(7));
    let sent = newest(&world.server, "SENT", 2).await;
    assert_eq!((&sent["lastError"], &sent["nextAttemptAt"]), (&Value::Null, &Value::Null));
    let calls = world.receiver.called(2).await;
    assert_eq!(calls[0].header("webhook-id"), calls[1].header("webhook-id"));
    assert_eq!(calls[0].body, calls[1].body);
}

async fn eight_attempts_and_then_it_is_given_up(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    world.receiver.answers(Reply::Status(500));
    world.tell(json!({})).await;
    for attempt in 1..8 {
        newest(&world.server, "RETRYING", attempt).await;
        world.server.advance(DAY);
    }
    let dead = newest(&world.server, "DEAD", 8).await;
    assert_eq!(dead["nextAttemptAt"], Value::Null);
    world.server.advance(DAY);

    // Begun anew, it has as many attempts as before.
    let id = dead["id"].clone();
    let again = world.server.act(ROBOT, "retryDelivery", json!({ "id": id })).await;
    assert_eq!(again.done()["delivery"]["id"], id);
    newest(&world.server, "RETRYING", 1).await;
    let replayed = world.server.act(ADMIN, "retryDelivery", json!({ "id": id })).await.done().clone();
    assert_eq!((&replayed["delivery"]["status"], &replayed["delivery"]["attempts"]), (&json!("RETRYING"), &json!(1)));
    world.receiver.answers(Reply::Status(204));
    world.server.advance(DAY);
    newest(&world.server, "SENT", 2).await;
    world.receiver.called(10).await;
    let done = world.server.act(ADMIN, "retryDelivery", json!({ "id": id })).await;
    assert_eq!(done.refusals(), ["INVALID id"]);
}

async fn what_a_webhook_answers_decides(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    for (reply, status, said) in [
        (Reply::Status(410), "DEAD", "410"),
        (Reply::Status(404), "RETRYING", "404"),
        (Reply::Status(429), "RETRYING", "429"),
        (Reply::With(302, "location", "http://127.0.0.1:1/elsewhere"), "RETRYING", "redirects are not followed"),
        (Reply::With(307, "location", "/elsewhere"), "RETRYING", "redirects are not followed"),
    ] {
        world.receiver.answers(reply);
        world.tell(json!({})).await;
        let found = newest(&world.server, status, 1).await;
        assert!(found["lastError"].as_str().is_some_and(|text| text.contains(said)), "{reply:?}: {found:#}");
    }
    world.receiver.called(5).await;

    // It is not called before it wants to be.
    world.receiver.answers(Reply::With(503, "retry-after", "3000"));
    world.tell(json!({ "title": "Later" })).await;
    let found = newest(&world.server, "RETRYING", 1).await;
    let [next, made] = ["nextAttemptAt", "createdAt"].map(|field| {
        found[field].as_str().and_then(|at| at.parse::<leadcast::clock::Timestamp>().ok()).expect("a moment")
    });
    assert!(next.since(made) >= Duration::from_mins(50), "{found:#}");
}

async fn what_a_mail_server_answers_decides(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["EMAIL"]).await;
    for (answer, status, said) in [
        ("550 5.1.1 no such user", "DEAD", "The mail server answered 550"),
        ("450 4.2.0 come again later", "RETRYING", "The mail server answered 450"),
        ("535 5.7.8 who are you", "RETRYING", "The mail server does not let leadcast in (535)."),
    ] {
        world.post.answers(Some(answer));
        world.tell(json!({})).await;
        let found = newest(&world.server, status, 1).await;
        assert!(found["lastError"].as_str().is_some_and(|text| text.starts_with(said)), "{answer}: {found:#}");
    }
    assert!(world.post.mails().is_empty());
    world.post.answers(None);
    world.server.advance(Duration::from_secs(7));
    world.post.got(2).await;
    newest(&world.server, "SENT", 2).await;

    // Nobody is there to talk to.
    world
        .server
        .act(ADMIN, "upsertUser", json!({ "id": "pat", "role": "PROVIDER", "email": "nobody@[x" }))
        .await
        .refusals();
    let sql = Sql::of(&world.server).await;
    sql.run("UPDATE users SET email = 'no address' WHERE id = 'pat'").await.expect("an update");
    world.tell(json!({})).await;
    let dead = newest(&world.server, "DEAD", 1).await;
    assert_eq!(dead["lastError"], "The recipient's e-mail address is not one that mail can be sent to.");
}

/// A node dies while it sends: when its lease is over another takes it. Should the first have been alive all the same, it no longer
/// has a say.
async fn what_nobody_finished_is_sent_again(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    world.receiver.answers(Reply::Held);
    world.tell(json!({})).await;
    world.receiver.called(1).await;
    assert_eq!(newest(&world.server, "PENDING", 1).await["lastError"], Value::Null);
    world.receiver.answers(Reply::Status(204));
    world.server.advance(Duration::from_secs(61));
    newest(&world.server, "SENT", 2).await;
    world.receiver.called(2).await;
    world.receiver.let_go();
    // Its end waits for what is on its way.
    let World { server, receiver, post: _post, .. } = world;
    let server = server.restart().await;
    let [one] = &deliveries(&server, ADMIN, json!({})).await[..] else { panic!("one delivery") };
    assert_eq!((&one["status"], &one["attempts"], &one["lastError"]), (&json!("SENT"), &json!(2), &Value::Null));
    receiver.called(2).await;
}

async fn what_is_switched_off_meanwhile_is_not_sent(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    world.receiver.answers(Reply::Status(500));
    world.tell(json!({ "title": "Unwanted" })).await;
    newest(&world.server, "RETRYING", 1).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "OFF")]).await;
    world.server.advance(DAY);
    let dead = newest(&world.server, "DEAD", 1).await;
    assert_eq!(dead["lastError"], "The recipient has switched this off.");
    // Who wants it again gets it when it is asked for.
    world.receiver.answers(Reply::Status(204));
    prefer(&world.server, PAT, &[("WEBHOOK", "INSTANT")]).await;
    world.server.act(ADMIN, "retryDelivery", json!({ "id": dead["id"] })).await.done();
    world.receiver.called(2).await;
}

async fn what_has_become_unreachable_is_given_up(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK", "EMAIL"]).await;
    world.receiver.answers(Reply::Status(500));
    world.post.answers(Some("450 later"));
    world.tell(json!({})).await;
    let retrying = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["RETRYING"] })).await.len() == 2;
    crate::support::wire::eventually("both to have failed", retrying).await;
    world.server.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": null })).await.done();
    let no_address = json!({ "id": "pat", "role": "PROVIDER", "email": null });
    world.server.act(ADMIN, "upsertUser", no_address).await.done();
    world.server.advance(DAY);
    let dead = async || deliveries(&world.server, ADMIN, json!({ "statuses": ["DEAD"] })).await;
    crate::support::wire::eventually("both to be given up", async || dead().await.len() == 2).await;
    let mut why: Vec<_> =
        dead().await.iter().map(|one| one["lastError"].as_str().unwrap_or_default().to_owned()).collect();
    why.sort_unstable();
    assert_eq!(why, ["The recipient has no e-mail address.", "The tenant has no webhook."]);
}

async fn a_retry_does_not_break_into_quiet_hours(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    world.after_the_hour(Duration::from_mins(10));
    world.receiver.answers(Reply::Status(500));
    // The priority that it has when it is to go out counts.
    world.tell(json!({ "title": "Quiet", "priority": "HIGH" })).await;
    newest(&world.server, "RETRYING", 1).await;
    let lower = json!({ "select": { "filter": { "recipientIds": ["pat"] } }, "patch": { "priority": "LOW" } });
    world.server.act(ADMIN, "updateNotifications", lower).await.done();
    let now = world.server.app.clock.now().as_seconds();
    let clock =
        |seconds: i64| format!("{:02}:{:02}", seconds.rem_euclid(86_400) / 3_600, seconds.rem_euclid(3_600) / 60);
    let hours = json!({ "quietHours": { "start": clock(now - 1_800), "end": clock(now + 7_200), "timeZone": "UTC",
        "exceptPriorities": ["HIGH"] } });
    world.server.act(PAT, "updateNotificationPreferences", hours).await.done();
    world.receiver.answers(Reply::Status(204));
    world.server.advance(Duration::from_mins(10));
    // What comes later and may break through is there first.
    world.tell(json!({ "title": "Loud", "priority": "HIGH" })).await;
    assert_eq!(world.receiver.called(2).await[1].notification()["title"], "Loud");
    world.server.advance(Duration::from_hours(2));
    assert_eq!(world.receiver.called(3).await[2].notification()["title"], "Quiet");
}
