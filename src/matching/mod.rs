//! Matching: how well a lead fits what a provider wants, from 0 to 100, and why.
//!
//! A provider's profile says which categories of leads it wants, where it serves, from which budget on, and what else matters
//! to it. A score is a sum of points, each with its reason. It follows from the lead as it is and the profile as it is, and
//! from nothing else: no time, no other providers, no chance. Texts are compared whatever their case ([`crate::input::same`]).
//!
//! | Reason | Points | When |
//! |---|---|---|
//! | CATEGORY | 25 | the lead's category is one of the profile's |
//! | AREA | 45 | a service area names the lead's city |
//! | | 35 | a service area names the lead's region, and no city |
//! | | 20 | a service area names the lead's country alone; or the profile has no service areas: it serves everywhere |
//! | | 0 | the profile has service areas, and the lead is in none of them |
//! | BUDGET | 15 | the lead's budget is at or above the profile's minimum; or the profile has none |
//! | | 5 | the profile has a minimum, and the lead does not say its budget |
//! | | 0 | the lead's budget is below the minimum |
//! | URGENCY | 5, 4, 3, 1 | EMERGENCY, HIGH, NORMAL, LOW |
//! | ATTRIBUTE | 0 to 10 | of the attributes that both have, the share whose values are equal, rounded down |
//!
//! Of several service areas the one with the most points counts. An area covers a lead when all that it names is the same; the
//! region of a city is only compared where both say one. An attribute is one of both when its key is written alike; a list in the profile
//! means any of its values. A reason without points is not told.
//!
//! A provider that does not accept leads, or has no category in common, matches nothing, which is not a score of 0.
//!
//! | Tier | Score | Priority |
//! |---|---|---|
//! | EXCELLENT | 80 and above | HIGH |
//! | GOOD | 60 to 79 | NORMAL |
//! | FAIR | 40 to 59 | NORMAL |
//! | LOW | below 40 | LOW |
//!
//! Test leads have a score like any other: who tells of matches leaves them out.

mod current;
pub mod graphql;
pub mod loader;
mod score;
mod store;
mod update;

use async_graphql::SimpleObject;
use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde::{Deserialize, Serialize};

use crate::{clock::Timestamp, db, ids::UserId, money::Amount, notifications::Priority};

pub use current::{OwnProfile, Profiles};
pub use score::{Scorable, points, score};
pub use store::{candidates, profiles};
pub use update::{ProviderProfileInput, ServiceAreaInput, update};

/// The highest score there is.
pub const MAX_SCORE: i32 = 100;

/// What a provider wants: what matching scores leads against.
#[derive(Clone, PartialEq, Debug)]
pub struct ProviderProfile {
    pub provider_id: UserId,
    /// Rises with every change; 0 while nothing was ever set.
    pub version: i32,
    pub categories: Vec<String>,
    /// None: everywhere.
    pub service_areas: Vec<ServiceArea>,
    pub min_budget: Option<Amount>,
    /// An object whose values are scalars, or lists of scalars: any of them.
    pub attributes: Option<serde_json::Value>,
    pub min_score: i32,
    pub accepting_leads: bool,
    /// Null while nothing was ever set.
    pub updated_at: Option<Timestamp>,
}

impl ProviderProfile {
    /// The profile of a provider that has set nothing: it matches nothing, for want of a category.
    pub fn default_of(provider_id: UserId) -> Self {
        Self {
            provider_id,
            version: 0,
            categories: Vec::new(),
            service_areas: Vec::new(),
            min_budget: None,
            attributes: None,
            min_score: 0,
            accepting_leads: true,
            updated_at: None,
        }
    }

    /// Whether there can be a lead that it matches.
    pub fn matches_anything(&self) -> bool {
        self.accepting_leads && !self.categories.is_empty()
    }
}

/// Where a provider serves: a whole country, a region of it, or a city.
#[derive(SimpleObject, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceArea {
    /// The country, compared with the one of a lead's location whatever its case.
    pub country: String,
    /// The province or state; null: the whole country, or its city of that name wherever it is.
    pub region: Option<String>,
    /// The city or town; null: the whole region, or the whole country.
    pub city: Option<String>,
}

/// How well a lead fits a provider, and why.
#[derive(SimpleObject, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeadMatch {
    /// From 0 to 100: the sum of the reasons' points. At most 25 for the category, 45 for the area, 15 for the budget, 5 for
    /// the urgency, and 10 for attributes.
    pub score: i32,
    /// How good that is, in a word.
    pub tier: MatchTier,
    /// How much a notification of such a match matters: HIGH for EXCELLENT, NORMAL for GOOD and FAIR, LOW for LOW.
    pub priority: Priority,
    /// What the score is made of, at most one of each code, in the order of the codes. What brings no points is not here.
    pub reasons: Vec<MatchReason>,
}

/// A part of a score.
#[derive(SimpleObject, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MatchReason {
    /// What it is about.
    pub code: MatchReasonCode,
    /// How much of the score it is: 1 to 45.
    pub points: i32,
    /// The same for people, in English: "Serves Cape Town".
    pub text: String,
}

/// What a part of a score is about.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MatchReasonCode {
    /// The lead's category is one of the provider's: 25 points. Without it there is no match.
    Category,
    /// The lead is where the provider serves: 45 points for its city, 35 for its region, 20 for its country or for a provider that
    /// serves everywhere.
    Area,
    /// The lead's budget is at or above the provider's minimum, or there is no minimum: 15 points. 5 when the lead does not say.
    Budget,
    /// How soon the customer needs an answer: 5 points for EMERGENCY, 4 for HIGH, 3 for NORMAL, 1 for LOW.
    Urgency,
    /// Of the attributes that the lead and the provider's profile both have, how many have equal values: up to 10 points for
    /// all of them.
    Attribute,
}

/// How good a match is, in a word.
#[derive(
    async_graphql::Enum,
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
pub enum MatchTier {
    /// A score of 80 or more.
    Excellent,
    /// 60 to 79.
    Good,
    /// 40 to 59.
    Fair,
    /// Below 40.
    Low,
}

db::text_enum!(MatchTier);

impl MatchTier {
    pub fn of(score: i32) -> Self {
        match score {
            80.. => Self::Excellent,
            60.. => Self::Good,
            40.. => Self::Fair,
            _ => Self::Low,
        }
    }

    /// How much a notification of such a match matters.
    pub fn priority(self) -> Priority {
        match self {
            Self::Excellent => Priority::High,
            Self::Good | Self::Fair => Priority::Normal,
            Self::Low => Priority::Low,
        }
    }
}
