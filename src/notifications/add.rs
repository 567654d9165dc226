//! New notifications: their rows, the counts, and the events that tell of them.

use super::{
    Notification, NotificationId, Priority,
    events::{Content, Copy, MAX_RECIPIENTS, NotificationsAdded},
    store,
};
use crate::{
    clock::Timestamp,
    db::Tx,
    error::{Error, Result},
    events::{self, NewEvent},
    ids::{TenantId, UserId},
    matching::LeadMatch,
    preferences::{self, Channel, Frequency, Preferences},
};

/// Somebody who is to be told, and what it is told beside the common content.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub user: UserId,
    pub title: Option<String>,
    pub priority: Option<Priority>,
    pub lead_match: Option<LeadMatch>,
}

impl Recipient {
    /// Told nothing of its own.
    pub fn plain(user: UserId) -> Self {
        Self { user, title: None, priority: None, lead_match: None }
    }
}

/// Tells each recipient that wants to hear of it in the app, once. Locks their counts: what else the transaction locks has to be
/// locked before.
pub async fn tell(
    tenant: TenantId,
    tx: &Tx,
    now: Timestamp,
    content: Content,
    recipients: Vec<Recipient>,
) -> Result<Vec<Notification>> {
    let recipients = willing(tenant, tx, &content, recipients).await?;
    if recipients.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<UserId> = recipients.iter().map(|recipient| recipient.user.clone()).collect();
    let counts = store::lock(tenant, tx, &users).await?;
    let told = store::told(tenant, tx, content.subject_id, content.kind, &users).await?;
    let (users, recipients): (Vec<_>, Vec<_>) =
        users.into_iter().zip(recipients).filter(|(user, _)| !told.contains(user)).unzip();
    let copy = |recipient: Recipient| {
        let unread_count = counts.get(&recipient.user).copied().unwrap_or(0) + 1;
        let Recipient { user, title, priority, lead_match } = recipient;
        (user, Copy { id: NotificationId::random(), title, priority, lead_match, unread_count })
    };
    let copies: Vec<_> = recipients.into_iter().map(copy).collect();
    store::raise(tenant, tx, &users, 1).await?;

    let mut told = Vec::new();
    for (news, event) in packed(&content, &copies, now)? {
        let ids = events::append(tenant, tx, now, vec![event]).await?;
        let [event] = ids[..] else { return Err(Error::internal("an event that was appended has an id")) };
        let new: Vec<_> =
            news.copies.iter().map(|(user, copy)| content.notification(user.clone(), copy, now)).collect();
        store::insert(tenant, tx, event, &new).await?;
        told.extend(new);
    }
    Ok(told)
}

/// Those that have not switched it off.
async fn willing(tenant: TenantId, tx: &Tx, content: &Content, recipients: Vec<Recipient>) -> Result<Vec<Recipient>> {
    let users: Vec<UserId> = recipients.iter().map(|recipient| recipient.user.clone()).collect();
    let preferences = preferences::of_users(tenant, tx, &users).await?;
    let wants = |user: &UserId| {
        let own = preferences.get(user);
        let frequency = |own: &Preferences| own.frequency(content.kind, content.topic.as_deref(), Channel::InApp);
        own.is_some_and(|own| frequency(own) != Frequency::Off)
    };
    Ok(recipients.into_iter().filter(|recipient| wants(&recipient.user)).collect())
}

/// As few events as will hold them.
fn packed(
    content: &Content,
    copies: &[(UserId, Copy)],
    created_at: Timestamp,
) -> Result<Vec<(NotificationsAdded, NewEvent)>> {
    let mut packed = Vec::new();
    let mut left: Vec<&[(UserId, Copy)]> = copies.chunks(MAX_RECIPIENTS).rev().collect();
    while let Some(some) = left.pop() {
        let news = NotificationsAdded { content: content.clone(), copies: some.iter().cloned().collect(), created_at };
        match news.event() {
            Ok(event) => packed.push((news, event)),
            Err(_) if some.len() > 1 => {
                let (first, second) = some.split_at(some.len() / 2);
                left.extend([second, first]);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(packed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        events::MAX_PAYLOAD,
        ids::Id,
        matching::{MatchReason, MatchReasonCode, MatchTier},
        notifications::NotificationType,
    };

    #[test]
    fn as_many_share_an_event_as_fit() {
        let content = Content {
            kind: NotificationType::Announcement,
            topic: None,
            title: "title".to_owned(),
            message: "message".to_owned(),
            priority: Priority::Normal,
            data: Some(json!({ "text": "x".repeat(16_000) })),
            reference: None,
            subject_id: Id::random(),
            lead_id: None,
            claim_id: None,
            category: None,
            attributes: Vec::new(),
        };
        let reason = MatchReason { code: MatchReasonCode::Area, points: 45, text: "y".repeat(300) };
        let lead_match =
            Some(LeadMatch { score: 45, tier: MatchTier::Fair, priority: Priority::Normal, reasons: vec![reason] });
        let copy = |n: usize| {
            let copy = Copy {
                id: NotificationId::random(),
                title: None,
                priority: None,
                lead_match: lead_match.clone(),
                unread_count: 1,
            };
            (UserId::from(format!("user {n:04}")), copy)
        };
        let copies: Vec<_> = (0..450).map(copy).collect();
        let packed = packed(&content, &copies, Timestamp::from_micros(0)).expect("they fit");
        let told: Vec<_> = packed.iter().flat_map(|(news, _)| news.copies.keys().cloned()).collect();
        assert_eq!(told, copies.iter().map(|(user, _)| user.clone()).collect::<Vec<_>>());
        assert!(
            packed
                .iter()
                .all(|(news, event)| news.copies.len() <= MAX_RECIPIENTS && event.payload.len() <= MAX_PAYLOAD)
        );
        assert!(packed.len() < 10, "{}", packed.len());
    }
}
