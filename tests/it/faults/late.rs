//! A node that is held up for longer than events are kept, while another one reads and deletes them. Its streams have missed
//! something, and must say so: never silence.

use std::time::Duration;

use leadcast::{
    app::App,
    error::{Error, Fault},
    events::{Feed, Kind, Positions, Scope, Step, retain},
};
use serde_json::json;
use tokio::time::timeout;

use crate::support::{Engine, PATIENCE, TestServer, both_engines, market::Market};

both_engines!(whoever_listens_to_a_node_that_was_held_up_is_told);

/// The id of the next event, past the mark between backlog and what is live.
async fn next(feed: &mut Feed) -> Result<i64, Fault> {
    loop {
        match timeout(PATIENCE, feed.next()).await.expect("an event or its absence") {
            Ok(Step::Event(delivery)) => return Ok(delivery.record.id),
            Ok(Step::CaughtUp) => {}
            Err(Error::Fault(fault)) => return Err(fault),
            Err(refused @ Error::Refused(_)) => panic!("{refused:?}"),
        }
    }
}

async fn whoever_listens_to_a_node_that_was_held_up_is_told(engine: Engine) {
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    market.open("known to both", json!({})).await;
    // It has read the log up to here, and is held up: nothing polls its hub.
    let late = App::new(server.app.settings.clone(), server.app.clock.clone()).await.expect("a second node");
    let scope = |tenant| Scope { tenant, user: "pat".into(), kinds: vec![Kind::LeadCreated] };
    let (tenant, other) = (market.tenant_id().await, rival.tenant_id().await);
    let positions = Positions::default();
    let open = async |scope, after| Feed::open(&late.hub, scope, after, &positions).await.expect("a stream");
    let mut listener = open(scope(tenant), None).await;
    let mut of_another_tenant = open(scope(other), None).await;

    market.open("missed", json!({})).await;
    rival.mark().await;
    server.advance(Duration::from_hours(2));
    let kept_from = server.app.hub.end(tenant);
    let hour = Duration::from_hours(1);
    retain(&server.app.db, &server.app.hub, &server.app.clock, hour, i64::MAX)
        .await
        .expect("old events can be deleted");
    market.open("young", json!({})).await;
    rival.mark().await;

    let tail = tokio::spawn(late.hub.clone().run());
    // What was missed may have been for either: the log that is gone no longer says.
    for feed in [&mut listener, &mut of_another_tenant] {
        let heard = next(feed).await;
        assert!(matches!(heard, Err(Fault::CursorExpired)), "something was missed, and this came next: {heard:?}");
    }
    // Who comes back with a place that is kept goes on as on the other node.
    let mut resumed = open(scope(tenant), Some(kept_from)).await;
    let mut there = Feed::open(&server.app.hub, scope(tenant), Some(kept_from), &positions).await.expect("a stream");
    let young = next(&mut resumed).await.expect("what is kept");
    assert_eq!(young, next(&mut there).await.expect("what is kept"));
    tail.abort();
}
