//! What holds of the protocol whatever a client sends, in whatever order things happen. The tests and `tests/fuzz` share it.
//!
//! A [`Witness`] sees what goes in and what comes out, and knows the promises but not how they are kept.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::protocol::{Close, Effect, Protocol};
use crate::execution::{Outcome, Serial};

const MAX_OPERATIONS: usize = 3;
const MAX_REASON_BYTES: usize = 123;
const CODES: [u16; 14] = [1000, 1002, 1007, 1009, 1012, 1013, 4400, 4401, 4403, 4408, 4409, 4429, 4499, 4500];

/// What happens to a socket.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    Text(String),
    Binary,
    TooBig,
    /// A ping or a pong of WebSocket's own.
    Frame,
    InitOverdue,
    Accepted,
    Renewed,
    End(u16, String),
    Interval(Option<String>),
    /// The operation that was started in this place, from 0, reports.
    Report(u64, Outcome),
}

/// A line is a step: its first letter says which. Any other line is a message.
pub fn any_bytes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    any_steps(&text.split('\n').map(Step::read).collect::<Vec<_>>());
}

impl Step {
    fn read(line: &str) -> Self {
        let mut letters = line.chars();
        let first = letters.next();
        let rest = letters.as_str().to_owned();
        let digit = line.as_bytes().get(1).map_or(0, |digit| u64::from(digit.wrapping_sub(b'0') % 8));
        match first {
            Some('b') => Self::Binary,
            Some('t') => Self::TooBig,
            Some('p') => Self::Frame,
            Some('o') => Self::InitOverdue,
            Some('a') => Self::Accepted,
            Some('r') => Self::Renewed,
            Some('x') => Self::End(CODES[rest.len() % CODES.len()], rest),
            Some('i') => Self::Interval(Some(rest).filter(|cursor| !cursor.is_empty())),
            Some('n') => Self::Report(digit, Outcome::Next(r#"{"data":{"a":1}}"#.to_owned())),
            Some('f') => Self::Report(digit, Outcome::Failed(r#"[{"message":"no"}]"#.to_owned())),
            Some('c') => Self::Report(digit, Outcome::Complete),
            _ => Self::Text(line.to_owned()),
        }
    }
}

/// Panics when a promise is broken.
pub fn any_steps(steps: &[Step]) {
    let mut protocol = Protocol::new(MAX_OPERATIONS);
    let mut witness = Witness::default();
    for step in steps {
        let effect = match step {
            Step::Text(text) => protocol.text(text),
            Step::Binary => protocol.binary(),
            Step::TooBig => protocol.too_big(1_000),
            Step::Frame => {
                protocol.heard();
                None
            }
            Step::InitOverdue => protocol.init_overdue(),
            Step::Accepted => protocol.accepted(),
            Step::Renewed => protocol.renewed(),
            Step::End(code, reason) => protocol.end(*code, reason),
            Step::Interval(cursor) => protocol.interval(cursor.as_deref()),
            Step::Report(place, outcome) => protocol.report(Serial(place + 1), outcome),
        };
        witness.sees(step, effect.as_ref());
    }
}

#[derive(Default)]
struct Witness {
    asked: bool,
    acknowledged: bool,
    closed: bool,
    silence: usize,
    started: HashSet<Serial>,
    running: HashMap<Serial, String>,
}

impl Witness {
    fn sees(&mut self, step: &Step, effect: Option<&Effect>) {
        assert!(!self.closed || effect.is_none(), "after the end: {effect:?}");
        let was_open = !self.closed;
        match effect {
            Some(Effect::Send(text)) => self.sent(step, text),
            Some(Effect::Close(close)) => self.ends(step, close),
            Some(Effect::Authenticate(_)) => {
                assert!(!std::mem::replace(&mut self.asked, true), "a token is asked for once");
                assert_eq!(kind(step).as_deref(), Some("connection_init"));
            }
            Some(Effect::Renew(payload)) => {
                assert!(self.acknowledged && kind(step).as_deref() == Some("ping"));
                assert!(payload.keys().any(|key| key.eq_ignore_ascii_case("authorization")));
            }
            Some(Effect::Start { serial, .. }) => {
                let id = member(step, "id").expect("a subscribe message");
                assert!(self.acknowledged && kind(step).as_deref() == Some("subscribe"));
                assert!(self.started.insert(*serial), "{serial:?} is used twice");
                assert!(!self.running.values().any(|used| *used == id), "{id} is in use");
                self.running.insert(*serial, id);
                assert!(self.running.len() <= MAX_OPERATIONS);
            }
            Some(Effect::Stop(serial)) => {
                assert_eq!(kind(step).as_deref(), Some("complete"));
                assert_eq!(self.running.remove(serial), member(step, "id"), "another one is stopped");
            }
            None => self.nothing(step),
        }
        self.silence = match step {
            Step::Interval(_) => self.silence + 1,
            Step::Text(_) | Step::Frame => 0,
            _ => self.silence,
        };
        let hopeless =
            matches!(step, Step::Text(text) if !serde_json::from_str(text).is_ok_and(|sent: Value| sent.is_object()));
        let over = hopeless || self.silence >= 2 || matches!(step, Step::Binary | Step::TooBig | Step::End(..));
        assert!(!(was_open && over) || self.closed, "this ends the connection");
    }

    fn sent(&mut self, step: &Step, text: &str) {
        let message: Value = serde_json::from_str(text).expect("JSON");
        let members: HashSet<_> = message.as_object().expect("an object").keys().map(String::as_str).collect();
        let (kind_sent, id) = (message["type"].as_str().expect("a type"), message["id"].as_str());
        let has = |wanted: &[&str]| members == wanted.iter().copied().collect();
        match kind_sent {
            "connection_ack" => {
                assert!(has(&["type"]) && *step == Step::Accepted && self.asked);
                assert!(!std::mem::replace(&mut self.acknowledged, true), "there is one acknowledgement");
            }
            "ping" => {
                assert!(has(&["type"]) || has(&["type", "payload"]) && message["payload"]["cursor"].is_string());
                assert!(matches!(step, Step::Interval(_)));
            }
            "pong" => {
                assert!(has(&["type"]) || has(&["type", "payload"]) && message["payload"].is_object());
                assert!(kind(step).as_deref() == Some("ping") || *step == Step::Renewed && self.acknowledged);
            }
            "next" => {
                assert!(has(&["id", "type", "payload"]) && message["payload"].is_object());
                let Step::Report(place, Outcome::Next(_)) = step else { panic!("{step:?} gave {text}") };
                assert_eq!(self.running.get(&Serial(place + 1)).map(String::as_str), id, "nobody waits for it");
            }
            "error" => {
                assert!(has(&["id", "type", "payload"]));
                let errors = message["payload"].as_array().expect("a list");
                assert!(!errors.is_empty() && errors.iter().all(|error| error["message"].is_string()));
                self.over(step, id);
            }
            "complete" => {
                assert!(has(&["id", "type"]) && matches!(step, Step::Report(_, Outcome::Complete)));
                self.over(step, id);
            }
            other => panic!("the server sends no {other}"),
        }
    }

    /// An operation has ended; or has not begun, because there are too many.
    fn over(&mut self, step: &Step, id: Option<&str>) {
        if let Step::Report(place, _) = step {
            assert_eq!(self.running.remove(&Serial(place + 1)).as_deref(), id, "nobody waits for it");
        } else {
            assert_eq!((kind(step).as_deref(), member(step, "id").as_deref()), (Some("subscribe"), id));
            assert!(self.acknowledged && self.running.len() == MAX_OPERATIONS);
            assert!(!self.running.values().any(|used| Some(used.as_str()) == id), "it is running");
        }
    }

    fn ends(&mut self, step: &Step, Close { code, reason }: &Close) {
        assert!(CODES.contains(code), "{code}");
        assert!(reason.len() <= MAX_REASON_BYTES, "{reason}");
        assert!(!matches!(step, Step::Accepted | Step::Renewed | Step::Report(..) | Step::Frame), "{step:?}: {reason}");
        self.closed = true;
        self.running.clear();
    }

    /// What has to be answered is not passed over.
    fn nothing(&self, step: &Step) {
        if self.closed {
            return;
        }
        match step {
            Step::Text(_) => {
                let known = member(step, "id").is_some_and(|id| self.running.values().any(|used| *used == id));
                assert!(kind(step).is_some_and(|kind| kind == "pong" || kind == "complete" && !known), "{step:?}");
            }
            Step::Report(place, _) => assert!(!self.running.contains_key(&Serial(place + 1)), "{step:?} is lost"),
            Step::Accepted => assert!(!self.asked || self.acknowledged),
            Step::Renewed => assert!(!self.acknowledged),
            Step::InitOverdue => assert!(self.asked),
            Step::Frame => {}
            Step::Binary | Step::TooBig | Step::End(..) | Step::Interval(_) => panic!("{step:?} is passed over"),
        }
    }
}

fn kind(step: &Step) -> Option<String> {
    member(step, "type")
}

fn member(step: &Step, name: &str) -> Option<String> {
    let Step::Text(text) = step else { return None };
    serde_json::from_str::<Value>(text).ok()?[name].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_payload() -> impl Strategy<Value = Option<Value>> {
        let bodies = [
            json!({}),
            json!({ "query": "{ a }" }),
            json!({ "query": "{ a }", "variables": { "v": [1, null] }, "operationName": null }),
            json!({ "query": 1 }),
            json!({ "authorization": "Bearer x" }),
            json!({ "Authorization": null }),
            json!([]),
            json!(null),
        ];
        prop::option::weighted(0.9, prop::sample::select(bodies.to_vec()))
    }

    /// Valid, and almost.
    fn any_message() -> impl Strategy<Value = String> {
        let kinds = ["ping", "pong", "complete", "next", "connection_ack", "x"];
        let kind = prop_oneof![
            5 => Just("subscribe"),
            2 => Just("complete"),
            1 => Just("connection_init"),
            2 => prop::sample::select(kinds.to_vec()),
        ];
        let id = prop_oneof![8 => "[1-4]", 1 => Just(String::new()), 1 => ".{250,260}"];
        (kind, prop::option::weighted(0.9, id), any_payload()).prop_map(|(kind, id, payload)| {
            let mut message = json!({ "type": kind });
            for (name, value) in [("id", id.map(Value::from)), ("payload", payload)] {
                if let Some(value) = value {
                    message[name] = value;
                }
            }
            message.to_string()
        })
    }

    fn good_message() -> impl Strategy<Value = String> {
        let subscribe = |id| json!({ "type": "subscribe", "id": id, "payload": { "query": "{ a }" } }).to_string();
        prop_oneof![
            3 => "[1-5]".prop_map(subscribe),
            2 => "[1-5]".prop_map(|id| json!({ "type": "complete", "id": id }).to_string()),
            1 => Just(json!({ "type": "ping" }).to_string()),
            1 => Just(json!({ "type": "ping", "payload": { "authorization": "Bearer x" } }).to_string()),
        ]
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let outcome = prop_oneof![
            4 => Just(Outcome::Next(r#"{"data":null}"#.to_owned())),
            1 => Just(Outcome::Failed(r#"[{"message":"no"}]"#.to_owned())),
            1 => Just(Outcome::Complete),
        ];
        prop_oneof![
            40 => good_message().prop_map(Step::Text),
            1 => any_message().prop_map(Step::Text),
            20 => (0_u64..12, outcome).prop_map(|(place, outcome)| Step::Report(place, outcome)),
            4 => Just(Step::Frame),
            2 => prop::option::of(".{0,8}").prop_map(Step::Interval),
            2 => prop_oneof![Just(Step::InitOverdue), Just(Step::Accepted), Just(Step::Renewed)],
            1 => rare_step(),
        ]
    }

    fn rare_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Binary),
            Just(Step::TooBig),
            (prop::sample::select(CODES.to_vec()), ".{0,200}").prop_map(|(code, reason)| Step::End(code, reason)),
            prop_oneof![".{0,30}", any_message()].prop_map(Step::Text),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn from_the_opening(steps in prop::collection::vec(prop_oneof![any_step(), rare_step()], 0..12)) {
            any_steps(&steps);
        }

        #[test]
        fn once_acknowledged(steps in prop::collection::vec(any_step(), 0..120)) {
            let init = Step::Text(json!({ "type": "connection_init" }).to_string());
            any_steps(&[vec![init, Step::Accepted], steps].concat());
        }

        #[test]
        fn any_input_is_survived(text in "(\\PC{0,40}\n|[abtporxinfc][0-9]?\n){0,12}") {
            any_bytes(text.as_bytes());
        }
    }

    #[test]
    fn the_corpus() {
        crate::corpus::replay("ws", any_bytes);
    }
}
