//! What the log keeps of notifications. One event tells many recipients of new ones: what they share stands in it once, so that an
//! event for two hundred of them stays small.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Folder, Notification, NotificationId, NotificationType, Priority};
use crate::{
    claims::ClaimId,
    clock::Timestamp,
    error::Result,
    events::{Kind, MAX_PAYLOAD, NewEvent},
    ids::{Id, UserId},
    json::JsonText,
    leads::LeadId,
    matching::LeadMatch,
};

/// Recipients of one event at most.
pub const MAX_RECIPIENTS: usize = 200;
/// Notifications that are shown in one event, or named by their ids, at most.
pub const MAX_SHOWN: usize = 100;
pub const MAX_NAMED: usize = 1_000;

/// What all recipients are told alike.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Content {
    pub kind: NotificationType,
    pub topic: Option<String>,
    pub title: String,
    pub message: String,
    pub priority: Priority,
    pub data: Option<JsonText>,
    pub reference: Option<String>,
    pub subject_id: Id<Uuid>,
    pub lead_id: Option<LeadId>,
    pub claim_id: Option<ClaimId>,
    pub category: Option<String>,
    /// The lead's top-level attributes as text: what filters ask for.
    pub attributes: Vec<(String, String)>,
}

/// What one recipient is told beside it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Copy {
    pub id: NotificationId,
    /// Where it is not the content's.
    pub title: Option<String>,
    pub priority: Option<Priority>,
    pub lead_match: Option<LeadMatch>,
    /// How many are unread with this one.
    pub unread_count: i64,
}

/// New notifications of one content.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NotificationsAdded {
    pub content: Content,
    pub copies: BTreeMap<UserId, Copy>,
    pub created_at: Timestamp,
}

impl NotificationsAdded {
    /// What `recipient` was told.
    pub fn notification_for(&self, recipient: &UserId) -> Option<(Notification, i64)> {
        let copy = self.copies.get(recipient)?;
        Some((self.content.notification(recipient.clone(), copy, self.created_at), copy.unread_count))
    }

    /// What each recipient was told by this event.
    pub fn rows(&self, event: i64) -> impl Iterator<Item = (i64, Notification)> {
        let row = |(user, copy): (&UserId, &Copy)| self.content.notification(user.clone(), copy, self.created_at);
        self.copies.iter().map(move |copy| (event, row(copy)))
    }

    pub fn event(&self) -> Result<NewEvent> {
        NewEvent::new(Kind::NotificationAdded, self.copies.keys().cloned().collect(), self)
    }
}

impl Content {
    /// The copy as a notification of its recipient.
    pub fn notification(&self, recipient_id: UserId, copy: &Copy, created_at: Timestamp) -> Notification {
        let content = self.clone();
        Notification {
            id: copy.id,
            recipient_id,
            kind: content.kind,
            topic: content.topic,
            priority: copy.priority.unwrap_or(content.priority),
            title: copy.title.clone().unwrap_or(content.title),
            message: content.message,
            data: content.data,
            reference: content.reference,
            subject_id: content.subject_id,
            lead_id: content.lead_id,
            claim_id: content.claim_id,
            lead_match: copy.lead_match.clone().map(|found| serde_json::to_value(found).expect("plain data")),
            tier: copy.lead_match.as_ref().map(|found| found.tier),
            category: content.category,
            folder: Folder::Inbox,
            unread: true,
            read_at: None,
            opened_at: None,
            archived_at: None,
            snoozed_until: None,
            created_at,
        }
    }
}

/// What happened to notifications.
#[derive(async_graphql::Enum, Clone, std::marker::Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum NotificationChange {
    /// They were marked read, or opened.
    Read,
    /// They were marked unread.
    Unread,
    /// They were put into the archive.
    Archived,
    /// They were taken out of the archive.
    Unarchived,
    /// They were put off.
    Snoozed,
    /// They are back in the inbox: their time has come, or they were called back.
    Unsnoozed,
    /// Their texts, data or priority were changed.
    Edited,
    /// They are gone.
    Deleted,
}

/// Some of one recipient's notifications changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NotificationsUpdated {
    pub change: NotificationChange,
    pub affected_count: i64,
    /// `None` when there are too many: fetch again.
    pub ids: Option<Vec<NotificationId>>,
    /// As they are now; `None` when there are too many, or they are gone.
    pub notifications: Option<Vec<Notification>>,
    pub unread_count: i64,
}

impl NotificationsUpdated {
    /// Without the notifications themselves where they would not fit.
    pub fn event(mut self, recipient: &UserId) -> Result<NewEvent> {
        let size = serde_json::to_vec(&self).map_or(usize::MAX, |text| text.len());
        if size > MAX_PAYLOAD {
            self.notifications = None;
        }
        NewEvent::new(Kind::NotificationUpdated, vec![recipient.clone()], &self)
    }
}
