//! GraphQL over HTTP, as a client application speaks it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{PATIENCE, soon};

/// Someone who sends requests, with or without a token.
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Client {
    pub fn new(url: String, token: Option<String>) -> Self {
        // A proxy in the environment is not for 127.0.0.1.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a plain HTTP client");
        Self { http, url, token }
    }

    /// Sends a query or a mutation.
    pub async fn query(&self, document: &str, variables: Value) -> Answer {
        let mut request = self.http.post(&self.url).header("accept", "application/graphql-response+json");
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let request = request.json(&json!({ "query": document, "variables": variables }));
        let response = soon("an answer over HTTP", request.send()).await.expect("the server answers");
        let status = response.status();
        let text = response.text().await.expect("the answer arrives whole");
        Answer::read(status, &text)
    }

    /// The cursor from which a stream misses nothing that happens from now on.
    pub async fn stream_cursor(&self) -> Value {
        self.query("{ streamCursor }", Value::Null).await.field("streamCursor").clone()
    }
}

/// The response to a request. What a test did not expect fails with the whole of it.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    /// Without its `extensions`, which say what is left of the rate limit.
    pub body: Value,
    pub extensions: Value,
}

impl Answer {
    pub fn read(status: StatusCode, text: &str) -> Self {
        let mut body: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{status}, and no JSON: {text}"));
        let extensions = body.as_object_mut().and_then(|body| body.remove("extensions")).unwrap_or_default();
        Self { status, body, extensions }
    }

    /// `data`, when there are no errors.
    #[track_caller]
    pub fn data(&self) -> &Value {
        assert!(self.body["errors"].is_null(), "unexpected errors: {self}");
        assert!(self.body["data"].is_object(), "no data: {self}");
        &self.body["data"]
    }

    /// A root field, when there are neither errors nor userErrors.
    #[track_caller]
    pub fn field(&self, name: &str) -> &Value {
        let field = self.data().get(name).unwrap_or_else(|| panic!("no field {name}: {self}"));
        assert!(self.user_errors().is_empty(), "unexpected userErrors: {self}");
        field
    }

    /// The codes of all userErrors; there must be no errors.
    #[track_caller]
    pub fn user_errors(&self) -> Vec<&str> {
        let roots = self.data().as_object().into_iter().flat_map(|data| data.values());
        let errors = roots.filter_map(|root| root["userErrors"].as_array()).flatten();
        errors
            .map(|error| error["code"].as_str().unwrap_or_else(|| panic!("select `code` of userErrors: {self}")))
            .collect()
    }

    /// `extensions.code` of the first error; there must be one.
    #[track_caller]
    pub fn error_code(&self) -> &str {
        let code = self.body["errors"][0]["extensions"]["code"].as_str();
        code.unwrap_or_else(|| panic!("an error with a code was expected: {self}"))
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:#}", self.status, self.body)
    }
}
