//! A lead for the pure rules, without a server.

use leadcast::{
    clock::Timestamp,
    ids::Id,
    leads::{Lead, LeadStatus, Location, Urgency},
    money::{Amount, Credits},
};
use serde_json::Value;

pub fn lead(category: &str, city: &str, attributes: &Value, budget: Amount) -> Lead {
    Lead {
        id: Id::random(),
        version: 1,
        customer_id: "casey".into(),
        reference: "1".to_owned(),
        is_test: false,
        status: LeadStatus::Open,
        status_reason: None,
        title: "Rewire a kitchen".to_owned(),
        description: "Two rooms, old wiring".to_owned(),
        category: category.to_owned(),
        urgency: Urgency::High,
        location: Location {
            country: "ZA".to_owned(),
            region: Some("Western Cape".to_owned()),
            city: Some(city.to_owned()),
            postal_prefix: None,
        },
        attributes: Some(attributes.into()),
        budget: Some(budget),
        price: Credits::ZERO,
        max_claims: 5,
        claim_count: 0,
        duplicate_of: None,
        created_at: Timestamp::from_micros(0),
        verified_at: None,
        expires_at: None,
    }
}
