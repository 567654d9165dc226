//! What an operation holds while it runs: its place among its client's, its turn, and the memory that its result takes.
//!
//! A small query may ask for much: the same long text of a hundred rows under fifty names is paid for by the field, not by the byte. So
//! its text and the memory are counted as values are made (`graphql::bounds` does), and the text until the client has taken it: what
//! is too large for one result is not made, and what a client does not read keeps it from more.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::seats::{Seat, Seats, Turn, Work};
use crate::{
    auth::Viewer,
    error::{Fault, Result},
};

/// Memory is taken in pieces of so many bytes. The first of each result is free, so that most results never ask.
pub const PIECE: usize = 64 << 10;
/// How many of an operation's root fields are resolved at once, each with the questions it has for the database: one operation with
/// thirty pages is not to stand in front of everybody with all of them.
const ROOT_FIELDS: usize = 4;
/// More than any result may have.
const NO_ROOM: usize = usize::MAX / 2;

/// Cheap to clone.
#[derive(Clone)]
pub struct Running(Arc<Parts>);

struct Parts {
    viewer: Viewer,
    seat: Seat,
    _own: Vec<Seat>,
    turn: Mutex<Option<Turn>>,
    root_fields: Semaphore,
    memory: Arc<Seats>,
    /// Bytes that one result may have.
    limit: usize,
    /// Bytes that the text of the result that is being made will at least have.
    made: AtomicUsize,
    /// Bytes of memory that it takes while it is being made.
    taken: AtomicUsize,
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
    /// `limit`: bytes that one result may have. `own`: what the operation itself takes. Fails when its client has no room for that.
    pub fn new(viewer: Viewer, seat: Seat, memory: Arc<Seats>, limit: usize, own: usize) -> Result<Self, Fault> {
        let own = (0..own / PIECE).map(|_| memory.take(&viewer)).collect::<Result<_, _>>()?;
        let (turn, result, root_fields) = (Mutex::default(), Mutex::default(), Semaphore::new(ROOT_FIELDS));
        let (made, taken) = (0.into(), 0.into());
        Ok(Self(Parts { viewer, seat, _own: own, turn, root_fields, memory, limit, made, taken, result }.into()))
    }

    /// Waits until it is this operation's turn. It has it until it [`rests`](Self::rest).
    pub async fn work(&self, work: Work) {
        let turn = self.0.seat.turn(work).await;
        *self.0.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// Before it waits for something that may be long in coming: an event, or a client that reads.
    pub fn rest(&self) {
        self.0.turn.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until the next root field may be resolved, which is for as long as what this returns is there.
    pub async fn root_field(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.0.root_fields.acquire().await.ok()
    }

    /// There is more in the result: so many bytes of its text, and of memory. Fails when it is too large, or its client has too much that is
    /// not sent yet.
    pub fn grow(&self, text: usize, memory: usize) -> Result<(), Fault> {
        if self.0.made.fetch_add(text, Relaxed).saturating_add(text) > self.0.limit {
            return Err(self.too_large());
        }
        let before = self.0.taken.fetch_add(memory, Relaxed);
        let taken = before.saturating_add(memory);
        if taken / PIECE == before / PIECE {
            return Ok(());
        }
        let mut making = self.making();
        let found = self.take(&mut making.pieces, taken);
        if let Err(full) = &found {
            self.0.made.store(NO_ROOM, Relaxed);
            *making = Making { fault: Some(full.clone()), ..Making::default() };
        }
        found
    }

    /// The result as JSON text, and what it holds until it is sent. Whatever comes of it, the next result begins anew.
    pub fn text(&self, result: &impl Serialize) -> Result<(String, Held), Fault> {
        let Making { mut pieces, fault } = std::mem::take(&mut *self.making());
        let made = self.0.made.swap(0, Relaxed);
        self.0.taken.store(0, Relaxed);
        if let Some(fault) = fault {
            return Err(fault);
        }
        let mut text = Capped { text: Vec::new(), limit: self.0.limit };
        // Nothing but the limit can fail: results have text for names, and no numbers that JSON has not.
        if made > self.0.limit || serde_json::to_writer(&mut text, result).is_err() {
            return Err(self.too_large());
        }
        let text = String::from_utf8(text.text).map_err(Fault::internal)?;
        pieces.truncate(text.len() / PIECE);
        self.take(&mut pieces, text.len())?;
        Ok((text, Held { _running: self.clone(), _pieces: pieces }))
    }

    /// So many pieces as `bytes` need.
    fn take(&self, pieces: &mut Vec<Seat>, bytes: usize) -> Result<(), Fault> {
        while pieces.len() < bytes / PIECE {
            pieces.push(self.0.memory.take(&self.0.viewer)?);
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::{clock::Timestamp, ids::TenantId, users::Role};

    /// An operation of a client that may have `pieces`, whose own take `own` bytes.
    fn running(memory: &Arc<Seats>, own: usize) -> Result<Running, Fault> {
        let tenant = TenantId::from_client("00000000-0000-7000-8000-000000000001");
        let viewer = Viewer { tenant, user: "pat".into(), role: Role::Provider, expires_at: Timestamp::from_micros(0) };
        let operations = Seats::new("operations", "End one.", 9, 9);
        let seat = operations.take(&viewer).expect("a seat");
        Running::new(viewer, seat, memory.clone(), 1 << 20, own)
    }

    fn memory(pieces: usize) -> Arc<Seats> {
        Arc::new(Seats::new("pieces", "Read.", pieces, pieces))
    }

    #[test]
    fn what_there_is_no_room_for_is_told_in_a_result_of_its_own() {
        let memory = memory(2);
        let running = running(&memory, 0).expect("it takes nothing yet");
        running.grow(10, 2 * PIECE).expect("there is room for it");
        let full = running.grow(10, PIECE).expect_err("there is no more");
        assert_eq!(full.message(), "At most 2 pieces for one user on a server. Read.");
        assert!(running.grow(10, 10).is_err(), "nothing comes of this result");
        let told = running.text(&["what was made"]).err().expect("nothing comes of it");
        assert_eq!(told.message(), full.message());
        let (text, _held) = running.text(&["why"]).expect("there is room for that");
        assert_eq!(text, r#"["why"]"#);
    }

    #[test]
    fn the_memory_of_making_it_is_let_go_and_that_of_its_text_is_kept() {
        let memory = memory(8);
        let running = running(&memory, 0).expect("it takes nothing yet");
        running.grow(PIECE, 8 * PIECE).expect("there is room for it");
        let (_, held) = running.text(&"x".repeat(2 * PIECE)).expect("it is made");
        running.grow(0, 6 * PIECE).expect("six are free again");
        assert!(running.grow(0, PIECE).is_err(), "two are kept");
        drop((held, running.text(&()).err()));
        running.grow(0, 8 * PIECE).expect("all are free again");
    }

    #[test]
    fn an_operation_has_a_size_of_its_own() {
        let memory = memory(4);
        let large = running(&memory, 3 * PIECE).expect("there is room for it");
        assert!(running(&memory, 2 * PIECE).is_err());
        drop(large);
        assert!(running(&memory, 2 * PIECE).is_ok());
    }

    #[test]
    fn four_root_fields_are_resolved_at_once() {
        let running = running(&memory(1), 0).expect("it takes nothing yet");
        let mut at_once: Vec<_> =
            (0..ROOT_FIELDS).map(|_| running.root_field().now_or_never().expect("there is a place")).collect();
        assert!(running.root_field().now_or_never().is_none());
        at_once.pop();
        assert!(running.root_field().now_or_never().is_some());
    }
}
