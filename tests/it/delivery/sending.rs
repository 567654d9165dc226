//! What is sent, and how.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{World, new_secret, newest, only, prefer};
use crate::support::{
    Engine,
    api::{ADMIN, CASEY, PAT},
    both_engines,
    receiver::Call,
    sql::Sql,
};

both_engines!(
    a_webhook_is_signed_and_says_what_there_is_to_say,
    an_email_has_both_forms_and_names_itself,
    a_secret_that_was_replaced_signs_for_a_day,
    hostile_texts_stay_texts,
    no_contact_of_a_lead_goes_out,
);

/// The signature of a call with this secret, made here.
fn signed(call: &Call, secret: &str) -> String {
    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix")).expect("base64");
    assert_eq!(key.len(), 32);
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key");
    mac.update(format!("{}.{}.", call.header("webhook-id"), call.header("webhook-timestamp")).as_bytes());
    mac.update(&call.body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

async fn a_webhook_is_signed_and_says_what_there_is_to_say(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["SMS"]).await;
    let phone = json!({ "id": "pat", "role": "PROVIDER", "phone": "+27 82 000 0001" });
    world.server.act(ADMIN, "upsertUser", phone).await.done();
    world
        .tell(json!({ "title": "Shipped", "message": "On its way", "priority": "HIGH", "data": { "order": 7 } }))
        .await;
    let call = world.receiver.called(1).await.remove(0);
    let delivery = newest(&world.server, "SENT", 1).await;
    assert_eq!(call.header("webhook-id"), delivery["id"]);
    assert_eq!(call.header("webhook-signature"), signed(&call, &world.secret));
    assert_eq!(call.header("content-type"), "application/json");
    let now = world.server.app.clock.now().as_seconds();
    assert!(call.header("webhook-timestamp").parse::<i64>().is_ok_and(|at| (now - 60..=now).contains(&at)));
    let body = call.json();
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("notification.instant"), &delivery["createdAt"]));
    assert_eq!((&body["data"]["channel"], &body["data"]["more"]), (&json!("SMS"), &json!(0)));
    let pat = json!({ "id": "pat", "name": "Pat", "email": "pat@example.com", "phone": "+27 82 000 0001" });
    assert_eq!(body["data"]["recipient"], pat);
    let sent = call.notification();
    for (field, value) in [
        ("deliveryId", &delivery["id"]),
        ("notificationId", &delivery["notification"]["id"]),
        ("type", &json!("ANNOUNCEMENT")),
        ("title", &json!("Shipped")),
        ("message", &json!("On its way")),
        ("priority", &json!("HIGH")),
        ("data", &json!({ "order": 7 })),
        ("leadId", &Value::Null),
    ] {
        assert_eq!(&sent[field], value, "{field}");
    }
    assert_eq!((&delivery["lastError"], &delivery["nextAttemptAt"]), (&Value::Null, &Value::Null));
}

async fn an_email_has_both_forms_and_names_itself(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["EMAIL"]).await;
    world.tell(json!({ "title": "Balance low", "message": "5 credits left" })).await;
    let mail = world.post.got(1).await.remove(0);
    let delivery = newest(&world.server, "SENT", 1).await;
    assert_eq!(mail.to, "pat@example.com");
    let id = delivery["id"].as_str().expect("an id");
    for line in [
        "From: Leads <leads@example.com>",
        "To: Pat <pat@example.com>",
        "Subject: Balance low",
        &format!("Message-ID: <{id}@example.com>"),
        "Auto-Submitted: auto-generated",
        "5 credits left",
    ] {
        assert!(mail.text.lines().any(|one| one == line), "{line} is missing in\n{}", mail.text);
    }
    assert!(mail.text.contains("text/plain") && mail.text.contains("text/html"), "{}", mail.text);
    assert!(mail.text.contains("Demo marketplace has sent this to Pat"), "{}", mail.text);
}

async fn a_secret_that_was_replaced_signs_for_a_day(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["WEBHOOK"]).await;
    let second = new_secret(&world.server, ADMIN).await;
    world.tell(json!({})).await;
    let both = world.receiver.called(1).await.remove(0);
    let expected = [signed(&both, &second), signed(&both, &world.secret)].join(" ");
    assert_eq!(both.header("webhook-signature"), expected);

    world.server.advance(Duration::from_hours(24));
    world.tell(json!({})).await;
    let one = world.receiver.called(2).await.remove(1);
    assert_eq!(one.header("webhook-signature"), signed(&one, &second));

    // However often it is done, the last ones are good, and no more than five.
    let mut secrets = Vec::new();
    for _ in 0..7 {
        secrets.insert(0, new_secret(&world.server, ADMIN).await);
    }
    world.tell(json!({})).await;
    let many = world.receiver.called(3).await.remove(2);
    let expected: Vec<_> = secrets[..5].iter().map(|secret| signed(&many, secret)).collect();
    assert_eq!(many.header("webhook-signature"), expected.join(" "));
    let sql = Sql::of(&world.server).await;
    assert_eq!(sql.text("SELECT count(*) FROM webhook_secrets").await, "5");
}

async fn hostile_texts_stay_texts(engine: Engine) {
    let world = World::start(engine).await;
    only(&world, &["EMAIL", "WEBHOOK"]).await;
    let name = json!({ "id": "pat", "role": "PROVIDER", "name": "Pat\r\nBcc: all@example.com" });
    world.server.act(ADMIN, "upsertUser", name).await.done();
    let title = "<img src=x onerror=alert(1)>\r\nBcc: all@example.com";
    let message = "a\n.\nMAIL FROM:<x@example.com>\n{{foot}} \u{202e}\"'";
    world.tell(json!({ "title": title, "message": message })).await;
    let mail = world.post.got(1).await.remove(0);
    let (head, body) = mail.text.split_once("\n\n").expect("a head and a body");
    assert!(!head.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{head}");
    assert_eq!(head.matches("Subject:").count(), 1);
    let (_, html) = body.split_once("text/html").expect("an HTML part");
    assert!(!html.contains("<img"), "{body}");
    assert!(html.contains("&lt;img src"), "{body}");
    let sent = world.receiver.called(1).await[0].notification();
    assert_eq!((&sent["title"], &sent["message"]), (&json!(title), &json!(message)));
}

/// Whatever a lead has to tell goes to whom it fits and to both sides of a claim, and the contact with none of it.
async fn no_contact_of_a_lead_goes_out(engine: Engine) {
    let world = World::start(engine).await;
    let server = &world.server;
    server.fund(PAT, 100).await;
    server.all_is_told().await;
    server.act(PAT, "updateProviderProfile", json!({ "categories": ["Electrical"] })).await.done();
    server
        .act(ADMIN, "upsertUser", json!({ "id": "casey", "role": "CUSTOMER", "email": "casey@example.com" }))
        .await
        .done();
    for (who, kinds) in [(PAT, &["LEAD_MATCHED", "CLAIM_CONFIRMED", "BALANCE_CHANGED"][..]), (CASEY, &["LEAD_CLAIMED"])]
    {
        let rules: Vec<_> = kinds
            .iter()
            .flat_map(|kind| {
                ["EMAIL", "WEBHOOK"].map(|channel| json!({ "type": kind, "channel": channel, "frequency": "INSTANT" }))
            })
            .collect();
        server.act(who, "updateNotificationPreferences", json!({ "rules": rules })).await.done();
    }
    prefer(server, PAT, &[("WEBHOOK", "OFF")]).await;
    let contact = json!({ "name": "Zebedee Quagga", "email": "zebedee@quagga.example", "phone": "+27 21 555 0142",
        "address": "7 Quagga Lane" });
    let lead = server.open(json!({ "price": 3, "contact": contact })).await;
    server.claim(PAT, &lead).await;
    let (calls, mails) = (world.receiver.called(4).await, world.post.got(4).await);
    let kinds: Vec<_> = calls.iter().map(|call| call.notification()["type"].clone()).collect();
    for kind in ["LEAD_MATCHED", "CLAIM_CONFIRMED", "BALANCE_CHANGED", "LEAD_CLAIMED"] {
        assert!(kinds.contains(&json!(kind)), "{kinds:?}");
    }
    let matched = calls.iter().find(|call| call.notification()["type"] == "LEAD_MATCHED").expect("it is there");
    assert_eq!(matched.notification()["leadId"], lead);
    assert!(matched.notification()["match"]["score"].is_number());
    let stored = Sql::of(server).await;
    let stored = if stored.is_sqlite() {
        stored.text("SELECT group_concat(title || message || coalesce(json(data), '') || coalesce(json(lead_match), '')) FROM deliveries").await
    } else {
        stored.text("SELECT string_agg(deliveries::text, ' ') FROM deliveries").await
    };
    let sent = calls.iter().map(|call| String::from_utf8_lossy(&call.body).into_owned());
    for text in sent.chain(mails.into_iter().map(|mail| mail.text)).chain([stored]) {
        for secret in ["Quagga", "quagga", "Zebedee", "zebedee", "555 0142", "5550142"] {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}
