//! Users by id, batched.

use std::sync::Arc;

use super::{User, store};
use crate::{
    db::Db,
    graphql::Loader,
    ids::{TenantId, UserId},
};

pub fn users(db: &Db, tenant: TenantId) -> Loader<UserId, User> {
    let db = db.clone();
    Loader::new(move |mut ids: Vec<UserId>| {
        // What cannot name a user names none; the databases differ in what they make of it.
        ids.retain(UserId::is_valid);
        let (db, ids) = (db.clone(), Arc::new(ids));
        async move { db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await }
    })
}
