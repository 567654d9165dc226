//! The HTTP front end: GraphQL over HTTP, the WebSocket upgrade and GraphiQL at `/graphql`, health, metrics, and in
//! dev mode ready tokens. It follows the GraphQL-over-HTTP specification; what goes over the upgraded connection is `ws`'s.

mod accept;
mod answer;
mod dev_tokens;
mod graphql;
mod health;
mod listener;
mod origin;
mod playground;
mod sending;
mod sse;

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{NotForContentType, Predicate, SizeAbove},
    },
    cors::CorsLayer,
    set_header::SetResponseHeaderLayer,
};

use self::{
    accept::MediaType,
    answer::{Answer, Refusal},
    listener::Deadlines,
};
use crate::{
    app::App,
    error::{Fault, Result},
    ws::Sockets,
};

pub use dev_tokens::DevToken;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    app: App,
    sockets: Sockets,
    draining: Arc<AtomicBool>,
    dev_tokens: fn(&App) -> Result<Vec<DevToken>>,
}

impl Front {
    /// `dev_tokens` makes what `/dev/tokens` gives out in dev mode; it is not asked otherwise.
    pub fn new(app: App, dev_tokens: fn(&App) -> Result<Vec<DevToken>>) -> Self {
        Self { app, sockets: Sockets::default(), draining: Arc::default(), dev_tokens }
    }

    /// From now on `/readyz` answers 503 and no socket is accepted; requests are still answered.
    pub fn stop_being_ready(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Sends the sockets away. Ends when all are gone.
    pub async fn drain(&self) {
        self.sockets.drain().await;
    }

    /// Serves until `close`, and then until all requests are answered. Dropped, it cuts the connections.
    pub async fn serve(self, listener: TcpListener, close: impl Future<Output = ()>) {
        let limits = &self.app.settings.limits;
        let deadlines = Deadlines { head: limits.head_time, write: limits.write_time };
        listener::serve(listener, self.router(), deadlines, self.app.settings.clients.connections.get(), close).await;
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn router(&self) -> Router {
        let settings = &self.app.settings;
        let mut router = Router::new()
            .route("/graphql", get(graphql::get).post(graphql::post).fallback(graphql::other_method))
            .route("/healthz", get(health::live))
            .route("/readyz", get(health::ready))
            .route("/metrics", get(metrics));
        if settings.dev_mode() {
            router = router.route("/dev/tokens", get(dev_tokens::list));
        }
        if settings.playground() {
            router = router.route("/playground/{*name}", get(playground::file));
        }
        router = router.fallback(not_found).layer(DefaultBodyLimit::max(settings.limits.body_bytes));
        if !settings.allowed_origins.is_empty() {
            router = router.layer(cors(&settings.allowed_origins));
        }
        for (name, value) in SAFE {
            router = router.layer(SetResponseHeaderLayer::if_not_present(name, value));
        }
        router.layer(compression()).layer(CatchPanicLayer::custom(panicked)).with_state(self.clone())
    }
}

/// Where it saves a packet. Events are small, and must not wait for others to be packed with.
fn compression() -> CompressionLayer<impl Predicate> {
    let worthwhile = SizeAbove::new(1_024).and(NotForContentType::SSE).and(NotForContentType::IMAGES);
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worthwhile)
}

/// The page's own origin needs no permission; these get one.
fn cors(allowed_origins: &[String]) -> CorsLayer {
    let origins = allowed_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(Duration::from_mins(10))
}

/// The place of the panic is in the log already, from the panic hook.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    let fault = Fault::internal("a request panicked; see the log line of the panic");
    Answer::from(Refusal::fault(&fault)).into_response(MediaType::Json)
}

async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing at this address. The API is at /graphql.\n").into_response()
}

async fn metrics(State(front): State<Front>) -> Response {
    let hub = front.app.hub.stats();
    front.app.metrics.events.hub(hub.watermark, hub.ring_bytes);
    front.app.metrics.look(&front.app.db);
    match front.app.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be encoded");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What every answer has that says nothing else: it is the client's alone, and no page, nor part of one.
const SAFE: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];
