//! Places in a list: what it is ordered by and the id, compared as one value.

use diesel::{
    dsl::{AsExprOf, sql},
    expression::{AsExpression, SqlLiteral, TypedExpressionType, UncheckedBind},
    sql_types::{Bool, SqlType},
};

use super::sql_types::Uuid;
use crate::ids::Id;

type Bound<Sql, Value> = SqlLiteral<Bool, UncheckedBind<Sql, Value>>;

/// Whether a row stands beyond a place (`<`, `>`), or up to it (`<=`, `>=`). `columns`: `leads.created_at, leads.id`.
pub(crate) fn placed<ST, T, K>(
    columns: &str,
    operator: &str,
    (value, id): (T, Id<K>),
) -> Bound<Bound<SqlLiteral<Bool>, AsExprOf<T, ST>>, AsExprOf<Id<K>, Uuid>>
where
    ST: SqlType + TypedExpressionType,
    T: AsExpression<ST>,
{
    sql::<Bool>(&format!("({columns}) {operator} (")).bind::<ST, _>(value).sql(", ").bind::<Uuid, _>(id).sql(")")
}
