//! GraphQL over HTTP, as any client of the server speaks it, and the tokens to do so.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    documents::{LEAD_PRICE, LEAD_QUERY, Mutation, STREAM_CURSOR, describe},
    shown::Shown,
    timeline::{Mark, Timeline},
};

/// For everything that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// A server in dev mode, and who can speak to it.
pub struct Server {
    http: reqwest::Client,
    url: String,
    tokens: Vec<DevToken>,
}

#[derive(Deserialize)]
struct DevToken {
    tenant: String,
    user: String,
    token: String,
}

/// One of the cast.
#[derive(Clone)]
pub struct Person {
    /// How the timeline names them: `pat`, `pat@rival`.
    pub name: String,
    /// The id in the API.
    pub user: String,
    pub token: String,
    /// Where the server is: `http://127.0.0.1:4000`.
    pub url: String,
    http: reqwest::Client,
}

impl Server {
    /// Finds the server and gets the tokens that it has for trying it.
    pub async fn find(url: &str) -> Result<Self, String> {
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") {
            return Err(format!(
                "--url is {url:?}: the demo speaks plain HTTP to a server on this machine, such as http://127.0.0.1:4000"
            ));
        }
        // A proxy in the environment is not for a server on this machine.
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build();
        let http = http.map_err(|error| format!("no HTTP client can be made: {error}"))?;
        let response = http.get(format!("{url}/dev/tokens")).send().await.map_err(|error| {
            let why = if error.is_timeout() { "did not answer within 5 s" } else { "cannot be reached" };
            format!(
                "{url} {why}. Start the server in another terminal with `cargo run`, or say with --url where it is."
            )
        })?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::FORBIDDEN => {
                return Err(format!(
                    "{url} gives tokens to its own machine only: run the demo there, with --url http://127.0.0.1:<port>"
                ));
            }
            status => {
                return Err(format!(
                    "{url}/dev/tokens answers {status}: the server is not in dev mode, or it is not leadcast. Start one \
                     with `cargo run`, without LEADCAST_JWT_SECRET."
                ));
            }
        }
        let tokens = response.json().await.map_err(|_| format!("what answers at {url} is not leadcast: see --url"))?;
        Ok(Self { http, url, tokens })
    }

    /// A user that every server in dev mode has.
    pub fn person(&self, tenant: &str, user: &str) -> Result<Person, String> {
        let known = self.tokens.iter().find(|known| known.tenant == tenant && known.user == user);
        let known = known.ok_or_else(|| {
            format!("{} has no token for {user} of the tenant {tenant}: start a server of this version", self.url)
        })?;
        Ok(Person {
            name: if tenant == "demo" { user.to_owned() } else { format!("{user}@{tenant}") },
            user: user.to_owned(),
            token: known.token.clone(),
            url: self.url.clone(),
            http: self.http.clone(),
        })
    }
}

impl Person {
    /// `data` of a query.
    pub async fn ask(&self, query: &str, variables: Value) -> Result<Value, String> {
        let request = self.http.post(format!("{}/graphql", self.url)).bearer_auth(&self.token);
        let request = request.header("accept", "application/graphql-response+json");
        let answer = async {
            let response = request.json(&json!({ "query": query, "variables": variables })).send().await?;
            response.json::<Value>().await
        };
        let mut answer = answer.await.map_err(|error| {
            format!("{} asked the server and got no answer ({error}): see the server's log", self.name)
        })?;
        match answer["errors"].as_array() {
            None => Ok(answer["data"].take()),
            Some(errors) => {
                Err(format!("{}'s request failed: {}", self.name, texts(errors, |error| &error["extensions"]["code"])))
            }
        }
    }

    /// The payload of a mutation, which is shown on its way out and back. `about` says what it is for.
    pub async fn act(
        &self,
        timeline: &Timeline,
        mutation: Mutation,
        input: Value,
        about: &str,
    ) -> Result<Shown, String> {
        let field = mutation.field();
        timeline.line(Mark::Sent, &self.name, field, about);
        let sent = Instant::now();
        let payload = self.ask(&mutation.document(), json!({ "input": input })).await?[field].take();
        let took = sent.elapsed().as_secs_f64() * 1_000.0;
        let refusals = payload["userErrors"].as_array().map_or(&[][..], Vec::as_slice);
        if !refusals.is_empty() {
            return Err(format!("{}'s {field} was refused: {}", self.name, texts(refusals, |error| &error["code"])));
        }
        timeline.line(Mark::Answered, &self.name, field, &format!("{}, in {took:.1} ms", describe(&payload)));
        Ok(self.shown(field, payload))
    }

    /// A lead as it is shown to this person.
    pub async fn look_up(&self, timeline: &Timeline, lead: &str) -> Result<Shown, String> {
        timeline.line(Mark::Sent, &self.name, "lead", "over HTTP");
        let answer = self.ask(LEAD_QUERY, json!({ "id": lead })).await?;
        timeline.line(Mark::Answered, &self.name, "lead", &describe(&answer));
        Ok(self.shown("lead", answer))
    }

    fn shown(&self, what: &str, value: Value) -> Shown {
        Shown { who: self.name.clone(), what: what.to_owned(), value }
    }

    /// What a lead of the viewer's tenant costs, in credits.
    pub async fn lead_price(&self) -> Result<i64, String> {
        let data = self.ask(LEAD_PRICE, Value::Null).await?;
        Ok(data["viewer"]["tenant"]["settings"]["defaultLeadPrice"].as_i64().unwrap_or_default())
    }

    /// The place in the log from which a stream misses nothing that happens from now on.
    pub async fn stream_cursor(&self) -> Result<String, String> {
        let data = self.ask(STREAM_CURSOR, Value::Null).await?;
        Ok(data["streamCursor"].as_str().unwrap_or_default().to_owned())
    }
}

fn texts(errors: &[Value], code: impl Fn(&Value) -> &Value) -> String {
    let text = |error: &Value| {
        format!("{} {}", code(error).as_str().unwrap_or("ERROR"), error["message"].as_str().unwrap_or_default())
    };
    errors.iter().map(text).collect::<Vec<_>>().join("; ")
}
