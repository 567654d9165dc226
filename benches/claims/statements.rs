//! What leadcast sends to the database for a claim, statement by statement, with names for what is bound. (`log_statement = all` on
//! PostgreSQL shows what it sends by now.)

use std::borrow::Cow;

use diesel::{
    QueryResult,
    backend::Backend,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{Array, BigInt, Integer, Text, Untyped},
    sqlite::Sqlite,
};
use leadcast::{clock::Timestamp, db::sql_types as ours, ids::Id};

macro_rules! lead {
    ($lock:literal) => {
        concat!(
            "SELECT id, version, customer_id, reference, is_test, status, status_reason, title, description, category, urgency, \
             country, region, city, postal_prefix, attributes, budget, price, max_claims, claim_count, duplicate_of, created_at, \
             verified_at, expires_at FROM leads WHERE tenant_id = :tenant AND id = :lead LIMIT 1",
            $lock
        )
    };
}
macro_rules! wallet {
    ($lock:literal) => {
        concat!("SELECT id, owner_id, balance, version FROM wallets WHERE tenant_id = :tenant AND owner_id = :provider LIMIT 1", $lock)
    };
}

pub const LOCK_LEAD: &str = lead!(" FOR UPDATE");
pub const LEAD: &str = lead!("");
pub const OWN_CLAIM: &str = "SELECT id, version, lead_id, provider_id, customer_id, status, price, claimed_at, contacted_at, \
    closed_at, refunded_at, refund_amount FROM claims WHERE tenant_id = :tenant AND lead_id = :lead AND provider_id = :provider LIMIT 1";
pub const LOCK_WALLET: &str = wallet!(" FOR UPDATE");
pub const WALLET: &str = wallet!("");
pub const CLAIM: &str = "INSERT INTO claims (tenant_id, id, version, lead_id, provider_id, customer_id, status, price, claimed_at) \
    VALUES (:tenant, :claim, 1, :lead, :provider, 'casey', 'ACTIVE', 5, :now)";
pub const BALANCE: &str = "UPDATE wallets SET balance = :balance, version = :version WHERE tenant_id = :tenant AND id = :wallet \
    AND version = :old_version AND balance = :old_balance";
pub const ENTRY: &str = "INSERT INTO ledger_entries (tenant_id, id, wallet_id, version, entry_type, change, previous_balance, \
    balance, claim_id, created_at) VALUES (:tenant, :entry, :wallet, :version, 'CLAIM', -5, :old_balance, :balance, :claim, :now) \
    ON CONFLICT DO NOTHING";
pub const PLACES: &str = "UPDATE leads SET version = :lead_version, status = 'OPEN', claim_count = :claim_count \
    WHERE tenant_id = :tenant AND id = :lead";
/// On PostgreSQL.
pub const EVENTS: &str = "WITH added AS (INSERT INTO events (tenant_id, kind, payload, occurred_at) SELECT :tenant, kind, payload, :now \
    FROM unnest(:kinds, :payloads) WITH ORDINALITY AS new (kind, payload, place) ORDER BY place RETURNING id), \
    placed AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM added) \
    INSERT INTO event_users (tenant_id, user_id, event_id) SELECT :tenant, user_id, id \
    FROM unnest(:users, :places) AS named (user_id, place) JOIN placed USING (place)";
/// On SQLite, for each event.
pub const EVENT: &str =
    "INSERT INTO events (tenant_id, kind, payload, occurred_at) VALUES (:tenant, :kind, :payload, :now) RETURNING id";
pub const EVENT_USER: &str =
    "INSERT INTO event_users (tenant_id, user_id, event_id) VALUES (:tenant, :provider, :event)";

/// As long as what leadcast writes for such a lead.
pub const CLAIMED: &str = r#"{"lead":{"id":"01a1f920-94c4-7743-9687-e9e312b653f8","version":3,"customer_id":"casey","reference":"demo-404ad5fa","is_test":false,"status":"OPEN","status_reason":null,"title":"Rewire a house","description":"Three bedrooms, old wiring, and a certificate at the end.","category":"Electrical","urgency":"HIGH","location":{"country":"ZA","region":"Western Cape","city":"Cape Town","postal_prefix":null},"attributes":null,"budget":2500000,"price":5,"max_claims":5,"claim_count":1,"duplicate_of":null,"created_at":1795181024428463,"verified_at":1795181024499823,"expires_at":1795785824499823},"before":{"claim_count":0,"version":2},"claim":{"id":"01a1f920-9517-7303-9aec-1ecd65672fb0","version":1,"lead_id":"01a1f920-94c4-7743-9687-e9e312b653f8","provider_id":"pat","customer_id":"casey","status":"ACTIVE","price":5,"claimed_at":1795181024532670,"contacted_at":null,"closed_at":null,"refunded_at":null,"refund_amount":null}}"#;
pub const MOVED: &str = r#"{"wallet":{"id":"01a1f920-85f2-7435-aab7-01f50763d94c","owner_id":"pat","balance":100,"version":3},"entry":{"id":"01a1f920-9518-7489-982d-3d1c9774d7b6","wallet_id":"01a1f920-85f2-7435-aab7-01f50763d94c","version":3,"entry_type":"CLAIM","change":-5,"previous_balance":105,"balance":100,"claim_id":"01a1f920-9517-7303-9aec-1ecd65672fb0","reference":null,"reason":null,"created_at":1795181024532670}}"#;

/// What is bound to a name.
#[derive(Clone, Debug)]
pub enum Value {
    Id(Id<()>),
    Text(String),
    Texts(Vec<Cow<'static, str>>),
    Number(i64),
    Numbers(Vec<i64>),
    Small(i32),
    Time(Timestamp),
}

/// A statement with its values, prepared once for each connection.
pub struct Statement {
    pieces: Vec<&'static str>,
    values: Vec<Value>,
}

impl Statement {
    /// `value` gives what a name stands for.
    pub fn new(text: &'static str, value: impl Fn(&str) -> Value) -> Self {
        let (pieces, names) = split(text);
        Self { pieces, values: names.into_iter().map(value).collect() }
    }
}

/// The text between the names, and the names.
fn split(text: &'static str) -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut pieces, mut names) = (Vec::new(), Vec::new());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(':') {
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        pieces.push(before);
        names.push(&after[..end]);
        rest = &after[end..];
    }
    pieces.push(rest);
    (pieces, names)
}

fn walk<'b, B: Backend>(
    statement: &'b Statement,
    out: &mut AstPass<'_, 'b, B>,
    bind: impl Fn(&mut AstPass<'_, 'b, B>, &'b Value) -> QueryResult<()>,
) -> QueryResult<()> {
    let mut values = statement.values.iter();
    for piece in &statement.pieces {
        out.push_sql(piece);
        if let Some(value) = values.next() {
            bind(out, value)?;
        }
    }
    Ok(())
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        walk(self, &mut out, |out, value| match value {
            Value::Id(id) => out.push_bind_param::<ours::Uuid, _>(id),
            Value::Text(text) => out.push_bind_param::<Text, _>(text),
            Value::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts),
            Value::Number(number) => out.push_bind_param::<BigInt, _>(number),
            Value::Numbers(numbers) => out.push_bind_param::<Array<BigInt>, _>(numbers),
            Value::Small(number) => out.push_bind_param::<Integer, _>(number),
            Value::Time(time) => out.push_bind_param::<ours::Timestamptz, _>(time),
        })
    }
}

impl QueryFragment<Sqlite> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        walk(self, &mut out, |out, value| match value {
            Value::Id(id) => out.push_bind_param::<ours::Uuid, _>(id),
            Value::Text(text) => out.push_bind_param::<Text, _>(text),
            Value::Number(number) => out.push_bind_param::<BigInt, _>(number),
            Value::Small(number) => out.push_bind_param::<Integer, _>(number),
            Value::Time(time) => out.push_bind_param::<ours::Timestamptz, _>(time),
            Value::Texts(_) | Value::Numbers(_) => unreachable!("SQLite has no arrays"),
        })
    }
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<C> diesel::RunQueryDsl<C> for Statement {}
