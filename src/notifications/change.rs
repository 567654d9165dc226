//! Whatever happens to notifications that are there: by ids or by a filter, one or a hundred thousand.
//!
//! The work is done in transactions of [`BATCH`] rows, oldest first, so that it holds nobody up. Each takes the counts of the recipients
//! first, then looks again at what is there, and appends one event for each recipient.

use std::collections::BTreeMap;

use async_graphql::OneofObject;

use super::{
    Notification, NotificationId,
    events::{MAX_NAMED, MAX_SHOWN, NotificationsUpdated},
    filter::{NotificationFilter, Selection},
    list::Key,
    state::{self, Change},
    store::{self, Standing},
};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    db::Tx,
    error::{Error, Fault, Result, UserError},
    events::{self, Cursor},
    ids::{TenantId, UserId},
};

/// Which notifications: by their ids, or by a filter.
#[derive(OneofObject, Clone, Debug)]
#[allow(clippy::large_enum_variant)] // one for a request
pub enum NotificationSelector {
    /// These, at most 1,000. Those that are not there are ignored, and those that are not the viewer's; `updateNotifications`
    /// and `deleteNotifications` reach everybody's for ADMIN and SERVICE.
    Ids(Vec<NotificationId>),
    /// All of these, however many.
    Filter(NotificationFilter),
}

/// What a change came to.
#[derive(Clone, Debug, Default)]
pub struct Affected {
    pub count: i64,
    /// The first 100 as they are now; none when they are gone.
    pub notifications: Vec<Notification>,
}

/// Rows of one transaction.
pub(super) const BATCH: usize = 500;

/// How one transaction tells of what it did.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    /// By their ids.
    pub named: bool,
    /// As they are now.
    pub shown: bool,
    /// Also where the count stays as it is.
    pub always: bool,
}

/// Who may be concerned.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    Own(UserId),
    Everyone,
}

/// Does `change` to what is selected and made up to a place in the log. What it does not concern (to mark read what is read) is left
/// alone and not counted.
pub async fn change(
    app: &App,
    viewer: &Viewer,
    select: NotificationSelector,
    change: Change,
    up_to: Option<Cursor>,
) -> Result<Affected> {
    let up_to = up_to.map(|cursor| place(app, viewer, cursor)).transpose()?;
    let reach = match change {
        Change::Edit(_) | Change::Delete if viewer.role.is_operator() => Reach::Everyone,
        _ => Reach::Own(viewer.user.clone()),
    };
    let job = Job { app, tenant: viewer.tenant, change, reach, up_to, now: app.clock.now() };
    match select {
        NotificationSelector::Ids(ids) if ids.len() > MAX_NAMED => {
            let message =
                format!("These are {} ids; at most {MAX_NAMED} can be sent. Use `filter` for more.", ids.len());
            Err(UserError::invalid(&["select", "ids"], message).into())
        }
        NotificationSelector::Ids(ids) => job.named(&distinct(ids), None).await,
        NotificationSelector::Filter(filter) => {
            filter.check(viewer).map_err(refused)?;
            match job.reachable(filter) {
                Some(filter) => job.all(filter, viewer).await,
                None => Ok(Affected::default()),
            }
        }
    }
}

/// Puts off what is selected until a moment that is still to come.
pub async fn snooze(
    app: &App,
    viewer: &Viewer,
    select: NotificationSelector,
    until: Timestamp,
    up_to: Option<Cursor>,
) -> Result<Affected> {
    let what = state::snooze(until, app.clock.now())?;
    change(app, viewer, select, what, up_to).await
}

/// A filter that is refused is a refusal of the input.
fn refused(error: Error) -> Error {
    match error {
        Error::Fault(Fault::BadUserInput(message)) => UserError::invalid(&["select", "filter"], message).into(),
        other => other,
    }
}

fn distinct(mut ids: Vec<NotificationId>) -> Vec<NotificationId> {
    ids.sort_by_key(|id| id.uuid());
    ids.dedup();
    ids
}

/// The event that a cursor of this tenant and this history stands at.
fn place(app: &App, viewer: &Viewer, cursor: Cursor) -> Result<i64> {
    cursor.check_tenant(viewer.tenant)?;
    if cursor.epoch != app.hub.epoch() {
        return Err(Fault::CursorExpired.into());
    }
    Ok(cursor.id)
}

struct Job<'a> {
    app: &'a App,
    tenant: TenantId,
    change: Change,
    reach: Reach,
    up_to: Option<i64>,
    now: Timestamp,
}

impl Job<'_> {
    /// The filter, kept to what the job may reach; `None` when that is nothing.
    fn reachable(&self, filter: NotificationFilter) -> Option<NotificationFilter> {
        match (&self.reach, &filter.recipient_ids) {
            (Reach::Own(own), Some(recipients)) if !recipients.contains(own) => None,
            (Reach::Own(_), Some(_)) => Some(NotificationFilter { recipient_ids: None, ..filter }),
            _ => Some(filter),
        }
    }

    async fn named(&self, ids: &[NotificationId], wanted: Option<&Selection>) -> Result<Affected> {
        let mut affected = Vec::new();
        let telling = Telling { named: true, shown: ids.len() <= MAX_SHOWN, always: true };
        for batch in ids.chunks(BATCH) {
            affected.extend(self.batch(batch.to_vec(), wanted, telling).await?);
        }
        self.outcome(affected.len(), &affected).await
    }

    async fn all(&self, filter: NotificationFilter, viewer: &Viewer) -> Result<Affected> {
        // What is made meanwhile is not meant, and would keep the job from its end.
        let end = self.now.plus(std::time::Duration::from_micros(1));
        let created_before = Some(filter.created_before.map_or(end, |before| before.min(end)));
        let filter = NotificationFilter { created_before, ..filter };
        let wanted = Selection::among(filter, viewer, self.change.concerns(), self.up_to);

        let (mut first, mut after) = (Vec::new(), None);
        loop {
            let (some, reached) = self.next(&wanted, after, MAX_NAMED + 1 - first.len()).await?;
            first.extend(some.iter().map(|(_, id)| *id));
            after = reached;
            if first.len() > MAX_NAMED {
                break;
            }
            if after.is_none() {
                return self.named(&first, Some(&wanted)).await;
            }
        }

        let (mut count, mut some, mut after) = (0, Vec::new(), None);
        loop {
            let (batch, reached) = self.next(&wanted, after, BATCH).await?;
            let ids = batch.iter().map(|(_, id)| *id).collect();
            let telling = Telling { named: false, shown: false, always: true };
            let affected = self.batch(ids, Some(&wanted), telling).await?;
            count += affected.len();
            some.extend(affected.into_iter().take(MAX_SHOWN - some.len().min(MAX_SHOWN)));
            after = reached;
            if after.is_none() {
                return self.outcome(count, &some).await;
            }
        }
    }

    async fn next(&self, wanted: &Selection, after: Option<Key>, limit: usize) -> Result<(Vec<Key>, Option<Key>)> {
        let (tenant, wanted) = (self.tenant, wanted.clone());
        self.app.db.read(tenant, async move |tx| store::next(tenant, tx, &wanted, after, limit).await).await
    }

    async fn batch(
        &self,
        ids: Vec<NotificationId>,
        wanted: Option<&Selection>,
        telling: Telling,
    ) -> Result<Vec<NotificationId>> {
        if ids.is_empty() {
            return Ok(ids);
        }
        let batch = Batch {
            tenant: self.tenant,
            ids,
            change: self.change.clone(),
            reach: self.reach.clone(),
            up_to: self.up_to,
            wanted: wanted.cloned(),
            telling,
            now: self.now,
        };
        self.app.db.write(self.tenant, async move |tx| batch.run(tx).await).await
    }

    async fn outcome(&self, count: usize, affected: &[NotificationId]) -> Result<Affected> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        if affected.is_empty() || self.change == Change::Delete {
            return Ok(Affected { count, notifications: Vec::new() });
        }
        let (tenant, ids) = (self.tenant, affected[..affected.len().min(MAX_SHOWN)].to_vec());
        let notifications = self.app.db.read(tenant, async move |tx| store::find_many(tenant, tx, &ids).await).await?;
        Ok(Affected { count, notifications })
    }
}

/// One transaction's share.
#[derive(Clone)]
pub(super) struct Batch {
    pub tenant: TenantId,
    pub ids: Vec<NotificationId>,
    pub change: Change,
    pub reach: Reach,
    pub up_to: Option<i64>,
    /// By what filter they were found: another tab may have put them elsewhere since.
    pub wanted: Option<Selection>,
    pub telling: Telling,
    pub now: Timestamp,
}

impl Batch {
    /// Returns what was affected.
    pub async fn run(self, tx: &Tx) -> Result<Vec<NotificationId>> {
        let tenant = self.tenant;
        let recipients: Vec<UserId> = match &self.reach {
            Reach::Own(own) => vec![own.clone()],
            Reach::Everyone => {
                let standings = store::standings(tenant, tx, &self.ids).await?;
                standings.into_iter().map(|standing| standing.recipient_id).collect()
            }
        };
        if recipients.is_empty() {
            return Ok(Vec::new());
        }
        let counts = store::lock(tenant, tx, &recipients).await?;
        let concerned = store::standings(tenant, tx, &self.ids).await?;
        let concerned = concerned.into_iter().filter(|standing| self.concerns(standing));
        let mut by_recipient: BTreeMap<UserId, Vec<Standing>> = BTreeMap::new();
        for standing in concerned {
            by_recipient.entry(standing.recipient_id.clone()).or_default().push(standing);
        }
        let ids: Vec<_> = by_recipient.values().flatten().map(|standing| standing.id).collect();
        if ids.is_empty() {
            return Ok(ids);
        }
        store::apply(tenant, tx, &ids, &self.change, self.now).await?;
        let shown = self.telling.shown && self.change != Change::Delete;
        let now_are = if shown { store::find_many(tenant, tx, &ids).await? } else { Vec::new() };

        let (mut facts, mut raised) = (Vec::new(), BTreeMap::new());
        for (recipient, standings) in &by_recipient {
            let weight = standings.iter().map(|standing| self.change.weight(standing.folder, standing.unread)).sum();
            raised.insert(recipient.clone(), weight);
            if weight == 0 && !self.telling.always {
                continue;
            }
            let own = || now_are.iter().filter(|notification| notification.recipient_id == *recipient).cloned();
            let told = NotificationsUpdated {
                change: self.change.told_as(),
                affected_count: i64::try_from(standings.len()).unwrap_or(i64::MAX),
                ids: self.telling.named.then(|| standings.iter().map(|standing| standing.id).collect()),
                notifications: shown.then(|| own().collect()),
                unread_count: counts.get(recipient).copied().unwrap_or(0) + weight,
            };
            facts.push(told.event(recipient)?);
        }
        store::raise(tenant, tx, &raised).await?;
        events::append(tenant, tx, self.now, facts).await?;
        Ok(ids)
    }

    fn concerns(&self, standing: &Standing) -> bool {
        let reached = match &self.reach {
            Reach::Own(own) => standing.recipient_id == *own,
            Reach::Everyone => true,
        };
        reached
            && self.up_to.is_none_or(|event| standing.event_id <= event)
            && self.change.concerns().takes(standing.folder, standing.unread)
            && self.wanted.as_ref().is_none_or(|wanted| wanted.takes(standing.folder, standing.unread))
    }
}

/// Users whose snoozes are ended in one go.
const DUE: i64 = 100;

/// Brings back what was put off until now. Returns how many came back.
pub async fn end_snoozes(app: &App) -> Result<usize> {
    let now = app.clock.now();
    let due = app.db.across(async move |tx| store::due_snoozes(tx, now, DUE).await).await?;
    let mut back = 0;
    for (tenant, user) in due {
        let ended = app.db.write(tenant, async move |tx| {
            store::lock(tenant, tx, std::slice::from_ref(&user)).await?;
            let most = i64::try_from(BATCH).unwrap_or(i64::MAX);
            let ids = store::snoozed_until(tenant, tx, &user, now, most).await?;
            let telling = Telling { named: true, shown: ids.len() <= MAX_SHOWN, always: true };
            let (change, reach) = (Change::Unsnooze, Reach::Own(user));
            Batch { tenant, ids, change, reach, up_to: None, wanted: None, telling, now }.run(tx).await
        });
        back += ended.await?.len();
    }
    Ok(back)
}
