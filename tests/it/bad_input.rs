//! What every mutation makes of bad input: a refusal with the way to the field, or a GraphQL error where the type itself
//! does not allow the value; and nothing written.

mod leads;
mod others;
mod preferences;
mod queries;

use serde_json::{Value, json};

use crate::support::{
    TestServer,
    api::{Who, with},
    sql::Sql,
};

/// GraphQL itself refuses the value: it is not of the type.
const NOT_OF_THE_TYPE: &str = "not of the type";

/// What is put into an otherwise good input, and what is said of it: the refusals, sorted and joined.
type Case = (Value, String);

fn case(change: Value, refusal: impl Into<String>) -> Case {
    (change, refusal.into())
}

/// A change of one field, wherever it is: `location.country`.
fn at(path: &str, value: impl Into<Value>) -> Value {
    path.rsplit('.').fold(value.into(), |value, name| json!({ name: value }))
}

/// Values of a field, all refused in the same way.
fn refused<V: Into<Value>>(path: &str, code: &str, values: impl IntoIterator<Item = V>) -> Vec<Case> {
    let refusal = if code == NOT_OF_THE_TYPE { code.to_owned() } else { format!("{code} {path}") };
    values.into_iter().map(|value| case(at(path, value), refusal.clone())).collect()
}

/// A text that must be there, of at most `max` characters.
fn text(path: &str, max: usize) -> Vec<Case> {
    [
        refused(path, "INVALID", ["", " ", "\n\t "]),
        optional_text(path, max),
        refused(path, NOT_OF_THE_TYPE, not_texts()),
    ]
    .concat()
}

/// A text that may be missing.
fn optional_text(path: &str, max: usize) -> Vec<Case> {
    let too_long = ["x".repeat(max + 1), "é".repeat(max + 1), "x".repeat(40_000)];
    let unprintable = ["a\u{0}b", "\u{1}", "a\u{7f}", "a\u{85}b", "bell\u{7}", "\u{1b}[31mred"].map(str::to_owned);
    refused(path, "INVALID", [too_long.to_vec(), unprintable.to_vec()].concat())
}

fn not_texts() -> Vec<Value> {
    vec![json!(7), json!(true), json!(["x"]), json!({ "x": "y" })]
}

/// Credits or an amount.
fn money(path: &str) -> Vec<Case> {
    let out_of_range = [
        json!(-1),
        json!(9_007_199_254_740_992_i64),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e30),
        json!(-1e30),
    ];
    let strange = [json!(1.5), json!("7"), json!(true), json!([7]), json!(0.1)];
    [refused(path, "INVALID", out_of_range), refused(path, NOT_OF_THE_TYPE, strange)].concat()
}

/// A number of at least 1 and at most `max`.
fn count(path: &str, max: i64) -> Vec<Case> {
    let out_of_range = [0, -1, max + 1, i64::from(i32::MAX), i64::from(i32::MIN)];
    let strange = [json!(2_147_483_648_i64), json!(i64::MAX), json!(1.5), json!("7"), json!(1e30)];
    [refused(path, "INVALID", out_of_range), refused(path, NOT_OF_THE_TYPE, strange)].concat()
}

/// An id that names nothing.
fn unknown(path: &str) -> Vec<Case> {
    let long = "9".repeat(10_000);
    let ids = [
        "0190a5a0-0000-7000-8000-000000000000",
        "",
        "no id",
        "\u{0}",
        "00000000-0000-0000-0000-000000000000",
        "-1",
        &long,
    ];
    [refused(path, "NOT_FOUND", ids), refused(path, NOT_OF_THE_TYPE, [json!(true), json!(null), json!(1.5)])].concat()
}

/// A text that cannot be the id of a user.
fn no_user_id(path: &str) -> Vec<Case> {
    let (long, wide) = ("x".repeat(129), "é".repeat(129));
    refused(path, "INVALID", ["", " ", " padded", "padded\n", "a\u{0}b", "\u{1}", &long, &wide])
}

fn email(path: &str) -> Vec<Case> {
    let long = format!("{}@example.com", "x".repeat(250));
    refused(
        path,
        "INVALID",
        [
            "casey",
            "casey@",
            "@example.com",
            "c@localhost",
            "c c@example.com",
            "c@d@example.com",
            "c>d@example.com",
            "c,d@example.com",
            "c@example..com",
            ".c@example.com",
            "c@exa\u{0}mple.com",
            &long,
        ],
    )
}

fn phone(path: &str) -> Vec<Case> {
    let long = "1".repeat(21);
    refused(path, "INVALID", ["call me", "1234", "082 123 456b", "082\u{0}1234567", "0821234567;ext=1", &long])
}

fn no_moment(path: &str) -> Vec<Case> {
    let texts = [
        "",
        "tomorrow",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "12026-01-01T00:00:00Z",
        "1760000000",
        "2026-01-01T25:00:00Z",
        "\u{0}",
    ];
    [
        refused(path, NOT_OF_THE_TYPE, texts),
        refused(path, NOT_OF_THE_TYPE, [json!(1_760_000_000), json!(true), json!({})]),
    ]
    .concat()
}

/// Sends a good input with each change, and expects the refusal and an untouched database.
async fn refuse(server: &TestServer, who: Who, mutation: &str, good: &Value, cases: Vec<Case>) {
    server.ask(who, "{ viewer { id } }", Value::Null).await.data();
    let sql = Sql::of(server).await;
    let before = sql.traces().await;
    assert!(!cases.is_empty());
    for (change, expected) in cases {
        let what = shortened(&format!("{mutation} with {change}"));
        let done = server.act(who, mutation, with(good.clone(), change)).await;
        if expected == NOT_OF_THE_TYPE {
            let body = &done.answer.body;
            assert!(body["data"].is_null() && body["errors"].is_array(), "{what}: {body}");
            assert_ne!(body["errors"][0]["extensions"]["code"], "INTERNAL", "{what}: {body}");
        } else {
            let mut refusals = done.refusals();
            refusals.sort_unstable();
            assert_eq!(refusals.join(", "), expected, "{what}");
            assert!(done.payload()["entry"].is_null() && done.payload()["replayed"] != true, "{what}: {}", done.answer);
        }
        assert_eq!(sql.traces().await, before, "{what} has written something");
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
