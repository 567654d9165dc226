//! How our value types are written to and read from the columns of both engines.

use diesel::{
    backend::Backend,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, SqlOrd, Text},
    sqlite::{Sqlite, SqliteValue},
};
use std::io::Write;

use super::sql_types::{Timestamptz, Uuid};
use crate::{
    clock::Timestamp,
    ids::{Id, UserId},
    money::{Amount, Credits, SignedCredits},
};

impl SqlOrd for Uuid {}
impl SqlOrd for Timestamptz {}

impl<K> ToSql<Uuid, Pg> for Id<K> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.uuid().as_bytes())?;
        Ok(IsNull::No)
    }
}
impl<K> ToSql<Uuid, Sqlite> for Id<K> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.uuid().into_bytes().to_vec());
        Ok(IsNull::No)
    }
}
impl<K> FromSql<Uuid, Pg> for Id<K> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from_uuid(uuid::Uuid::from_slice(value.as_bytes())?))
    }
}
impl<K> FromSql<Uuid, Sqlite> for Id<K> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self::from_uuid(uuid::Uuid::from_slice(&bytes)?))
    }
}

/// PostgreSQL counts from 2000-01-01.
const PG_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// And knows no moment before 4713 BC. A client may send one, as a bound or in a cursor.
const PG_FIRST_MICROS: i64 = -210_866_803_200_000_000;
/// Nor, as far as we need one, after 9999.
const PG_LAST_MICROS: i64 = 253_402_300_800_000_000;

impl ToSql<Timestamptz, Pg> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let known = self.as_micros().clamp(PG_FIRST_MICROS, PG_LAST_MICROS);
        out.write_all(&(known - PG_EPOCH_MICROS).to_be_bytes())?;
        Ok(IsNull::No)
    }
}
impl FromSql<Timestamptz, Pg> for Timestamp {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let micros = i64::from_be_bytes(value.as_bytes().try_into()?);
        Ok(Self::from_micros(micros.saturating_add(PG_EPOCH_MICROS)))
    }
}
impl ToSql<Timestamptz, Sqlite> for Timestamp {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_micros());
        Ok(IsNull::No)
    }
}
impl FromSql<Timestamptz, Sqlite> for Timestamp {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        <i64 as FromSql<BigInt, Sqlite>>::from_sql(value).map(Self::from_micros)
    }
}

impl<DB: Backend> ToSql<Text, DB> for UserId
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}
impl<DB: Backend> FromSql<Text, DB> for UserId
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        String::from_sql(value).map(Self::from)
    }
}

/// A newtype over `i64` in a BigInt column.
macro_rules! whole_number {
    ($($type:ident),+) => {$(
        impl<DB: Backend> ToSql<BigInt, DB> for $type
        where
            i64: ToSql<BigInt, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                self.0.to_sql(out)
            }
        }
        impl<DB: Backend> FromSql<BigInt, DB> for $type
        where
            i64: FromSql<BigInt, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
                i64::from_sql(value).map(Self)
            }
        }
    )+};
}
whole_number!(Credits, SignedCredits, Amount);

/// Keeps an enum as text, by the names that `strum` gives its values (the same as in GraphQL).
macro_rules! text_enum {
    ($type:ty) => {
        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $type
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                let name: &'static str = self.into();
                name.to_sql(out)
            }
        }
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $type
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                let name = <String as diesel::deserialize::FromSql<diesel::sql_types::Text, DB>>::from_sql(value)?;
                name.parse().map_err(|_| format!("unknown value {name:?}").into())
            }
        }
    };
}
pub(crate) use text_enum;

/// Keeps a value as JSON, in the form that `serde` gives it. (Where it may be null, [`to_json`] writes it.)
macro_rules! json_value {
    ($type:ty) => {
        $crate::db::json_value!(writes $type);
        $crate::db::json_value!(writes &$type);
        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Jsonb, DB> for $type
        where
            serde_json::Value: diesel::deserialize::FromSql<diesel::sql_types::Jsonb, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                type Json = serde_json::Value;
                let json = <Json as diesel::deserialize::FromSql<diesel::sql_types::Jsonb, DB>>::from_sql(value)?;
                Ok(serde_json::from_value(json)?)
            }
        }
    };
    (writes $type:ty) => {
        $crate::db::json_value!(writes $type, diesel::sql_types::Jsonb);
        $crate::db::json_value!(writes $type, diesel::sql_types::Nullable<diesel::sql_types::Jsonb>);
    };
    (writes $type:ty, $column:ty) => {
        // As an expression, because diesel's SQLite cannot borrow what `to_sql` makes.
        impl diesel::expression::AsExpression<$column> for $type {
            type Expression = <serde_json::Value as diesel::expression::AsExpression<$column>>::Expression;

            fn as_expression(self) -> Self::Expression {
                diesel::expression::AsExpression::<$column>::as_expression($crate::db::to_json(&self))
            }
        }
    };
}
pub(crate) use json_value;

/// A value of ours as JSON.
pub fn to_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("our values are plain data, with texts for keys")
}
