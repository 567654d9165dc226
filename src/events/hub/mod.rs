//! One tail of the log per node, and its subscribers.
//!
//! The hub reads what is new, once, keeps the newest part in a ring (64 MiB: what those who come back want most), and puts each record into the
//! mailboxes of those whom it may concern: all subscribers of the tenant, or the users that a private event names. A
//! mailbox is bounded; a subscriber whose mailbox is full is let go, and goes back to scanning the log by itself.

mod state;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{broadcast, mpsc, watch},
    time::timeout,
};

use self::state::{State, Subscriber};
use super::{Cursor, Epoch, Kind, Place, Record, Scope, log, position::Position};
use crate::{
    clock::Clock,
    db::{Db, Watermark},
    error::{Fault, Result},
    ids::TenantId,
    metrics::EventMetrics,
    trouble::Trouble,
};

/// Records that wait for a subscriber at most.
const MAILBOX: usize = 256;
/// Records for nodes that wait at most.
const NEWS: usize = 1_024;
/// Ids that are read into the ring at the start.
const RING_START: i64 = 5_000;
/// Rows that the tail reads from the log at once.
const STEP: i64 = 1_000;
/// Rows that one reader is given of the log at once.
pub(super) const GIVEN: usize = 100;
/// Bytes of them; more only where a single event has more. A stream keeps it for as long as its
/// client does not read.
const GIVEN_BYTES: usize = 256 << 10;
/// The net under lost wake-ups.
const POLL: Duration = Duration::from_secs(1);
const AFTER_ERROR: Duration = Duration::from_millis(500);
/// How long a new epoch that somebody knows of may take to arrive here.
const EPOCH_PATIENCE: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    metrics: EventMetrics,
    /// Up to where this node has read the log: the state's place, to be had without its lock.
    place: watch::Sender<Place>,
    next_subscriber: AtomicU64,
    news: broadcast::Sender<Arc<Record>>,
    state: Mutex<State>,
}

/// A place in the hub; leaving it is dropping this.
pub(super) struct Subscription {
    hub: Hub,
    id: u64,
    scope: Arc<Scope>,
    pub mailbox: mpsc::Receiver<Arc<Record>>,
    /// The watermark as it was when the mailbox was put up: it gets everything above, and nothing below.
    pub pinned: i64,
}

/// For metrics.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    pub watermark: i64,
    pub ring_bytes: usize,
    pub ring_events: usize,
    pub subscribers: usize,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("watermark", &self.watermark()).finish_non_exhaustive()
    }
}

impl Hub {
    /// Reads where the log stands and fills the ring.
    pub async fn open(db: &Db, clock: &Clock, metrics: EventMetrics) -> Result<Self> {
        let end = Watermark::new(db).read(None).await?;
        db.held.no_more();
        let state = filled(db, end, &metrics).await?;
        Ok(Self(Arc::new(Shared {
            db: db.clone(),
            clock: clock.clone(),
            metrics,
            place: watch::Sender::new(state.place),
            next_subscriber: AtomicU64::new(0),
            news: broadcast::Sender::new(NEWS),
            state: Mutex::new(state),
        })))
    }

    /// Tails the log for as long as it is polled.
    pub async fn run(self) {
        let mut watermark = Watermark::new(&self.0.db);
        let mut trouble = Trouble::with("reading the event log");
        loop {
            let woken = self.0.db.wake.hub.notified();
            if let Err(error) = self.advance(&mut watermark).await {
                self.0.db.held.still();
                trouble.failed(&error.describe());
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
            trouble.went_well();
            self.0.db.held.no_more();
            let _ = timeout(POLL, woken).await;
        }
    }

    async fn advance(&self, watermark: &mut Watermark) -> Result<()> {
        let place = self.place();
        let end = watermark.read(Some(place)).await?;
        if end.epoch != place.epoch {
            self.begin_again(end).await?;
            self.0.metrics.epochs.inc();
            tracing::warn!(epoch = %end.epoch, "the log has begun a new epoch: the streams of the old one end");
            return Ok(());
        }
        let mut after = place.id;
        while after < end.id {
            let Some((records, reached)) = read(&self.0.db, after, end.id).await? else {
                tracing::warn!(
                    after,
                    "events that this node has not read are no longer kept: streams that wait for them end"
                );
                return self.begin_again(end).await;
            };
            self.publish(records, reached);
            after = reached;
        }
        Ok(())
    }

    /// What is known does not go on: the log has begun a new epoch, or a part of it is missing. Running streams find their
    /// mailboxes gone and go back to scanning, where they learn whether that concerns them.
    async fn begin_again(&self, end: Place) -> Result<()> {
        let fresh = filled(&self.0.db, end, &self.0.metrics).await?;
        let old = {
            let mut state = self.state();
            state.let_all_go();
            self.0.place.send_replace(fresh.place);
            std::mem::replace(&mut *state, fresh)
        };
        // Not under the lock: it may be large.
        drop(old);
        Ok(())
    }

    /// Up to where this node has read the log.
    pub fn place(&self) -> Place {
        *self.0.place.borrow()
    }

    /// The id up to which this node has read the log.
    pub fn watermark(&self) -> i64 {
        self.place().id
    }

    /// Returns when something after this event has been read.
    pub async fn goes_past(&self, id: i64) {
        // The sender is `self`: it is there for as long as this is polled.
        let _ = self.0.place.subscribe().wait_for(|place| place.id > id).await;
    }

    pub fn epoch(&self) -> Epoch {
        self.place().epoch
    }

    /// The cursor of where `tenant`'s log ends by now.
    pub fn end(&self, tenant: TenantId) -> Cursor {
        Cursor::new(tenant, self.place())
    }

    /// The cursor of an id in `tenant`'s log.
    pub fn cursor(&self, tenant: TenantId, id: i64) -> Cursor {
        Cursor { epoch: self.epoch(), tenant, id }
    }

    /// Waits until this node has noticed an epoch that the database knows already.
    pub(super) async fn reach(&self, epoch: Epoch) -> Result<()> {
        let mut place = self.0.place.subscribe();
        let before = place.borrow_and_update().epoch;
        if before == epoch {
            return Ok(());
        }
        self.0.db.wake.hub.notify_one();
        let next = timeout(EPOCH_PATIENCE, place.wait_for(|place| place.epoch != before)).await;
        match next {
            Ok(Ok(next)) if next.epoch == epoch => Ok(()),
            // There was another one since.
            Ok(Ok(_)) => Err(Fault::CursorExpired.into()),
            _ => Err(Fault::unavailable("this node has not read the log's new epoch yet").into()),
        }
    }

    /// From now on, what is for nodes: of all tenants, once each, unless the log was cut off before it could be read.
    pub fn news(&self) -> broadcast::Receiver<Arc<Record>> {
        self.0.news.subscribe()
    }

    pub(super) fn metrics(&self) -> &EventMetrics {
        &self.0.metrics
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.db
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, records: Vec<Record>, reached: i64) {
        let metrics = &self.0.metrics;
        let now = self.0.clock.now();
        let mut state = self.state();
        for record in records {
            metrics.read(record.kind.is_some());
            metrics.lag.observe(now.since(record.occurred_at).as_secs_f64());
            let record = Arc::new(record);
            if record.kind.is_some_and(Kind::is_for_nodes) {
                // Nobody may be listening.
                let _ = self.0.news.send(record.clone());
            }
            metrics.let_go.inc_by(state.deliver(&record));
            state.remember(record);
        }
        state.place.id = reached;
        self.0.place.send_replace(state.place);
    }

    /// CURSOR_EXPIRED when the log is in another epoch by now.
    pub(super) fn subscribe(&self, epoch: Epoch, scope: &Arc<Scope>, position: &Arc<Position>) -> Result<Subscription> {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let id = self.0.next_subscriber.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { scope: scope.clone(), position: position.clone(), mailbox: sender };
        let mut state = self.state();
        if state.place.epoch != epoch {
            return Err(Fault::CursorExpired.into());
        }
        state.admit(id, subscriber);
        position.attach();
        Ok(Subscription { hub: self.clone(), id, scope: scope.clone(), mailbox, pinned: state.place.id })
    }

    /// Reads a step of what `scope` takes of (`after`, `upto`] in `epoch`: from the ring, or from the log. CURSOR_EXPIRED when
    /// part of it is no longer kept, or of another epoch.
    pub(super) async fn read_step(
        &self,
        epoch: Epoch,
        scope: &Arc<Scope>,
        after: i64,
        upto: i64,
    ) -> Result<(Vec<Arc<Record>>, i64)> {
        let ring = self.state().examine(epoch, after, upto);
        if let Some((examined, reached)) = ring {
            return Ok(given(examined.into_iter().filter(|record| scope.takes(record)), reached));
        }
        let scope = scope.clone();
        let read = self.db().read(scope.tenant, async move |tx| {
            let most = i64::try_from(GIVEN).unwrap_or(i64::MAX);
            let (records, reached) = log::read_scope(scope.tenant, tx, &scope, after, upto, most).await?;
            // The floor is read last: had anything been deleted before the rows were read, it would show.
            let (now_epoch, floor) = log::state(tx).await?;
            if floor > after || now_epoch != epoch {
                return Err(Fault::CursorExpired.into());
            }
            Ok((records, reached))
        });
        let (records, reached) = read.await?;
        Ok(given(records.into_iter().map(Arc::new), reached))
    }

    pub fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            watermark: state.place.id,
            ring_bytes: state.ring_bytes,
            ring_events: state.ring.len(),
            subscribers: state.subscribers(),
        }
    }
}

/// The first of `records`, at most [`GIVEN`] and [`GIVEN_BYTES`], and up to which id they go; `reached` when that is all of them.
fn given(records: impl Iterator<Item = Arc<Record>>, reached: i64) -> (Vec<Arc<Record>>, i64) {
    let mut given: Vec<Arc<Record>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        bytes += record.size();
        let full = given.len() == GIVEN || bytes > GIVEN_BYTES;
        // One is given in any case, however large it is: else nobody would ever get past it.
        if let Some(last) = given.last().filter(|_| full) {
            let last = last.id;
            return (given, last);
        }
        given.push(record);
    }
    (given, reached)
}

/// A state without subscribers whose ring has the last events up to `end`.
async fn filled(db: &Db, end: Place, metrics: &EventMetrics) -> Result<State> {
    let mut start = end.id - RING_START;
    loop {
        let (_, floor) = db.across(async move |tx| log::state(tx).await).await?;
        start = start.max(floor);
        let mut state = State::new(Place { id: start, ..end });
        loop {
            if state.place.id >= end.id {
                return Ok(state);
            }
            let Some((records, reached)) = read(db, state.place.id, end.id).await? else { break };
            for record in records {
                metrics.read(record.kind.is_some());
                state.remember(Arc::new(record));
            }
            state.place.id = reached;
        }
        // Cut off while it was read: what is left begins later.
    }
}

/// A step of (`after`, `upto`], and how far it goes; `None` when part of it is no longer kept. Another node may have read it
/// long ago and deleted it since.
async fn read(db: &Db, after: i64, upto: i64) -> Result<Option<(Vec<Record>, i64)>> {
    db.across(async move |tx| {
        let read = log::read_all(tx, after, upto, STEP).await?;
        // The floor is read last: had anything been deleted before the rows were read, it would show.
        let (_, floor) = log::state(tx).await?;
        Ok((floor <= after).then_some(read))
    })
    .await
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.state().dismiss(self.id, &self.scope);
    }
}
