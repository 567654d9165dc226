//! Users and their tokens: who gets a row, which tokens are taken, who may see how to reach whom.

mod tokens;

use std::time::Duration;

use leadcast::users::Role;
use serde_json::{Value, json};

use self::tokens::{Mint, claims};
use crate::support::{
    Engine, TestServer,
    api::{ADMIN, CASEY, DANA, PAT, QUINN, ROBOT, Who, unique},
    both_engines,
    client::Client,
};

both_engines!(
    the_first_token_makes_a_user,
    another_role_makes_older_tokens_void,
    the_role_follows_the_token,
    upsert_changes_what_is_given,
    who_sees_how_to_reach_whom,
    only_an_admin_makes_an_admin,
);

const ME: &str =
    "{ viewer { id tokenExpiresAt user { id name role email phone wallet { balance } } tenant { name } } }";

fn client(server: &TestServer, token: &Value) -> Client {
    Client::new(server.url("/graphql"), Some(Mint::of(server).sign(token)))
}

async fn the_first_token_makes_a_user(engine: Engine) {
    let server = TestServer::start(engine).await;
    let long = "x".repeat(300);
    for (change, name, email) in [
        (json!({}), None, Value::Null),
        (json!({ "name": "  Zoe Adams ", "email": "zoe@example.com" }), Some("Zoe Adams"), json!("zoe@example.com")),
        (json!({ "name": " ", "email": "" }), None, Value::Null),
        (json!({ "name": "Zoe\u{0}Adams\n", "email": "not an address" }), Some("ZoeAdams"), Value::Null),
        (json!({ "name": long, "email": long }), Some(&long[..200]), Value::Null),
    ] {
        let id = unique("zoe");
        let token = claims(&server, &json!({ "sub": id, "role": "PROVIDER" }), &change);
        let seen = client(&server, &token).query(ME, Value::Null).await;
        let user = json!({ "id": id, "name": name.unwrap_or(&id), "role": "PROVIDER", "email": email, "phone": null,
            "wallet": { "balance": 0 } });
        assert_eq!(seen.field("viewer")["user"], user, "{change}");
        // What a later token says does not rename it.
        let later = claims(&server, &token, &json!({ "name": "Someone Else" }));
        let seen = client(&server, &later).query(ME, Value::Null).await;
        assert_eq!(seen.field("viewer")["user"], user, "{change}");
    }
    let customer = claims(&server, &json!({ "sub": "new customer", "role": "customer" }), &json!({}));
    let seen = client(&server, &customer).query(ME, Value::Null).await;
    let user = &seen.field("viewer")["user"];
    assert_eq!((&user["role"], &user["wallet"]), (&json!("CUSTOMER"), &Value::Null));
    // The same name in another tenant is somebody else.
    let elsewhere =
        claims(&server, &json!({ "sub": "new customer", "role": "PROVIDER", "tenant": "rival" }), &json!({}));
    let seen = client(&server, &elsewhere).query(ME, Value::Null).await;
    assert_eq!(seen.field("viewer")["tenant"]["name"], "Rival marketplace");
    assert_eq!(seen.field("viewer")["user"]["role"], "PROVIDER");
}

async fn another_role_makes_older_tokens_void(engine: Engine) {
    let server = TestServer::start(engine).await;
    let pat = server.user("demo", "pat");
    pat.query(ME, Value::Null).await.data();
    let socket_token = server.token("demo", "pat");

    // The same role changes nothing.
    server.act(ADMIN, "upsertUser", json!({ "id": "pat", "role": "PROVIDER", "name": "Patricia" })).await.done();
    pat.query(ME, Value::Null).await.data();

    // Tokens know whole seconds: one of the same second is older too, whatever role it has.
    let seconds = || server.app.clock.now().as_seconds();
    let mut changed = None;
    for role in ["CUSTOMER", "SERVICE"].into_iter().cycle().take(20) {
        let second = seconds();
        server.act(ADMIN, "upsertUser", json!({ "id": "pat", "role": role })).await.done();
        if seconds() == second {
            changed = Some((role, second));
            break;
        }
    }
    let (role, second) = changed.expect("a change that takes less than a second");
    let same_second = claims(&server, &json!({ "sub": "pat", "role": role, "iat": second }), &json!({}));
    assert_eq!(client(&server, &same_second).query(ME, Value::Null).await.status.as_u16(), 401);
    let refused = pat.query(ME, Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.error_code()), (401, "UNAUTHENTICATED"));
    let mut socket = server.raw_socket().await;
    socket
        .say(json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {socket_token}") } }))
        .await;
    assert!(matches!(socket.hear().await, crate::support::socket::Heard::Closed { code: 4403, .. }));

    server.advance(Duration::from_secs(2));
    let customer = Who { role: Role::Customer, ..PAT };
    let seen = server.ask(customer, ME, Value::Null).await;
    assert_eq!(seen.field("viewer")["user"]["role"], "CUSTOMER");
    assert_eq!(pat.query(ME, Value::Null).await.status.as_u16(), 401);
    // The namesake in the other tenant has nothing to do with it.
    server.user("rival", "pat").query(ME, Value::Null).await.data();
}

/// The identity provider may change a role too: a token that is not void decides.
async fn the_role_follows_the_token(engine: Engine) {
    let server = TestServer::start(engine).await;
    let role = "query($id: ID!) { user(id: $id) { role } }";
    for as_role in [Role::Customer, Role::Service, Role::Provider] {
        let who = Who { role: as_role, ..DANA };
        let seen = server.ask(who, ME, Value::Null).await;
        let expected = json!(as_role.to_string());
        assert_eq!(seen.field("viewer")["user"]["role"], expected);
        let seen = server.ask(ADMIN, role, json!({ "id": "dana" })).await;
        assert_eq!(seen.field("user")["role"], expected);
    }
    // Having become a provider, it has a wallet.
    server.fund(Who { role: Role::Provider, ..DANA }, 5).await;
}

async fn upsert_changes_what_is_given(engine: Engine) {
    let server = TestServer::start(engine).await;
    let upsert = async |change: Value| {
        let input = crate::support::api::with(json!({ "id": "zoe", "role": "PROVIDER" }), change);
        server.act(ROBOT, "upsertUser", input).await.done()["user"].clone()
    };
    let user = |name: &str, email: Value, phone: Value| json!({ "id": "zoe", "name": name, "role": "PROVIDER", "email": email, "phone": phone });
    assert_eq!(upsert(json!({})).await, user("zoe", Value::Null, Value::Null));
    let all = json!({ "name": " Zoe ", "email": "zoe@example.com", "phone": "082 123 4567" });
    assert_eq!(upsert(all).await, user("Zoe", json!("zoe@example.com"), json!("082 123 4567")));
    assert_eq!(upsert(json!({})).await, user("Zoe", json!("zoe@example.com"), json!("082 123 4567")));
    assert_eq!(upsert(json!({ "email": null })).await, user("Zoe", Value::Null, json!("082 123 4567")));
    assert_eq!(upsert(json!({ "phone": " " })).await, user("Zoe", Value::Null, Value::Null));

    let wallet = server.ask(ADMIN, "{ wallet(ownerId: \"zoe\") { balance version } }", Value::Null).await;
    assert_eq!(wallet.field("wallet"), &json!({ "balance": 0, "version": 0 }));
}

async fn who_sees_how_to_reach_whom(engine: Engine) {
    let server = TestServer::start(engine).await;
    let reach = json!({ "id": "pat", "role": "PROVIDER", "email": "pat@example.com", "phone": "082 123 4567" });
    server.act(ADMIN, "upsertUser", reach).await.done();
    let casey = json!({ "id": "casey", "role": "CUSTOMER", "email": "casey@example.com" });
    server.act(ADMIN, "upsertUser", casey).await.done();
    let lead = server.open(json!({})).await;
    let claim = server.claim(PAT, &lead).await;
    let of_claim = "query($id: ID!) { claim(id: $id) { provider { name email phone wallet { id } } lead { customer { email wallet { id } } } } }";
    let seen = async |who: Who| {
        let answer = server.ask(who, of_claim, json!({ "id": claim })).await;
        let (provider, customer) = (&answer.field("claim")["provider"], &answer.field("claim")["lead"]["customer"]);
        let sees = |value: &Value| !value.is_null();
        [&provider["email"], &provider["phone"], &provider["wallet"], &customer["email"]].map(sees)
    };
    assert_eq!(seen(PAT).await, [true, true, true, false]);
    assert_eq!(seen(CASEY).await, [true, true, false, true]);
    assert_eq!(seen(ROBOT).await, [true, true, true, true]);
    assert_eq!(seen(ADMIN).await, [true, true, true, true]);

    // Once it has been reached, it stays so: a refund takes the customer's contact away, not the provider's.
    server.act(ADMIN, "refundClaim", json!({ "id": claim, "reason": "a wrong number" })).await.done();
    assert_eq!(seen(CASEY).await, [true, true, false, true]);

    let of_user = "query($id: ID!) { user(id: $id) { email } }";
    for (who, id, visible) in [
        (PAT, "pat", true),
        (PAT, "casey", false),
        (PAT, "quinn", false),
        (CASEY, "casey", true),
        (CASEY, "pat", false),
        (QUINN, "pat", false),
        (ROBOT, "pat", true),
        (ADMIN, "casey", true),
        (ADMIN, "nobody", false),
    ] {
        let answer = server.ask(who, of_user, json!({ "id": id })).await;
        assert_eq!(!answer.field("user").is_null(), visible, "{who:?} asks for {id}");
    }
}

async fn only_an_admin_makes_an_admin(engine: Engine) {
    let server = TestServer::start(engine).await;
    let root = json!({ "id": "root", "role": "ADMIN" });
    let demoted = json!({ "id": "admin", "role": "CUSTOMER" });
    for input in [&root, &demoted] {
        assert_eq!(server.act(ROBOT, "upsertUser", input.clone()).await.refusals(), ["FORBIDDEN role"]);
    }
    assert_eq!(server.act(ADMIN, "upsertUser", root).await.done()["user"]["role"], "ADMIN");
}
