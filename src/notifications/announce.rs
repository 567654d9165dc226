//! Telling many at once what somebody wrote: announcements, and an integrator's own notifications.
//!
//! The first recipients are told in the request, the others by a worker, in batches, each moved on in the transaction that tells. The
//! row of the announcement says how far that has come, so that each is told once, whatever happens in between.

use async_graphql::{InputObject, Json, OneofObject};
use serde::{Deserialize, Serialize};

use super::{
    Notification, NotificationType, Priority,
    add::{Recipient, Teller, Telling, tell},
    events::Content,
    store::{self, announcements},
};
use crate::{
    app::App,
    auth::Viewer,
    db::Tx,
    error::{ErrorCode, Result, UserError},
    ids::{Id, TenantId, UserId},
    input::{Input, MAX_REFERENCE_CHARS},
    leads::{self, LeadId},
    reference,
    users::{self, Role},
};

/// Whom to tell.
#[derive(OneofObject, Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "camelCase")]
pub enum Recipients {
    /// These users, at most 1,000. All must be known.
    UserIds(Vec<UserId>),
    /// All users that have this role by now.
    Role(Role),
    /// All users of the tenant; only `true` makes sense.
    Everyone(bool),
}

/// Something to tell.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct CreateNotificationInput {
    /// Whom.
    pub to: Recipients,
    /// ANNOUNCEMENT, or CUSTOM, which needs a topic.
    #[graphql(name = "type", default_with = "NotificationType::Announcement")]
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// The integrator's own kind, such as `order.status`: at most 100 characters. With CUSTOM, and only with it.
    pub topic: Option<String>,
    /// How much it matters.
    #[graphql(default)]
    pub priority: Priority,
    /// A few words, at most 200 characters.
    pub title: String,
    /// What to say, at most 2,000 characters.
    pub message: String,
    /// Anything for the front end: an object of at most 16 KiB.
    pub data: Option<Json<serde_json::Value>>,
    /// A lead that it is about. Who may not see the lead when it is told is told without it.
    pub lead_id: Option<LeadId>,
    /// The caller's own key: 1 to 200 characters, unique among the tenant's notifications. Sent again with the same content, nobody is
    /// told twice.
    pub reference: String,
}

/// What was told, and to how many.
#[derive(Clone, Debug)]
pub struct Told {
    pub notifications: Vec<Notification>,
    pub recipient_count: i64,
    pub replayed: bool,
}

/// Users that can be named.
const MAX_USERS: usize = 1_000;
/// Recipients that one transaction tells.
const BATCH: usize = 100;

impl CreateNotificationInput {
    fn checked(mut self) -> Result<Self> {
        let mut input = Input::default();
        match &mut self.to {
            Recipients::UserIds(users) if users.is_empty() || users.len() > MAX_USERS => {
                input.invalid(&["to", "userIds"], format!("These are 1 to {MAX_USERS} users."));
            }
            Recipients::UserIds(users) if !users.iter().all(UserId::is_valid) => {
                input.invalid(
                    &["to", "userIds"],
                    "A user's id is 1 to 128 characters, none of them a control character.",
                );
            }
            Recipients::UserIds(users) => {
                users.sort_unstable();
                users.dedup();
            }
            Recipients::Everyone(false) => input.invalid(&["to", "everyone"], "This can only be true."),
            Recipients::Role(_) | Recipients::Everyone(true) => {}
        }
        self.topic = self.topic.map(|topic| input.topic(&["topic"], &topic));
        match (self.kind, &self.topic) {
            (NotificationType::Custom, None) => input.invalid(&["topic"], "A CUSTOM notification needs a topic."),
            (NotificationType::Announcement, Some(_)) => {
                input.invalid(&["topic"], "Only a CUSTOM notification has a topic.");
            }
            (NotificationType::Custom | NotificationType::Announcement, _) => {}
            _ => input.invalid(&["type"], "Only ANNOUNCEMENT and CUSTOM are made by hand."),
        }
        self.title = input.text(&["title"], &self.title, Notification::MAX_TITLE_CHARS);
        self.message = input.text(&["message"], &self.message, Notification::MAX_MESSAGE_CHARS);
        if let Some(Json(data)) = &self.data {
            input.json_object(&["data"], data);
        }
        self.reference = input.text(&["reference"], &self.reference, MAX_REFERENCE_CHARS);
        input.accept()?;
        Ok(self)
    }
}

/// Something that is being told.
#[derive(Clone, PartialEq, Debug)]
pub struct Announcement {
    pub content: Content,
    pub to: Recipients,
    pub recipient_count: i64,
    pub told_up_to: Option<UserId>,
    pub done: bool,
}

/// Tells users something of the integrator's own. ADMIN and SERVICE.
pub async fn announce(app: &App, viewer: &Viewer, input: CreateNotificationInput) -> Result<Told> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE make notifications.").into());
    }
    let input = input.checked()?;
    let hash = reference::request_hash("createNotification", &input)?;
    let by = Teller::of(app, viewer.tenant);
    app.db.write(by.tenant, async move |tx| begin(by, tx, &input, &hash).await).await
}

async fn begin(by: Teller, tx: &Tx, input: &CreateNotificationInput, hash: &[u8]) -> Result<Told> {
    let Teller { tenant, now, .. } = by;
    if let Some((known, known_hash)) = announcements::find(tenant, tx, &input.reference).await? {
        return told_before(tenant, tx, known, known_hash == hash).await;
    }
    let recipient_count = count(tenant, tx, &input.to).await?;
    let mut announcement = Announcement {
        content: content(tenant, tx, input).await?,
        to: input.to.clone(),
        recipient_count,
        told_up_to: None,
        done: false,
    };
    if !announcements::insert(tenant, tx, &announcement, hash, now).await? {
        // Somebody else has just made it.
        let known = announcements::find(tenant, tx, &input.reference).await?;
        let (known, known_hash) = known.ok_or_else(reference::mismatch)?;
        return told_before(tenant, tx, known, known_hash == hash).await;
    }
    let notifications = go_on(by, tx, &mut announcement).await?;
    Ok(Told { notifications, recipient_count, replayed: false })
}

async fn told_before(tenant: TenantId, tx: &Tx, known: Announcement, same: bool) -> Result<Told> {
    if !same {
        return Err(reference::mismatch().into());
    }
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let notifications = store::of_subject(tenant, tx, known.content.subject_id, known.content.kind, most).await?;
    Ok(Told { notifications, recipient_count: known.recipient_count, replayed: true })
}

/// How many there are. Refuses users that are not known.
async fn count(tenant: TenantId, tx: &Tx, to: &Recipients) -> Result<i64> {
    match to {
        Recipients::Role(role) => users::count(tenant, tx, Some(*role)).await,
        Recipients::Everyone(_) => users::count(tenant, tx, None).await,
        Recipients::UserIds(wanted) => {
            let known = users::find_many(tenant, tx, wanted).await?;
            let unknown: Vec<_> = wanted.iter().filter(|user| !known.contains_key(user)).collect();
            if let Some(first) = unknown.first() {
                let message = format!("{} of these users are not known, such as {first}.", unknown.len());
                return Err(UserError::new(ErrorCode::NotFound, &["to", "userIds"], message).into());
            }
            Ok(i64::try_from(known.len()).unwrap_or(i64::MAX))
        }
    }
}

async fn content(tenant: TenantId, tx: &Tx, input: &CreateNotificationInput) -> Result<Content> {
    let lead = match input.lead_id {
        None => None,
        Some(id) => {
            let lead = leads::find_many(tenant, tx, &[id]).await?.remove(&id);
            Some(lead.ok_or_else(|| UserError::not_found(&["leadId"], "lead"))?)
        }
    };
    Ok(Content {
        kind: input.kind,
        topic: input.topic.clone(),
        title: input.title.clone(),
        message: input.message.clone(),
        priority: input.priority,
        data: input.data.as_ref().map(|Json(data)| data.into()),
        reference: Some(input.reference.clone()),
        subject_id: Id::random(),
        lead_id: input.lead_id,
        claim_id: None,
        category: lead.as_ref().map(|lead| lead.category.clone()),
        attributes: lead.as_ref().map(leads::Lead::plain_attributes).unwrap_or_default(),
    })
}

/// Tells the next batch, and notes how far that came.
async fn go_on(by: Teller, tx: &Tx, announcement: &mut Announcement) -> Result<Vec<Notification>> {
    let tenant = by.tenant;
    let after = announcement.told_up_to.as_ref();
    let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let next: Vec<UserId> = match &announcement.to {
        Recipients::Role(role) => users::ids(tenant, tx, Some(*role), after, most).await?,
        Recipients::Everyone(_) => users::ids(tenant, tx, None, after, most).await?,
        Recipients::UserIds(users) => {
            users.iter().filter(|user| after.is_none_or(|after| *user > after)).take(BATCH).cloned().collect()
        }
    };
    announcement.done = next.len() < BATCH;
    announcement.told_up_to = next.last().cloned().or(announcement.told_up_to.take());
    announcements::save(tenant, tx, announcement).await?;
    let tellings = tellings(tenant, tx, &announcement.content, next).await?;
    tell(by, tx, tellings).await
}

/// Who may not see the lead by now is told without it, so that no filter tells of it either.
async fn tellings(tenant: TenantId, tx: &Tx, content: &Content, users: Vec<UserId>) -> Result<Vec<Telling>> {
    let telling = |content: Content, users: Vec<UserId>| Telling {
        content,
        recipients: users.into_iter().map(Recipient::plain).collect(),
    };
    let Some(id) = content.lead_id else { return Ok(vec![telling(content.clone(), users)]) };
    let lead = leads::find_many(tenant, tx, &[id]).await?.remove(&id);
    let known = users::find_many(tenant, tx, &users).await?;
    let sees = |user: &UserId| {
        let both = lead.as_ref().zip(known.get(user));
        both.is_some_and(|(lead, user)| lead.is_seen_by(user.role, &user.id))
    };
    let (with, without) = users.into_iter().partition(sees);
    let bare = Content { lead_id: None, category: None, attributes: Vec::new(), ..content.clone() };
    Ok(vec![telling(content.clone(), with), telling(bare, without)])
}

/// Announcements that are looked at in one go.
const DUE: i64 = 10;

/// Tells the next batch of each announcement that is under way. Returns whether there is more to tell.
pub async fn go_on_announcing(app: &App) -> Result<bool> {
    let due = app.db.across(async move |tx| announcements::due(tx, DUE).await).await?;
    let mut more = false;
    for (tenant, id) in due {
        let by = Teller::of(app, tenant);
        let going_on = app.db.write(tenant, async move |tx| {
            // Another node may be at it.
            let Some(mut announcement) = announcements::lock(tenant, tx, id).await? else { return Ok(false) };
            go_on(by, tx, &mut announcement).await?;
            Ok(!announcement.done)
        });
        more |= going_on.await?;
    }
    Ok(more)
}
