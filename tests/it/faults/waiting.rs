//! Transactions that wait for their turn: what nobody waits for any more is not begun, and one tenant does not take all places.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use leadcast::{error::Result, ids::TenantId};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
};

use crate::support::{Engine, TestServer, both_engines, database::Database, market::Market, wire::eventually};

both_engines!(what_nobody_waits_for_is_not_begun, one_tenants_reads_leave_connections_for_others);

/// Writes of a tenant, counted when they begin.
struct Writes {
    server: TestServer,
    demo: TenantId,
    rival: TenantId,
    begun: Arc<AtomicUsize>,
}

impl Writes {
    /// On a database with one connection.
    async fn on(engine: Engine) -> Self {
        let one = std::num::NonZero::new(1).expect("not zero");
        let server =
            TestServer::start_at(Database::fresh(engine).await, |settings| settings.database_connections = one).await;
        let [demo, rival] = Market::both(&server);
        let (demo, rival) = (demo.tenant_id().await, rival.tenant_id().await);
        Self { server, demo, rival, begun: Arc::default() }
    }

    fn begin(&self, tenant: TenantId) -> JoinHandle<Result<()>> {
        let (db, begun) = (self.server.app.db.clone(), self.begun.clone());
        tokio::spawn(async move {
            db.write(tenant, async move |_: &_| {
                begun.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
            .await
        })
    }

    /// One that has begun, and goes on until it is told to end.
    async fn hold(&self) -> (oneshot::Sender<()>, JoinHandle<Result<()>>) {
        let tenant = self.demo;
        let ((end, ended), (begun, has_begun)) = (oneshot::channel(), oneshot::channel());
        let once = Arc::new(std::sync::Mutex::new(Some((begun, ended))));
        let db = self.server.app.db.clone();
        let held = tokio::spawn(async move {
            db.write(tenant, async move |_: &_| {
                let (begun, ended) = once.lock().expect("nobody panics").take().expect("it is not repeated");
                begun.send(()).expect("somebody waits for it");
                ended.await.expect("it is told to end");
                Ok(())
            })
            .await
        });
        has_begun.await.expect("it begins");
        (end, held)
    }

    fn waiting(&self) -> usize {
        self.server.app.db.pools().iter().map(|pool| pool.waiting).sum()
    }
}

async fn what_nobody_waits_for_is_not_begun(engine: Engine) {
    let writes = Writes::on(engine).await;
    // Once before, so that nothing of the server's own waits for the same connection for long.
    writes.begin(writes.demo).await.expect("no panic").expect("a write");
    let (end, held) = writes.hold().await;
    let before = writes.waiting();
    let given_up = writes.begin(writes.demo);
    eventually("the write to wait", async || writes.waiting() > before).await;
    given_up.abort();
    assert!(given_up.await.expect_err("it was given up").is_cancelled());
    let wanted = writes.begin(writes.demo);
    end.send(()).expect("it goes on until then");
    held.await.expect("no panic").expect("what had begun is done");
    wanted.await.expect("no panic").expect("what somebody waits for is done");
    // Of the three, and in their order: the one in the middle would have come first.
    assert_eq!(writes.begun.load(Ordering::Relaxed), 2);
}

/// SQLite's writer has one queue for all.
#[tokio::test(flavor = "multi_thread")]
async fn one_tenant_does_not_take_all_places() {
    let writes = Writes::on(Engine::Sqlite).await;
    let (end, held) = writes.hold().await;
    let mut of_demo = Vec::new();
    for _ in 0..300 {
        of_demo.push(writes.begin(writes.demo));
    }
    // The first to end are those that were turned away.
    eventually("the tenant to be turned away", async || {
        of_demo.iter().filter(|write| write.is_finished()).count() >= 44
    })
    .await;
    let of_rival = writes.begin(writes.rival);
    end.send(()).expect("it goes on until then");
    held.await.expect("no panic").expect("what had begun is done");
    of_rival.await.expect("no panic").expect("the other tenant has places of its own");
    let mut done = 0;
    for write in of_demo {
        done += usize::from(write.await.expect("no panic").is_ok());
    }
    // The server's own workers may have had a place of the tenant's, too.
    assert!((250..=256).contains(&done), "{done} of its writes were taken");
}

/// However many a tenant has, of which none ends: the next connection is another tenant's.
async fn one_tenants_reads_leave_connections_for_others(engine: Engine) {
    let server = TestServer::start_at(Database::fresh(engine).await, |settings| {
        settings.database_connections = std::num::NonZero::new(8).expect("not zero");
    })
    .await;
    let [demo, rival] = Market::both(&server);
    let (demo, rival) = (demo.tenant_id().await, rival.tenant_id().await);
    let (begun, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let reads: Vec<_> = (0..20)
        .map(|_| {
            let (db, begun, end) = (server.app.db.clone(), begun.clone(), end.clone());
            tokio::spawn(async move {
                db.read(demo, async move |_: &_| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    let _ended = end.acquire().await.expect("nobody closes it");
                    Ok(())
                })
                .await
            })
        })
        .collect();
    eventually("the tenant to have its share", async || begun.load(Ordering::Relaxed) == 6).await;
    server.app.db.read(rival, async move |_: &_| Ok(())).await.expect("the other tenant has a connection");
    assert_eq!(begun.load(Ordering::Relaxed), 6);
    end.add_permits(1);
    for read in reads {
        read.await.expect("no panic").expect("each has its turn");
    }
}
