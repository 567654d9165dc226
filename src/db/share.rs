//! Of the connections that all share, a tenant may have three quarters, and that many of its transactions stand in line for one: the others
//! wait for their own. So the next connection that is free is soon another tenant's, however much one asks for.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ids::TenantId;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Shares {
    of_each: usize,
    lines: Arc<Mutex<HashMap<TenantId, Line>>>,
}

/// Where a tenant's transactions wait; without any there is none.
struct Line {
    /// How many wait or have begun.
    there: usize,
    places: Arc<Semaphore>,
}

/// One of a tenant's connections, for as long as this is there.
pub(super) struct Share {
    _place: Option<OwnedSemaphorePermit>,
    _in_line: InLine,
}

struct InLine {
    tenant: TenantId,
    lines: Arc<Mutex<HashMap<TenantId, Line>>>,
}

impl Shares {
    /// `connections`: all there are.
    pub fn new(connections: usize) -> Self {
        Self { of_each: connections - connections / 4, lines: Arc::default() }
    }

    /// How many wait for their tenant's share.
    pub fn waiting(&self) -> usize {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.values().map(|line| line.there.saturating_sub(self.of_each)).sum()
    }

    /// Waits until `tenant` may have one more.
    pub async fn take(&self, tenant: TenantId) -> Share {
        let places = {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Line { there: 0, places: Arc::new(Semaphore::new(self.of_each)) };
            let line = lines.entry(tenant).or_insert_with(new);
            line.there += 1;
            line.places.clone()
        };
        let in_line = InLine { tenant, lines: self.lines.clone() };
        // Nobody closes it.
        Share { _place: places.acquire_owned().await.ok(), _in_line: in_line }
    }
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.get_mut(&self.tenant) {
            Some(line) if line.there > 1 => line.there -= 1,
            _ => drop(lines.remove(&self.tenant)),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_tenant_has_three_quarters_and_waits_for_its_own() {
        let tenant = |last| TenantId::from_client(&format!("00000000-0000-7000-8000-00000000000{last}"));
        let shares = Shares::new(8);
        let mut taken: Vec<_> = (0..6).map(|_| shares.take(tenant(1)).now_or_never().expect("one of six")).collect();
        let mut seventh = std::pin::pin!(shares.take(tenant(1)));
        assert!(seventh.as_mut().now_or_never().is_none(), "it waits");
        assert_eq!(shares.waiting(), 1);
        assert!(shares.take(tenant(2)).now_or_never().is_some(), "for its own tenant's only");
        taken.pop();
        assert!(seventh.now_or_never().is_some());
        drop(taken);
        assert!(shares.lines.lock().expect("not poisoned").is_empty(), "nothing is kept of those who have gone");
    }

    #[test]
    fn who_does_not_wait_any_longer_leaves_nothing_behind() {
        let tenant = TenantId::from_client("00000000-0000-7000-8000-000000000001");
        let shares = Shares::new(1);
        let only = shares.take(tenant).now_or_never().expect("there is one");
        assert!(shares.take(tenant).now_or_never().is_none());
        drop(only);
        assert!(shares.lines.lock().expect("not poisoned").is_empty());
    }
}
