//! `users`: everyone in the tenant, newest first.

use super::{
    Role, User,
    store::{self, Key},
};
use crate::{
    auth::Viewer,
    db::Db,
    error::{Fault, Result},
    input::{check_search, search_words},
    paging::{Page, PageArgs, foreign_cursor},
};

/// The list's name in page cursors.
pub const LIST: &str = "users";

/// For ADMIN and SERVICE.
pub async fn list(
    db: &Db,
    viewer: &Viewer,
    role: Option<Role>,
    search: Option<&str>,
    page: PageArgs,
    count: bool,
) -> Result<Page<User, Key>> {
    if !viewer.role.is_operator() {
        return Err(Fault::Forbidden("The users are visible to ADMIN and SERVICE only.").into());
    }
    let search = search.unwrap_or_default();
    check_search(search)?;
    let words = search_words(search);
    let (tenant, page) = (viewer.tenant, page.request::<Key>(LIST, count)?);
    if page.from.as_ref().is_some_and(|(_, id)| !id.is_valid()) {
        return Err(foreign_cursor());
    }
    db.read(tenant, async move |tx| store::list(tenant, tx, role, &words, &page).await).await
}
