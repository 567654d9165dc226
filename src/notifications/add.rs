//! New notifications: their rows, the counts, and the events that tell of them.

use std::collections::HashSet;

use super::{
    Notification, NotificationId, Priority,
    events::{Content, Copy, MAX_RECIPIENTS, NotificationsAdded},
    store,
};
use crate::{
    app::App,
    clock::Timestamp,
    db::Tx,
    delivery::{self, News},
    error::{Error, Result},
    events::{self, NewEvent},
    ids::{TenantId, UserId},
    matching::LeadMatch,
    preferences::{self, Channel, Frequency},
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

/// What telling goes by, whatever is told.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    pub tenant: TenantId,
    pub now: Timestamp,
    /// Whether there is a mail server.
    pub mail: bool,
}

impl Teller {
    pub fn of(app: &App, tenant: TenantId) -> Self {
        Self { tenant, now: app.clock.now(), mail: app.courier.has_mail() }
    }
}

/// Tells each recipient once, on the channels on which it wants to hear of it; returns what is in the application. Locks the counts
/// of those: what else the transaction locks has to be locked before.
pub async fn tell(by: Teller, tx: &Tx, content: Content, recipients: Vec<Recipient>) -> Result<Vec<Notification>> {
    let Teller { tenant, now, mail } = by;
    if recipients.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<UserId> = recipients.iter().map(|recipient| recipient.user.clone()).collect();
    let preferences = preferences::of_users(tenant, tx, &users).await?;
    let mut news = Vec::new();
    let mut copies = Vec::new();
    for Recipient { user, title, priority, lead_match } in recipients {
        let Some(own) = preferences.get(&user) else { continue };
        let copy = Copy { id: NotificationId::random(), title, priority, lead_match, unread_count: 0 };
        let in_app = own.frequency(content.kind, content.topic.as_deref(), Channel::InApp) != Frequency::Off;
        let notification = content.notification(user.clone(), &copy, now);
        news.push(News { notification, in_app, preferences: own.clone() });
        if in_app {
            copies.push((user, copy));
        }
    }
    let told = tell_in_app(by, tx, &content, copies).await?;
    let there: HashSet<&UserId> = told.iter().map(|told| &told.recipient_id).collect();
    news.retain(|news| !news.in_app || there.contains(&news.notification.recipient_id));
    delivery::enqueue(tenant, tx, now, mail, &news).await?;
    Ok(told)
}

async fn tell_in_app(
    by: Teller,
    tx: &Tx,
    content: &Content,
    mut copies: Vec<(UserId, Copy)>,
) -> Result<Vec<Notification>> {
    let Teller { tenant, now, .. } = by;
    if copies.is_empty() {
        return Ok(Vec::new());
    }
    let users: Vec<UserId> = copies.iter().map(|(user, _)| user.clone()).collect();
    let counts = store::lock(tenant, tx, &users).await?;
    let before = store::told(tenant, tx, content.subject_id, content.kind, &users).await?;
    copies.retain(|(user, _)| !before.contains(user));
    for (user, copy) in &mut copies {
        copy.unread_count = counts.get(user).copied().unwrap_or(0) + 1;
    }
    let users: Vec<UserId> = copies.iter().map(|(user, _)| user.clone()).collect();
    store::raise(tenant, tx, &users, 1).await?;

    let mut told = Vec::new();
    for (news, event) in packed(content, &copies, now)? {
        let ids = events::append(tenant, tx, now, vec![event]).await?;
        let [event] = ids[..] else { return Err(Error::internal("an event that was appended has an id")) };
        let new: Vec<_> =
            news.copies.iter().map(|(user, copy)| content.notification(user.clone(), copy, now)).collect();
        store::insert(tenant, tx, event, &new).await?;
        told.extend(new);
    }
    Ok(told)
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
