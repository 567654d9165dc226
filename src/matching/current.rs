//! What a node remembers of profiles, so that a stream that filters by score costs no look-up per event.
//!
//! Whoever asks says how old the answer may be. A request gets the profile as it is, looked up once; a stream, which lives long,
//! one that is at most [`REMEMBER`] old. The node that changes a profile knows at once.

use std::{future, sync::Arc, time::Duration};

use moka::future::Cache;
use tokio::{sync::Mutex, time::Instant};

use super::{ProviderProfile, store};
use crate::{
    auth::Viewer,
    db::Db,
    error::{Error, Result},
    ids::{TenantId, UserId},
};

const REMEMBER: Duration = Duration::from_secs(2);
const PROFILES: u64 = 10_000;

/// Cheap to clone.
#[derive(Clone)]
pub struct Profiles {
    db: Db,
    known: Cache<(TenantId, UserId), Known>,
}

#[derive(Clone)]
struct Known {
    profile: Arc<ProviderProfile>,
    /// It was so at this moment, or later.
    at: Instant,
}

impl Profiles {
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), known: Cache::builder().time_to_live(REMEMBER).max_capacity(PROFILES).build() }
    }

    /// As it was at this moment or later.
    async fn since(&self, tenant: TenantId, provider: &UserId, since: Instant) -> Result<Arc<ProviderProfile>> {
        if let Some(known) = self.known.get(&(tenant, provider.clone())).await
            && known.at >= since
        {
            return Ok(known.profile);
        }
        let (at, asked) = (Instant::now(), vec![provider.clone()]);
        let mut found = self.db.read(tenant, async move |tx| store::profiles(tenant, tx, &asked).await).await?;
        let profile = found.remove(provider).ok_or_else(|| Error::internal("a profile was asked for and not given"))?;
        // It may have been overtaken by a change.
        Ok(self.keep(tenant, profile, at, |known| known.at > at).await)
    }

    /// What a transaction that has just committed made of a profile; of two the later one, whichever is noted first.
    pub(super) async fn note(&self, tenant: TenantId, profile: ProviderProfile) {
        let version = profile.version;
        self.keep(tenant, profile, Instant::now(), |known| known.profile.version > version).await;
    }

    /// Unless what is known already is `later`. Returns what is known now.
    async fn keep(
        &self,
        tenant: TenantId,
        profile: ProviderProfile,
        at: Instant,
        later: impl FnOnce(&Known) -> bool,
    ) -> Arc<ProviderProfile> {
        let entry = self.known.entry((tenant, profile.provider_id.clone()));
        let kept = entry.and_upsert_with(|known| {
            future::ready(match known.map(moka::Entry::into_value) {
                Some(known) if later(&known) => known,
                _ => Known { profile: Arc::new(profile), at },
            })
        });
        kept.await.into_value().profile
    }
}

/// The profile of one request's viewer. Cheap to clone.
#[derive(Clone)]
pub struct OwnProfile {
    profiles: Profiles,
    tenant: TenantId,
    provider: UserId,
    began: Instant,
    /// One look-up at a time, however many ask.
    turn: Arc<Mutex<()>>,
}

impl OwnProfile {
    /// For a request that begins now.
    pub fn of(profiles: &Profiles, viewer: &Viewer) -> Self {
        let (profiles, provider) = (profiles.clone(), viewer.user.clone());
        Self { profiles, tenant: viewer.tenant, provider, began: Instant::now(), turn: Arc::default() }
    }

    /// As it is, or was when the request began; in a stream that runs for longer than [`REMEMBER`], as it was that long ago or later.
    pub async fn current(&self) -> Result<Arc<ProviderProfile>> {
        let _turn = self.turn.lock().await;
        let lately = Instant::now().checked_sub(REMEMBER);
        let since = lately.map_or(self.began, |lately| lately.max(self.began));
        self.profiles.since(self.tenant, &self.provider, since).await
    }
}
