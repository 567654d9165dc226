//! withdrawLead: a lead is taken back. Who has paid keeps the claim and the contact, unless the claims are refunded.

use async_graphql::InputObject;

use super::{
    Lead, LeadChange, LeadId, LeadStatus, change, content, events::updated, state::Step, update::check_version,
};
use crate::{
    app::App,
    auth::Viewer,
    claims,
    error::{Result, UserError},
    events,
    input::Input,
    users::Role,
};

/// A lead to be taken back.
#[derive(InputObject, Clone, Debug)]
pub struct WithdrawLeadInput {
    /// The lead's id.
    pub id: LeadId,
    /// Refuse with STALE_VERSION if the lead is not at this version.
    pub expected_version: Option<i32>,
    /// Why: at most 500 characters, without contact details: everyone who sees the lead sees it.
    pub reason: Option<String>,
    /// Pay every claim back in full. ADMIN and SERVICE.
    #[graphql(default)]
    pub refund_claims: bool,
}

/// Its customer, ADMIN and SERVICE. Returns the lead and whether it had been withdrawn before.
pub async fn withdraw(app: &App, viewer: &Viewer, input: WithdrawLeadInput) -> Result<(Lead, bool)> {
    if viewer.role == Role::Provider {
        return Err(UserError::forbidden(&[], "A lead is withdrawn by its CUSTOMER, ADMIN or SERVICE.").into());
    }
    let mut complaints = Input::default();
    let reason = content::optional_public_text(&mut complaints, &["reason"], input.reason.as_deref(), 500);
    if input.refund_claims && !viewer.role.is_operator() {
        complaints.forbidden(&["refundClaims"], "Claims are refunded by ADMIN and SERVICE only.");
    }
    complaints.accept()?;
    let (viewer, clock) = (viewer.clone(), app.clock.clone());
    let tenant = viewer.tenant;
    app.db
        .write(tenant, async move |tx| {
            let found = change::lock(tenant, tx, input.id).await?.filter(|lead| lead.visible_to(&viewer));
            let before = found.ok_or_else(|| UserError::not_found(&["id"], "lead"))?;
            let now = clock.now();
            if before.withdrawable(now)? == Step::Replayed {
                return Ok((before, true));
            }
            check_version(&before, input.expected_version)?;
            let mut lead = before.clone();
            lead.status = LeadStatus::Withdrawn;
            lead.status_reason.clone_from(&reason);
            change::save(tenant, tx, &mut lead).await?;
            let mut facts = vec![updated(Some(&before), &lead, LeadChange::Withdrawn)?];
            if input.refund_claims {
                let reason = reason.as_deref().unwrap_or("The lead was withdrawn.");
                facts.extend(claims::refund_all(tenant, tx, now, &lead, reason).await?);
            }
            events::append(tenant, tx, now, facts).await?;
            Ok((lead, false))
        })
        .await
}
