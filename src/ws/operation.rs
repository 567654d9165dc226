//! One operation of a socket, in a task of its own: what blocks or fails here touches no other operation.
//!
//! Results go into the socket's one bounded channel, one at a time. Whoever waits for room waits in line, so that a busy
//! stream cannot keep the others from being heard; and a stream is asked for its next event only when the last one is in
//! the channel, which is what makes its position safe to tell (see `events::Positions`).

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_graphql::{Response, ServerError, parser::types::OperationType};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tracing::{Instrument, Span};

use super::{
    message,
    protocol::{Outcome, Serial},
};
use crate::{
    app::App,
    auth::Viewer,
    error::{Error, Fault},
    events::Positions,
    gate::{self, Parameters},
    graphql,
    metrics::Verdict,
    telemetry::spans,
};

const TRANSPORT: &str = "websocket";

pub(super) type Report = (Serial, Outcome);

pub(super) struct Operation {
    pub app: App,
    pub viewer: Viewer,
    pub token: Arc<str>,
    pub positions: Positions,
    pub serial: Serial,
    pub reports: mpsc::Sender<Report>,
}

impl Operation {
    /// Runs to the end; a panic becomes an INTERNAL error of this operation.
    pub(super) async fn run(self, parameters: Parameters) {
        let span = spans::operation(TRANSPORT, None);
        if AssertUnwindSafe(self.execute(parameters)).catch_unwind().instrument(span.clone()).await.is_err() {
            span.in_scope(|| self.count(Verdict::Failed));
            let fault = Fault::internal("an operation panicked; see the log line of the panic");
            self.fail(vec![graphql::errors::fault(&fault)]).await;
        }
    }

    async fn execute(&self, parameters: Parameters) {
        // A role may have changed since `connection_init`. What is known is remembered for moments: no query each time.
        if let Err(Error::Fault(fault)) = self.app.auth.viewer(&self.token).await {
            return self.refuse(vec![graphql::errors::fault(&fault)]).await;
        }
        let (operation, request) = match self.app.gate.check(parameters) {
            Ok(checked) => checked,
            Err(errors) => return self.refuse(errors).await,
        };
        spans::describe(operation.kind_name(), operation.name.as_deref());
        let _running = (operation.kind == OperationType::Subscription).then(|| self.app.metrics.subscription());
        let request = graphql::request(&self.app, &self.viewer, request).data(self.positions.clone());
        let mut responses = self.app.schema.execute_stream(request);
        let mut verdict = Verdict::Ok;
        while let Some(response) = responses.next().await {
            // An event that could not be told in full must not be passed over: the client comes back for it with its cursor.
            let holed =
                operation.kind == OperationType::Subscription && graphql::errors::servers_fault(&response.errors);
            if holed || operation.failed_before_execution(&response) {
                return self.refuse(response.errors).await;
            }
            if response.is_err() {
                verdict = Verdict::of(graphql::errors::servers_fault(&response.errors), Verdict::Errors);
            }
            if !self.next(response).await {
                return;
            }
        }
        self.count(verdict);
        self.report(Outcome::Complete).await;
    }

    /// Whether the operation may go on.
    async fn next(&self, mut response: Response) -> bool {
        response.errors = gate::capped(response.errors);
        let result = message::json(&response);
        let limit = self.app.settings.limits.result_bytes;
        if result.len() > limit {
            let fault = Fault::LimitExceeded(format!("The result is larger than {limit} bytes: ask for less at once."));
            self.refuse(vec![graphql::errors::fault(&fault)]).await;
            return false;
        }
        self.report(Outcome::Next(result)).await;
        true
    }

    async fn refuse(&self, errors: Vec<ServerError>) {
        self.count(Verdict::of(graphql::errors::servers_fault(&errors), Verdict::Refused));
        self.fail(gate::capped(errors)).await;
    }

    fn count(&self, verdict: Verdict) {
        spans::ended(&Span::current(), verdict.into(), verdict == Verdict::Failed);
        self.app.metrics.request(TRANSPORT, verdict);
    }

    async fn fail(&self, errors: Vec<ServerError>) {
        self.report(Outcome::Failed(message::json(&errors))).await;
    }

    /// When the socket is gone there is nobody to tell, and this task is about to be ended.
    async fn report(&self, outcome: Outcome) {
        let _gone = self.reports.send((self.serial, outcome)).await;
    }
}
