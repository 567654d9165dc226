//! graphql-transport-ws as a pure state machine: what came in and what is due goes in, at most one [`Effect`] comes out.
//! No socket, no task, no clock: `session` does what the effects say.
//!
//! The rules are those of graphql-ws's PROTOCOL.md. Three are worth knowing when reading the code:
//!
//! - Nothing may be said of an operation after its client's `complete`. An id may be used again at once, so that what a
//!   stopped operation still had on the way is told apart by its [`Serial`], not by its id.
//! - `error` ends an operation; no `complete` follows it.
//! - Everything that is not in the protocol closes the socket with 4400. What the server itself limits (operations per
//!   socket) refuses the operation, and the socket stays.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::message::{self, ClientMessage};
use crate::{
    execution::{Outcome, Serial},
    gate::Parameters,
};

/// What the session must do.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Effect {
    Send(String),
    /// Check the token in this payload of `connection_init`, or the one of the upgrade, and report with
    /// [`Protocol::accepted`] or [`Protocol::end`].
    Authenticate(Map<String, Value>),
    /// Check the new token in the payload of this ping, and report with [`Protocol::renewed`] or [`Protocol::end`].
    Renew(Map<String, Value>),
    Start {
        serial: Serial,
        parameters: Parameters,
    },
    Stop(Serial),
    Close(Close),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Close {
    pub code: u16,
    pub reason: String,
}

/// Close codes of RFC 6455 and of graphql-ws. The graphql-ws client connects again after those marked "retried".
pub(super) mod close_code {
    pub(in crate::ws) const NORMAL: u16 = 1000;
    pub(in crate::ws) const PROTOCOL: u16 = 1002;
    /// The client went away without a word. Never sent.
    pub(in crate::ws) const ABNORMAL: u16 = 1006;
    pub(in crate::ws) const NOT_TEXT: u16 = 1007;
    pub(in crate::ws) const TOO_BIG: u16 = 1009;
    /// Retried.
    pub(in crate::ws) const RESTART: u16 = 1012;
    /// Retried.
    pub(in crate::ws) const TRY_AGAIN_LATER: u16 = 1013;
    pub(in crate::ws) const BAD_REQUEST: u16 = 4400;
    pub(in crate::ws) const UNAUTHORIZED: u16 = 4401;
    /// Retried: with a new token.
    pub(in crate::ws) const FORBIDDEN: u16 = 4403;
    /// Retried.
    pub(in crate::ws) const INIT_TIMEOUT: u16 = 4408;
    pub(in crate::ws) const ID_IN_USE: u16 = 4409;
    pub(in crate::ws) const TOO_MANY_INITS: u16 = 4429;
    /// Retried.
    pub(in crate::ws) const SILENT: u16 = 4499;
    pub(in crate::ws) const INTERNAL: u16 = 4500;
}

/// A close frame has room for 125 bytes, two of them for the code.
const MAX_REASON_BYTES: usize = 123;
/// Intervals without a sign of life.
const MAX_SILENCE: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Waiting for `connection_init`.
    Opened,
    /// The token is being checked.
    Checking,
    Acknowledged,
    Closed,
}

#[derive(Debug)]
pub(super) struct Protocol {
    phase: Phase,
    max_operations: usize,
    operations: HashMap<Serial, String>,
    started: u64,
    /// Intervals since anything was heard of the client.
    silence: u8,
}

impl Protocol {
    pub(super) fn new(max_operations: usize) -> Self {
        Self { phase: Phase::Opened, max_operations, operations: HashMap::new(), started: 0, silence: 0 }
    }

    /// A text frame came.
    pub(super) fn text(&mut self, text: &str) -> Option<Effect> {
        if self.phase == Phase::Closed {
            return None;
        }
        self.heard();
        match message::parse(text) {
            Ok(ClientMessage::Ping { payload }) => Some(self.pinged(payload)),
            Ok(ClientMessage::Pong) => None,
            Ok(ClientMessage::ConnectionInit { payload }) => Some(self.init(payload)),
            Ok(_) if self.phase != Phase::Acknowledged => {
                Some(self.close(close_code::UNAUTHORIZED, "Unauthorized: connection_ack has not been sent yet."))
            }
            Ok(ClientMessage::Subscribe { id, parameters }) => Some(self.subscribe(id, parameters)),
            Ok(ClientMessage::Complete { id }) => self.stop(&id),
            Err(reason) => Some(self.close(close_code::BAD_REQUEST, &reason)),
        }
    }

    /// A binary frame came.
    pub(super) fn binary(&mut self) -> Option<Effect> {
        self.end(close_code::BAD_REQUEST, "Messages must be text.")
    }

    /// A frame or a message over the limit came.
    pub(super) fn too_big(&mut self, limit: usize) -> Option<Effect> {
        self.end(close_code::TOO_BIG, &format!("A message has at most {limit} bytes."))
    }

    /// The client gave a sign of life.
    pub(super) fn heard(&mut self) {
        self.silence = 0;
    }

    /// Whether [`Protocol::init_overdue`] still matters.
    pub(super) fn waits_for_init(&self) -> bool {
        self.phase == Phase::Opened
    }

    /// The time allowed for `connection_init` is over.
    pub(super) fn init_overdue(&mut self) -> Option<Effect> {
        if self.waits_for_init() {
            return self.end(close_code::INIT_TIMEOUT, "Connection initialisation timeout: send connection_init.");
        }
        None
    }

    /// The token is good.
    pub(super) fn accepted(&mut self) -> Option<Effect> {
        if self.phase != Phase::Checking {
            return None;
        }
        self.phase = Phase::Acknowledged;
        Some(Effect::Send(message::CONNECTION_ACK.to_owned()))
    }

    /// The new token is good: the pong says so, and does not repeat it.
    pub(super) fn renewed(&self) -> Option<Effect> {
        (self.phase == Phase::Acknowledged).then(|| Effect::Send(message::pong(None)))
    }

    /// The new token could not be looked at: the old one stays, and the ping has its pong.
    pub(super) fn not_renewed(&self) -> Option<Effect> {
        (self.phase == Phase::Acknowledged).then(|| Effect::Send(message::not_renewed()))
    }

    /// The session has a reason of its own to close: the token, the frames, a shutdown.
    pub(super) fn end(&mut self, code: u16, reason: &str) -> Option<Effect> {
        (self.phase != Phase::Closed).then(|| self.close(code, reason))
    }

    /// An interval is over: pings, or closes when the client has been silent for too long.
    pub(super) fn interval(&mut self, cursor: Option<&str>) -> Option<Effect> {
        if self.phase == Phase::Closed {
            return None;
        }
        self.silence += 1;
        if self.silence >= MAX_SILENCE {
            return self.end(close_code::SILENT, "No answer to pings.");
        }
        Some(Effect::Send(message::ping(cursor)))
    }

    /// An operation reports. What a stopped operation had on the way is dropped.
    pub(super) fn report(&mut self, serial: Serial, outcome: &Outcome) -> Option<Effect> {
        let id = match outcome {
            Outcome::Next(result) => return Some(Effect::Send(message::next(self.operations.get(&serial)?, result))),
            Outcome::Failed(_) | Outcome::Complete => self.operations.remove(&serial)?,
        };
        Some(Effect::Send(match outcome {
            Outcome::Failed(errors) => message::error(&id, errors),
            _ => message::complete(&id),
        }))
    }

    fn pinged(&self, payload: Option<Map<String, Value>>) -> Effect {
        match payload {
            Some(payload) if self.phase == Phase::Acknowledged && message::authorization(&payload).is_some() => {
                Effect::Renew(payload)
            }
            payload => Effect::Send(message::pong(payload.as_ref())),
        }
    }

    fn init(&mut self, payload: Map<String, Value>) -> Effect {
        if self.phase != Phase::Opened {
            return self.close(close_code::TOO_MANY_INITS, "Too many initialisation requests.");
        }
        self.phase = Phase::Checking;
        Effect::Authenticate(payload)
    }

    fn subscribe(&mut self, id: String, parameters: Parameters) -> Effect {
        if self.serial(&id).is_some() {
            return self.close(close_code::ID_IN_USE, &format!("Subscriber for {id} already exists."));
        }
        if self.operations.len() >= self.max_operations {
            let message = format!("At most {} operations run on one socket: complete one first.", self.max_operations);
            let errors = serde_json::json!([{"message": message, "extensions": {"code": "LIMIT_EXCEEDED"}}]);
            return Effect::Send(message::error(&id, &errors.to_string()));
        }
        self.started += 1;
        let serial = Serial(self.started);
        self.operations.insert(serial, id);
        Effect::Start { serial, parameters }
    }

    /// The `complete` of an operation that has just ended by itself crosses the server's on the way: nothing to do.
    fn stop(&mut self, id: &str) -> Option<Effect> {
        let serial = self.serial(id)?;
        self.operations.remove(&serial);
        Some(Effect::Stop(serial))
    }

    fn serial(&self, id: &str) -> Option<Serial> {
        self.operations.iter().find_map(|(serial, used)| (used == id).then_some(*serial))
    }

    fn close(&mut self, code: u16, reason: &str) -> Effect {
        self.phase = Phase::Closed;
        self.operations.clear();
        let reason = reason[..reason.floor_char_boundary(MAX_REASON_BYTES)].to_owned();
        Effect::Close(Close { code, reason })
    }
}

#[cfg(test)]
mod tests;
