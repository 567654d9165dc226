//! Notifications: what users are told of, and what became of it.
//!
//! A notification lies in one of three folders: the inbox, put off until a moment (it comes back by itself), or the archive.
//! It counts as unread while it is in the inbox and not read; that count is kept beside it (`unread_counts`), exact at every
//! commit, so that no event has to count. The counter's row is also the lock under which a user's notifications change: whoever
//! changes some takes the counters of their recipients first, in the order of the users' ids.
//!
//! `add.rs` writes new ones and the event that tells of them; `change.rs` does everything that happens to them afterwards, one at a
//! time or a hundred thousand.

mod add;
mod announce;
mod change;
mod distribute;
mod edit;
mod events;
mod filter;
pub mod graphql;
mod list;
pub mod loader;
mod news;
mod retain;
mod state;
mod store;

use diesel::{
    deserialize::FromSqlRow,
    expression::AsExpression,
    prelude::{Insertable, Queryable, Selectable},
    sql_types::Text,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    auth::Viewer,
    claims::ClaimId,
    clock::Timestamp,
    db::{self, schema},
    ids::{Id, UserId},
    json::JsonText,
    leads::LeadId,
    matching::MatchTier,
};

pub use announce::{CreateNotificationInput, announce, go_on_announcing};
pub use change::{Affected, NotificationSelector, change, end_snoozes, snooze};
pub use distribute::{distribute, told_up_to};
pub use edit::{UpdateNotificationsInput, edit};
pub use events::NotificationChange;
pub use filter::NotificationFilter;
pub use news::Lane;
pub use retain::retain;
pub use state::{Change, Patch};
pub use store::find_many;

pub type NotificationId = Id<Notification>;

/// What a notification is about.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum NotificationType {
    /// A lead has opened that fits the provider's profile. To providers.
    LeadMatched,
    /// A lead that fits has reached the tenant's `competitiveAt` claims. To providers that have not claimed it, once per lead.
    LeadCompetitive,
    /// All places of a lead that fits are taken. To providers that have not claimed it, once per lead.
    LeadFull,
    /// A claim was made and paid. To its provider.
    ClaimConfirmed,
    /// Somebody has claimed the lead. To its customer.
    LeadClaimed,
    /// The wallet has moved. To its owner.
    BalanceChanged,
    /// The wallet has fallen below the tenant's `lowBalanceThreshold`. To its owner.
    BalanceLow,
    /// Something that the marketplace tells many.
    Announcement,
    /// An integrator's own kind, which its `topic` names.
    Custom,
}
db::text_enum!(NotificationType);

/// How much a notification matters: whether it makes a sound and breaks through quiet hours is for its recipient to say.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum Priority {
    /// Whenever there is time.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// At once.
    High,
}
db::text_enum!(Priority);

/// Where its recipient keeps a notification.
#[derive(
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum Folder {
    Inbox,
    Snoozed,
    Archived,
}
db::text_enum!(Folder);

/// Which notifications a list shows.
#[derive(async_graphql::Enum, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum NotificationView {
    /// Those that are neither put off nor archived.
    #[default]
    Inbox,
    /// Those that are put off and will come back.
    Snoozed,
    /// Those that were put away.
    Archived,
    /// All of them.
    All,
}

impl NotificationView {
    /// The folders that it shows.
    pub fn folders(self) -> &'static [Folder] {
        match self {
            Self::Inbox => &[Folder::Inbox],
            Self::Snoozed => &[Folder::Snoozed],
            Self::Archived => &[Folder::Archived],
            Self::All => &[Folder::Inbox, Folder::Snoozed, Folder::Archived],
        }
    }
}

/// What a user was told of.
#[derive(Queryable, Selectable, Insertable, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[diesel(table_name = schema::notifications)]
pub struct Notification {
    pub id: NotificationId,
    pub recipient_id: UserId,
    #[diesel(column_name = notification_type)]
    pub kind: NotificationType,
    /// The integrator's own kind: of CUSTOM alone.
    pub topic: Option<String>,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub data: Option<JsonText>,
    pub reference: Option<String>,
    /// The lead, claim, ledger entry or announcement that caused it.
    pub subject_id: Id<Uuid>,
    pub lead_id: Option<LeadId>,
    pub claim_id: Option<ClaimId>,
    /// As it was when it was distributed.
    pub lead_match: Option<serde_json::Value>,
    pub tier: Option<MatchTier>,
    pub category: Option<String>,
    pub folder: Folder,
    pub unread: bool,
    pub read_at: Option<Timestamp>,
    pub opened_at: Option<Timestamp>,
    pub archived_at: Option<Timestamp>,
    pub snoozed_until: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Notification {
    /// Its recipient, ADMIN and SERVICE.
    pub fn visible_to(&self, viewer: &Viewer) -> bool {
        viewer.role.is_operator() || viewer.user == self.recipient_id
    }

    /// Characters of a title and of a message.
    pub const MAX_TITLE_CHARS: usize = 200;
    pub const MAX_MESSAGE_CHARS: usize = 2_000;
}
