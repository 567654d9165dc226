//! Which cursors are taken, on the stream and on its polling twin alike, and what is said of those that are not.

use std::time::Duration;

use leadcast::{
    events::{Cursor, retain},
    ids::Id,
};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    market::{EVENT, Market, events_stream, is_opening, types, until},
};

both_engines!(
    a_cursor_is_bound_to_its_tenant,
    what_is_no_cursor_is_refused,
    a_place_that_was_never_reached_has_expired,
    a_place_that_is_no_longer_kept_has_expired,
    the_retention_worker_keeps_to_its_setting,
    progress_comes_after_the_backlog_and_can_be_resumed_from,
);

/// Every stream that takes `after`.
const STREAMS: [&str; 6] = ["leadCreated", "leadClaimed", "leadUpdated", "claimUpdated", "balanceUpdated", "events"];
const POLL: &str = "query($after: Cursor!) { events(after: $after) { endCursor } }";

/// What every stream and the polling twin say of a cursor: a code, or `None` when they take it.
async fn verdicts(market: Market<'_>, after: &Value) -> Vec<Option<String>> {
    let code = |errors: &Value| {
        errors[0]["extensions"]["code"].as_str().unwrap_or_else(|| panic!("a code was expected: {errors:#}")).to_owned()
    };
    let polled = market.user("pat").query(POLL, json!({ "after": after })).await;
    let mut verdicts = vec![Some(&polled.body["errors"]).filter(|errors| !errors.is_null()).map(code)];
    let mut socket = market.socket("pat").await;
    let streams = STREAMS.map(|field| {
        let document = format!("subscription($after: Cursor) {{ {field}(after: $after) {{ cursor }} }}");
        socket.subscribe(&document, json!({ "after": after }))
    });
    // To those that take it something happens.
    let lead = market.open(&format!("lead {}", uuid::Uuid::now_v7()), json!({ "price": 1 })).await;
    market.claim("pat", &lead).await.field("claimLead");
    market.update(&lead, json!({ "title": "Changed" })).await.field("updateLead");
    for mut stream in streams {
        let message = stream.message().await;
        verdicts.push(match message["type"].as_str() {
            Some("next") => None,
            Some("error") => Some(code(&message["payload"])),
            _ => panic!("{message:#}"),
        });
    }
    verdicts
}

async fn all_say(market: Market<'_>, after: &Value, expected: Option<&str>) {
    let expected = vec![expected.map(str::to_owned); 1 + STREAMS.len()];
    assert_eq!(verdicts(market, after).await, expected, "{after}");
}

async fn a_cursor_is_bound_to_its_tenant(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    for cursor in [rival.user("pat").stream_cursor().await, rival.mark().await] {
        all_say(rival, &cursor, None).await;
        all_say(market, &cursor, Some("BAD_USER_INPUT")).await;
    }
}

async fn what_is_no_cursor_is_refused(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, _] = Market::both(&server);
    let good = market.mark().await;
    let good = good.as_str().expect("text");
    let cut = &good[..good.len() - 4];
    let other_kind = format!("YQ{}", &good[2..]);
    for garbage in ["", "42", cut, &format!("{good}AAAA"), &other_kind, "é"] {
        all_say(market, &json!(garbage), Some("BAD_USER_INPUT")).await;
    }
}

async fn a_place_that_was_never_reached_has_expired(engine: Engine) {
    let server = TestServer::start(engine).await;
    for market in Market::both(&server) {
        let hub = &server.app.hub;
        let tenant = market.tenant_id().await;
        market.mark().await;
        all_say(market, &json!(hub.cursor(tenant, hub.watermark()).to_string()), None).await;
        all_say(market, &json!(hub.cursor(tenant, hub.watermark() + 1_000).to_string()), Some("CURSOR_EXPIRED")).await;
        // One of a history that a restored backup has brought to an end.
        let elsewhere = Cursor { epoch: Id::random(), tenant, id: hub.watermark() };
        all_say(market, &json!(elsewhere.to_string()), Some("CURSOR_EXPIRED")).await;
    }
}

async fn a_place_that_is_no_longer_kept_has_expired(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    let (old, old_of_rival) = (market.mark().await, rival.mark().await);
    market.open("old", json!({})).await;
    // The log is one: what both tenants did long ago goes.
    server.advance(Duration::from_hours(2));
    let young = market.mark().await;
    retain(&server.app.db, &server.app.hub, &server.app.clock, Duration::from_hours(1), i64::MAX)
        .await
        .expect("old events can be deleted");

    all_say(market, &old, Some("CURSOR_EXPIRED")).await;
    all_say(rival, &old_of_rival, Some("CURSOR_EXPIRED")).await;
    all_say(market, &young, None).await;
    all_say(rival, &rival.user("pat").stream_cursor().await, None).await;
    // Nothing of what is kept is missing.
    let lead = market.open("young", json!({})).await;
    assert!(market.history("pat", &young).await.iter().any(|event| is_opening(event, &lead)));
    // A node that starts now knows no better.
    let node = server.second_node().await;
    let there = Market { server: &node, tenant: "demo" };
    all_say(there, &old, Some("CURSOR_EXPIRED")).await;
    all_say(there, &young, None).await;
}

async fn the_retention_worker_keeps_to_its_setting(engine: Engine) {
    let hour = |settings: &mut leadcast::config::Settings| settings.event_retention = Duration::from_hours(1);
    let server = TestServer::start_with(engine, hour).await;
    let [market, _] = Market::both(&server);
    let old = market.mark().await;
    market.open("old", json!({})).await;
    server.advance(Duration::from_mins(50));
    let kept = market.mark().await;
    server.advance(Duration::from_mins(30));
    // Its worker looks when it starts, then every minute.
    let node = server.second_node().await;
    let there = Market { server: &node, tenant: "demo" };
    crate::support::soon("the retention worker", async {
        while there.user("pat").query(POLL, json!({ "after": old })).await.body["errors"].is_null() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    all_say(market, &old, Some("CURSOR_EXPIRED")).await;
    all_say(market, &kept, None).await;
}

async fn progress_comes_after_the_backlog_and_can_be_resumed_from(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    let start = market.mark().await;
    market.open("backlog", json!({})).await;
    rival.open("not for this tenant", json!({})).await;
    market.mark().await;
    let mut socket = market.socket("pat").await;
    let wanted = json!({ "after": start, "types": ["LEAD_CREATED", "PROGRESS"] });
    let mut stream = socket.subscribe(&events_stream(), wanted);
    let backlog = until(&mut stream, |event| event["__typename"] == "ProgressEvent").await;
    // The second is the mark.
    assert_eq!(types(&backlog), ["LeadCreatedEvent", "LeadCreatedEvent", "ProgressEvent"]);
    let progress = &backlog[2];
    assert_eq!((&progress["backlog"], &backlog[0]["backlog"]), (&json!(false), &json!(true)));

    // Where there is nothing to catch up with it comes at once, from where the stream begins.
    let mut quiet = socket.subscribe(&events_stream(), json!({ "after": progress["cursor"], "types": ["PROGRESS"] }));
    assert_eq!(quiet.next().await["__typename"], "ProgressEvent");
    let lead = market.open("afterwards", json!({})).await;
    stream.nothing_before(|event| is_opening(event, &lead)).await;
    let mut resumed =
        socket.subscribe(&events_stream(), json!({ "after": progress["cursor"], "types": ["LEAD_CREATED"] }));
    resumed.nothing_before(|event| is_opening(event, &lead)).await;

    // Polling has no use for it.
    let document = format!(
        "query($after: Cursor!) {{ events(after: $after, types: [PROGRESS, LEAD_CREATED]) {{
            events {{ ...event }} }} }} {EVENT}"
    );
    let polled = market.user("pat").query(&document, json!({ "after": start })).await;
    assert_eq!(types(polled.field("events")["events"].as_array().expect("a list")), ["LeadCreatedEvent"; 3]);
}
