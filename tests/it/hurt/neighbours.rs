//! One client that reads nothing, one operation that floods, one resolver that panics: a thousand others hear every event.

use std::future::{pending, ready};

use futures_util::FutureExt;
use leadcast::config::Settings;
use serde_json::{Value, json};
use tokio::{sync::mpsc::unbounded_channel, task::JoinSet};

use super::{acknowledged, ask_for};
use crate::support::{
    Engine, TestServer,
    flood::Flood,
    resolvers::before_each,
    socket::{Heard, Subscription},
    soon,
    wire::{http, send},
};

/// Whatever is asked for as `defect` panics.
async fn server_with_a_defect() -> TestServer {
    let sound = TestServer::start_with(Engine::Sqlite, |settings| settings.clients.operations_per_user = 1_000).await;
    before_each(sound, |info| {
        assert!(info.alias != Some("defect"), "a defect of the test");
        std::future::ready(Ok(())).boxed()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_one_clean_error() {
    let server = server_with_a_defect().await;
    let broken = "{ viewer { defect: id } }";
    let reply = ask_for(&server, broken).await;
    assert_eq!(
        (reply.status, &reply.json()["errors"][0]["extensions"]["code"]),
        (500, &json!("INTERNAL")),
        "{reply:?}"
    );
    assert!(!reply.text.contains("defect of the test"), "nothing internal is told: {reply:?}");

    let mut socket = acknowledged(&server, "pat").await;
    for (id, query) in [("good", "subscription { leadCreated { cursor } }"), ("bad", broken)] {
        socket.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query } })).await;
    }
    let Heard::Message(error) = socket.hear().await else { panic!("the socket stays") };
    assert_eq!((&error["id"], &error["type"]), (&json!("bad"), &json!("error")));
    assert_eq!(error["payload"][0]["extensions"]["code"], "INTERNAL");
    server.open(json!({})).await;
    let Heard::Message(told) = socket.hear().await else { panic!("the socket stays") };
    assert_eq!((&told["id"], &told["type"]), (&json!("good"), &json!("next")));

    let events = http()
        .post(server.url("/graphql"))
        .bearer_auth(server.token("demo", "pat"))
        .header("accept", "text/event-stream")
        .json(&json!({ "query": broken }));
    let reply = send(events).await;
    assert!(reply.text.contains("event: next\ndata: {\"errors\":[") && reply.text.contains("INTERNAL"), "{reply:?}");
    assert!(reply.text.contains("event: complete"), "{reply:?}");
}

/// Hears so many leads, and says how many came.
async fn listen(mut stream: Subscription, leads: usize) -> usize {
    let mut heard = Vec::new();
    while heard.len() < leads {
        let event = stream.next().await;
        let id = event["lead"]["id"].as_str().expect("a lead").to_owned();
        assert!(!heard.contains(&id), "told twice");
        heard.push(id);
    }
    heard.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_subscribers_have_bad_neighbours() {
    const SOCKETS: usize = 40;
    const ON_EACH: usize = 25;
    const LEADS: usize = 5;
    let server = server_with_a_defect().await;
    let flood = Flood::prepare(&server).await;
    let after = json!({ "after": server.user("demo", "pat").stream_cursor().await });

    // Reads nothing of some tens of megabytes.
    let mut slow = acknowledged(&server, "riley").await;
    let all = json!({ "query": Flood::document(), "variables": { "after": flood.after } });
    slow.say(json!({ "id": "slow", "type": "subscribe", "payload": all })).await;

    let (mut sockets, mut listeners) = (Vec::new(), JoinSet::new());
    for n in 0..SOCKETS {
        let mut socket = server.socket("demo", if n % 2 == 0 { "pat" } else { "quinn" }).await;
        for _ in 0..ON_EACH {
            let document = "subscription($after: Cursor) { leadCreated(after: $after) { lead { id } } }";
            listeners.spawn(listen(socket.subscribe(document, after.clone()), LEADS));
        }
        // On the same sockets: one floods, one panics at every event.
        let mut neighbour = match n {
            0 => socket.subscribe(&Flood::document(), json!({ "after": flood.after })),
            1 => socket.subscribe(
                "subscription($after: Cursor) { leadCreated(after: $after) { defect: cursor } }",
                after.clone(),
            ),
            _ => socket.subscribe("{ viewer { id } }", Value::Null),
        };
        tokio::spawn(async move { while let Heard::Message(_) = neighbour.heard().await {} });
        sockets.push(socket);
    }
    for _ in 0..LEADS {
        server.open(json!({})).await;
    }
    let mut told = 0;
    while let Some(heard) = listeners.join_next().await {
        told += heard.expect("every event, each once");
    }
    assert_eq!(told, SOCKETS * ON_EACH * LEADS);
    drop(slow);
}

/// All the turns of a tenant are taken by requests that do not come to an end.
#[tokio::test(flavor = "multi_thread")]
async fn events_do_not_wait_for_requests() {
    const TURNS: usize = 3;
    let change = |settings: &mut Settings| {
        (settings.clients.concurrency_per_user, settings.clients.concurrency_per_tenant) = (TURNS, TURNS);
    };
    let (taken, mut standing) = unbounded_channel();
    let server = TestServer::start_with(Engine::Sqlite, change).await;
    let server = before_each(server, move |info| match info.alias {
        Some("stands") => {
            taken.send(()).expect("the test listens");
            pending().boxed()
        }
        _ => ready(Ok(())).boxed(),
    })
    .await;
    let after = json!({ "after": server.user("demo", "pat").stream_cursor().await });
    let opened = server.open(json!({})).await;
    let mut socket = server.socket("demo", "pat").await;
    let _standing: Vec<_> = (0..TURNS).map(|_| socket.subscribe("{ viewer { stands: id } }", Value::Null)).collect();
    for _ in 0..TURNS {
        soon("all turns to be taken", standing.recv()).await.expect("the server runs");
    }
    for document in [
        "subscription($after: Cursor) { leadCreated(after: $after) { lead { id } } }",
        "subscription($after: Cursor) { events(after: $after) { ... on LeadCreatedEvent { lead { id } } } }",
    ] {
        assert_eq!(socket.subscribe(document, after.clone()).next().await["lead"]["id"], opened);
    }
}
