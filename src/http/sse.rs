//! GraphQL over server-sent events: the same operations for clients that a WebSocket cannot reach, in graphql-sse's "distinct
//! connections" mode. Each operation is a request of its own, whose answer does not end before the operation does: `next` events
//! with results, then `complete`.
//!
//! Who is not let in, or sends no GraphQL request, is refused like everywhere, with a status and JSON. What cannot be executed, and what
//! ends a running stream, is a `next` with `errors`, then `complete`, which no client tries again by itself; a server that shuts down ends the answer without `complete`, and the client comes back with its cursor.

use std::{convert::Infallible, future::ready, pin::Pin, time::Duration};

use async_graphql::ServerError;
use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{future::OptionFuture, stream};
use tokio::{
    sync::mpsc,
    time::{Sleep, sleep},
};
use tokio_util::task::{AbortOnDropHandle, task_tracker::TaskTrackerToken};

use super::Front;
use crate::{
    admission::Admitted,
    auth::Watch,
    capacity::{Held, Seat},
    events::Positions,
    execution::{self, Operation, Outcome, Report, Serial},
    gate::capped,
    graphql::errors,
    ws::Sockets,
};

const TRANSPORT: &str = "sse";
/// Proxies that buffer would keep events back.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Begins to execute what the gate has let through. It ends when the client goes.
pub(super) fn answer(front: &Front, watch: Watch, admitted: Admitted, seat: Seat) -> Response {
    let (sender, reports) = mpsc::channel(1);
    let operation = Operation {
        app: front.app.clone(),
        viewer: watch.viewer().clone(),
        transport: TRANSPORT,
        positions: Positions::default(),
        serial: Serial(0),
        reports: sender,
    };
    let connection = Connection {
        sockets: front.sockets.clone(),
        drain_pace: front.app.settings.limits.drain_pace,
        leave: None,
        watch,
        reports,
        state: State::Open,
        held: None,
        _seat: seat,
        _ticket: front.sockets.ticket(),
        _operation: AbortOnDropHandle::new(tokio::spawn(operation.run(ready(Ok(admitted))))),
    };
    let events = stream::unfold(connection, |mut connection| async move {
        let event = connection.next().await?;
        Some((Ok::<_, Infallible>(event), connection))
    });
    let alive = KeepAlive::new().interval(front.app.settings.limits.ping_interval);
    headed(Sse::new(events).keep_alive(alive))
}

/// Of what cannot be executed.
pub(super) fn refused(errors: Vec<ServerError>) -> Response {
    let events = [failure(&execution::json(&capped(errors))), completion()];
    headed(Sse::new(stream::iter(events.map(Ok::<_, Infallible>))))
}

fn headed(events: impl IntoResponse) -> Response {
    ([NO_BUFFERING, (header::VARY, HeaderValue::from_static("accept"))], events).into_response()
}

/// `errors` is a list as JSON text.
fn failure(errors: &str) -> Event {
    Event::default().event("next").data(format!(r#"{{"errors":{errors}}}"#))
}

fn completion() -> Event {
    // A browser passes over an event without data.
    Event::default().event("complete").data("")
}

/// An answer that has not ended.
struct Connection {
    sockets: Sockets,
    drain_pace: Duration,
    /// When to leave, once the server drains.
    leave: Option<Pin<Box<Sleep>>>,
    /// The stream ends with its token.
    watch: Watch,
    reports: mpsc::Receiver<Report>,
    state: State,
    /// What the last event holds: the next is asked for when it is written.
    held: Option<Held>,
    /// Its place among its user's connections.
    _seat: Seat,
    _ticket: TaskTrackerToken,
    _operation: AbortOnDropHandle<()>,
}

enum State {
    Open,
    /// All is said but `complete`.
    Ending,
    Ended,
}

impl Connection {
    async fn next(&mut self) -> Option<Event> {
        self.held = None;
        match self.state {
            State::Open => {}
            State::Ending => return Some(self.complete()),
            State::Ended => return None,
        }
        let report = loop {
            tokio::select! {
                report = self.reports.recv() => break report,
                fault = self.watch.ended() => {
                    let errors = capped(vec![errors::fault(&fault)]);
                    return Some(self.failed(&execution::json(&errors)));
                }
                () = self.sockets.drained(), if self.leave.is_none() => {
                    self.leave = Some(Box::pin(sleep(self.sockets.jitter(self.drain_pace))));
                }
                Some(()) = OptionFuture::from(self.leave.as_mut()) => return None,
            }
        };
        let Some(Report { outcome, held, .. }) = report else { return Some(self.complete()) };
        self.held = held;
        Some(match outcome {
            Outcome::Next(result) => Event::default().event("next").data(result),
            Outcome::Failed(errors) => self.failed(&errors),
            Outcome::Complete => self.complete(),
        })
    }

    /// `errors` is a list as JSON text.
    fn failed(&mut self, errors: &str) -> Event {
        self.state = State::Ending;
        failure(errors)
    }

    fn complete(&mut self) -> Event {
        self.state = State::Ended;
        completion()
    }
}
