//! Claims in the places where identity providers put them.

use std::time::Duration;

use leadcast::{config::Settings, users::Role};
use serde_json::{Value, json};

use super::{is_taken, server};
use crate::support::{
    TestServer,
    api::with,
    client::Client,
    keys::{Pair, claims},
    program::SECRET,
};

const WHO: &str = "{ viewer { id tenant { name } user { role name email } } }";

/// Claims as they are in Casey's tokens, but for the tenant and the role.
fn bare(server: &TestServer) -> Value {
    let mut claims = claims(server);
    for claim in ["tenant", "role"] {
        claims.as_object_mut().expect("an object").remove(claim);
    }
    claims
}

async fn starts(tenant: &str, role: &str) -> TestServer {
    let (tenant, role) = (tenant.to_owned(), role.to_owned());
    server(|settings: &mut Settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        (settings.tokens.claim_tenant, settings.tokens.claim_role) = (tenant, role);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tenant_and_the_role_are_where_the_settings_say() {
    let secret = Pair::secret(SECRET.as_bytes());
    for (tenant, role, more) in [
        // Auth0's namespaces, with dots and slashes.
        (
            "https://example.com/tenant",
            "https://example.com/roles",
            json!({ "https://example.com/tenant": "demo", "https://example.com/roles": ["PROVIDER"] }),
        ),
        // Supabase, whose own `role` is about something else.
        (
            "app_metadata.tenant",
            "app_metadata.role",
            json!({ "role": "authenticated", "app_metadata": { "tenant": "demo", "role": "provider" } }),
        ),
        // Clerk's organisations, by a pointer.
        ("/o/slg", "/o/rol", json!({ "o": { "slg": "demo", "rol": "Provider" } })),
        // Keycloak's lists of all that somebody is.
        (
            "tenant",
            "realm_access.roles",
            json!({ "tenant": "demo", "realm_access": { "roles": ["offline_access", "provider", "uma_authorization"] } }),
        ),
    ] {
        let server = starts(tenant, role).await;
        let token = secret.token(&with(with(bare(&server), json!({ "sub": "pat" })), more));
        let answer = Client::new(server.url("/graphql"), Some(token)).query(WHO, Value::Null).await;
        let viewer = answer.field("viewer");
        assert_eq!((&viewer["id"], &viewer["user"]["role"]), (&json!("pat"), &json!("PROVIDER")), "{tenant}");
        assert_eq!(viewer["tenant"]["name"], "Demo marketplace", "{tenant}");
        // Where they usually are, they mean nothing.
        let usual = with(bare(&server), json!({ "tenant": "rival", "role": "ADMIN" }));
        assert!(!is_taken(&server, &secret.token(&usual)).await, "{tenant}");
        // Tokens of this server's own have them there, too.
        assert!(is_taken(&server, &server.token("demo", "pat")).await, "{tenant}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_two_roles_is_no_role() {
    let server = starts("tenant", "roles").await;
    let secret = Pair::secret(SECRET.as_bytes());
    let token = |roles: Value| secret.token(&with(bare(&server), json!({ "tenant": "demo", "roles": roles })));
    assert!(is_taken(&server, &token(json!(["x", "CUSTOMER"]))).await);
    for roles in
        [json!(["CUSTOMER", "ADMIN"]), json!([]), json!(["x"]), json!([["CUSTOMER"]]), json!({ "0": "CUSTOMER" })]
    {
        assert!(!is_taken(&server, &token(roles.clone())).await, "{roles}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_may_be_elsewhere() {
    let server = server(|settings: &mut Settings| {
        settings.jwt_secret = Some(SECRET.to_owned());
        settings.tokens.claim_name = "profile.nickname".to_owned();
        settings.tokens.claim_email = "/https:~1~1example.com~1mail".to_owned();
    })
    .await;
    let more = json!({ "sub": "newcomer", "name": "not this", "profile": { "nickname": "Nic" },
        "https://example.com/mail": "nic@example.com" });
    let token = Pair::secret(SECRET.as_bytes()).token(&with(claims(&server), more));
    let answer = Client::new(server.url("/graphql"), Some(token)).query(WHO, Value::Null).await;
    assert_eq!(
        answer.field("viewer")["user"],
        json!({ "role": "CUSTOMER", "name": "Nic", "email": "nic@example.com" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_skew_is_for_what_is_ahead_and_not_for_the_end() {
    for skew in [0_u32, 60, 300] {
        let server = server(|settings: &mut Settings| {
            settings.jwt_secret = Some(SECRET.to_owned());
            settings.tokens.clock_skew = Duration::from_secs(skew.into());
        })
        .await;
        let (now, secret) = (server.app.clock.now().as_seconds(), Pair::secret(SECRET.as_bytes()));
        let skew = i64::from(skew);
        // A test may take its time: what is to be refused is far off.
        for (change, taken) in [
            (json!({ "iat": now + skew }), true),
            (json!({ "nbf": now + skew }), true),
            (json!({ "iat": now + skew + 1_000 }), false),
            (json!({ "nbf": now + skew + 1_000 }), false),
        ] {
            assert_eq!(
                is_taken(&server, &secret.token(&with(claims(&server), change.clone()))).await,
                taken,
                "{change}"
            );
        }
        let expired = secret.token(&with(claims(&server), json!({ "exp": now })));
        assert_eq!(super::ask(&server, &expired).await.status, 401, "{skew}");
        assert_eq!(server.token_for("demo", "casey", Role::Customer).split('.').count(), 3);
    }
}
