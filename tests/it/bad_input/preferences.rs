//! Preferences, and the tenant's defaults, which are refused alike.

use serde_json::{Value, json};

use super::{Case, NOT_OF_THE_TYPE, at, case, refuse, refused};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, PAT, with},
    both_engines,
};

both_engines!(rules, quiet_hours, sounds);

/// Rules that are refused, in a field of that name.
fn bad_rules(field: &str) -> Vec<Case> {
    let good = json!({ "type": "CUSTOM", "topic": "order.status", "channel": "EMAIL", "frequency": "DAILY" });
    let one = |change: Value, refusal: &str| case(at(field, json!([with(good.clone(), change)])), refusal);
    let strange = |change: Value| one(change, NOT_OF_THE_TYPE);
    let (topic, frequency) = (format!("INVALID {field}.0.topic"), format!("INVALID {field}.0.frequency"));
    let mut silent = good.clone();
    silent.as_object_mut().expect("a rule").remove("frequency");
    let many =
        |count: usize| (0..count).map(|n| with(good.clone(), json!({ "topic": n.to_string() }))).collect::<Vec<_>>();
    let general = with(good.clone(), json!({ "topic": null }));
    let mut cases: Vec<Case> = ["", " ", "\n", "a\nb", "a\tb", "a\u{0}b", &"x".repeat(101), &"x".repeat(40_000)]
        .map(|text| one(json!({ "topic": text }), &topic))
        .into();
    // Only CUSTOM has topics.
    cases.extend(
        [
            "LEAD_MATCHED",
            "LEAD_COMPETITIVE",
            "LEAD_FULL",
            "CLAIM_CONFIRMED",
            "LEAD_CLAIMED",
            "BALANCE_CHANGED",
            "BALANCE_LOW",
            "ANNOUNCEMENT",
        ]
        .map(|kind| one(json!({ "type": kind }), &topic)),
    );
    // What is shown in the application is not gathered.
    cases.extend(["HOURLY", "DAILY"].map(|often| one(json!({ "channel": "IN_APP", "frequency": often }), &frequency)));
    cases.extend([
        case(at(field, json!([silent])), frequency.clone()),
        case(at(field, Value::Null), format!("INVALID {field}")),
        case(at(field, json!(many(201))), format!("INVALID {field}")),
        // Twice about the same, with or without a topic, whatever they say; the others are in order.
        case(at(field, json!([good, good])), format!("INVALID {field}.1")),
        case(
            at(field, json!([good, general, with(good.clone(), json!({ "topic": " order.status " }))])),
            format!("INVALID {field}.2"),
        ),
        case(
            at(field, json!([general, good, with(general.clone(), json!({ "frequency": "OFF" }))])),
            format!("INVALID {field}.2"),
        ),
        // All that is wrong is said at once.
        case(
            at(
                field,
                json!([with(good.clone(), json!({ "topic": "" })), with(good.clone(), json!({ "channel": "IN_APP" }))]),
            ),
            format!("INVALID {field}.0.topic, INVALID {field}.1.frequency"),
        ),
        strange(json!({ "type": "LEAD_BOOSTED" })),
        strange(json!({ "type": null })),
        strange(json!({ "channel": "PIGEON" })),
        strange(json!({ "channel": null })),
        strange(json!({ "frequency": "YEARLY" })),
        strange(json!({ "frequency": 1 })),
        strange(json!({ "topic": 7 })),
        case(at(field, json!([null])), NOT_OF_THE_TYPE),
        case(at(field, json!("DAILY")), NOT_OF_THE_TYPE),
    ]);
    cases
}

async fn rules(engine: Engine) {
    let server = TestServer::start(engine).await;
    refuse(&server, PAT, "updateNotificationPreferences", &json!({ "sound": false }), bad_rules("rules")).await;
    let mut cases = bad_rules("defaultRules");
    let no_default = json!([{ "type": "CUSTOM", "channel": "EMAIL", "frequency": null }]);
    cases.push(case(at("defaultRules", no_default), "INVALID defaultRules.0.frequency"));
    refuse(&server, ADMIN, "updateTenantSettings", &json!({ "currency": "ZAR" }), cases).await;
}

async fn quiet_hours(engine: Engine) {
    let server = TestServer::start(engine).await;
    let good = json!({ "quietHours": { "start": "22:00", "end": "07:00", "timeZone": "Europe/Berlin" } });
    let no_times =
        ["", "7:00", "24:00", "12:60", "10 pm", "22.00", "22:00:00", " 22:00", "+2:00", "２２:00", "22:00\u{0}"];
    let no_zones = [
        "",
        " ",
        "Mars/Base",
        "+02:00",
        "UTC+2",
        "CEST",
        "Etc/Unknown",
        "Factory",
        "factory",
        "Europe/Berlin ",
        "../../etc/passwd",
    ];
    let long = "x".repeat(40_000);
    let cases = [
        refused("quietHours.start", "INVALID", no_times),
        refused("quietHours.end", "INVALID", no_times),
        refused("quietHours.end", "INVALID", ["22:00"]),
        refused("quietHours.timeZone", "INVALID", no_zones),
        refused("quietHours.timeZone", "INVALID", [long]),
        refused("quietHours.exceptPriorities", NOT_OF_THE_TYPE, [json!(["URGENT"]), json!([null]), json!(7)]),
        ["start", "end", "timeZone"]
            .map(|field| case(at(&format!("quietHours.{field}"), Value::Null), NOT_OF_THE_TYPE))
            .to_vec(),
        vec![
            case(
                json!({ "quietHours": { "start": "x", "end": "x", "timeZone": "x" }, "sound": null }),
                "INVALID quietHours.end, INVALID quietHours.start, INVALID quietHours.timeZone, INVALID sound",
            ),
            case(at("quietHours", "22:00"), NOT_OF_THE_TYPE),
        ],
    ];
    refuse(&server, PAT, "updateNotificationPreferences", &good, cases.concat()).await;
    // What was wrong with it is told.
    let done = server.act(PAT, "updateNotificationPreferences", with(good, at("quietHours.timeZone", "CEST"))).await;
    let message = done.payload()["userErrors"][0]["message"].as_str().expect("a message").to_owned();
    assert!(message.contains("IANA") && message.contains("Europe/Berlin"), "{message}");
}

async fn sounds(engine: Engine) {
    let server = TestServer::start(engine).await;
    let cases = [
        refused("sound", "INVALID", [Value::Null]),
        refused("soundForPriorities", "INVALID", [Value::Null]),
        refused("sound", NOT_OF_THE_TYPE, [json!("on"), json!(1)]),
        refused("soundForPriorities", NOT_OF_THE_TYPE, [json!(["URGENT"]), json!([null]), json!(7)]),
    ];
    refuse(&server, PAT, "updateNotificationPreferences", &json!({}), cases.concat()).await;
}
