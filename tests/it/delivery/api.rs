//! `deliveries` and what can be asked of it.

use serde_json::{Value, json};

use super::{World, deliveries, prefer};
use crate::{
    notifications::tell,
    support::{
        Engine,
        api::{ADMIN, CASEY, PAT, QUINN, ROBOT},
        both_engines,
        receiver::Reply,
        wire::eventually,
    },
};

both_engines!(a_list_is_filtered_and_walked, the_list_is_for_operators);

async fn a_list_is_filtered_and_walked(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    prefer(server, PAT, &[("WEBHOOK", "INSTANT"), ("EMAIL", "INSTANT"), ("SMS", "DAILY")]).await;
    prefer(server, QUINN, &[("PUSH", "INSTANT"), ("SMS", "HOURLY")]).await;
    world.receiver.answers(Reply::Status(410));
    for _ in 0..3 {
        tell(server, json!({ "userIds": ["pat", "quinn"] }), json!({})).await;
    }
    let settled = async || deliveries(server, ADMIN, json!({ "statuses": ["SENT", "DEAD"] })).await.len() == 9;
    eventually("what is instant to be over", settled).await;
    let all = deliveries(server, ADMIN, json!({})).await;
    assert_eq!(all.len(), 15);
    for (filter, count) in [
        (json!({ "recipientId": "pat" }), 9),
        (json!({ "recipientId": "quinn", "channels": ["PUSH"] }), 3),
        (json!({ "recipientId": "nobody" }), 0),
        (json!({ "recipientId": "" }), 0),
        (json!({ "statuses": ["DEAD"] }), 6),
        (json!({ "statuses": ["SENT"] }), 3),
        (json!({ "statuses": ["PENDING", "RETRYING"] }), 6),
        (json!({ "statuses": ["DEAD"], "channels": ["PUSH", "EMAIL"] }), 3),
        (json!({ "statuses": ["DEAD"], "channels": ["PUSH"], "recipientId": "pat" }), 0),
        (json!({ "channels": ["SMS", "WEBHOOK"] }), 9),
        (json!({ "channels": ["IN_APP"] }), 0),
        (json!({ "statuses": [] }), 0),
    ] {
        let found = deliveries(server, ROBOT, filter.clone()).await;
        assert_eq!(found.len(), count, "{filter}");
        let expected: Vec<_> = all.iter().filter(|one| found.contains(one)).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter}: the same order, newest first");
        walked(&world, &filter, &found).await;
    }
    let times: Vec<_> = all.iter().map(|one| one["createdAt"].as_str().unwrap_or_default()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
}

/// In pages of two it is the same.
async fn walked(world: &World, filter: &Value, expected: &[Value]) {
    let document =
        "query($filter: DeliveryFilter, $after: PageCursor) { deliveries(filter: $filter, first: 2, after: $after) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let (mut ids, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = world.server.ask(ADMIN, document, json!({ "filter": filter, "after": after })).await;
        let page = answer.field("deliveries");
        let edges = page["edges"].as_array().expect("a list");
        ids.extend(edges.iter().map(|edge| edge["node"]["id"].clone()));
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        if page["pageInfo"]["hasNextPage"] != true {
            break;
        }
        assert_eq!(edges.len(), 2);
        assert_eq!(page["pageInfo"]["endCursor"], edges[1]["cursor"]);
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(ids, expected.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), "{filter}");
}

async fn the_list_is_for_operators(engine: Engine) {
    let world = World::start(engine).await;
    prefer(&world.server, PAT, &[("WEBHOOK", "INSTANT")]).await;
    world.tell(json!({})).await;
    world.receiver.called(1).await;
    let id = deliveries(&world.server, ADMIN, json!({})).await[0]["id"].clone();
    for who in [PAT, CASEY] {
        let answer = world.server.ask(who, "{ deliveries { nodes { id } } }", Value::Null).await;
        assert_eq!((answer.error_code(), &answer.body["data"]["deliveries"]), ("FORBIDDEN", &Value::Null));
        let refused = world.server.act(who, "retryDelivery", json!({ "id": id })).await;
        assert_eq!(refused.refusals(), ["FORBIDDEN input"]);
        assert_eq!(refused.payload()["delivery"], Value::Null);
    }
    for who in [PAT, CASEY, ROBOT] {
        let refused = world.server.act(who, "rotateWebhookSecret", Value::Null).await;
        assert_eq!(
            (refused.refusals(), &refused.payload()["secret"]),
            (vec!["FORBIDDEN input".to_owned()], &Value::Null)
        );
    }
}
