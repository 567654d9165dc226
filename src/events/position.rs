//! How far a stream has come. It advances by what was examined, not by what was delivered, so that a client whose stream is
//! quiet still gets young cursors (in the server's pings) and never has to come back with one that has expired.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use super::hub::Hub;

/// The place of one stream.
#[derive(Debug, Default)]
pub struct Position {
    /// Everything up to here was examined, and handed on if it was to be.
    examined: AtomicI64,
    /// Records that the hub has put into the mailbox and the stream has not handed on yet.
    waiting: AtomicUsize,
    /// Whether the hub delivers to the mailbox: it stops when the mailbox is full.
    attached: AtomicBool,
    /// Whether what came before the mailbox is still being scanned.
    scanning: AtomicBool,
}

impl Position {
    pub(super) fn examined(&self) -> i64 {
        self.examined.load(Ordering::Acquire)
    }

    pub(super) fn advance(&self, id: i64) {
        self.examined.fetch_max(id, Ordering::AcqRel);
    }

    pub(super) fn expect_one(&self) {
        self.waiting.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn one_done(&self) {
        self.waiting.fetch_sub(1, Ordering::AcqRel);
    }

    /// By the hub, under its lock: a new, empty mailbox, to be read after the scan.
    pub(super) fn attach(&self) {
        self.scanning.store(true, Ordering::Release);
        self.waiting.store(0, Ordering::Release);
        self.attached.store(true, Ordering::Release);
    }

    /// By the hub, before the watermark passes what the mailbox had no room for.
    pub(super) fn detach(&self) {
        self.attached.store(false, Ordering::Release);
    }

    pub(super) fn scanned(&self) {
        self.scanning.store(false, Ordering::Release);
    }

    /// A live stream with an empty mailbox has examined everything up to the watermark. The watermark is read first: what
    /// the hub routed up to it is then either in the mailbox's count or done.
    pub(super) fn current(&self, hub: &Hub) -> i64 {
        let watermark = hub.watermark();
        let live = self.attached.load(Ordering::Acquire) && !self.scanning.load(Ordering::Acquire);
        if live && self.waiting.load(Ordering::Acquire) == 0 {
            self.advance(watermark);
        }
        self.examined()
    }
}

/// The positions of all streams of a socket.
#[derive(Clone, Debug, Default)]
pub struct Positions(Arc<Mutex<Vec<(Weak<Position>, Hub)>>>);

impl Positions {
    pub(super) fn add(&self, position: &Arc<Position>, hub: &Hub) {
        let mut positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.retain(|(position, _)| position.strong_count() > 0);
        positions.push((Arc::downgrade(position), hub.clone()));
    }

    /// The place from which none of the streams would miss anything; `None` without streams.
    pub fn smallest(&self) -> Option<i64> {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        positions.iter().filter_map(|(position, hub)| Some(position.upgrade()?.current(hub))).min()
    }
}
