//! One tail of the log per node, and its subscribers.
//!
//! The hub reads what is new, once, keeps the newest part in a ring (64 MiB: what those who come back want most), and puts each record into the
//! mailboxes of those whom it may concern: all subscribers of the tenant, or the users that a private event names. A
//! mailbox is bounded; a subscriber whose mailbox is full is let go, and goes back to scanning the log by itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::mpsc;

use super::{Cursor, Epoch, Record, Scope, log, position::Position};
use crate::{
    db::{Db, Watermark},
    error::{Fault, Result},
    ids::{TenantId, UserId},
    metrics::EventCounters,
};

/// Records that wait for a subscriber at most.
const MAILBOX: usize = 256;
/// Bytes of the ring at most.
const RING_BYTES: usize = 64 << 20;
/// Ids that are read into the ring at the start.
const RING_START: i64 = 5_000;
/// Rows that are read from the log at once.
pub(super) const STEP: i64 = 1_000;
/// Ring records that are looked at under the lock at once.
const RING_STEP: usize = 5_000;
/// The net under lost wake-ups.
const POLL: Duration = Duration::from_secs(1);
const AFTER_ERROR: Duration = Duration::from_millis(500);

/// Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    db: Db,
    epoch: Epoch,
    counters: EventCounters,
    watermark: AtomicI64,
    next_subscriber: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest records of all tenants, by id.
    ring: VecDeque<Arc<Record>>,
    ring_bytes: usize,
    /// Every event above this id, up to the watermark, is in the ring.
    ring_floor: i64,
    /// What the tail has read. Behind it no new record will turn up.
    watermark: i64,
    tenants: HashMap<TenantId, Audience>,
}

#[derive(Default)]
struct Audience {
    public: HashMap<u64, Subscriber>,
    private: HashMap<UserId, HashMap<u64, Subscriber>>,
}

#[derive(Clone)]
struct Subscriber {
    scope: Arc<Scope>,
    position: Arc<Position>,
    mailbox: mpsc::Sender<Arc<Record>>,
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
    pub async fn open(db: &Db, counters: EventCounters) -> Result<Self> {
        let watermark = Watermark::new(db).read(0).await?;
        let (epoch, floor) = db.across(async move |tx| log::state(tx).await).await?;
        let ring_floor = floor.max(watermark - RING_START);
        let state = State { ring_floor, watermark: ring_floor, ..State::default() };
        let hub = Self(Arc::new(Shared {
            db: db.clone(),
            epoch,
            counters,
            watermark: AtomicI64::new(ring_floor),
            next_subscriber: AtomicU64::new(0),
            state: Mutex::new(state),
        }));
        hub.read_up_to(watermark).await?;
        Ok(hub)
    }

    /// Tails the log for as long as it is polled.
    pub async fn run(self) {
        let mut watermark = Watermark::new(&self.0.db);
        loop {
            let woken = self.0.db.wake.hub.notified();
            if let Err(error) = self.advance(&mut watermark).await {
                tracing::warn!(error = error.describe(), "reading the event log failed; trying again");
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            }
            let _ = tokio::time::timeout(POLL, woken).await;
        }
    }

    async fn advance(&self, watermark: &mut Watermark) -> Result<()> {
        let decided = watermark.read(self.watermark()).await?;
        self.read_up_to(decided).await
    }

    async fn read_up_to(&self, decided: i64) -> Result<()> {
        while self.watermark() < decided {
            let after = self.watermark();
            let (records, reached) =
                self.0.db.across(async move |tx| log::read_all(tx, after, decided, STEP).await).await?;
            self.publish(records, reached);
        }
        Ok(())
    }

    /// The id up to which this node has read the log.
    pub fn watermark(&self) -> i64 {
        self.0.watermark.load(Ordering::Acquire)
    }

    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }

    /// The cursor of a place in `tenant`'s log.
    pub fn cursor(&self, tenant: TenantId, id: i64) -> Cursor {
        Cursor { epoch: self.epoch(), tenant, id }
    }

    pub(super) fn counters(&self) -> &EventCounters {
        &self.0.counters
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.db
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, records: Vec<Record>, reached: i64) {
        let counters = &self.0.counters;
        let mut state = self.state();
        for record in records {
            counters.read.inc();
            if record.kind.is_none() {
                counters.unknown.inc();
            }
            let record = Arc::new(record);
            counters.let_go.inc_by(state.deliver(&record));
            state.remember(record);
        }
        state.watermark = reached;
        self.0.watermark.store(reached, Ordering::Release);
    }

    pub(super) fn subscribe(&self, scope: &Arc<Scope>, position: &Arc<Position>) -> Subscription {
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        let id = self.0.next_subscriber.fetch_add(1, Ordering::Relaxed);
        let subscriber = Subscriber { scope: scope.clone(), position: position.clone(), mailbox: sender };
        let mut state = self.state();
        let audience = state.tenants.entry(scope.tenant).or_default();
        if scope.kinds.iter().any(|kind| kind.is_private()) {
            audience.private.entry(scope.user.clone()).or_default().insert(id, subscriber.clone());
        }
        if scope.kinds.iter().any(|kind| !kind.is_private()) {
            audience.public.insert(id, subscriber);
        }
        position.attach();
        Subscription { hub: self.clone(), id, scope: scope.clone(), mailbox, pinned: state.watermark }
    }

    /// What `scope` takes of the ids in (`after`, `upto`] from the ring, and up to which id that is; `None` when the ring
    /// does not reach back that far.
    pub(super) fn read_ring(&self, scope: &Scope, after: i64, upto: i64) -> Option<(Vec<Arc<Record>>, i64)> {
        let state = self.state();
        if after < state.ring_floor || upto > state.watermark {
            return None;
        }
        let from = state.ring.partition_point(|record| record.id <= after);
        let examined: Vec<_> =
            state.ring.range(from..).take_while(|record| record.id <= upto).take(RING_STEP).cloned().collect();
        drop(state);
        let reached = if examined.len() == RING_STEP { examined.last().map_or(upto, |last| last.id) } else { upto };
        Some((examined.into_iter().filter(|record| scope.takes(record)).collect(), reached))
    }

    /// Reads a step of what `scope` takes of (`after`, `upto`]: from the ring, or from the log. CURSOR_EXPIRED when part of
    /// it is no longer kept.
    pub(super) async fn read_step(&self, scope: &Arc<Scope>, after: i64, upto: i64) -> Result<(Vec<Arc<Record>>, i64)> {
        if let Some(step) = self.read_ring(scope, after, upto) {
            return Ok(step);
        }
        let (scope, epoch) = (scope.clone(), self.epoch());
        let read = self.db().read(scope.tenant, async move |tx| {
            let read = log::read_scope(scope.tenant, tx, &scope, after, upto, STEP).await?;
            // The floor is read last: had anything been deleted before the rows were read, it would show.
            let (now_epoch, floor) = log::state(tx).await?;
            if floor > after || now_epoch != epoch {
                return Err(Fault::CursorExpired.into());
            }
            Ok(read)
        });
        let (records, reached) = read.await?;
        Ok((records.into_iter().map(Arc::new).collect(), reached))
    }

    pub fn stats(&self) -> Stats {
        let state = self.state();
        let count =
            |audience: &Audience| audience.public.len() + audience.private.values().map(HashMap::len).sum::<usize>();
        Stats {
            watermark: state.watermark,
            ring_bytes: state.ring_bytes,
            ring_events: state.ring.len(),
            subscribers: state.tenants.values().map(count).sum(),
        }
    }
}

impl State {
    /// Returns how many subscribers were let go.
    fn deliver(&mut self, record: &Arc<Record>) -> u64 {
        let (Some(kind), Some(audience)) = (record.kind, self.tenants.get_mut(&record.tenant)) else { return 0 };
        let mut behind = Vec::new();
        let mut offer = |(id, subscriber): (&u64, &Subscriber)| {
            if !subscriber.take(record) {
                behind.push((*id, subscriber.scope.clone()));
            }
        };
        if kind.is_private() {
            let named = record.users.iter().filter_map(|user| audience.private.get(user));
            named.flatten().for_each(&mut offer);
        } else {
            audience.public.iter().for_each(&mut offer);
        }
        for (id, scope) in &behind {
            audience.remove(*id, &scope.user);
        }
        behind.len() as u64
    }

    fn remember(&mut self, record: Arc<Record>) {
        self.ring_bytes += record.size();
        self.ring.push_back(record);
        while self.ring_bytes > RING_BYTES {
            let Some(oldest) = self.ring.pop_front() else { break };
            self.ring_bytes -= oldest.size();
            self.ring_floor = oldest.id;
        }
    }
}

impl Audience {
    /// From both: one who missed a public event must not be told of its private ones as if nothing had happened, nor the
    /// other way round.
    fn remove(&mut self, id: u64, user: &UserId) {
        self.public.remove(&id);
        if let Some(own) = self.private.get_mut(user) {
            own.remove(&id);
            if own.is_empty() {
                self.private.remove(user);
            }
        }
    }
}

impl Subscriber {
    /// Puts the record into the mailbox, if it is wanted; false when the subscriber has fallen behind or left.
    fn take(&self, record: &Arc<Record>) -> bool {
        if !self.scope.takes(record) {
            return true;
        }
        self.position.expect_one();
        let taken = self.mailbox.try_send(record.clone()).is_ok();
        if !taken {
            self.position.detach();
        }
        taken
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        let Some(audience) = state.tenants.get_mut(&self.scope.tenant) else { return };
        audience.remove(self.id, &self.scope.user);
        if audience.public.is_empty() && audience.private.is_empty() {
            state.tenants.remove(&self.scope.tenant);
        }
    }
}
