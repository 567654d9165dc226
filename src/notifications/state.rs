//! What can happen to a notification, and what it then counts as. Pure.

use super::{Folder, Notification, Priority, events::NotificationChange, filter::State};
use crate::{
    json::JsonText,
    {clock::Timestamp, error::UserError},
};

/// Something to be done to notifications.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    Read,
    Unread,
    Archive,
    Unarchive,
    /// Puts them off until a moment.
    Snooze(Timestamp),
    Unsnooze,
    /// Its recipient followed it.
    Open,
    Edit(Patch),
    Delete,
}

/// New texts, priority or data. What is `None` stays; `Some(None)` clears.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Patch {
    pub title: Option<String>,
    pub message: Option<String>,
    pub priority: Option<Priority>,
    pub data: Option<Option<JsonText>>,
}

/// Puts off until a moment, which must be to come.
pub fn snooze(until: Timestamp, now: Timestamp) -> Result<Change, UserError> {
    if until <= now {
        return Err(UserError::invalid(&["until"], "This must be in the future."));
    }
    if until > LAST {
        return Err(UserError::invalid(&["until"], "This must be before the year 10000."));
    }
    Ok(Change::Snooze(until))
}

/// What both databases can keep.
const LAST: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

impl Change {
    /// Those that it changes. The others are left alone, and not counted as affected.
    pub fn concerns(&self) -> State {
        let everywhere = State::ANY;
        match self {
            Self::Read => State { unread: Some(true), ..everywhere },
            Self::Unread => State { unread: Some(false), ..everywhere },
            Self::Archive | Self::Snooze(_) => State { folders: &[Folder::Inbox, Folder::Snoozed], ..everywhere },
            Self::Unarchive => State { folders: &[Folder::Archived], ..everywhere },
            Self::Unsnooze => State { folders: &[Folder::Snoozed], ..everywhere },
            Self::Open | Self::Edit(_) | Self::Delete => everywhere,
        }
    }

    /// As what it is told.
    pub fn told_as(&self) -> NotificationChange {
        match self {
            Self::Read | Self::Open => NotificationChange::Read,
            Self::Unread => NotificationChange::Unread,
            Self::Archive => NotificationChange::Archived,
            Self::Unarchive => NotificationChange::Unarchived,
            Self::Snooze(_) => NotificationChange::Snoozed,
            Self::Unsnooze => NotificationChange::Unsnoozed,
            Self::Edit(_) => NotificationChange::Edited,
            Self::Delete => NotificationChange::Deleted,
        }
    }

    /// By how much it changes the count of unread notifications, for one that lies in `folder`.
    pub fn weight(&self, folder: Folder, unread: bool) -> i64 {
        i64::from(self.counts_after(folder, unread)) - i64::from(counts(folder, unread))
    }

    fn counts_after(&self, folder: Folder, unread: bool) -> bool {
        match self {
            Self::Read | Self::Open | Self::Delete | Self::Archive | Self::Snooze(_) => false,
            Self::Unread => counts(folder, true),
            Self::Unarchive | Self::Unsnooze => counts(Folder::Inbox, unread),
            Self::Edit(_) => counts(folder, unread),
        }
    }
}

/// Whether a notification counts as unread.
pub fn counts(folder: Folder, unread: bool) -> bool {
    folder == Folder::Inbox && unread
}

impl Notification {
    /// Whether it counts as unread.
    pub fn counts(&self) -> bool {
        counts(self.folder, self.unread)
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    /// The same as [`Change::weight`], from what is written to the row.
    fn row_after(change: &Change, folder: Folder, unread: bool) -> Option<(Folder, bool)> {
        Some(match change {
            Change::Read | Change::Open => (folder, false),
            Change::Unread => (folder, true),
            Change::Archive => (Folder::Archived, unread),
            Change::Unarchive | Change::Unsnooze => (Folder::Inbox, unread),
            Change::Snooze(_) => (Folder::Snoozed, unread),
            Change::Edit(_) => (folder, unread),
            Change::Delete => return None,
        })
    }

    #[test]
    fn a_change_weighs_what_it_does_to_the_count() {
        let moment = Timestamp::from_micros(0);
        for change in [
            Change::Read,
            Change::Unread,
            Change::Archive,
            Change::Unarchive,
            Change::Snooze(moment),
            Change::Unsnooze,
            Change::Open,
            Change::Edit(Patch::default()),
            Change::Delete,
        ] {
            for folder in Folder::VARIANTS {
                for unread in [true, false] {
                    let after =
                        row_after(&change, *folder, unread).is_some_and(|(folder, unread)| counts(folder, unread));
                    let weight = i64::from(after) - i64::from(counts(*folder, unread));
                    assert_eq!(change.weight(*folder, unread), weight, "{change:?} of {folder:?}, unread: {unread}");
                }
            }
        }
    }
}
