//! createLead: a customer posts a lead, or an operator on its behalf.

use async_graphql::InputObject;
use serde::Serialize;

use super::{
    Contact, Lead, LeadChange, LeadId, LeadStatus, Urgency,
    content::{self, ContactInput, LocationInput},
    events::{created, updated},
    store,
};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    db::Tx,
    error::{Error, ErrorCode, Result, UserError},
    events,
    ids::{Id, TenantId, UserId},
    input::{Input, MAX_REFERENCE_CHARS},
    money::{Amount, Credits},
    reference::request_hash,
    tenants::{self, TenantSettings},
    users::{self, Role},
};

/// A lead to be posted.
#[derive(InputObject, Serialize, Clone, Debug)]
pub struct CreateLeadInput {
    /// The caller's own key, unique per customer: 1 to 200 characters, no e-mail address: everyone who sees the lead
    /// sees it. Sent again with the same content, the same lead is
    /// returned with `replayed: true`; with other content REFERENCE_MISMATCH.
    pub reference: String,
    /// For whom. ADMIN and SERVICE must say so; a CUSTOMER posts its own and must leave it out.
    pub customer_id: Option<UserId>,
    /// What is wanted, in a line: 1 to 120 characters, without contact details.
    pub title: String,
    /// What is wanted, in full: 1 to 3,000 characters, without contact details.
    pub description: String,
    /// The trade: 1 to 60 characters.
    pub category: String,
    /// How soon.
    #[graphql(default)]
    pub urgency: Urgency,
    /// Where, coarsely.
    pub location: LocationInput,
    /// How to reach the customer: seen by who pays.
    pub contact: ContactInput,
    /// Domain extras as a JSON object: at most 16 KiB, without contact details.
    pub attributes: Option<async_graphql::Json<serde_json::Value>>,
    /// What the customer would spend, in minor units of the tenant's currency.
    pub budget: Option<Amount>,
    /// When it expires, in the future. The tenant's `leadLifetimeHours` after its opening when left out.
    pub expires_at: Option<Timestamp>,
    /// What a claim costs, in credits. ADMIN and SERVICE; the tenant's default when left out.
    pub price: Option<Credits>,
    /// How many providers may claim it: 1 to 1,000. ADMIN and SERVICE; the tenant's default when left out.
    pub max_claims: Option<i32>,
    /// A test lead: costs 0, is in no list or stream unless asked for. ADMIN and SERVICE.
    #[graphql(default)]
    pub is_test: bool,
}

/// How far back a lead with the same contact and category counts as the same.
const DUPLICATE_WINDOW: std::time::Duration = std::time::Duration::from_hours(30 * 24);

/// Returns the lead and whether it had been posted before.
pub async fn create(app: &App, viewer: &Viewer, input: CreateLeadInput) -> Result<(Lead, bool)> {
    let now = app.clock.now();
    let (draft, contact) = check(viewer, &input, now)?;
    let hash = request_hash("createLead", &input)?;
    let (tenant, operator) = (viewer.tenant, viewer.role.is_operator());
    app.db
        .write(tenant, async move |tx| {
            if let Some(known) = replayed(tenant, tx, &draft, &hash).await? {
                return Ok((known, true));
            }
            // Only now: a retry may come when the time has passed.
            if draft.expires_at.is_some_and(|expires_at| expires_at <= now) {
                return Err(UserError::invalid(&["expiresAt"], "expiresAt must be in the future.").into());
            }
            if operator {
                customer_exists(tenant, tx, &draft.customer_id).await?;
            }
            let settings = tenants::settings(tenant, tx).await?;
            let mut lead = priced(draft, &input, &settings);
            lead.duplicate_of = duplicate(tenant, tx, &lead, &contact, now).await?;
            if settings.auto_verify_leads && lead.duplicate_of.is_none() {
                lead.open(now, settings.lead_lifetime());
            }
            if !store::insert(tenant, tx, &lead, &contact, &hash).await? {
                // Posted by a request that ran beside this one.
                let known = replayed(tenant, tx, &lead, &hash).await?;
                return known.map(|known| (known, true)).ok_or_else(|| Error::internal("a lead was there and is not"));
            }
            let event = if lead.status == LeadStatus::Open {
                created(&lead)?
            } else {
                updated(None, &lead, LeadChange::Submitted)?
            };
            events::append(tenant, tx, now, vec![event]).await?;
            Ok((lead, false))
        })
        .await
}

/// The lead that was posted with this reference before.
async fn replayed(tenant: TenantId, tx: &Tx, draft: &Lead, hash: &[u8]) -> Result<Option<Lead>> {
    match store::find_by_reference(tenant, tx, &draft.customer_id, &draft.reference).await? {
        Some((known, first)) if first == hash => Ok(Some(known)),
        Some(_) => Err(UserError::new(
            ErrorCode::ReferenceMismatch,
            &["reference"],
            "This reference was used for another lead: use a new one for each lead.",
        )
        .into()),
        None => Ok(None),
    }
}

async fn customer_exists(tenant: TenantId, tx: &Tx, customer: &UserId) -> Result<()> {
    match users::role_of(tenant, tx, customer).await? {
        Some(Role::Customer) => Ok(()),
        Some(role) => {
            Err(UserError::invalid(&["customerId"], format!("{customer} is a {role}; leads belong to a CUSTOMER."))
                .into())
        }
        None => Err(UserError::new(
            ErrorCode::NotFound,
            &["customerId"],
            "There is no such user: make it with upsertUser first.",
        )
        .into()),
    }
}

async fn duplicate(
    tenant: TenantId,
    tx: &Tx,
    lead: &Lead,
    contact: &Contact,
    now: Timestamp,
) -> Result<Option<LeadId>> {
    if lead.is_test {
        return Ok(None);
    }
    let keys = content::keys(contact);
    store::lock_contact(tenant, tx, &lead.category, &keys).await?;
    store::find_duplicate(tenant, tx, &lead.category, keys, now.minus(DUPLICATE_WINDOW)).await
}

/// The lead as its input has it, waiting for review; price and places are settled with the tenant's settings.
fn check(viewer: &Viewer, given: &CreateLeadInput, now: Timestamp) -> Result<(Lead, Contact)> {
    if viewer.role == Role::Provider {
        return Err(UserError::forbidden(&[], "Leads are posted by CUSTOMER, ADMIN and SERVICE.").into());
    }
    let mut input = Input::default();
    let customer_id = customer(&mut input, viewer, given);
    let reference = input.text(&["reference"], &given.reference, MAX_REFERENCE_CHARS);
    content::no_email(&mut input, &["reference"], &reference);
    let title = content::public_text(&mut input, &["title"], &given.title, content::MAX_TITLE_CHARS);
    let description =
        content::public_text(&mut input, &["description"], &given.description, content::MAX_DESCRIPTION_CHARS);
    let category = content::public_text(&mut input, &["category"], &given.category, content::MAX_CATEGORY_CHARS);
    let location = content::location(&mut input, &given.location);
    let contact = content::contact(&mut input, &given.contact);
    if let Some(attributes) = &given.attributes {
        content::attributes(&mut input, attributes);
    }
    if let Some(budget) = given.budget {
        input.amount(&["budget"], budget);
    }
    check_terms(&mut input, viewer, given);
    input.accept()?;
    let lead = Lead {
        id: Id::random(),
        version: 1,
        customer_id,
        reference,
        is_test: given.is_test,
        status: LeadStatus::InReview,
        status_reason: None,
        title,
        description,
        category,
        urgency: given.urgency,
        location,
        attributes: given.attributes.as_ref().map(|attributes| (&attributes.0).into()),
        budget: given.budget,
        price: Credits::ZERO,
        max_claims: 1,
        claim_count: 0,
        duplicate_of: None,
        created_at: now,
        verified_at: None,
        expires_at: given.expires_at,
    };
    Ok((lead, contact))
}

fn customer(input: &mut Input, viewer: &Viewer, given: &CreateLeadInput) -> UserId {
    if viewer.role.is_operator() {
        match &given.customer_id {
            None => input.invalid(&["customerId"], "ADMIN and SERVICE post on behalf of a customer: say of whom."),
            Some(customer) if !customer.is_valid() => input.invalid(&["customerId"], "This cannot be a user's id."),
            Some(_) => {}
        }
        given.customer_id.clone().unwrap_or_else(|| viewer.user.clone())
    } else {
        if given.customer_id.is_some() {
            input.forbidden(&["customerId"], "A CUSTOMER posts its own leads: leave this out.");
        }
        viewer.user.clone()
    }
}

/// What only ADMIN and SERVICE may set.
fn check_terms(input: &mut Input, viewer: &Viewer, given: &CreateLeadInput) {
    if !viewer.role.is_operator() {
        input.operators_alone(&[
            ("price", given.price.is_some()),
            ("maxClaims", given.max_claims.is_some()),
            ("isTest", given.is_test),
        ]);
        return;
    }
    if let Some(price) = given.price {
        input.credits(&["price"], price);
        if given.is_test && price != Credits::ZERO {
            input.invalid(&["price"], "A test lead costs 0.");
        }
    }
    if let Some(max_claims) = given.max_claims {
        content::max_claims(input, max_claims);
    }
}

fn priced(mut lead: Lead, given: &CreateLeadInput, settings: &TenantSettings) -> Lead {
    lead.price = match given.price {
        _ if lead.is_test => Credits::ZERO,
        Some(price) => price,
        None => settings.default_lead_price,
    };
    lead.max_claims = given.max_claims.unwrap_or(settings.default_max_claims);
    lead
}
