//! Preferences in the schema.

use async_graphql::{Context, Object, SimpleObject};

use super::{NotificationPreferencesInput, PreferenceRule, Preferences, QuietHours, of_user, update};
use crate::{
    error::UserError,
    graphql::{self, errors::outcome},
    ids::UserId,
    notifications::Priority,
};

/// What a user is told of, on which channels, how often, and when not. Seen and changed by the user alone.
#[Object(name = "NotificationPreferences")]
impl Preferences {
    /// The user's id.
    async fn id(&self) -> &UserId {
        &self.user
    }

    /// What holds, defaults filled in: a rule for every type and channel, and one for every topic and channel that the user or the
    /// marketplace has set. By type, topic (those without one first) and channel. A notification goes by the rule of its
    /// topic where there is one, else by that of its type.
    #[graphql(name = "rules")]
    async fn all_rules(&self) -> Vec<PreferenceRule> {
        self.rules()
    }

    /// Whether notifications make a sound where they are shown, if their priority is one of `soundForPriorities`. True unless set.
    async fn sound(&self) -> bool {
        self.own.sound
    }

    /// The priorities that make a sound, lowest first. HIGH unless set.
    async fn sound_for_priorities(&self) -> Vec<Priority> {
        self.own.sound_for.0.iter().copied().collect()
    }

    /// When nothing may disturb; null for never.
    #[graphql(name = "quietHours")]
    async fn shown_quiet_hours(&self) -> Option<&QuietHours> {
        self.quiet_hours()
    }
}

/// From when to when nothing may disturb, on the clock at the user's wall. What would go out on another channel than IN_APP waits
/// for their end, digests too; in the application it is there at once.
#[Object]
impl QuietHours {
    /// When they begin: `HH:MM`.
    async fn start(&self) -> String {
        self.start.to_string()
    }

    /// When they end: `HH:MM`. On the next day when this is earlier than `start`.
    async fn end(&self) -> String {
        self.end.to_string()
    }

    /// The user's time zone: a name of the IANA database, such as `Europe/Berlin`. Daylight saving time is minded.
    #[graphql(name = "timeZone")]
    async fn time_zone_name(&self) -> &str {
        &self.time_zone
    }

    /// Notifications of these priorities are let through, unless they are gathered for a digest. Lowest first.
    async fn except_priorities(&self) -> Vec<Priority> {
        self.except_priorities.0.iter().copied().collect()
    }
}

/// What `updateNotificationPreferences` did.
#[derive(SimpleObject)]
pub struct NotificationPreferencesPayload {
    /// The viewer's preferences as they are now.
    pub preferences: Option<Preferences>,
    /// Why nothing was changed; empty when it was.
    pub user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct PreferenceQuery;

#[Object]
impl PreferenceQuery {
    /// What the viewer is told of, on which channels, how often, and when not. Everyone's own.
    async fn notification_preferences(&self, ctx: &Context<'_>) -> async_graphql::Result<Preferences> {
        let viewer = graphql::viewer(ctx)?;
        Ok(of_user(&graphql::app(ctx).db, viewer.tenant, viewer.user.clone()).await?)
    }
}

#[derive(Default)]
pub struct PreferenceMutation;

#[Object]
impl PreferenceMutation {
    /// Changes what the viewer is told of. Everyone's own.
    async fn update_notification_preferences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be changed.")] input: NotificationPreferencesInput,
    ) -> async_graphql::Result<NotificationPreferencesPayload> {
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let (preferences, user_errors) = match outcome(update(app, viewer, input).await)? {
            Ok(preferences) => (preferences, Vec::new()),
            Err(user_errors) => (of_user(&app.db, viewer.tenant, viewer.user.clone()).await?, user_errors),
        };
        Ok(NotificationPreferencesPayload { preferences: Some(preferences), user_errors })
    }
}
