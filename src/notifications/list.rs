//! The notifications that a viewer may see, newest first, in pages.

use super::{
    Notification, NotificationId,
    filter::{NotificationFilter, Selection},
    store,
};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    db::Db,
    error::Result,
    paging::{Page, PageArgs},
};

/// The list's name in its cursors, whatever the filter.
pub const LIST: &str = "notifications";

/// A place in it.
pub type Key = (Timestamp, NotificationId);

impl Notification {
    /// Its place in the list.
    pub fn key(&self) -> Key {
        (self.created_at, self.id)
    }
}

/// A page of the notifications that `viewer` may see. `count`: whether the total is wanted.
pub async fn list(
    db: &Db,
    viewer: &Viewer,
    filter: NotificationFilter,
    page: PageArgs,
    count: bool,
) -> Result<Page<Notification, Key>> {
    filter.check(viewer)?;
    let page = page.request(LIST, count)?;
    let tenant = viewer.tenant;
    let wanted = Selection::new(filter, viewer);
    db.read(tenant, async move |tx| store::page(tenant, tx, &wanted, &page).await).await
}
