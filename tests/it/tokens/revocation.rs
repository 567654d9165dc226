//! A token that ends before its time ends what it keeps open, everywhere and for good.

use std::time::Duration;

use leadcast::users::Role;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    sse::Stream,
    support::{
        Engine, TestServer,
        api::{ADMIN, CASEY, PAT, QUINN, RIVAL, Who},
        both_engines,
        client::Client,
        market::listeners,
        postgres::available,
        socket::{Heard, RawSocket, Subscription},
        wire::http,
    },
};

both_engines!(
    revoked_tokens_end_what_they_keep_open,
    another_role_ends_what_the_old_one_keeps_open,
    an_admin_may_end_its_own,
    no_client_is_told_of_it,
    a_revocation_does_not_go_back,
);

const OPENED: &str = "subscription { leadCreated { lead { title } } }";
const INVALID: &str = "The token is not valid.";

/// What a token keeps open: a socket with a stream, and a stream over server-sent events.
struct Open {
    socket: Subscription,
    events: Stream,
}

impl Open {
    async fn with(server: &TestServer, who: Who) -> Self {
        let token = server.token_for(who.tenant, who.user, who.role);
        let socket = crate::support::socket::Socket::connect(server.raw_socket().await, &token)
            .await
            .subscribe(OPENED, json!({}));
        Self { socket, events: Stream::open(request(server, &token)).await }
    }

    async fn ends(mut self) {
        let Heard::Closed { code, reason } = self.socket.heard().await else { panic!("the socket goes on") };
        assert_eq!((code, reason.as_str()), (4403, INVALID));
        let (event, data) = self.events.event().await.expect("a last word");
        assert_eq!((event.as_str(), &data["errors"][0]["extensions"]["code"]), ("next", &json!("UNAUTHENTICATED")));
        assert_eq!(self.events.event().await, Some(("complete".to_owned(), Value::Null)));
        assert_eq!(self.events.event().await, None);
    }

    async fn goes_on(&mut self, title: &str) {
        assert_eq!(self.socket.next().await["lead"]["title"], title);
        let (_, data) = self.events.event().await.expect("it goes on");
        assert_eq!(data["data"]["leadCreated"]["lead"]["title"], title);
    }
}

fn request(server: &TestServer, token: &str) -> RequestBuilder {
    let body = json!({ "query": OPENED });
    http().post(server.url("/graphql")).bearer_auth(token).header("accept", "text/event-stream").json(&body)
}

async fn revoke(server: &TestServer, by: Who, user: &str) {
    let done = server.act(by, "revokeTokens", json!({ "userId": user })).await;
    assert_eq!(done.done()["user"]["id"], user);
}

async fn is_taken(server: &TestServer, token: &str) -> bool {
    let client = Client::new(server.url("/graphql"), Some(token.to_owned()));
    client.query("{ viewer { id } }", Value::Null).await.status == 200
}

async fn revoked_tokens_end_what_they_keep_open(engine: Engine) {
    let server = TestServer::start(engine).await;
    let rival = Who { tenant: "rival", ..PAT };
    let (own, mut quinns, rivals) =
        (Open::with(&server, PAT).await, Open::with(&server, QUINN).await, Open::with(&server, rival).await);
    listeners(&server, 6).await;
    let old = server.token("demo", "pat");
    revoke(&server, ADMIN, "pat").await;
    own.ends().await;
    assert!(!is_taken(&server, &old).await);
    // The others' go on; also who has the same name elsewhere.
    server.open(json!({ "title": "For the others" })).await;
    quinns.goes_on("For the others").await;
    assert!(is_taken(&server, &server.token("rival", "pat")).await);

    // From the next second on there are new ones.
    server.advance(Duration::from_secs(1));
    assert!(is_taken(&server, &server.token("demo", "pat")).await);
    drop((quinns, rivals));
    let server = server.restart().await;
    assert!(!is_taken(&server, &old).await, "a restart brings nothing back");
    assert!(is_taken(&server, &server.token("demo", "pat")).await);
    revoke(&server, RIVAL, "pat").await;
    assert!(is_taken(&server, &server.token("demo", "pat")).await, "not by another tenant's");
}

async fn another_role_ends_what_the_old_one_keeps_open(engine: Engine) {
    let server = TestServer::start(engine).await;
    let (own, mut stays) = (Open::with(&server, QUINN).await, Open::with(&server, PAT).await);
    listeners(&server, 4).await;
    server.act(ADMIN, "upsertUser", json!({ "id": "quinn", "role": "CUSTOMER" })).await.done();
    // No other role, nothing ends.
    server.act(ADMIN, "upsertUser", json!({ "id": "pat", "role": "PROVIDER", "name": "Patricia" })).await.done();
    own.ends().await;
    server.open(json!({ "title": "After it" })).await;
    stays.goes_on("After it").await;
}

async fn an_admin_may_end_its_own(engine: Engine) {
    let server = TestServer::start(engine).await;
    let own = Open::with(&server, ADMIN).await;
    let mut socket =
        RawSocket::open_with(&server, &[("authorization", &format!("Bearer {}", server.token("demo", "admin")))])
            .await
            .expect("an upgrade");
    socket.say(json!({ "type": "connection_init" })).await;
    listeners(&server, 2).await;
    revoke(&server, ADMIN, "admin").await;
    own.ends().await;
    loop {
        // It may have been acknowledged before.
        if let Heard::Closed { code, .. } = socket.hear().await {
            assert_eq!(code, 4403);
            break;
        }
    }
    server.advance(Duration::from_secs(1));
    assert!(is_taken(&server, &server.token("demo", "admin")).await);
}

async fn no_client_is_told_of_it(engine: Engine) {
    const POLL: &str = "query($after: Cursor!) { events(after: $after) { events { __typename } endCursor hasMore } }";
    let server = TestServer::start(engine).await;
    server.has_read_all().await;
    let after = server.user("demo", "pat").stream_cursor().await;
    revoke(&server, ADMIN, "pat").await;
    revoke(&server, ADMIN, "quinn").await;
    let lead = server.open(json!({})).await;
    assert!(lead.is_string());
    server.advance(Duration::from_secs(1));
    for who in [PAT, CASEY, ADMIN] {
        let mut seen = Vec::new();
        let mut after = after.clone();
        crate::support::wire::eventually("the lead to be told of", async || {
            let page = server.ask(who, POLL, json!({ "after": after })).await.field("events").clone();
            after = page["endCursor"].clone();
            seen.extend(page["events"].as_array().expect("a list").iter().map(|event| event["__typename"].clone()));
            seen.contains(&json!("LeadCreatedEvent"))
        })
        .await;
        let strange = seen.iter().filter(|kind| {
            !["LeadCreatedEvent", "LeadUpdatedEvent", "NotificationAddedEvent"].map(Value::from).contains(kind)
        });
        assert_eq!(strange.count(), 0, "{seen:?}");
    }
}

/// Neither by a clock that is behind nor by a role that changes.
async fn a_revocation_does_not_go_back(engine: Engine) {
    let server = TestServer::start(engine).await;
    let ahead = server.token_for("demo", "dana", Role::Customer);
    assert!(is_taken(&server, &ahead).await);
    server.advance(Duration::from_mins(1));
    let later = server.token_for("demo", "dana", Role::Customer);
    revoke(&server, ADMIN, "dana").await;
    for role in ["PROVIDER", "CUSTOMER"] {
        server.act(ADMIN, "upsertUser", json!({ "id": "dana", "role": role })).await.done();
        assert!(!is_taken(&server, &ahead).await && !is_taken(&server, &later).await, "{role}");
    }
}

/// What one node makes void ends on the other, too.
#[tokio::test(flavor = "multi_thread")]
async fn revoked_tokens_end_on_every_node() {
    if !available() {
        return;
    }
    let one = TestServer::start(Engine::Postgres).await;
    let other = one.second_node().await;
    let old = one.token("demo", "pat");
    assert!(is_taken(&one, &old).await && is_taken(&other, &old).await);
    let (here, there) = (Open::with(&one, PAT).await, Open::with(&other, PAT).await);
    let demoted = Open::with(&other, QUINN).await;
    listeners(&one, 2).await;
    listeners(&other, 4).await;
    revoke(&one, ADMIN, "pat").await;
    one.act(ADMIN, "upsertUser", json!({ "id": "quinn", "role": "CUSTOMER" })).await.done();
    here.ends().await;
    there.ends().await;
    demoted.ends().await;
    // The other node has heard of it by now, and forgotten what it knew.
    assert!(!is_taken(&one, &old).await && !is_taken(&other, &old).await);
}
