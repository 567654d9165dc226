//! The life of a claim, through the API: what each report of its provider's and a refund make of it in each state, and
//! what its provider is shown of the customer then.

use serde_json::{Value, json};

use super::patient_server;
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, Done, PAT},
    both_engines,
};

both_engines!(every_report_in_every_state);

const ACTIONS: [&str; 4] = ["CONTACTED", "WON", "LOST", "a refund"];

/// The state it then has, or the refusal. REFUNDED is final, and hides the contact.
#[rustfmt::skip]
const CLAIMS: [(&str, [&str; 4]); 5] = [
    //            CONTACTED          WON           LOST          a refund
    ("ACTIVE",    ["CONTACTED",       "WON",        "LOST",       "REFUNDED"]),
    ("CONTACTED", ["CONTACTED",       "WON",        "LOST",       "REFUNDED"]),
    ("WON",       ["INVALID outcome", "WON",        "LOST",       "REFUNDED"]),
    ("LOST",      ["INVALID outcome", "WON",        "LOST",       "REFUNDED"]),
    ("REFUNDED",  ["INVALID id",      "INVALID id", "INVALID id", "REFUNDED, replayed"]),
];

async fn act(server: &TestServer, claim: &Value, action: &str) -> Done {
    match action {
        "REFUNDED" | "a refund" => {
            server.act(ADMIN, "refundClaim", json!({ "id": claim, "reason": "a wrong number" })).await
        }
        outcome => server.act(PAT, "updateClaim", json!({ "id": claim, "outcome": outcome })).await,
    }
}

async fn every_report_in_every_state(engine: Engine) {
    const SEEN: &str = "query($id: ID!) { lead(id: $id) { contact { name } viewerClaim { status } } }";
    let server = patient_server(engine).await;
    server.fund(PAT, 1_000).await;
    let mut wrong = Vec::new();
    for (state, expected) in CLAIMS {
        for (action, expected) in ACTIONS.into_iter().zip(expected) {
            let lead = server.open(json!({})).await;
            let claim = server.claim(PAT, &lead).await;
            if state != "ACTIVE" {
                act(&server, &claim, state).await.done();
            }
            let done = act(&server, &claim, action).await;
            let now = done.payload()["claim"]["status"].as_str().expect("the claim is shown in any case");
            let replayed = if done.payload()["replayed"] == true { ", replayed" } else { "" };
            let happened = done.refusals().first().cloned().unwrap_or_else(|| format!("{now}{replayed}"));
            let seen = server.ask(PAT, SEEN, json!({ "id": lead })).await;
            let (contact, claim) = (&seen.field("lead")["contact"], &seen.field("lead")["viewerClaim"]);
            if happened != expected || claim["status"] != now || contact.is_null() != (now == "REFUNDED") {
                wrong.push(format!("{action}, {state}: expected `{expected}`, but `{happened}`, and then {seen}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
