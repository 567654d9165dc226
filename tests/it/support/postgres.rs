//! PostgreSQL for the tests: a private cluster made from the machine's own binaries, never a shared server.
//!
//! One cluster serves the whole test process; a test gets a database of its own, cloned from a template that was migrated
//! once. A test that holds, kills or prepares transactions takes a cluster of its own ([`Cluster::new`]), because the event
//! watermark looks at the transactions of the whole cluster.
//!
//! Statics are not dropped, and a test process may be killed: so not this process but a small shell script ([`KEEPER`]) holds
//! the server. It notices the end of the process by the pipe between them, then stops the server and removes its folder.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use leadcast::db::{Target, migrate};
use tokio::sync::OnceCell;
use tokio_postgres::NoTls;

const KEEPER: &str = include_str!("keeper.sh");
/// The oldest PostgreSQL that leadcast supports.
const OLDEST: u32 = 15;
const TEMPLATE: &str = "leadcast_template";
const START_PATIENCE: Duration = Duration::from_mins(1);

/// Every node has a pool and several tests run at once. Two-phase commit would hold the watermark, so it stays off.
const SETTINGS: &[&str] = &["max_connections=400", "max_prepared_transactions=0", "shared_buffers=64MB"];
/// For tests that kill no server: nothing needs to survive.
const FORGETFUL: &[&str] = &["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/// Whether the PostgreSQL half of the tests runs. Without binaries it is left out, which is said once, unless
/// `LEADCAST_TEST_REQUIRE` asks for it.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let found = binaries().is_some();
        if !found {
            let missing = format!(
                "PostgreSQL {OLDEST} or newer was not found, so the tests ran on SQLite only. Install it (Debian, Ubuntu: \
                 `apt-get install postgresql`; macOS: `brew install postgresql`) to run the other half."
            );
            let required = std::env::var("LEADCAST_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|one| one == "postgres"), "{missing}");
            // Not `eprintln!`, which libtest captures: a half that was left out must not look like one that passed.
            let _ = writeln!(std::io::stderr().lock(), "\n{missing}");
        }
        found
    })
}

/// A PostgreSQL server of this test process. Dropping it stops the server and removes its folder.
pub struct Cluster {
    folder: PathBuf,
    keeper: Mutex<Keeper>,
    /// Databases of tests that have ended; dropped when the next one is made.
    left_over: Mutex<Vec<String>>,
}

struct Keeper {
    process: Child,
    /// Taken, and so closed, to make the keeper end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Cluster {
    /// The cluster that the tests of this process share.
    pub async fn shared() -> Arc<Self> {
        static SHARED: OnceCell<Arc<Cluster>> = OnceCell::const_new();
        SHARED.get_or_init(Self::forgetful).await.clone()
    }

    /// A cluster of the caller's own, one that keeps what it has committed through a kill.
    pub async fn new() -> Arc<Self> {
        Self::make(&[]).await
    }

    /// One of the caller's own that allows what a cluster for leadcast should not: prepared transactions.
    pub async fn with_prepared_transactions() -> Arc<Self> {
        Self::make(&["max_prepared_transactions=2"]).await
    }

    /// A cluster of the caller's own that is fast, and never killed.
    pub async fn forgetful() -> Arc<Self> {
        Self::make(FORGETFUL).await
    }

    async fn make(settings: &[&str]) -> Arc<Self> {
        let bin = binaries().expect("available() was asked first");
        let settings: Vec<_> = [SETTINGS, settings].concat().iter().map(|setting| format!("-c{setting}")).collect();
        let (keeper, folder) = Keeper::spawn(&bin, &settings);
        let cluster = Self { folder, keeper: keeper.into(), left_over: Mutex::default() };
        cluster.start().await;
        cluster.execute(&format!("CREATE DATABASE {TEMPLATE}")).await;
        migrate(&Target::Postgres(cluster.url(TEMPLATE))).await.expect("the migrations run");
        cluster.into()
    }

    /// A new, migrated database.
    pub async fn database(self: &Arc<Self>) -> Database {
        let left_over = std::mem::take(&mut *lock(&self.left_over));
        for name in left_over {
            self.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}")).await;
        Database { cluster: self.clone(), name }
    }

    /// Starts the server, after `stop` or `kill`, and waits until it answers.
    pub async fn start(&self) {
        self.order("start");
        let deadline = Instant::now() + START_PATIENCE;
        while let Err(error) = tokio_postgres::connect(&self.url("postgres"), NoTls).await {
            assert!(Instant::now() < deadline, "PostgreSQL does not start: {error}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops the server in good order: open transactions are rolled back.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Stops the server as a power cut would: what its processes had not handed to the system is gone, connections break, and
    /// the next start recovers from the write-ahead log.
    pub fn kill(&self) {
        self.order("kill");
    }

    fn order(&self, order: &str) {
        lock(&self.keeper).order(order);
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// `user` is one that a test has made; the usual one is a superuser.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        let socket = self.folder.to_str().expect("mktemp gives ASCII").replace('/', "%2F");
        format!("postgres://{user}@{socket}:5432/{database}")
    }

    /// How often this server has had to end a session that stayed in a transaction.
    pub fn abandoned_transactions(&self) -> usize {
        self.log().matches("terminating connection due to idle-in-transaction timeout").count()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Runs a statement as the superuser, in no particular database.
    pub async fn execute(&self, sql: &str) {
        let (client, connection) =
            tokio_postgres::connect(&self.url("postgres"), NoTls).await.expect("PostgreSQL answers");
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}\n{}", self.log()));
        drop(client);
        connection.await.expect("the connection does not panic").expect("the connection ends in good order");
    }
}

/// A database of one test, migrated and otherwise empty.
pub struct Database {
    cluster: Arc<Cluster>,
    name: String,
}

impl Database {
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        lock(&self.cluster.left_over).push(std::mem::take(&mut self.name));
    }
}

impl Keeper {
    fn spawn(bin: &Path, settings: &[String]) -> (Self, PathBuf) {
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, "keeper"]).arg(bin).args(settings);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Ctrl-C is for the tests; the keeper has work to do after it.
        command.process_group(0).current_dir("/");
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        let mut process = command.spawn().expect("sh can be run");
        let answers = BufReader::new(process.stdout.take().expect("piped"));
        let mut keeper = Self { orders: process.stdin.take(), answers, process };
        let folder = keeper.answer();
        (keeper, folder.into())
    }

    fn order(&mut self, order: &str) {
        let orders = self.orders.as_mut().expect("open until the cluster is dropped");
        writeln!(orders, "{order}").expect("the keeper lives");
        assert_eq!(self.answer(), format!("{order}: done"));
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the keeper speaks UTF-8");
        line.trim_end().to_owned()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.process.wait();
    }
}

/// PostgreSQL refuses to run as root: then the user and the group to run it as.
fn unprivileged() -> Option<(u32, u32)> {
    let own = tempfile::tempfile().and_then(|file| file.metadata()).expect("a temporary file can be made").uid();
    if own != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("root has a user database");
    let ids = |name: &str| {
        let mut fields =
            users.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).expect("there is a user `postgres` or `nobody`"))
}

/// The folder of the PostgreSQL to use: the one on PATH, else what `pg_config` says, else the newest that is installed.
pub fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|output| String::from_utf8_lossy(&output.stdout).trim().into());
    let mut installed: Vec<_> = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path().join("bin")))
        .filter_map(|bin| Some((version(&bin)?, bin)))
        .collect();
    installed.sort();
    std::env::split_paths(&path)
        .chain(configured)
        .chain(installed.into_iter().rev().map(|(_, bin)| bin))
        .find(|bin| bin.join("initdb").is_file() && version(bin).is_some_and(|version| version >= OLDEST))
}

/// 15 of "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)".
fn version(bin: &Path) -> Option<u32> {
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_once("(PostgreSQL) ")?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A test that panicked while it held the lock left nothing half-done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
