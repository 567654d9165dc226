//! Conditions on a query of leads, for each engine's kind of query.

use diesel::{
    dsl::{exists, not},
    pg::Pg,
    prelude::*,
    sqlite::Sqlite,
};

use super::super::{
    LeadStatus,
    list::{Driver, Key, LeadOrderField, Selection},
};
use crate::{
    db::{
        self,
        schema::{claims, lead_attributes, leads},
        sql_types::{Int8, Timestamptz},
    },
    input::like_pattern,
    users::Role,
};

pub trait Narrow: Sized {
    /// Onto the index that leads the way.
    fn along(self, selection: &Selection, field: LeadOrderField) -> Self;
    /// To what the viewer may see and the filter lets through.
    fn matching(self, selection: &Selection) -> Self;
    fn filtered(self, selection: &Selection) -> Self;
    /// To the rows beyond a key (`<`, `>`) or up to it (`<=`, `>=`).
    fn placed(self, column: &str, operator: &str, key: Key) -> Self;
}

/// The same text for both engines: diesel's boxed queries name theirs, and bounds that would leave it open fill a page.
macro_rules! narrow {
    ($backend:ty) => {
        impl Narrow for leads::BoxedQuery<'static, $backend> {
            fn along(self, selection: &Selection, field: LeadOrderField) -> Self {
                if field != LeadOrderField::CreatedAt {
                    return self;
                }
                match selection.driver() {
                    Some(Driver::Customer(customer)) => self.filter(leads::customer_id.eq(customer.clone())),
                    Some(Driver::Status(status)) => self.filter(leads::status.eq(status)),
                    Some(Driver::Category(category)) => self.filter(leads::category.eq(category.to_owned())),
                    None => self,
                }
            }

            fn matching(self, selection: &Selection) -> Self {
                let visible = match selection.viewer.role {
                    Role::Admin | Role::Service => self,
                    Role::Customer => self.filter(leads::customer_id.eq(selection.viewer.user.clone())),
                    Role::Provider => self.filter(leads::verified_at.is_not_null()),
                };
                let mut query = visible.filter(leads::is_test.eq(selection.filter.is_test)).filtered(selection);
                for word in selection.filter.words() {
                    query = query.filter(leads::search_text.like(like_pattern(&word)).escape('\\'));
                }
                for attribute in selection.filter.attributes.iter().flatten() {
                    let having = lead_attributes::table
                        .filter(lead_attributes::tenant_id.eq(leads::tenant_id))
                        .filter(lead_attributes::lead_id.eq(leads::id))
                        .filter(lead_attributes::key.eq(attribute.key.clone()))
                        .filter(lead_attributes::value.eq_any(attribute.any_of.clone()));
                    query = query.filter(exists(having));
                }
                if let Some(claimed) = selection.filter.claimed_by_viewer {
                    let own = claims::table
                        .filter(claims::tenant_id.eq(leads::tenant_id))
                        .filter(claims::lead_id.eq(leads::id))
                        .filter(claims::provider_id.eq(selection.viewer.user.clone()));
                    query = if claimed { query.filter(exists(own)) } else { query.filter(not(exists(own))) };
                }
                query
            }

            fn filtered(mut self, selection: &Selection) -> Self {
                let filter = selection.filter.clone();
                if let Some(statuses) = filter.statuses {
                    self = self.filter(leads::status.eq_any(statuses));
                }
                if let Some(categories) = filter.categories {
                    self = self.filter(leads::category.eq_any(categories));
                }
                if let Some(urgencies) = filter.urgencies {
                    self = self.filter(leads::urgency.eq_any(urgencies));
                }
                if let Some(country) = filter.country {
                    self = self.filter(leads::country.eq(country));
                }
                if let Some(region) = filter.region {
                    self = self.filter(leads::region.eq(region));
                }
                if let Some(city) = filter.city {
                    self = self.filter(leads::city.eq(city));
                }
                if let Some(customer) = filter.customer_id {
                    self = self.filter(leads::customer_id.eq(customer));
                }
                if let Some(max_price) = filter.max_price {
                    self = self.filter(leads::price.le(max_price));
                }
                if let Some(available) = filter.available {
                    let open = leads::status.eq(LeadStatus::Open).and(leads::expiry_order.gt(selection.now));
                    self = if available { self.filter(open) } else { self.filter(not(open)) };
                }
                if let Some(created_after) = filter.created_after {
                    self = self.filter(leads::created_at.gt(created_after));
                }
                self
            }

            fn placed(self, column: &str, operator: &str, key: Key) -> Self {
                let columns = format!("{column}, leads.id");
                match key {
                    Key::Time(at, id) | Key::Score { at, id, .. } => {
                        self.filter(db::placed::<Timestamptz, _, _>(&columns, operator, (at, id)))
                    }
                    Key::Price(price, id) => self.filter(db::placed::<Int8, _, _>(&columns, operator, (price, id))),
                }
            }
        }
    };
}
narrow!(Sqlite);
narrow!(Pg);
