//! leadcast: the live backend of a lead marketplace.
//!
//! Customers post leads; the providers they fit hear of them at once; a provider pays credits to claim one; at most N may;
//! everyone sees the count move. This crate is all of it: a multi-tenant GraphQL API with subscriptions, on an embedded
//! SQLite or on PostgreSQL.
//!
//! The way of a request:
//!
//! ```text
//! http / ws → auth (a Viewer) → admission → gate (a checked request) → graphql (resolvers) → operation → store (one transaction)
//!     → events::log → hub → feed → graphql → http / ws
//! ```
//!
//! - [`http`], [`ws`]: the transports. Nothing else knows of them.
//! - [`gate`]: what a request must pass before it is executed. [`admission`]: what one client may take of a node. [`execution`]: an operation of a connection that stays open. [`graphql`]: the schema, put together from the features.
//! - The features ([`tenants`], [`users`], [`leads`], [`claims`], [`wallets`], [`matching`], [`preferences`], [`notifications`],
//!   [`delivery`]), one folder each: `mod.rs` has the types and the pure rules, `store.rs` the SQL, `graphql.rs` the API, every other file one operation.
//! - [`events`]: the log that every fact is appended to, and the streams that are read from it.
//! - [`db`], [`clock`], [`config`], [`auth`]: the only ones that speak to the database, ask for the time, read the
//!   environment and read tokens.
//! - [`telemetry`], [`metrics`]: what is told to whoever runs it.
//! - [`app`], [`dev`], [`demo`], [`workers`] and [`run`] put these together.
//!
//! What always holds:
//!
//! - The tenant comes from the verified token, and is part of every key. What is another tenant's does not exist.
//! - A change and its events are committed in one transaction; a lead's places, a wallet's balance and its ledger too.
//! - Events of a lead or a wallet have the order in which they were committed, and no stream skips or repeats one.
//! - A mutation that is sent again finds what it did the first time.
//! - Queues are bounded. A client that does not keep up is let go, and resumes from its cursor without loss.

pub mod admission;
pub mod app;
pub mod auth;
pub mod capacity;
pub mod claims;
pub mod clock;
pub mod config;
#[cfg(test)]
mod corpus;
pub mod db;
pub mod delivery;
pub mod demo;
pub mod dev;
pub mod error;
pub mod events;
pub mod execution;
pub mod gate;
pub mod graphql;
pub mod http;
pub mod ids;
pub mod input;
pub mod json;
pub mod leads;
pub mod matching;
pub mod metrics;
pub mod money;
pub mod notifications;
pub mod paging;
pub mod preferences;
pub mod reference;
pub mod telemetry;
pub mod tenants;
pub mod trouble;
pub mod users;
pub mod wallets;
pub mod workers;
pub mod ws;

/// What holds whatever comes in, for the targets of `tests/fuzz`.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::{
        auth::properties::any_bytes as token, events::properties::any_bytes as cursor,
        gate::properties::any_bytes as gate, paging::properties::any_bytes as page_cursor,
        ws::properties::any_bytes as ws,
    };
}

use std::time::Duration;

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    error::{Error, Result},
};

/// For what is being sent, and then for the last transactions, to end when everything else has.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Serves until `shutdown`, then lets go in order: readiness, sockets, requests, workers, hub, database. Ends early, with an error,
/// when a part that must run for ever has stopped: a server without its event tail would look healthy and be silent.
pub async fn run(listener: TcpListener, app: App, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<()> {
    let (drain_delay, drain_time) = (app.settings.drain_delay.unwrap_or_default(), app.settings.limits.drain_time);
    let address = listener.local_addr().map_err(Error::internal)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %address, "serving");
    let (mut hub, mut workers, mut server) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    let news = app.hub.news();
    hub.spawn(app.hub.clone().run());
    workers.spawn(workers::run(app.clone()));
    workers.spawn(app.auth.clone().keep(news));
    let (db, courier) = (app.db.clone(), app.clone());
    let front = http::Front::new(app, dev::tokens);
    let close = CancellationToken::new();
    server.spawn(front.clone().serve(listener, close.clone().cancelled_owned()));

    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        _ = hub.join_next() => Err(Error::internal("the event tail has stopped")),
        _ = workers.join_next() => Err(Error::internal("the workers have stopped")),
        _ = server.join_next() => Err(Error::internal("the listener has stopped")),
        () = db.stopped() => Err(Error::internal("the database's writer has stopped")),
    };

    tracing::info!("shutting down");
    front.stop_being_ready();
    tokio::time::sleep(drain_delay).await;
    let deadline = Instant::now() + drain_time;
    if timeout_at(deadline, front.drain()).await.is_err() {
        tracing::warn!("some sockets were still open when the time to drain was over");
    }
    close.cancel();
    if timeout_at(deadline, server.join_next()).await.is_err() {
        tracing::warn!("some requests were still running when the time to drain was over");
    }
    server.shutdown().await;
    workers.shutdown().await;
    // What has been sent and is not written down goes out again.
    if timeout(CLOSE_PATIENCE, courier.courier.finish()).await.is_err() {
        tracing::warn!("some messages were still being sent when the server ended; they may come twice");
    }
    hub.shutdown().await;
    // A transaction outlives the request that was given up on.
    if timeout(CLOSE_PATIENCE, db.close()).await.is_err() {
        tracing::warn!("some transactions were still running when the server ended");
    }
    tracing::info!("stopped");
    outcome
}
