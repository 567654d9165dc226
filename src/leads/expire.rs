//! The expiry worker: writes down, with an event, what the clock has already decided.

use super::{LeadChange, LeadId, LeadStatus, change, events::updated, store};
use crate::{app::App, error::Result, events, ids::TenantId};

/// Leads that one round looks at.
const BATCH: i64 = 500;

/// Expires the leads whose time has run out; returns how many were due. Safe on many nodes: each lead is looked at again
/// under its lock.
pub async fn expire_due(app: &App) -> Result<usize> {
    let now = app.clock.now();
    let due = app.db.across(async move |tx| store::due(tx, now, BATCH).await).await?;
    for (tenant, id) in &due {
        // One lead that cannot be expired must not keep the others, of all tenants, from it.
        if let Err(error) = expire(app, *tenant, *id).await {
            tracing::error!(lead = %id, %tenant, error = error.describe(), "a lead could not be expired");
        }
    }
    Ok(due.len())
}

async fn expire(app: &App, tenant: TenantId, id: LeadId) -> Result<()> {
    let clock = app.clock.clone();
    app.db
        .write(tenant, async move |tx| {
            let Some(before) = change::lock(tenant, tx, id).await? else { return Ok(()) };
            let now = clock.now();
            if before.status != LeadStatus::Open || before.available(now) {
                return Ok(());
            }
            let mut lead = before.clone();
            lead.status = LeadStatus::Expired;
            change::save(tenant, tx, &mut lead).await?;
            let expired = updated(Some(&before), &lead, LeadChange::Expired)?;
            events::append(tenant, tx, now, vec![expired]).await.map(drop)
        })
        .await
}
