//! updateLead: the customer corrects its lead; an operator also changes its terms.

use async_graphql::{InputObject, Json, MaybeUndefined};

use super::{
    Contact, Lead, LeadChange, LeadId, LeadStatus, Urgency, change,
    content::{self, ContactInput, LocationInput},
    events::updated,
    store,
};
use crate::{
    app::App,
    auth::Viewer,
    claims,
    clock::Timestamp,
    db::Tx,
    error::{ErrorCode, Result, UserError},
    events::{self, NewEvent},
    ids::TenantId,
    input::Input,
    json::JsonText,
    money::{Amount, Credits},
    users::Role,
};

/// A lead as it should be. What is left out stays; null clears `attributes` and `budget`.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateLeadInput {
    /// The lead's id.
    pub id: LeadId,
    /// Refuse with STALE_VERSION if the lead is not at this version.
    pub expected_version: Option<i32>,
    /// What is wanted, in a line: 1 to 120 characters, without contact details.
    pub title: MaybeUndefined<String>,
    /// What is wanted, in full: 1 to 3,000 characters, without contact details.
    pub description: MaybeUndefined<String>,
    /// The trade: 1 to 60 characters.
    pub category: MaybeUndefined<String>,
    /// How soon.
    pub urgency: MaybeUndefined<Urgency>,
    /// Where, coarsely: replaces the whole location.
    pub location: MaybeUndefined<LocationInput>,
    /// How to reach the customer: replaces the whole contact.
    pub contact: MaybeUndefined<ContactInput>,
    /// Domain extras as a JSON object: replaces all of them.
    pub attributes: MaybeUndefined<Json<serde_json::Value>>,
    /// What the customer would spend, in minor units of the tenant's currency.
    pub budget: MaybeUndefined<Amount>,
    /// When it expires. On an opened lead a moment in the future; on an expired one this opens it again, and only ADMIN and
    /// SERVICE may.
    pub expires_at: MaybeUndefined<Timestamp>,
    /// What later claims cost, in credits. ADMIN and SERVICE.
    pub price: MaybeUndefined<Credits>,
    /// How many providers may claim it: 1 to 1,000, not below those who have. ADMIN and SERVICE.
    pub max_claims: MaybeUndefined<i32>,
}

/// Its customer, ADMIN and SERVICE. Returns the lead and whether it was so already.
pub async fn update(app: &App, viewer: &Viewer, input: UpdateLeadInput) -> Result<(Lead, bool)> {
    if viewer.role == Role::Provider {
        return Err(UserError::forbidden(&[], "A lead is changed by its CUSTOMER, ADMIN or SERVICE.").into());
    }
    let edit = check(viewer, &input)?;
    let (viewer, clock) = (viewer.clone(), app.clock.clone());
    let tenant = viewer.tenant;
    app.db
        .write(tenant, async move |tx| {
            let found = change::lock(tenant, tx, input.id).await?.filter(|lead| lead.visible_to(&viewer));
            let before = found.ok_or_else(|| UserError::not_found(&["id"], "lead"))?;
            let now = clock.now();
            before.editable()?;
            check_version(&before, input.expected_version)?;
            let mut lead = before.clone();
            edit.apply_to(&mut lead);
            apply_terms(&mut lead, &input, &viewer, now)?;
            let contact_changed = match &edit.contact {
                Some(contact) => store::find_contact(tenant, tx, lead.id).await?.as_ref() != Some(contact),
                None => false,
            };
            if lead == before && !contact_changed {
                return Ok((lead, true));
            }
            change::save(tenant, tx, &mut lead).await?;
            if lead.attributes != before.attributes {
                store::replace_attributes(tenant, tx, &lead).await?;
            }
            if let Some(contact) = edit.contact.as_ref().filter(|_| contact_changed) {
                store::save_contact(tenant, tx, lead.id, contact).await?;
            }
            let facts = facts(tenant, tx, &before, &lead, contact_changed).await?;
            events::append(tenant, tx, now, facts).await?;
            Ok((lead, false))
        })
        .await
}

/// What an accepted input changes in what the lead says.
#[derive(Clone)]
struct Edit {
    title: Option<String>,
    description: Option<String>,
    category: Option<String>,
    urgency: Option<Urgency>,
    location: Option<super::Location>,
    contact: Option<Contact>,
    attributes: MaybeUndefined<JsonText>,
    budget: MaybeUndefined<Amount>,
}

impl Edit {
    fn apply_to(&self, lead: &mut Lead) {
        fn set<T: Clone>(field: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                field.clone_from(value);
            }
        }
        set(&mut lead.title, self.title.as_ref());
        set(&mut lead.description, self.description.as_ref());
        set(&mut lead.category, self.category.as_ref());
        set(&mut lead.urgency, self.urgency.as_ref());
        set(&mut lead.location, self.location.as_ref());
        self.attributes.clone().update_to(&mut lead.attributes);
        self.budget.update_to(&mut lead.budget);
    }
}

fn check(viewer: &Viewer, given: &UpdateLeadInput) -> Result<Edit> {
    let mut input = Input::default();
    input.never_null(&[
        (&["title"], given.title.is_null()),
        (&["description"], given.description.is_null()),
        (&["category"], given.category.is_null()),
        (&["urgency"], given.urgency.is_null()),
        (&["location"], given.location.is_null()),
        (&["contact"], given.contact.is_null()),
        (&["price"], given.price.is_null()),
        (&["maxClaims"], given.max_claims.is_null()),
    ]);
    if !viewer.role.is_operator() {
        input.operators_alone(&[
            ("price", !given.price.is_undefined()),
            ("maxClaims", !given.max_claims.is_undefined()),
        ]);
    }
    if let Some(price) = given.price.value() {
        input.credits(&["price"], *price);
    }
    if let Some(max_claims) = given.max_claims.value() {
        content::max_claims(&mut input, *max_claims);
    }
    if let Some(budget) = given.budget.value() {
        input.amount(&["budget"], *budget);
    }
    if let Some(attributes) = given.attributes.value() {
        content::attributes(&mut input, attributes);
    }
    let edit = Edit {
        title: given
            .title
            .value()
            .map(|title| content::public_text(&mut input, &["title"], title, content::MAX_TITLE_CHARS)),
        description: given.description.value().map(|description| {
            content::public_text(&mut input, &["description"], description, content::MAX_DESCRIPTION_CHARS)
        }),
        category: given
            .category
            .value()
            .map(|category| content::public_text(&mut input, &["category"], category, content::MAX_CATEGORY_CHARS)),
        urgency: given.urgency.value().copied(),
        location: given.location.value().map(|location| content::location(&mut input, location)),
        contact: given.contact.value().map(|contact| content::contact(&mut input, contact)),
        attributes: given.attributes.clone().map_value(|json| (&json.0).into()),
        budget: given.budget,
    };
    input.accept()?;
    Ok(edit)
}

/// Price, places and expiry, as the table of states allows.
fn apply_terms(lead: &mut Lead, input: &UpdateLeadInput, viewer: &Viewer, now: Timestamp) -> Result<()> {
    if let Some(price) = input.price.value() {
        if lead.is_test && *price != Credits::ZERO {
            return Err(UserError::invalid(&["price"], "A test lead costs 0.").into());
        }
        lead.price = *price;
    }
    if let Some(max_claims) = input.max_claims.value() {
        lead.set_max_claims(*max_claims, now)?;
    }
    if let Some(expires_at) = input.expires_at.as_opt_ref().map(Option::<&Timestamp>::copied)
        && expires_at != lead.expires_at
    {
        if lead.status_at(now) == LeadStatus::Expired && !viewer.role.is_operator() {
            return Err(UserError::forbidden(
                &["expiresAt"],
                "An expired lead is opened again by ADMIN and SERVICE only.",
            )
            .into());
        }
        lead.set_expires_at(expires_at, now)?;
    }
    Ok(())
}

/// What the change tells: an edit (to claimants also as a change of their claim), and what became of the places.
async fn facts(tenant: TenantId, tx: &Tx, before: &Lead, lead: &Lead, contact_changed: bool) -> Result<Vec<NewEvent>> {
    let mut facts = Vec::new();
    let said_otherwise = contact_changed
        || (&before.title, &before.description, &before.category, before.urgency, &before.location)
            != (&lead.title, &lead.description, &lead.category, lead.urgency, &lead.location)
        || (&before.attributes, before.budget) != (&lead.attributes, lead.budget);
    let change = match lead.status {
        status if status == before.status => None,
        LeadStatus::Full if before.status != LeadStatus::Expired => Some(LeadChange::Filled),
        LeadStatus::Expired => Some(LeadChange::Expired),
        _ => Some(LeadChange::Reopened),
    };
    if said_otherwise || change.is_none() {
        facts.push(updated(Some(before), lead, LeadChange::Edited)?);
    }
    if said_otherwise {
        for claim in claims::of_lead(tenant, tx, lead.id).await?.iter().filter(|claim| claim.opens_contact()) {
            facts.push(claims::events::updated(claim, lead)?);
        }
    }
    if let Some(change) = change {
        facts.push(updated(Some(before), lead, change)?);
    }
    Ok(facts)
}

/// Optimistic locking for those who want it.
pub(super) fn check_version(lead: &Lead, expected: Option<i32>) -> Result<(), UserError> {
    match expected {
        Some(expected) if expected != lead.version => Err(UserError::new(
            ErrorCode::StaleVersion,
            &["expectedVersion"],
            format!("The lead is at version {}, not {expected}: look at it again.", lead.version),
        )),
        _ => Ok(()),
    }
}
