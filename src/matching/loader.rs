//! Profiles by provider, many at a time.

use super::{ProviderProfile, store};
use crate::{
    db::Db,
    graphql::Loader,
    ids::{TenantId, UserId},
};

/// The profile of everyone who is asked for: whether it is a provider, and who may see it, is for the asker to settle.
pub fn profiles(db: &Db, tenant: TenantId) -> Loader<UserId, ProviderProfile> {
    let db = db.clone();
    Loader::new(move |providers: Vec<UserId>| {
        let db = db.clone();
        async move { db.read(tenant, async move |tx| store::profiles(tenant, tx, &providers).await).await }
    })
}
