//! Operations and their ids, where it matters that one of them takes long: here a field is answered when the test lets it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{CREATED, QUERY, acknowledged, asks_who_it_is, closing::closed, complete, created, message, silence};
use super::{server, subscribe};
use crate::support::{
    TestServer,
    market::listeners,
    resolvers::before_each,
    socket::{Heard, RawSocket},
    wire::eventually,
};

const HELD: &str = "{ viewer { held: id } }";

/// Whatever is asked for as `held` waits.
#[derive(Clone)]
struct Gate {
    reached: Arc<AtomicUsize>,
    open: Arc<Semaphore>,
}

impl Gate {
    async fn of_a_server() -> (Self, TestServer) {
        let gate = Self { reached: Arc::default(), open: Semaphore::new(0).into() };
        let keeper = gate.clone();
        let server = before_each(server().await, move |info| {
            let (keeper, is_held) = (keeper.clone(), info.alias == Some("held"));
            async move {
                if is_held {
                    keeper.hold().await;
                }
                Ok(())
            }
            .boxed()
        });
        (gate, server.await)
    }

    async fn hold(&self) {
        self.reached.fetch_add(1, Ordering::SeqCst);
        self.open.acquire().await.expect("it is never closed").forget();
    }

    async fn was_reached(&self, times: usize) {
        eventually("the field to be asked for", async || self.reached.load(Ordering::SeqCst) == times).await;
    }

    fn lets_through(&self, count: usize) {
        self.open.add_permits(count);
    }
}

/// What [`HELD`] answers.
fn held(id: &str) -> Value {
    json!({ "id": id, "type": "next", "payload": { "data": { "viewer": { "held": "pat" } } } })
}

/// A message without what is said of the rate limit.
async fn bare(socket: &mut RawSocket) -> Value {
    let mut message = message(socket).await;
    if let Some(payload) = message.get_mut("payload").and_then(Value::as_object_mut) {
        payload.remove("extensions");
    }
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_run_side_by_side() {
    let (gate, server) = Gate::of_a_server().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("slow", HELD, Value::Null)).await;
    socket.say(subscribe("stream", CREATED, Value::Null)).await;
    gate.was_reached(1).await;
    listeners(&server, 1).await;
    assert_eq!(asks_who_it_is(&mut socket, "quick").await, "pat");
    let lead = server.open(json!({})).await;
    assert_eq!(bare(&mut socket).await, created("stream", &lead));
    gate.lets_through(1);
    assert_eq!(bare(&mut socket).await, held("slow"));
    assert_eq!(message(&mut socket).await, complete("slow"));
    silence(&mut socket).await;
}

/// Queries, mutations and subscriptions have their ids from one store.
#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_taken_whatever_runs_under_it() {
    const READ: &str = "mutation { held: markNotificationsRead(input: { select: { ids: [] } }) { affectedCount } }";
    let (gate, server) = Gate::of_a_server().await;
    let mut reached = 0;
    for running in [HELD, READ, CREATED] {
        for second in [QUERY, READ, CREATED, "{"] {
            let mut socket = acknowledged(&server, "pat").await;
            socket.say(subscribe("a", running, Value::Null)).await;
            if running == CREATED {
                listeners(&server, 1).await;
            } else {
                reached += 1;
                gate.was_reached(reached).await;
            }
            socket.say(subscribe("a", second, Value::Null)).await;
            // Immediately: nothing is said before.
            let end = Heard::Closed { code: 4409, reason: "Subscriber for a already exists.".to_owned() };
            assert_eq!(socket.hear().await, end, "{running} {second}");
            listeners(&server, 0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_waits_for_is_not_sent() {
    let (gate, server) = Gate::of_a_server().await;
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("a", HELD, Value::Null)).await;
    gate.was_reached(1).await;
    socket.say(complete("a")).await;
    // The id is free at once.
    socket.say(subscribe("a", HELD, Value::Null)).await;
    gate.was_reached(2).await;
    // Who came first has gone away, or it would be the one.
    gate.lets_through(1);
    assert_eq!(bare(&mut socket).await, held("a"));
    assert_eq!(message(&mut socket).await, complete("a"));
    silence(&mut socket).await;
    // So does the source of a stream.
    socket.say(subscribe("a", CREATED, Value::Null)).await;
    listeners(&server, 1).await;
    socket.say(complete("a")).await;
    listeners(&server, 0).await;
    silence(&mut socket).await;
}

/// The client's `complete` and the server's cross on the way.
#[tokio::test(flavor = "multi_thread")]
async fn a_complete_that_comes_too_late_is_passed_over() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
    socket.say(complete("a")).await;
    socket.say(subscribe("b", "{", Value::Null)).await;
    assert_eq!(message(&mut socket).await["type"], "error");
    socket.say(complete("b")).await;
    socket.say(complete("never begun")).await;
    silence(&mut socket).await;
    assert_eq!(asks_who_it_is(&mut socket, "a").await, "pat");
}

/// Of `subscribe` all but `query` may be left out or null.
#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_be_said_may_be_null() {
    let server = server().await;
    let mut socket = acknowledged(&server, "pat").await;
    let query = "query Q { viewer { id } }";
    for payload in [
        json!({ "query": query }),
        json!({ "query": query, "operationName": null, "variables": null, "extensions": null }),
        json!({ "query": query, "operationName": "Q", "variables": {}, "extensions": {} }),
        json!({ "query": query, "variables": { "unused": 1 }, "extensions": { "unknown": [1] } }),
    ] {
        socket.say(json!({ "id": "a", "type": "subscribe", "payload": payload })).await;
        let next = bare(&mut socket).await;
        assert_eq!(next["payload"], json!({ "data": { "viewer": { "id": "pat" } } }), "{payload}");
        assert_eq!(message(&mut socket).await, complete("a"));
    }
    for kind in ["ping", "pong", "ping"] {
        socket.say(json!({ "type": kind, "payload": null })).await;
    }
    for _ in 0..2 {
        assert_eq!(message(&mut socket).await, json!({ "type": "pong" }));
    }
    silence(&mut socket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_end_with_their_socket() {
    let (gate, server) = Gate::of_a_server().await;
    let mut socket = acknowledged(&server, "pat").await;
    for n in 0..3 {
        socket.say(subscribe(&n.to_string(), CREATED, Value::Null)).await;
    }
    socket.say(subscribe("slow", HELD, Value::Null)).await;
    gate.was_reached(1).await;
    listeners(&server, 3).await;
    socket.say(json!({ "type": "nope" })).await;
    assert_eq!(closed(&mut socket).await.0, 4400);
    listeners(&server, 0).await;
    gate.lets_through(1);
    // What nobody waits for any more has not taken what was let through.
    let mut socket = acknowledged(&server, "pat").await;
    socket.say(subscribe("b", HELD, Value::Null)).await;
    assert_eq!(bare(&mut socket).await, held("b"));
}
