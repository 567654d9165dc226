//! One subscriber's way through the log: scan what was missed, then live.
//!
//! The mailbox is put up first, at a watermark W; then (after, W] is scanned in steps; then the mailbox is read. So nothing
//! falls between the two and nothing comes twice. When the mailbox overflowed, the same begins again from the last id examined.

use std::{collections::VecDeque, sync::Arc};

use super::{
    Cursor, Epoch, Hub, Place, Positions, Record, Scope,
    hub::{GIVEN, Subscription},
    log,
    position::Position,
};
use crate::{
    db::Watermark,
    error::{Fault, Result},
};

/// An event on its way to one subscriber.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub record: Arc<Record>,
    pub cursor: Cursor,
    /// Whether it had already happened when the subscription began.
    pub backlog: bool,
}

/// What a stream sees next.
#[derive(Clone, Debug)]
pub enum Step {
    Event(Delivery),
    /// The backlog has been handed on; what follows is live. Comes once.
    CaughtUp,
}

/// A stream's reader.
pub struct Feed {
    hub: Hub,
    /// The history it reads. It ends with it.
    epoch: Epoch,
    scope: Arc<Scope>,
    position: Arc<Position>,
    subscription: Subscription,
    /// Up to here it is backlog.
    backlog: i64,
    /// Read from the log or the ring, not yet handed on.
    scanned: VecDeque<Arc<Record>>,
    /// When all of `scanned` is handed on, everything up to here has been examined.
    scanned_to: i64,
    /// What was handed on last, and whether it came from the mailbox: done once the next one is asked for.
    in_hand: Option<(i64, bool)>,
    caught_up: bool,
}

impl Feed {
    /// From now on; or, with `after`, from that place. Refuses a cursor of another tenant, of another history, of what is no
    /// longer kept, or of what has not happened yet.
    pub async fn open(hub: &Hub, scope: Scope, after: Option<Cursor>, positions: &Positions) -> Result<Self> {
        if let Some(cursor) = after {
            check(hub, &cursor, &scope).await?;
        }
        let epoch = after.map_or_else(|| hub.epoch(), |cursor| cursor.epoch);
        let scope = Arc::new(scope);
        let position = Arc::new(Position::new(epoch));
        let subscription = hub.subscribe(epoch, &scope, &position)?;
        let start = after.map_or(subscription.pinned, |cursor| cursor.id);
        position.advance(start);
        positions.add(&position, hub);
        Ok(Self {
            hub: hub.clone(),
            epoch,
            scope,
            position,
            backlog: subscription.pinned,
            subscription,
            scanned: VecDeque::new(),
            scanned_to: start,
            in_hand: None,
            caught_up: false,
        })
    }

    /// The next step. Can be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Result<Step> {
        self.put_down();
        loop {
            if let Some(record) = self.scanned.pop_front() {
                self.in_hand = Some((record.id, false));
                return Ok(Step::Event(self.delivery(record)));
            }
            self.position.advance(self.scanned_to);
            if self.position.examined() < self.subscription.pinned {
                self.scan().await?;
                continue;
            }
            self.position.scanned();
            if !self.caught_up {
                self.caught_up = true;
                return Ok(Step::CaughtUp);
            }
            match self.subscription.mailbox.recv().await {
                // A cursor of another node, which is ahead of this one's hub.
                Some(record) if record.id <= self.position.examined() => self.position.one_done(),
                Some(record) => {
                    self.in_hand = Some((record.id, true));
                    return Ok(Step::Event(self.delivery(record)));
                }
                // Let go by the hub, for being slow or because another epoch has begun.
                None => self.subscription = self.hub.subscribe(self.epoch, &self.scope, &self.position)?,
            }
        }
    }

    /// The place from which this stream would go on.
    pub fn cursor(&self) -> Cursor {
        self.cursor_of(self.position.current(&self.hub))
    }

    fn cursor_of(&self, id: i64) -> Cursor {
        Cursor::new(self.scope.tenant, Place { epoch: self.epoch, id })
    }

    async fn scan(&mut self) -> Result<()> {
        let (after, upto) = (self.position.examined(), self.subscription.pinned);
        let (records, reached) = self.hub.read_step(self.epoch, &self.scope, after, upto).await?;
        self.scanned = records.into();
        self.scanned_to = reached;
        Ok(())
    }

    /// What was handed on last has been taken care of, since the next is asked for.
    fn put_down(&mut self) {
        if let Some((id, from_mailbox)) = self.in_hand.take() {
            self.position.advance(id);
            if from_mailbox {
                self.position.one_done();
            }
        }
    }

    fn delivery(&self, record: Arc<Record>) -> Delivery {
        self.hub.metrics().streamed.inc();
        Delivery { cursor: self.cursor_of(record.id), backlog: record.id <= self.backlog, record }
    }
}

impl Hub {
    /// A page of the log for those who poll: what `scope` takes after `after`, in order, and how far that is; false when that is all there is
    /// by now. About `first` or [`GIVEN`] of it, whichever is more; less where it is sparse or large.
    pub async fn poll(
        &self,
        scope: &Arc<Scope>,
        after: &Cursor,
        first: usize,
    ) -> Result<(Vec<Delivery>, Cursor, bool)> {
        check(self, after, scope).await?;
        let end = self.place();
        if end.epoch != after.epoch {
            return Err(Fault::CursorExpired.into());
        }
        let (mut reached, mut deliveries) = (after.id, Vec::new());
        while reached < end.id && deliveries.len() < first {
            let (records, step) = self.read_step(end.epoch, scope, reached, end.id).await?;
            reached = step;
            let is_all = records.len() < GIVEN;
            let delivery =
                |record: Arc<Record>| Delivery { cursor: Cursor { id: record.id, ..*after }, backlog: true, record };
            deliveries.extend(records.into_iter().map(delivery));
            if is_all {
                break;
            }
        }
        Ok((deliveries, Cursor { id: reached, ..*after }, reached < end.id))
    }
}

async fn check(hub: &Hub, cursor: &Cursor, scope: &Scope) -> Result<()> {
    cursor.check_tenant(scope.tenant)?;
    let (epoch, floor) = hub.db().read(scope.tenant, async move |tx| log::state(tx).await).await?;
    if cursor.epoch != epoch || cursor.id < floor {
        return Err(Fault::CursorExpired.into());
    }
    hub.reach(epoch).await?;
    // Another node may have read further than this one, so its own watermark is not the last word.
    if cursor.id > hub.watermark() && cursor.id > Watermark::last_handed_out(hub.db()).await? {
        return Err(Fault::CursorExpired.into());
    }
    Ok(())
}
