//! How far a stream has come. It advances by what was examined, not by what was delivered, so that a client whose stream is
//! quiet still gets young cursors (in the server's pings) and never has to come back with one that has expired.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use super::{Cursor, Epoch, Place, hub::Hub};
use crate::ids::TenantId;

/// The place of one stream.
#[derive(Debug)]
pub struct Position {
    /// The history that the stream reads.
    epoch: Epoch,
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
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            examined: AtomicI64::default(),
            waiting: AtomicUsize::default(),
            attached: AtomicBool::default(),
            scanning: AtomicBool::default(),
        }
    }

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

    /// The place in `tenant`'s log from which none of the streams would miss anything. `None` without streams, and while some
    /// of them belong to an epoch that has ended: they are about to end, too.
    pub fn smallest(&self, tenant: TenantId) -> Option<Cursor> {
        let positions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let live = positions.iter().filter_map(|(position, hub)| Some((position.upgrade()?, hub)));
        let places: Vec<_> =
            live.map(|(position, hub)| Place { epoch: position.epoch, id: position.current(hub) }).collect();
        let smallest = places.iter().min_by_key(|place| place.id)?;
        let of_one_epoch = places.iter().all(|place| place.epoch == smallest.epoch);
        of_one_epoch.then(|| Cursor::new(tenant, *smallest))
    }
}
