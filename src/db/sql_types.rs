//! The column types of `schema.rs`. Those that the engines keep differently are ours and map natively on each, so that one
//! `schema.rs` and one set of queries serve both.

pub use diesel::sql_types::{BigInt as Int8, Binary as Bytea, Bool, Integer as Int4, Jsonb, Nullable, Text};

/// A UUID: `uuid` on PostgreSQL, 16 bytes on SQLite.
#[derive(diesel::sql_types::SqlType, diesel::query_builder::QueryId, Clone, Copy, Debug)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951), sqlite_type(name = "Binary"))]
pub struct Uuid;

/// A moment: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite.
#[derive(diesel::sql_types::SqlType, diesel::query_builder::QueryId, Clone, Copy, Debug)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185), sqlite_type(name = "Long"))]
pub struct Timestamptz;

// `table!` knows this name and wants its arithmetic; ours is done in Rust.
impl diesel::sql_types::ops::Add for Timestamptz {
    type Rhs = diesel::sql_types::BigInt;
    type Output = Timestamptz;
}
impl diesel::sql_types::ops::Sub for Timestamptz {
    type Rhs = diesel::sql_types::BigInt;
    type Output = Timestamptz;
}
