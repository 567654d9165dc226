//! For load balancers and orchestrators: `/healthz` (the process runs) and `/readyz` (send requests here).

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
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(front): State<Front>) -> impl IntoResponse {
    let draining = front.is_draining();
    let database = matches!(timeout(PATIENCE, front.app.db.ping(&front.app.clock)).await, Ok(Ok(())));
    let checks = vec![
        Check { name: "accepting", ok: !draining, detail: draining.then_some("the server is shutting down") },
        Check { name: "database", ok: database, detail: (!database).then_some("the database does not answer") },
    ];
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, checks }))
}
