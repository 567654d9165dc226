//! What an operation holds while it runs: its place among its client's, its turn, and the memory that its result takes.
//!
//! A small query may ask for much: the same long text of a hundred rows under fifty names is paid for by the field, not by the byte. So
//! the bytes are counted as values are made (`graphql::sizes` does), and kept count of until the client has taken them: what is
//! too large for one result is not made, and what a client does not read keeps it from more.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde::Serialize;

use super::seats::{Seat, Seats, Turn};
use crate::{
    auth::Viewer,
    error::{Fault, Result},
};

/// Memory is taken in pieces of so many bytes. The first of each result is free, so that most results never ask.
pub const PIECE: usize = 64 << 10;
/// More than any result may have.
const NO_ROOM: usize = usize::MAX / 2;

/// Cheap to clone.
#[derive(Clone)]
pub struct Running(Arc<Parts>);

struct Parts {
    viewer: Viewer,
    seat: Seat,
    turn: Mutex<Option<Turn>>,
    memory: Arc<Seats>,
    /// Bytes that one result may have.
    limit: usize,
    /// Bytes of the result that is being made.
    made: AtomicUsize,
    result: Mutex<Making>,
}

/// A result that is being made.
#[derive(Default)]
struct Making {
    pieces: Vec<Seat>,
    /// Why nothing comes of it.
    fault: Option<Fault>,
}

/// A result's place among the operations and in memory, until it is sent.
pub struct Held {
    _running: Running,
    _pieces: Vec<Seat>,
}

impl Running {
    pub fn new(viewer: Viewer, seat: Seat, memory: Arc<Seats>, limit: usize) -> Self {
        let (turn, made, result) = (Mutex::default(), AtomicUsize::new(0), Mutex::default());
        Self(Parts { viewer, seat, turn, memory, limit, made, result }.into())
    }

    /// Waits until it is this operation's turn to do something for an event. It has it until it [`rests`](Self::rest).
    pub async fn work(&self) {
        let turn = self.0.seat.turn().await;
        *self.0.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// Before it waits for something that may be long in coming: an event, or a client that reads.
    pub fn rest(&self) {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// So many bytes more are in the result. Fails when it is too large, or its client has too much that is not sent yet.
    pub fn grow(&self, bytes: usize) -> Result<(), Fault> {
        let before = self.0.made.fetch_add(bytes, Relaxed);
        let made = before.saturating_add(bytes);
        if made > self.0.limit {
            return Err(self.too_large());
        }
        if made / PIECE == before / PIECE {
            return Ok(());
        }
        self.take(&mut self.making(), made)
    }

    /// The result as JSON text, and what it holds until it is sent.
    pub fn text(&self, result: &impl Serialize) -> Result<(String, Held), Fault> {
        let mut making = std::mem::take(&mut *self.making());
        let made = self.0.made.swap(0, Relaxed);
        if let Some(fault) = making.fault.take() {
            return Err(fault);
        }
        let mut text = Capped { text: Vec::new(), limit: self.0.limit };
        // Nothing but the limit can fail: results have text for names, and no numbers that JSON has not.
        if made > self.0.limit || serde_json::to_writer(&mut text, result).is_err() {
            return Err(self.too_large());
        }
        let text = String::from_utf8(text.text).map_err(Fault::internal)?;
        making.pieces.truncate(text.len() / PIECE);
        self.take(&mut making, text.len())?;
        Ok((text, Held { _running: self.clone(), _pieces: making.pieces }))
    }

    fn take(&self, making: &mut Making, bytes: usize) -> Result<(), Fault> {
        while making.pieces.len() < bytes / PIECE {
            match self.0.memory.take(&self.0.viewer) {
                Ok(piece) => making.pieces.push(piece),
                Err(full) => {
                    self.0.made.store(NO_ROOM, Relaxed);
                    *making = Making { fault: Some(full.clone()), ..Making::default() };
                    return Err(full);
                }
            }
        }
        Ok(())
    }

    fn too_large(&self) -> Fault {
        Fault::LimitExceeded(format!("The result is larger than {} bytes: ask for less at once.", self.0.limit))
    }

    fn making(&self) -> MutexGuard<'_, Making> {
        self.0.result.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Text that does not grow past a limit.
struct Capped {
    text: Vec<u8>,
    limit: usize,
}

impl io::Write for Capped {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.text.len() + more.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
