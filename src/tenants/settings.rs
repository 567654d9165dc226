//! A tenant's settings: read by operations, changed by updateTenantSettings.

use async_graphql::{InputObject, MaybeUndefined};

use super::{Tenant, TenantSettings, store};
use crate::{
    app::App,
    auth::Viewer,
    db::Tx,
    delivery,
    error::{Result, UserError},
    ids::TenantId,
    input::Input,
    money::Credits,
    preferences::{PreferenceRuleInput, Rules, default_rules},
    users::Role,
};

/// Settings as they should be. What is left out stays; none but `webhookUrl` can be cleared.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TenantSettingsInput {
    /// An ISO 4217 code: three capital letters.
    pub currency: MaybeUndefined<String>,
    /// Whether a new lead opens at once.
    pub auto_verify_leads: MaybeUndefined<bool>,
    /// What a lead costs unless its price is given, in credits.
    pub default_lead_price: MaybeUndefined<Credits>,
    /// How many providers may claim a lead unless its `maxClaims` is given: 1 to 1,000.
    pub default_max_claims: MaybeUndefined<i32>,
    /// How long a lead stays open unless its `expiresAt` is given, in hours: 1 to 8,760.
    pub lead_lifetime_hours: MaybeUndefined<i32>,
    /// From how many claims on a lead counts as COMPETITIVE: 1 to 1,000.
    pub competitive_at: MaybeUndefined<i32>,
    /// Below how many credits a wallet is low.
    pub low_balance_threshold: MaybeUndefined<Credits>,
    /// How often notifications go out to users who have not said otherwise: all such rules, in place of those that are there; an
    /// empty list for the built-in defaults alone. At most 200, none about the same twice.
    pub default_rules: MaybeUndefined<Vec<PreferenceRuleInput>>,
    /// Where notifications on the channels WEBHOOK, SMS and PUSH are sent: an https URL on the public internet of at most 2,000
    /// characters (in dev mode also http, and this machine). Make a secret with `rotateWebhookSecret` first: everything sent there is
    /// signed. Null: nowhere.
    pub webhook_url: MaybeUndefined<String>,
}

/// ADMIN only. Settings apply from now on; leads that exist keep what they were made with.
pub async fn update_settings(app: &App, viewer: &Viewer, mut input: TenantSettingsInput) -> Result<Tenant> {
    if viewer.role != Role::Admin {
        return Err(UserError::forbidden(&[], "Only an ADMIN changes the tenant's settings.").into());
    }
    let default_rules = check(&mut input, app.settings.dev_mode())?;
    let tenant = viewer.tenant;
    let changed = app
        .db
        .write(tenant, async move |tx| {
            let mut found = store::lock(tenant, tx).await?;
            if input.webhook_url.value().is_some() && !delivery::has_secret(tenant, tx).await? {
                let message = "Make a secret with rotateWebhookSecret first, and give it to the receiver: webhooks are signed with it.";
                return Err(UserError::invalid(&["webhookUrl"], message).into());
            }
            apply(&mut found, input, default_rules);
            store::save_settings(tenant, tx, &found.settings).await?;
            Ok(found)
        })
        .await?;
    app.tenants.forget(tenant).await;
    Ok(changed)
}

/// Returns the default rules, if there are any to be set.
fn check(input: &mut TenantSettingsInput, dev: bool) -> Result<Option<Rules>> {
    let mut complaints = Input::default();
    complaints.never_null(&[
        (&["currency"], input.currency.is_null()),
        (&["autoVerifyLeads"], input.auto_verify_leads.is_null()),
        (&["defaultLeadPrice"], input.default_lead_price.is_null()),
        (&["defaultMaxClaims"], input.default_max_claims.is_null()),
        (&["leadLifetimeHours"], input.lead_lifetime_hours.is_null()),
        (&["competitiveAt"], input.competitive_at.is_null()),
        (&["lowBalanceThreshold"], input.low_balance_threshold.is_null()),
        (&["defaultRules"], input.default_rules.is_null()),
    ]);
    if let Some(currency) = input.currency.value()
        && (currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()))
    {
        complaints.invalid(&["currency"], "A currency is an ISO 4217 code of three capital letters, such as ZAR.");
    }
    let mut range = |field: &str, value: &MaybeUndefined<i32>, max: i32| {
        if value.value().is_some_and(|value| !(1..=max).contains(value)) {
            complaints.invalid(&[field], format!("This must be from 1 to {max}."));
        }
    };
    range("defaultMaxClaims", &input.default_max_claims, 1_000);
    range("leadLifetimeHours", &input.lead_lifetime_hours, 8_760);
    range("competitiveAt", &input.competitive_at, 1_000);
    if let Some(price) = input.default_lead_price.value() {
        complaints.credits(&["defaultLeadPrice"], *price);
    }
    if let Some(threshold) = input.low_balance_threshold.value() {
        complaints.credits(&["lowBalanceThreshold"], *threshold);
    }
    if let MaybeUndefined::Value(url) = &mut input.webhook_url {
        match delivery::check_url(url, dev) {
            // As it is understood, which is how it will be called.
            Ok(understood) => *url = understood.to_string(),
            Err(complaint) => complaints.invalid(&["webhookUrl"], complaint),
        }
    }
    let rules = input.default_rules.value().map(|rules| default_rules(&mut complaints, rules));
    complaints.accept()?;
    Ok(rules)
}

fn apply(tenant: &mut Tenant, input: TenantSettingsInput, default_rules: Option<Rules>) {
    fn set<T>(field: &mut T, value: MaybeUndefined<T>) {
        if let MaybeUndefined::Value(value) = value {
            *field = value;
        }
    }
    let settings = &mut tenant.settings;
    set(&mut settings.currency, input.currency);
    set(&mut settings.auto_verify_leads, input.auto_verify_leads);
    set(&mut settings.default_lead_price, input.default_lead_price);
    set(&mut settings.default_max_claims, input.default_max_claims);
    set(&mut settings.lead_lifetime_hours, input.lead_lifetime_hours);
    set(&mut settings.competitive_at, input.competitive_at);
    set(&mut settings.low_balance_threshold, input.low_balance_threshold);
    match input.webhook_url {
        MaybeUndefined::Undefined => {}
        MaybeUndefined::Null => settings.webhook_url = None,
        MaybeUndefined::Value(url) => settings.webhook_url = Some(url),
    }
    if let Some(rules) = default_rules {
        settings.default_rules = rules;
    }
}

/// The settings as they are in this transaction.
pub async fn settings(tenant: TenantId, tx: &Tx) -> Result<TenantSettings> {
    Ok(store::find(tenant, tx).await?.settings)
}
