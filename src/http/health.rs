//! For load balancers and orchestrators: `/healthz` (the process runs) and `/readyz` (send requests here).
//!
//! *Degraded* is not the same as not ready: a transaction that somebody left open holds back the events of every node, while
//! queries and mutations go on. Taking all nodes out of the load balancer would make an outage of it, so the status stays 200,
//! and the failed check is for whoever watches. The same goes for transactions that fail while the database answers: a full disk
//! lets everybody read.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde::Serialize;
use tokio::time::timeout;

use super::Front;

/// A check that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    degraded: bool,
    checks: [Check; 4],
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

impl Check {
    fn new(name: &'static str, ok: bool, otherwise: &'static str) -> Self {
        Self { name, ok, detail: (!ok).then_some(otherwise) }
    }
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(front): State<Front>) -> impl IntoResponse {
    let db = &front.app.db;
    let answers = matches!(timeout(PATIENCE, db.ping(&front.app.clock)).await, Ok(Ok(())));
    let accepting = Check::new("accepting", !front.is_draining(), "the server is shutting down");
    let database = Check::new("database", answers, "the database does not answer");
    let events = Check::new("events", !db.held.too_long(), "events are held back: the log says by what");
    let transactions = Check::new("transactions", !db.is_in_trouble(), "some transactions fail: the log says why");
    let ready = accepting.ok && database.ok;
    let degraded = ready && !(events.ok && transactions.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, degraded, checks: [accepting, database, events, transactions] }))
}
