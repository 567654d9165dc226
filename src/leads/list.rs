//! `leads`: the list, filtered and ordered, a page at a time.

use std::sync::Arc;

use async_graphql::InputObject;
use serde::{Deserialize, Serialize};

use super::{Lead, LeadFilter, LeadId, LeadStatus, scored, store::listing};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    db::Tx,
    error::{Fault, Result},
    ids::UserId,
    matching::{self, OwnProfile, ProviderProfile},
    money::Credits,
    paging::{Page, PageRequest, foreign_cursor},
    users::Role,
};

/// By what leads are ordered.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LeadOrderField {
    /// When they were posted.
    #[default]
    CreatedAt,
    /// When they expire; those without an expiry are last to expire.
    ExpiresAt,
    /// What they cost.
    Price,
    /// How well they match the viewer, by its profile as it is now; those that do not match at all are below all others, and of
    /// equal ones the newer is the higher. For a PROVIDER only. Of the newest 10,000 leads (with one status, with one category, or
    /// `available`, where the filter says so), those that the filter lets through. When the profile changes, the places
    /// in this order are void: BAD_USER_INPUT, begin anew.
    Score,
}

/// Which way an order goes.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OrderDirection {
    /// Smallest, or earliest, first.
    Asc,
    /// Largest, or latest, first.
    #[default]
    Desc,
}

/// The order of a list of leads.
#[derive(InputObject, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LeadOrder {
    /// By what.
    pub field: LeadOrderField,
    /// Which way.
    #[graphql(default_with = "OrderDirection::Desc")]
    pub direction: OrderDirection,
}

impl LeadOrder {
    /// The list's name in page cursors: a cursor of one order is not one of another.
    pub fn list_name(self) -> &'static str {
        match (self.field, self.direction) {
            (LeadOrderField::CreatedAt, OrderDirection::Desc) => "leads",
            (LeadOrderField::CreatedAt, OrderDirection::Asc) => "leads by creation",
            (LeadOrderField::ExpiresAt, OrderDirection::Desc) => "leads by expiry, latest first",
            (LeadOrderField::ExpiresAt, OrderDirection::Asc) => "leads by expiry",
            (LeadOrderField::Price, OrderDirection::Desc) => "leads by price, highest first",
            (LeadOrderField::Price, OrderDirection::Asc) => "leads by price",
            (LeadOrderField::Score, OrderDirection::Desc) => "leads by score, highest first",
            (LeadOrderField::Score, OrderDirection::Asc) => "leads by score",
        }
    }

    /// Whether this order has places of this kind.
    fn has(self, key: Key) -> bool {
        match key {
            Key::Time(..) => matches!(self.field, LeadOrderField::CreatedAt | LeadOrderField::ExpiresAt),
            Key::Price(..) => self.field == LeadOrderField::Price,
            Key::Score { .. } => self.field == LeadOrderField::Score,
        }
    }
}

/// A place in a list of leads.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    #[serde(rename = "t")]
    Time(Timestamp, LeadId),
    #[serde(rename = "p")]
    Price(Credits, LeadId),
    /// `version`: of the profile that the score is by.
    #[serde(rename = "s")]
    Score { score: i32, at: Timestamp, id: LeadId, version: i32 },
}

/// Where leads stand in a list.
#[derive(Clone, Debug)]
pub struct Places {
    pub order: LeadOrder,
    /// The viewer's, where it matters.
    pub profile: Option<Arc<ProviderProfile>>,
}

impl Places {
    /// The lead's place.
    pub fn key(&self, lead: &Lead) -> Key {
        match self.order.field {
            LeadOrderField::CreatedAt => Key::Time(lead.created_at, lead.id),
            LeadOrderField::ExpiresAt => Key::Time(lead.expires_at.unwrap_or(listing::NEVER), lead.id),
            LeadOrderField::Price => Key::Price(lead.price, lead.id),
            LeadOrderField::Score => {
                let score = self.profile.as_ref().and_then(|profile| matching::points(&lead.into(), profile));
                self.by_score(score, lead.created_at, lead.id)
            }
        }
    }

    pub(super) fn by_score(&self, score: Option<i32>, at: Timestamp, id: LeadId) -> Key {
        let version = self.profile.as_ref().map_or(0, |profile| profile.version);
        Key::Score { score: score.unwrap_or(NO_MATCH), at, id, version }
    }

    /// Whether a page can go on from there.
    fn check(&self, from: Option<Key>) -> Result<()> {
        match from {
            Some(key) if !self.order.has(key) => Err(foreign_cursor()),
            Some(Key::Score { version, .. }) if self.profile.as_ref().is_none_or(|now| now.version != version) => {
                let message = "Your profile has changed, and with it the order: begin anew, without this PageCursor.";
                Err(Fault::BadUserInput(message.to_owned()).into())
            }
            _ => Ok(()),
        }
    }
}

/// Where leads that do not match at all stand in the order of scores.
const NO_MATCH: i32 = -1;

/// Which leads a list shows: the filter, and what its viewer may see.
#[derive(Clone, Debug)]
pub struct Selection {
    pub filter: LeadFilter,
    pub viewer: Viewer,
    pub now: Timestamp,
}

/// What leads the way through the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Driver<'a> {
    Customer(&'a UserId),
    Status(LeadStatus),
    Category(&'a str),
}

/// A page of the leads that the viewer may see and the filter lets through, and where they stand. `own`: the viewer's profile.
pub async fn list(
    app: &App,
    viewer: &Viewer,
    own: &OwnProfile,
    filter: LeadFilter,
    order: LeadOrder,
    page: PageRequest<Key>,
) -> Result<(Page<Lead, Key>, Places)> {
    filter.check(viewer)?;
    let by_score = order.field == LeadOrderField::Score;
    if by_score && viewer.role != Role::Provider {
        let message = "The order SCORE is for a PROVIDER: nobody else has a profile to match.";
        return Err(Fault::BadUserInput(message.to_owned()).into());
    }
    let scored = by_score || filter.asks_for_score();
    let places = Places { order, profile: if scored { Some(own.current().await?) } else { None } };
    places.check(page.from)?;
    let selection = Selection { filter, viewer: viewer.clone(), now: app.clock.now() };
    let (tenant, of) = (viewer.tenant, places.clone());
    let read = async move |tx: &Tx| match &of.profile {
        None => listing::page(tenant, tx, &selection, order, &page).await,
        Some(profile) if by_score => scored::in_order(tenant, tx, &selection, &of, profile, &page).await,
        Some(profile) => scored::filtered(tenant, tx, &selection, order, profile, &page).await,
    };
    Ok((app.db.read(tenant, read).await?, places))
}

impl Selection {
    /// The one condition that has an index in the order of creation.
    pub fn driver(&self) -> Option<Driver<'_>> {
        let filter = &self.filter;
        if self.viewer.role == Role::Customer {
            return Some(Driver::Customer(&self.viewer.user));
        }
        if let Some(customer) = &filter.customer_id {
            return Some(Driver::Customer(customer));
        }
        if filter.available == Some(true) {
            return Some(Driver::Status(LeadStatus::Open));
        }
        match (filter.statuses.as_deref(), filter.categories.as_deref()) {
            (Some([status]), _) => Some(Driver::Status(*status)),
            (_, Some([category])) => Some(Driver::Category(category)),
            _ => None,
        }
    }

    /// Whether the rows need not be looked at one by one: few enough, because the viewer has claimed them all.
    pub fn is_exact(&self) -> bool {
        self.filter.claimed_by_viewer == Some(true)
    }
}
