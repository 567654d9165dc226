//! What gives cause to tell somebody, and in which words. Whoever adds a type is asked by the compiler for both here, and for its
//! default in `preferences`.

use super::{NotificationType, Priority, events::Content};
use crate::{
    claims::Claim,
    events::Kind,
    ids::{Id, UserId},
    leads::{Lead, LeadChange, LeadStatus},
    matching::{LeadMatch, MatchTier},
    wallets::{BalanceUpdated, LedgerEntry},
};

/// The worker that tells of a type: what a few hear of must not wait for what ten thousand hear of.
#[derive(strum::IntoStaticStr, strum::VariantArray, Clone, Copy, PartialEq, Eq, Debug)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Lane {
    /// To those whom the event names.
    Direct,
    /// To all providers that the lead fits.
    Broadcast,
}

impl NotificationType {
    /// What it is made of: a lane of the distribution and the event that causes it. `None`: it is made by hand.
    pub fn trigger(self) -> Option<(Lane, Kind)> {
        match self {
            Self::LeadMatched => Some((Lane::Broadcast, Kind::LeadCreated)),
            Self::LeadCompetitive => Some((Lane::Broadcast, Kind::LeadClaimed)),
            Self::LeadFull => Some((Lane::Broadcast, Kind::LeadUpdated)),
            Self::ClaimConfirmed | Self::LeadClaimed => Some((Lane::Direct, Kind::LeadClaimed)),
            Self::BalanceChanged | Self::BalanceLow => Some((Lane::Direct, Kind::BalanceUpdated)),
            Self::Announcement | Self::Custom => None,
        }
    }

    /// Whether it comes once per lead, whatever happens to the lead afterwards.
    pub fn once_per_lead(self) -> bool {
        matches!(self, Self::LeadCompetitive | Self::LeadFull)
    }
}

impl Lane {
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The events that it reads.
    pub fn kinds(self) -> Vec<Kind> {
        use strum::VariantArray;
        let triggers = NotificationType::VARIANTS.iter().filter_map(|kind| kind.trigger());
        let mut kinds = Vec::new();
        for (lane, kind) in triggers {
            if lane == self && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}

/// What a claim gives to tell: to its provider, and to the lead's customer.
pub fn of_claim(lead: &Lead, claim: &Claim) -> [(UserId, Content); 2] {
    let confirmed = Content {
        claim_id: Some(claim.id),
        ..about(
            NotificationType::ClaimConfirmed,
            Id::from_uuid(claim.id.uuid()),
            lead,
            "Lead claimed",
            format!("{} is yours for {}. You see its contact now.", quoted(lead), credits(claim.price.0)),
        )
    };
    let claimed = Content {
        claim_id: Some(claim.id),
        ..about(
            NotificationType::LeadClaimed,
            Id::from_uuid(claim.id.uuid()),
            lead,
            "Somebody answers",
            format!(
                "A provider has claimed {}: {} of {} places are taken.",
                quoted(lead),
                lead.claim_count,
                lead.max_claims
            ),
        )
    };
    [(claim.provider_id.clone(), confirmed), (lead.customer_id.clone(), claimed)]
}

/// What a movement of a wallet gives to tell its owner.
pub fn of_movement(moved: &BalanceUpdated, low: i64) -> Vec<(UserId, Content)> {
    let LedgerEntry { id, change, balance, previous_balance, claim_id, created_at: _, .. } = &moved.entry;
    let told = |kind, priority, title: &str, message| Content {
        kind,
        topic: None,
        title: title.to_owned(),
        message,
        priority,
        data: None,
        reference: None,
        subject_id: Id::from_uuid(id.uuid()),
        lead_id: None,
        claim_id: *claim_id,
        category: None,
        attributes: Vec::new(),
    };
    let owner = &moved.wallet.owner_id;
    let sign = if change.0 < 0 { "−" } else { "+" };
    let words = format!("{sign}{}, {} now", credits(change.0.abs()), credits(balance.0));
    let mut news =
        vec![(owner.clone(), told(NotificationType::BalanceChanged, Priority::Low, "Balance changed", words))];
    if balance.0 < low && previous_balance.0 >= low {
        let words = format!("{} left", credits(balance.0));
        news.push((owner.clone(), told(NotificationType::BalanceLow, Priority::High, "Balance low", words)));
    }
    news
}

/// What the providers that a lead fits are told when it opens. Title and priority are each one's own.
pub fn of_opening(lead: &Lead) -> Content {
    let message = format!("New {} lead in {}", lead.category, place(lead));
    about(NotificationType::LeadMatched, Id::from_uuid(lead.id.uuid()), lead, "New lead", message)
}

/// The title of a match, where it is not the usual one.
pub fn title_of(found: &LeadMatch) -> Option<String> {
    (found.tier == MatchTier::Excellent).then(|| "High-value lead".to_owned())
}

/// What they are told when the lead is claimed: from `competitive_at` claims on, while there are places.
pub fn of_competition(before: &Lead, lead: &Lead, competitive_at: i32) -> Option<Content> {
    let crossed = before.claim_count < competitive_at && lead.claim_count >= competitive_at;
    (crossed && lead.status != LeadStatus::Full).then(|| {
        let taken = format!("{} of {} places of {} are taken", lead.claim_count, lead.max_claims, quoted(lead));
        about(NotificationType::LeadCompetitive, Id::from_uuid(lead.id.uuid()), lead, "Getting competitive", taken)
    })
}

/// What they are told when its last place is taken.
pub fn of_change(lead: &Lead, change: LeadChange) -> Option<Content> {
    (change == LeadChange::Filled).then(|| {
        let taken = format!("All {} places of {} are taken", lead.max_claims, quoted(lead));
        about(NotificationType::LeadFull, Id::from_uuid(lead.id.uuid()), lead, "No places left", taken)
    })
}

fn about(kind: NotificationType, subject_id: Id<uuid::Uuid>, lead: &Lead, title: &str, message: String) -> Content {
    Content {
        kind,
        topic: None,
        title: title.to_owned(),
        message,
        priority: Priority::Normal,
        data: None,
        reference: None,
        subject_id,
        lead_id: Some(lead.id),
        claim_id: None,
        category: Some(lead.category.clone()),
        attributes: lead.plain_attributes(),
    }
}

fn quoted(lead: &Lead) -> String {
    format!("“{}”", lead.title)
}

/// Where the lead is, in a word.
fn place(lead: &Lead) -> &str {
    let place = &lead.location;
    place.city.as_deref().or(place.region.as_deref()).unwrap_or(&place.country)
}

fn credits(count: i64) -> String {
    if count == 1 { "1 credit".to_owned() } else { format!("{count} credits") }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_type_comes_from_one_lane_or_from_somebodys_hand() {
        let by_hand: Vec<_> = NotificationType::VARIANTS.iter().filter(|kind| kind.trigger().is_none()).collect();
        assert_eq!(by_hand, [&NotificationType::Announcement, &NotificationType::Custom]);
        assert_eq!(Lane::Direct.kinds(), [Kind::LeadClaimed, Kind::BalanceUpdated]);
        assert_eq!(Lane::Broadcast.kinds(), [Kind::LeadCreated, Kind::LeadClaimed, Kind::LeadUpdated]);
    }

    #[test]
    fn credits_are_counted_as_people_do() {
        assert_eq!([0, 1, 5].map(credits), ["0 credits", "1 credit", "5 credits"]);
    }
}
