//! The connections: how many there are, and how long one may take for what.
//!
//! axum's own `serve` gives a connection all the time in the world: here a request's head must have come within a time, and so must
//! the client's taking of what is written to it (whatever it is: an answer, events, a socket's frames). Who takes a connection and does
//! nothing with it is let go.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// After the system could give no connection: it has no more files, and some may be closed.
const PAUSE: Duration = Duration::from_secs(1);

/// The head of a request, and what of an answer waits to be written.
const BUFFER_BYTES: usize = 64 << 10;

/// A connection's place among all. Every request has it; what a request becomes keeps it.
#[derive(Clone)]
pub(super) struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
}

pub(super) struct Deadlines {
    /// For the head of a request to arrive, the next one's on the same connection, too.
    pub head: Duration,
    /// For the client to take something of what is written.
    pub write: Duration,
}

/// Serves until `close`, and then until all requests are answered. Dropped, it cuts the connections.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    deadlines: Deadlines,
    max_connections: usize,
    close: impl Future<Output = ()>,
) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(deadlines.head).max_buf_size(BUFFER_BYTES);
    let places = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
    let closing = CancellationToken::new();
    let mut connections = JoinSet::new();
    let mut close = pin!(close);
    loop {
        let accepted = async {
            let permit = places.clone().acquire_owned().await.ok()?;
            Some((accept(&listener).await, Place { _permit: permit.into() }))
        };
        let (stream, place) = tokio::select! {
            Some(accepted) = accepted => accepted,
            Some(_ended) = connections.join_next() => continue,
            () = &mut close => break,
        };
        // Events are small and wanted at once: no waiting for more to send. That it cannot be set says that the client is gone.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(deadlines.write));
        let service = service.clone();
        let placed = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(place.clone());
            service.call(request)
        });
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), placed).with_upgrades();
        let closing = closing.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            // How it ends is the client's affair.
            tokio::select! {
                _ended = connection.as_mut() => {}
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    let _ended = connection.await;
                }
            }
        });
    }
    drop(listener);
    closing.cancel();
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be taken; trying again in a second");
                sleep(PAUSE).await;
            }
        }
    }
}

/// The client was gone before it was taken.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
