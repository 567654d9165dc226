//! Fields of an event that fail. Where the server is to blame, the event is not told and the stream ends: it must not be passed over by
//! who resumes after it. Anything else is told as in a query, and the stream goes on.

use serde_json::{Value, json};

use super::{Failing, marked, places};
use crate::support::{
    api::ADMIN,
    market::listeners,
    socket::{Heard, RawSocket},
};

const STREAM: &str = "subscription {\n  told: leadUpdated { cursor lead { id ^title contact { ^name } } }\n}";

async fn message(socket: &mut RawSocket) -> Value {
    match socket.hear().await {
        Heard::Message(message) => message,
        closed @ Heard::Closed { .. } => panic!("the socket was closed: {closed:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_of_an_event_fails_as_of_a_query() {
    let (failing, server) = Failing::server().await;
    let lead = server.open(json!({})).await;
    let [title_fails, name_fails] = ["told.lead.title", "told.lead.contact.name"];
    let (query, places_of_both) = marked(STREAM, &[title_fails, name_fails]);
    let place_of = |path: &str| -> Vec<String> {
        places_of_both.iter().filter(|place| place.starts_with(path)).cloned().collect()
    };
    let mut socket = server.raw_socket().await;
    let bearer = format!("Bearer {}", server.token("demo", "casey"));
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": bearer } })).await;
    assert_eq!(message(&mut socket).await, json!({ "type": "connection_ack" }));
    socket.say(json!({ "id": "a", "type": "subscribe", "payload": { "query": query } })).await;
    listeners(&server, 1).await;
    let told = |title: &str, contact: Value| json!({ "id": lead, "title": title, "contact": contact });
    let contact = json!({ "name": "Casey" });
    for (title, fails, shown, errors) in [
        ("sound", "", told("sound", contact.clone()), vec![]),
        ("in part", name_fails, told("in part", Value::Null), place_of(name_fails)),
        ("nothing", title_fails, Value::Null, place_of(title_fails)),
        ("sound again", "", told("sound again", contact), vec![]),
    ] {
        failing.at(&[fails], "FORBIDDEN");
        server.act(ADMIN, "updateLead", json!({ "id": lead, "title": title })).await.done();
        let next = message(&mut socket).await;
        assert_eq!((&next["id"], &next["type"]), (&json!("a"), &json!("next")), "{next:#}");
        assert_eq!(places(&next["payload"]["errors"]), errors, "{next:#}");
        let data = &next["payload"]["data"];
        assert_eq!((&data["told"]["lead"], data.is_null()), (&shown, shown.is_null()), "{next:#}");
        assert!(data.is_null() || data["told"]["cursor"].is_string(), "{next:#}");
    }
    failing.at(&[name_fails], "INTERNAL");
    server.act(ADMIN, "updateLead", json!({ "id": lead, "title": "a defect" })).await.done();
    let error = message(&mut socket).await;
    assert_eq!((&error["id"], &error["type"]), (&json!("a"), &json!("error")), "{error:#}");
    assert_eq!(places(&error["payload"]), place_of(name_fails), "{error:#}");
    listeners(&server, 0).await;
}
