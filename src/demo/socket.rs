//! graphql-transport-ws, as a client speaks it.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{client::Person, documents::Stream};

const PROTOCOL: HeaderValue = HeaderValue::from_static("graphql-transport-ws");

/// A connection with its subscriptions.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects, says who it is, and subscribes. The name of a stream is the id of its subscription.
    pub async fn open(person: &Person, streams: &[Stream], after: &str) -> Result<Self, String> {
        let url = format!("{}/graphql", person.url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(|error| error.to_string())?;
        request.headers_mut().insert("sec-websocket-protocol", PROTOCOL);
        // Small messages, wanted at once: no waiting for more to send.
        let connected = connect_async_with_config(request, None, true).await;
        let mut socket = Self(connected.map_err(|error| error.to_string())?.0);
        let authorization = format!("Bearer {}", person.token);
        socket.say(json!({ "type": "connection_init", "payload": { "authorization": authorization } })).await?;
        let answer = socket.hear().await?;
        if answer["type"] != "connection_ack" {
            return Err(format!("connection_ack was expected, and this came: {answer}"));
        }
        for stream in streams {
            let payload = json!({ "query": stream.document(), "variables": { "after": after } });
            socket.say(json!({ "id": stream.field(), "type": "subscribe", "payload": payload })).await?;
        }
        Ok(socket)
    }

    /// The next event and the stream that brought it.
    pub async fn event(&mut self) -> Result<(Stream, Value), String> {
        loop {
            let mut message = self.hear().await?;
            if message["type"] == "ping" {
                self.say(json!({ "type": "pong" })).await?;
                continue;
            }
            let stream = Stream::ALL.into_iter().find(|stream| message["id"] == stream.field());
            return match stream {
                Some(stream) if message["type"] == "next" && message["payload"]["errors"].is_null() => {
                    Ok((stream, message["payload"]["data"][stream.field()].take()))
                }
                _ => Err(format!("an event was expected, and this came: {message}")),
            };
        }
    }

    async fn say(&mut self, message: Value) -> Result<(), String> {
        self.0.send(Message::text(message.to_string())).await.map_err(|error| format!("the connection broke: {error}"))
    }

    async fn hear(&mut self) -> Result<Value, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| format!("this came, which is no JSON: {text}"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Err(format!("the server closed it with {}: {}", u16::from(frame.code), frame.reason));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(format!("the connection broke: {error}")),
                None => return Err("the connection ended".to_owned()),
            }
        }
    }
}
