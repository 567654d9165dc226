//! One socket: waits for whatever comes next, hands it to the protocol and does what the protocol says.

use std::{collections::HashMap, future::pending, pin::Pin, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::future::{BoxFuture, OptionFuture};
use serde_json::{Map, Value};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{Instant, Interval, MissedTickBehavior, Sleep, interval_at, sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Error as SocketError, error::ProtocolError};

use super::{
    Sockets, message,
    protocol::{Close, Effect, Protocol, close_code},
};
use crate::{
    admission::{Refused, admit},
    app::App,
    auth::{self, Watch},
    capacity::Seat,
    error::{Error, Fault, Result},
    events::Positions,
    execution::{Operation, Report, Serial},
    gate::{self, Parameters},
    graphql,
};

const TRANSPORT: &str = "websocket";
/// Results that wait to be written. Operations wait when there is no room.
const QUEUE: usize = 32;
/// How long the client gets to answer a close frame before the connection is cut.
const LINGER: Duration = Duration::from_secs(1);

/// The socket is closed or gone.
struct Ended;

pub(super) struct Session {
    app: App,
    socket: WebSocket,
    protocol: Protocol,
    /// The token: of the upgrade's `Authorization` header, or the one that came with `connection_init`.
    token: Option<Arc<str>>,
    check: Option<BoxFuture<'static, Result<Watch>>>,
    /// A new token that is being checked.
    renewal: Option<BoxFuture<'static, Result<Watch>>>,
    /// The token that was found good, and whose it is. The socket ends with it.
    watch: Option<Watch>,
    /// Its place among its user's connections.
    seat: Option<Seat>,
    positions: Positions,
    operations: JoinSet<()>,
    running: HashMap<Serial, AbortHandle>,
    sender: mpsc::Sender<Report>,
    reports: mpsc::Receiver<Report>,
    init: Pin<Box<Sleep>>,
    ping: Interval,
    /// When to leave, once the server drains.
    leave: Option<Pin<Box<Sleep>>>,
}

/// What a session wakes up for.
enum Wake {
    Frame(Option<Result<Message, axum::Error>>),
    Report(Report),
    Checked(Result<Watch>),
    Renewed(Result<Watch>),
    TokenEnded(Fault),
    InitOverdue,
    Ping,
    Drain,
    Leave,
    OperationEnded,
}

impl Session {
    pub(super) fn new(app: App, socket: WebSocket, token: Option<String>) -> Self {
        let limits = &app.settings.limits;
        let (sender, reports) = mpsc::channel(QUEUE);
        let mut ping = interval_at(Instant::now() + limits.ping_interval, limits.ping_interval);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            protocol: Protocol::new(limits.operations_per_socket),
            init: Box::pin(sleep(limits.init_time)),
            ping,
            app,
            socket,
            token: token.map(Arc::from),
            check: None,
            renewal: None,
            watch: None,
            seat: None,
            positions: Positions::default(),
            operations: JoinSet::new(),
            running: HashMap::new(),
            sender,
            reports,
            leave: None,
        }
    }

    /// Runs until the socket is closed. Its operations end with it.
    pub(super) async fn run(mut self, sockets: &Sockets) {
        let _open = self.app.metrics.socket();
        loop {
            let wake = self.wake(sockets).await;
            if let Err(Ended) = self.handle(wake, sockets).await {
                return;
            }
        }
    }

    async fn wake(&mut self, sockets: &Sockets) -> Wake {
        tokio::select! {
            frame = self.socket.recv() => Wake::Frame(frame),
            Some(report) = self.reports.recv() => Wake::Report(report),
            Some(checked) = OptionFuture::from(self.check.as_mut()) => Wake::Checked(checked),
            Some(renewed) = OptionFuture::from(self.renewal.as_mut()) => Wake::Renewed(renewed),
            () = &mut self.init, if self.protocol.waits_for_init() => Wake::InitOverdue,
            Some(fault) = OptionFuture::from(self.watch.as_mut().map(Watch::ended)) => Wake::TokenEnded(fault),
            _ = self.ping.tick() => Wake::Ping,
            () = sockets.drained(), if self.leave.is_none() => Wake::Drain,
            Some(()) = OptionFuture::from(self.leave.as_mut()) => Wake::Leave,
            Some(_) = self.operations.join_next() => Wake::OperationEnded,
        }
    }

    async fn handle(&mut self, wake: Wake, sockets: &Sockets) -> Result<(), Ended> {
        let effect = match wake {
            Wake::Frame(frame) => self.frame(frame).await?,
            Wake::Report(report) => return self.report(report).await,
            Wake::Checked(checked) => self.checked(checked),
            Wake::Renewed(renewed) => self.renewed(renewed),
            Wake::TokenEnded(fault) => self.protocol.end(close_code::FORBIDDEN, fault.message()),
            Wake::InitOverdue => self.protocol.init_overdue(),
            Wake::Ping => self.ping().await?,
            Wake::Drain => {
                self.leave = Some(Box::pin(sleep(sockets.jitter(self.app.settings.limits.drain_pace))));
                None
            }
            Wake::Leave => self.protocol.end(close_code::RESTART, "The server restarts."),
            Wake::OperationEnded => {
                self.running.retain(|_, operation| !operation.is_finished());
                None
            }
        };
        self.act(effect).await
    }

    async fn frame(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<Option<Effect>, Ended> {
        let error = match frame {
            Some(Ok(Message::Text(text))) => return Ok(self.protocol.text(&text)),
            Some(Ok(Message::Binary(_))) => return Ok(self.protocol.binary()),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                self.protocol.heard();
                return Ok(None);
            }
            Some(Ok(Message::Close(frame))) => {
                self.app.metrics.socket_closed(frame.map_or(close_code::NORMAL, |frame| frame.code));
                self.linger().await;
                return Err(Ended);
            }
            Some(Err(error)) => error.into_inner(),
            None => return Err(self.lost()),
        };
        match error.downcast_ref::<SocketError>() {
            Some(SocketError::Capacity(_)) => Ok(self.protocol.too_big(self.app.settings.limits.message_bytes)),
            Some(SocketError::Utf8(_)) => Ok(self.protocol.end(close_code::NOT_TEXT, "A text frame must be UTF-8.")),
            Some(SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => Err(self.lost()),
            Some(SocketError::Protocol(_)) => Ok(self.protocol.end(close_code::PROTOCOL, "This is not WebSocket.")),
            _ => Err(self.lost()),
        }
    }

    async fn act(&mut self, effect: Option<Effect>) -> Result<(), Ended> {
        match effect {
            Some(Effect::Send(text)) => return self.send(text).await,
            Some(Effect::Close(close)) => {
                self.close(close).await;
                return Err(Ended);
            }
            Some(Effect::Authenticate(payload)) => self.authenticate(&payload),
            Some(Effect::Renew(payload)) => return self.renew(&payload).await,
            Some(Effect::Start { serial, parameters }) => self.start(serial, parameters),
            Some(Effect::Stop(serial)) => {
                if let Some(operation) = self.running.remove(&serial) {
                    operation.abort();
                }
            }
            None => {}
        }
        Ok(())
    }

    /// The token of the payload wins over the one of the upgrade.
    fn authenticate(&mut self, payload: &Map<String, Value>) {
        if let Some(authorization) = message::authorization(payload) {
            self.token = authorization.as_str().and_then(gate::bearer).map(Arc::from);
        }
        let token = self.token.take();
        self.check = Some(self.admit(token));
    }

    fn admit(&self, token: Option<Arc<str>>) -> BoxFuture<'static, Result<Watch>> {
        let app = self.app.clone();
        Box::pin(async move {
            match token {
                Some(token) => app.auth.admit(token).await,
                None => Err(auth::MISSING.into()),
            }
        })
    }

    /// Of several that come at once the last counts; each has its pong.
    async fn renew(&mut self, payload: &Map<String, Value>) -> Result<(), Ended> {
        let token = message::authorization(payload).and_then(Value::as_str).and_then(gate::bearer).map(Arc::from);
        let newer = self.admit(token);
        match self.renewal.replace(newer) {
            Some(_older) => self.send(message::not_renewed()).await,
            None => Ok(()),
        }
    }

    /// The socket goes on under the new token, which must be of the same user in the same role. Should the database be away, the old
    /// one stays.
    fn renewed(&mut self, renewed: Result<Watch>) -> Option<Effect> {
        self.renewal = None;
        let own = self.watch.as_mut()?;
        match renewed {
            Ok(younger) if own.is_of(younger.viewer()) => {
                *own = younger;
                self.protocol.renewed()
            }
            Ok(_) => self.protocol.end(close_code::FORBIDDEN, "A renewed token has the same tenant, user and role."),
            Err(Error::Fault(fault @ Fault::Unauthenticated(_))) => {
                self.protocol.end(close_code::FORBIDDEN, fault.message())
            }
            Err(_) => self.protocol.not_renewed(),
        }
    }

    fn checked(&mut self, checked: Result<Watch>) -> Option<Effect> {
        self.check = None;
        match checked {
            Ok(watch) => match self.app.admission.connection(watch.viewer()) {
                Ok(seat) => {
                    (self.watch, self.seat) = (Some(watch), Some(seat));
                    self.protocol.accepted()
                }
                Err(full) => self.protocol.end(close_code::TRY_AGAIN_LATER, full.message()),
            },
            Err(Error::Fault(fault)) => {
                let code = match fault {
                    Fault::Unauthenticated(_) => close_code::FORBIDDEN,
                    Fault::Unavailable(_) => close_code::TRY_AGAIN_LATER,
                    _ => close_code::INTERNAL,
                };
                self.protocol.end(code, &graphql::errors::fault(&fault).message)
            }
            Err(refused @ Error::Refused(_)) => self.protocol.end(close_code::FORBIDDEN, &refused.describe()),
        }
    }

    fn start(&mut self, serial: Serial, parameters: Parameters) {
        let Some(watch) = &self.watch else { return };
        let (viewer, token) = (watch.viewer().clone(), watch.token().clone());
        let (app, known) = (self.app.clone(), viewer.clone());
        let operation = Operation {
            app: app.clone(),
            viewer,
            transport: TRANSPORT,
            positions: self.positions.clone(),
            serial,
            reports: self.sender.clone(),
        };
        let admitted = async move {
            // A role may have changed since `connection_init`. What is known is remembered for moments: no query each time.
            match app.auth.viewer(&token).await {
                Err(Error::Fault(fault)) => Err(vec![graphql::errors::fault(&fault)]),
                _ => match app.admission.request(&known) {
                    Ok(()) => admit(&app, &known, parameters).map_err(Refused::into_errors),
                    Err(spent) => Err(vec![graphql::errors::fault(&spent)]),
                },
            }
        };
        self.running.insert(serial, self.operations.spawn(operation.run(admitted)));
    }

    /// The cursor of a ping says "everything up to here was sent to you": so the position is read first, then what the
    /// operations had already handed over is written, then the ping.
    async fn ping(&mut self) -> Result<Option<Effect>, Ended> {
        let cursor = self.watch.as_ref().and_then(|watch| self.positions.smallest(watch.viewer().tenant));
        for _ in 0..self.reports.len() {
            let Ok(report) = self.reports.try_recv() else { break };
            self.report(report).await?;
        }
        Ok(self.protocol.interval(cursor.map(|cursor| cursor.to_string()).as_deref()))
    }

    async fn report(&mut self, Report { serial, outcome, held: _until_sent }: Report) -> Result<(), Ended> {
        let effect = self.protocol.report(serial, &outcome);
        self.act(effect).await
    }

    async fn send(&mut self, text: String) -> Result<(), Ended> {
        let patience = self.app.settings.limits.write_time;
        match timeout(patience, self.socket.send(Message::Text(text.into()))).await {
            Ok(Ok(())) => {
                self.app.metrics.message_sent();
                Ok(())
            }
            // The client is gone, or takes nothing: what it missed it gets by resuming.
            Ok(Err(_)) | Err(_) => Err(self.lost()),
        }
    }

    async fn close(&mut self, Close { code, reason }: Close) {
        self.operations.abort_all();
        self.app.metrics.socket_closed(code);
        let frame = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        if let Ok(Ok(())) = timeout(self.app.settings.limits.write_time, self.socket.send(frame)).await {
            self.linger().await;
        }
    }

    /// Waits a little for the client's side of the closing handshake: cutting the connection while it still sends could
    /// take the close frame from it.
    async fn linger(&mut self) {
        let closed = async {
            loop {
                match self.socket.recv().await {
                    Some(Ok(_)) => {}
                    Some(Err(_)) => pending().await,
                    None => return,
                }
            }
        };
        let _too_slow = timeout(LINGER, closed).await;
    }

    fn lost(&self) -> Ended {
        self.app.metrics.socket_closed(close_code::ABNORMAL);
        Ended
    }
}
