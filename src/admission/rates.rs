//! What operations may cost in a minute, for each user and each tenant, in the points of `gate::Operation::cost`.
//!
//! An allowance fills evenly: who has spent it has a sixtieth of it again after a second. It is a bucket (GCRA, by the crate `governor`) for
//! each; one that was not touched for longer than it takes to fill is full, so that it can be forgotten.

use std::{num::NonZero, sync::Arc, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use moka::sync::Cache;

use crate::{
    auth::Viewer,
    clock::Clock,
    error::Fault,
    ids::{TenantId, UserId},
};

/// More than a bucket takes to fill.
const REMEMBER: Duration = Duration::from_mins(2);
/// Buckets at most, of each kind.
const MOST: u64 = 200_000;

pub(super) struct Rates {
    clock: Monotonic,
    per_user: NonZero<u32>,
    per_tenant: NonZero<u32>,
    users: Cache<(TenantId, UserId), Arc<Bucket>>,
    tenants: Cache<TenantId, Arc<Bucket>>,
}

/// What an operation has cost, and what is left to spend: the smaller of what the user and the tenant have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    pub cost: u64,
    pub remaining: u32,
    /// What a user may spend in a minute.
    pub limit: u32,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, Monotonic, StateInformationMiddleware>;

#[derive(Clone)]
struct Monotonic(Clock);

impl governor::clock::Clock for Monotonic {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl Rates {
    pub fn new(per_user: NonZero<u32>, per_tenant: NonZero<u32>, clock: &Clock) -> Self {
        Self {
            clock: Monotonic(clock.clone()),
            per_user,
            per_tenant,
            users: Cache::builder().time_to_idle(REMEMBER).max_capacity(MOST).build(),
            tenants: Cache::builder().time_to_idle(REMEMBER).max_capacity(MOST).build(),
        }
    }

    /// Takes `cost` points of what the viewer may spend, and of what its tenant may. A refusal costs nothing of what refuses; one by the tenant has been paid by the user.
    pub fn spend(&self, viewer: &Viewer, cost: u64) -> Result<Allowance, Fault> {
        let own = self.users.get_with((viewer.tenant, viewer.user.clone()), || self.bucket(self.per_user));
        let all = self.tenants.get_with(viewer.tenant, || self.bucket(self.per_tenant));
        let points = NonZero::new(u32::try_from(cost).unwrap_or(u32::MAX)).unwrap_or(NonZero::<u32>::MIN);
        let left = self.take(&own, points, "user", self.per_user)?;
        let left_to_all = self.take(&all, points, "tenant", self.per_tenant)?;
        Ok(Allowance { cost, remaining: left.min(left_to_all), limit: self.per_user.get() })
    }

    fn take(&self, bucket: &Bucket, points: NonZero<u32>, whose: &str, limit: NonZero<u32>) -> Result<u32, Fault> {
        let spent = |wait: Duration| {
            let retry_after = NonZero::<u64>::MIN.saturating_add(wait.as_secs());
            let message = format!(
                "The operations of this {whose} may cost {limit} points a minute, and these are spent. Try again in {retry_after} s."
            );
            Fault::RateLimited { message, retry_after }
        };
        // Of more than a full bucket has, governor multiplies until it overflows. The settings are checked so that no operation costs as much.
        match bucket.check_n(points.min(limit.saturating_add(1))) {
            Ok(Ok(left)) => Ok(left.remaining_burst_capacity()),
            Ok(Err(not_until)) => Err(spent(not_until.wait_time_from(self.clock.now()))),
            Err(_more_than_a_full_one_has) => Err(spent(Duration::from_mins(1))),
        }
    }

    fn bucket(&self, a_minute: NonZero<u32>) -> Arc<Bucket> {
        let full = RateLimiter::direct_with_clock(Quota::per_minute(a_minute), self.clock.clone());
        full.with_middleware().into()
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

    fn rates(per_user: u32, per_tenant: u32) -> (Clock, Rates) {
        let (clock, some) = (Clock::default(), |points| NonZero::new(points).expect("not zero"));
        (clock.clone(), Rates::new(some(per_user), some(per_tenant), &clock))
    }

    fn wait(spent: Result<Allowance, Fault>) -> u64 {
        match spent {
            Err(Fault::RateLimited { retry_after, .. }) => retry_after.get(),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn an_allowance_is_spent_and_fills_again() {
        let (clock, rates) = rates(600, 10_000);
        let pat = viewer(1, "pat");
        assert_eq!(
            rates.spend(&pat, 400).expect("there is enough"),
            Allowance { cost: 400, remaining: 200, limit: 600 }
        );
        // Ten points a second.
        assert_eq!(wait(rates.spend(&pat, 300)), 10, "rounded up");
        assert!(rates.spend(&pat, 200).is_ok(), "a refusal costs nothing");
        assert!(rates.spend(&viewer(1, "quinn"), 600).is_ok(), "another user has its own");
        assert!(rates.spend(&viewer(2, "pat"), 600).is_ok(), "and so has another tenant's user of the same name");
        clock.advance(Duration::from_secs(10));
        assert!(rates.spend(&pat, 100).is_ok());
        clock.advance(Duration::from_hours(1));
        assert_eq!(rates.spend(&pat, 1).expect("full").remaining, 599, "no more than full");
    }

    #[test]
    fn a_tenants_users_share_its_allowance() {
        let (_, rates) = rates(600, 1_000);
        assert!(rates.spend(&viewer(1, "pat"), 600).is_ok());
        assert_eq!(
            rates.spend(&viewer(1, "quinn"), 300).expect("there is enough").remaining,
            100,
            "the tenant has less left"
        );
        assert!(wait(rates.spend(&viewer(1, "riley"), 200)) > 0);
        assert!(rates.spend(&viewer(2, "riley"), 600).is_ok());
    }

    #[test]
    fn what_costs_nothing_costs_a_point_and_what_costs_too_much_is_refused() {
        let (_, rates) = rates(10, 10);
        assert_eq!(rates.spend(&viewer(1, "pat"), 0).expect("there is enough").remaining, 9);
        assert_eq!(wait(rates.spend(&viewer(1, "pat"), u64::MAX)), 61);
    }
}
