//! Answers of `/graphql`: one shape for results and for every kind of refusal.

use std::time::Duration;

use async_graphql::{Response as ExecutionResult, ServerError};
use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{accept::MediaType, sending::Sending};
use crate::{
    admission::Allowance,
    capacity::Running,
    error::{Error, Fault},
    gate,
    graphql::errors,
    metrics::Verdict,
};

/// How a request ended.
pub(super) enum Answer {
    /// Executed, perhaps with errors in it: the result's text.
    Executed { sending: Sending, verdict: Verdict },
    /// A well-formed request that cannot be executed: parsing, validation, variables.
    NotExecutable(Vec<ServerError>),
    /// Anything else: the request itself is not acceptable.
    Refused(Refusal),
    /// It is being executed: what comes of it is sent as it comes.
    Streams(Box<Response>),
}

/// A request that is turned away with a status of its own, whatever the media type.
pub(super) struct Refusal {
    status: StatusCode,
    error: Box<ServerError>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let mut error = ServerError::new(message, None);
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => Some("LIMIT_EXCEEDED"),
            StatusCode::FORBIDDEN => Some("FORBIDDEN"),
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Some("SERVICE_UNAVAILABLE"),
            // The request's own fault: the gate says so of what has no code.
            _ => None,
        };
        if let Some(code) = code {
            error.extensions.get_or_insert_default().set("code", code);
        }
        Self { status, error: Box::new(error), header: None }
    }

    pub(super) fn with(self, name: HeaderName, value: &'static str) -> Self {
        Self { header: Some((name, HeaderValue::from_static(value))), ..self }
    }

    fn retried_after(self, seconds: u64) -> Self {
        Self { header: Some((header::RETRY_AFTER, seconds.into())), ..self }
    }

    pub(super) fn fault(fault: &Fault) -> Self {
        let status = match fault {
            Fault::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Fault::Forbidden(_) => StatusCode::FORBIDDEN,
            Fault::BadUserInput(_) | Fault::CursorExpired => StatusCode::BAD_REQUEST,
            Fault::LimitExceeded(_) | Fault::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Fault::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let refusal = Self { status, error: Box::new(errors::fault(fault)), header: None };
        match fault {
            Fault::Unavailable(_) => refusal.retried_after(1),
            Fault::RateLimited { retry_after, .. } => refusal.retried_after(retry_after.get()),
            _ => refusal,
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Fault(fault) => Self::fault(&fault),
            Error::Refused(_) => Self::fault(&Fault::BadUserInput(error.describe())),
        }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The body of a request that was not executed: without `data`.
#[derive(Serialize)]
struct OnlyErrors {
    errors: Vec<ServerError>,
}

impl OnlyErrors {
    fn body(errors: Vec<ServerError>) -> serde_json::Result<Body> {
        serde_json::to_vec(&Self { errors: gate::capped(errors) }).map(Body::from)
    }
}

impl Answer {
    /// What came of an operation.
    /// `patience`: for the client to take it.
    pub(super) fn executed(
        mut result: ExecutionResult,
        allowance: Allowance,
        running: &Running,
        patience: Duration,
    ) -> Result<Self, Refusal> {
        let mut verdict = match &*result.errors {
            [] => Verdict::Ok,
            found => Verdict::of(errors::servers_fault(found), Verdict::Errors),
        };
        result.errors = gate::capped(result.errors);
        allowance.tell(&mut result);
        let written = running.text(&result).or_else(|fault| {
            // It was executed: what it changed is changed.
            verdict = Verdict::Errors;
            running.text(&ExecutionResult::from_errors(gate::capped(vec![errors::fault(&fault)])))
        });
        let (text, held) = written.map_err(|fault| Refusal::fault(&fault))?;
        Ok(Self::Executed { sending: Sending::new(text, held, patience), verdict })
    }

    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Self::Streams(_) => Verdict::Ok,
            Self::Executed { verdict, .. } => *verdict,
            Self::Refused(Refusal { status: StatusCode::UNAUTHORIZED, .. }) => Verdict::Unauthenticated,
            Self::Refused(Refusal { status, .. }) if status.is_server_error() => Verdict::Failed,
            Self::NotExecutable(found) => Verdict::of(errors::servers_fault(found), Verdict::Refused),
            Self::Refused(_) => Verdict::Refused,
        }
    }

    pub(super) fn into_response(self, media: MediaType) -> Response {
        let mut extra = None;
        let (status, body) = match self {
            Self::Streams(response) => return *response,
            Self::Executed { sending, .. } => (StatusCode::OK, Ok(Body::new(sending))),
            Self::NotExecutable(errors) => {
                let status = match media {
                    MediaType::GraphqlResponse => StatusCode::BAD_REQUEST,
                    MediaType::Json => StatusCode::OK,
                };
                (status, OnlyErrors::body(errors))
            }
            Self::Refused(refusal) => {
                extra = refusal.header;
                (refusal.status, OnlyErrors::body(vec![*refusal.error]))
            }
        };
        let Ok(body) = body else {
            tracing::error!("a result could not be written as JSON");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(media.content_type()))];
        let mut response = (status, headers, body).into_response();
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
        response.headers_mut().extend(extra);
        response
    }
}
