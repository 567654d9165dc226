//! What a lead says, checked: for createLead and updateLead alike.

use std::{borrow::Cow, sync::LazyLock};

use async_graphql::InputObject;
use regex::Regex;
use serde::Serialize;
use serde_json::Value;

use super::{Contact, Location};
use crate::input::Input;

pub const MAX_TITLE_CHARS: usize = 120;
pub const MAX_DESCRIPTION_CHARS: usize = 3_000;
pub const MAX_CATEGORY_CHARS: usize = 60;
pub const MAX_PLACES: i32 = 1_000;
const MAX_PLACE_CHARS: usize = 100;

/// Where the job is, coarsely. Everyone who sees the lead sees it.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct LocationInput {
    /// The country: 1 to 100 characters. ISO 3166-1 alpha-2 codes are recommended.
    pub country: String,
    /// The province or state: at most 100 characters.
    pub region: Option<String>,
    /// The city or town: at most 100 characters.
    pub city: Option<String>,
    /// The first characters of the postal code: at most 10.
    pub postal_prefix: Option<String>,
}

/// How to reach the customer. `email` or `phone` must be there.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct ContactInput {
    /// Whom to ask for: 1 to 200 characters.
    pub name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// A phone number.
    pub phone: Option<String>,
    /// Where exactly the job is: at most 500 characters.
    pub address: Option<String>,
}

pub fn location(input: &mut Input, given: &LocationInput) -> Location {
    Location {
        country: public_text(input, &["location", "country"], &given.country, MAX_PLACE_CHARS),
        region: optional_public_text(input, &["location", "region"], given.region.as_deref(), MAX_PLACE_CHARS),
        city: optional_public_text(input, &["location", "city"], given.city.as_deref(), MAX_PLACE_CHARS),
        postal_prefix: optional_public_text(input, &["location", "postalPrefix"], given.postal_prefix.as_deref(), 10),
    }
}

pub fn contact(input: &mut Input, given: &ContactInput) -> Contact {
    let contact = Contact {
        name: input.text(&["contact", "name"], &given.name, 200),
        email: input.email(&["contact", "email"], given.email.as_deref()),
        phone: input.phone(&["contact", "phone"], given.phone.as_deref()),
        address: input.optional_text(&["contact", "address"], given.address.as_deref(), 500),
    };
    if contact.email.is_none() && contact.phone.is_none() {
        input.invalid(&["contact"], "A contact needs an e-mail address or a phone number.");
    }
    contact
}

/// A text that everyone will see: it must not give the contact away.
pub fn public_text(input: &mut Input, path: &[&str], text: &str, max: usize) -> String {
    let text = input.text(path, text, max);
    if gives_contact_away(&text) {
        input.invalid(path, GIVEN_AWAY);
    }
    text
}

/// A key may look like a phone number, order numbers do; an e-mail address is no key.
pub fn no_email(input: &mut Input, path: &[&str], text: &str) {
    if EMAIL.is_match(text) {
        input.invalid(path, GIVEN_AWAY);
    }
}

pub fn optional_public_text(input: &mut Input, path: &[&str], text: Option<&str>, max: usize) -> Option<String> {
    let text = text.filter(|text| !text.trim().is_empty())?;
    Some(public_text(input, path, text, max))
}

pub fn attributes(input: &mut Input, attributes: &Value) {
    if input.json_object(&["attributes"], attributes) && texts(attributes).iter().any(|text| gives_contact_away(text)) {
        input.invalid(&["attributes"], GIVEN_AWAY);
    }
}

pub fn max_claims(input: &mut Input, max_claims: i32) {
    if !(1..=MAX_PLACES).contains(&max_claims) {
        input.invalid(&["maxClaims"], format!("maxClaims is from 1 to {MAX_PLACES}."));
    }
}

const GIVEN_AWAY: &str =
    "This looks like an e-mail address or a phone number, which everyone would see: put it into `contact`.";

/// Every text and number of a JSON value, keys included.
fn texts(value: &Value) -> Vec<Cow<'_, str>> {
    match value {
        Value::String(text) => vec![text.into()],
        Value::Number(number) => vec![number.to_string().into()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => {
            fields.iter().flat_map(|(key, value)| std::iter::once(key.into()).chain(texts(value))).collect()
        }
        Value::Bool(_) | Value::Null => Vec::new(),
    }
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| pattern(r"[^\s@]\s?@\s?[^\s@]+\.[^\s@]"));
/// Nine digits or more with at most two separators between each; or a plus and seven.
static PHONE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:\d[\s\p{Pd}\p{Cf}._,()/]{0,2}){8,}\d|\+ ?(?:\d[\s\p{Pd}\p{Cf}._,()/]{0,2}){6,}\d"));
/// Dates and times have as many digits as a phone number, and a right to be there.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?\b",
    )
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

fn gives_contact_away(text: &str) -> bool {
    // Full-width digits and the like are digits too.
    let text = crate::input::normalised(text);
    EMAIL.is_match(&text) || PHONE.is_match(&DATE.replace_all(&text, "; "))
}

/// How a contact's e-mail address and phone number are compared.
pub fn keys(contact: &Contact) -> (Option<String>, Option<String>) {
    let phone = contact.phone.as_ref().map(|phone| phone.chars().filter(char::is_ascii_digit).collect());
    (contact.email.as_deref().map(crate::input::normalised), phone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_details_are_found_and_other_numbers_are_not() {
        for text in [
            "write to casey@example.com",
            "call 082 123 4567 89",
            "call +27 82 123 4567",
            "(021) 555-0123 9",
            "0821-23-4567",
            "082_123_4567 – 9",
            "casey @example.com",
            "０８２１２３４５６７",
        ] {
            assert!(gives_contact_away(text), "{text}");
        }
        for text in [
            "from 2026-11-20 09:00 to 2026-11-21",
            "2026-11-20T09:00:00Z",
            "R 250 000 for 3 units of 120 m2",
            "@home, by 5.30",
            "unit 12, block 7, 8001",
        ] {
            assert!(!gives_contact_away(text), "{text}");
        }
    }
}
