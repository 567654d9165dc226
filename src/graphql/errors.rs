//! Faults as GraphQL errors, and refusals as `userErrors`. The one place where a cause is logged and where it is kept from
//! the client.

use async_graphql::{Context, ErrorExtensionValues, ServerError, Value};
use uuid::Uuid;

use crate::error::{Error, Fault, Result, UserError, in_one_line};

/// A fault as an error of the response. INTERNAL goes to the log, under the id that the client gets.
pub fn fault(fault: &Fault) -> ServerError {
    let error = resolver_error(fault);
    let mut server_error = ServerError::new(error.message, None);
    server_error.extensions = error.extensions;
    server_error
}

fn resolver_error(fault: &Fault) -> async_graphql::Error {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", fault.code());
    match fault {
        Fault::Internal(cause) => {
            let id = Uuid::now_v7().to_string();
            tracing::error!(%id, cause = %in_one_line(cause.as_ref()), "internal error");
            extensions.set("id", id);
        }
        Fault::RateLimited { retry_after, .. } => extensions.set("retryAfter", retry_after.get()),
        // The database tells of its troubles itself, once for all requests.
        Fault::Unavailable(cause) => tracing::debug!(cause = %in_one_line(cause.as_ref()), "service unavailable"),
        _ => {}
    }
    let mut error = async_graphql::Error::new(fault.message());
    error.extensions = Some(extensions);
    error
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Fault(fault) => resolver_error(&fault),
            // A refusal where there is no payload to carry it: an argument of a query.
            Error::Refused(_) => resolver_error(&Fault::BadUserInput(error.describe())),
        }
    }
}

impl From<Fault> for async_graphql::Error {
    fn from(fault: Fault) -> Self {
        resolver_error(&fault)
    }
}

/// Whether the server is to blame for one of these.
pub fn servers_fault(errors: &[ServerError]) -> bool {
    let code = |error: &ServerError| error.extensions.as_ref().and_then(|extensions| extensions.get("code")).cloned();
    let faults = ["SERVICE_UNAVAILABLE", "INTERNAL"];
    errors.iter().any(|error| matches!(code(error), Some(Value::String(code)) if faults.contains(&code.as_str())))
}

/// For nullable fields: the error is noted with the field's path and the field is null. (An `Err` from a nullable field
/// would null its parents as well.)
pub fn nullable<T>(ctx: &Context<'_>, result: Result<Option<T>>) -> Option<T> {
    match result {
        Ok(value) => value,
        Err(error) => {
            let error: async_graphql::Error = error.into();
            ctx.add_error(ctx.set_error_path(error.into_server_error(ctx.item.pos)));
            None
        }
    }
}

/// Splits what an operation returned: its outcome, or the refusals for the payload's `userErrors`. Faults go on.
pub fn outcome<T>(result: Result<T>) -> async_graphql::Result<Result<T, Vec<UserError>>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Refused(refusals)) => Ok(Err(refusals)),
        Err(fault @ Error::Fault(_)) => Err(fault.into()),
    }
}
