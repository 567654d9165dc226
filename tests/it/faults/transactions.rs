//! A transaction that comes to grief inside `db.write` leaves nothing behind: its rows are free at once, its connection is not
//! lost to the pool, and what it had begun is nobody else's to commit. Each grief more often than the pool has connections.

use std::sync::Arc;

use leadcast::{
    clock::Timestamp,
    db::{Db, Tx},
    error::{Error, Result},
    events::{Kind, NewEvent, Record, log},
    ids::TenantId,
    leads::{self, LeadId},
    tenants,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::sessions::all_connections_work;
use crate::support::{
    Engine, TestServer,
    api::ADMIN,
    both_engines,
    database::Database,
    market::{Market, number},
    postgres::Cluster,
    soon,
    sql::Sql,
    wire::eventually,
};

both_engines!(
    a_panic_leaves_nothing_behind,
    an_error_leaves_nothing_behind,
    whoever_is_no_longer_waited_for_finishes_or_leaves_nothing_behind,
    a_read_sees_one_moment,
);

/// More than a pool has.
const OFTEN: usize = 20;

/// How a transaction comes to grief, when it has locked a lead and appended an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Grief {
    Panic,
    Error,
}

/// What is done in a transaction that somebody else ends.
#[derive(Clone, Copy)]
struct Work {
    tenant: TenantId,
    lead: LeadId,
    now: Timestamp,
    number: usize,
}

impl Work {
    /// Locks the lead and appends an event with this number.
    async fn begin(self, tx: &Tx) -> Result<()> {
        leads::lock(self.tenant, tx, self.lead).await?.ok_or_else(|| Error::internal("the lead is there"))?;
        let event = NewEvent::new(Kind::BalanceUpdated, Vec::new(), &json!({ "number": self.number }))?;
        log::append(self.tenant, tx, self.now, vec![event]).await.map(drop)
    }
}

/// On a cluster of its own, whose log is of nobody else.
async fn server(engine: Engine) -> (Option<Arc<Cluster>>, TestServer) {
    if engine == Engine::Sqlite {
        return (None, TestServer::start(engine).await);
    }
    let cluster = Cluster::forgetful().await;
    let database = Database::Postgres(cluster.database().await);
    (Some(cluster), TestServer::start_at(database, |_| {}).await)
}

struct Scene<'a> {
    server: &'a TestServer,
    /// A pool of its own: nobody else uses a connection that was left in a bad state, or finds that it was.
    db: Db,
    tenant: TenantId,
    lead: LeadId,
    sql: Sql,
}

impl<'a> Scene<'a> {
    async fn set(server: &'a TestServer) -> Self {
        let market = Market { server, tenant: "demo" };
        let lead = market.open("fought over", json!({})).await;
        let sql = Sql::of(server).await;
        if sql.is_sqlite() {
            sql.run("PRAGMA busy_timeout = 0").await.expect("a pragma");
        }
        let lead = LeadId::from_client(lead.as_str().expect("an id"));
        let db = Db::open(&server.app.settings.database()).expect("a pool");
        Self { server, db, tenant: market.tenant_id().await, lead, sql }
    }

    /// By somebody who does not wait for it.
    async fn is_locked(&self) -> bool {
        let lock = if self.sql.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN; SELECT FROM leads FOR UPDATE NOWAIT" };
        let locked = self.sql.run(lock).await.is_err();
        // After an error there may be no transaction to end.
        let _ = self.sql.run("ROLLBACK").await;
        locked
    }

    fn work(&self, number: usize) -> Work {
        Work { tenant: self.tenant, lead: self.lead, now: self.server.app.clock.now(), number }
    }

    async fn comes_to(&self, grief: Grief) {
        let work = self.work(0);
        let failed = self.db.write(self.tenant, async move |tx| {
            work.begin(tx).await?;
            match grief {
                Grief::Panic => panic!("on purpose"),
                Grief::Error => Err::<(), _>(Error::internal("on purpose")),
            }
        });
        failed.await.expect_err("no commit");
    }

    async fn reading_comes_to_grief(&self) {
        let failed = self.db.read(self.tenant, async move |_| -> Result<()> { panic!("on purpose") });
        failed.await.expect_err("no answer");
    }

    async fn commits(&self, number: usize) {
        let work = self.work(number);
        let done = self.db.write(self.tenant, async move |tx| work.begin(tx).await);
        done.await.expect("a commit");
    }

    /// The numbers in the log, in order.
    async fn log(&self) -> Vec<i64> {
        let read = self.db.across(async move |tx| Ok(log::read_all(tx, 0, i64::MAX, 1_000).await?.0)).await;
        let number_of = |record: Record| {
            let payload: Value = serde_json::from_str(&record.payload).expect("JSON");
            payload.get("number").map(number)
        };
        read.expect("the log can be read").into_iter().filter_map(number_of).collect()
    }
}

async fn comes_to_grief(engine: Engine, grief: Grief) {
    let (cluster, server) = server(engine).await;
    let scene = Scene::set(&server).await;
    for number in 1..=OFTEN {
        scene.comes_to(grief).await;
        // After a panic the database hears of it when the connection is closed; and workers write, too, for a moment.
        eventually("the rows to be free", async || !scene.is_locked().await).await;
        if grief == Grief::Panic {
            scene.reading_comes_to_grief().await;
        }
        scene.commits(number).await;
        eventually("the rows to be free after a commit", async || !scene.is_locked().await).await;
    }
    let all: Vec<_> = (1..=i64::try_from(OFTEN).expect("small")).collect();
    assert_eq!(scene.log().await, all, "what came to grief has left something behind");
    let left_open = cluster.map_or(0, |cluster| cluster.abandoned_transactions());
    assert_eq!(left_open, 0, "what was freed by PostgreSQL's patience was not freed at once");
    all_connections_work(&scene.db, engine).await;
}

async fn a_panic_leaves_nothing_behind(engine: Engine) {
    comes_to_grief(engine, Grief::Panic).await;
}

async fn an_error_leaves_nothing_behind(engine: Engine) {
    comes_to_grief(engine, Grief::Error).await;
}

/// The request is dropped in the middle of its transaction, which is not the request's: it ends as if nothing had happened.
async fn whoever_is_no_longer_waited_for_finishes_or_leaves_nothing_behind(engine: Engine) {
    let (cluster, server) = server(engine).await;
    let scene = Scene::set(&server).await;
    for number in (1..=2 * OFTEN).step_by(2) {
        let (inside, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (db, work) = (scene.db.clone(), scene.work(number));
        let held = {
            let (inside, go_on) = (inside.clone(), go_on.clone());
            async move |tx: &Tx| -> Result<()> {
                work.begin(tx).await?;
                inside.notify_one();
                go_on.notified().await;
                Ok(())
            }
        };
        let request = tokio::spawn(async move { db.write(work.tenant, held).await });
        soon("the transaction to be open", inside.notified()).await;
        assert!(scene.is_locked().await);
        request.abort();
        assert!(request.await.expect_err("dropped").is_cancelled());
        go_on.notify_one();
        eventually("the rows to be free", async || !scene.is_locked().await).await;
        scene.commits(number + 1).await;
    }
    let all: Vec<_> = (1..=i64::try_from(2 * OFTEN).expect("small")).collect();
    assert_eq!(scene.log().await, all);
    let left_open = cluster.map_or(0, |cluster| cluster.abandoned_transactions());
    assert_eq!(left_open, 0, "what was freed by PostgreSQL's patience was not freed at once");
    all_connections_work(&scene.db, engine).await;
}

/// A list is read with several statements, and what moves between them must be in it once.
async fn a_read_sees_one_moment(engine: Engine) {
    let server = TestServer::start(engine).await;
    let tenant = Market { server: &server, tenant: "demo" }.tenant_id().await;
    let (read_once, changed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (db, has_read, go_on) = (server.app.db.clone(), read_once.clone(), changed.clone());
    let reading = tokio::spawn(async move {
        let twice = async move |tx: &Tx| {
            let first = tenants::settings(tenant, tx).await?.default_lead_price;
            has_read.notify_one();
            go_on.notified().await;
            Ok((first, tenants::settings(tenant, tx).await?.default_lead_price))
        };
        db.read(tenant, twice).await
    });
    read_once.notified().await;
    server.act(ADMIN, "updateTenantSettings", json!({ "defaultLeadPrice": 77 })).await.done();
    changed.notify_one();
    let (first, second) = reading.await.expect("no panic").expect("both are read");
    assert_eq!(first, second);
    let now =
        server.app.db.read(tenant, async move |tx| tenants::settings(tenant, tx).await).await.expect("they are read");
    assert_eq!((now.default_lead_price.0, second == now.default_lead_price), (77, false));
}
