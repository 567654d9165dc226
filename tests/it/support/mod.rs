//! What the tests share: servers on real ports, databases of their own on both engines, clients that speak real HTTP and
//! real WebSockets.
//!
//! Nothing here waits by sleeping and hoping. A wait has a condition and a deadline; that something does *not* come is proved
//! by a later thing that does (see [`socket::Subscription::nothing_before`]).

pub mod api;
pub mod client;
pub mod database;
pub mod flood;
pub mod keys;
pub mod market;
pub mod postgres;
pub mod program;
pub mod provider;
pub mod random;
pub mod receiver;
pub mod resolvers;
pub mod rows;
pub mod server;
pub mod socket;
pub mod sql;
pub mod wire;

use std::time::Duration;

pub use database::Engine;
pub use server::TestServer;

/// How long a test waits for what must come. Long, because a loaded machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Awaits what must come; fails with `what` when it does not.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(PATIENCE, future).await;
    outcome.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Makes two tests, `sqlite` and `postgres`, of each `async fn name(engine: Engine)`.
macro_rules! both_engines {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::support::{Engine, postgres::available};

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$name(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                if available() {
                    super::$name(Engine::Postgres).await;
                }
            }
        }
    )+};
}
pub(crate) use both_engines;
