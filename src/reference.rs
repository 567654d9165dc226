//! A caller's own key for what it asked: the same `reference` again is the same request, to be found and not repeated.
//! What was asked is kept as a hash, so that another request under the same key is noticed.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorCode, Result, UserError};

/// SHA-256 of what was asked: of the kind of request and its coerced input, as JSON with sorted keys.
pub fn request_hash(kind: &str, input: &impl Serialize) -> Result<Vec<u8>> {
    let mut content = serde_json::to_value((kind, input)).map_err(Error::internal)?;
    content.sort_all_objects();
    Ok(Sha256::digest(content.to_string()).to_vec())
}

/// What is said of a reference that was used before, with other content.
pub fn mismatch() -> UserError {
    other_content(
        &["reference"],
        "This reference was used before, with other content. Use another one for a new request.",
    )
}

/// What is said of a request that was made before, but otherwise.
pub fn other_content(path: &[&str], message: &str) -> UserError {
    UserError::new(ErrorCode::ReferenceMismatch, path, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_is_of_the_content_and_not_of_its_order() {
        let hash = |kind, input| request_hash(kind, &input).unwrap_or_default();
        let one = hash("topUpWallet", json!({"amount": 5, "data": {"a": 1, "b": 2}}));
        assert_eq!(one.len(), 32);
        assert_eq!(one, hash("topUpWallet", json!({"data": {"b": 2, "a": 1}, "amount": 5})));
        assert_ne!(one, hash("topUpWallet", json!({"amount": 6, "data": {"a": 1, "b": 2}})));
        assert_ne!(one, hash("adjustWallet", json!({"amount": 5, "data": {"a": 1, "b": 2}})));
    }
}
