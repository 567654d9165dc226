//! Wallets by owner, many at a time.

use super::{Wallet, store};
use crate::{
    db::Db,
    graphql::Loader,
    ids::{TenantId, UserId},
};

/// Every wallet of the tenant: who may see which is for the asker to settle.
pub fn wallets(db: &Db, tenant: TenantId) -> Loader<UserId, Wallet> {
    let db = db.clone();
    Loader::new(move |owners: Vec<UserId>| {
        let db = db.clone();
        async move {
            let found = db.read(tenant, async move |tx| store::of_owners(tenant, tx, &owners).await).await?;
            Ok(found.into_iter().map(|wallet| (wallet.owner_id.clone(), wallet)).collect())
        }
    })
}
