//! What goes out where, how often, as long as nobody has said otherwise.

use super::{
    Channel::{self, Email, InApp, Push, Sms, Webhook},
    Frequency::{self, Daily, Instant, Off},
};
use crate::notifications::NotificationType::{
    self, Announcement, BalanceChanged, BalanceLow, ClaimConfirmed, Custom, LeadClaimed, LeadCompetitive, LeadFull,
    LeadMatched,
};

/// Every type is named for every channel, so that a new one cannot be forgotten.
#[allow(clippy::match_same_arms, reason = "channel by channel, each line a decision of its own")]
pub fn frequency(kind: NotificationType, channel: Channel) -> Frequency {
    match (channel, kind) {
        // A wallet moves with every claim: its balance is on the screen already.
        (InApp, BalanceChanged) => Off,
        (
            InApp,
            LeadMatched | LeadCompetitive | LeadFull | ClaimConfirmed | LeadClaimed | BalanceLow | Announcement
            | Custom,
        ) => Instant,
        (Email, ClaimConfirmed | LeadClaimed | BalanceLow) => Instant,
        (Email, LeadMatched) => Daily,
        (Email, LeadCompetitive | LeadFull | BalanceChanged | Announcement | Custom) => Off,
        // These cost money or disturb: they are for the tenant or the user to turn on.
        (
            Sms | Push | Webhook,
            LeadMatched | LeadCompetitive | LeadFull | ClaimConfirmed | LeadClaimed | BalanceChanged | BalanceLow
            | Announcement | Custom,
        ) => Off,
    }
}
