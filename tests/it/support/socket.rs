//! graphql-transport-ws, in two layers: [`RawSocket`] says and hears anything, close codes included; [`Socket`] is a
//! well-behaved client on top of it that runs any number of subscriptions.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

use super::{TestServer, soon, wire::Reply};

const PROTOCOL: &str = "graphql-transport-ws";
const SUBPROTOCOL_HEADER: &str = "sec-websocket-protocol";

pub struct RawSocket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came over a socket.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    Message(Value),
    /// 1005: the close frame has no code. 1006: the connection ended without a close frame.
    Closed {
        code: u16,
        reason: String,
    },
}

impl RawSocket {
    pub async fn open(url: &str) -> Self {
        Self::try_open(url).await.expect("the server upgrades")
    }

    /// Of a server that may be away.
    pub async fn try_open(url: &str) -> Result<Self, Error> {
        let mut request = url.into_client_request().expect("a valid URL");
        request.headers_mut().insert(SUBPROTOCOL_HEADER, PROTOCOL.parse().expect("a valid header"));
        let (stream, _) = soon("the upgrade", connect_async(request)).await?;
        Ok(Self(stream))
    }

    /// With headers of the test's own besides the subprotocol's; or what the server says instead of upgrading.
    pub async fn open_with(server: &TestServer, headers: &[(&'static str, &str)]) -> Result<Self, Reply> {
        Self::open_at(&server.url("/graphql").replacen("http", "ws", 1), headers).await
    }

    pub async fn open_at(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, Reply> {
        let offered = headers.iter().any(|(name, _)| *name == SUBPROTOCOL_HEADER);
        let headers = [headers, if offered { &[] } else { &[(SUBPROTOCOL_HEADER, PROTOCOL)] }].concat();
        let mut request = url.into_client_request().expect("a valid URL");
        for (name, value) in headers {
            request.headers_mut().append(name, value.parse().expect("a valid header"));
        }
        match soon("the upgrade", connect_async(request)).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => {
                let (head, body) = response.into_parts();
                let text = String::from_utf8(body.unwrap_or_default()).expect("text");
                Err(Reply { status: head.status.as_u16(), headers: head.headers, text })
            }
            Err(other) => panic!("neither an upgrade nor an answer: {other:?}"),
        }
    }

    /// Sends any frame. A server that has closed the connection does not hear it, which is for `hear` to find out.
    pub async fn send(&mut self, frame: Message) {
        let _ = soon("the server to read", self.0.send(frame)).await;
    }

    pub async fn say(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    /// Waits for the next message, or for the end.
    pub async fn hear(&mut self) -> Heard {
        soon("something on the socket", self.next()).await
    }

    async fn next(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Message(serde_json::from_str(&text).expect("the server speaks JSON"));
                }
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed { code: frame.code.into(), reason: frame.reason.to_string() };
                }
                Some(Ok(Message::Close(None))) => return Heard::Closed { code: 1005, reason: String::new() },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("the server sent {other:?}"),
                Some(Err(_)) | None => return Heard::Closed { code: 1006, reason: String::new() },
            }
        }
    }
}

/// A connection past its `connection_ack`. It answers pings by itself.
pub struct Socket {
    outgoing: UnboundedSender<Value>,
    routes: Routes,
    opened: usize,
}

type Routes = Arc<Mutex<HashMap<String, UnboundedSender<Heard>>>>;

/// One running operation of a [`Socket`].
pub struct Subscription {
    id: String,
    outgoing: UnboundedSender<Value>,
    incoming: UnboundedReceiver<Heard>,
}

impl Socket {
    pub async fn connect(mut raw: RawSocket, token: &str) -> Self {
        raw.say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } })).await;
        match raw.hear().await {
            Heard::Message(message) if message["type"] == "connection_ack" => {}
            other => panic!("a connection_ack was expected: {other:?}"),
        }
        let (outgoing, orders) = unbounded_channel();
        let routes = Routes::default();
        tokio::spawn(converse(raw, orders, routes.clone()));
        Self { outgoing, routes, opened: 0 }
    }

    /// Starts an operation. To miss nothing, give a subscription `after`, from [`super::client::Client::stream_cursor`].
    pub fn subscribe(&mut self, document: &str, variables: Value) -> Subscription {
        self.opened += 1;
        let id = format!("operation-{}", self.opened);
        let (route, incoming) = unbounded_channel();
        self.routes.lock().expect("no panic under the lock").insert(id.clone(), route);
        let message =
            json!({ "id": id, "type": "subscribe", "payload": { "query": document, "variables": variables } });
        self.outgoing.send(message).expect("the connection is open");
        Subscription { id, outgoing: self.outgoing.clone(), incoming }
    }
}

impl Subscription {
    /// The next event: the value of the operation's only root field.
    pub async fn next(&mut self) -> Value {
        let message = self.message().await;
        let (kind, payload) = (&message["type"], &message["payload"]);
        assert!(kind == "next" && payload["errors"].is_null(), "an event was expected: {message:#}");
        let mut roots = payload["data"].as_object().into_iter().flat_map(|data| data.values());
        roots.next().unwrap_or_else(|| panic!("an event was expected: {message:#}")).clone()
    }

    /// Proves that nothing came before the fence: an event that the test caused last, and that must come.
    pub async fn nothing_before(&mut self, is_fence: impl Fn(&Value) -> bool) {
        let event = self.next().await;
        assert!(is_fence(&event), "this came before the fence: {event:#}");
    }

    /// The next message of any type.
    pub async fn message(&mut self) -> Value {
        match self.heard().await {
            Heard::Message(message) => message,
            Heard::Closed { code, reason } => panic!("the socket was closed: {code} {reason}"),
        }
    }

    /// The next message, or how the connection ended.
    pub async fn heard(&mut self) -> Heard {
        let heard = soon("an event", self.incoming.recv()).await;
        heard.expect("the end of the connection is not asked for twice")
    }

    /// Ends the operation from this side.
    pub fn complete(&self) {
        self.outgoing.send(json!({ "id": self.id, "type": "complete" })).expect("the connection is open");
    }
}

/// Carries messages both ways, until the connection or the last handle on it ends.
async fn converse(mut raw: RawSocket, mut orders: UnboundedReceiver<Value>, routes: Routes) {
    loop {
        let heard = tokio::select! {
            order = orders.recv() => match order {
                Some(message) => { raw.say(message).await; continue }
                None => return,
            },
            heard = raw.next() => heard,
        };
        match &heard {
            Heard::Message(message) if message["type"] == "ping" => raw.say(json!({ "type": "pong" })).await,
            Heard::Message(message) if message["type"] == "pong" => {}
            Heard::Message(message) => {
                let routes = routes.lock().expect("no panic under the lock");
                let route = message["id"].as_str().and_then(|id| routes.get(id));
                // A subscription that the test has dropped hears nothing any more.
                let _ = route.unwrap_or_else(|| panic!("a message for nobody: {message:#}")).send(heard);
            }
            Heard::Closed { .. } => {
                for route in routes.lock().expect("no panic under the lock").values() {
                    let _ = route.send(heard.clone());
                }
                return;
            }
        }
    }
}
