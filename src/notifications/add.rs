//! New notifications: their rows, the counts, and the events that tell of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

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
    error::Result,
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

/// Something to tell, and whom.
#[derive(Clone, Debug)]
pub struct Telling {
    pub content: Content,
    pub recipients: Vec<Recipient>,
}

/// Tells each recipient once, on the channels on which it wants to hear of it; returns what is in the application. A few statements,
/// however many there are. Locks the counts of the recipients: what else the transaction locks has to be locked before, and who
/// tells several things at once tells all of them here.
pub async fn tell(by: Teller, tx: &Tx, tellings: Vec<Telling>) -> Result<Vec<Notification>> {
    let Teller { tenant, now, mail } = by;
    let users = tellings.iter().flat_map(|telling| &telling.recipients).map(|recipient| recipient.user.clone());
    let users: Vec<UserId> = users.collect::<BTreeSet<_>>().into_iter().collect();
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let preferences = preferences::of_users(tenant, tx, &users).await?;
    let (mut news, mut in_app) = (Vec::new(), Vec::new());
    for Telling { content, recipients } in tellings {
        let mut copies = Vec::new();
        for Recipient { user, title, priority, lead_match } in recipients {
            let Some(own) = preferences.get(&user) else { continue };
            let copy = Copy { id: NotificationId::random(), title, priority, lead_match, unread_count: 0 };
            let shown = own.frequency(content.kind, content.topic.as_deref(), Channel::InApp) != Frequency::Off;
            let notification = content.notification(user.clone(), &copy, now);
            news.push(News { notification, in_app: shown, preferences: own.clone() });
            if shown {
                copies.push((user, copy));
            }
        }
        in_app.push((content, copies));
    }
    let told = tell_in_app(by, tx, in_app).await?;
    let there: HashSet<NotificationId> = told.iter().map(|told| told.id).collect();
    news.retain(|news| !news.in_app || there.contains(&news.notification.id));
    delivery::enqueue(tenant, tx, now, mail, &news).await?;
    Ok(told)
}

/// What is told, and what each recipient is told beside it.
type Copies = (Content, Vec<(UserId, Copy)>);

async fn tell_in_app(by: Teller, tx: &Tx, mut all: Vec<Copies>) -> Result<Vec<Notification>> {
    let Teller { tenant, now, .. } = by;
    let users: BTreeSet<UserId> = all.iter().flat_map(|(_, copies)| copies).map(|(user, _)| user.clone()).collect();
    let users: Vec<UserId> = users.into_iter().collect();
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let counts = store::lock(tenant, tx, &users).await?;
    let subjects: Vec<_> = all.iter().map(|(content, _)| content.subject_id).collect();
    let mut known = store::told(tenant, tx, &subjects, &users).await?;
    let mut raised: BTreeMap<UserId, i64> = BTreeMap::new();
    for (content, copies) in &mut all {
        copies.retain(|(user, _)| known.insert((content.subject_id, content.kind, user.clone())));
        for (user, copy) in copies {
            let more = raised.entry(user.clone()).or_default();
            *more += 1;
            copy.unread_count = counts.get(user).copied().unwrap_or(0) + *more;
        }
    }
    store::raise(tenant, tx, &raised).await?;

    let packed = all.iter().map(|(content, copies)| packed(content, copies, now)).collect::<Result<Vec<_>>>()?;
    let (news, events): (Vec<_>, Vec<_>) = packed.into_iter().flatten().unzip();
    let ids = events::append(tenant, tx, now, events).await?;
    let told: Vec<_> = ids.into_iter().zip(&news).flat_map(|(event, news)| news.rows(event)).collect();
    store::insert(tenant, tx, &told).await?;
    Ok(told.into_iter().map(|(_, notification)| notification).collect())
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
            data: Some((&json!({ "text": "x".repeat(16_000) })).into()),
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
