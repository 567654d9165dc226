//! `leads`: the list, filtered and ordered, a page at a time.

use async_graphql::InputObject;
use serde::{Deserialize, Serialize};

use super::{Lead, LeadFilter, LeadId, LeadStatus, store::listing};
use crate::{
    app::App,
    auth::Viewer,
    clock::Timestamp,
    error::Result,
    ids::UserId,
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
        }
    }

    /// Whether this order has places of this kind.
    fn has(self, key: Key) -> bool {
        matches!(key, Key::Price(..)) == (self.field == LeadOrderField::Price)
    }

    /// The lead's place in this order.
    pub fn key(self, lead: &Lead) -> Key {
        match self.field {
            LeadOrderField::CreatedAt => Key::Time(lead.created_at, lead.id),
            LeadOrderField::ExpiresAt => Key::Time(lead.expires_at.unwrap_or(listing::NEVER), lead.id),
            LeadOrderField::Price => Key::Price(lead.price, lead.id),
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
}

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

/// A page of the leads that the viewer may see and the filter lets through.
pub async fn list(
    app: &App,
    viewer: &Viewer,
    filter: LeadFilter,
    order: LeadOrder,
    page: PageRequest<Key>,
) -> Result<Page<Lead, Key>> {
    filter.check(viewer)?;
    if page.from.is_some_and(|from| !order.has(from)) {
        return Err(foreign_cursor());
    }
    let selection = Selection { filter, viewer: viewer.clone(), now: app.clock.now() };
    app.db
        .read(viewer.tenant, async move |tx| listing::page(selection.viewer.tenant, tx, &selection, order, &page).await)
        .await
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
