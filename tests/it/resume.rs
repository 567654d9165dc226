//! Nothing is missed: a subscriber that goes away and comes back, one that polls, and one that does not keep up, all get
//! every event once and in order.

use std::sync::OnceLock;

use futures_util::future::{join, join_all};
use leadcast::{
    config::Settings,
    db::Watermark,
    events::{Kind, NewEvent, log},
};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer, both_engines,
    market::{EVENT, FACTS, Market, events_stream, is_opening, listeners, number, until},
    socket::{Heard, RawSocket, Socket, Subscription},
    soon,
};

both_engines!(
    whoever_comes_back_gets_what_it_missed_and_then_what_comes,
    whoever_polls_gets_the_same_page_by_page,
    a_long_way_back_is_scanned_in_steps,
    a_reader_that_does_not_keep_up_loses_nothing,
    a_reader_that_does_not_keep_up_with_others_loses_nothing,
    a_reader_of_one_type_that_does_not_keep_up_loses_nothing,
    every_ping_carries_a_cursor_that_loses_nothing,
    the_pings_of_a_quiet_stream_move_on,
);

/// A provider's streams: the field, and the type of its events. All but `events` have one type.
const STREAMS: [(&str, &str); 5] = [
    ("leadCreated", "LeadCreatedEvent"),
    ("leadClaimed", "LeadClaimedEvent"),
    ("leadUpdated", "LeadUpdatedEvent"),
    ("claimUpdated", "ClaimUpdatedEvent"),
    ("balanceUpdated", "BalanceUpdatedEvent"),
];

fn document(field: &str) -> String {
    if field == "events" {
        return events_stream();
    }
    format!("subscription($after: Cursor) {{ {field}(after: $after) {{ ...event }} }} {EVENT}")
}

/// One event of each of a provider's types: a lead opens, `pat` claims it, its text is changed.
async fn a_round(market: Market<'_>, name: &str) -> Value {
    let lead = market.open(name, json!({ "price": 1 })).await;
    market.claim("pat", &lead).await.field("claimLead");
    market.update(&lead, json!({ "title": format!("{name}, changed") })).await.field("updateLead");
    lead
}

/// All streams of `pat`, from a cursor each (`null`: from now on); `events` is the last.
async fn open_all(market: Market<'_>, after: &[Value; 6]) -> (Socket, Vec<Subscription>) {
    let mut socket = market.socket("pat").await;
    let fields = STREAMS.iter().map(|(field, _)| *field).chain(["events"]);
    let streams = fields.zip(after).map(|(field, after)| socket.subscribe(&document(field), json!({ "after": after })));
    let streams = streams.collect();
    (socket, streams)
}

/// The next event of each of the five streams, and the next five of `events`.
async fn read_a_round(streams: &mut [Subscription]) -> Vec<Vec<Value>> {
    let mut read = Vec::new();
    for (n, stream) in streams.iter_mut().enumerate() {
        let mut events = Vec::new();
        for _ in 0..if n < STREAMS.len() { 1 } else { STREAMS.len() } {
            events.push(stream.next().await);
        }
        read.push(events);
    }
    read
}

fn lasting(event: &Value) -> Value {
    let mut event = event.clone();
    event["backlog"] = Value::Null;
    event
}

async fn whoever_comes_back_gets_what_it_missed_and_then_what_comes(engine: Engine) {
    let server = TestServer::start(engine).await;
    let markets = Market::both(&server);
    let [market, _] = markets;
    let rounds = |name: &'static str| async move { join_all(markets.map(|market| a_round(market, name))).await };
    let stream_cursor = market.user("pat").stream_cursor().await;

    // Live, from now on.
    let (first_socket, mut streams) = open_all(market, &[const { Value::Null }; 6]).await;
    listeners(&server, 7).await;
    rounds("live").await;
    let live = read_a_round(&mut streams).await;
    drop((first_socket, streams));
    listeners(&server, 0).await;

    // Away.
    rounds("missed").await;
    rounds("missed too").await;
    tailed(&server).await;

    // Back, from the last event of each stream.
    let last: Vec<_> = live.iter().map(|events| events.last().expect("a round")["cursor"].clone()).collect();
    let (_second_socket, mut streams) = open_all(market, &last.try_into().expect("six streams")).await;
    let missed = [read_a_round(&mut streams).await, read_a_round(&mut streams).await];
    rounds("live again").await;
    let again = read_a_round(&mut streams).await;
    tailed(&server).await;

    // The same from the cursor of a query that was made before it all, as one who has seen none of it.
    let (_third_socket, mut streams) = open_all(market, &[(); 6].map(|()| stream_cursor.clone())).await;
    let [first, second, third, fourth] = [&live, &missed[0], &missed[1], &again];
    for (round, seen) in [("live", first), ("missed", second), ("missed too", third), ("live again", fourth)] {
        let replayed = read_a_round(&mut streams).await;
        check_round(seen, round);
        for (seen, replayed) in seen.iter().flatten().zip(replayed.iter().flatten()) {
            assert_eq!(lasting(seen), lasting(replayed));
            assert_eq!((&replayed["backlog"], &seen["backlog"]), (&json!(true), &json!(round.starts_with("missed"))));
        }
    }

    // Nothing came twice: the next thing in each stream is what happens next.
    rounds("fence").await;
    check_round(&read_a_round(&mut streams).await, "fence");
}

/// Each stream has its event of the round, and `events` all of them in the order in which they were caused.
fn check_round(streams: &[Vec<Value>], round: &str) {
    let (all, single) = streams.split_last().expect("six streams");
    for (events, (_, name)) in single.iter().zip(STREAMS) {
        assert_eq!(events[0]["__typename"], name);
        assert!(all.contains(&events[0]), "{:#} is not among {all:#?}", events[0]);
    }
    let names: Vec<_> = all.iter().map(|event| event["__typename"].as_str().expect("selected")).collect();
    let claimed = ["LeadCreatedEvent", "LeadClaimedEvent", "BalanceUpdatedEvent"];
    assert_eq!(names, [claimed.as_slice(), &["LeadUpdatedEvent", "ClaimUpdatedEvent"]].concat());
    let titles: Vec<_> = all.iter().filter_map(|event| event["lead"]["title"].as_str()).collect();
    let changed = format!("{round}, changed");
    assert_eq!(titles, ["Rewire a kitchen", "Rewire a kitchen", &changed, &changed]);
}

/// The polling twin, from `after` to the end, in pages of at most `first`.
async fn poll(market: Market<'_>, user: &str, after: &Value, first: usize) -> Vec<Value> {
    let document = format!(
        "query($after: Cursor!, $first: Int!) {{ events(after: $after, first: $first, types: {FACTS}) {{
            events {{ ...event }} endCursor hasMore }} }} {EVENT}"
    );
    let user = market.user(user);
    let (mut events, mut after) = (Vec::new(), after.clone());
    loop {
        let answer = user.query(&document, json!({ "after": after, "first": first })).await;
        let page = answer.field("events");
        let new = page["events"].as_array().expect("a list");
        assert!(new.len() <= first, "{answer}");
        events.extend(new.iter().cloned());
        after = page["endCursor"].clone();
        if page["hasMore"] != true {
            return events;
        }
    }
}

async fn whoever_polls_gets_the_same_page_by_page(engine: Engine) {
    let server = TestServer::start(engine).await;
    let markets = Market::both(&server);
    let [market, _] = markets;
    let start = market.mark().await;
    for n in 0..4 {
        join_all(markets.map(|market| async move { a_round(market, &format!("round {n}")).await })).await;
    }
    let fence = market.open("fence", json!({})).await;
    // A provider hears of three things a round, with what is its own of five; `admin` also of leads that wait.
    for (user, expected) in [("pat", 4 * 5 + 1), ("quinn", 4 * 3 + 1), ("admin", 4 * 5 + 2)] {
        let mut socket = market.socket(user).await;
        let mut stream = socket.subscribe(&events_stream(), json!({ "after": start }));
        let streamed = until(&mut stream, |event| is_opening(event, &fence)).await;
        assert_eq!(streamed.len(), expected, "{user}: {streamed:#?}");
        for first in [1, 3, 7, 500] {
            let polled = poll(market, user, &start, first).await;
            assert!(
                polled.iter().map(lasting).eq(streamed.iter().map(lasting)),
                "{user}, {first} at a time: {polled:#?}"
            );
        }
    }
}

/// The kind of the event with this number.
type Mix = fn(i64) -> Kind;

/// In a pattern that the steps of a scan do not fit: whichever event a step ends with, one of its kind comes next.
fn mixed(n: i64) -> Kind {
    if matches!(n % 7, 3..=5) { Kind::BalanceUpdated } else { Kind::LeadUpdated }
}

fn only_leads(_: i64) -> Kind {
    Kind::LeadUpdated
}

/// Appends events to the log as the server does, but without doing what they tell of: numbers `from` and on, each the
/// version of a lead or of `pat`'s wallet. Enough to fall behind takes no time.
async fn flood(market: Market<'_>, from: i64, count: i64, mix: Mix) {
    let (app, tenant) = (&market.server.app, market.tenant_id().await);
    let records = app.db.across(async move |tx| Ok(log::read_all(tx, 0, i64::MAX, 1_000).await?.0)).await;
    let records = records.expect("the log can be read");
    let pattern = |kind: Kind| {
        let mut records = records.iter().filter(|record| record.kind == Some(kind) && record.tenant == tenant);
        // Not of a lead that was just submitted, which providers do not see.
        let record = records.rfind(|record| kind != Kind::LeadUpdated || record.payload.contains("EDITED"));
        serde_json::from_str::<Value>(&record.expect("there is one").payload).expect("JSON")
    };
    let (mut lead_updated, mut balance_updated) = (pattern(Kind::LeadUpdated), pattern(Kind::BalanceUpdated));
    let events: Vec<_> = (from..from + count)
        .map(|n| {
            let kind = mix(n);
            let (users, subject, payload) = match kind {
                Kind::BalanceUpdated => (vec!["pat".into()], "wallet", &mut balance_updated),
                _ => (Vec::new(), "lead", &mut lead_updated),
            };
            payload[subject]["version"] = n.into();
            NewEvent::new(kind, users, payload).expect("not too large")
        })
        .collect();
    let now = app.clock.now();
    for some in events.chunks(1_000) {
        let some = some.to_vec();
        let appended = app.db.write(tenant, async move |tx| log::append(tenant, tx, now, some).await);
        appended.await.expect("events can be appended");
    }
}

/// The number that [`flood`] gave it.
fn flood_number(event: &Value) -> i64 {
    let subject = if event["__typename"] == "BalanceUpdatedEvent" { "wallet" } else { "lead" };
    number(&event[subject]["version"])
}

async fn a_long_way_back_is_scanned_in_steps(engine: Engine) {
    const EVENTS: i64 = 7_500;
    let server = TestServer::start(engine).await;
    let [market, rival] = Market::both(&server);
    join(a_round(market, "pattern"), a_round(rival, "pattern")).await;
    let start = market.mark().await;
    flood(market, 1, EVENTS / 2, mixed).await;
    flood(rival, 1, 500, mixed).await;
    flood(market, 1 + EVENTS / 2, EVENTS / 2, mixed).await;

    // A node that starts now keeps the newest part in memory; what is older it reads from the database, in steps.
    let node = server.second_node().await;
    let market = Market { server: &node, tenant: market.tenant };
    let mut socket = market.socket("pat").await;
    for (field, wanted) in [
        ("events", (|_| true) as fn(i64) -> bool),
        ("leadUpdated", |n| mixed(n) == Kind::LeadUpdated),
        ("balanceUpdated", |n| mixed(n) == Kind::BalanceUpdated),
    ] {
        let mut stream = socket.subscribe(&document(field), json!({ "after": start }));
        for n in (1..=EVENTS).filter(|n| wanted(*n)) {
            let event = stream.next().await;
            assert_eq!((flood_number(&event), &event["backlog"]), (n, &json!(true)), "{field}");
        }
        stream.complete();
    }
    let polled = poll(market, "pat", &start, 500).await;
    assert!(polled.iter().map(flood_number).eq(1..=EVENTS));
}

async fn a_reader_that_does_not_keep_up_loses_nothing(engine: Engine) {
    fall_behind(engine, "events", mixed, |_| true).await;
}

/// What it falls behind with is public; its own events, which are routed in another way, must not overtake that.
async fn a_reader_that_does_not_keep_up_with_others_loses_nothing(engine: Engine) {
    fall_behind(engine, "events", only_leads, |_| true).await;
}

async fn a_reader_of_one_type_that_does_not_keep_up_loses_nothing(engine: Engine) {
    fall_behind(engine, "leadUpdated", mixed, |n| mixed(n) == Kind::LeadUpdated).await;
}

/// Does not read from its socket until the hub has let it go; then reads on.
async fn fall_behind(engine: Engine, field: &str, mix: Mix, wanted: fn(i64) -> bool) {
    let server = TestServer::start_with(engine, patient).await;
    let [market, rival] = Market::both(&server);
    // Long events fill the buffers on the way sooner.
    let long = json!({ "description": "x".repeat(3_000), "price": 1 });
    let (lead, _) = join(market.open("pattern", long), a_round(rival, "pattern")).await;
    market.claim("pat", &lead).await.field("claimLead");
    market.update(&lead, json!({ "title": "Pattern" })).await.field("updateLead");
    market.mark().await;
    let types = if field == "events" { format!(", types: {FACTS}") } else { String::new() };
    let document = format!(
        "subscription($after: Cursor) {{ {field}(after: $after{types}) {{ ...long }} }} fragment long on Event {{
            __typename backlog ... on BalanceUpdatedEvent {{ wallet {{ version }} }}
            ... on LeadUpdatedEvent {{ lead {{ version a: description b: description c: description }} }} }}"
    );
    let mut socket = subscribed(market, &document, &Value::Null).await;
    let mailboxes = if field == "events" { 2 } else { 1 };
    listeners(&server, mailboxes).await;

    let mut last = 0;
    while server.app.hub.stats().subscribers == mailboxes {
        assert!(last < 100_000, "the hub lets nobody go");
        flood(market, last + 1, 200, mix).await;
        last += 200;
        tailed(&server).await;
    }
    // What comes while it is away from the hub, beside another tenant's.
    flood(market, last + 1, 300, mix).await;
    flood(rival, 1, 300, mixed).await;
    last += 300;
    tailed(&server).await;

    for n in (1..=last).filter(|n| wanted(*n)) {
        assert_eq!(numbered(socket.hear().await), (n, false));
    }
    // And live again.
    listeners(&server, mailboxes).await;
    flood(market, last + 1, 50, mixed).await;
    for n in (last + 1..=last + 50).filter(|n| wanted(*n)) {
        assert_eq!(numbered(socket.hear().await), (n, false));
    }
}

/// A client may take its time, and need not answer pings.
fn patient(settings: &mut Settings) {
    settings.limits.write_time = std::time::Duration::from_mins(10);
    settings.limits.ping_interval = std::time::Duration::from_mins(10);
}

/// A socket of `pat` with this subscription, for whoever wants to be slow or rude on it.
async fn subscribed(market: Market<'_>, document: &str, after: &Value) -> RawSocket {
    let mut socket = market.server.raw_socket().await;
    let authorization = format!("Bearer {}", market.token("pat"));
    socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await;
    assert!(matches!(socket.hear().await, Heard::Message(message) if message["type"] == "connection_ack"));
    let payload = json!({ "query": document, "variables": { "after": after } });
    socket.say(json!({ "id": "mine", "type": "subscribe", "payload": payload })).await;
    socket
}

/// Waits until the node has read the log to its end.
async fn tailed(server: &TestServer) {
    let last = Watermark::last_handed_out(&server.app.db).await.expect("the log has an end");
    soon("the tail", async {
        while server.app.hub.watermark() < last {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// The number of an event of [`flood`], and whether it was backlog.
fn numbered(heard: Heard) -> (i64, bool) {
    let Heard::Message(message) = heard else { panic!("an event was expected: {heard:?}") };
    let events = message["payload"]["data"].as_object().unwrap_or_else(|| panic!("an event was expected: {message:#}"));
    let event = events.values().next().expect("one field");
    (flood_number(event), event["backlog"] == true)
}

fn pinging(settings: &mut Settings) {
    settings.limits.ping_interval = std::time::Duration::from_millis(50);
}

async fn every_ping_carries_a_cursor_that_loses_nothing(engine: Engine) {
    const BATCHES: i64 = 80;
    const BATCH: i64 = 10;
    let server = TestServer::start_with(engine, pinging).await;
    let [market, rival] = Market::both(&server);
    join(a_round(market, "pattern"), a_round(rival, "pattern")).await;
    let start = market.mark().await;
    let write = async {
        for n in 0..BATCHES {
            flood(market, 1 + n * BATCH, BATCH, mixed).await;
            flood(rival, 1, 3, mixed).await;
        }
    };
    let read = async {
        let (mut after, mut seen, mut connection) = (start, 0, 0);
        while seen < BATCHES * BATCH {
            connection += 1;
            (after, seen) = read_until_pinged(market, after, seen, 1 + connection % 3, BATCHES * BATCH).await;
        }
        assert!(connection > 1, "no ping came in time to resume from");
    };
    join(write, read).await;
}

/// Reads on from `after`, having seen the numbers up to `seen`, until so many pings have come or the `last` number; then
/// goes away without a word. Returns the last ping's cursor, and how far it has come.
async fn read_until_pinged(
    market: Market<'_>,
    mut after: Value,
    mut seen: i64,
    pings: usize,
    last: i64,
) -> (Value, i64) {
    let mut socket = subscribed(market, &events_stream(), &after).await;
    let (mut pinged, mut before) = (0, None);
    while pinged < pings && seen < last {
        match socket.hear().await {
            Heard::Message(message) if message["type"] == "ping" => {
                socket.say(json!({ "type": "pong" })).await;
                if message["payload"]["cursor"].is_string() {
                    after = message["payload"]["cursor"].clone();
                    pinged += 1;
                }
            }
            heard @ Heard::Message(_) => {
                let (n, _) = numbered(heard);
                assert!(n <= seen + 1, "{n} came, but nothing between {seen} and it");
                assert!(before.is_none_or(|before| n == before + 1), "{n} came after {before:?}");
                (seen, before) = (seen.max(n), Some(n));
            }
            // Answering took too long on a loaded machine: one more who comes back.
            Heard::Closed { code, .. } => {
                assert_eq!(code, 4499);
                break;
            }
        }
    }
    (after, seen)
}

async fn the_pings_of_a_quiet_stream_move_on(engine: Engine) {
    let server = TestServer::start_with(engine, pinging).await;
    let [market, rival] = Market::both(&server);
    let start = market.mark().await;
    let end = OnceLock::new();
    let events_for_others = async {
        market.top_up("quinn", 1, "not for pat").await.field("topUpWallet");
        rival.open("not for this tenant", json!({})).await;
        tailed(&server).await;
        let cursor = market.user("pat").stream_cursor().await;
        assert_ne!(cursor, start);
        end.set(cursor).expect("set once");
    };
    let read = async {
        let mut socket = subscribed(market, &document("leadCreated"), &start).await;
        loop {
            match socket.hear().await {
                Heard::Message(message) if message["type"] == "ping" => {
                    socket.say(json!({ "type": "pong" })).await;
                    if end.get() == Some(&message["payload"]["cursor"]) {
                        return;
                    }
                }
                // Answering took too long on a loaded machine.
                Heard::Closed { code: 4499, .. } => {
                    socket = subscribed(market, &document("leadCreated"), &start).await;
                }
                other => panic!("only pings were expected: {other:?}"),
            }
        }
    };
    join(events_for_others, read).await;
}
