//! Webhooks lead outside, and nowhere else: neither by what is set nor by what a name leads to.

use serde_json::{Value, json};

use super::{new_secret, newest, prefer};
use crate::{
    notifications::tell,
    support::{
        Engine, TestServer,
        api::{ADMIN, PAT},
        both_engines,
        program::SECRET,
        receiver::Receiver,
        sql::Sql,
    },
};

both_engines!(what_leads_inside_is_refused, a_name_that_leads_inside_is_not_called, a_secret_comes_first);

async fn outside_of_dev_mode(engine: Engine) -> TestServer {
    TestServer::start_with(engine, |settings| settings.jwt_secret = Some(SECRET.to_owned())).await
}

async fn what_leads_inside_is_refused(engine: Engine) {
    let server = outside_of_dev_mode(engine).await;
    new_secret(&server, ADMIN).await;
    let set =
        async |url: &str| server.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": url })).await.refusals();
    for bad in [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://10.0.0.7/hook",
        "https://[::1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@example.com/hook",
        "ftp://example.com/hook",
        "hook",
        "",
        &format!("https://example.com/{}", "x".repeat(2_000)),
    ] {
        assert_eq!(set(bad).await, ["INVALID webhookUrl"], "{bad}");
    }
    // Short as it is written, and long as it is called.
    assert_eq!(set(&format!("https://example.com/{}", "é".repeat(400))).await, ["INVALID webhookUrl"]);
    assert_eq!(set("https://example.com:0/").await, ["INVALID webhookUrl"]);
    let shown = "{ viewer { tenant { settings { webhookUrl } } } }";
    let shown = async |who| {
        server.ask(who, shown, Value::Null).await.field("viewer")["tenant"]["settings"]["webhookUrl"].clone()
    };
    assert_eq!(shown(ADMIN).await, Value::Null);
    assert!(set("https://example.com/hook?for=leads").await.is_empty());
    assert_eq!((shown(ADMIN).await, shown(PAT).await), (json!("https://example.com/hook?for=leads"), Value::Null));
    // What is left out stays; null clears it.
    server.act(ADMIN, "updateTenantSettings", json!({ "currency": "EUR" })).await.done();
    assert_eq!(shown(ADMIN).await, json!("https://example.com/hook?for=leads"));
    server.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": null })).await.done();
    assert_eq!(shown(ADMIN).await, Value::Null);
}

async fn a_name_that_leads_inside_is_not_called(engine: Engine) {
    let server = outside_of_dev_mode(engine).await;
    let receiver = Receiver::start().await;
    new_secret(&server, ADMIN).await;
    prefer(&server, PAT, &[("WEBHOOK", "INSTANT")]).await;
    // A name may be anything when it is set.
    let url = receiver.url.replace("http://127.0.0.1", "https://localhost");
    server.act(ADMIN, "updateTenantSettings", json!({ "webhookUrl": url })).await.done();
    tell(&server, json!({ "userIds": ["pat"] }), json!({})).await;
    let failed = newest(&server, "RETRYING", 1).await;
    assert_eq!(
        failed["lastError"],
        "No connection to the webhook's server could be made. Its name must lead to the public internet."
    );

    // And so may what was set in dev mode.
    let sql = Sql::of(&server).await;
    sql.run(&format!("UPDATE tenants SET webhook_url = '{}'", receiver.url)).await.expect("an update");
    tell(&server, json!({ "userIds": ["pat"] }), json!({})).await;
    let dead = newest(&server, "DEAD", 1).await;
    assert!(dead["lastError"].as_str().is_some_and(|text| text.contains("not acceptable")), "{dead:#}");
    assert!(receiver.calls().is_empty());
}

async fn a_secret_comes_first(engine: Engine) {
    let server = TestServer::start(engine).await;
    let set = json!({ "webhookUrl": "http://127.0.0.1:1/hook" });
    let refused = server.act(ADMIN, "updateTenantSettings", set.clone()).await;
    assert_eq!(refused.refusals(), ["INVALID webhookUrl"]);
    assert!(refused.answer.to_string().contains("rotateWebhookSecret"), "{}", refused.answer);
    let secret = new_secret(&server, ADMIN).await;
    assert!(secret.starts_with("whsec_") && secret != new_secret(&server, ADMIN).await);
    server.act(ADMIN, "updateTenantSettings", set).await.done();
}
