//! Delivery: what goes out of the application, when, how often it is tried, and to whom it never goes.

mod api;
mod digests;
mod enqueue;
mod nodes;
mod outside;
mod retries;
mod sending;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    notifications::tell,
    support::{
        Engine, TestServer,
        api::{ADMIN, PAT, Who},
        receiver::{MailServer, Receiver},
        wire::eventually,
    },
};

/// A server with a mail server and a webhook's receiver beside it. Pat has an e-mail address, and `demo` a webhook.
pub struct World {
    pub server: TestServer,
    pub receiver: Receiver,
    pub post: MailServer,
    /// What the webhook is signed with.
    pub secret: String,
}

impl World {
    pub async fn start(engine: Engine) -> Self {
        let (receiver, post) = (Receiver::start().await, MailServer::start().await);
        let server = server_with(engine, &post).await;
        let secret = webhook(&server, ADMIN, &receiver.url).await;
        address(&server, "pat", "pat@example.com").await;
        Self { server, receiver, post, secret }
    }

    /// Announces something to Pat.
    pub async fn tell(&self, change: Value) {
        tell(&self.server, json!({ "userIds": ["pat"] }), change).await;
    }

    /// Moves the clock to so long after the next full hour that is not in the middle of the night's change of days.
    pub fn after_the_hour(&self, by: Duration) {
        let hour = 3_600;
        let past = self.server.app.clock.now().as_seconds().rem_euclid(hour);
        let left = u64::try_from(hour - past).expect("an hour has an end");
        self.server.advance(Duration::from_secs(left) + by);
    }
}

pub async fn server_with(engine: Engine, post: &MailServer) -> TestServer {
    TestServer::start_with(engine, |settings| {
        settings.smtp_url = Some(post.url.clone());
        settings.mail_from = Some("Leads <leads@example.com>".parse().expect("a mailbox"));
    })
    .await
}

pub async fn address(server: &TestServer, provider: &str, email: &str) {
    server.act(ADMIN, "upsertUser", json!({ "id": provider, "role": "PROVIDER", "email": email })).await.done();
}

pub async fn new_secret(server: &TestServer, admin: Who) -> String {
    let rotated = server.act(admin, "rotateWebhookSecret", Value::Null).await;
    rotated.done()["secret"].as_str().expect("a secret").to_owned()
}

/// Gives a tenant a webhook; returns its secret.
pub async fn webhook(server: &TestServer, admin: Who, url: &str) -> String {
    let secret = new_secret(server, admin).await;
    server.act(admin, "updateTenantSettings", json!({ "webhookUrl": url })).await.done();
    secret
}

/// Announcements to `who` go out so often on these channels.
pub async fn prefer(server: &TestServer, who: Who, channels: &[(&str, &str)]) {
    let rule = |(channel, frequency): &(&str, &str)| json!({ "type": "ANNOUNCEMENT", "channel": channel, "frequency": frequency });
    let rules: Vec<_> = channels.iter().map(rule).collect();
    server.act(who, "updateNotificationPreferences", json!({ "rules": rules })).await.done();
}

const DELIVERIES: &str =
    "query($filter: DeliveryFilter, $after: PageCursor) { deliveries(filter: $filter, first: 100, after: $after) {
    nodes { id channel status attempts lastError nextAttemptAt createdAt recipient { id } notification { id title } }
    pageInfo { hasNextPage endCursor } } }";

/// All pages of the deliveries, newest first.
pub async fn deliveries(server: &TestServer, who: Who, filter: Value) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), Value::Null);
    loop {
        let answer = server.ask(who, DELIVERIES, json!({ "filter": filter, "after": after })).await;
        let page = answer.field("deliveries");
        all.extend(page["nodes"].as_array().expect("a list").iter().cloned());
        if page["pageInfo"]["hasNextPage"] != true {
            return all;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}

/// Waits until the newest delivery has come so far after so many attempts; returns it.
pub async fn newest(server: &TestServer, status: &str, attempts: i64) -> Value {
    let look = async || deliveries(server, ADMIN, json!({})).await.first().cloned().unwrap_or_default();
    let what = format!("the newest delivery to be {status} after {attempts} attempts");
    eventually(&what, async || {
        let found = look().await;
        found["status"] == status && found["attempts"] == attempts
    })
    .await;
    look().await
}

/// Pat wants announcements on these channels alone, each at once.
pub async fn only(world: &World, channels: &[&str]) {
    let rules: Vec<_> = ["EMAIL", "SMS", "PUSH", "WEBHOOK"]
        .map(|channel| (channel, if channels.contains(&channel) { "INSTANT" } else { "OFF" }))
        .to_vec();
    prefer(&world.server, PAT, &rules).await;
}
