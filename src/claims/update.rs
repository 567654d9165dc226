//! A provider says what became of its claim.

use async_graphql::InputObject;

use super::{Claim, ClaimId, ClaimOutcome, events::updated, lock::lock, store};
use crate::{
    app::App,
    auth::Viewer,
    clock::Clock,
    db::Tx,
    error::{Result, UserError},
    events,
    leads::Lead,
    users::Role,
};

/// What became of a claim.
#[derive(InputObject, Clone, Debug)]
pub struct UpdateClaimInput {
    /// The claim, one of the viewer's own.
    pub id: ClaimId,
    /// What became of it. WON and LOST can be exchanged for each other, but not taken back.
    pub outcome: ClaimOutcome,
}

/// Notes the outcome of the viewer's own claim. The same outcome again changes nothing.
pub async fn update(app: &App, viewer: &Viewer, input: UpdateClaimInput) -> Result<(Claim, Lead)> {
    if viewer.role != Role::Provider {
        return Err(UserError::forbidden(&[], "Only the provider of a claim says what became of it.").into());
    }
    let (viewer, clock) = (viewer.clone(), app.clock.clone());
    app.db.write(viewer.tenant, async move |tx| note(tx, &clock, &viewer, &input).await).await
}

async fn note(tx: &Tx, clock: &Clock, viewer: &Viewer, input: &UpdateClaimInput) -> Result<(Claim, Lead)> {
    let tenant = viewer.tenant;
    let (mut claim, lead) = lock(tenant, tx, input.id).await?;
    if !claim.visible_to(viewer) {
        return Err(UserError::not_found(&["id"], "claim").into());
    }
    let now = clock.now();
    if claim.report(input.outcome, now)? {
        store::save(tenant, tx, &mut claim).await?;
        events::append(tenant, tx, now, vec![updated(&claim, &lead)?]).await?;
    }
    Ok((claim, lead))
}
