//! A leadcast in this process, so that it can be watched, and clients of its API.

use std::time::{Duration, Instant};

use leadcast::{app::App, clock::Clock, config::Settings, users::Role};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::{
    sql,
    support::{self, Connection, Engine, Ground, SECRET},
};

pub struct World {
    pub engine: Engine,
    ground: Ground,
    url: String,
    http: reqwest::Client,
    shutdown: oneshot::Sender<()>,
    server: JoinHandle<leadcast::error::Result<()>>,
}

/// Somebody who asks.
pub struct Client {
    url: String,
    http: reqwest::Client,
    token: String,
}

impl World {
    pub async fn open(engine: Engine) -> Self {
        let ground = Ground::open(engine).await;
        let mut settings = Settings::defaults();
        settings.data = ground.folder().to_owned();
        settings.database_url = Some(ground.target.clone());
        settings.jwt_secret = Some(SECRET.to_owned());
        let app = App::new(settings, Clock::default()).await.expect("leadcast starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let url = format!("http://{}/graphql", listener.local_addr().expect("a bound listener has an address"));
        let (shutdown, asked) = oneshot::channel::<()>();
        let server = tokio::spawn(leadcast::run(listener, app, async move { drop(asked.await) }));
        Self { engine, ground, url, http: reqwest::Client::new(), shutdown, server }
    }

    /// Stops leadcast, whatever it is still about to tell.
    pub async fn close(self) {
        drop(self.shutdown);
        self.server.await.expect("the server does not panic").expect("the server stops in good order");
    }

    pub async fn connect(&self) -> Connection {
        self.ground.connect().await
    }

    /// A new tenant whose leads open at once, with the customer `casey`.
    pub async fn tenant(&self) -> Tenant {
        let id = Uuid::now_v7();
        let tenant = Tenant { id, slug: format!("t{}", id.simple()) };
        let (slug, id, now) = (&tenant.slug, sql::uuid(self.engine, id), sql::now(self.engine));
        let (yes, epoch) = (sql::boolean(self.engine, true), sql::moment(self.engine, "0"));
        self.connect()
            .await
            .execute(&format!(
                "INSERT INTO tenants (id, slug, name, auto_verify_leads, created_at) VALUES ({id}, '{slug}', 'A benchmark', {yes}, {now});
                 INSERT INTO users (tenant_id, id, name, role, tokens_valid_from, search_text, created_at)
                     VALUES ({id}, 'casey', 'Casey', 'CUSTOMER', {epoch}, 'casey', {now});"
            ))
            .await;
        tenant
    }

    pub fn client(&self, tenant: &Tenant, user: &str, role: Role) -> Client {
        Client { url: self.url.clone(), http: self.http.clone(), token: support::token(&tenant.slug, user, role) }
    }
}

pub struct Tenant {
    pub id: Uuid,
    pub slug: String,
}

impl Client {
    /// The data of an answer, and how long it took to come. Panics when it has errors.
    pub async fn ask(&self, query: &str, variables: &Value) -> (Value, Duration) {
        let body = json!({ "query": query, "variables": variables }).to_string();
        let request = self.http.post(&self.url).bearer_auth(&self.token).header("content-type", "application/json");
        let started = Instant::now();
        let answer = request.body(body).send().await.expect("leadcast answers");
        let bytes = answer.bytes().await.expect("the whole answer comes");
        let took = started.elapsed();
        let mut answer: Value = serde_json::from_slice(&bytes).expect("the answer is JSON");
        assert!(answer.get("errors").is_none(), "{answer}");
        (answer["data"].take(), took)
    }
}
