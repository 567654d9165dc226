//! What a request must pass before it is executed, whatever transport it came by.
//!
//! Its parameters have the right types ([`Parameters`]). Its document can be read, is valid for the schema (`document.rs`, `literals.rs`),
//! and asks for no more than it may (`limits.rs`): that is settled once for each text, and remembered. It is clear which operation is
//! meant, its variables fit (`variables.rs`), and what it costs with them is within the limit (`cost.rs`): that is settled for each
//! request.
//!
//! async-graphql's own parser and validation come after none of this: its parser overflows the stack on a literal that is nested
//! deep, and its validation differs from the specification. apollo-compiler, made for gateways, reads the text; async-graphql gets
//! what was read (`convert.rs`).
//!
//! A *request error* is found here, and nothing is executed; an *execution error* leaves a result with `data`. The transports answer
//! the two differently, so that [`Operation::failed_before_execution`] tells them apart.

mod convert;
mod cost;
mod document;
mod errors;
mod input;
mod limits;
mod literals;
mod parameters;
mod persisted;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod syntax;
mod variables;

use std::{borrow::Cow, sync::Arc};

use apollo_compiler::Schema;
use async_graphql::{Request, Response, ServerError, Value, parser::types::OperationType};
use moka::sync::Cache;

use self::{
    document::Document,
    input::Types,
    persisted::{Hash, Trusted},
};
use crate::{
    config::{DocumentLimits, Settings},
    error::{Error, Result},
};

pub use errors::capped;
pub use input::ScalarCheck;
pub use parameters::{Parameters, bearer};

/// Bytes of text whose documents are remembered, each counted with a share of its own. A document takes some twenty times its text, and
/// a few KiB however short it is.
const REMEMBERED: u64 = 2 << 20;
const SHARE: usize = 512;

/// The gate of a server.
pub struct Gate {
    types: Types,
    limits: DocumentLimits,
    introspection: bool,
    /// By the hash of the text.
    known: Cache<Hash, Arc<Document>>,
    trusted: Option<Trusted>,
}

/// The operation of a request that is to be executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operation {
    pub kind: OperationType,
    pub name: Option<String>,
    pub cost: u64,
    /// What its document takes while it is executed, in bytes.
    pub memory: usize,
}

impl Gate {
    /// `sdl`: the schema that documents are to be valid for; `scalars`: what its own scalars may be, by their names. Fails when a trusted
    /// document is not valid.
    pub fn new(
        sdl: String,
        scalars: impl IntoIterator<Item = (Cow<'static, str>, ScalarCheck)>,
        settings: &Settings,
    ) -> Result<Self> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql")
            .map_err(|invalid| Error::internal(invalid.errors.to_string()))?;
        let known = Cache::builder()
            .max_capacity(REMEMBERED)
            .weigher(|_, document: &Arc<Document>| u32::try_from(document.weight + SHARE).unwrap_or(u32::MAX))
            .build();
        let mut gate = Self {
            types: Types::new(schema, scalars)?,
            limits: settings.documents.clone(),
            introspection: settings.introspection(),
            known,
            trusted: None,
        };
        gate.trusted = settings.trusted_documents.as_deref().map(|folder| Trusted::load(folder, &gate)).transpose()?;
        Ok(gate)
    }

    /// Which operation is meant, and the request to execute it with.
    pub fn check(&self, parameters: Parameters) -> Result<(Operation, Request), Vec<ServerError>> {
        let document = self.document(&parameters)?;
        let one = |error: ServerError| vec![error];
        let checked = document.operation(parameters.operation_name.as_deref()).map_err(one)?;
        let variables = variables::coerced(&self.types, &checked.operation, &document.sources, parameters.variables)?;
        let cost = checked.cost.with(&variables);
        if cost > self.limits.cost {
            return Err(one(limits::exceeded("cost", "too high a cost", self.limits.cost, cost)));
        }
        let (executable, memory) = checked.executable(&self.types, &variables).map_err(one)?;
        let mut request = Request::new(String::new()).variables(variables);
        request.set_parsed_query(executable);
        let (kind, name) = (checked.kind, checked.operation.name.as_ref().map(ToString::to_string));
        Ok((Operation { kind, name, cost, memory }, request))
    }

    fn document(&self, parameters: &Parameters) -> Result<Arc<Document>, Vec<ServerError>> {
        let wanted = persisted::wanted(parameters).map_err(|error| vec![error])?;
        if let Some(trusted) = &self.trusted {
            return trusted.get(&wanted).ok_or_else(|| vec![persisted::not_trusted()]);
        }
        if let Some(known) = self.known.get(&wanted) {
            return Ok(known);
        }
        if parameters.query.is_empty() && parameters.hash.is_some() {
            return Err(vec![persisted::not_found()]);
        }
        let document = Arc::new(self.read(&parameters.query)?);
        self.known.insert(wanted, document.clone());
        Ok(document)
    }

    fn read(&self, text: &str) -> Result<Document, Vec<ServerError>> {
        Document::read(text, &self.types, &self.limits, self.introspection)
    }
}

impl Operation {
    /// As it is written in documents.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            OperationType::Query => "query",
            OperationType::Mutation => "mutation",
            OperationType::Subscription => "subscription",
        }
    }

    /// Whether this is the answer to a request that could not be executed. For a subscription also whether its stream
    /// could not be opened or has failed as a whole, which is the error of the root field itself and ends it.
    pub fn failed_before_execution(&self, response: &Response) -> bool {
        let longest_path = usize::from(self.kind == OperationType::Subscription);
        response.data == Value::Null
            && !response.errors.is_empty()
            && response.errors.iter().all(|error| error.path.len() <= longest_path)
    }
}

#[cfg(test)]
mod tests;
