//! Calls of a tenant's webhook, as the specification of Standard Webhooks has them.

use std::{error::Error, io, sync::OnceLock, time::Duration};

use reqwest::{Client, Response, StatusCode, header};

use super::{
    address::check_url,
    client::{self, Inside},
    letter::{Endpoint, Letter},
    payload,
    sign::signature,
    state::Outcome,
};
use crate::clock::Timestamp;

/// Bytes of an answer that are read, to tell whoever runs the webhook what it said.
const READ: usize = 1_024;

/// The way to the webhooks.
pub struct Web {
    dev: bool,
    client: OnceLock<Client>,
}

impl Web {
    /// `dev`: dev mode, where plain HTTP and this machine are fine.
    pub fn new(dev: bool) -> Self {
        Self { dev, client: OnceLock::new() }
    }

    /// Made when it is first needed: who calls no webhooks needs no certificates.
    fn client(&self) -> reqwest::Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = client::client(self.dev)?;
        Ok(self.client.get_or_init(|| client))
    }

    pub async fn send(&self, letter: &Letter, to: &Endpoint, now: Timestamp) -> Outcome {
        // What was set in dev mode may be called outside of it.
        let url = match check_url(&to.url, self.dev) {
            Ok(url) => url,
            Err(why) => return Outcome::dead(format!("The webhook's URL is not acceptable. {why}")),
        };
        let Ok(client) = self.client() else {
            return Outcome::failed("leadcast has no certificates to check the webhook by.");
        };
        let Ok(body) = payload::body(letter) else {
            return Outcome::dead("The notification cannot be written as JSON.");
        };
        let (id, timestamp) = (letter.id.to_string(), now.as_seconds());
        let request = client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-signature", signature(&to.secrets, &id, timestamp, &body))
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .body(body);
        match request.send().await {
            Ok(response) => answered(response, now).await,
            Err(error) => Outcome::failed(unanswered(&error)),
        }
    }
}

/// By the specification every answer but 2xx is a failure that may pass, and 410 is the end.
async fn answered(response: Response, now: Timestamp) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return Outcome::Sent;
    }
    let not_before = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let not_before = not_before.and_then(|value| wait(value, now));
    let code = status.as_u16();
    let why = match status {
        StatusCode::GONE => return Outcome::dead("The webhook answered 410: it wants no more."),
        status if status.is_redirection() => format!("The webhook answered {code}, and redirects are not followed."),
        _ => match beginning(response).await {
            text if text.is_empty() => format!("The webhook answered {code}."),
            text => format!("The webhook answered {code}: {text}"),
        },
    };
    Outcome::Failed { why, not_before }
}

/// The first of what it said. That it breaks off does not matter.
async fn beginning(mut response: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < READ
        && let Ok(Some(chunk)) = response.chunk().await
    {
        bytes.extend_from_slice(&chunk);
    }
    bytes.truncate(READ);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `Retry-After`: seconds, or a moment.
fn wait(value: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = jiff::fmt::rfc2822::parse(value.trim()).ok()?.timestamp();
    Some(Timestamp::from_micros(at.as_microsecond()).since(now))
}

/// Also when its name leads to a private network: which names mean something there is not told.
const NO_CONNECTION: &str =
    "No connection to the webhook's server could be made. Its name must lead to the public internet.";

/// In words for whoever runs the webhook; what this machine is like is not told.
fn unanswered(error: &reqwest::Error) -> &'static str {
    let causes: Vec<_> = std::iter::successors(error.source(), |error| (*error).source()).collect();
    let io = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    if causes.iter().any(|cause| cause.is::<Inside>()) {
        NO_CONNECTION
    } else if error.is_timeout() {
        "The webhook did not answer within 10 seconds."
    } else if io == Some(io::ErrorKind::ConnectionRefused) {
        "The webhook's server refuses connections."
    } else if causes.iter().any(|cause| cause.to_string().contains("certificate")) {
        "The certificate of the webhook's server is not valid."
    } else if error.is_connect() {
        NO_CONNECTION
    } else {
        "The connection to the webhook's server broke off."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_may_say_when_to_come_again() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Tue, 14 Nov 2023 22:14:20 GMT", Some(60)),
            ("Tue, 14 Nov 2023 22:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
