//! The protocol message by message, as a client would see it.

use serde_json::{Value, json};

use super::*;

fn opened() -> Protocol {
    Protocol::new(2)
}

fn acknowledged() -> Protocol {
    let mut protocol = opened();
    assert!(matches!(protocol.text(r#"{"type":"connection_init"}"#), Some(Effect::Authenticate(_))));
    assert_eq!(sent(protocol.accepted()), json!({"type": "connection_ack"}));
    protocol
}

fn subscribe(id: &str) -> String {
    json!({"id": id, "type": "subscribe", "payload": {"query": "{ a }"}}).to_string()
}

fn started(effect: Option<Effect>) -> Serial {
    match effect {
        Some(Effect::Start { serial, .. }) => serial,
        other => panic!("expected a start, got {other:?}"),
    }
}

fn sent(effect: Option<Effect>) -> Value {
    match effect {
        Some(Effect::Send(text)) => serde_json::from_str(&text).expect("JSON"),
        other => panic!("expected a message, got {other:?}"),
    }
}

#[track_caller]
fn closed(effect: Option<Effect>) -> (u16, String) {
    match effect {
        Some(Effect::Close(Close { code, reason })) => {
            assert!(reason.len() <= 123, "{reason}");
            assert!(!reason.is_empty());
            (code, reason)
        }
        other => panic!("expected a close, got {other:?}"),
    }
}

#[test]
fn init_hands_its_payload_to_the_check() {
    let mut protocol = opened();
    let effect = protocol.text(r#"{"type":"connection_init","payload":{"authorization":"Bearer x"}}"#);
    let Some(Effect::Authenticate(payload)) = effect else { panic!("{effect:?}") };
    assert_eq!(payload["authorization"], "Bearer x");
    assert!(!protocol.waits_for_init());
}

#[test]
fn a_second_init_is_4429_before_and_after_the_ack() {
    let mut checking = opened();
    checking.text(r#"{"type":"connection_init"}"#);
    assert_eq!(closed(checking.text(r#"{"type":"connection_init"}"#)).0, 4429);
    assert_eq!(closed(acknowledged().text(r#"{"type":"connection_init","payload":{}}"#)).0, 4429);
}

#[test]
fn anything_but_ping_and_pong_before_the_ack_is_4401() {
    for message in [subscribe("1"), json!({"id": "1", "type": "complete"}).to_string()] {
        assert_eq!(closed(opened().text(&message)).0, 4401, "{message}");
        let mut checking = opened();
        checking.text(r#"{"type":"connection_init"}"#);
        assert_eq!(closed(checking.text(&message)).0, 4401, "{message}");
    }
    let mut protocol = opened();
    assert_eq!(sent(protocol.text(r#"{"type":"ping"}"#)), json!({"type": "pong"}));
    assert_eq!(protocol.text(r#"{"type":"pong"}"#), None);
    assert!(protocol.waits_for_init());
}

#[test]
fn a_missing_init_is_4408_and_a_late_timer_harmless() {
    assert_eq!(closed(opened().init_overdue()).0, 4408);
    assert_eq!(acknowledged().init_overdue(), None);
}

#[test]
fn a_refused_token_is_4403_with_the_reason_given() {
    let mut protocol = opened();
    protocol.text(r#"{"type":"connection_init"}"#);
    let (code, reason) = closed(protocol.end(close_code::FORBIDDEN, "The token is not valid."));
    assert_eq!((code, reason.as_str()), (4403, "The token is not valid."));
    assert_eq!(protocol.accepted(), None);
}

#[test]
fn ping_is_echoed_by_pong() {
    let pong = sent(acknowledged().text(r#"{"type":"ping","payload":{"b":[1,2.5,"x"],"a":null}}"#));
    assert_eq!(pong, json!({"type": "pong", "payload": {"b": [1, 2.5, "x"], "a": null}}));
}

#[test]
fn a_payload_of_null_is_none() {
    let mut protocol = opened();
    assert_eq!(sent(protocol.text(r#"{"type":"ping","payload":null}"#)), json!({"type": "pong"}));
    assert_eq!(protocol.text(r#"{"type":"pong","payload":null}"#), None);
    let effect = protocol.text(r#"{"type":"connection_init","payload":null}"#);
    assert_eq!(effect, Some(Effect::Authenticate(Map::new())));
}

#[test]
fn what_is_not_in_the_protocol_is_4400() {
    for message in [
        "",
        "not json",
        "null",
        "[]",
        "\"ping\"",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"unknown"}"#,
        r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
        r#"{"type":"stop","id":"1"}"#,
        r#"{"type":"connection_terminate"}"#,
        r#"{"type":"connection_ack"}"#,
        r#"{"type":"next","id":"1","payload":{}}"#,
        r#"{"type":"error","id":"1","payload":[]}"#,
        r#"{"type":"ping","payload":1}"#,
        r#"{"type":"pong","payload":[]}"#,
        r#"{"type":"connection_init","payload":"x"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
        r#"{"type":"subscribe","id":"1"}"#,
        r#"{"type":"subscribe","id":"1","payload":null}"#,
        r#"{"type":"subscribe","id":"1","payload":{}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":1}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
        r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":"x"}}"#,
        r#"{"type":"complete"}"#,
        r#"{"type":"complete","id":""}"#,
    ] {
        assert_eq!(closed(acknowledged().text(message)).0, 4400, "{message}");
    }
    assert_eq!(closed(acknowledged().binary()).0, 4400);
    assert_eq!(closed(acknowledged().text(&subscribe(&"x".repeat(257)))).0, 4400);
    assert_eq!(closed(acknowledged().text(&format!(r#"{{"type":"{}"}}"#, "é".repeat(500)))).0, 4400);
    assert_eq!(closed(acknowledged().too_big(65_536)).0, 1009);
    assert_eq!(closed(acknowledged().text(&"[".repeat(60_000))).0, 4400);
}

#[test]
fn an_operation_sends_next_then_complete_and_frees_its_id() {
    let mut protocol = acknowledged();
    let first = started(protocol.text(&subscribe("a")));
    let next = sent(protocol.report(first, &Outcome::Next(r#"{"data":{"a":1}}"#.to_owned())));
    assert_eq!(next, json!({"id": "a", "type": "next", "payload": {"data": {"a": 1}}}));
    assert_eq!(sent(protocol.report(first, &Outcome::Complete)), json!({"id": "a", "type": "complete"}));
    assert_ne!(started(protocol.text(&subscribe("a"))), first);
}

#[test]
fn an_error_ends_the_operation_without_complete() {
    let mut protocol = acknowledged();
    let serial = started(protocol.text(&subscribe("a")));
    let error = sent(protocol.report(serial, &Outcome::Failed(r#"[{"message":"no"}]"#.to_owned())));
    assert_eq!(error, json!({"id": "a", "type": "error", "payload": [{"message": "no"}]}));
    assert_eq!(protocol.report(serial, &Outcome::Complete), None);
    started(protocol.text(&subscribe("a")));
}

#[test]
fn nothing_follows_the_clients_complete_even_when_the_id_is_used_again() {
    let mut protocol = acknowledged();
    let first = started(protocol.text(&subscribe("a")));
    assert_eq!(protocol.text(r#"{"id":"a","type":"complete"}"#), Some(Effect::Stop(first)));
    let second = started(protocol.text(&subscribe("a")));
    assert_eq!(protocol.report(first, &Outcome::Next("{}".to_owned())), None);
    assert_eq!(protocol.report(first, &Outcome::Complete), None);
    assert_eq!(sent(protocol.report(second, &Outcome::Next("{}".to_owned())))["id"], "a");
    assert_eq!(protocol.text(r#"{"id":"never","type":"complete"}"#), None);
}

#[test]
fn an_id_in_use_is_4409() {
    let mut protocol = acknowledged();
    started(protocol.text(&subscribe("a")));
    let (code, reason) = closed(protocol.text(&subscribe("a")));
    assert_eq!((code, reason.as_str()), (4409, "Subscriber for a already exists."));
    let mut protocol = acknowledged();
    let long = "é".repeat(128);
    started(protocol.text(&subscribe(&long)));
    assert_eq!(closed(protocol.text(&subscribe(&long))).0, 4409);
}

#[test]
fn an_operation_over_the_cap_is_refused_and_the_socket_stays() {
    let mut protocol = acknowledged();
    let first = started(protocol.text(&subscribe("a")));
    started(protocol.text(&subscribe("b")));
    let refusal = sent(protocol.text(&subscribe("c")));
    assert_eq!((&refusal["id"], &refusal["type"]), (&json!("c"), &json!("error")));
    assert_eq!(refusal["payload"][0]["extensions"]["code"], "LIMIT_EXCEEDED");
    assert!(protocol.report(first, &Outcome::Complete).is_some());
    started(protocol.text(&subscribe("c")));
}

#[test]
fn a_silent_client_is_pinged_once_and_then_closed() {
    let mut protocol = acknowledged();
    assert_eq!(sent(protocol.interval(None)), json!({"type": "ping"}));
    assert_eq!(closed(protocol.interval(None)).0, 4499);

    let mut answering = acknowledged();
    for _ in 0..10 {
        let ping = sent(answering.interval(Some("c\"1")));
        assert_eq!(ping, json!({"type": "ping", "payload": {"cursor": "c\"1"}}));
        assert_eq!(answering.text(r#"{"type":"pong"}"#), None);
    }
    for _ in 0..10 {
        sent(answering.interval(None));
        answering.heard();
    }
}

#[test]
fn a_closed_socket_says_and_does_nothing_more() {
    let mut protocol = acknowledged();
    let serial = started(protocol.text(&subscribe("a")));
    assert_eq!(closed(protocol.end(close_code::RESTART, "The server restarts.")).0, 1012);
    assert_eq!(protocol.report(serial, &Outcome::Next("{}".to_owned())), None);
    assert_eq!(protocol.text(&subscribe("b")), None);
    assert_eq!(protocol.interval(None), None);
    assert_eq!(protocol.binary(), None);
    assert_eq!(protocol.end(close_code::RESTART, "The server restarts."), None);
    assert_eq!(protocol.accepted(), None);
}
