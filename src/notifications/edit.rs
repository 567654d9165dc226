//! New texts, priority or data for notifications that are there: an operator's to give, also to others' notifications.

use async_graphql::{InputObject, Json, MaybeUndefined};

use super::{Affected, Change, Notification, NotificationSelector, Patch, Priority, change};
use crate::{
    app::App,
    auth::Viewer,
    error::{Result, UserError},
    input::Input,
};

/// New texts, priority or data. What is left out stays.
#[derive(InputObject, Clone, Debug)]
pub struct NotificationPatch {
    /// A few words, at most 200 characters.
    pub title: MaybeUndefined<String>,
    /// What it says, at most 2,000 characters.
    pub message: MaybeUndefined<String>,
    /// How much it matters.
    pub priority: MaybeUndefined<Priority>,
    /// An object of at most 16 KiB; null clears it.
    pub data: MaybeUndefined<Json<serde_json::Value>>,
}

/// Which notifications to change, and how.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateNotificationsInput {
    /// Which; also others'.
    pub select: NotificationSelector,
    /// What to change.
    pub patch: NotificationPatch,
}

pub async fn edit(app: &App, viewer: &Viewer, input: UpdateNotificationsInput) -> Result<Affected> {
    if !viewer.role.is_operator() {
        return Err(UserError::forbidden(&[], "Only ADMIN and SERVICE change notifications.").into());
    }
    change(app, viewer, input.select, Change::Edit(check(input.patch)?), None).await
}

fn check(given: NotificationPatch) -> Result<Patch> {
    let mut input = Input::default();
    input.never_null(&[
        (&["patch", "title"], given.title.is_null()),
        (&["patch", "message"], given.message.is_null()),
        (&["patch", "priority"], given.priority.is_null()),
    ]);
    let nothing = given.title.is_undefined() && given.message.is_undefined() && given.priority.is_undefined();
    if nothing && given.data.is_undefined() {
        input.invalid(&["patch"], "Say what to change: title, message, priority or data.");
    }
    let title = given.title.take();
    let title = title.map(|title| input.text(&["patch", "title"], &title, Notification::MAX_TITLE_CHARS));
    let message = given.message.take();
    let message = message.map(|message| input.text(&["patch", "message"], &message, Notification::MAX_MESSAGE_CHARS));
    let data = match given.data {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(Json(data)) => {
            input.json_object(&["patch", "data"], &data);
            Some(Some((&data).into()))
        }
    };
    input.accept()?;
    Ok(Patch { title, message, priority: given.priority.take(), data })
}
