//! A message as it goes out: one notification, or a digest of many, to one recipient on one channel.

use super::{Delivery, DeliveryId};
use crate::{
    ids::{TenantId, UserId},
    notifications::NotificationType,
    preferences::Channel,
    users::User,
};

/// Messages of one tenant on one channel.
pub type Lane = (TenantId, Channel);

/// What a delivery is about: its type and topic.
pub type About = (NotificationType, Option<String>);

/// A message, or what a digest will be made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    Message(DeliveryId),
    Ungathered(UserId, Channel),
}

impl Part {
    pub fn of(delivery: &Delivery) -> Self {
        match delivery.message_id {
            Some(message) => Self::Message(message),
            None => Self::Ungathered(delivery.recipient_id.clone(), delivery.channel),
        }
    }
}

/// Deliveries that a message lists at most, the newest.
pub const LISTED: usize = 100;

#[derive(Clone, Debug)]
pub struct Letter {
    pub tenant: TenantId,
    pub tenant_name: String,
    /// The same however often it is tried: by this a receiver knows a repeat.
    pub id: DeliveryId,
    /// The first is 1.
    pub attempt: i32,
    pub channel: Channel,
    pub digest: bool,
    pub recipient: User,
    /// Newest first, at least one.
    pub listed: Vec<Delivery>,
    /// How many are in it that are not listed.
    pub more: i64,
    /// Where to, unless it is an e-mail.
    pub webhook: Option<Endpoint>,
}

/// A tenant's webhook.
#[derive(Clone)]
pub struct Endpoint {
    pub url: String,
    /// What it is signed with: more than one for a day after a rotation.
    pub secrets: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Endpoint {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod samples {
    use super::*;
    use crate::{
        clock::Timestamp,
        delivery::DeliveryStatus,
        ids::Id,
        notifications::{NotificationType, Priority},
        users::Role,
    };

    /// To Pat, about these titles and messages.
    pub fn letter(listed: &[(&str, &str)], more: i64) -> Letter {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let recipient = User {
            id: "pat".into(),
            name: "Pat".to_owned(),
            role: Role::Provider,
            email: Some("pat@example.com".to_owned()),
            phone: None,
            created_at: at,
        };
        let delivery = |&(title, message): &(&str, &str)| Delivery {
            id: Id::random(),
            recipient_id: recipient.id.clone(),
            channel: Channel::Email,
            notification_id: None,
            kind: NotificationType::Announcement,
            topic: None,
            priority: Priority::Normal,
            title: title.to_owned(),
            message: message.to_owned(),
            data: None,
            reference: None,
            subject_id: Id::random(),
            lead_id: None,
            claim_id: None,
            lead_match: None,
            gathered: listed.len() > 1,
            message_id: None,
            status: DeliveryStatus::Pending,
            attempts: 1,
            last_error: None,
            next_attempt_at: Some(at),
            created_at: at,
        };
        Letter {
            tenant: Id::random(),
            tenant_name: "Demo".to_owned(),
            id: Id::random(),
            attempt: 1,
            channel: Channel::Email,
            digest: listed.len() > 1,
            listed: listed.iter().map(delivery).collect(),
            recipient,
            more,
            webhook: None,
        }
    }
}
