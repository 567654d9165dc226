//! The scoring, as pure functions. The table in the module's doc says the same in words.

use std::fmt;

use serde_json::Value;

use super::{LeadMatch, MatchReason, MatchReasonCode, MatchTier, ProviderProfile, ServiceArea};
use crate::{
    input::same,
    json::JsonText,
    leads::{Lead, Location, Urgency, scalar_text},
    money::Amount,
};

const CATEGORY: i32 = 25;
const CITY: i32 = 45;
const REGION: i32 = 35;
const COUNTRY: i32 = 20;
/// Of a profile without service areas.
const EVERYWHERE: i32 = 20;
const BUDGET: i32 = 15;
const BUDGET_UNSAID: i32 = 5;
const ATTRIBUTES: i32 = 10;

/// What is looked at of a lead.
#[derive(Clone, Debug)]
pub struct Scorable<'a> {
    pub category: &'a str,
    pub urgency: Urgency,
    pub location: &'a Location,
    pub attributes: Option<Value>,
    pub budget: Option<Amount>,
}

impl<'a> From<&'a Lead> for Scorable<'a> {
    fn from(lead: &'a Lead) -> Self {
        Self {
            category: &lead.category,
            urgency: lead.urgency,
            location: &lead.location,
            attributes: lead.attributes.as_ref().map(JsonText::value),
            budget: lead.budget,
        }
    }
}

/// A part of a score, and why it is what it is.
struct Part<'a>(i32, Why<'a>);

enum Why<'a> {
    Category(&'a str),
    Serves(&'a str),
    Everywhere,
    Elsewhere,
    EnoughBudget,
    AnyBudget,
    BudgetUnsaid,
    TooLittleBudget,
    Urgency(Urgency),
    /// How many have equal values, of how many.
    Attributes(i32, i32),
}

/// How well the lead fits what the provider wants; `None` when it does not accept leads or has no category in common with it.
pub fn score(lead: &Scorable<'_>, profile: &ProviderProfile) -> Option<LeadMatch> {
    let parts = parts(lead, profile)?;
    let score = sum(&parts);
    let tier = MatchTier::of(score);
    let reasons = parts.iter().filter(|part| part.0 > 0).map(Part::reason).collect();
    Some(LeadMatch { score, tier, priority: tier.priority(), reasons })
}

/// The score alone: the same as [`score`], for those who ask it of many leads.
pub fn points(lead: &Scorable<'_>, profile: &ProviderProfile) -> Option<i32> {
    Some(sum(&parts(lead, profile)?))
}

fn sum(parts: &[Part<'_>]) -> i32 {
    parts.iter().map(|part| part.0).sum()
}

fn parts<'a>(lead: &Scorable<'a>, profile: &ProviderProfile) -> Option<[Part<'a>; 5]> {
    let wanted = profile.accepting_leads && profile.categories.iter().any(|category| same(category, lead.category));
    wanted.then(|| {
        [
            Part(CATEGORY, Why::Category(lead.category)),
            area(lead.location, &profile.service_areas),
            budget(lead.budget, profile.min_budget),
            urgency(lead.urgency),
            attributes(lead.attributes.as_ref(), profile.attributes.as_ref()),
        ]
    })
}

fn area<'a>(location: &'a Location, areas: &[ServiceArea]) -> Part<'a> {
    if areas.is_empty() {
        return Part(EVERYWHERE, Why::Everywhere);
    }
    let covering = areas.iter().filter_map(|area| covers(area, location));
    covering.max_by_key(|part| part.0).unwrap_or(Part(0, Why::Elsewhere))
}

fn covers<'a>(area: &ServiceArea, location: &'a Location) -> Option<Part<'a>> {
    if !same(&area.country, &location.country) {
        return None;
    }
    let region = area.region.as_deref().map(|region| (region, location.region.as_deref()));
    let Some(city) = &area.city else {
        return match region {
            None => Some(Part(COUNTRY, Why::Serves(&location.country))),
            Some((region, Some(said))) => same(region, said).then_some(Part(REGION, Why::Serves(said))),
            Some((_, None)) => None,
        };
    };
    let said = location.city.as_deref().filter(|said| same(city, said))?;
    let elsewhere = matches!(region, Some((region, Some(said))) if !same(region, said));
    (!elsewhere).then_some(Part(CITY, Why::Serves(said)))
}

fn budget(budget: Option<Amount>, min: Option<Amount>) -> Part<'static> {
    match (budget, min) {
        (_, None) => Part(BUDGET, Why::AnyBudget),
        (None, Some(_)) => Part(BUDGET_UNSAID, Why::BudgetUnsaid),
        (Some(budget), Some(min)) if budget >= min => Part(BUDGET, Why::EnoughBudget),
        (Some(_), Some(_)) => Part(0, Why::TooLittleBudget),
    }
}

fn urgency(urgency: Urgency) -> Part<'static> {
    let points = match urgency {
        Urgency::Emergency => 5,
        Urgency::High => 4,
        Urgency::Normal => 3,
        Urgency::Low => 1,
    };
    Part(points, Why::Urgency(urgency))
}

fn attributes(lead: Option<&Value>, profile: Option<&Value>) -> Part<'static> {
    let (mut equal, mut shared) = (0, 0);
    for (key, wanted) in profile.and_then(Value::as_object).into_iter().flatten() {
        if let Some(has) = lead.and_then(|lead| lead.get(key)).and_then(scalar_text) {
            shared += 1;
            equal += i32::from(is_one_of(&has, wanted));
        }
    }
    Part(if shared == 0 { 0 } else { ATTRIBUTES * equal / shared }, Why::Attributes(equal, shared))
}

fn is_one_of(has: &str, wanted: &Value) -> bool {
    let wanted = wanted.as_array().map_or(std::slice::from_ref(wanted), Vec::as_slice);
    wanted.iter().filter_map(scalar_text).any(|wanted| same(&wanted, has))
}

impl Part<'_> {
    fn reason(&self) -> MatchReason {
        MatchReason { code: self.1.code(), points: self.0, text: self.1.to_string() }
    }
}

impl Why<'_> {
    fn code(&self) -> MatchReasonCode {
        match self {
            Self::Category(_) => MatchReasonCode::Category,
            Self::Serves(_) | Self::Everywhere | Self::Elsewhere => MatchReasonCode::Area,
            Self::EnoughBudget | Self::AnyBudget | Self::BudgetUnsaid | Self::TooLittleBudget => {
                MatchReasonCode::Budget
            }
            Self::Urgency(_) => MatchReasonCode::Urgency,
            Self::Attributes(..) => MatchReasonCode::Attribute,
        }
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Category(category) => write!(f, "Wants {category}"),
            Self::Serves(place) => write!(f, "Serves {place}"),
            Self::Everywhere => f.write_str("Serves everywhere"),
            Self::Elsewhere => f.write_str("Does not serve there"),
            Self::EnoughBudget => f.write_str("Enough budget"),
            Self::AnyBudget => f.write_str("Any budget will do"),
            Self::BudgetUnsaid => f.write_str("The budget is not said"),
            Self::TooLittleBudget => f.write_str("Too little budget"),
            Self::Urgency(Urgency::Emergency) => f.write_str("An emergency"),
            Self::Urgency(Urgency::High) => f.write_str("Urgent"),
            Self::Urgency(Urgency::Normal) => f.write_str("Not urgent"),
            Self::Urgency(Urgency::Low) => f.write_str("Whenever it suits"),
            Self::Attributes(equal, shared) => write!(f, "{equal} of {shared} attributes alike"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Timestamp, ids::Id, leads::LeadStatus, money::Credits, notifications::Priority};

    fn lead(change: impl FnOnce(&mut Lead)) -> Lead {
        let mut lead = Lead {
            id: Id::random(),
            version: 1,
            customer_id: "casey".into(),
            reference: "1".to_owned(),
            is_test: false,
            status: LeadStatus::Open,
            status_reason: None,
            title: String::new(),
            description: String::new(),
            category: "Electrical".to_owned(),
            urgency: Urgency::Normal,
            location: place("ZA", Some("Western Cape"), Some("Cape Town")),
            attributes: None,
            budget: None,
            price: Credits::ZERO,
            max_claims: 1,
            claim_count: 0,
            duplicate_of: None,
            created_at: Timestamp::from_micros(0),
            verified_at: None,
            expires_at: None,
        };
        change(&mut lead);
        lead
    }

    fn place(country: &str, region: Option<&str>, city: Option<&str>) -> Location {
        Location {
            country: country.to_owned(),
            region: region.map(str::to_owned),
            city: city.map(str::to_owned),
            postal_prefix: None,
        }
    }

    fn area((country, region, city): Place) -> ServiceArea {
        ServiceArea { country: country.to_owned(), region: region.map(str::to_owned), city: city.map(str::to_owned) }
    }

    type Place = (&'static str, Option<&'static str>, Option<&'static str>);

    fn profile(change: impl FnOnce(&mut ProviderProfile)) -> ProviderProfile {
        let mut profile = ProviderProfile::default_of("pat".into());
        profile.categories = vec!["Plumbing".to_owned(), "Electrical".to_owned()];
        change(&mut profile);
        profile
    }

    /// The points of one reason; 0 when it is not there.
    fn of(code: MatchReasonCode, lead: &Lead, profile: &ProviderProfile) -> i32 {
        let found = score(&lead.into(), profile).expect("a match");
        found.reasons.iter().find(|reason| reason.code == code).map_or(0, |reason| reason.points)
    }

    #[test]
    fn without_a_category_in_common_or_leads_accepted_there_is_no_match() {
        for (category, categories, accepts, matches) in [
            ("Electrical", &["Electrical"][..], true, true),
            ("ELECTRICAL", &["Plumbing", "electrical"], true, true),
            ("Straßenbau", &["STRASSENBAU"], true, true),
            ("ＦＵＬＬ", &["full"], true, true),
            ("Electrical", &["Electrical"], false, false),
            ("Electrical", &["Electric", "Electrical work"], true, false),
            ("Electrical", &[], true, false),
        ] {
            let lead = lead(|lead| category.clone_into(&mut lead.category));
            let profile = profile(|profile| {
                profile.categories = categories.iter().map(|&category| category.to_owned()).collect();
                profile.accepting_leads = accepts;
            });
            assert_eq!(score(&(&lead).into(), &profile).is_some(), matches, "{category} {categories:?} {accepts}");
            if matches {
                assert_eq!(of(MatchReasonCode::Category, &lead, &profile), 25);
            }
        }
    }

    #[test]
    #[rustfmt::skip]
    fn the_narrower_the_area_the_more_points() {
        const HERE: Place = ("ZA", Some("Western Cape"), Some("Cape Town"));
        for (of_lead, areas, expected) in [
            (HERE, &[][..], 20),
            (HERE, &[("ZA", None, None)], 20),
            (HERE, &[("ZA", Some("Western Cape"), None)], 35),
            (HERE, &[("ZA", Some("Western Cape"), Some("Cape Town"))], 45),
            (HERE, &[("za", Some("WESTERN cape"), Some("cape TOWN"))], 45),
            // A city without its region; a lead without one.
            (HERE, &[("ZA", None, Some("Cape Town"))], 45),
            (("ZA", None, Some("Cape Town")), &[("ZA", Some("Western Cape"), Some("Cape Town"))], 45),
            // The best of several.
            (HERE, &[("ZA", None, None), ("ZA", None, Some("Cape Town")), ("ZA", Some("Western Cape"), None)], 45),
            (HERE, &[("ZA", Some("Gauteng"), None), ("ZA", None, None)], 20),
            // Elsewhere.
            (HERE, &[("CH", None, None)], 0),
            (HERE, &[("CH", Some("Western Cape"), Some("Cape Town"))], 0),
            (HERE, &[("ZA", Some("Gauteng"), None)], 0),
            (HERE, &[("ZA", Some("Gauteng"), Some("Cape Town"))], 0),
            (HERE, &[("ZA", None, Some("Paarl")), ("ZA", Some("Western Cape"), Some("Paarl"))], 0),
            // The lead does not say.
            (("ZA", None, None), &[("ZA", Some("Western Cape"), None)], 0),
            (("ZA", Some("Western Cape"), None), &[("ZA", Some("Western Cape"), Some("Cape Town"))], 0),
        ] {
            let lead = lead(|lead| lead.location = place(of_lead.0, of_lead.1, of_lead.2));
            let profile = profile(|profile| profile.service_areas = areas.iter().copied().map(area).collect());
            assert_eq!(of(MatchReasonCode::Area, &lead, &profile), expected, "{of_lead:?} in {areas:?}");
        }
    }

    #[test]
    fn a_budget_reaches_the_minimum_or_does_not() {
        for (budget, min, expected) in [
            (None, None, 15),
            (Some(0), None, 15),
            (Some(100), Some(100), 15),
            (Some(101), Some(100), 15),
            (Some(99), Some(100), 0),
            (None, Some(100), 5),
            (None, Some(0), 5),
        ] {
            let lead = lead(|lead| lead.budget = budget.map(Amount));
            let profile = profile(|profile| profile.min_budget = min.map(Amount));
            assert_eq!(of(MatchReasonCode::Budget, &lead, &profile), expected, "{budget:?} of {min:?}");
        }
    }

    #[test]
    fn the_sooner_the_more_points() {
        for (urgency, expected) in
            [(Urgency::Low, 1), (Urgency::Normal, 3), (Urgency::High, 4), (Urgency::Emergency, 5)]
        {
            let lead = lead(|lead| lead.urgency = urgency);
            assert_eq!(of(MatchReasonCode::Urgency, &lead, &profile(|_| {})), expected);
        }
    }

    #[test]
    fn shared_attributes_count_when_their_values_are_equal() {
        for (of_lead, of_profile, expected) in [
            (json!(null), json!(null), 0),
            (json!({ "rooms": 3 }), json!(null), 0),
            (json!(null), json!({ "rooms": 3 }), 0),
            (json!({ "rooms": 3 }), json!({ "kind": "flat" }), 0),
            (json!({ "rooms": 3 }), json!({ "rooms": 3 }), 10),
            (json!({ "rooms": 3 }), json!({ "rooms": "3" }), 10),
            (json!({ "rooms": 3.0 }), json!({ "rooms": 3 }), 10),
            (json!({ "rooms": 4 }), json!({ "rooms": 3 }), 0),
            (json!({ "Rooms": 3 }), json!({ "rooms": 3 }), 0),
            (json!({ "kind": "FLAT" }), json!({ "kind": "flat" }), 10),
            (json!({ "kind": "flat" }), json!({ "kind": ["house", "Flat"] }), 10),
            (json!({ "kind": "shed" }), json!({ "kind": ["house", "flat"] }), 0),
            (json!({ "kind": "flat" }), json!({ "kind": [] }), 0),
            (json!({ "kind": ["flat"] }), json!({ "kind": "flat" }), 0),
            // Only what both have counts.
            (json!({ "a": 1, "b": 2, "c": 3 }), json!({ "a": 1, "b": 3, "d": 4 }), 5),
            (json!({ "a": 1, "b": 2, "c": 3 }), json!({ "a": 1, "b": 2, "c": 4 }), 6),
        ] {
            let lead =
                lead(|lead| lead.attributes = Some(&of_lead).filter(|value| !value.is_null()).map(JsonText::from));
            let profile =
                profile(|profile| profile.attributes = Some(of_profile.clone()).filter(|value| !value.is_null()));
            assert_eq!(of(MatchReasonCode::Attribute, &lead, &profile), expected, "{of_lead} and {of_profile}");
        }
    }

    #[test]
    fn a_score_is_the_sum_of_its_reasons_and_has_a_tier() {
        let best = lead(|lead| {
            lead.urgency = Urgency::Emergency;
            lead.budget = Some(Amount(5));
            lead.attributes = Some((&json!({ "rooms": 3 })).into());
        });
        let wants = profile(|profile| {
            profile.service_areas = vec![area(("ZA", None, Some("Cape Town")))];
            profile.min_budget = Some(Amount(5));
            profile.attributes = Some(json!({ "rooms": 3 }));
        });
        let found = score(&(&best).into(), &wants).expect("a match");
        assert_eq!((found.score, found.tier, found.priority), (100, MatchTier::Excellent, Priority::High));
        let told: Vec<_> = found.reasons.iter().map(|reason| (reason.points, reason.text.as_str())).collect();
        let expected = [
            (25, "Wants Electrical"),
            (45, "Serves Cape Town"),
            (15, "Enough budget"),
            (5, "An emergency"),
            (10, "1 of 1 attributes alike"),
        ];
        assert_eq!(told, expected);

        let poor = lead(|lead| {
            lead.urgency = Urgency::Low;
            lead.location = place("CH", None, None);
            lead.budget = Some(Amount(4));
        });
        let found = score(&(&poor).into(), &wants).expect("a match");
        assert_eq!((found.score, found.tier, found.priority), (26, MatchTier::Low, Priority::Low));
        assert_eq!(found.reasons.len(), 2, "{found:?}");
        for (lead, profile) in [(&best, &wants), (&poor, &wants), (&best, &profile(|_| {}))] {
            let found = score(&lead.into(), profile).expect("a match");
            assert_eq!(found.score, found.reasons.iter().map(|reason| reason.points).sum::<i32>());
            assert_eq!(points(&lead.into(), profile), Some(found.score));
            let stored = serde_json::to_value(&found).expect("JSON");
            assert_eq!(serde_json::from_value::<LeadMatch>(stored).expect("the same"), found);
        }
    }

    #[test]
    fn tiers_have_bounds() {
        for (score, tier, priority) in [
            (100, MatchTier::Excellent, Priority::High),
            (80, MatchTier::Excellent, Priority::High),
            (79, MatchTier::Good, Priority::Normal),
            (60, MatchTier::Good, Priority::Normal),
            (59, MatchTier::Fair, Priority::Normal),
            (40, MatchTier::Fair, Priority::Normal),
            (39, MatchTier::Low, Priority::Low),
            (0, MatchTier::Low, Priority::Low),
        ] {
            assert_eq!((MatchTier::of(score), MatchTier::of(score).priority()), (tier, priority), "{score}");
        }
    }
}
