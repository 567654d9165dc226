//! Preferences: what a user is told of, on which channels, how often, and when not.
//!
//! How often a [`NotificationType`] goes out on a [`Channel`] is decided by the first of these that says so:
//!
//! 1. the user's own rule for the topic, 2. the tenant's for the topic, 3. the user's own for the type, 4. the tenant's for the
//!    type, 5. the built-in default (`defaults.rs`).
//!
//! So what is said of a topic wins over what is said of its type, whoever says it: "no e-mail" for CUSTOM and "at once" for the
//! topic `order.status` are both true, and a list of rules reads the same whichever layer each comes from. Only CUSTOM
//! notifications have topics. Rules are kept sparse: a default that changes reaches everyone who has not said otherwise.
//!
//! Quiet hours (`quiet.rs`) hold back what would disturb; digests (`digest.rs`) gather what comes HOURLY or DAILY.

mod content;
mod defaults;
mod digest;
pub mod graphql;
mod load;
mod quiet;
mod rules;
mod store;
mod update;

use std::collections::BTreeSet;

use diesel::{
    deserialize::FromSqlRow,
    expression::AsExpression,
    prelude::{Queryable, Selectable},
    sql_types::Text,
};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{
    db::{self, schema},
    ids::UserId,
    notifications::{NotificationType, Priority},
};

pub use content::{NotificationPreferencesInput, PreferenceRuleInput, QuietHoursInput, default_rules};
pub use load::{of_user, of_users};
pub use quiet::{QuietHours, TimeOfDay};
pub use rules::Rules;
pub use update::update;

/// A way to reach a user.
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
pub enum Channel {
    /// The user's list of notifications, and its streams. INSTANT or OFF: what is off is not in the list either.
    InApp,
    /// A message to the user's e-mail address.
    Email,
    /// A text message to the user's phone number: a call of the tenant's webhook, for the integrator to send it.
    Sms,
    /// A push message to the user's devices: a call of the tenant's webhook, for the integrator to send it.
    Push,
    /// A call of the tenant's webhook, for the integrator to pass on.
    Webhook,
}
db::text_enum!(Channel);

/// How often something goes out.
#[derive(
    async_graphql::Enum,
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
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Frequency {
    /// At once, each by itself.
    Instant,
    /// Gathered, and sent on the full hour.
    Hourly,
    /// Gathered, and sent at 08:00, in the time zone of the quiet hours, else in UTC.
    Daily,
    /// Never.
    Off,
}

/// How often notifications of a type go out on a channel.
#[derive(async_graphql::SimpleObject, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PreferenceRule {
    /// What the notifications are about.
    #[graphql(name = "type")]
    #[serde(rename = "type")]
    pub kind: NotificationType,
    /// The topic of CUSTOM notifications that this rule is for, such as `order.status`; null: all that have no rule of their own.
    /// A rule for a topic goes before one without, also when the one is the tenant's default and the other the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Where they go.
    pub channel: Channel,
    /// How often.
    pub frequency: Frequency,
}

/// Priorities, each once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, FromSqlRow)]
#[serde(transparent)]
pub struct Priorities(pub BTreeSet<Priority>);
db::json_value!(Priorities);

/// What a user has set.
#[derive(Queryable, Selectable, Clone, PartialEq, Debug)]
#[diesel(table_name = schema::notification_preferences)]
pub struct Own {
    /// How often it was changed; 0 while nothing was set.
    pub version: i32,
    pub rules: Rules,
    pub sound: bool,
    pub sound_for: Priorities,
    pub quiet_hours: Option<QuietHours>,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            version: 0,
            rules: Rules::default(),
            sound: true,
            sound_for: Priorities(BTreeSet::from([Priority::High])),
            quiet_hours: None,
        }
    }
}

/// A user's preferences, over the tenant's defaults, over the built-in ones.
#[derive(Clone, PartialEq, Debug)]
pub struct Preferences {
    pub user: UserId,
    own: Own,
    defaults: Rules,
}

impl Preferences {
    pub fn new(user: UserId, own: Own, defaults: Rules) -> Self {
        Self { user, own, defaults }
    }

    /// How often notifications of `kind` (and of `topic`, which only CUSTOM has) go out on `channel`.
    pub fn frequency(&self, kind: NotificationType, topic: Option<&str>, channel: Channel) -> Frequency {
        let layers = [&self.own.rules, &self.defaults];
        let said = |topic| layers.iter().find_map(|rules| rules.find(kind, topic, channel));
        let of_topic = if topic.is_some() { said(topic) } else { None };
        of_topic.or_else(|| said(None)).unwrap_or_else(|| defaults::frequency(kind, channel))
    }

    /// Whether a notification of this priority makes a sound where it is shown.
    pub fn sounds(&self, priority: Priority) -> bool {
        self.own.sound && self.own.sound_for.0.contains(&priority)
    }

    pub fn quiet_hours(&self) -> Option<&QuietHours> {
        self.own.quiet_hours.as_ref()
    }

    /// A rule for every type and channel, and one for every topic and channel that the user or the tenant has set: by type, then
    /// topic (those without first), then channel.
    pub fn rules(&self) -> Vec<PreferenceRule> {
        let all =
            NotificationType::VARIANTS.iter().flat_map(|kind| Channel::VARIANTS.iter().map(|to| (*kind, None, *to)));
        let set = self.own.rules.iter().chain(self.defaults.iter());
        let set = set.map(|rule| (rule.kind, rule.topic.as_deref(), rule.channel));
        let keys: BTreeSet<_> = all.chain(set).collect();
        let rule = |(kind, topic, channel): (_, Option<&str>, _)| PreferenceRule {
            kind,
            topic: topic.map(str::to_owned),
            channel,
            frequency: self.frequency(kind, topic, channel),
        };
        keys.into_iter().map(rule).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [NotificationType; 2] = [NotificationType::Custom, NotificationType::LeadMatched];

    fn rules(rules: &[(NotificationType, Option<&str>, Frequency)]) -> Rules {
        let rule = |&(kind, topic, frequency): &(NotificationType, Option<&str>, Frequency)| PreferenceRule {
            kind,
            topic: topic.map(str::to_owned),
            channel: Channel::Email,
            frequency,
        };
        rules.iter().map(rule).collect()
    }

    fn preferences(own: Rules, defaults: Rules) -> Preferences {
        Preferences::new("ann".into(), Own { rules: own, ..Own::default() }, defaults)
    }

    #[test]
    fn the_nearest_layer_decides_and_a_topic_before_its_type() {
        use Frequency::{Daily, Hourly, Instant, Off};
        let [custom, matched] = KINDS;
        let topic = Some("order.status");
        // The tenant's rules, the user's own, and what comes of CUSTOM with the topic, with another, and without one.
        for (defaults, own, expected) in [
            (vec![], vec![], [Off, Off, Off]),
            (vec![(custom, None, Daily)], vec![], [Daily, Daily, Daily]),
            (vec![(custom, topic, Hourly)], vec![], [Hourly, Off, Off]),
            (vec![], vec![(custom, topic, Hourly)], [Hourly, Off, Off]),
            (vec![(custom, None, Daily)], vec![(custom, None, Instant)], [Instant, Instant, Instant]),
            (vec![(custom, None, Daily)], vec![(custom, topic, Instant)], [Instant, Daily, Daily]),
            (vec![(custom, topic, Daily)], vec![(custom, topic, Instant)], [Instant, Off, Off]),
            // The tenant's word on the topic goes before the user's on the type.
            (vec![(custom, topic, Daily)], vec![(custom, None, Instant)], [Daily, Instant, Instant]),
            (vec![(custom, topic, Daily), (custom, None, Hourly)], vec![(custom, None, Off)], [Daily, Off, Off]),
            (vec![(matched, None, Off)], vec![(matched, None, Hourly)], [Off, Off, Off]),
        ] {
            let found = preferences(rules(&own), rules(&defaults));
            let asked = [topic, Some("order"), None].map(|topic| found.frequency(custom, topic, Channel::Email));
            assert_eq!(asked, expected, "{own:?} over {defaults:?}");
            // Another channel is another matter.
            assert_eq!(found.frequency(custom, topic, Channel::Sms), Off);
        }
    }

    #[test]
    fn every_type_and_channel_is_listed_and_every_topic_that_was_set() {
        let [custom, matched] = KINDS;
        let own = rules(&[(custom, Some("b"), Frequency::Daily), (matched, None, Frequency::Off)]);
        let defaults = rules(&[(custom, Some("a"), Frequency::Hourly), (custom, Some("b"), Frequency::Off)]);
        let found = preferences(own, defaults);
        let listed = found.rules();
        assert_eq!(listed.len(), NotificationType::VARIANTS.len() * Channel::VARIANTS.len() + 2);
        for rule in &listed {
            assert_eq!(rule.frequency, found.frequency(rule.kind, rule.topic.as_deref(), rule.channel));
        }
        let topics: Vec<_> = listed.iter().filter_map(|rule| Some((rule.topic.as_deref()?, rule.frequency))).collect();
        assert_eq!(topics, [("a", Frequency::Hourly), ("b", Frequency::Daily)]);
        let sorted: Vec<_> = listed.iter().map(|rule| (rule.kind, rule.topic.clone(), rule.channel)).collect();
        assert!(sorted.is_sorted(), "{sorted:?}");
    }

    #[test]
    fn a_sound_is_for_its_priorities_unless_it_is_off() {
        let sounds = |own: Own| {
            let found = Preferences::new("ann".into(), own, Rules::default());
            [Priority::Low, Priority::Normal, Priority::High].map(|priority| found.sounds(priority))
        };
        assert_eq!(sounds(Own::default()), [false, false, true]);
        let two = Priorities(BTreeSet::from([Priority::Low, Priority::Normal]));
        assert_eq!(sounds(Own { sound_for: two, ..Own::default() }), [true, true, false]);
        assert_eq!(sounds(Own { sound: false, ..Own::default() }), [false, false, false]);
    }
}
