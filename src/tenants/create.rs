//! Making a tenant, and finding it by the name that tokens use.

use super::store;
use crate::{
    clock::Timestamp,
    db::Db,
    error::{Error, Result, UserError},
    ids::{Id, TenantId},
    input::Input,
};

/// Makes a tenant with the default settings.
pub async fn create(db: &Db, slug: &str, name: &str, now: Timestamp) -> Result<TenantId> {
    let mut input = Input::default();
    if !is_slug(slug) {
        input.invalid(&["slug"], "A slug is 1 to 63 lower-case letters, digits and dashes, with no dash at its ends.");
    }
    let name = input.text(&["name"], name, 200);
    input.accept()?;
    let (id, slug) = (Id::random(), slug.to_owned());
    db.upkeep(async move |tx| {
        if store::insert(tx, id, &slug, &name, now).await? {
            Ok(id)
        } else {
            Err(Error::from(UserError::invalid(&["slug"], format!("There is already a tenant {slug:?}."))))
        }
    })
    .await
}

fn is_slug(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The tenant that a token speaks of, whatever that may be.
pub async fn find_by_slug(db: &Db, slug: &str) -> Result<Option<TenantId>> {
    if !is_slug(slug) {
        return Ok(None);
    }
    let slug = slug.to_owned();
    db.across(async move |tx| store::find_by_slug(tx, &slug).await).await
}
