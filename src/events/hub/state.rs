//! What a hub holds under its lock: the ring of recent records and the mailboxes of its subscribers. Of one epoch: a new one
//! begins with a new [`State`].

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::super::{Epoch, Place, Record, Scope, position::Position};
use crate::ids::{TenantId, UserId};

/// Bytes of the ring at most.
const RING_BYTES: usize = 64 << 20;
/// Ring records that are looked at under the lock at once.
const RING_STEP: usize = 5_000;

pub(super) struct State {
    /// The newest records of all tenants, by id.
    pub ring: VecDeque<Arc<Record>>,
    pub ring_bytes: usize,
    /// Every event above this id, up to the watermark, is in the ring.
    ring_floor: i64,
    /// What the tail has read: the watermark. Behind it no new record will turn up.
    pub place: Place,
    tenants: HashMap<TenantId, Audience>,
}

#[derive(Default)]
struct Audience {
    public: HashMap<u64, Subscriber>,
    private: HashMap<UserId, HashMap<u64, Subscriber>>,
}

#[derive(Clone)]
pub(super) struct Subscriber {
    pub scope: Arc<Scope>,
    pub position: Arc<Position>,
    pub mailbox: mpsc::Sender<Arc<Record>>,
}

impl State {
    /// Nobody listens, and nothing before `place` is known.
    pub fn new(place: Place) -> Self {
        Self { ring: VecDeque::new(), ring_bytes: 0, ring_floor: place.id, place, tenants: HashMap::new() }
    }

    pub fn admit(&mut self, id: u64, subscriber: Subscriber) {
        let scope = &subscriber.scope;
        let audience = self.tenants.entry(scope.tenant).or_default();
        if scope.kinds.iter().any(|kind| kind.is_private()) {
            audience.private.entry(scope.user.clone()).or_default().insert(id, subscriber.clone());
        }
        if scope.kinds.iter().any(|kind| !kind.is_private()) {
            audience.public.insert(id, subscriber);
        }
    }

    pub fn dismiss(&mut self, id: u64, scope: &Scope) {
        let Some(audience) = self.tenants.get_mut(&scope.tenant) else { return };
        audience.remove(id, &scope.user);
        if audience.public.is_empty() && audience.private.is_empty() {
            self.tenants.remove(&scope.tenant);
        }
    }

    /// Before the state is thrown away: what comes next is not for these.
    pub fn let_all_go(&self) {
        let everyone = self
            .tenants
            .values()
            .flat_map(|audience| audience.public.values().chain(audience.private.values().flat_map(HashMap::values)));
        everyone.for_each(|subscriber| subscriber.position.detach());
    }

    pub fn subscribers(&self) -> usize {
        let count =
            |audience: &Audience| audience.public.len() + audience.private.values().map(HashMap::len).sum::<usize>();
        self.tenants.values().map(count).sum()
    }

    /// Some of the ring with ids in (`after`, `upto`] of `epoch`, and up to which id that is; `None` when the ring does not
    /// reach back that far, or is of another epoch.
    pub fn examine(&self, epoch: Epoch, after: i64, upto: i64) -> Option<(Vec<Arc<Record>>, i64)> {
        if self.place.epoch != epoch || after < self.ring_floor || upto > self.place.id {
            return None;
        }
        let from = self.ring.partition_point(|record| record.id <= after);
        let range = self.ring.range(from..).take_while(|record| record.id <= upto);
        let examined: Vec<_> = range.take(RING_STEP).cloned().collect();
        let reached = if examined.len() == RING_STEP { examined.last().map_or(upto, |last| last.id) } else { upto };
        Some((examined, reached))
    }

    /// Returns how many subscribers were let go.
    pub fn deliver(&mut self, record: &Arc<Record>) -> u64 {
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

    pub fn remember(&mut self, record: Arc<Record>) {
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
