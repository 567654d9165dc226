//! What clients send of preferences, checked: for a user's own and for a tenant's defaults alike.

use std::collections::BTreeMap;

use async_graphql::{InputObject, MaybeUndefined};

use super::{Channel, Frequency, Own, Priorities, QuietHours, Rules, TimeOfDay, quiet::time_zone};
use crate::{
    error::{Result, UserError},
    input::Input,
    notifications::{NotificationType, Priority},
};

/// Of a user, and of a tenant: all types on all channels, and many topics.
const MAX_RULES: usize = 200;

/// How often notifications of a type shall go out on a channel.
#[derive(InputObject, Clone, Debug)]
pub struct PreferenceRuleInput {
    /// What the notifications are about.
    #[graphql(name = "type")]
    pub kind: NotificationType,
    /// Only those of this topic, such as `order.status`: 1 to 100 characters, for CUSTOM alone. Left out: those that have no rule
    /// for their topic.
    pub topic: Option<String>,
    /// Where they go.
    pub channel: Channel,
    /// How often; IN_APP takes INSTANT or OFF. It must be sent. Null takes the user's own rule back, so that the default holds
    /// again; a tenant's default cannot be null.
    pub frequency: MaybeUndefined<Frequency>,
}

/// From when to when nothing may disturb, on the clock at the user's wall.
#[derive(InputObject, Clone, Debug)]
pub struct QuietHoursInput {
    /// When they begin: `HH:MM`, from `00:00` to `23:59`, such as `22:00`.
    pub start: String,
    /// When they end: `HH:MM`, another time than `start`. On the next day when it is earlier than that.
    pub end: String,
    /// The user's time zone: a name of the IANA database, such as `Europe/Berlin`, in whatever case.
    pub time_zone: String,
    /// Notifications of these priorities are let through. None when left out or null.
    pub except_priorities: Option<Vec<Priority>>,
}

/// Preferences as they should be. What is left out stays.
#[derive(InputObject, Clone, Debug, Default)]
pub struct NotificationPreferencesInput {
    /// Each replaces the user's own rule of the same type, topic and channel; all others stay. None about the same twice. At most
    /// 200, also together with those that stay. Cannot be null.
    pub rules: MaybeUndefined<Vec<PreferenceRuleInput>>,
    /// Whether notifications make a sound where they are shown. Cannot be null.
    pub sound: MaybeUndefined<bool>,
    /// Which priorities make one: all of them, an empty list for none. Cannot be null.
    pub sound_for_priorities: MaybeUndefined<Vec<Priority>>,
    /// From when to when nothing may disturb, as a whole; null for never.
    pub quiet_hours: MaybeUndefined<QuietHoursInput>,
}

/// A rule that was sent. `None`: the one that is there goes.
#[derive(Clone, Debug)]
struct Change {
    kind: NotificationType,
    topic: Option<String>,
    channel: Channel,
    frequency: Option<Frequency>,
}

/// An input that is in order.
#[derive(Clone, Debug)]
pub struct Changes {
    rules: Vec<Change>,
    sound: Option<bool>,
    sound_for: Option<Priorities>,
    quiet_hours: MaybeUndefined<QuietHours>,
}

impl NotificationPreferencesInput {
    pub(super) fn checked(self) -> Result<Changes> {
        let mut input = Input::default();
        input.never_null(&[
            (&["rules"], self.rules.is_null()),
            (&["sound"], self.sound.is_null()),
            (&["soundForPriorities"], self.sound_for_priorities.is_null()),
        ]);
        let rules = self.rules.value().map_or(&[][..], Vec::as_slice);
        let changes = Changes {
            rules: checked_rules(&mut input, "rules", rules),
            sound: self.sound.take(),
            sound_for: self.sound_for_priorities.take().map(priorities),
            quiet_hours: match &self.quiet_hours {
                MaybeUndefined::Value(given) => {
                    quiet_hours(&mut input, given).map_or(MaybeUndefined::Null, MaybeUndefined::Value)
                }
                MaybeUndefined::Null => MaybeUndefined::Null,
                MaybeUndefined::Undefined => MaybeUndefined::Undefined,
            },
        };
        input.accept()?;
        Ok(changes)
    }
}

impl Changes {
    /// What the user has set after these. Refused when it would be too much.
    pub(super) fn applied_to(self, before: &Own) -> Result<Own, UserError> {
        let mut own = before.clone();
        for Change { kind, topic, channel, frequency } in self.rules {
            own.rules.set((kind, topic.as_deref(), channel), frequency);
        }
        if own.rules.len() > MAX_RULES {
            let message =
                format!("There can be at most {MAX_RULES} rules: take some back by sending null as their frequency.");
            return Err(UserError::invalid(&["rules"], message));
        }
        own.sound = self.sound.unwrap_or(own.sound);
        own.sound_for = self.sound_for.unwrap_or(own.sound_for);
        self.quiet_hours.update_to(&mut own.quiet_hours);
        Ok(own)
    }
}

/// A tenant's defaults as they were sent, all of them.
pub fn default_rules(input: &mut Input, given: &[PreferenceRuleInput]) -> Rules {
    const FIELD: &str = "defaultRules";
    let rules = checked_rules(input, FIELD, given);
    let mut defaults = Rules::default();
    for (at, Change { kind, topic, channel, frequency }) in rules.into_iter().enumerate() {
        if frequency.is_none() {
            input.invalid(
                &[FIELD, &at.to_string(), "frequency"],
                "A default says how often: leave out the rule instead.",
            );
        }
        defaults.set((kind, topic.as_deref(), channel), frequency);
    }
    defaults
}

fn checked_rules(input: &mut Input, field: &str, given: &[PreferenceRuleInput]) -> Vec<Change> {
    if given.len() > MAX_RULES {
        input.invalid(&[field], format!("There can be at most {MAX_RULES} rules."));
        return Vec::new();
    }
    let mut first = BTreeMap::new();
    let mut changes = Vec::new();
    for (at, rule) in given.iter().enumerate() {
        let change = checked_rule(input, field, &at.to_string(), rule);
        let earlier = *first.entry((change.kind, change.topic.clone(), change.channel)).or_insert(at);
        if earlier != at {
            let message =
                format!("This is about the same as number {earlier}: send one rule for each type, topic and channel.");
            input.invalid(&[field, &at.to_string()], message);
        }
        changes.push(change);
    }
    changes
}

fn checked_rule(input: &mut Input, field: &str, at: &str, rule: &PreferenceRuleInput) -> Change {
    let topic = rule.topic.as_deref().map(|given| {
        let path = &[field, at, "topic"];
        let topic = input.topic(path, given);
        if rule.kind != NotificationType::Custom {
            input.invalid(path, "Only CUSTOM notifications have a topic: leave it out.");
        }
        topic
    });
    let path = &[field, at, "frequency"];
    let frequency = rule.frequency.value().copied();
    if rule.frequency.is_undefined() {
        input.invalid(path, "Say how often.");
    } else if rule.channel == Channel::InApp && matches!(frequency, Some(Frequency::Hourly | Frequency::Daily)) {
        input.invalid(path, "IN_APP takes INSTANT or OFF: what is shown in the application is not gathered.");
    }
    Change { kind: rule.kind, topic, channel: rule.channel, frequency }
}

fn priorities(given: Vec<Priority>) -> Priorities {
    Priorities(given.into_iter().collect())
}

/// `None` when something is wrong with them.
fn quiet_hours(input: &mut Input, given: &QuietHoursInput) -> Option<QuietHours> {
    let mut time = |field: &str, text: &str| {
        let time: Option<TimeOfDay> = text.parse().ok();
        if time.is_none() {
            input.invalid(&["quietHours", field], "A time is HH:MM, from 00:00 to 23:59, such as 22:00.");
        }
        time
    };
    let (start, end) = (time("start", &given.start), time("end", &given.end));
    if start.is_some() && start == end {
        let message =
            "Quiet hours end at another time than they begin. To be left alone all day, turn the channels OFF.";
        input.invalid(&["quietHours", "end"], message);
    }
    let zone = time_zone(&given.time_zone);
    if zone.is_none() {
        let message = "There is no such time zone. Expected is a name of the IANA database, such as Europe/Berlin, \
            America/New_York or UTC; not an offset such as +02:00, which knows nothing of daylight saving time.";
        input.invalid(&["quietHours", "timeZone"], message);
    }
    let time_zone = zone?.iana_name().unwrap_or(&given.time_zone).to_owned();
    let except_priorities = priorities(given.except_priorities.clone().unwrap_or_default());
    Some(QuietHours { start: start?, end: end?, time_zone, except_priorities })
}
