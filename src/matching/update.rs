//! updateProviderProfile: a provider says what it wants, or an operator does so for it.

use async_graphql::{InputObject, Json, MaybeUndefined};
use serde_json::Value;

use super::{MAX_SCORE, ProviderProfile, ServiceArea, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::{Clock, Timestamp},
    db::Tx,
    error::{Error, Result, UserError},
    ids::{TenantId, UserId},
    input::{Input, same},
    leads::MAX_CATEGORY_CHARS,
    money::Amount,
    users::{self, Role},
};

/// A profile as it should be. What is left out stays; null clears `minBudget` and `attributes`.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ProviderProfileInput {
    /// Whose profile. A PROVIDER leaves it out, or names itself; ADMIN and SERVICE must say it.
    pub provider_id: Option<UserId>,
    /// The categories of leads that it wants, instead of those before: at most 50, each 1 to 60 characters, none twice whatever its
    /// case. Without any it matches nothing.
    pub categories: MaybeUndefined<Vec<String>>,
    /// Where it serves, instead of what was before: at most 50 areas, none twice. An empty list means everywhere.
    pub service_areas: MaybeUndefined<Vec<ServiceAreaInput>>,
    /// From which budget on, in minor units of the tenant's currency.
    pub min_budget: MaybeUndefined<Amount>,
    /// From 0 to 100: leads that score below it send no notification.
    pub min_score: MaybeUndefined<i32>,
    /// Whether it wants leads at all.
    pub accepting_leads: MaybeUndefined<bool>,
    /// What a lead's attributes of the same names should be, instead of what was before: a JSON object of at most 20 keys of at
    /// most 100 characters. A value is a text of at most 100 characters, a number or a boolean; or a list of at most 20 of
    /// these: any of them.
    pub attributes: MaybeUndefined<Json<Value>>,
}

/// Where a provider serves: a whole country, a region of it, or a city.
#[derive(InputObject, Clone, Debug)]
pub struct ServiceAreaInput {
    /// The country, as leads have it: 1 to 100 characters.
    pub country: String,
    /// The province or state: at most 100 characters. Left out: the whole country, or its city of that name wherever it is.
    pub region: Option<String>,
    /// The city or town: at most 100 characters. Left out: the whole region, or the whole country.
    pub city: Option<String>,
}

const MAX_CATEGORIES: usize = 50;
const MAX_AREAS: usize = 50;
const MAX_PLACE_CHARS: usize = 100;
const MAX_ATTRIBUTES: usize = 20;
/// Values that one attribute may have.
const MAX_VALUES: usize = 20;
const MAX_ATTRIBUTE_CHARS: usize = 100;

/// A PROVIDER its own; ADMIN and SERVICE anyone's.
pub async fn update(app: &App, viewer: &Viewer, input: ProviderProfileInput) -> Result<ProviderProfile> {
    let provider = whose(viewer, input.provider_id.clone())?;
    let input = checked(input)?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    let profile = app.db.write(tenant, async move |tx| change(tenant, tx, &clock, &provider, &input).await).await?;
    app.profiles.note(tenant, profile.clone()).await;
    Ok(profile)
}

/// Decided before anything is looked up.
fn whose(viewer: &Viewer, provider: Option<UserId>) -> Result<UserId, UserError> {
    match (viewer.role, provider) {
        (Role::Customer, _) => {
            Err(UserError::forbidden(&[], "A profile is changed by its PROVIDER, ADMIN or SERVICE."))
        }
        (Role::Provider, None) => Ok(viewer.user.clone()),
        (Role::Provider, Some(provider)) if provider == viewer.user => Ok(provider),
        (Role::Provider, Some(_)) => {
            Err(UserError::forbidden(&["providerId"], "A PROVIDER changes its own profile only."))
        }
        (Role::Admin | Role::Service, Some(provider)) if provider.is_valid() => Ok(provider),
        (Role::Admin | Role::Service, Some(_)) => Err(UserError::not_found(&["providerId"], "provider")),
        (Role::Admin | Role::Service, None) => {
            Err(UserError::invalid(&["providerId"], "Say whose profile: ADMIN and SERVICE have none."))
        }
    }
}

async fn change(
    tenant: TenantId,
    tx: &Tx,
    clock: &Clock,
    provider: &UserId,
    input: &ProviderProfileInput,
) -> Result<ProviderProfile> {
    match users::role_of(tenant, tx, provider).await? {
        None => return Err(UserError::not_found(&["providerId"], "provider").into()),
        Some(Role::Provider) => {}
        Some(role) => {
            let text = format!("{provider} is a {role}; only a PROVIDER has a profile.");
            return Err(UserError::invalid(&["providerId"], text).into());
        }
    }
    let now = clock.now();
    let mut before = store::lock(tenant, tx, provider).await?;
    if before.is_none() {
        let first = applied(&ProviderProfile::default_of(provider.clone()), input, now);
        if first.version == 0 {
            return Ok(first);
        }
        if store::insert(tenant, tx, now, &first).await? {
            store::enlist(tenant, tx, &first).await?;
            return Ok(first);
        }
        // Made by a request that ran beside this one.
        before = store::lock(tenant, tx, provider).await?;
    }
    let before = before.ok_or_else(|| Error::internal("a profile is there, and is not"))?;
    let profile = applied(&before, input, now);
    if profile.version != before.version {
        store::save(tenant, tx, now, &profile).await?;
        if (profile.accepting_leads, &profile.categories) != (before.accepting_leads, &before.categories) {
            store::enlist(tenant, tx, &profile).await?;
        }
    }
    Ok(profile)
}

/// The profile with what was given: a new version of it, unless it was so already.
fn applied(before: &ProviderProfile, given: &ProviderProfileInput, now: Timestamp) -> ProviderProfile {
    fn set<T: Clone>(field: &mut T, value: &MaybeUndefined<T>) {
        if let MaybeUndefined::Value(value) = value {
            field.clone_from(value);
        }
    }
    let mut profile = before.clone();
    set(&mut profile.categories, &given.categories);
    if let MaybeUndefined::Value(areas) = &given.service_areas {
        profile.service_areas = areas.iter().map(ServiceArea::from).collect();
    }
    given.min_budget.update_to(&mut profile.min_budget);
    set(&mut profile.min_score, &given.min_score);
    set(&mut profile.accepting_leads, &given.accepting_leads);
    given.attributes.clone().map_value(|json| json.0).update_to(&mut profile.attributes);
    if profile != *before {
        profile.version += 1;
        profile.updated_at = Some(now);
    }
    profile
}

impl From<&ServiceAreaInput> for ServiceArea {
    fn from(area: &ServiceAreaInput) -> Self {
        Self { country: area.country.clone(), region: area.region.clone(), city: area.city.clone() }
    }
}

/// The same, trimmed.
fn checked(mut given: ProviderProfileInput) -> Result<ProviderProfileInput> {
    let mut input = Input::default();
    input.never_null(&[
        (&["categories"], given.categories.is_null()),
        (&["serviceAreas"], given.service_areas.is_null()),
        (&["minScore"], given.min_score.is_null()),
        (&["acceptingLeads"], given.accepting_leads.is_null()),
    ]);
    if let MaybeUndefined::Value(given) = &mut given.categories {
        categories(&mut input, given);
    }
    if let MaybeUndefined::Value(given) = &mut given.service_areas {
        areas(&mut input, given);
    }
    if let Some(min_budget) = given.min_budget.value() {
        input.amount(&["minBudget"], *min_budget);
    }
    if given.min_score.value().is_some_and(|score| !(0..=MAX_SCORE).contains(score)) {
        input.invalid(&["minScore"], format!("This is from 0 to {MAX_SCORE}."));
    }
    if let Some(Json(given)) = given.attributes.value() {
        attributes(&mut input, given);
    }
    input.accept()?;
    Ok(given)
}

fn categories(input: &mut Input, categories: &mut [String]) {
    if categories.len() > MAX_CATEGORIES {
        return input.invalid(&["categories"], format!("There may be at most {MAX_CATEGORIES} categories."));
    }
    for n in 0..categories.len() {
        let place = n.to_string();
        let path = ["categories", place.as_str()];
        let category = input.text(&path, &categories[n], MAX_CATEGORY_CHARS);
        if categories[..n].iter().any(|other| same(other, &category)) {
            input.invalid(&path, "This category is there already.");
        }
        categories[n] = category;
    }
}

fn areas(input: &mut Input, areas: &mut [ServiceAreaInput]) {
    if areas.len() > MAX_AREAS {
        return input.invalid(&["serviceAreas"], format!("There may be at most {MAX_AREAS} service areas."));
    }
    for n in 0..areas.len() {
        let place = n.to_string();
        let path = |field| ["serviceAreas", place.as_str(), field];
        let given = &areas[n];
        let area = ServiceAreaInput {
            country: input.text(&path("country"), &given.country, MAX_PLACE_CHARS),
            region: input.optional_text(&path("region"), given.region.as_deref(), MAX_PLACE_CHARS),
            city: input.optional_text(&path("city"), given.city.as_deref(), MAX_PLACE_CHARS),
        };
        if areas[..n].iter().any(|other| is_same_area(other, &area)) {
            input.invalid(&["serviceAreas", &place], "This area is there already.");
        }
        areas[n] = area;
    }
}

fn is_same_area(one: &ServiceAreaInput, other: &ServiceAreaInput) -> bool {
    let same_or_none = |one: &Option<String>, other: &Option<String>| match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (one, other) => one.is_none() && other.is_none(),
    };
    same(&one.country, &other.country)
        && same_or_none(&one.region, &other.region)
        && same_or_none(&one.city, &other.city)
}

fn attributes(input: &mut Input, attributes: &Value) {
    const PATH: &[&str] = &["attributes"];
    if !input.json_object(PATH, attributes) {
        return;
    }
    let fields: Vec<_> = attributes.as_object().into_iter().flatten().collect();
    if fields.len() > MAX_ATTRIBUTES {
        input.invalid(PATH, format!("There may be at most {MAX_ATTRIBUTES} attributes."));
    }
    for (key, value) in fields {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        if values.len() > MAX_VALUES {
            input.invalid(PATH, format!("An attribute has at most {MAX_VALUES} values."));
        }
        if values.iter().any(|value| value.is_null() || value.is_array() || value.is_object()) {
            input.invalid(PATH, "A value is a text, a number or a boolean, or a list of these.");
        }
        let mut texts = values.iter().filter_map(Value::as_str).chain([key.as_str()]);
        if texts.any(|text| text.chars().count() > MAX_ATTRIBUTE_CHARS) {
            input.invalid(PATH, format!("Keys and values have at most {MAX_ATTRIBUTE_CHARS} characters."));
        }
    }
}
