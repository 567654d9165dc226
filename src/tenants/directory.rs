//! What a node remembers of the tenants, so that neither a request nor an event costs a look-up. A change of the settings
//! reaches every node within [`REMEMBER`]; the node that made it knows at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moka::future::Cache;

use super::{Tenant, store};
use crate::{
    db::Db,
    error::{Error, Result},
    ids::TenantId,
};

const REMEMBER: Duration = Duration::from_secs(2);
const TENANTS: u64 = 10_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Directory {
    db: Db,
    tenants: Cache<TenantId, Tenant>,
    /// How often something was forgotten: what was being looked up meanwhile may be what it was before.
    forgotten: Arc<AtomicU64>,
}

impl Directory {
    pub fn new(db: &Db) -> Self {
        let tenants = Cache::builder().time_to_live(REMEMBER).max_capacity(TENANTS).build();
        Self { db: db.clone(), tenants, forgotten: Arc::default() }
    }

    pub async fn tenant(&self, id: TenantId) -> Result<Tenant> {
        // One look-up at a time, however many ask.
        let found: Result<Tenant, Arc<Failed>> = self.tenants.try_get_with(id, self.look_up(id)).await;
        found.map_err(|failed| failed.0.clone())
    }

    pub async fn forget(&self, id: TenantId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.tenants.invalidate(&id).await;
    }

    async fn look_up(&self, id: TenantId) -> Result<Tenant, Failed> {
        loop {
            let before = self.forgotten.load(Ordering::SeqCst);
            let found = self.db.read(id, async move |tx| store::find(id, tx).await).await.map_err(Failed)?;
            if self.forgotten.load(Ordering::SeqCst) == before {
                return Ok(found);
            }
        }
    }
}

struct Failed(Error);
