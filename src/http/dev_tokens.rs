//! `/dev/tokens`: ready tokens for trying the API, in dev mode. Tokens must not fall into the hands of a web page that is
//! open in the developer's browser, so the request must be addressed to this machine and not come from a foreign page.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use serde::Serialize;

use super::{
    Front,
    accept::MediaType,
    answer::{Answer, Refusal},
    origin,
};

/// A token for one of the seeded users.
#[derive(Serialize, Clone, Debug)]
pub struct DevToken {
    /// The tenant's slug.
    pub tenant: &'static str,
    pub user: &'static str,
    pub role: &'static str,
    pub token: String,
}

pub(super) async fn list(State(front): State<Front>, headers: HeaderMap) -> Response {
    let app = &front.app;
    if !origin::is_addressed_to_loopback(&headers) || !origin::is_allowed(&headers, &app.settings.allowed_origins) {
        let message = "Tokens are given to this machine only: open http://127.0.0.1 or http://localhost itself.";
        return Answer::from(Refusal::new(StatusCode::FORBIDDEN, message)).into_response(MediaType::Json);
    }
    match (front.dev_tokens)(app) {
        Ok(tokens) => Json(tokens).into_response(),
        Err(error) => Answer::from(Refusal::from(error)).into_response(MediaType::Json),
    }
}
