//! verifyLead and rejectLead: the marketplace lets a lead in, or does not.

use async_graphql::InputObject;

use super::{
    Lead, LeadChange, LeadId, LeadStatus, change,
    events::{created, updated},
    state::Step,
};
use crate::{
    app::App,
    auth::Viewer,
    error::{Result, UserError},
    events,
    input::Input,
    tenants,
};

/// A lead to be opened.
#[derive(InputObject, Clone, Debug)]
pub struct VerifyLeadInput {
    /// The lead's id.
    pub id: LeadId,
}

/// A lead not to be accepted.
#[derive(InputObject, Clone, Debug)]
pub struct RejectLeadInput {
    /// The lead's id.
    pub id: LeadId,
    /// Why, for the customer: 1 to 500 characters.
    pub reason: String,
}

/// Opens a lead that waits for review. ADMIN and SERVICE. Returns it and whether it had been opened before.
pub async fn verify(app: &App, viewer: &Viewer, input: VerifyLeadInput) -> Result<(Lead, bool)> {
    operators_only(viewer)?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    app.db
        .write(tenant, async move |tx| {
            let lead = change::lock(tenant, tx, input.id).await?;
            let mut lead = lead.ok_or_else(|| UserError::not_found(&["id"], "lead"))?;
            let now = clock.now();
            if lead.verifiable(now)? == Step::Replayed {
                return Ok((lead, true));
            }
            let settings = tenants::settings(tenant, tx).await?;
            lead.open(now, settings.lead_lifetime());
            change::save(tenant, tx, &mut lead).await?;
            events::append(tenant, tx, now, vec![created(&lead)?]).await?;
            Ok((lead, false))
        })
        .await
}

/// Turns a lead down that waits for review. ADMIN and SERVICE. Returns it and whether it had been rejected before.
pub async fn reject(app: &App, viewer: &Viewer, input: RejectLeadInput) -> Result<(Lead, bool)> {
    operators_only(viewer)?;
    let mut complaints = Input::default();
    let reason = complaints.text(&["reason"], &input.reason, 500);
    complaints.accept()?;
    let (tenant, clock) = (viewer.tenant, app.clock.clone());
    app.db
        .write(tenant, async move |tx| {
            let before = change::lock(tenant, tx, input.id).await?;
            let before = before.ok_or_else(|| UserError::not_found(&["id"], "lead"))?;
            let now = clock.now();
            if before.rejectable(now)? == Step::Replayed {
                return Ok((before, true));
            }
            let mut lead = before.clone();
            lead.status = LeadStatus::Rejected;
            lead.status_reason = Some(reason);
            change::save(tenant, tx, &mut lead).await?;
            events::append(tenant, tx, now, vec![updated(Some(&before), &lead, LeadChange::Rejected)?]).await?;
            Ok((lead, false))
        })
        .await
}

fn operators_only(viewer: &Viewer) -> Result<()> {
    if viewer.role.is_operator() {
        return Ok(());
    }
    Err(UserError::forbidden(&[], "Leads are verified and rejected by ADMIN and SERVICE.").into())
}
