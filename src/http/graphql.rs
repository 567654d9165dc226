//! `/graphql` over HTTP: POST, GET for queries, and the upgrade to WebSocket.
//!
//! Checks go from cheap to dear, and nothing of the body is read before the token is known to be good.

use std::{panic::AssertUnwindSafe, time::Duration};

use async_graphql::parser::types::OperationType;
use axum::{
    Extension,
    body::Bytes,
    extract::{
        FromRequest, Query, Request, State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::{
    Front,
    accept::{self, Accepted, MediaType},
    answer::{Answer, Refusal},
    listener::Place,
    origin, playground, sse,
};
use crate::{
    admission::{Admitted, Refused, admit},
    auth::{self, Viewer},
    capacity::Work,
    error::{Error, Fault},
    gate::{self, Parameters},
    graphql,
    metrics::Verdict,
    telemetry::spans,
    ws,
};

pub(super) async fn post(State(front): State<Front>, request: Request) -> Response {
    let headers = request.headers().clone();
    let accepted = Accepted::by(&headers);
    answered(&front, "post", &headers, accepted, async {
        let (viewer, token) = viewer(&front, &headers).await?;
        let parameters = from_body(&front, request).await?;
        execute(&front, viewer, token, parameters, accepted, false).await
    })
    .await
}

/// A query, the upgrade, or GraphiQL.
pub(super) async fn get(
    State(front): State<Front>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if is_websocket(&headers) {
        return match accept_socket(&front, upgrade, place, &headers) {
            Ok(response) => response,
            Err(refusal) => Answer::from(refusal).into_response(MediaType::Json),
        };
    }
    let accepted = Accepted::by(&headers);
    if let Some(page) = playground::page(&front, &headers, accepted, &uri) {
        return page;
    }
    answered(&front, "get", &headers, accepted, async {
        let (viewer, token) = viewer(&front, &headers).await?;
        let parameters = from_query_string(&uri)?;
        execute(&front, viewer, token, parameters, accepted, true).await
    })
    .await
}

pub(super) async fn other_method() -> Response {
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Use POST, or GET for queries.");
    Answer::from(refusal.with(header::ALLOW, "GET, POST")).into_response(MediaType::Json)
}

/// Settles the media type first, so that whatever happens then is answered in it.
async fn answered(
    front: &Front,
    transport: &'static str,
    headers: &HeaderMap,
    accepted: Accepted,
    work: impl Future<Output = Result<Answer, Refusal>>,
) -> Response {
    let started = Instant::now();
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let span = spans::operation(transport, traceparent);
    let media = accepted.media.or_else(|| accepted.events.then_some(MediaType::Json));
    let (media, answer) = if let Some(media) = media {
        let answer = AssertUnwindSafe(work).catch_unwind().instrument(span.clone()).await.unwrap_or_else(|_| {
            // The place of the panic is in the log already, from the panic hook.
            Err(Refusal::fault(&Fault::internal("a request panicked; see the log line of the panic")))
        });
        (media, answer.unwrap_or_else(Answer::from))
    } else {
        let message = "Accept must allow application/graphql-response+json, application/json or text/event-stream.";
        (MediaType::Json, Refusal::new(StatusCode::NOT_ACCEPTABLE, message).into())
    };
    if let Answer::Streams(response) = answer {
        spans::ended(&span, Verdict::Ok.into(), false);
        return *response;
    }
    let verdict = answer.verdict();
    spans::ended(&span, verdict.into(), verdict == Verdict::Failed);
    front.app.metrics.request(transport, verdict);
    front.app.metrics.request_duration(transport, started.elapsed());
    match answer {
        Answer::NotExecutable(errors) if accepted.media.is_none() => sse::refused(errors),
        answer => answer.into_response(media),
    }
}

/// Who asks, and may ask. Whether the token is good may be a question to the database, which may be slow.
async fn viewer<'a>(front: &Front, headers: &'a HeaderMap) -> Result<(Viewer, &'a str), Refusal> {
    let Some(token) = token(headers) else {
        return Err(Refusal::fault(&auth::MISSING).with(header::WWW_AUTHENTICATE, "Bearer"));
    };
    if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
        return Err(bad_request("There is more than one Authorization header."));
    }
    let patience = front.app.settings.limits.body_time;
    let viewer = timeout(patience, front.app.auth.viewer(token)).await.map_err(|_| too_slow(patience))?;
    let viewer = viewer.map_err(|error| {
        let refused = matches!(error, Error::Fault(Fault::Unauthenticated(_)));
        let refusal = Refusal::from(error);
        if refused { refusal.with(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"") } else { refusal }
    })?;
    front.app.admission.request(&viewer).map_err(|spent| Refusal::fault(&spent))?;
    Ok((viewer, token))
}

fn token(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok().and_then(gate::bearer)
}

async fn from_body(front: &Front, request: Request) -> Result<Parameters, Refusal> {
    if !is_json(request.headers()) {
        let message = "The Content-Type must be application/json, in UTF-8.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        let message = "The body must be sent as it is, without Content-Encoding.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let limits = &front.app.settings.limits;
    let body = match timeout(limits.body_time, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => body,
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("The body is larger than {} bytes.", limits.body_bytes);
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        Ok(Err(_)) => return Err(bad_request("The body could not be read to its end.")),
        Err(_) => return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.")),
    };
    let json = serde_json::from_slice(&body).map_err(|error| bad_request(format!("The body is not JSON: {error}.")))?;
    Parameters::from_json(json).map_err(bad_request)
}

/// `variables` and `extensions` are JSON text in a query string.
fn from_query_string(uri: &Uri) -> Result<Parameters, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Fields {
        query: Option<String>,
        operation_name: Option<String>,
        variables: Option<String>,
        extensions: Option<String>,
    }
    let Query(fields) = Query::<Fields>::try_from_uri(uri)
        .map_err(|_| bad_request("The query string is not well-formed: each parameter may be there once, in UTF-8."))?;
    let object = |name: &str, text: Option<String>| match text.as_deref() {
        None | Some("") => Ok(Value::Null),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| bad_request(format!("The parameter `{name}` is not JSON: {error}."))),
    };
    let mut members = serde_json::Map::new();
    members.insert("query".to_owned(), fields.query.filter(|query| !query.is_empty()).into());
    members.insert("operationName".to_owned(), fields.operation_name.filter(|name| !name.is_empty()).into());
    members.insert("variables".to_owned(), object("variables", fields.variables)?);
    members.insert("extensions".to_owned(), object("extensions", fields.extensions)?);
    Parameters::from_json(members.into()).map_err(bad_request)
}

/// A GET must be safe: it may be repeated, prefetched and sent by a link on any page.
async fn execute(
    front: &Front,
    viewer: Viewer,
    token: &str,
    parameters: Parameters,
    accepted: Accepted,
    safe: bool,
) -> Result<Answer, Refusal> {
    let admitted = match admit(&front.app, &viewer, parameters) {
        Ok(admitted) => admitted,
        Err(Refused::NotExecutable(errors)) => return Ok(Answer::NotExecutable(errors)),
        Err(Refused::Fault(fault)) => return Err(Refusal::fault(&fault)),
    };
    let operation = &admitted.operation;
    spans::describe(operation.kind_name(), operation.name.as_deref());
    match operation.kind {
        OperationType::Mutation if safe => {
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Mutations are sent with POST, not with GET.");
            return Err(refusal.with(header::ALLOW, "POST"));
        }
        OperationType::Subscription if !accepted.events => {
            let message = format!(
                "Subscriptions go over WebSocket, at this address: subprotocol {}. Or accept text/event-stream.",
                ws::SUBPROTOCOL
            );
            return Err(bad_request(message));
        }
        _ => {}
    }
    // Who takes JSON, too, gets that for what has one answer.
    if operation.kind == OperationType::Subscription || accepted.media.is_none() {
        let seat = front.app.admission.connection(&viewer).map_err(|full| Refusal::fault(&full))?;
        let watch = front.app.auth.watch(token.into(), viewer);
        return Ok(Answer::Streams(sse::answer(front, watch, admitted, seat).into()));
    }
    let Admitted { operation, request, allowance, running } = admitted;
    let request = graphql::request(&front.app, &viewer, &running, request);
    let patience = front.app.settings.limits.request_time;
    let executed = async {
        running.work(Work::Request).await;
        front.app.schema.execute(request).await
    };
    let Ok(result) = timeout(patience, executed).await else {
        return Err(too_slow(patience));
    };
    running.rest();
    if operation.failed_before_execution(&result) {
        return Ok(Answer::NotExecutable(result.errors));
    }
    Answer::executed(result, allowance, &running, front.app.settings.limits.answer_time)
}

/// Some clients offer to go on in HTTP/2 in the same header: not here.
fn is_websocket(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

fn accept_socket(
    front: &Front,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    place: Place,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if !origin::is_allowed(headers, &front.app.settings.allowed_origins) {
        let message = "This origin may not open sockets here: it must be in LEADCAST_ALLOWED_ORIGINS.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, message));
    }
    let upgrade = upgrade.map_err(|rejection| Refusal::new(rejection.status(), "This is no WebSocket handshake."))?;
    if !ws::is_offered(&upgrade) {
        return Err(bad_request(format!("Offer the WebSocket subprotocol {}.", ws::SUBPROTOCOL)));
    }
    if front.is_draining() {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down."));
    }
    Ok(front.sockets.accept(front.app.clone(), token(headers).map(str::to_owned), upgrade, place))
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.filter_map(|parameter| parameter.split_once('=')).all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || accept::is_utf8(value.trim().trim_matches('"'))
        })
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, message)
}

fn too_slow(patience: Duration) -> Refusal {
    let message = format!(
        "The request took longer than {} seconds and was given up. What it had begun may still be completed; sending \
         it again is safe.",
        patience.as_secs()
    );
    Refusal::new(StatusCode::GATEWAY_TIMEOUT, message)
}
