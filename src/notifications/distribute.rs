//! Turning the event log into notifications.
//!
//! Each lane of each tenant has a place in the log, a row that is locked, and moved on in the transaction that tells: so every event is
//! told once, on however many nodes, whatever is killed in between. Nobody who opens or claims a lead waits for it. A lead is told to
//! its providers in batches, in the order of their ids, and the row notes how far that has come.

use std::collections::HashSet;

use strum::VariantArray;

use super::{
    NotificationType,
    add::{Recipient, Teller, Telling, tell},
    events::Content,
    news::{self, Lane},
    store::positions::{self, Position},
};
use crate::{
    app::App,
    claims,
    db::Tx,
    error::Result,
    events::{Kind, Record, log},
    ids::{TenantId, UserId},
    leads::{Lead, LeadClaimed, LeadCreated, LeadUpdated},
    matching::{self, Scorable},
    tenants::{self, TenantSettings},
    wallets::BalanceUpdated,
};

/// Tenants that are looked at in one go.
const TENANTS: i64 = 100;
/// Events that one transaction reads, and providers that it looks at.
const EVENTS: i64 = 50;
const PROVIDERS: usize = 100;

/// Tells what has happened until now, in one lane of every tenant: a step of each in turn, so that what many are told of in one holds up
/// nobody in another.
pub async fn distribute(app: &App, lane: Lane) -> Result<()> {
    let up_to = app.hub.watermark();
    // Those that another node is at, and those whose trouble is not the others'.
    let mut passed_over = HashSet::new();
    loop {
        let due = app.db.across(async move |tx| positions::due(tx, lane, up_to, TENANTS).await).await?;
        let due: Vec<TenantId> =
            due.into_iter().map(|(tenant, _)| tenant).filter(|tenant| !passed_over.contains(tenant)).collect();
        if due.is_empty() {
            return Ok(());
        }
        for tenant in due {
            let moved_on = step(app, tenant, lane, up_to).await.unwrap_or_else(|error| {
                tracing::error!(%tenant, lane = lane.name(), error = error.describe(), "what happened could not be told");
                false
            });
            if !moved_on {
                passed_over.insert(tenant);
            }
        }
    }
}

/// The last event such that it and all before it are told, in every lane of every tenant: what the log may forget.
pub async fn told_up_to(app: &App) -> Result<i64> {
    let up_to = app.hub.watermark();
    let behind = async move |tx: &_| {
        let mut behind = up_to;
        for lane in Lane::VARIANTS {
            let farthest = positions::due(tx, *lane, up_to, 1).await?;
            behind = farthest.into_iter().map(|(_, place)| place).chain([behind]).min().unwrap_or(behind);
        }
        Ok(behind)
    };
    app.db.across(behind).await
}

/// Tells the next of a tenant. False when another node is at it.
async fn step(app: &App, tenant: TenantId, lane: Lane, up_to: i64) -> Result<bool> {
    let by = Teller::of(app, tenant);
    app.db
        .write(tenant, async move |tx| {
            let Some(place) = positions::lock(tenant, tx, lane).await? else { return Ok(false) };
            let step = Step { by, settings: tenants::settings(tenant, tx).await?, up_to };
            let next = match lane {
                Lane::Direct => step.direct(tx, &place).await?,
                Lane::Broadcast => step.broadcast(tx, &place).await?,
            };
            positions::save(tenant, tx, lane, &next).await?;
            Ok(true)
        })
        .await
}

/// One transaction's share.
struct Step {
    by: Teller,
    settings: TenantSettings,
    up_to: i64,
}

impl Step {
    async fn read(&self, tx: &Tx, lane: Lane, after: i64) -> Result<(Vec<Record>, i64)> {
        log::read_kinds(self.by.tenant, tx, &lane.kinds(), after, self.up_to, EVENTS).await
    }

    async fn direct(&self, tx: &Tx, place: &Position) -> Result<Position> {
        let (records, reached) = self.read(tx, Lane::Direct, place.event_id).await?;
        let news: Vec<_> = records.iter().map(|record| self.news(record)).collect::<Result<_>>()?;
        let telling = |(user, content)| Telling { content, recipients: vec![Recipient::plain(user)] };
        tell(self.by, tx, news.into_iter().flatten().map(telling).collect()).await?;
        Ok(Position { event_id: reached, told_up_to: None })
    }

    fn news(&self, record: &Record) -> Result<Vec<(UserId, Content)>> {
        Ok(match record.kind {
            Some(Kind::LeadClaimed) => {
                let fact = record.decode::<LeadClaimed>()?;
                if fact.lead.is_test { Vec::new() } else { news::of_claim(&fact.lead, &fact.claim).into() }
            }
            Some(Kind::BalanceUpdated) => {
                let fact = record.decode::<BalanceUpdated>()?;
                news::of_movement(&fact, self.settings.low_balance_threshold.0)
            }
            _ => Vec::new(),
        })
    }

    /// The next event that many are told of, and of those the next.
    async fn broadcast(&self, tx: &Tx, place: &Position) -> Result<Position> {
        let (records, reached) = self.read(tx, Lane::Broadcast, place.event_id).await?;
        for record in records {
            let told_up_to = place.told_up_to.as_ref().filter(|_| record.id == place.event_id + 1);
            let Some((lead, content)) = self.broadcast_of(&record, told_up_to.is_some())? else { continue };
            if told_up_to.is_none()
                && content.kind.once_per_lead()
                && !positions::notice(self.by.tenant, tx, lead.id, content.kind).await?
            {
                continue;
            }
            let told_up_to = self.tell_providers(tx, &lead, content, told_up_to).await?;
            let event_id = if told_up_to.is_some() { record.id - 1 } else { record.id };
            return Ok(Position { event_id, told_up_to });
        }
        Ok(Position { event_id: reached, told_up_to: None })
    }

    /// What has begun to be told is told to its end, whatever the settings are by now.
    fn broadcast_of(&self, record: &Record, begun: bool) -> Result<Option<(Lead, Content)>> {
        let found = match record.kind {
            Some(Kind::LeadCreated) => {
                let fact = record.decode::<LeadCreated>()?;
                Some((fact.lead.clone(), news::of_opening(&fact.lead)))
            }
            Some(Kind::LeadClaimed) => {
                let fact = record.decode::<LeadClaimed>()?;
                let before = fact.before.restore(&fact.lead)?;
                let competitive_at = if begun { fact.lead.claim_count } else { self.settings.competitive_at };
                news::of_competition(&before, &fact.lead, competitive_at).map(|content| (fact.lead.clone(), content))
            }
            Some(Kind::LeadUpdated) => {
                let fact = record.decode::<LeadUpdated>()?;
                news::of_change(&fact.lead, fact.change).map(|content| (fact.lead.clone(), content))
            }
            _ => None,
        };
        Ok(found.filter(|(lead, _)| !lead.is_test))
    }

    /// Tells the next of the providers that the lead fits. Returns the last that was looked at, when there may be more.
    async fn tell_providers(
        &self,
        tx: &Tx,
        lead: &Lead,
        content: Content,
        after: Option<&UserId>,
    ) -> Result<Option<UserId>> {
        let tenant = self.by.tenant;
        let most = i64::try_from(PROVIDERS).unwrap_or(i64::MAX);
        let candidates = matching::candidates(tenant, tx, &lead.category, after, most).await?;
        let last = candidates.last().map(|profile| profile.provider_id.clone());
        let last = last.filter(|_| candidates.len() == PROVIDERS);
        let claimed: Vec<UserId> = if content.kind == NotificationType::LeadMatched {
            Vec::new()
        } else {
            claims::of_lead(tenant, tx, lead.id).await?.into_iter().map(|claim| claim.provider_id).collect()
        };
        let mut recipients = Vec::new();
        let lead = Scorable::from(lead);
        for profile in candidates {
            let found = matching::score(&lead, &profile).filter(|found| found.score >= profile.min_score);
            let Some(found) = found.filter(|_| !claimed.contains(&profile.provider_id)) else { continue };
            let own = content.kind == NotificationType::LeadMatched;
            recipients.push(Recipient {
                user: profile.provider_id,
                title: if own { news::title_of(&found) } else { None },
                priority: own.then_some(found.priority),
                lead_match: Some(found),
            });
        }
        tell(self.by, tx, vec![Telling { content, recipients }]).await?;
        Ok(last)
    }
}
