//! Documents that are asked for by a hash of their text.
//!
//! *Automatic persisted queries*: a client sends the hash alone, and the text too when it is told that the hash is not known (any
//! more). *Trusted documents*: the operator gives the server a folder of documents, and nothing else is executed.

use std::{collections::HashMap, fs, path::Path, sync::Arc};

use async_graphql::ServerError;
use sha2::{Digest, Sha256};

use super::{Gate, Parameters, document::Document, errors::with_code};
use crate::error::{Error, Result};

/// SHA-256 of a document's text.
pub type Hash = [u8; 32];

/// The hash of the document that is meant.
pub fn wanted(parameters: &Parameters) -> Result<Hash, ServerError> {
    match parameters.hash {
        Some(hash) if parameters.query.is_empty() => Ok(hash),
        Some(hash) if hash == hash_of(&parameters.query) => Ok(hash),
        Some(_) => Err(ServerError::new("The hash in `extensions.persistedQuery` is not that of `query`.", None)),
        None => Ok(hash_of(&parameters.query)),
    }
}

fn hash_of(text: &str) -> Hash {
    Sha256::digest(text).into()
}

/// What clients wait for to send the text: Apollo's words.
pub fn not_found() -> ServerError {
    with_code("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
}

pub fn not_trusted() -> ServerError {
    with_code("This server executes only the documents that it was given: this is none of them.", "FORBIDDEN")
}

/// The documents of a folder.
pub struct Trusted(HashMap<Hash, Arc<Document>>);

impl Trusted {
    /// Every file whose name ends in `.graphql`, one document each. Fails when one cannot be read or is not valid, and when there are
    /// none.
    pub fn load(folder: &Path, gate: &Gate) -> Result<Self> {
        let fail = |what: &Path, why: String| Error::internal(format!("{}: {why}", what.display()));
        let mut documents = HashMap::new();
        for entry in fs::read_dir(folder).map_err(|error| fail(folder, error.to_string()))? {
            let path = entry.map_err(|error| fail(folder, error.to_string()))?.path();
            if path.extension().is_none_or(|extension| extension != "graphql") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|error| fail(&path, error.to_string()))?;
            let first =
                |errors: Vec<ServerError>| errors.into_iter().next().map(|error| error.message).unwrap_or_default();
            let document = gate.read(&text).map_err(|errors| fail(&path, first(errors)))?;
            let document = Arc::new(document);
            // Editors end a file with a line break; clients do not send it.
            documents.insert(hash_of(text.trim_end()), document.clone());
            documents.insert(hash_of(&text), document);
        }
        if documents.is_empty() {
            return Err(fail(folder, "there is no document (*.graphql) in it".to_owned()));
        }
        Ok(Self(documents))
    }

    pub fn get(&self, hash: &Hash) -> Option<Arc<Document>> {
        self.0.get(hash).cloned()
    }
}
