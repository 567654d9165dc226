//! Errors as clients get them: few, short, each with a code.

use async_graphql::ServerError;

use crate::error::Fault;

/// Errors of one response: more help nobody.
pub const MAX_ERRORS: usize = 20;
/// Characters of one message: some quote what was sent.
const MAX_MESSAGE_CHARS: usize = 500;

/// Caps the number and the length of errors, and sees to it that each has a code: what comes from validation or a scalar has none,
/// and is always the request's fault.
pub fn capped(mut errors: Vec<ServerError>) -> Vec<ServerError> {
    errors.truncate(MAX_ERRORS);
    errors.into_iter().map(|error| shortened(coded(error))).collect()
}

/// An error with a code of its own.
pub fn with_code(message: impl Into<String>, code: &str) -> ServerError {
    let mut error = ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", code);
    error
}

fn coded(mut error: ServerError) -> ServerError {
    let extensions = error.extensions.get_or_insert_default();
    if extensions.get("code").is_none() {
        extensions.set("code", Fault::BadUserInput(String::new()).code());
    }
    error
}

fn shortened(mut error: ServerError) -> ServerError {
    if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
        error.message.truncate(end);
        error.message.push('…');
    }
    error
}
