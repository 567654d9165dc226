//! What one client may take of a node, so that the others get theirs: connections that stay open, operations that run, and what these
//! cost in a minute. A request over a limit is refused at once, with a clear error and, where waiting helps, for how long. What is within
//! them is executed a few at a time, for each user and each tenant: those of others do not wait behind somebody's many.
//!
//! Every transport brings its operations through [`admit`]. Each node counts for itself: of a client whose requests are spread over
//! three nodes three times as much is taken.

mod rates;

use std::sync::Arc;

use async_graphql::{Request, Response, ServerError, Value};

use self::rates::Rates;
use crate::{
    app::App,
    auth::Viewer,
    capacity::{PIECE, Running, Seat, Seats},
    clock::Clock,
    config::Settings,
    error::Fault,
    gate::{self, Parameters},
    graphql::errors,
};

pub use rates::Allowance;

/// Bytes of a document and its variables that cost a point to be read, remembered or not.
const BYTES_A_POINT: usize = 100;
const END_ONE: &str = "End one first.";

pub struct Admission {
    connections: Seats,
    operations: Seats,
    /// Of results that are not sent yet, in pieces.
    memory: Arc<Seats>,
    /// Bytes that one result may have.
    result_bytes: usize,
    rates: Rates,
}

/// An operation that may be executed.
pub struct Admitted {
    pub operation: gate::Operation,
    pub request: Request,
    pub allowance: Allowance,
    pub running: Running,
}

/// Why an operation is not executed.
pub enum Refused {
    /// It cannot be: its document, its variables.
    NotExecutable(Vec<ServerError>),
    /// Not by this client, or not now.
    Fault(Fault),
}

impl Admission {
    pub fn new(settings: &Settings, clock: &Clock) -> Self {
        let (limits, fixed) = (&settings.clients, &settings.limits);
        let [of_a_user, of_a_tenant] = [fixed.results_per_user, fixed.results_per_tenant].map(|bytes| bytes / PIECE);
        Self {
            connections: Seats::new(
                "sockets and streams are open at once",
                END_ONE,
                limits.sockets_per_user,
                limits.sockets_per_tenant,
            ),
            operations: Seats::new(
                "operations run at once",
                END_ONE,
                limits.operations_per_user,
                limits.operations_per_tenant,
            )
            .in_turns(limits.concurrency_per_user, limits.concurrency_per_tenant),
            memory: Seats::new(
                "pieces of 64 KiB are kept of operations and their unread results",
                "Read what was asked for first, or ask for less at once.",
                of_a_user,
                of_a_tenant,
            )
            .into(),
            result_bytes: fixed.result_bytes,
            rates: Rates::new(limits.rate_per_user, limits.rate_per_tenant, clock),
        }
    }

    /// Before a request is read: whoever has spent all is not read.
    pub fn request(&self, viewer: &Viewer) -> Result<(), Fault> {
        self.rates.spend(viewer, 1).map(drop)
    }

    /// A place for a connection that stays open: a socket, or an answer that streams.
    pub fn connection(&self, viewer: &Viewer) -> Result<Seat, Fault> {
        self.connections.take(viewer)
    }
}

/// Brings a request, counted by [`Admission::request`], past the gate and the client's limits. What is refused costs what it costs to
/// read.
pub fn admit(app: &App, viewer: &Viewer, parameters: Parameters) -> Result<Admitted, Refused> {
    let limits = &app.admission;
    let reading = parameters.size() / BYTES_A_POINT;
    if reading > 0 {
        limits.rates.spend(viewer, u64::try_from(reading).unwrap_or(u64::MAX)).map_err(Refused::Fault)?;
    }
    let (operation, request) = app.gate.check(parameters).map_err(Refused::NotExecutable)?;
    let seat = limits.operations.take(viewer).map_err(Refused::Fault)?;
    let allowance = limits.rates.spend(viewer, operation.cost).map_err(Refused::Fault)?;
    let running = Running::new(viewer.clone(), seat, limits.memory.clone(), limits.result_bytes, operation.memory)
        .map_err(Refused::Fault)?;
    Ok(Admitted { operation, request, allowance, running })
}

impl Allowance {
    /// Tells the client what its operation has cost and what is left, in the result's `extensions`.
    pub fn tell(self, response: &mut Response) {
        let members = [("cost", self.cost), ("remaining", self.remaining.into()), ("limit", self.limit.into())];
        let members = members.map(|(name, points)| (async_graphql::Name::new(name), Value::from(points)));
        response.extensions.insert("rateLimit".to_owned(), Value::Object(members.into_iter().collect()));
    }
}

impl Refused {
    /// As the errors of a result.
    pub fn into_errors(self) -> Vec<ServerError> {
        match self {
            Self::NotExecutable(errors) => errors,
            Self::Fault(fault) => vec![errors::fault(&fault)],
        }
    }
}
