//! A layer of rules: the tenant's defaults, or what a user has set.

use diesel::deserialize::FromSqlRow;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Channel, Frequency, PreferenceRule};
use crate::{db, notifications::NotificationType};

/// Rules, sorted, at most one for each type, topic and channel.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, FromSqlRow)]
#[serde(transparent)]
pub struct Rules(Vec<PreferenceRule>);
db::json_value!(Rules);

/// What a rule is about.
pub type Key<'a> = (NotificationType, Option<&'a str>, Channel);

impl PreferenceRule {
    pub fn key(&self) -> Key<'_> {
        (self.kind, self.topic.as_deref(), self.channel)
    }
}

impl Rules {
    pub fn iter(&self) -> std::slice::Iter<'_, PreferenceRule> {
        self.0.iter()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What this layer says of exactly this; of a topic nothing where it speaks of the type alone.
    pub fn find(&self, kind: NotificationType, topic: Option<&str>, channel: Channel) -> Option<Frequency> {
        let found = self.0.binary_search_by(|rule| rule.key().cmp(&(kind, topic, channel)));
        found.ok().map(|at| self.0[at].frequency)
    }

    /// Says it; `None`: says nothing of it any more.
    pub fn set(&mut self, (kind, topic, channel): Key<'_>, frequency: Option<Frequency>) {
        let found = self.0.binary_search_by(|rule| rule.key().cmp(&(kind, topic, channel)));
        match (found, frequency) {
            (Ok(at), Some(frequency)) => self.0[at].frequency = frequency,
            (Ok(at), None) => drop(self.0.remove(at)),
            (Err(at), Some(frequency)) => {
                self.0.insert(at, PreferenceRule { kind, topic: topic.map(str::to_owned), channel, frequency });
            }
            (Err(_), None) => {}
        }
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = &'a PreferenceRule;
    type IntoIter = std::slice::Iter<'a, PreferenceRule>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<PreferenceRule> for Rules {
    /// Of two about the same the later one counts.
    fn from_iter<I: IntoIterator<Item = PreferenceRule>>(rules: I) -> Self {
        let mut all = Self::default();
        for rule in rules {
            all.set(rule.key(), Some(rule.frequency));
        }
        all
    }
}

impl<'de> Deserialize<'de> for Rules {
    /// What only a newer version knows (a type, a channel) is left out: this one cannot follow it, but it must not fail on it.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rules = Vec::<serde_json::Value>::deserialize(deserializer)?;
        Ok(rules.into_iter().filter_map(|rule| serde_json::from_value::<PreferenceRule>(rule).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_replaces_the_one_about_the_same() {
        let (custom, topic) = (NotificationType::Custom, Some("order"));
        let mut rules = Rules::default();
        for (topic, frequency) in [
            (None, Frequency::Daily),
            (topic, Frequency::Hourly),
            (None, Frequency::Off),
            (Some("a"), Frequency::Instant),
        ] {
            rules.set((custom, topic, Channel::Email), Some(frequency));
        }
        let found = [None, Some("a"), topic, Some("b")].map(|topic| rules.find(custom, topic, Channel::Email));
        assert_eq!(found, [Some(Frequency::Off), Some(Frequency::Instant), Some(Frequency::Hourly), None]);
        rules.set((custom, topic, Channel::Email), None);
        rules.set((custom, topic, Channel::Sms), None);
        assert_eq!(rules.iter().map(|rule| rule.topic.as_deref()).collect::<Vec<_>>(), [None, Some("a")]);
    }

    #[test]
    fn rules_are_kept_as_json_and_unknown_ones_are_passed_over() {
        let known = json!([
            { "type": "LEAD_MATCHED", "channel": "IN_APP", "frequency": "OFF" },
            { "type": "CUSTOM", "topic": "order.status", "channel": "EMAIL", "frequency": "DAILY" },
        ]);
        let rules: Rules = serde_json::from_value(known.clone()).expect("rules");
        assert_eq!(serde_json::to_value(&rules).expect("JSON"), known);

        let mut newer = known.as_array().cloned().unwrap_or_default();
        newer.insert(0, json!({ "type": "LEAD_BOOSTED", "channel": "IN_APP", "frequency": "OFF" }));
        newer.push(json!({ "type": "CUSTOM", "channel": "PIGEON", "frequency": "OFF" }));
        newer.push(json!({ "type": "CUSTOM", "channel": "EMAIL", "frequency": "YEARLY" }));
        assert_eq!(serde_json::from_value::<Rules>(json!(newer)).expect("rules"), rules);
    }
}
