//! GraphQL over server-sent events: the same operations for clients that a WebSocket cannot reach, in graphql-sse's "distinct
//! connections" mode. Each operation is a request of its own, whose answer does not end before the operation does: `next` events
//! with results, then `complete`.
//!
//! What cannot be executed is refused like any other request, with a status and JSON. What ends a running stream is a `next` with
//! `errors`, then `complete`; a server that shuts down ends the answer without `complete`, and the client comes back with its cursor.

use std::{convert::Infallible, future::ready, sync::Arc, time::Duration};

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::task::AbortOnDropHandle;

use super::Front;
use crate::{
    admission::{Admitted, Seat},
    app::App,
    auth::{self, Viewer},
    error::{Error, Fault},
    events::Positions,
    execution::{self, Operation, Outcome, Report, Serial},
    gate::capped,
    graphql::errors,
    ws::Sockets,
};

const TRANSPORT: &str = "sse";
/// How often the token's deadline is looked at, and after how many looks whether the token is void.
const WATCH: Duration = Duration::from_secs(1);
const LOOKS: u32 = 30;
/// Proxies that buffer would keep events back.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Begins to execute what the gate has let through. It ends when the client goes.
pub(super) fn answer(front: &Front, viewer: Viewer, token: Arc<str>, admitted: Admitted, seat: Seat) -> Response {
    let (sender, reports) = mpsc::channel(1);
    let operation = Operation {
        app: front.app.clone(),
        viewer: viewer.clone(),
        transport: TRANSPORT,
        positions: Positions::default(),
        serial: Serial(0),
        reports: sender,
    };
    let mut watch = interval_at(Instant::now() + WATCH, WATCH);
    watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let connection = Connection {
        app: front.app.clone(),
        sockets: front.sockets.clone(),
        viewer,
        token,
        reports,
        watch,
        looks: 0,
        state: State::Open,
        _seat: seat,
        _operation: AbortOnDropHandle::new(tokio::spawn(operation.run(ready(Ok(admitted))))),
    };
    let events = stream::unfold(connection, |mut connection| async move {
        let event = connection.next().await?;
        Some((Ok::<_, Infallible>(event), connection))
    });
    let alive = KeepAlive::new().interval(front.app.settings.limits.ping_interval);
    let vary = (header::VARY, HeaderValue::from_static("accept"));
    ([NO_BUFFERING, vary], Sse::new(events).keep_alive(alive)).into_response()
}

/// An answer that has not ended.
struct Connection {
    app: App,
    sockets: Sockets,
    viewer: Viewer,
    token: Arc<str>,
    reports: mpsc::Receiver<Report>,
    watch: Interval,
    looks: u32,
    state: State,
    /// Its place among its user's connections.
    _seat: Seat,
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
        match self.state {
            State::Open => {}
            State::Ending => return Some(self.complete()),
            State::Ended => return None,
        }
        loop {
            let report = tokio::select! {
                report = self.reports.recv() => report,
                _ = self.watch.tick() => match self.refused().await {
                    Some(fault) => {
                        let errors = capped(vec![errors::fault(&fault)]);
                        return Some(self.failed(&execution::json(&errors)));
                    }
                    None => continue,
                },
                () = self.sockets.drained() => return None,
            };
            return Some(match report {
                Some((_, Outcome::Next(result))) => Event::default().event("next").data(result),
                Some((_, Outcome::Failed(errors))) => self.failed(&errors),
                Some((_, Outcome::Complete)) | None => self.complete(),
            });
        }
    }

    /// Why the stream may not go on: its token has expired, or has become void.
    async fn refused(&mut self) -> Option<Fault> {
        if self.viewer.expires_at <= self.app.clock.now() {
            return Some(auth::EXPIRED);
        }
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS) {
            return None;
        }
        // Should the database be away, the next look will tell.
        match self.app.auth.viewer(&self.token).await {
            Err(Error::Fault(fault @ Fault::Unauthenticated(_))) => Some(fault),
            _ => None,
        }
    }

    /// `errors` is a list as JSON text.
    fn failed(&mut self, errors: &str) -> Event {
        self.state = State::Ending;
        Event::default().event("next").data(format!(r#"{{"errors":{errors}}}"#))
    }

    fn complete(&mut self) -> Event {
        self.state = State::Ended;
        // A browser passes over an event without data.
        Event::default().event("complete").data("")
    }
}
