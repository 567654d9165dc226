//! The way of a lead through the whole server, over real HTTP and real WebSockets.

use std::time::Duration;

use leadcast::users::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{
    Engine, TestServer, both_engines,
    market::Market,
    postgres::available,
    socket::{Heard, Subscription},
};

both_engines!(
    a_claim_reaches_everyone_and_says_no_more_than_it_may,
    another_tenant_does_not_exist,
    nobody_without_a_valid_token_gets_in,
    sockets_are_held_to_the_protocol,
    a_stopping_server_tells_its_sockets,
);

const CLAIM: &str = "mutation($lead: ID!, $maxPrice: Credits!) { claimLead(input: { leadId: $lead, maxPrice: $maxPrice }) {
    claim { id lead { contact { name } } } lead { claimCount } wallet { balance } replayed userErrors { code message } } }";
const LEAD: &str = "query($id: ID!) { lead(id: $id) { claimCount contact { name } } }";
const CREATED: &str =
    "subscription($after: Cursor) { leadCreated(after: $after) { backlog lead { id contact { name } } } }";
const CLAIMED: &str = "subscription($after: Cursor) { leadClaimed(after: $after) {
    claimCount claimedByViewer claim { id } lead { id contact { name } } } }";

/// Posts a lead as `casey` and opens it.
async fn open_lead(server: &TestServer, tenant: &'static str, reference: &str) -> Value {
    let market = Market { server, tenant };
    let lead = market.post("casey", reference, json!({})).await;
    market.verify(&lead).await;
    lead
}

async fn a_claim_reaches_everyone_and_says_no_more_than_it_may(engine: Engine) {
    let server = TestServer::start(engine).await;
    let (pat, quinn) = (server.user("demo", "pat"), server.user("demo", "quinn"));
    let after = json!({ "after": quinn.stream_cursor().await });
    let mut socket = server.socket("demo", "quinn").await;
    let (mut created, mut claimed) = (socket.subscribe(CREATED, after.clone()), socket.subscribe(CLAIMED, after));

    let lead = open_lead(&server, "demo", "first").await;
    let event = created.next().await;
    assert_eq!(event["lead"], json!({ "id": lead, "contact": null }));

    let answer = pat.query(CLAIM, json!({ "lead": lead, "maxPrice": 0 })).await;
    assert_eq!(answer.user_errors(), ["PRICE_CHANGED"]);
    let answer = pat.query(CLAIM, json!({ "lead": lead, "maxPrice": 100 })).await;
    let claim = answer.field("claimLead");
    assert_eq!(claim["claim"]["lead"]["contact"]["name"], "Casey");
    assert_eq!(claim["lead"]["claimCount"], 1);
    assert!(claim["wallet"]["balance"].as_i64() < Some(100), "{claim:#}");

    let event = claimed.next().await;
    assert_eq!(event["claimCount"], 1);
    assert_eq!((&event["claimedByViewer"], &event["claim"]), (&json!(false), &Value::Null));
    assert_eq!(event["lead"], json!({ "id": lead, "contact": null }));
    let seen = quinn.query(LEAD, json!({ "id": lead })).await;
    assert_eq!(seen.field("lead"), &json!({ "claimCount": 1, "contact": null }));

    // Neither the refused claim nor a repeated one was an event.
    let again = pat.query(CLAIM, json!({ "lead": lead, "maxPrice": 100 })).await;
    assert_eq!(
        (&again.field("claimLead")["replayed"], &again.field("claimLead")["claim"]["id"]),
        (&json!(true), &claim["claim"]["id"])
    );
    let fence = open_lead(&server, "demo", "fence").await;
    created.nothing_before(|event| event["lead"]["id"] == fence).await;
    quinn.query(CLAIM, json!({ "lead": fence, "maxPrice": 100 })).await.field("claimLead");
    claimed.nothing_before(|event| event["lead"]["id"] == fence && event["claimedByViewer"] == true).await;

    // After `complete` an operation hears nothing: the other one has passed the fence when the socket's end is reached.
    created.complete();
    server.stop().await;
    assert!(matches!(created.heard().await, Heard::Closed { .. }));
}

async fn another_tenant_does_not_exist(engine: Engine) {
    let server = TestServer::start(engine).await;
    let lead = open_lead(&server, "demo", "ours").await;
    let rival = server.user("rival", "pat");
    let seen = rival.query(LEAD, json!({ "id": lead })).await;
    assert_eq!(seen.field("lead"), &Value::Null);
    let refused = rival.query(CLAIM, json!({ "lead": lead, "maxPrice": 100 })).await;
    assert_eq!(refused.user_errors(), ["NOT_FOUND"]);
}

async fn nobody_without_a_valid_token_gets_in(engine: Engine) {
    let server = TestServer::start(engine).await;
    let refused = server.stranger().query("{ viewer { id } }", Value::Null).await;
    assert_eq!((refused.status, refused.error_code()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));

    let admin = server.user("demo", "admin");
    admin.query("{ viewer { id } }", Value::Null).await.data();
    server.advance(Duration::from_hours(2));
    let refused = admin.query("{ viewer { id } }", Value::Null).await;
    assert_eq!((refused.status, refused.error_code()), (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"));
}

async fn sockets_are_held_to_the_protocol(engine: Engine) {
    let server = TestServer::start(engine).await;
    let token = server.token_for("demo", "robot", Role::Service);
    let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });

    let mut socket = server.raw_socket().await;
    socket.say(init.clone()).await;
    assert!(matches!(socket.hear().await, Heard::Message(message) if message["type"] == "connection_ack"));
    socket.say(init).await;
    assert!(matches!(socket.hear().await, Heard::Closed { code: 4429, .. }));

    let mut socket = server.raw_socket().await;
    socket.send(Message::text("no JSON")).await;
    assert!(matches!(socket.hear().await, Heard::Closed { code: 4400, .. }));
}

async fn a_stopping_server_tells_its_sockets(engine: Engine) {
    let server = TestServer::start(engine).await;
    let mut socket = server.socket("demo", "pat").await;
    let mut operation = socket.subscribe("{ viewer { id } }", Value::Null);
    assert_eq!(operation.message().await["payload"]["data"]["viewer"]["id"], "pat");
    server.stop().await;
    assert_eq!(operation.message().await["type"], "complete");
    assert!(matches!(operation.heard().await, Heard::Closed { code: 1012, .. }));
}

/// Two nodes on one PostgreSQL are one server.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_sockets_of_every_node() {
    if !available() {
        return;
    }
    let server = TestServer::start(Engine::Postgres).await;
    let other = server.second_node().await;
    let after = json!({ "after": server.user("demo", "pat").stream_cursor().await });
    let mut socket = other.socket("demo", "quinn").await;
    let mut created: Subscription = socket.subscribe(CREATED, after);
    let lead = open_lead(&server, "demo", "told everywhere").await;
    created.nothing_before(|event| event["lead"]["id"] == lead).await;
    other.stop().await;
    server.stop().await;
}
