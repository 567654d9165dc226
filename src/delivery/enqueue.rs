//! What is told also goes out: a delivery for each recipient and each channel that it wants it on, in the transaction that tells.
//!
//! Only on channels on which the recipient can be reached: by e-mail when there is a mail server and the recipient has an address,
//! on the others when the tenant has a webhook. What becomes unreachable later is given up when it is to be sent (`take.rs`).

use std::collections::HashMap;

use super::{CHANNELS, Delivery, DeliveryId, DeliveryStatus, store};
use crate::{
    clock::Timestamp,
    db::Tx,
    error::Result,
    ids::{TenantId, UserId},
    notifications::Notification,
    preferences::{Channel, Frequency, Preferences},
    tenants,
    users::{self, User},
};

/// Something that a user is told.
#[derive(Clone, Debug)]
pub struct News {
    /// As it is, or would be, in the application.
    pub notification: Notification,
    /// Whether it is there.
    pub in_app: bool,
    pub preferences: Preferences,
}

impl News {
    fn frequency(&self, channel: Channel) -> Frequency {
        self.preferences.frequency(self.notification.kind, self.notification.topic.as_deref(), channel)
    }

    fn wanted_on(&self) -> impl Iterator<Item = Channel> {
        CHANNELS.into_iter().filter(|channel| self.frequency(*channel) != Frequency::Off)
    }

    /// When it is due on this channel: a digest when it goes out, anything else now, or when the quiet hours are over.
    fn due(&self, channel: Channel, now: Timestamp) -> Timestamp {
        let digest = self.preferences.next_digest(self.frequency(channel), now);
        digest.or_else(|| self.preferences.quiet_until(now, self.notification.priority)).unwrap_or(now)
    }

    fn delivery(&self, channel: Channel, now: Timestamp) -> Delivery {
        let (id, told) = (DeliveryId::random(), self.notification.clone());
        let gathered = self.frequency(channel) != Frequency::Instant;
        Delivery {
            id,
            recipient_id: told.recipient_id,
            channel,
            notification_id: self.in_app.then_some(told.id),
            kind: told.kind,
            topic: told.topic,
            priority: told.priority,
            title: told.title,
            message: told.message,
            data: told.data,
            reference: told.reference,
            subject_id: told.subject_id,
            lead_id: told.lead_id,
            claim_id: told.claim_id,
            lead_match: told.lead_match,
            gathered,
            message_id: (!gathered).then_some(id),
            status: DeliveryStatus::Pending,
            attempts: 0,
            last_error: None,
            next_attempt_at: Some(self.due(channel, now)),
            created_at: now,
        }
    }
}

/// Writes the deliveries of what is told. `mail`: whether there is a mail server. A query for the tenant, one for the users, one for
/// the deliveries, however many there are; none when nobody wants any.
pub async fn enqueue(tenant: TenantId, tx: &Tx, now: Timestamp, mail: bool, news: &[News]) -> Result<()> {
    let wanted: Vec<_> = news.iter().flat_map(|news| news.wanted_on().map(move |channel| (news, channel))).collect();
    let by_webhook = wanted.iter().any(|(_, channel)| *channel != Channel::Email);
    let webhook = by_webhook && tenants::settings(tenant, tx).await?.webhook_url.is_some();
    let by_mail = wanted.iter().filter(|(_, channel)| mail && *channel == Channel::Email);
    let readers: Vec<UserId> = by_mail.map(|(news, _)| news.notification.recipient_id.clone()).collect();
    let readers: HashMap<UserId, User> =
        if readers.is_empty() { HashMap::new() } else { users::find_many(tenant, tx, &readers).await? };
    let has_address = |user: &UserId| readers.get(user).is_some_and(|user| user.email.is_some());
    let reachable = |(news, channel): &(&News, Channel)| match channel {
        Channel::Email => has_address(&news.notification.recipient_id),
        Channel::Sms | Channel::Push | Channel::Webhook => webhook,
        Channel::InApp => false,
    };
    let deliveries: Vec<_> =
        wanted.into_iter().filter(reachable).map(|(news, channel)| news.delivery(channel, now)).collect();
    store::insert(tenant, tx, &deliveries).await
}
