//! Notifications and counts, many at a time.

use super::{Notification, NotificationId, store};
use crate::{
    auth::Viewer,
    db::Db,
    graphql::Loader,
    ids::{TenantId, UserId},
};

/// Notifications that `viewer` may see.
pub fn visible(db: &Db, viewer: &Viewer) -> Loader<NotificationId, Notification> {
    let (db, viewer) = (db.clone(), viewer.clone());
    Loader::new(move |ids: Vec<NotificationId>| {
        let (db, viewer, tenant) = (db.clone(), viewer.clone(), viewer.tenant);
        async move {
            let found = db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await?;
            let visible = found.into_iter().filter(|notification| notification.visible_to(&viewer));
            Ok(visible.map(|notification| (notification.id, notification)).collect())
        }
    })
}

/// How many notifications are unread, of users that have a count.
pub fn unread_counts(db: &Db, tenant: TenantId) -> Loader<UserId, i64> {
    let db = db.clone();
    Loader::new(move |users: Vec<UserId>| {
        let db = db.clone();
        async move {
            let found = db.read(tenant, async move |tx| store::unread_of(tenant, tx, &users).await).await?;
            Ok(found.into_iter().collect())
        }
    })
}
