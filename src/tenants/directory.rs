//! What a node remembers of the tenants, so that neither a request nor an event costs a look-up. A change of the settings
//! reaches every node within [`REMEMBER`]; the node that made it knows at once.

use std::{sync::Arc, time::Duration};

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
}

impl Directory {
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), tenants: Cache::builder().time_to_live(REMEMBER).max_capacity(TENANTS).build() }
    }

    pub async fn tenant(&self, id: TenantId) -> Result<Tenant> {
        // One look-up at a time, however many ask.
        let found: Result<Tenant, Arc<Failed>> = self.tenants.try_get_with(id, look_up(&self.db, id)).await;
        found.map_err(|failed| failed.0.clone())
    }

    pub async fn forget(&self, id: TenantId) {
        self.tenants.invalidate(&id).await;
    }
}

struct Failed(Error);

async fn look_up(db: &Db, id: TenantId) -> Result<Tenant, Failed> {
    db.read(id, async move |tx| store::find(id, tx).await).await.map_err(Failed)
}
