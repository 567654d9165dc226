//! What an ADMIN or an integrator tells.

use serde_json::json;

use super::{ids, list, tell, unread};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, QUINN, RILEY, RIVAL, ROBOT, SAM, unique, with},
    both_engines,
    wire::eventually,
};

both_engines!(
    users_are_told_once,
    a_role_is_told,
    everyone_is_told,
    what_cannot_be_told_is_refused,
    who_may_not_see_the_lead_learns_nothing_of_it,
    many_are_told_in_the_background
);

async fn users_are_told_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let input = json!({ "to": { "userIds": ["pat", "quinn", "pat"] }, "type": "CUSTOM", "topic": "order.status", "priority": "HIGH",
        "title": "Shipped", "message": "Your order is on its way.", "data": { "order": 7 }, "reference": "order 7" });
    let told = server.act(ROBOT, "createNotification", input.clone()).await.done().clone();
    assert_eq!((&told["recipientCount"], &told["replayed"]), (&json!(2), &json!(false)));
    let again = server.act(ROBOT, "createNotification", input.clone()).await.done().clone();
    assert_eq!((&again["recipientCount"], &again["replayed"]), (&json!(2), &json!(true)));
    assert_eq!(again["notifications"], told["notifications"]);
    let other = with(input, json!({ "title": "Lost" }));
    assert_eq!(server.act(ROBOT, "createNotification", other).await.refusals(), ["REFERENCE_MISMATCH reference"]);

    for who in [PAT, QUINN] {
        let own = list(&server, who, json!({})).await;
        let [one] = &own[..] else { panic!("{own:#?}") };
        assert_eq!(
            (&one["type"], &one["topic"], &one["priority"]),
            (&json!("CUSTOM"), &json!("order.status"), &json!("HIGH"))
        );
        assert_eq!((&one["title"], &one["data"]), (&json!("Shipped"), &json!({ "order": 7 })));
        assert_eq!((&one["reference"], &one["recipient"]["id"]), (&json!("order 7"), &json!(who.user)));
        assert_eq!(unread(&server, who).await, 1);
    }
    assert_eq!(unread(&server, RILEY).await, 0);
    assert!(list(&server, RIVAL, json!({ "recipientIds": ["pat"] })).await.is_empty());
}

async fn a_role_is_told(engine: Engine) {
    let server = TestServer::start(engine).await;
    assert_eq!(unread(&server, SAM).await, 0, "makes sam known");
    let told = tell(&server, json!({ "role": "PROVIDER" }), json!({})).await;
    assert_eq!(told["recipientCount"], 4);
    for who in [PAT, QUINN, RILEY, SAM] {
        assert_eq!(unread(&server, who).await, 1, "{who:?}");
    }
    assert_eq!((unread(&server, CASEY).await, unread(&server, ADMIN).await), (0, 0));
}

async fn everyone_is_told(engine: Engine) {
    let server = TestServer::start(engine).await;
    let told = tell(&server, json!({ "everyone": true }), json!({})).await;
    assert_eq!(told["recipientCount"], json!(told["notifications"].as_array().map(Vec::len)));
    for who in [PAT, CASEY, ADMIN] {
        assert_eq!(unread(&server, who).await, 1, "{who:?}");
    }
    assert_eq!(unread(&server, RIVAL).await, 0);
}

async fn what_cannot_be_told_is_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let input = || json!({ "to": { "userIds": ["pat"] }, "title": "News", "message": "Something.", "reference": unique("news") });
    let many: Vec<_> = (0..1_001).map(|n| format!("user {n}")).collect();
    for (change, refusal) in [
        (json!({ "to": { "userIds": [] } }), "INVALID to.userIds"),
        (json!({ "to": { "userIds": many } }), "INVALID to.userIds"),
        (json!({ "to": { "userIds": ["pat", "nobody"] } }), "NOT_FOUND to.userIds"),
        (json!({ "to": { "everyone": false } }), "INVALID to.everyone"),
        (json!({ "type": "LEAD_MATCHED" }), "INVALID type"),
        (json!({ "type": "CUSTOM" }), "INVALID topic"),
        (json!({ "topic": "order" }), "INVALID topic"),
        (json!({ "title": " " }), "INVALID title"),
        (json!({ "title": "x".repeat(201) }), "INVALID title"),
        (json!({ "message": "x".repeat(2_001) }), "INVALID message"),
        (json!({ "to": { "userIds": ["pat", "a\u{0}b"] } }), "INVALID to.userIds"),
        (json!({ "topic": "one\ntwo", "type": "CUSTOM" }), "INVALID topic"),
        (json!({ "data": [1] }), "INVALID data"),
        (json!({ "data": { "far": 1e300 } }), "INVALID data"),
        (json!({ "data": { "near": -1e-300 } }), "INVALID data"),
        (json!({ "data": { "text": "x".repeat(20_000) } }), "INVALID data"),
        (json!({ "reference": "" }), "INVALID reference"),
        (json!({ "leadId": "nothing" }), "NOT_FOUND leadId"),
    ] {
        let mut input = input();
        input.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let done = server.act(ADMIN, "createNotification", input).await;
        assert_eq!(done.refusals(), [refusal], "{change}");
        assert_eq!(done.payload()["recipientCount"], 0);
    }
    assert_eq!(unread(&server, PAT).await, 0);
}

/// More than one transaction's worth. Each is told once, and by id nobody is left out.
async fn many_are_told_in_the_background(engine: Engine) {
    let server = TestServer::start(engine).await;
    let names: Vec<_> = (0..250).map(|n| format!("customer-{n:03}")).collect();
    for name in &names {
        let input = json!({ "id": name, "role": "CUSTOMER" });
        server.act(ADMIN, "upsertUser", input).await.done();
    }
    let told = tell(&server, json!({ "role": "CUSTOMER" }), json!({ "reference": "for many" })).await;
    assert!(told["recipientCount"].as_i64() >= Some(250), "{told:#}");
    assert_eq!(told["notifications"].as_array().map(Vec::len), Some(100));
    let last = json!({ "recipientIds": [names[249]], "references": ["for many"] });
    eventually("the last one to be told", async || !list(&server, ADMIN, last.clone()).await.is_empty()).await;
    for names in names.chunks(20) {
        let found = list(&server, ADMIN, json!({ "recipientIds": names, "references": ["for many"] })).await;
        let mut told: Vec<_> = found.iter().map(|one| one["recipient"]["id"].as_str().unwrap_or_default()).collect();
        told.sort_unstable();
        assert_eq!(told, names);
    }
    assert_eq!(ids(&list(&server, CASEY, json!({})).await).len(), 1);
}

/// Not by the notification, and not by asking with filters.
async fn who_may_not_see_the_lead_learns_nothing_of_it(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = server.post(json!({ "category": "Electrical", "attributes": { "codeword": "xyzzy" } })).await;
    tell(&server, json!({ "userIds": ["pat", "casey"] }), json!({ "leadId": lead })).await;
    let filters = [
        json!({ "leadId": lead }),
        json!({ "categories": ["Electrical"] }),
        json!({ "attributes": [{ "key": "codeword", "in": ["xyzzy"] }] }),
    ];
    for filter in filters {
        assert_eq!(list(&server, CASEY, filter.clone()).await.len(), 1, "its own lead: {filter}");
        assert!(list(&server, PAT, filter.clone()).await.is_empty(), "a lead in review: {filter}");
    }
    let told = list(&server, PAT, json!({})).await;
    assert_eq!((told.len(), &told[0]["lead"]), (1, &json!(null)), "{told:#?}");
}
