//! Who hears what: the same story, told to everyone by every stream and by its polling twin.

use serde_json::{Value, json};

use super::VIEWERS;
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, ROBOT, lead_input, word},
    both_engines,
    socket::{Heard, Socket},
};

both_engines!(what_everyone_hears);

/// What each of [`VIEWERS`] hears of the story, in order.
pub struct Row {
    pub root: &'static str,
    kind: &'static str,
    /// Whether test leads are asked for.
    tests: bool,
    expected: [&'static str; 7],
}

const fn heard(root: &'static str, kind: &'static str, expected: [&'static str; 7]) -> Row {
    Row { root, kind, tests: false, expected }
}

const fn of_tests(root: &'static str, kind: &'static str, expected: [&'static str; 7]) -> Row {
    Row { root, kind, tests: true, expected }
}

const NOTHING: &str = "";

#[rustfmt::skip]
pub const HEARD: &[Row] = &[
    //                                           PAT, QUINN, CASEY, DANA, ROBOT, ADMIN, RIVAL
    // Leads: a provider every one from its first opening on; a customer its own; SERVICE and ADMIN all.
    heard("leadCreated", "LEAD_CREATED",        ["CREATED", "CREATED", "CREATED", NOTHING, "CREATED", "CREATED", NOTHING]),
    heard("leadClaimed", "LEAD_CLAIMED",        ["CLAIMED, own", "CLAIMED", "CLAIMED, by", NOTHING, "CLAIMED, by", "CLAIMED, by", NOTHING]),
    heard("leadUpdated", "LEAD_UPDATED",        ["FILLED EDITED REOPENED WITHDRAWN", "FILLED EDITED REOPENED WITHDRAWN",
                                                 "SUBMITTED FILLED EDITED REOPENED WITHDRAWN", "SUBMITTED REJECTED SUBMITTED",
                                                 "SUBMITTED SUBMITTED REJECTED FILLED EDITED REOPENED WITHDRAWN SUBMITTED",
                                                 "SUBMITTED SUBMITTED REJECTED FILLED EDITED REOPENED WITHDRAWN SUBMITTED", NOTHING]),
    // Test leads: nobody, unless it asks for them.
    of_tests("leadCreated", "LEAD_CREATED",     ["CREATED", "CREATED", "CREATED", NOTHING, "CREATED", "CREATED", NOTHING]),
    of_tests("leadClaimed", "LEAD_CLAIMED",     ["CLAIMED", "CLAIMED, own", "CLAIMED, by", NOTHING, "CLAIMED, by", "CLAIMED, by", NOTHING]),
    of_tests("leadUpdated", "LEAD_UPDATED",     ["FILLED WITHDRAWN", "FILLED WITHDRAWN", "SUBMITTED FILLED WITHDRAWN", NOTHING,
                                                 "SUBMITTED FILLED WITHDRAWN", "SUBMITTED FILLED WITHDRAWN", NOTHING]),
    of_tests("events", "LEAD_CREATED",          ["CREATED", "CREATED", "CREATED", NOTHING, "CREATED", "CREATED", NOTHING]),
    // Claims: a provider its own; a customer those on its own leads; all.
    heard("claimUpdated", "CLAIM_UPDATED",      ["CLAIM_UPDATED CLAIM_UPDATED CLAIM_UPDATED", NOTHING,
                                                 "CLAIM_UPDATED CLAIM_UPDATED CLAIM_UPDATED", NOTHING,
                                                 "CLAIM_UPDATED CLAIM_UPDATED CLAIM_UPDATED",
                                                 "CLAIM_UPDATED CLAIM_UPDATED CLAIM_UPDATED", NOTHING]),
    // Balances: one's own only.
    heard("balanceUpdated", "BALANCE_UPDATED",  ["BALANCE-5 BALANCE+5", "BALANCE+0", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]),
    // Notifications: one's own only.
    heard("notificationAdded", "NOTIFICATION_ADDED", ["ADDED ADDED", NOTHING, "ADDED", NOTHING, NOTHING, NOTHING, NOTHING]),
    heard("notificationUpdated", "NOTIFICATION_UPDATED", ["READ", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, NOTHING]),
    heard("events", "LEAD_CREATED",             ["CREATED", "CREATED", "CREATED", NOTHING, "CREATED", "CREATED", NOTHING]),
];

/// Casey's lead is opened, claimed by Pat, edited, refunded and withdrawn; Dana's is rejected, and she posts another. A test
/// lead is opened, claimed by Quinn and withdrawn.
async fn story(server: &TestServer, start: &Value) {
    let lead = server.act(CASEY, "createLead", lead_input()).await.done()["lead"]["id"].clone();
    let other = server.act(DANA, "createLead", lead_input()).await.done()["lead"]["id"].clone();
    server.act(ADMIN, "rejectLead", json!({ "id": other, "reason": "a joke" })).await.done();
    server.act(ADMIN, "verifyLead", json!({ "id": lead })).await.done();
    let claim = server.claim(PAT, &lead).await;
    server.act(PAT, "updateClaim", json!({ "id": claim, "outcome": "CONTACTED" })).await.done();
    server.act(CASEY, "updateLead", json!({ "id": lead, "title": "Rewire a shed" })).await.done();
    server.act(ROBOT, "refundClaim", json!({ "id": claim, "reason": "a wrong number" })).await.done();
    server.act(CASEY, "withdrawLead", json!({ "id": lead })).await.done();
    let test = server.open(json!({ "isTest": true })).await;
    server.claim(QUINN, &test).await;
    server.act(CASEY, "withdrawLead", json!({ "id": test })).await.done();
    let news = json!({ "to": { "userIds": ["pat"] }, "title": "x", "message": "x", "reference": "x" });
    let news = server.act(ADMIN, "createNotification", news).await.done()["notifications"][0]["id"].clone();
    server.act(PAT, "markNotificationsRead", json!({ "select": { "ids": [news] } })).await.done();
    server.all_is_told().await;
    let end = server.act(DANA, "createLead", lead_input()).await.done()["lead"]["id"].clone();
    server.told_of(&end, start).await;
}

/// What is asked of an event of any type.
const ANY: &str = "__typename ... on LeadUpdatedEvent { leadChange } ... on BalanceUpdatedEvent { change }
    ... on NotificationUpdatedEvent { notificationChange } ... on LeadClaimedEvent { claimedByViewer claim { id } }";

/// What is asked of a stream's events.
fn fields(root: &str) -> &'static str {
    match root {
        "leadUpdated" => "__typename leadChange",
        "leadClaimed" => "__typename claimedByViewer claim { id }",
        "balanceUpdated" => "__typename change",
        "notificationUpdated" => "__typename notificationChange",
        "events" => ANY,
        _ => "__typename",
    }
}

fn heard_as(event: &Value) -> String {
    let whose = match (&event["claimedByViewer"], &event["claim"]) {
        (Value::Bool(true), _) => ", own",
        (Value::Bool(false), Value::Object(_)) => ", by",
        _ => "",
    };
    format!("{}{whose}", word(event))
}

async fn what_everyone_hears(engine: Engine) {
    let server = TestServer::start(engine).await;
    server.act(ADMIN, "updateTenantSettings", json!({ "defaultMaxClaims": 1 })).await.done();
    // What was before has been read by now.
    server.cursor().await;
    let mut cursors = Vec::new();
    for viewer in VIEWERS {
        let cursor = server.ask(viewer, "{ streamCursor }", Value::Null).await;
        cursors.push(cursor.field("streamCursor").clone());
    }
    story(&server, &cursors[5]).await;
    let poll = format!(
        "query($after: Cursor!, $types: [EventType!], $filter: LeadFilter) {{
            events(after: $after, types: $types, leadFilter: $filter) {{ events {{ {ANY} }} }} }}"
    );
    let mut subscriptions = Vec::new();
    let mut sockets = Vec::new();
    for (viewer, cursor) in VIEWERS.into_iter().zip(&cursors) {
        let token = server.token_for(viewer.tenant, viewer.user, viewer.role);
        let mut socket = Socket::connect(server.raw_socket().await, &token).await;
        let column = VIEWERS.iter().position(|other| *other == viewer).expect("it is there");
        for row in HEARD {
            let (types, filter) = match row.root {
                "events" => (format!(", types: [{}]", row.kind), "leadFilter"),
                _ => (String::new(), "filter"),
            };
            let filter = if row.tests { format!(", {filter}: {{ isTest: true }}") } else { String::new() };
            let (root, fields) = (row.root, fields(row.root));
            let document =
                format!("subscription($after: Cursor) {{ {root}(after: $after{types}{filter}) {{ {fields} }} }}");
            subscriptions.push((viewer, row, column, socket.subscribe(&document, json!({ "after": cursor }))));

            let answer = server
                .ask(viewer, &poll, json!({ "after": cursor, "types": [row.kind], "filter": { "isTest": row.tests } }))
                .await;
            let polled = answer.field("events")["events"].as_array().expect("a list").clone();
            let polled: Vec<_> = polled.iter().map(heard_as).collect();
            assert_eq!(polled.join(" "), row.expected[column], "{} polls {}", viewer.user, row.kind);
        }
        sockets.push(socket);
    }
    for (viewer, row, column, subscription) in &mut subscriptions {
        let expected = row.expected[*column];
        let mut told = Vec::new();
        while told.join(" ") != expected {
            told.push(heard_as(&subscription.next().await));
            assert!(expected.starts_with(&told.join(" ")), "{} hears by {}: {told:?}", viewer.user, row.root);
        }
    }
    // And nothing after it, up to the server's end.
    server.stop().await;
    for (viewer, row, _, subscription) in &mut subscriptions {
        match subscription.heard().await {
            Heard::Message(message) => assert_eq!(message["type"], "complete", "{} hears by {}", viewer.user, row.root),
            Heard::Closed { code, .. } => assert_eq!(code, 1012),
        }
    }
}
