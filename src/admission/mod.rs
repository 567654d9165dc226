//! What one client may take of a node, so that the others get theirs: connections that stay open, operations that run, and what these
//! cost in a minute. A request over a limit is refused at once, with a clear error and, where waiting helps, for how long; nothing queues.
//!
//! Every transport brings its operations through [`admit`]. Each node counts for itself: of a client whose requests are spread over
//! three nodes three times as much is taken.

mod rates;
mod seats;

use async_graphql::{Request, Response, ServerError, Value};

use self::{rates::Rates, seats::Seats};
use crate::{
    app::App,
    auth::Viewer,
    clock::Clock,
    config::ClientLimits,
    error::Fault,
    gate::{self, Parameters},
    graphql::errors,
};

pub use rates::Allowance;
pub use seats::Seat;

/// Bytes of a document and its variables that cost a point to be read, remembered or not.
const BYTES_A_POINT: usize = 100;

pub struct Admission {
    connections: Seats,
    operations: Seats,
    rates: Rates,
}

/// An operation that may be executed.
pub struct Admitted {
    pub operation: gate::Operation,
    pub request: Request,
    pub allowance: Allowance,
    /// Kept for as long as it runs.
    pub seat: Seat,
}

/// Why an operation is not executed.
pub enum Refused {
    /// It cannot be: its document, its variables.
    NotExecutable(Vec<ServerError>),
    /// Not by this client, or not now.
    Fault(Fault),
}

impl Admission {
    pub fn new(limits: &ClientLimits, clock: &Clock) -> Self {
        Self {
            connections: Seats::new("connections are open", limits.sockets_per_user, limits.sockets_per_tenant),
            operations: Seats::new("operations run", limits.operations_per_user, limits.operations_per_tenant),
            rates: Rates::new(limits.rate_per_user, limits.rate_per_tenant, clock),
        }
    }

    /// A place for a connection that stays open: a socket, or an answer that streams.
    pub fn connection(&self, viewer: &Viewer) -> Result<Seat, Fault> {
        self.connections.take(viewer)
    }
}

/// Brings a request past the gate and the client's limits. What is refused costs as much as it costs to read.
pub fn admit(app: &App, viewer: &Viewer, parameters: Parameters) -> Result<Admitted, Refused> {
    let limits = &app.admission;
    let reading = 1 + parameters.size() / BYTES_A_POINT;
    limits.rates.spend(viewer, u64::try_from(reading).unwrap_or(u64::MAX)).map_err(Refused::Fault)?;
    let (operation, request) = app.gate.check(parameters).map_err(Refused::NotExecutable)?;
    let seat = limits.operations.take(viewer).map_err(Refused::Fault)?;
    let allowance = limits.rates.spend(viewer, operation.cost).map_err(Refused::Fault)?;
    Ok(Admitted { operation, request, allowance, seat })
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
