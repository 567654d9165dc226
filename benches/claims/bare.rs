//! The same SQL through the same driver, with nothing around it: no HTTP, no GraphQL, no rules, no pool.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    Connection, QueryResult, QueryableByName, RunQueryDsl as _,
    connection::SimpleConnection,
    pg::Pg,
    sql_types::{BigInt, Integer},
    sqlite::SqliteConnection,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use leadcast::{
    clock::Clock,
    db::{Target, sql_types},
    ids::Id,
};
use uuid::Uuid;

use crate::{
    statements::{self as sql, Statement, Value},
    world::{Market, PRICE, World},
};

#[derive(QueryableByName)]
struct Lead {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Integer)]
    claim_count: i32,
}

#[derive(QueryableByName)]
struct Wallet {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Id<()>,
    #[diesel(sql_type = BigInt)]
    balance: i64,
    #[diesel(sql_type = Integer)]
    version: i32,
}

#[derive(QueryableByName)]
struct Event {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// A claim to be made: what its statements bind.
struct Claim {
    tenant: Uuid,
    lead: Uuid,
    provider: String,
    id: Id<()>,
    entry: Id<()>,
    now: Value,
}

impl Claim {
    fn new(market: &Market, number: u32) -> Self {
        let (lead, provider) = market.pair(number.into()).expect("the market is large enough for this machine");
        let now = Value::Time(Clock::default().now());
        Self { tenant: market.tenant, lead, provider, id: Id::random(), entry: Id::random(), now }
    }

    /// What is known before anything is read.
    fn value(&self, name: &str) -> Value {
        match name {
            "tenant" => Value::Id(Id::from_uuid(self.tenant)),
            "lead" => Value::Id(Id::from_uuid(self.lead)),
            "provider" => Value::Text(self.provider.clone()),
            "claim" => Value::Id(self.id),
            "entry" => Value::Id(self.entry),
            "now" => self.now.clone(),
            "kinds" => Value::Texts(vec!["LEAD_CLAIMED".into(), "BALANCE_UPDATED".into()]),
            "users" => Value::Texts(vec![self.provider.clone().into()]),
            "payloads" => Value::Texts(vec![sql::CLAIMED.into(), sql::MOVED.into()]),
            "places" => Value::Numbers(vec![2]),
            other => panic!("{other} is not known"),
        }
    }

    fn statement(&self, text: &'static str) -> Statement {
        Statement::new(text, |name| self.value(name))
    }

    fn with(&self, lead: &Lead, wallet: &Wallet, text: &'static str) -> Statement {
        Statement::new(text, |name| match name {
            "wallet" => Value::Id(wallet.id),
            "old_balance" => Value::Number(wallet.balance),
            "old_version" => Value::Small(wallet.version),
            "balance" => Value::Number(wallet.balance - PRICE),
            "version" => Value::Small(wallet.version + 1),
            "lead_version" => Value::Small(lead.version + 1),
            "claim_count" => Value::Small(lead.claim_count + 1),
            other => self.value(other),
        })
    }
}

/// Claims per second on so many connections, each with a task.
pub async fn postgres(world: &World, market: &Market, connections: usize, time: Duration) -> f64 {
    let Target::Postgres(url) = &world.target else { unreachable!("this is about PostgreSQL") };
    let next = Arc::new(AtomicU32::new(0));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(AsyncPgConnection::establish(url).await.expect("a connection"));
    }
    let begin = format!("BEGIN; SET LOCAL ROLE leadcast_tenant; SET LOCAL leadcast.tenant = '{}'", market.tenant);
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for conn in opened {
        let (next, begin) = (next.clone(), begin.clone());
        let market = Market { slug: market.slug.clone(), prefix: market.prefix.clone(), ..*market };
        tasks.spawn(async move {
            while started.elapsed() < time {
                let claim = Claim::new(&market, next.fetch_add(1, Ordering::Relaxed));
                on_postgres(&conn, &begin, &claim).await.expect("a claim");
            }
        });
    }
    tasks.join_all().await;
    f64::from(next.load(Ordering::Relaxed)) / started.elapsed().as_secs_f64()
}

async fn run(mut conn: &AsyncPgConnection, statement: Statement) -> QueryResult<usize> {
    diesel_async::RunQueryDsl::execute(statement, &mut conn).await
}

async fn row<T: QueryableByName<Pg> + Send + 'static>(
    mut conn: &AsyncPgConnection,
    statement: Statement,
) -> QueryResult<T> {
    diesel_async::RunQueryDsl::get_result(statement, &mut conn).await
}

async fn on_postgres(mut conn: &AsyncPgConnection, begin: &str, claim: &Claim) -> QueryResult<()> {
    conn.batch_execute(begin).await?;
    let (lead, _, wallet) = tokio::try_join!(
        biased;
        row::<Lead>(conn, claim.statement(sql::LOCK_LEAD)),
        run(conn, claim.statement(sql::OWN_CLAIM)),
        row::<Wallet>(conn, claim.statement(sql::LOCK_WALLET)),
    )?;
    tokio::try_join!(
        biased;
        run(conn, claim.statement(sql::CLAIM)),
        run(conn, claim.with(&lead, &wallet, sql::BALANCE)),
        run(conn, claim.with(&lead, &wallet, sql::ENTRY)),
        run(conn, claim.with(&lead, &wallet, sql::PLACES)),
        run(conn, claim.statement(sql::EVENTS)),
    )?;
    conn.batch_execute("COMMIT").await
}

/// Claims per second of the one writer.
pub async fn sqlite(world: &World, market: &Market, time: Duration) -> f64 {
    let Target::Sqlite(path) = &world.target else { unreachable!("this is about SQLite") };
    let path = path.to_str().expect("a path in UTF-8");
    tokio::task::block_in_place(|| {
        let mut conn = SqliteConnection::establish(path).expect("the file can be opened");
        conn.batch_execute(
            "PRAGMA busy_timeout = 20000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;",
        )
        .expect("pragmas");
        let started = Instant::now();
        let mut claims = 0_u32;
        while started.elapsed() < time {
            on_sqlite(&mut conn, &Claim::new(market, claims)).expect("a claim");
            claims += 1;
        }
        f64::from(claims) / started.elapsed().as_secs_f64()
    })
}

fn on_sqlite(conn: &mut SqliteConnection, claim: &Claim) -> QueryResult<()> {
    conn.batch_execute("BEGIN IMMEDIATE")?;
    let lead: Lead = claim.statement(sql::LEAD).get_result(conn)?;
    claim.statement(sql::OWN_CLAIM).execute(conn)?;
    let wallet: Wallet = claim.statement(sql::WALLET).get_result(conn)?;
    claim.statement(sql::CLAIM).execute(conn)?;
    for text in [sql::BALANCE, sql::ENTRY, sql::PLACES] {
        claim.with(&lead, &wallet, text).execute(conn)?;
    }
    let mut last = 0;
    for (kind, payload) in [("LEAD_CLAIMED", sql::CLAIMED), ("BALANCE_UPDATED", sql::MOVED)] {
        let event = Statement::new(sql::EVENT, |name| match name {
            "kind" => Value::Text(kind.to_owned()),
            "payload" => Value::Text(payload.to_owned()),
            other => claim.value(other),
        });
        last = event.get_result::<Event>(conn)?.id;
    }
    let named = Statement::new(sql::EVENT_USER, |name| match name {
        "event" => Value::Number(last),
        other => claim.value(other),
    });
    named.execute(conn)?;
    conn.batch_execute("COMMIT")
}
