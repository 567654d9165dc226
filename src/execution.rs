//! One operation of a connection, in a task of its own: what blocks or fails here touches no other operation.
//!
//! Results go into the connection's one bounded channel, one at a time. Whoever waits for room waits in line, so that a busy
//! stream cannot keep the others from being heard; and a stream is asked for its next event only when the last one is in
//! the channel, which is what makes its position safe to tell (see `events::Positions`).

use std::panic::AssertUnwindSafe;

use async_graphql::{Response, ServerError, parser::types::OperationType};
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::sync::mpsc;
use tracing::{Instrument, Span};

use crate::{
    admission::{Admitted, Allowance},
    app::App,
    auth::Viewer,
    capacity::{Held, Running, Work},
    error::Fault,
    events::Positions,
    gate, graphql,
    metrics::Verdict,
    telemetry::spans,
};

/// Names a start of an operation; never used twice on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Serial(pub u64);

/// What an operation reports.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// One result, as JSON text.
    Next(String),
    /// Errors that ended it, as the JSON text of a list.
    Failed(String),
    Complete,
}

pub struct Report {
    pub serial: Serial,
    pub outcome: Outcome,
    /// What a result holds until it is sent.
    pub held: Option<Held>,
}

pub struct Operation {
    pub app: App,
    pub viewer: Viewer,
    pub transport: &'static str,
    pub positions: Positions,
    pub serial: Serial,
    pub reports: mpsc::Sender<Report>,
}

impl Operation {
    /// Runs to the end once it is admitted; a panic becomes an INTERNAL error of this operation.
    pub async fn run(self, admitted: impl Future<Output = Result<Admitted, Vec<ServerError>>>) {
        let span = spans::operation(self.transport, None);
        if AssertUnwindSafe(self.execute(admitted)).catch_unwind().instrument(span.clone()).await.is_err() {
            span.in_scope(|| self.count(Verdict::Failed));
            let fault = Fault::internal("an operation panicked; see the log line of the panic");
            self.fail(vec![graphql::errors::fault(&fault)]).await;
        }
    }

    async fn execute(&self, admitted: impl Future<Output = Result<Admitted, Vec<ServerError>>>) {
        let Admitted { operation, request, allowance, running } = match admitted.await {
            Ok(admitted) => admitted,
            Err(errors) => return self.refuse(errors).await,
        };
        spans::describe(operation.kind_name(), operation.name.as_deref());
        let _counted = (operation.kind == OperationType::Subscription).then(|| self.app.metrics.subscription());
        let request = graphql::request(&self.app, &self.viewer, &running, request).data(self.positions.clone());
        if operation.kind != OperationType::Subscription {
            running.work(Work::Request).await;
        }
        let mut responses = self.app.schema.execute_stream(request);
        let mut verdict = Verdict::Ok;
        while let Some(response) = responses.next().await {
            running.rest();
            // An event that could not be told in full must not be passed over: the client comes back for it with its cursor.
            let holed =
                operation.kind == OperationType::Subscription && graphql::errors::servers_fault(&response.errors);
            if holed || operation.failed_before_execution(&response) {
                return self.refuse(response.errors).await;
            }
            if response.is_err() {
                verdict = Verdict::of(graphql::errors::servers_fault(&response.errors), Verdict::Errors);
            }
            // What events cost is up to whoever makes them.
            let told = (operation.kind != OperationType::Subscription).then_some(allowance);
            if !self.next(response, told, &running).await {
                return;
            }
        }
        self.count(verdict);
        self.report(Outcome::Complete, None).await;
    }

    /// Whether the operation may go on.
    async fn next(&self, mut response: Response, allowance: Option<Allowance>, running: &Running) -> bool {
        if let Some(allowance) = allowance {
            allowance.tell(&mut response);
        }
        response.errors = gate::capped(response.errors);
        let text = running.text(&response);
        // Not while the client takes its time.
        drop(response);
        match text {
            Ok((result, held)) => {
                self.report(Outcome::Next(result), Some(held)).await;
                true
            }
            Err(fault) => {
                self.refuse(vec![graphql::errors::fault(&fault)]).await;
                false
            }
        }
    }

    async fn refuse(&self, errors: Vec<ServerError>) {
        self.count(Verdict::of(graphql::errors::servers_fault(&errors), Verdict::Refused));
        self.fail(gate::capped(errors)).await;
    }

    fn count(&self, verdict: Verdict) {
        spans::ended(&Span::current(), verdict.into(), verdict == Verdict::Failed);
        self.app.metrics.request(self.transport, verdict);
    }

    async fn fail(&self, errors: Vec<ServerError>) {
        self.report(Outcome::Failed(json(&errors)), None).await;
    }

    /// When the socket is gone there is nobody to tell, and this task is about to be ended.
    async fn report(&self, outcome: Outcome, held: Option<Held>) {
        let _gone = self.reports.send(Report { serial: self.serial, outcome, held }).await;
    }
}

/// Texts and JSON values always have a JSON form.
pub fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
