//! How many of something there are at once, for each user and each tenant; and whose turn it is, where they take turns.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    auth::Viewer,
    error::Fault,
    ids::{TenantId, UserId},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places of one kind.
pub struct Seats {
    /// What it is of which there are too many, and what to do about it: for the refusal.
    what: &'static str,
    advice: &'static str,
    per_user: usize,
    per_tenant: usize,
    turns: Turns,
    taken: Taken,
}

/// How many of one user's are worked on at once, and of one tenant's: of each [`Work`].
#[derive(Clone, Copy, Debug)]
struct Turns {
    per_user: usize,
    per_tenant: usize,
}

/// What turns are taken for. Each has lines of its own: an event, which is soon done, does not wait behind requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    Request,
    Event,
}

/// Who waits for a turn.
#[derive(Clone)]
struct Lines {
    requests: Arc<Semaphore>,
    events: Arc<Semaphore>,
}

type Taken = Arc<Mutex<HashMap<TenantId, Tenant>>>;

/// Those that are there; without an entry there is none.
struct Tenant {
    taken: usize,
    lines: Lines,
    users: HashMap<UserId, User>,
}

struct User {
    taken: usize,
    lines: Lines,
}

/// A place that is taken until this is dropped.
pub struct Seat {
    taken: Taken,
    tenant: TenantId,
    user: UserId,
    /// The user's, and the tenant's.
    lines: [Lines; 2],
}

/// That it is one's turn, until this is dropped.
pub struct Turn {
    _permits: [OwnedSemaphorePermit; 2],
}

impl Seats {
    pub fn new(what: &'static str, advice: &'static str, per_user: usize, per_tenant: usize) -> Self {
        let turns = Turns { per_user, per_tenant };
        Self { what, advice, per_user, per_tenant, turns, taken: Taken::default() }
    }

    /// Those who have a place take turns: so many of one user at once, and of one tenant, of each [`Work`]. However many somebody has, the
    /// others' do not wait for all of them.
    #[must_use]
    pub fn in_turns(self, per_user: usize, per_tenant: usize) -> Self {
        Self { turns: Turns { per_user, per_tenant }, ..self }
    }

    pub fn take(&self, viewer: &Viewer) -> Result<Seat, Fault> {
        let mut tenants = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = tenants
            .get(&viewer.tenant)
            .map_or((0, 0), |tenant| (tenant.taken, tenant.users.get(&viewer.user).map_or(0, |own| own.taken)));
        if own >= self.per_user {
            return Err(self.full("for one user", self.per_user, self.advice));
        }
        if all >= self.per_tenant {
            return Err(self.full("for one tenant", self.per_tenant, "Try again later."));
        }
        let tenant = tenants.entry(viewer.tenant).or_insert_with(|| Tenant {
            taken: 0,
            lines: Lines::new(self.turns.per_tenant),
            users: HashMap::new(),
        });
        let own = tenant
            .users
            .entry(viewer.user.clone())
            .or_insert_with(|| User { taken: 0, lines: Lines::new(self.turns.per_user) });
        tenant.taken += 1;
        own.taken += 1;
        let lines = [own.lines.clone(), tenant.lines.clone()];
        Ok(Seat { taken: self.taken.clone(), tenant: viewer.tenant, user: viewer.user.clone(), lines })
    }

    fn full(&self, whose: &str, limit: usize, advice: &str) -> Fault {
        Fault::LimitExceeded(format!("At most {limit} {} {whose} on a server. {advice}", self.what))
    }
}

impl Lines {
    fn new(turns: usize) -> Self {
        let line = || Arc::new(Semaphore::new(turns.min(Semaphore::MAX_PERMITS)));
        Self { requests: line(), events: line() }
    }

    fn of(&self, work: Work) -> Arc<Semaphore> {
        let line = match work {
            Work::Request => &self.requests,
            Work::Event => &self.events,
        };
        line.clone()
    }
}

impl Seat {
    /// Waits in line. `None` does not come: nobody closes a line.
    pub async fn turn(&self, work: Work) -> Option<Turn> {
        let [own, all] = &self.lines;
        let own = own.of(work).acquire_owned().await.ok()?;
        Some(Turn { _permits: [own, all.of(work).acquire_owned().await.ok()?] })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut tenants = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(tenant) = tenants.get_mut(&self.tenant) else { return };
        tenant.taken -= 1;
        if tenant.taken == 0 {
            tenants.remove(&self.tenant);
            return;
        }
        if let Some(own) = tenant.users.get_mut(&self.user) {
            own.taken -= 1;
            if own.taken == 0 {
                tenant.users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;
    use crate::{clock::Timestamp, users::Role};

    fn viewer(tenant: u8, user: &str) -> Viewer {
        let tenant = TenantId::from_client(&format!("00000000-0000-7000-8000-0000000000{tenant:02x}"));
        Viewer { tenant, user: user.into(), role: Role::Provider, expires_at: Timestamp::from_micros(0) }
    }

    #[test]
    fn places_are_counted_for_each_user_and_each_tenant() {
        let seats = Seats::new("things are there at once", "End one first.", 2, 3);
        let take = |tenant, user| seats.take(&viewer(tenant, user)).map_err(|full| full.message().to_owned());
        let first = take(1, "pat").expect("the first");
        let second = take(1, "pat").expect("the second");
        let third = take(1, "pat").err().expect("one too many");
        assert_eq!(third, "At most 2 things are there at once for one user on a server. End one first.");
        let _quinn = take(1, "quinn").expect("another user");
        let full = take(1, "riley").err().expect("the tenant has three");
        assert_eq!(full, "At most 3 things are there at once for one tenant on a server. Try again later.");
        let _rival = take(2, "pat").expect("another tenant's user of the same name");
        drop(second);
        let again = take(1, "pat").expect("one is free again");
        drop((first, again));
        assert_eq!(seats.taken.lock().expect("not poisoned")[&viewer(1, "pat").tenant].users.len(), 1);
    }

    #[test]
    fn nothing_is_kept_of_those_who_have_gone() {
        let seats = Seats::new("things are there at once", "End one first.", 1, 1);
        drop(seats.take(&viewer(1, "pat")).expect("free"));
        assert!(seats.taken.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn a_user_and_a_tenant_have_so_many_turns() {
        let seats = Seats::new("are taken", "Wait.", 1_000, 1_000).in_turns(4, 32);
        let seat = |tenant, user: &str| seats.take(&viewer(tenant, user)).expect("there is a seat");
        let pats: Vec<Seat> = (0..100).map(|_| seat(1, "pat")).collect();
        let mut turns = Vec::new();
        for seat in &pats[..4] {
            turns.push(seat.turn(Work::Request).now_or_never().flatten().expect("it is its turn"));
        }
        let mut next = pin!(pats[50].turn(Work::Request));
        assert!(next.as_mut().now_or_never().is_none(), "it waits in line");
        assert!(seat(1, "quinn").turn(Work::Request).now_or_never().is_some(), "behind pat's own only");
        assert!(pats[51].turn(Work::Event).now_or_never().is_some(), "an event not behind requests");
        turns.pop();
        let turn = next.now_or_never().flatten().expect("it is its turn");
        turns.push(turn);

        // A tenant's many users wait behind each other, too; another tenant's do not.
        let many: Vec<Seat> = (0..32).map(|number| seat(1, &format!("user {number}"))).collect();
        turns.extend(many.iter().filter_map(|seat| seat.turn(Work::Request).now_or_never().flatten()));
        assert_eq!(turns.len(), 32);
        assert!(seat(2, "pat").turn(Work::Request).now_or_never().is_some());
    }
}
