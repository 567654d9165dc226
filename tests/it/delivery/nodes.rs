//! Many tenants and many nodes: nobody waits for another's receiver, nothing is sent by two.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{World, address, deliveries, prefer, webhook};
use crate::{
    notifications::tell,
    support::{
        Engine, TestServer,
        api::{ADMIN, PAT, QUINN, RIVAL, Who, unique},
        both_engines,
        receiver::{Receiver, Reply},
        sql::Sql,
        wire::eventually,
    },
};

both_engines!(
    a_dead_receiver_holds_up_nobody_else,
    two_nodes_send_nothing_twice,
    what_is_one_tenants_is_not_anothers,
    what_is_over_is_deleted_in_time,
);

const RIVALS_PAT: Who = Who { tenant: "rival", ..PAT };

async fn tell_rival(server: &TestServer, count: usize) {
    for _ in 0..count {
        let input =
            json!({ "to": { "userIds": ["pat"] }, "title": "News", "message": "x", "reference": unique("news") });
        server.act(RIVAL, "createNotification", input).await.done();
    }
}

async fn a_dead_receiver_holds_up_nobody_else(engine: Engine) {
    let world = World::start(engine).await;
    let fine = Receiver::start().await;
    webhook(&world.server, RIVAL, &fine.url).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "INSTANT"), ("EMAIL", "INSTANT")]).await;
    prefer(&world.server, RIVALS_PAT, &[("WEBHOOK", "INSTANT")]).await;
    world.receiver.answers(Reply::Held);
    for _ in 0..12 {
        world.tell(json!({})).await;
    }
    eventually("its share to be taken", async || world.receiver.waiting() == 4).await;
    tell_rival(&world.server, 12).await;
    fine.called(12).await;
    // Nor does the tenant's own mail wait.
    world.post.got(12).await;
    assert_eq!((world.receiver.waiting(), world.receiver.calls().len()), (4, 4), "no more than its share");
    world.receiver.let_go();
}

async fn two_nodes_send_nothing_twice(engine: Engine) {
    // On SQLite there is one node: two workers of it are what there can be.
    let world = World::start(engine).await;
    for who in [PAT, QUINN] {
        prefer(&world.server, who, &[("WEBHOOK", "INSTANT"), ("SMS", "HOURLY")]).await;
    }
    world.after_the_hour(Duration::from_mins(1));
    let second = world.server.second_node().await;
    for _ in 0..20 {
        tell(&world.server, json!({ "userIds": ["pat", "quinn"] }), json!({})).await;
    }
    world.receiver.called(40).await;
    world.server.advance(Duration::from_hours(1));
    let all_sent = async || deliveries(&second, ADMIN, json!({ "statuses": ["SENT"] })).await.len() == 80;
    eventually("everything to be sent", all_sent).await;
    second.stop().await;
    let World { server, receiver, .. } = world;
    server.stop().await;
    let calls = receiver.called(42).await;
    let ids: BTreeSet<_> = calls.iter().map(|call| call.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 42);
    let digests = calls.iter().filter(|call| call.json()["type"] == "notification.digest");
    let whole: Vec<_> = digests.map(|call| call.json()["data"]["notifications"].as_array().map(Vec::len)).collect();
    assert_eq!(whole, [Some(20), Some(20)]);
}

async fn what_is_one_tenants_is_not_anothers(engine: Engine) {
    let world = World::start(engine).await;
    let theirs = Receiver::start().await;
    let secret = webhook(&world.server, RIVAL, &theirs.url).await;
    assert_ne!(secret, world.secret);
    for who in [PAT, RIVALS_PAT] {
        prefer(&world.server, who, &[("WEBHOOK", "INSTANT")]).await;
    }
    world.tell(json!({ "title": "Ours" })).await;
    tell_rival(&world.server, 1).await;
    assert_eq!(world.receiver.called(1).await[0].notification()["title"], "Ours");
    assert_eq!(theirs.called(1).await[0].notification()["title"], "News");
    for (who, count) in [(ADMIN, 1), (RIVAL, 1)] {
        assert_eq!(deliveries(&world.server, who, json!({ "recipientId": "pat" })).await.len(), count);
    }
    let ours = deliveries(&world.server, ADMIN, json!({})).await[0]["id"].clone();
    let before = Sql::of(&world.server).await.text("SELECT count(*) FROM deliveries WHERE status = 'DEAD'").await;
    let tried = world.server.act(RIVAL, "retryDelivery", json!({ "id": ours })).await;
    assert_eq!((tried.refusals(), &tried.payload()["delivery"]), (vec!["NOT_FOUND id".to_owned()], &Value::Null));
    assert_eq!(before, "0");
}

async fn what_is_over_is_deleted_in_time(engine: Engine) {
    let world = World::start(engine).await;
    let (server, day) = (&world.server, Duration::from_hours(24));
    address(server, "quinn", "quinn@example.com").await;
    prefer(server, PAT, &[("WEBHOOK", "INSTANT")]).await;
    prefer(server, QUINN, &[("EMAIL", "INSTANT")]).await;
    world.receiver.answers(Reply::Status(410));
    tell(server, json!({ "userIds": ["pat", "quinn"] }), json!({})).await;
    let over = async || deliveries(server, ADMIN, json!({ "statuses": ["SENT", "DEAD"] })).await.len();
    eventually("both to be over", async || over().await == 2).await;
    server.advance(29 * day);
    leadcast::delivery::retain(&server.app).await.expect("the worker's step");
    assert_eq!(over().await, 2);
    // Still to be sent: it stays, however old.
    world.post.answers(Some("450 later"));
    tell(server, json!({ "userIds": ["quinn"] }), json!({})).await;
    let sql = Sql::of(server).await;
    eventually("it to have failed", async || {
        sql.text("SELECT count(*) FROM deliveries WHERE status = 'RETRYING'").await == "1"
    })
    .await;
    let future = if sql.is_sqlite() { "9000000000000000" } else { "'2200-01-01'" };
    sql.run(&format!("UPDATE deliveries SET next_attempt_at = {future} WHERE status = 'RETRYING'"))
        .await
        .expect("an update");
    server.advance(2 * day);
    leadcast::delivery::retain(&server.app).await.expect("the worker's step");
    assert_eq!(over().await, 0);
    server.advance(90 * day);
    leadcast::delivery::retain(&server.app).await.expect("the worker's step");
    assert_eq!(deliveries(server, ADMIN, json!({})).await.len(), 1);
}
