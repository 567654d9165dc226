//! The messages of graphql-transport-ws: what a client may send, and the text of what the server sends.

use serde_json::{Map, Value};

use crate::{execution::json, gate::Parameters};

/// A message that a client may send.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum ClientMessage {
    ConnectionInit { payload: Map<String, Value> },
    Ping { payload: Option<Map<String, Value>> },
    Pong,
    Subscribe { id: String, parameters: Parameters },
    Complete { id: String },
}

/// An id is repeated in every message about its operation.
const MAX_ID_BYTES: usize = 256;

/// The error is the reason to close the socket with.
pub(super) fn parse(text: &str) -> Result<ClientMessage, String> {
    let Ok(message) = serde_json::from_str(text) else {
        return Err("A message must be JSON.".to_owned());
    };
    let Value::Object(mut message) = message else {
        return Err("A message must be a JSON object.".to_owned());
    };
    let Some(Value::String(kind)) = message.remove("type") else {
        return Err("A message must have a `type`.".to_owned());
    };
    match kind.as_str() {
        "connection_init" => Ok(ClientMessage::ConnectionInit { payload: payload(message)?.unwrap_or_default() }),
        "ping" => Ok(ClientMessage::Ping { payload: payload(message)? }),
        "pong" => payload(message).map(|_| ClientMessage::Pong),
        "subscribe" => {
            let id = id(&mut message)?;
            let Some(payload) = payload(message)? else {
                return Err("A subscribe message must have a payload.".to_owned());
            };
            Ok(ClientMessage::Subscribe { id, parameters: Parameters::from_json(Value::Object(payload))? })
        }
        "complete" => Ok(ClientMessage::Complete { id: id(&mut message)? }),
        _ => Err(format!("Clients of graphql-transport-ws send no message of type \"{kind}\".")),
    }
}

/// Null is none.
fn payload(mut message: Map<String, Value>) -> Result<Option<Map<String, Value>>, String> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err("A payload must be an object.".to_owned()),
    }
}

/// What a payload says of the token: `authorization`, however it is written.
pub(super) fn authorization(payload: &Map<String, Value>) -> Option<&Value> {
    let sent = payload.iter().find(|(key, value)| key.eq_ignore_ascii_case("authorization") && !value.is_null());
    sent.map(|(_, authorization)| authorization)
}

fn id(message: &mut Map<String, Value>) -> Result<String, String> {
    match message.remove("id") {
        Some(Value::String(id)) if id.len() > MAX_ID_BYTES => Err(format!("An id has at most {MAX_ID_BYTES} bytes.")),
        Some(Value::String(id)) if !id.is_empty() => Ok(id),
        _ => Err("This message must have an `id`: a string that is not empty.".to_owned()),
    }
}

pub(super) const CONNECTION_ACK: &str = r#"{"type":"connection_ack"}"#;

/// Says no more than the cursor below which everything has been sent; nothing when no stream runs.
pub(super) fn ping(cursor: Option<&str>) -> String {
    match cursor {
        Some(cursor) => format!(r#"{{"type":"ping","payload":{{"cursor":{}}}}}"#, json(cursor)),
        None => r#"{"type":"ping"}"#.to_owned(),
    }
}

pub(super) fn pong(payload: Option<&Map<String, Value>>) -> String {
    match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{}}}"#, json(payload)),
        None => r#"{"type":"pong"}"#.to_owned(),
    }
}

/// The pong to a ping whose token the socket did not go over to, and need not have done.
pub(super) fn not_renewed() -> String {
    r#"{"type":"pong","payload":{"renewed":false}}"#.to_owned()
}

/// `result` is an execution result as JSON text.
pub(super) fn next(id: &str, result: &str) -> String {
    format!(r#"{{"id":{},"type":"next","payload":{result}}}"#, json(id))
}

/// `errors` is a list of GraphQL errors as JSON text.
pub(super) fn error(id: &str, errors: &str) -> String {
    format!(r#"{{"id":{},"type":"error","payload":{errors}}}"#, json(id))
}

pub(super) fn complete(id: &str) -> String {
    format!(r#"{{"id":{},"type":"complete"}}"#, json(id))
}
