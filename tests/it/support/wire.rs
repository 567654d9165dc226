//! HTTP below GraphQL: any method and header, whatever the answer; and a connection on which a request may stop half-way.

use std::time::Duration;

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{PATIENCE, TestServer, soon};

/// A client that asks the server itself: a proxy in the environment is not for 127.0.0.1.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a plain HTTP client")
}

pub async fn send(request: RequestBuilder) -> Reply {
    let response = soon("an answer over HTTP", request.send()).await.expect("the server answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("the answer arrives whole");
    Reply { status, headers, text }
}

pub async fn get(server: &TestServer, path: &str) -> Reply {
    send(http().get(server.url(path))).await
}

/// Waits until something is so that can only be found out by asking again.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(what, asking).await;
}

/// Any answer. What a test did not expect fails with the whole of it.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// The values of a header, joined; empty when it is not there.
    pub fn header(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().map(|value| value.to_str().expect("a header of text"));
        values.collect::<Vec<_>>().join(", ")
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The message of the first error; there must be one, and no `data`.
    #[track_caller]
    pub fn refusal(&self) -> String {
        let body = self.json();
        assert!(body.get("data").is_none(), "executed: {self:?}");
        body["errors"][0]["message"].as_str().unwrap_or_else(|| panic!("no error: {self:?}")).to_owned()
    }
}

/// A connection that is written to and read from as bytes. Dropping it closes it.
pub struct RawHttp(TcpStream);

impl RawHttp {
    pub async fn connect(server: &TestServer) -> Self {
        let address = server.url("").replacen("http://", "", 1);
        Self(TcpStream::connect(address).await.expect("the server listens"))
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        soon("the server to read", self.0.write_all(bytes.as_ref())).await.expect("the server reads");
    }

    /// Sends the head of a POST to `/graphql`, up to its body, and waits until the server begins to read that.
    pub async fn begin(&mut self, token: &str, body: &str) {
        self.write(head(token, body, "expect: 100-continue\r\n")).await;
        self.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    }

    /// What comes, up to and with `end`.
    pub async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            read.push(soon(end, self.0.read_u8()).await.expect("the server goes on"));
        }
        String::from_utf8(read).expect("text")
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(200), self.0.read_u8()).await.is_err()
    }

    /// What comes, up to the end of the connection, however it ends.
    pub async fn read_until_cut(&mut self) -> String {
        let mut read = Vec::new();
        let _cut = soon("the connection to end", self.0.read_to_end(&mut read)).await;
        String::from_utf8_lossy(&read).into_owned()
    }

    /// What comes, up to the end of the connection.
    pub async fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        soon("the connection to end", self.0.read_to_string(&mut text)).await.expect("text, and a clean end");
        text
    }
}

/// A POST to `/graphql` without its body, after which the connection is closed.
pub fn head(token: &str, body: &str, more: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{more}\r\n",
        body.len()
    )
}
