//! Notifications: what users are told of, and what became of it.

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde::{Deserialize, Serialize};

use crate::db;

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
