//! The users table.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{Role, User};
use crate::{
    clock::Timestamp,
    db::{Tx, on, schema::users},
    error::Result,
    ids::{TenantId, UserId},
    input::{like_pattern, normalised},
    paging::{EXAMINED, Page, PageRequest},
};

/// A place in the list of users.
pub type Key = (Timestamp, UserId);

/// False when there is such a user already.
pub async fn insert(tenant: TenantId, tx: &Tx, user: &User, tokens_valid_from: Timestamp) -> Result<bool> {
    let row = (
        users::tenant_id.eq(tenant),
        users::id.eq(&user.id),
        users::name.eq(&user.name),
        users::role.eq(user.role),
        users::email.eq(&user.email),
        users::phone.eq(&user.phone),
        users::tokens_valid_from.eq(tokens_valid_from),
        users::search_text.eq(search_text(user)),
        users::created_at.eq(user.created_at),
    );
    let inserted = on!(tx, conn => diesel::insert_into(users::table)
        .values(row)
        .on_conflict((users::tenant_id, users::id))
        .do_nothing()
        .execute(conn)
        .await)?;
    Ok(inserted == 1)
}

pub async fn update(tenant: TenantId, tx: &Tx, user: &User) -> Result<()> {
    let set = (
        users::name.eq(&user.name),
        users::role.eq(user.role),
        users::email.eq(&user.email),
        users::phone.eq(&user.phone),
        users::search_text.eq(search_text(user)),
    );
    on!(tx, conn => diesel::update(users::table.find((tenant, &user.id))).set(set).execute(conn).await)?;
    Ok(())
}

pub async fn set_tokens_valid_from(tenant: TenantId, tx: &Tx, user: &UserId, from: Timestamp) -> Result<()> {
    let set = users::tokens_valid_from.eq(from);
    on!(tx, conn => diesel::update(users::table.find((tenant, user))).set(set).execute(conn).await)?;
    Ok(())
}

/// The user with the moment from which its tokens are valid.
pub async fn find(tenant: TenantId, tx: &Tx, user: &UserId) -> Result<Option<(User, Timestamp)>> {
    let query = users::table.find((tenant, user));
    Ok(on!(tx, conn => query
        .select((User::as_select(), users::tokens_valid_from))
        .first(conn)
        .await
        .optional())?)
}

/// The same, locked until the transaction ends; rows that refer to the user may still come.
pub async fn lock(tenant: TenantId, tx: &Tx, user: &UserId) -> Result<Option<(User, Timestamp)>> {
    let query = users::table.find((tenant, user));
    let valid_from = users::tokens_valid_from;
    Ok(on!(tx,
        sqlite conn => query.select((User::as_select(), valid_from)).first(conn).await,
        postgres conn => query.select((User::as_select(), valid_from)).for_no_key_update().first(conn).await,
    )
    .optional()?)
}

/// How many there are, of a role or in all.
pub async fn count(tenant: TenantId, tx: &Tx, role: Option<Role>) -> Result<i64> {
    let all = users::table.filter(users::tenant_id.eq(tenant));
    Ok(match role {
        Some(role) => on!(tx, conn => all.filter(users::role.eq(role)).count().get_result(conn).await)?,
        None => on!(tx, conn => all.count().get_result(conn).await)?,
    })
}

/// The next users by their ids, of a role or in all.
pub async fn ids(
    tenant: TenantId,
    tx: &Tx,
    role: Option<Role>,
    after: Option<&UserId>,
    limit: i64,
) -> Result<Vec<UserId>> {
    Ok(on!(tx, conn => {
        let mut rows = users::table.filter(users::tenant_id.eq(tenant)).into_boxed::<Backend>();
        if let Some(role) = role {
            rows = rows.filter(users::role.eq(role));
        }
        if let Some(after) = after {
            rows = rows.filter(users::id.gt(after));
        }
        rows.order(users::id).limit(limit).select(users::id).load(conn).await
    })?)
}

pub async fn find_many(tenant: TenantId, tx: &Tx, ids: &[UserId]) -> Result<HashMap<UserId, User>> {
    let query = users::table.filter(users::tenant_id.eq(tenant));
    let found: Vec<User> =
        on!(tx, conn => query.filter(users::id.eq_any(ids)).select(User::as_select()).load(conn).await)?;
    Ok(found.into_iter().map(|user| (user.id.clone(), user)).collect())
}

/// Newest first. `words`: every one is found in the name, the e-mail address or the id.
pub async fn list(
    tenant: TenantId,
    tx: &Tx,
    role: Option<Role>,
    words: &[String],
    page: &PageRequest<Key>,
) -> Result<Page<User, Key>> {
    on!(tx, conn => {
        let scope = || {
            let mut query = users::table.filter(users::tenant_id.eq(tenant)).into_boxed::<Backend>();
            if let Some(role) = role {
                query = query.filter(users::role.eq(role));
            }
            query
        };
        let matching = |mut query: users::BoxedQuery<'static, Backend>| {
            for word in words {
                query = query.filter(users::search_text.like(like_pattern(word)).escape('\\'));
            }
            query
        };
        let newest_first = (users::created_at.desc(), users::id.desc());

        let mut from = scope();
        let mut walk = scope();
        if let Some((at, id)) = page.from.clone() {
            let below = || users::created_at.lt(at).or(users::created_at.eq(at).and(users::id.lt(id.clone())));
            from = from.filter(below());
            walk = walk.filter(below());
        }
        let boundary: Option<Key> = walk
            .order(newest_first)
            .select((users::created_at, users::id))
            .offset(EXAMINED - 1)
            .first(conn)
            .await
            .optional()?;
        if let Some((at, id)) = boundary.clone() {
            from = from.filter(users::created_at.gt(at).or(users::created_at.eq(at).and(users::id.ge(id))));
        }
        let rows = matching(from).order(newest_first).limit(page.limit()).select(User::as_select()).load(conn).await?;

        let mut total = None;
        if page.count {
            let past: Option<Key> = scope()
                .order(newest_first)
                .select((users::created_at, users::id))
                .offset(EXAMINED)
                .first(conn)
                .await
                .optional()?;
            if past.is_none() {
                total = Some(matching(scope()).count().get_result(conn).await?);
            }
        }
        Ok(page.page(rows, boundary, total))
    })
}

fn search_text(user: &User) -> String {
    normalised(&format!("{}\n{}\n{}", user.name, user.email.as_deref().unwrap_or_default(), user.id))
}
