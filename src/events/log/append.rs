//! Appending to the log: the events and whom they name, on PostgreSQL in one statement.

use diesel::{
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Text},
};
use diesel_async::RunQueryDsl;

use crate::{
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{event_users, events},
        sql_types::{Timestamptz, Uuid},
    },
    error::Result,
    events::NewEvent,
    ids::{TenantId, UserId},
};

/// Appends `new` in this order, and returns their ids. To be sent after the locks on every row that the events speak of: that is what makes the
/// order of ids the order of commits.
pub async fn append(tenant: TenantId, tx: &Tx, now: Timestamp, new: Vec<NewEvent>) -> Result<Vec<i64>> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    tx.note_appended();
    Ok(on!(tx,
        sqlite conn => {
            let mut ids = Vec::with_capacity(new.len());
            for event in &new {
                let row = (
                    events::tenant_id.eq(tenant),
                    events::kind.eq(event.kind.name()),
                    events::payload.eq(&event.payload),
                    events::occurred_at.eq(now),
                );
                let insert = diesel::insert_into(events::table).values(row).returning(events::id);
                let id: i64 = insert.get_result(conn).await?;
                for user in &event.users {
                    let row =
                        (event_users::tenant_id.eq(tenant), event_users::user_id.eq(user), event_users::event_id.eq(id));
                    diesel::insert_into(event_users::table).values(row).execute(conn).await?;
                }
                ids.push(id);
            }
            ids
        },
        postgres conn => Append::new(tenant, now, &new).load(conn).await?,
    ))
}

/// The events as columns, and whom they name: each user beside the place of its event.
struct Append<'a> {
    tenant: TenantId,
    now: Timestamp,
    kinds: Vec<&'static str>,
    payloads: Vec<&'a str>,
    users: Vec<&'a UserId>,
    places: Vec<i64>,
}

impl<'a> Append<'a> {
    fn new(tenant: TenantId, now: Timestamp, new: &'a [NewEvent]) -> Self {
        let named = (1..).zip(new).flat_map(|(place, event)| event.users.iter().map(move |user| (user, place)));
        let (users, places) = named.unzip();
        Self {
            tenant,
            now,
            kinds: new.iter().map(|event| event.kind.name()).collect(),
            payloads: new.iter().map(|event| event.payload.as_str()).collect(),
            users,
            places,
        }
    }
}

impl QueryFragment<Pg> for Append<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("WITH added AS (INSERT INTO events (tenant_id, kind, payload, occurred_at) SELECT ");
        out.push_bind_param::<Uuid, _>(&self.tenant)?;
        out.push_sql(", kind, payload, ");
        out.push_bind_param::<Timestamptz, _>(&self.now)?;
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.payloads)?;
        out.push_sql(
            ") WITH ORDINALITY AS new (kind, payload, place) ORDER BY place RETURNING id), \
             placed AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM added), \
             told AS (INSERT INTO event_users (tenant_id, user_id, event_id) SELECT ",
        );
        out.push_bind_param::<Uuid, _>(&self.tenant)?;
        out.push_sql(", user_id, id FROM unnest(");
        out.push_bind_param::<Array<Text>, _>(&self.users)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.places)?;
        out.push_sql(") AS named (user_id, place) JOIN placed USING (place)) SELECT id FROM placed ORDER BY place");
        Ok(())
    }
}

impl Query for Append<'_> {
    type SqlType = BigInt;
}

impl QueryId for Append<'_> {
    type QueryId = Append<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}
