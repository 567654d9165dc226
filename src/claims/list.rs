//! The claims that a viewer may see, newest first, in pages.

use std::collections::HashSet;

use async_graphql::InputObject;

use super::{Claim, ClaimId, ClaimStatus, store};
use crate::{
    auth::Viewer,
    clock::Timestamp,
    db::Db,
    error::Result,
    ids::{TenantId, UserId},
    leads::LeadId,
    paging::{Page, PageArgs},
    users::Role,
};

/// The list's name in its cursors, whatever the filter.
pub const LIST: &str = "claims";

/// A place in it.
pub type Key = (Timestamp, ClaimId);

/// Which claims; of those that the viewer may see.
#[derive(InputObject, Clone, Default, Debug)]
pub struct ClaimFilter {
    /// Only claims on this lead.
    pub lead_id: Option<LeadId>,
    /// Only claims by this provider.
    pub provider_id: Option<UserId>,
    /// Only claims with one of these statuses.
    pub statuses: Option<HashSet<ClaimStatus>>,
    /// Only claims made after this moment.
    pub claimed_after: Option<Timestamp>,
}

/// Somebody or something that claims are of. Each has an index, by which its claims are read in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Party {
    Lead(LeadId),
    Provider(UserId),
    Customer(UserId),
}

/// What is to be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Selection {
    /// All of these. The first one's index is followed, which is the one with the fewest claims; the others narrow.
    pub parties: Vec<Party>,
    pub statuses: Option<HashSet<ClaimStatus>>,
    pub claimed_after: Option<Timestamp>,
}

impl Selection {
    /// What `filter` means to `viewer`; `None` when nothing can match.
    pub(super) fn new(filter: ClaimFilter, viewer: &Viewer) -> Option<Self> {
        if filter.provider_id.as_ref().is_some_and(|provider| !provider.is_valid()) {
            return None;
        }
        let mut parties = Vec::new();
        parties.extend(filter.lead_id.map(Party::Lead));
        parties.extend(filter.provider_id.map(Party::Provider));
        match viewer.role {
            Role::Admin | Role::Service => {}
            Role::Customer => parties.push(Party::Customer(viewer.user.clone())),
            Role::Provider => {
                let own = Party::Provider(viewer.user.clone());
                match parties.iter().find(|party| matches!(party, Party::Provider(_))) {
                    None => parties.push(own),
                    Some(asked) if *asked == own => {}
                    Some(_) => return None,
                }
            }
        }
        Some(Self { parties, statuses: filter.statuses, claimed_after: filter.claimed_after })
    }

    /// Whether rows of the index may have to be passed over.
    pub(super) fn skips(&self) -> bool {
        self.parties.len() > 1 || self.statuses.is_some()
    }
}

impl Claim {
    /// Its place in the list.
    pub fn key(&self) -> Key {
        (self.claimed_at, self.id)
    }
}

/// A page of the claims that `viewer` may see. `count`: whether the total is wanted.
pub async fn list(
    db: &Db,
    viewer: &Viewer,
    filter: ClaimFilter,
    page: PageArgs,
    count: bool,
) -> Result<Page<Claim, Key>> {
    let page = page.request(LIST, count)?;
    let tenant = viewer.tenant;
    match Selection::new(filter, viewer) {
        Some(wanted) => db.read(tenant, async move |tx| store::page(tenant, tx, &wanted, &page).await).await,
        None => Ok(page.page(Vec::new(), None, count.then_some(0))),
    }
}

/// Which of these leads this provider has claimed, refunded or not.
pub async fn claimed_among(db: &Db, tenant: TenantId, provider: &UserId, leads: &[LeadId]) -> Result<HashSet<LeadId>> {
    let (provider, leads) = (provider.clone(), leads.to_vec());
    let claims = db.read(tenant, async move |tx| store::of_provider_among(tenant, tx, &provider, &leads).await).await?;
    Ok(claims.into_iter().map(|claim| claim.lead_id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;

    fn viewer(role: Role) -> Viewer {
        Viewer { tenant: Id::random(), user: "me".into(), role, expires_at: Timestamp::from_micros(0) }
    }

    fn parties(filter: ClaimFilter, role: Role) -> Option<Vec<Party>> {
        Selection::new(filter, &viewer(role)).map(|wanted| wanted.parties)
    }

    #[test]
    fn everyone_is_kept_to_what_it_may_see() {
        let all = ClaimFilter::default;
        assert_eq!(parties(all(), Role::Admin), Some(vec![]));
        assert_eq!(parties(all(), Role::Customer), Some(vec![Party::Customer("me".into())]));
        assert_eq!(parties(all(), Role::Provider), Some(vec![Party::Provider("me".into())]));
        let others = || ClaimFilter { provider_id: Some("you".into()), ..all() };
        assert_eq!(parties(others(), Role::Provider), None);
        assert_eq!(parties(others(), Role::Service), Some(vec![Party::Provider("you".into())]));
        let own = ClaimFilter { provider_id: Some("me".into()), ..all() };
        assert_eq!(parties(own, Role::Provider), Some(vec![Party::Provider("me".into())]));
    }

    #[test]
    fn the_lead_comes_first_because_it_has_the_fewest_claims() {
        let lead = Id::random();
        let of_lead = ClaimFilter { lead_id: Some(lead), ..ClaimFilter::default() };
        let wanted = parties(of_lead, Role::Customer);
        assert_eq!(wanted, Some(vec![Party::Lead(lead), Party::Customer("me".into())]));
    }
}
