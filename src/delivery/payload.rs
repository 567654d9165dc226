//! What a webhook gets: README.md, "Delivery", documents it for receivers.

use serde::Serialize;

use super::{Delivery, DeliveryId, letter::Letter};
use crate::{
    claims::ClaimId,
    clock::Timestamp,
    ids::UserId,
    json::JsonText,
    leads::LeadId,
    notifications::{NotificationId, NotificationType, Priority},
    preferences::Channel,
};

/// Bytes after which nothing more is listed. One notification, `data` and all, is always within it.
const MAX_BYTES: usize = 256 << 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    channel: Channel,
    recipient: Recipient<'a>,
    notifications: Vec<Entry<'a>>,
    more: i64,
}

#[derive(Serialize)]
struct Recipient<'a> {
    id: &'a UserId,
    name: &'a str,
    email: Option<&'a str>,
    phone: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    delivery_id: DeliveryId,
    notification_id: Option<NotificationId>,
    #[serde(rename = "type")]
    kind: NotificationType,
    topic: Option<&'a str>,
    priority: Priority,
    title: &'a str,
    message: &'a str,
    data: Option<&'a JsonText>,
    reference: Option<&'a str>,
    lead_id: Option<LeadId>,
    claim_id: Option<ClaimId>,
    #[serde(rename = "match")]
    lead_match: Option<&'a serde_json::Value>,
    created_at: String,
}

fn entry(delivery: &Delivery) -> Entry<'_> {
    Entry {
        delivery_id: delivery.id,
        notification_id: delivery.notification_id,
        kind: delivery.kind,
        topic: delivery.topic.as_deref(),
        priority: delivery.priority,
        title: &delivery.title,
        message: &delivery.message,
        data: delivery.data.as_ref(),
        reference: delivery.reference.as_deref(),
        lead_id: delivery.lead_id,
        claim_id: delivery.claim_id,
        lead_match: delivery.lead_match.as_ref(),
        created_at: delivery.created_at.to_string(),
    }
}

/// The body of the request.
pub fn body(letter: &Letter) -> serde_json::Result<Vec<u8>> {
    let (mut bytes, mut notifications) = (0, Vec::new());
    for delivery in &letter.listed {
        let entry = entry(delivery);
        bytes += serde_json::to_vec(&entry)?.len();
        if bytes > MAX_BYTES && !notifications.is_empty() {
            break;
        }
        notifications.push(entry);
    }
    let left = i64::try_from(letter.listed.len() - notifications.len()).unwrap_or(i64::MAX);
    let newest = letter.listed.first().map_or(Timestamp::from_micros(0), |delivery| delivery.created_at);
    let recipient = &letter.recipient;
    serde_json::to_vec(&Payload {
        kind: if letter.digest { "notification.digest" } else { "notification.instant" },
        timestamp: newest.to_string(),
        data: Data {
            channel: letter.channel,
            recipient: Recipient {
                id: &recipient.id,
                name: &recipient.name,
                email: recipient.email.as_deref(),
                phone: recipient.phone.as_deref(),
            },
            notifications,
            more: letter.more + left,
        },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::letter::samples::letter;

    fn sent(letter: &Letter) -> Value {
        serde_json::from_slice(&body(letter).expect("plain data")).expect("JSON")
    }

    #[test]
    fn it_is_what_the_readme_says() {
        let mut letter = letter(&[("Balance low", "5 credits left")], 0);
        letter.channel = Channel::Sms;
        letter.listed[0].data = Some((&json!({ "order": 7 })).into());
        let (id, at) = (letter.listed[0].id, "2023-11-14T22:13:20Z");
        let expected = json!({ "type": "notification.instant", "timestamp": at, "data": {
            "channel": "SMS",
            "recipient": { "id": "pat", "name": "Pat", "email": "pat@example.com", "phone": null },
            "notifications": [{ "deliveryId": id, "notificationId": null, "type": "ANNOUNCEMENT", "topic": null, "priority": "NORMAL",
                "title": "Balance low", "message": "5 credits left", "data": { "order": 7 }, "reference": null, "leadId": null,
                "claimId": null, "match": null, "createdAt": at }],
            "more": 0,
        } });
        assert_eq!(sent(&letter), expected);
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut letter = letter(&[("A", "a"); 60], 5);
        for delivery in &mut letter.listed {
            delivery.data = Some((&json!({ "text": "x".repeat(16_000) })).into());
        }
        let sent = sent(&letter);
        let listed = sent["data"]["notifications"].as_array().map_or(0, Vec::len);
        assert!((10..20).contains(&listed), "{listed}");
        assert_eq!(sent["data"]["more"], 65 - listed);
        assert_eq!(sent["type"], "notification.digest");
        assert!(sent.to_string().len() < MAX_BYTES + 1_000);
    }
}
