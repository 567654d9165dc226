//! A real server in the test's own process: port 0, a database of its own, a clock that the test may move.

use std::{net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use leadcast::{
    app::App,
    clock::Clock,
    config::Settings,
    db::{Target, Watermark},
    error::Result,
    graphql::{self, Schema},
    users::Role,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime::Handle, sync::oneshot, task::JoinHandle};

use super::{
    PATIENCE,
    client::Client,
    database::{Database, Engine, temporary_folder},
    postgres,
    socket::{RawSocket, Socket},
    soon,
    wire::eventually,
};

/// A node of leadcast with the tenants `demo` and `rival`, each with the users `admin`, `casey` (a customer) and `pat`, `quinn`
/// and `riley` (providers with 100 credits). Dropping it stops it.
pub struct TestServer {
    pub app: App,
    address: SocketAddr,
    ground: Arc<Ground>,
    /// None once stopped.
    running: Option<Running>,
}

struct Running {
    /// Dropped: the server shuts down.
    shutdown: oneshot::Sender<()>,
    task: JoinHandle<Result<()>>,
}

const PLENTY: NonZero<u32> = NonZero::new(1_000_000_000).expect("not zero");

/// What the nodes of one deployment share.
struct Ground {
    database: Database,
    data: TempDir,
    clock: Clock,
}

impl TestServer {
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// With settings of its own.
    pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_at(Database::fresh(engine).await, change).await
    }

    /// On a database that is migrated and empty.
    pub async fn start_at(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let ground = Ground { database, data: temporary_folder(), clock: Clock::default() };
        let mut settings = Settings::defaults();
        settings.data = ground.data.path().to_owned();
        settings.database_url = Some(ground.database.target());
        // Tests do in a second what takes a user a day.
        (settings.clients.rate_per_user, settings.clients.rate_per_tenant) = (PLENTY, PLENTY);
        change(&mut settings);
        let server = Self::node(settings, ground.into()).await;
        leadcast::dev::seed(&server.app).await.expect("the demo tenants can be made");
        server
    }

    /// On a database of one's own cluster.
    pub async fn start_on(database: &postgres::Database) -> Self {
        let url = database.url();
        Self::start_with(Engine::Postgres, |settings| settings.database_url = Some(Target::Postgres(url))).await
    }

    /// Stops it, and starts another in its place whose schema something was added to.
    pub async fn replaced_by(self, schema: Schema) -> Self {
        let (settings, ground) = (self.app.settings.clone(), self.ground.clone());
        self.stop().await;
        Self::node_with(schema, settings, ground).await
    }

    /// Another node on the same database.
    pub async fn second_node(&self) -> Self {
        Self::node(self.app.settings.clone(), self.ground.clone()).await
    }

    async fn node(settings: Settings, ground: Arc<Ground>) -> Self {
        Self::node_with(graphql::schema().finish(), settings, ground).await
    }

    async fn node_with(schema: Schema, settings: Settings, ground: Arc<Ground>) -> Self {
        let app = App::with(schema, settings, ground.clock.clone()).await.expect("the app starts on a fresh database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (shutdown, asked) = oneshot::channel::<()>();
        let task = tokio::spawn(leadcast::run(listener, app.clone(), async move {
            // Asked to, or the test has ended: both mean stop.
            let _ = asked.await;
        }));
        Self { app, address, ground, running: Some(Running { shutdown, task }) }
    }

    /// Stops the server and waits until it has.
    pub async fn stop(mut self) {
        let Running { shutdown, task } = self.running.take().expect("a server is stopped once");
        drop(shutdown);
        let ended = soon("the server to stop", task).await;
        ended.expect("the server does not panic").expect("the server stops in good order");
    }

    /// Stops it as an operator would, and starts another in its place, at another address.
    pub async fn restart(self) -> Self {
        let (settings, ground) = (self.app.settings.clone(), self.ground.clone());
        self.stop().await;
        Self::node(settings, ground).await
    }

    /// Waits until this node has read all that was committed until now: `streamCursor` is a place in what it has read.
    pub async fn has_read_all(&self) {
        let last = Watermark::last_handed_out(&self.app.db).await.expect("the database answers");
        eventually("the node to have read the log", async || self.app.hub.watermark() >= last).await;
    }

    /// Moves the server's clock on.
    pub fn advance(&self, by: Duration) {
        self.ground.clock.advance(by);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A token of one of the seeded users, valid for an hour.
    pub fn token(&self, tenant: &str, user: &str) -> String {
        let role = match user {
            "admin" => Role::Admin,
            "casey" => Role::Customer,
            "pat" | "quinn" | "riley" => Role::Provider,
            other => panic!("{other} is not a seeded user: use token_for"),
        };
        self.token_for(tenant, user, role)
    }

    pub fn token_for(&self, tenant: &str, user: &str, role: Role) -> String {
        let (now, hour) = (self.ground.clock.now(), Duration::from_hours(1));
        let key = self.app.auth.key().expect("the server has a secret");
        key.issue(tenant, &user.into(), role, now, hour).expect("a token can be signed")
    }

    /// A seeded user at the HTTP API.
    pub fn user(&self, tenant: &str, user: &str) -> Client {
        Client::new(self.url("/graphql"), Some(self.token(tenant, user)))
    }

    /// Someone without a token.
    pub fn stranger(&self) -> Client {
        Client::new(self.url("/graphql"), None)
    }

    /// A seeded user's socket, past its `connection_init`.
    pub async fn socket(&self, tenant: &str, user: &str) -> Socket {
        Socket::connect(self.raw_socket().await, &self.token(tenant, user)).await
    }

    /// A socket on which nothing has been said yet.
    pub async fn raw_socket(&self) -> RawSocket {
        RawSocket::open(&format!("ws://{}/graphql", self.address)).await
    }
}

impl Drop for TestServer {
    /// Waits for the end, so that nothing writes any more into folders that are being removed.
    fn drop(&mut self) {
        let Some(Running { shutdown, task }) = self.running.take() else { return };
        drop(shutdown);
        let ended = async { tokio::time::timeout(PATIENCE, task).await };
        // How a server ends is judged by `stop`; a test that fails has said enough.
        let _ = tokio::task::block_in_place(|| Handle::current().block_on(ended));
    }
}
