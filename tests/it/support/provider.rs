//! An identity provider, as far as it has keys to show: it counts who asks.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use leadcast::config::JwksAt;
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

use super::wire::eventually;

/// What it shows.
#[derive(Clone, Debug)]
pub enum Shows {
    Keys(Value),
    Text(String),
    Status(u16),
    RedirectTo(&'static str),
    /// Nothing before it is let go, then these.
    Held(Value),
}

pub struct Provider {
    pub at: JwksAt,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

struct Desk {
    shows: Mutex<Shows>,
    asked: AtomicUsize,
    let_go: Semaphore,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provider {
    pub async fn start(shows: Shows) -> Self {
        let desk = Desk { shows: Mutex::new(shows), asked: AtomicUsize::new(0), let_go: Semaphore::new(0) };
        let desk = Arc::new(desk);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/jwks.json", listener.local_addr().expect("a bound listener has an address"));
        let router = Router::new().fallback(show).with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { at: JwksAt::Url(url.parse().expect("a URL")), desk, task }
    }

    pub fn shows(&self, what: Shows) {
        *self.desk.shows.lock().unwrap_or_else(PoisonError::into_inner) = what;
    }

    pub fn asked(&self) -> usize {
        self.desk.asked.load(Ordering::SeqCst)
    }

    /// Waits until it was asked so many times, and no more.
    pub async fn was_asked(&self, times: usize) {
        eventually(&format!("request {times} for keys"), async || self.asked() >= times).await;
        assert_eq!(self.asked(), times);
    }

    pub fn let_go(&self) {
        self.desk.let_go.add_permits(1_000);
    }
}

async fn show(State(desk): State<Arc<Desk>>) -> Response {
    desk.asked.fetch_add(1, Ordering::SeqCst);
    let shows = desk.shows.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shows {
        Shows::Keys(keys) => axum::Json(keys).into_response(),
        Shows::Text(text) => text.into_response(),
        Shows::Status(status) => axum::http::StatusCode::from_u16(status).expect("a status").into_response(),
        Shows::RedirectTo(url) => Redirect::temporary(url).into_response(),
        Shows::Held(keys) => {
            desk.let_go.acquire().await.expect("it is never closed").forget();
            axum::Json(keys).into_response()
        }
    }
}
