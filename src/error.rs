//! What can go wrong, on two levels.
//!
//! A *refusal* is an expected answer of the business ("the lead is full"): it is data, a [`UserError`] in the payload's
//! `userErrors`. A *fault* is everything else ("the token is not valid", "the database is away"): a top-level GraphQL error
//! with `extensions.code`. An operation returns `Err` for both, so its transaction is rolled back; the payload or the
//! transport then shows it on the right level.

use std::{num::NonZero, sync::Arc};

use async_graphql::{Enum, Interface, SimpleObject};

use crate::money::Credits;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Has no `Display`, on purpose: async-graphql turns whatever has one into a message for the client, cause and all.
#[derive(Clone, Debug)]
pub enum Error {
    Refused(Vec<UserError>),
    Fault(Fault),
}

/// Something a client cannot mend by changing the fields of its input, or that is not about an input at all.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No token, or one that is refused. Says no more than whether it had expired.
    Unauthenticated(&'static str),
    /// A root that is closed to the viewer's role.
    Forbidden(&'static str),
    /// An argument that cannot be understood: a foreign cursor, contradictory paging arguments.
    BadUserInput(String),
    /// The log no longer reaches back to this cursor.
    CursorExpired,
    LimitExceeded(String),
    /// Too much in too short a time. `retry_after` in seconds.
    RateLimited {
        message: String,
        retry_after: NonZero<u64>,
    },
    /// The database cannot be reached or is too busy. Sending the request again is safe.
    Unavailable(Cause),
    /// A defect. The client gets an id to quote; the cause goes to the log under the same id.
    Internal(Cause),
}

/// Why a fault happened: for the log, never for a client.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

impl Fault {
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into().into())
    }

    pub fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(cause.into().into())
    }

    /// `extensions.code`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated(_) => "UNAUTHENTICATED",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::BadUserInput(_) => "BAD_USER_INPUT",
            Self::CursorExpired => "CURSOR_EXPIRED",
            Self::LimitExceeded(_) | Self::RateLimited { .. } => "LIMIT_EXCEEDED",
            Self::Unavailable(_) => "SERVICE_UNAVAILABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// What a client is told.
    pub fn message(&self) -> &str {
        match self {
            Self::Unauthenticated(text) | Self::Forbidden(text) => text,
            Self::BadUserInput(text) | Self::LimitExceeded(text) | Self::RateLimited { message: text, .. } => text,
            Self::CursorExpired => {
                "This cursor has expired: the events after it are no longer kept, or the log has begun anew after a restore. \
                 Load the data again and start from its streamCursor."
            }
            Self::Unavailable(_) => {
                "The service is busy, or what it needs is away (its database, the keys of its identity provider). Please try again: \
                 sending the same again is safe."
            }
            Self::Internal(_) => "Something went wrong on our side. Nothing is known to be wrong with the request.",
        }
    }
}

impl Error {
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Fault(Fault::internal(cause))
    }

    /// With its cause: for the log and the operator's terminal.
    pub fn describe(&self) -> String {
        match self {
            Self::Refused(refusals) => refusals.iter().map(UserError::text).collect::<Vec<_>>().join("; "),
            Self::Fault(Fault::Unavailable(cause) | Fault::Internal(cause)) => in_one_line(cause.as_ref()),
            Self::Fault(fault) => fault.message().to_owned(),
        }
    }
}

/// An error with the causes behind it. PostgreSQL's messages may have several lines; a log's entry has one.
pub fn in_one_line(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    let text = causes.collect::<Vec<_>>().join(": ");
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<UserError> for Error {
    fn from(refusal: UserError) -> Self {
        Self::Refused(vec![refusal])
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        let away = match &error {
            Diesel::DatabaseError(
                DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::ReadOnlyTransaction,
                _,
            )
            | Diesel::BrokenTransactionManager => true,
            // diesel-async keeps PostgreSQL's code to itself, so that its words must do: lock_timeout, statement_timeout,
            // a shutdown, a connection that was ended, a full disk or memory.
            Diesel::DatabaseError(DatabaseErrorKind::Unknown, info) => [
                "canceling statement due to ",
                "terminating connection due to ",
                "the database system is ",
                "could not extend file",
                "could not write",
                "out of memory",
                "out of shared memory",
                "recovery is in progress",
                "database or disk is full",
                "disk I/O error",
            ]
            .iter()
            .any(|words| info.message().starts_with(words)),
            _ => false,
        };
        Self::Fault(if away { Fault::unavailable(error) } else { Fault::internal(error) })
    }
}

/// Why an input was refused.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorCode {
    /// There is no such object, or the viewer may not know of it.
    NotFound,
    /// A value is not acceptable: see `message` and `path`.
    Invalid,
    /// The object is visible, but the viewer may not do this to it.
    Forbidden,
    /// All places of the lead are taken.
    LeadFull,
    /// The lead takes no claims or changes any more: expired, withdrawn or rejected; or the viewer's claim on it was refunded.
    LeadClosed,
    /// The wallet does not hold enough credits.
    InsufficientCredits,
    /// The lead costs more than `maxPrice`.
    PriceChanged,
    /// This `reference` was used before, with other content.
    ReferenceMismatch,
    /// The object has changed since the version in `expectedVersion`.
    StaleVersion,
}

/// An expected refusal: the mutation changed nothing, and says why.
#[derive(Interface, Clone, PartialEq, Debug)]
#[graphql(
    field(name = "code", ty = "&ErrorCode", desc = "Why, for programs."),
    field(name = "message", ty = "&String", desc = "Why, and what to do, for people. In English; may change."),
    field(
        name = "path",
        ty = "&Option<Vec<String>>",
        desc = "The way to the offending value from the mutation's arguments, for example `[\"input\", \"title\"]`. Null when no single value is at fault."
    )
)]
pub enum UserError {
    GenericError(GenericError),
    LeadFullError(LeadFullError),
    InsufficientCreditsError(InsufficientCreditsError),
    PriceChangedError(PriceChangedError),
}

/// A refusal that needs no more than its code, its message and its path.
#[derive(SimpleObject, Clone, PartialEq, Debug)]
pub struct GenericError {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, and what to do, for people. In English; may change.
    pub message: String,
    /// The way to the offending value from the mutation's arguments, for example `["input", "title"]`. Null when no single
    /// value is at fault.
    pub path: Option<Vec<String>>,
}

/// All places of the lead are taken. `code` is `LEAD_FULL`.
#[derive(SimpleObject, Clone, PartialEq, Debug)]
pub struct LeadFullError {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, and what to do, for people. In English; may change.
    pub message: String,
    /// The way to the offending value from the mutation's arguments, for example `["input", "title"]`. Null when no single
    /// value is at fault.
    pub path: Option<Vec<String>>,
    /// How many places are taken.
    pub claim_count: i32,
    /// How many there are.
    pub max_claims: i32,
}

/// The wallet does not hold enough credits. `code` is `INSUFFICIENT_CREDITS`.
#[derive(SimpleObject, Clone, PartialEq, Debug)]
pub struct InsufficientCreditsError {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, and what to do, for people. In English; may change.
    pub message: String,
    /// The way to the offending value from the mutation's arguments, for example `["input", "title"]`. Null when no single
    /// value is at fault.
    pub path: Option<Vec<String>>,
    /// What is needed, in credits.
    pub required: Credits,
    /// What the wallet holds, in credits.
    pub available: Credits,
}

/// The lead costs more than the `maxPrice` that was sent. `code` is `PRICE_CHANGED`.
#[derive(SimpleObject, Clone, PartialEq, Debug)]
pub struct PriceChangedError {
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, and what to do, for people. In English; may change.
    pub message: String,
    /// The way to the offending value from the mutation's arguments, for example `["input", "title"]`. Null when no single
    /// value is at fault.
    pub path: Option<Vec<String>>,
    /// What the lead costs now, in credits.
    pub price: Credits,
}

impl UserError {
    pub fn new(code: ErrorCode, path: &[&str], message: impl Into<String>) -> Self {
        Self::GenericError(GenericError { code, message: message.into(), path: path_of(path) })
    }

    pub fn invalid(path: &[&str], message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, path, message)
    }

    /// Also what is said of another tenant's object: it does not exist for this viewer.
    pub fn not_found(path: &[&str], what: &str) -> Self {
        Self::new(ErrorCode::NotFound, path, format!("There is no such {what}."))
    }

    pub fn forbidden(path: &[&str], message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Forbidden, path, message)
    }

    /// Whether the mutation is closed to the viewer's role.
    pub fn is_closed_door(refusals: &[Self]) -> bool {
        let closed = |refusal: &Self| matches!(refusal, Self::GenericError(e) if e.code == ErrorCode::Forbidden);
        refusals.iter().any(|refusal| closed(refusal) && refusal.way().is_some_and(|way| way.len() == 1))
    }

    /// The way to the value at fault, as clients see it.
    pub fn way(&self) -> Option<&[String]> {
        let path = match self {
            Self::GenericError(e) => &e.path,
            Self::LeadFullError(e) => &e.path,
            Self::InsufficientCreditsError(e) => &e.path,
            Self::PriceChangedError(e) => &e.path,
        };
        path.as_deref()
    }

    fn text(&self) -> &str {
        match self {
            Self::GenericError(e) => &e.message,
            Self::LeadFullError(e) => &e.message,
            Self::InsufficientCreditsError(e) => &e.message,
            Self::PriceChangedError(e) => &e.message,
        }
    }
}

/// `["title"]` as clients see it: `["input", "title"]`; the empty path is the input as a whole.
pub fn path_of(fields: &[&str]) -> Option<Vec<String>> {
    Some(std::iter::once("input").chain(fields.iter().copied()).map(str::to_owned).collect())
}
