//! What users are told of, where, how often and when: set through the API and by nobody else, looked up for many at once.

use std::collections::BTreeSet;

use leadcast::{
    ids::UserId,
    notifications::{NotificationType, Priority},
    preferences::{Channel, Frequency, of_users},
};
use serde_json::{Value, json};

use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, PAT, PREFERENCES, QUINN, RIVAL, ROBOT, Who},
    both_engines,
    market::{Market, few_at_once},
    sql::Sql,
};

both_engines!(
    the_defaults_are_as_documented,
    what_is_set_stays_until_it_is_changed,
    the_nearest_layer_and_the_topic_decide,
    a_rule_can_be_taken_back,
    sent_again_nothing_changes,
    changes_at_once_do_not_undo_each_other,
    there_is_an_end_to_rules,
    many_are_looked_up_at_once,
    what_a_newer_version_has_set_is_passed_over,
);

/// How often notifications go out in the application, by e-mail, text message, push and webhook: DOMAIN.md's table.
#[rustfmt::skip]
const DEFAULTS: [(&str, [&str; 5]); 9] = [
    ("LEAD_MATCHED",     ["INSTANT", "DAILY",   "OFF", "OFF", "OFF"]),
    ("LEAD_COMPETITIVE", ["INSTANT", "OFF",     "OFF", "OFF", "OFF"]),
    ("LEAD_FULL",        ["INSTANT", "OFF",     "OFF", "OFF", "OFF"]),
    ("CLAIM_CONFIRMED",  ["INSTANT", "INSTANT", "OFF", "OFF", "OFF"]),
    ("LEAD_CLAIMED",     ["INSTANT", "INSTANT", "OFF", "OFF", "OFF"]),
    ("BALANCE_CHANGED",  ["OFF",     "OFF",     "OFF", "OFF", "OFF"]),
    ("BALANCE_LOW",      ["INSTANT", "INSTANT", "OFF", "OFF", "OFF"]),
    ("ANNOUNCEMENT",     ["INSTANT", "OFF",     "OFF", "OFF", "OFF"]),
    ("CUSTOM",           ["INSTANT", "OFF",     "OFF", "OFF", "OFF"]),
];
const CHANNELS: [&str; 5] = ["IN_APP", "EMAIL", "SMS", "PUSH", "WEBHOOK"];

fn rule(kind: &str, topic: Option<&str>, channel: &str, frequency: impl Into<Value>) -> Value {
    json!({ "type": kind, "topic": topic, "channel": channel, "frequency": frequency.into() })
}

fn default_rules() -> Vec<Value> {
    let of = |(kind, frequencies): &(&str, [&str; 5])| {
        CHANNELS.iter().zip(frequencies).map(|(to, often)| rule(kind, None, to, *often)).collect::<Vec<_>>()
    };
    DEFAULTS.iter().flat_map(of).collect()
}

/// The defaults with these rules in their places.
fn defaults_but(changes: &[Value]) -> Vec<Value> {
    let about = |rule: &Value| (rule["type"].clone(), rule["topic"].clone(), rule["channel"].clone());
    let mut rules = default_rules();
    for change in changes {
        let same = rules.iter_mut().find(|rule| about(rule) == about(change));
        match same {
            Some(rule) => rule.clone_from(change),
            // Topics are of the last type, and come after what is said of it.
            None => rules.push(change.clone()),
        }
    }
    rules
}

async fn shown(server: &TestServer, who: Who) -> Value {
    let answer = server.ask(who, &format!("{{ notificationPreferences {PREFERENCES} }}"), Value::Null).await;
    answer.field("notificationPreferences").clone()
}

async fn set(server: &TestServer, who: Who, input: Value) -> Value {
    server.act(who, "updateNotificationPreferences", input).await.done()["preferences"].clone()
}

/// The one of this type, topic and channel in a list.
fn frequency(preferences: &Value, kind: &str, topic: Option<&str>, channel: &str) -> Value {
    let rules = preferences["rules"].as_array().expect("rules").iter();
    let found: Vec<_> = rules
        .filter(|rule| rule["type"] == kind && rule["topic"].as_str() == topic && rule["channel"] == channel)
        .collect();
    assert!(found.len() <= 1, "{found:?}");
    found.first().map_or(Value::Null, |rule| rule["frequency"].clone())
}

async fn the_defaults_are_as_documented(engine: Engine) {
    let server = TestServer::start(engine).await;
    for who in [PAT, CASEY, ROBOT, ADMIN, RIVAL] {
        let expected = json!({ "id": who.user, "sound": true, "soundForPriorities": ["HIGH"], "quietHours": null,
            "rules": default_rules() });
        assert_eq!(shown(&server, who).await, expected, "{who:?}");
    }
    let settings = server.ask(PAT, "{ viewer { tenant { settings { defaultRules { type } } } } }", Value::Null).await;
    assert_eq!(settings.field("viewer")["tenant"]["settings"]["defaultRules"], json!([]));
}

async fn what_is_set_stays_until_it_is_changed(engine: Engine) {
    let server = TestServer::start(engine).await;
    let untouched = shown(&server, QUINN).await;
    let mut expected = shown(&server, PAT).await;
    let evening = json!({ "start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin", "exceptPriorities": [] });
    let afternoon = json!({ "start": "13:00", "end": "14:30", "timeZone": "America/New_York",
        "exceptPriorities": ["LOW", "HIGH"] });
    let (off, sms) = (rule("LEAD_MATCHED", None, "IN_APP", "OFF"), rule("LEAD_MATCHED", None, "SMS", "HOURLY"));
    let (daily, topic) = (rule("LEAD_MATCHED", None, "SMS", "DAILY"), rule("CUSTOM", Some("a"), "PUSH", "INSTANT"));
    for (input, changed) in [
        (json!({}), json!({})),
        (json!({ "sound": false }), json!({ "sound": false })),
        (
            json!({ "soundForPriorities": ["HIGH", "LOW", "HIGH"] }),
            json!({ "sound": false, "soundForPriorities": ["LOW", "HIGH"] }),
        ),
        (json!({ "soundForPriorities": [], "sound": true }), json!({ "sound": true, "soundForPriorities": [] })),
        // The zone's name as it is usually written.
        (
            json!({ "quietHours": { "start": "22:00", "end": "07:00", "timeZone": "europe/BERLIN" } }),
            json!({ "quietHours": evening }),
        ),
        (json!({ "rules": [off, sms] }), json!({ "rules": defaults_but(&[off.clone(), sms]) })),
        (
            json!({ "rules": [daily, topic] }),
            json!({ "rules": defaults_but(&[off.clone(), daily.clone(), topic.clone()]) }),
        ),
        (json!({ "rules": [] }), json!({})),
        // As a whole: what is left out of it is not what it was.
        (
            json!({ "quietHours": { "start": "13:00", "end": "14:30", "timeZone": "America/New_York",
                "exceptPriorities": ["HIGH", "LOW", "LOW"] } }),
            json!({ "quietHours": afternoon }),
        ),
        (json!({ "quietHours": evening }), json!({ "quietHours": evening })),
        (json!({ "quietHours": null }), json!({ "quietHours": null })),
    ] {
        for (field, value) in changed.as_object().expect("an object") {
            expected[field].clone_from(value);
        }
        assert_eq!(set(&server, PAT, input.clone()).await, expected, "{input}");
        assert_eq!(shown(&server, PAT).await, expected, "{input}");
    }
    // Nobody else notices: not in the tenant, nor the user of the same name in another.
    assert_eq!(shown(&server, QUINN).await, untouched);
    assert_eq!(shown(&server, Who { tenant: "rival", ..PAT }).await["rules"], json!(default_rules()));
}

async fn the_nearest_layer_and_the_topic_decide(engine: Engine) {
    let server = TestServer::start(engine).await;
    let topic = Some("order.status");
    let defaults = [
        rule("LEAD_MATCHED", None, "EMAIL", "HOURLY"),
        rule("CUSTOM", None, "EMAIL", "DAILY"),
        rule("CUSTOM", topic, "EMAIL", "INSTANT"),
    ];
    let input = json!({ "defaultRules": [defaults[1], defaults[2], defaults[0]] });
    let settings = server.act(ADMIN, "updateTenantSettings", input).await;
    assert_eq!(settings.done()["tenant"]["settings"]["defaultRules"], json!(defaults));
    assert_eq!(shown(&server, PAT).await["rules"], json!(defaults_but(&defaults)));
    // Other settings leave them alone; another tenant has its own.
    server.act(ADMIN, "updateTenantSettings", json!({ "currency": "ZAR" })).await.done();
    assert_eq!(shown(&server, PAT).await["rules"], json!(defaults_but(&defaults)));
    assert_eq!(shown(&server, Who { tenant: "rival", ..PAT }).await["rules"], json!(default_rules()));

    let (matched, custom) = (rule("LEAD_MATCHED", None, "EMAIL", "OFF"), rule("CUSTOM", None, "EMAIL", "OFF"));
    let own = set(&server, PAT, json!({ "rules": [matched, custom] })).await;
    assert_eq!(frequency(&own, "LEAD_MATCHED", None, "EMAIL"), "OFF");
    assert_eq!(frequency(&own, "CUSTOM", None, "EMAIL"), "OFF");
    // What the tenant says of the topic goes before what the user says of the type.
    assert_eq!(frequency(&own, "CUSTOM", topic, "EMAIL"), "INSTANT");
    let own = set(&server, PAT, json!({ "rules": [rule("CUSTOM", topic, "EMAIL", "OFF")] })).await;
    assert_eq!(frequency(&own, "CUSTOM", topic, "EMAIL"), "OFF");

    // Other defaults reach those who have not said otherwise, at once.
    let input = json!({ "defaultRules": [rule("LEAD_MATCHED", None, "EMAIL", "INSTANT")] });
    server.act(ADMIN, "updateTenantSettings", input).await.done();
    assert_eq!(frequency(&shown(&server, QUINN).await, "LEAD_MATCHED", None, "EMAIL"), "INSTANT");
    assert_eq!(frequency(&shown(&server, QUINN).await, "CUSTOM", topic, "EMAIL"), Value::Null);
    assert_eq!(shown(&server, PAT).await["rules"], own["rules"]);
    server.act(ADMIN, "updateTenantSettings", json!({ "defaultRules": [] })).await.done();
    assert_eq!(shown(&server, QUINN).await["rules"], json!(default_rules()));
}

async fn a_rule_can_be_taken_back(engine: Engine) {
    let server = TestServer::start(engine).await;
    let input = json!({ "defaultRules": [rule("CUSTOM", None, "EMAIL", "DAILY")] });
    server.act(ADMIN, "updateTenantSettings", input).await.done();
    let (of_type, of_topic) = (rule("CUSTOM", None, "EMAIL", "OFF"), rule("CUSTOM", Some("a"), "EMAIL", "INSTANT"));
    let own = set(&server, PAT, json!({ "rules": [of_type, of_topic] })).await;
    assert_eq!(own["rules"], json!(defaults_but(&[of_type, of_topic])));

    let own = set(&server, PAT, json!({ "rules": [rule("CUSTOM", None, "EMAIL", Value::Null)] })).await;
    assert_eq!(frequency(&own, "CUSTOM", None, "EMAIL"), "DAILY");
    assert_eq!(frequency(&own, "CUSTOM", Some("a"), "EMAIL"), "INSTANT");
    let nothing = json!({ "rules": [rule("CUSTOM", Some("a"), "EMAIL", Value::Null), rule("CUSTOM", Some("b"), "SMS", Value::Null)] });
    let own = set(&server, PAT, nothing).await;
    assert_eq!(own["rules"], json!(defaults_but(&[rule("CUSTOM", None, "EMAIL", "DAILY")])));
}

async fn sent_again_nothing_changes(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    let input = json!({ "sound": false, "rules": [rule("CUSTOM", Some("a"), "EMAIL", "DAILY")],
        "quietHours": { "start": "22:00", "end": "07:00", "timeZone": "Asia/Kolkata", "exceptPriorities": ["HIGH"] } });
    let first = set(&server, PAT, input.clone()).await;
    let row = "SELECT version || ' ' || CAST(updated_at AS text) FROM notification_preferences";
    let written = sql.text(row).await;
    assert!(written.starts_with("1 "), "{written}");
    assert_eq!(set(&server, PAT, input).await, first);
    assert_eq!(sql.text(row).await, written);
    set(&server, PAT, json!({ "sound": true })).await;
    assert!(sql.text(row).await.starts_with("2 "));
}

/// All are the first to set something.
async fn changes_at_once_do_not_undo_each_other(engine: Engine) {
    const TOPICS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let server = TestServer::start(engine).await;
    for market in Market::both(&server) {
        let pat = Who { tenant: market.tenant, ..PAT };
        let changes = TOPICS.iter().map(async |topic| {
            set(&server, pat, json!({ "rules": [rule("CUSTOM", Some(topic), "EMAIL", "DAILY")] })).await;
        });
        few_at_once(changes).await;
        let rules = TOPICS.map(|topic| rule("CUSTOM", Some(topic), "EMAIL", "DAILY"));
        assert_eq!(shown(&server, pat).await["rules"], json!(defaults_but(&rules)));
    }
}

async fn there_is_an_end_to_rules(engine: Engine) {
    let server = TestServer::start(engine).await;
    let rules = |from: usize, to: usize, frequency: Value| -> Vec<Value> {
        (from..to).map(|n| rule("CUSTOM", Some(&format!("topic {n}")), "EMAIL", frequency.clone())).collect()
    };
    set(&server, PAT, json!({ "rules": rules(0, 150, "DAILY".into()) })).await;
    let full = set(&server, PAT, json!({ "rules": rules(50, 200, "HOURLY".into()) })).await;
    assert_eq!(full["rules"].as_array().map(Vec::len), Some(45 + 200));
    let one_more = json!({ "rules": rules(200, 201, "DAILY".into()), "sound": false });
    let refused = server.act(PAT, "updateNotificationPreferences", one_more.clone()).await;
    assert_eq!(refused.refusals(), ["INVALID rules"]);
    assert_eq!(refused.payload()["preferences"], full);
    // Those that are there can be changed, and room can be made.
    set(&server, PAT, json!({ "rules": rules(0, 200, "OFF".into()) })).await;
    set(&server, PAT, json!({ "rules": rules(0, 1, Value::Null) })).await;
    set(&server, PAT, one_more).await;
}

async fn many_are_looked_up_at_once(engine: Engine) {
    let server = TestServer::start(engine).await;
    let defaults = |frequency| json!({ "defaultRules": [rule("ANNOUNCEMENT", None, "EMAIL", frequency)] });
    server.act(ADMIN, "updateTenantSettings", defaults("DAILY")).await.done();
    server.act(RIVAL, "updateTenantSettings", defaults("HOURLY")).await.done();
    let quiet = json!({ "start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin", "exceptPriorities": ["HIGH"] });
    let rules = json!([rule("ANNOUNCEMENT", None, "EMAIL", "OFF"), rule("CUSTOM", Some("a"), "PUSH", "HOURLY")]);
    set(&server, PAT, json!({ "rules": rules, "quietHours": quiet, "soundForPriorities": ["LOW"] })).await;

    let ask: Vec<UserId> = ["pat", "quinn", "nobody", "pat"].map(UserId::from).into();
    for (market, daily) in Market::both(&server).into_iter().zip([Frequency::Daily, Frequency::Hourly]) {
        let (tenant, users) = (market.tenant_id().await, ask.clone());
        let look_up = async move |tx: &_| of_users(tenant, tx, &users).await;
        let found = server.app.db.read(tenant, look_up).await.expect("preferences");
        assert_eq!(found.keys().cloned().collect::<BTreeSet<_>>(), ask.iter().cloned().collect());
        let often = |user: &str| found[&user.into()].frequency(NotificationType::Announcement, None, Channel::Email);
        let own = if market.tenant == "demo" { Frequency::Off } else { daily };
        assert_eq!([often("pat"), often("quinn"), often("nobody")], [own, daily, daily], "{}", market.tenant);
    }

    let tenant = Market::both(&server)[0].tenant_id().await;
    let found = server.app.db.read(tenant, async move |tx: &_| of_users(tenant, tx, &ask).await).await;
    let pat = found.expect("preferences").remove(&"pat".into()).expect("pat's");
    assert_eq!(pat.frequency(NotificationType::Custom, Some("a"), Channel::Push), Frequency::Hourly);
    assert_eq!(pat.frequency(NotificationType::Custom, Some("b"), Channel::Push), Frequency::Off);
    assert_eq!([pat.sounds(Priority::Low), pat.sounds(Priority::High)], [true, false]);
    // The night in which the clocks go forward.
    let [night, morning] = ["2026-03-28T23:30:00Z", "2026-03-29T05:00:00Z"].map(|at| at.parse().expect("a moment"));
    assert_eq!(pat.quiet_until(night, Priority::Normal), Some(morning));
    assert_eq!(pat.quiet_until(night, Priority::High), None);
    assert_eq!(pat.next_digest(Frequency::Hourly, night), Some(morning));

    let nobody = server.app.db.read(tenant, async move |tx: &_| of_users(tenant, tx, &[]).await).await;
    assert!(nobody.expect("nothing").is_empty());
}

/// Types, channels and frequencies may come, and their rules stay when an older version is put back.
async fn what_a_newer_version_has_set_is_passed_over(engine: Engine) {
    let server = TestServer::start(engine).await;
    let sql = Sql::of(&server).await;
    set(&server, PAT, json!({ "sound": false })).await;
    let rules = json!([
        { "type": "LEAD_BOOSTED", "channel": "EMAIL", "frequency": "DAILY" },
        { "type": "CUSTOM", "channel": "PIGEON", "frequency": "DAILY" },
        { "type": "CUSTOM", "channel": "SMS", "frequency": "DAILY", "shiny": true },
    ]);
    let value = if sql.is_sqlite() { format!("jsonb('{rules}')") } else { format!("'{rules}'::jsonb") };
    sql.run(&format!("UPDATE notification_preferences SET rules = {value}")).await.expect("a row");
    sql.run(&format!("UPDATE tenants SET default_rules = {value}")).await.expect("rows");
    server.act(ADMIN, "updateTenantSettings", json!({ "currency": "ZAR" })).await.done();
    for who in [PAT, QUINN] {
        assert_eq!(shown(&server, who).await["rules"], json!(defaults_but(&[rule("CUSTOM", None, "SMS", "DAILY")])));
    }
}
