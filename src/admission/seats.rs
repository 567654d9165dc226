//! How many of something there are at once, for each user and each tenant.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    auth::Viewer,
    error::Fault,
    ids::{TenantId, UserId},
};

/// Places of one kind.
pub(super) struct Seats {
    /// What it is of which there are too many: for the refusal.
    what: &'static str,
    per_user: usize,
    per_tenant: usize,
    taken: Taken,
}

type Taken = Arc<Mutex<HashMap<TenantId, Tenant>>>;

/// Those that are there; without an entry there is none.
#[derive(Default)]
struct Tenant {
    taken: usize,
    users: HashMap<UserId, usize>,
}

/// A place that is taken until this is dropped.
pub struct Seat {
    taken: Taken,
    tenant: TenantId,
    user: UserId,
}

impl Seats {
    pub fn new(what: &'static str, per_user: usize, per_tenant: usize) -> Self {
        Self { what, per_user, per_tenant, taken: Taken::default() }
    }

    pub fn take(&self, viewer: &Viewer) -> Result<Seat, Fault> {
        let mut tenants = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = tenants
            .get(&viewer.tenant)
            .map_or((0, 0), |tenant| (tenant.taken, tenant.users.get(&viewer.user).copied().unwrap_or_default()));
        if own >= self.per_user {
            return Err(self.full("for one user", self.per_user, "End one first."));
        }
        if all >= self.per_tenant {
            return Err(self.full("for one tenant", self.per_tenant, "Try again later."));
        }
        let tenant = tenants.entry(viewer.tenant).or_default();
        tenant.taken += 1;
        *tenant.users.entry(viewer.user.clone()).or_default() += 1;
        Ok(Seat { taken: self.taken.clone(), tenant: viewer.tenant, user: viewer.user.clone() })
    }

    fn full(&self, whose: &str, limit: usize, advice: &str) -> Fault {
        Fault::LimitExceeded(format!("At most {limit} {} at once {whose} on a server. {advice}", self.what))
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
            *own -= 1;
            if *own == 0 {
                tenant.users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Timestamp, users::Role};

    fn viewer(tenant: u8, user: &str) -> Viewer {
        let tenant = TenantId::from_client(&format!("00000000-0000-7000-8000-0000000000{tenant:02x}"));
        Viewer { tenant, user: user.into(), role: Role::Provider, expires_at: Timestamp::from_micros(0) }
    }

    #[test]
    fn places_are_counted_for_each_user_and_each_tenant() {
        let seats = Seats::new("things are there", 2, 3);
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
        let seats = Seats::new("things are there", 1, 1);
        drop(seats.take(&viewer(1, "pat")).expect("free"));
        assert!(seats.taken.lock().expect("not poisoned").is_empty());
    }
}
