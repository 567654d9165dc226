//! GraphQL over WebSocket: the protocol graphql-transport-ws.
//!
//! `protocol` decides (a pure state machine, tested message by message), `session` acts: one task for each socket, one
//! for each operation. [`Sockets`] opens them and, on shutdown, asks them to leave.

mod message;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod protocol;
mod session;

use std::{sync::Arc, time::Duration};

use axum::{extract::ws::WebSocketUpgrade, response::Response};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::app::App;
use session::Session;

pub const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Whether the client offers the only subprotocol that is spoken here.
pub fn is_offered(upgrade: &WebSocketUpgrade) -> bool {
    upgrade.requested_protocols().any(|offered| offered.as_bytes() == SUBPROTOCOL.as_bytes())
}

/// The open sockets of this node, and the event streams that leave as they do. Cheap to clone.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Group>);

#[derive(Default)]
struct Group {
    tasks: TaskTracker,
    drain: CancellationToken,
}

const LONGEST_JITTER: Duration = Duration::from_secs(5);
/// What is written around a result, and answers to pings that wait behind it.
const OVERHEAD_BYTES: usize = 256 << 10;

impl Sockets {
    /// Accepts the upgrade. `token` is what its `Authorization` header has; it may come in `connection_init` instead. `kept` is dropped with
    /// the socket.
    pub fn accept(
        &self,
        app: App,
        token: Option<String>,
        upgrade: WebSocketUpgrade,
        kept: impl Send + 'static,
    ) -> Response {
        let limits = &app.settings.limits;
        let sockets = self.clone();
        let ticket = self.ticket();
        upgrade
            .protocols([SUBPROTOCOL])
            .read_buffer_size(4096)
            .write_buffer_size(0)
            .max_write_buffer_size(limits.result_bytes + OVERHEAD_BYTES)
            .max_message_size(limits.message_bytes)
            // A frame somewhat over the limit is still read, so that the 1009 that answers it is not lost with it.
            .max_frame_size(limits.message_bytes.saturating_mul(4))
            .on_upgrade(async move |socket| {
                Session::new(app, socket, token).run(&sockets).await;
                drop((ticket, kept));
            })
    }

    /// To be kept for as long as something is open that leaves when the node drains.
    pub fn ticket(&self) -> TaskTrackerToken {
        self.0.tasks.token()
    }

    /// Closes every socket with 1012, each at a moment of its own, ends every event stream so, and waits until they are gone.
    pub async fn drain(&self) {
        self.0.tasks.close();
        self.0.drain.cancel();
        self.0.tasks.wait().await;
    }

    /// Ready once the node drains.
    pub async fn drained(&self) {
        self.0.drain.cancelled().await;
    }

    /// A random wait, the longer at most the more of them there are: each client connects again at once, somewhere else.
    pub fn jitter(&self, pace: Duration) -> Duration {
        let open = u32::try_from(self.0.tasks.len()).unwrap_or(u32::MAX);
        let random = getrandom::u32().unwrap_or_default();
        let longest = pace.saturating_mul(open).min(LONGEST_JITTER);
        longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}
