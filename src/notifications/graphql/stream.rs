//! Streams of notifications. Told to their recipient alone, whatever the role.

use std::{future, sync::Arc};

use async_graphql::{Context, Object, Subscription};
use futures_util::Stream;

use super::super::{
    Notification, NotificationChange, NotificationFilter, NotificationId,
    events::{NotificationsAdded, NotificationsUpdated},
};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::Result,
    events::{Cursor, Delivery, Kind},
    graphql::{self, List, Me, stream::events},
};

#[derive(Clone, Debug)]
pub struct NotificationAddedEvent {
    delivery: Delivery,
    notification: Notification,
    me: Me,
}

impl NotificationAddedEvent {
    /// The event as `viewer` may see it; `None` when it is not its to see, or the filter does not let it through.
    pub fn for_viewer(
        delivery: Delivery,
        viewer: &Viewer,
        filter: Option<&NotificationFilter>,
    ) -> Result<Option<Self>> {
        let added = delivery.record.decode::<NotificationsAdded>()?;
        if filter.is_some_and(|filter| !filter.takes(&added, &viewer.user)) {
            return Ok(None);
        }
        let own = added.notification_for(&viewer.user);
        Ok(own.map(|(notification, unread)| Self { delivery, notification, me: Me::then(viewer, unread) }))
    }
}

/// The viewer was told of something.
#[Object]
impl NotificationAddedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it happened.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// The notification as it was made.
    async fn notification(&self) -> &Notification {
        &self.notification
    }

    /// The viewer, with its unread count as it was then.
    async fn viewer(&self) -> &Me {
        &self.me
    }
}

#[derive(Clone, Debug)]
pub struct NotificationUpdatedEvent {
    delivery: Delivery,
    fact: Arc<NotificationsUpdated>,
    me: Me,
}

impl NotificationUpdatedEvent {
    /// The event as `viewer` may see it; `None` when it is not its to see.
    pub fn for_viewer(delivery: Delivery, viewer: &Viewer) -> Result<Option<Self>> {
        let fact = delivery.record.decode::<NotificationsUpdated>()?;
        let me = Me::then(viewer, fact.unread_count);
        Ok(Some(Self { delivery, fact, me }))
    }
}

/// Some of the viewer's notifications changed, in this tab or another. A large change comes in several of these.
#[Object]
impl NotificationUpdatedEvent {
    /// Its place in the log: go on after it with `after`.
    pub async fn cursor(&self) -> Cursor {
        self.delivery.cursor
    }

    /// When it happened.
    pub async fn occurred_at(&self) -> Timestamp {
        self.delivery.record.occurred_at
    }

    /// Whether it had already happened when the stream began.
    pub async fn backlog(&self) -> bool {
        self.delivery.backlog
    }

    /// What happened to them.
    async fn notification_change(&self) -> NotificationChange {
        self.fact.change
    }

    /// How many changed.
    async fn affected_count(&self) -> i64 {
        self.fact.affected_count
    }

    /// Which; null when the whole change is of more than 1,000: load the list again.
    async fn notification_ids(&self) -> Option<&[NotificationId]> {
        self.fact.ids.as_deref()
    }

    /// As they were then; null when they are more than 100, or too large, or gone.
    async fn notifications(&self) -> Option<List<&Notification>> {
        self.fact.notifications.as_ref().map(List::of)
    }

    /// The viewer, with its unread count as it was then.
    async fn viewer(&self) -> &Me {
        &self.me
    }
}

#[derive(Default)]
pub struct NotificationSubscription;

#[Subscription]
impl NotificationSubscription {
    /// What the viewer is told of, as it happens. Its own alone, whatever the role.
    async fn notification_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
        #[graphql(desc = "Only those that match.")] filter: Option<NotificationFilter>,
    ) -> Result<impl Stream<Item = Result<NotificationAddedEvent>>> {
        let viewer = graphql::viewer(ctx)?.clone();
        if let Some(filter) = &filter {
            filter.check(&viewer)?;
        }
        let shown =
            move |delivery| future::ready(NotificationAddedEvent::for_viewer(delivery, &viewer, filter.as_ref()));
        events(ctx, &[Kind::NotificationAdded], after, shown).await
    }

    /// What happens to the viewer's notifications: all its tabs agree. Its own alone, whatever the role.
    async fn notification_updated(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Go on after this place; from now on when left out.")] after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<NotificationUpdatedEvent>>> {
        let viewer = graphql::viewer(ctx)?.clone();
        let shown = move |delivery| future::ready(NotificationUpdatedEvent::for_viewer(delivery, &viewer));
        events(ctx, &[Kind::NotificationUpdated], after, shown).await
    }
}
