//! What can be done to notifications.

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};

use super::super::{
    Affected, Change, CreateNotificationInput, Notification, NotificationId, NotificationSelector,
    UpdateNotificationsInput, announce, change, edit, snooze,
};
use crate::{
    clock::Timestamp,
    error::{Result, UserError},
    events::Cursor,
    graphql::{self, List, Me, errors::outcome},
};

/// Which notifications, as they were at a place in the log.
#[derive(InputObject, Clone, Debug)]
pub struct NotificationsInput {
    /// Which.
    pub select: NotificationSelector,
    /// What came after this place is spared: give the cursor of the last event that the screen shows, at first the `streamCursor` that
    /// its list was loaded with.
    pub up_to: Option<Cursor>,
}

/// Which notifications to put off, and until when.
#[derive(InputObject, Clone, Debug)]
pub struct SnoozeNotificationsInput {
    /// Which.
    pub select: NotificationSelector,
    /// When they come back: in the future.
    pub until: Timestamp,
    /// What came after this place is spared: the cursor of the last event that the screen shows.
    pub up_to: Option<Cursor>,
}

/// Which notification was followed.
#[derive(InputObject, Clone, Debug)]
pub struct OpenNotificationInput {
    /// The viewer's notification.
    pub id: NotificationId,
}

/// What became of notifications.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct NotificationsPayload {
    /// How many were changed. Those that were read, unread, archived or in the inbox already are left alone and not counted; an edit,
    /// a snooze and an opening count all that they reach.
    affected_count: i64,
    #[graphql(skip)]
    notifications: Vec<Notification>,
    #[graphql(skip)]
    viewer: Me,
    /// Why nothing was changed; empty when it was.
    user_errors: Vec<UserError>,
}

#[ComplexObject]
impl NotificationsPayload {
    /// The first 100 of them as they are now, newest first; none when they were deleted.
    async fn notifications(&self) -> List<&Notification> {
        List::of(&self.notifications)
    }

    /// The viewer, with its unread count as it is now.
    async fn viewer(&self) -> &Me {
        &self.viewer
    }
}

/// What was told to whom.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct CreateNotificationPayload {
    #[graphql(skip)]
    notifications: Vec<Notification>,
    /// How many users are told, before their preferences are asked.
    recipient_count: i64,
    /// Whether it had been made already, under the same reference.
    replayed: bool,
    /// Why nothing was made; empty when it was.
    user_errors: Vec<UserError>,
}

#[ComplexObject]
impl CreateNotificationPayload {
    /// The first 100, by recipient. Many recipients are told in the background, within seconds.
    async fn notifications(&self) -> List<&Notification> {
        List::of(&self.notifications)
    }
}

#[derive(Default)]
pub struct NotificationMutation;

/// Runs a change and shows what it came to.
async fn changed(
    ctx: &Context<'_>,
    select: NotificationSelector,
    what: Change,
    up_to: Option<Cursor>,
) -> async_graphql::Result<NotificationsPayload> {
    payload(ctx, change(graphql::app(ctx), graphql::viewer(ctx)?, select, what, up_to).await)
}

fn payload(ctx: &Context<'_>, result: Result<Affected>) -> async_graphql::Result<NotificationsPayload> {
    let viewer = Me::now(graphql::viewer(ctx)?);
    Ok(match outcome(result)? {
        Ok(Affected { count, notifications }) => {
            NotificationsPayload { affected_count: count, notifications, viewer, user_errors: Vec::new() }
        }
        Err(user_errors) => NotificationsPayload { affected_count: 0, notifications: Vec::new(), viewer, user_errors },
    })
}

#[Object]
impl NotificationMutation {
    /// Tells users something of the integrator's own. ADMIN, SERVICE. Safe to repeat: see `reference`.
    async fn create_notification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to tell, and whom.")] input: CreateNotificationInput,
    ) -> async_graphql::Result<CreateNotificationPayload> {
        let result = announce(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        Ok(match outcome(result)? {
            Ok(told) => CreateNotificationPayload {
                notifications: told.notifications,
                recipient_count: told.recipient_count,
                replayed: told.replayed,
                user_errors: Vec::new(),
            },
            Err(user_errors) => CreateNotificationPayload {
                notifications: Vec::new(),
                recipient_count: 0,
                replayed: false,
                user_errors,
            },
        })
    }

    /// Changes the texts, the data or the priority of notifications, also others'. ADMIN, SERVICE.
    async fn update_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and what to change.")] input: UpdateNotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        payload(ctx, edit(graphql::app(ctx), graphql::viewer(ctx)?, input).await)
    }

    /// Marks the viewer's notifications as read.
    async fn mark_notifications_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Read, input.up_to).await
    }

    /// Marks the viewer's notifications as unread.
    async fn mark_notifications_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Unread, input.up_to).await
    }

    /// Puts the viewer's notifications into the archive, also those that are put off.
    async fn archive_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Archive, input.up_to).await
    }

    /// Takes the viewer's notifications out of the archive.
    async fn unarchive_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Unarchive, input.up_to).await
    }

    /// Puts off the viewer's notifications until a moment, at which they come back by themselves. Those in the archive stay there.
    async fn snooze_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which, and until when.")] input: SnoozeNotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        let SnoozeNotificationsInput { select, until, up_to } = input;
        payload(ctx, snooze(graphql::app(ctx), graphql::viewer(ctx)?, select, until, up_to).await)
    }

    /// Calls back the viewer's notifications that are put off.
    async fn unsnooze_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Unsnooze, input.up_to).await
    }

    /// Deletes notifications for good: the viewer's own; ADMIN and SERVICE also others'.
    async fn delete_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: NotificationsInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, input.select, Change::Delete, input.up_to).await
    }

    /// The viewer followed its notification: marks it read, and notes when it was first opened.
    async fn open_notification(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: OpenNotificationInput,
    ) -> async_graphql::Result<NotificationsPayload> {
        changed(ctx, NotificationSelector::Ids(vec![input.id]), Change::Open, None).await
    }
}
