//! Which leads a list or a stream shows. The same rule twice: here over a lead in memory (streams), in `store.rs` as SQL
//! (lists); a test holds the two together.

use std::borrow::Cow;

use async_graphql::InputObject;

use super::{Lead, LeadStatus, Urgency};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    error::{Fault, Result},
    ids::UserId,
    input::{check_filter_text, check_search, normalised, search_words},
    json::JsonText,
    matching::{self, MatchTier},
    money::Credits,
    users::Role,
};

/// A top-level attribute and the values it may have.
#[derive(InputObject, Clone, PartialEq, Debug)]
pub struct AttributeFilter {
    /// The attribute's name: a key of the lead's `attributes`.
    pub key: String,
    /// Any of these; numbers and booleans compared as text (`"3"`, `"true"`).
    #[graphql(name = "in")]
    pub any_of: Vec<String>,
}

/// Which leads. What is left out does not matter; what is given must all be true. Of a list any one value.
#[derive(InputObject, Clone, PartialEq, Debug, Default)]
pub struct LeadFilter {
    /// In one of these states.
    pub statuses: Option<Vec<LeadStatus>>,
    /// In one of these categories, written alike.
    pub categories: Option<Vec<String>>,
    /// Of one of these urgencies.
    pub urgencies: Option<Vec<Urgency>>,
    /// In this country, written alike.
    pub country: Option<String>,
    /// In this region, written alike.
    pub region: Option<String>,
    /// In this city, written alike.
    pub city: Option<String>,
    /// Each of these attributes has one of its values.
    pub attributes: Option<Vec<AttributeFilter>>,
    /// Posted by this customer. ADMIN and SERVICE; a CUSTOMER finds only its own. A PROVIDER may not ask: who posts a lead is
    /// part of what it pays for.
    pub customer_id: Option<UserId>,
    /// Matches the viewer with at least this score, 0 to 100, by its profile as it is now. For a PROVIDER only.
    pub min_score: Option<i32>,
    /// Matches the viewer this well, by its profile as it is now. For a PROVIDER only.
    pub tiers: Option<Vec<MatchTier>>,
    /// Costs at most this many credits.
    pub max_price: Option<Credits>,
    /// Can be claimed now (true), or cannot (false).
    pub available: Option<bool>,
    /// The viewer has claimed it (true), refunded or not; or has not (false).
    pub claimed_by_viewer: Option<bool>,
    /// Posted after this moment.
    pub created_after: Option<Timestamp>,
    /// Every one of these words (at most 8) is found in the title or the description, whatever its case.
    pub search: Option<String>,
    /// Test leads (true) or real ones (false).
    #[graphql(default)]
    pub is_test: bool,
}

/// Values that one list of a filter may have.
const MAX_VALUES: usize = 100;

impl LeadFilter {
    /// Refuses what would cost too much.
    pub fn check(&self, viewer: &Viewer) -> Result<()> {
        let refuse = |text: String| Err(Fault::BadUserInput(text).into());
        let attributes = self.attributes.as_deref().unwrap_or_default();
        if self.asks_for_score() && viewer.role != Role::Provider {
            return refuse("`minScore` and `tiers` are for a PROVIDER: nobody else has a profile to match.".to_owned());
        }
        if self.min_score.is_some_and(|score| !(0..=matching::MAX_SCORE).contains(&score)) {
            return refuse(format!("`minScore` is from 0 to {}.", matching::MAX_SCORE));
        }
        let longest = [
            self.statuses.as_ref().map_or(0, Vec::len),
            self.categories.as_ref().map_or(0, Vec::len),
            self.urgencies.as_ref().map_or(0, Vec::len),
            self.tiers.as_ref().map_or(0, Vec::len),
            attributes.len() * 10,
            attributes.iter().map(|attribute| attribute.any_of.len()).max().unwrap_or(0),
        ];
        if longest.into_iter().any(|length| length > MAX_VALUES) {
            return refuse(format!("A filter has at most 10 attributes, and at most {MAX_VALUES} values in a list."));
        }
        if self.customer_id.is_some() && viewer.role == Role::Provider {
            return refuse(
                "`customerId` is not for a PROVIDER: who posts a lead is part of what it pays for.".to_owned(),
            );
        }
        self.texts().try_for_each(check_filter_text)?;
        check_search(self.search.as_deref().unwrap_or_default())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter().flatten();
        let attributes = attributes.flat_map(|attribute| std::iter::once(&attribute.key).chain(&attribute.any_of));
        let places = [&self.country, &self.region, &self.city].into_iter().flatten();
        let texts = self.categories.iter().flatten().chain(places).chain(attributes).map(String::as_str);
        texts.chain(self.customer_id.iter().map(UserId::as_str))
    }

    /// The words of the search, as they are compared.
    pub fn words(&self) -> Vec<String> {
        search_words(self.search.as_deref().unwrap_or_default())
    }

    /// Whether it matters how well a lead matches the viewer.
    pub fn asks_for_score(&self) -> bool {
        self.min_score.is_some() || self.tiers.is_some()
    }

    /// Whether a lead of this score is one of these; `None`: it does not match the viewer at all.
    pub fn takes_score(&self, score: Option<i32>) -> bool {
        let Some(score) = score else { return !self.asks_for_score() };
        self.min_score.is_none_or(|min| score >= min)
            && self.tiers.as_ref().is_none_or(|tiers| tiers.contains(&MatchTier::of(score)))
    }

    /// Whether the lead is one of these, as far as the lead itself tells: `claimed_by_viewer` is for those who know the claims, a
    /// score for those who know the profile ([`Self::takes_score`]).
    pub fn matches(&self, lead: &Lead, now: Timestamp) -> bool {
        fn any_of<T: PartialEq>(wanted: Option<&Vec<T>>, value: &T) -> bool {
            wanted.is_none_or(|wanted| wanted.contains(value))
        }
        fn same(wanted: Option<&str>, value: Option<&str>) -> bool {
            wanted.is_none_or(|wanted| value == Some(wanted))
        }
        self.is_test == lead.is_test
            && any_of(self.statuses.as_ref(), &lead.status)
            && any_of(self.categories.as_ref(), &lead.category)
            && any_of(self.urgencies.as_ref(), &lead.urgency)
            && same(self.country.as_deref(), Some(&lead.location.country))
            && same(self.region.as_deref(), lead.location.region.as_deref())
            && same(self.city.as_deref(), lead.location.city.as_deref())
            && self.attributes_match(lead)
            && self.customer_id.as_ref().is_none_or(|customer| *customer == lead.customer_id)
            && self.max_price.is_none_or(|max| lead.price <= max)
            && self.available.is_none_or(|available| available == lead.available(now))
            && self.created_after.is_none_or(|after| lead.created_at > after)
            && self.search_matches(lead)
    }

    fn attributes_match(&self, lead: &Lead) -> bool {
        let Some(wanted) = &self.attributes else { return true };
        let has: Vec<_> = lead.plain_attributes();
        wanted.iter().all(|wanted| has.iter().any(|(key, value)| *key == wanted.key && wanted.any_of.contains(value)))
    }

    fn search_matches(&self, lead: &Lead) -> bool {
        let words = self.words();
        if words.is_empty() {
            return true;
        }
        let text = lead.search_text();
        words.iter().all(|word| text.contains(word))
    }
}

impl Lead {
    /// What a search looks through.
    pub fn search_text(&self) -> String {
        normalised(&format!("{}\n{}", self.title, self.description))
    }

    /// The top-level attributes that are scalars, as text.
    pub fn plain_attributes(&self) -> Vec<(String, String)> {
        let attributes = self.attributes.as_ref().map(JsonText::value);
        let object = attributes.as_ref().and_then(serde_json::Value::as_object);
        let plain = |(key, value): (&String, _)| Some((key.clone(), scalar_text(value)?.into_owned()));
        object.into_iter().flatten().filter_map(plain).collect()
    }
}

/// A scalar as text; whole numbers without a fraction, however they were written, since the databases write them so.
pub fn scalar_text(value: &serde_json::Value) -> Option<Cow<'_, str>> {
    Some(match value {
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Bool(truth) => if *truth { "true" } else { "false" }.into(),
        serde_json::Value::Number(number) => match number.as_f64() {
            Some(float) if !number.is_i64() && !number.is_u64() && float.fract() == 0.0 => format!("{float:.0}").into(),
            _ => number.to_string().into(),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_compared_as_text() {
        for (json, text) in [("\"a\"", "a"), ("true", "true"), ("3", "3"), ("3.0", "3"), ("1e2", "100"), ("0.5", "0.5")]
        {
            assert_eq!(scalar_text(&serde_json::from_str(json).expect("it is JSON")).as_deref(), Some(text), "{json}");
        }
        for json in ["null", "[1]", "{}"] {
            assert_eq!(scalar_text(&serde_json::from_str(json).expect("it is JSON")), None, "{json}");
        }
    }
}
