//! Connections as the Relay specification has them, with `nodes` beside `edges` for those who need no cursors.

use async_graphql::{Object, OutputType, SimpleObject};
use serde::Serialize;

use super::List;
use crate::{
    claims::Claim,
    delivery::Delivery,
    error::Result,
    leads::Lead,
    notifications::Notification,
    paging::{Page, PageCursor},
    users::User,
    wallets::LedgerEntry,
};

/// Where a page stands in its list.
#[derive(SimpleObject, Clone, Debug)]
pub struct PageInfo {
    /// Whether there is more after this page. A page may end short, even empty, and say true: a filter was slow to match;
    /// go on from `endCursor`.
    pub has_next_page: bool,
    /// Whether there is more before this page.
    pub has_previous_page: bool,
    /// Where the page begins; null when there is nothing to go on from.
    pub start_cursor: Option<PageCursor>,
    /// Where the page ends; null when there is nothing to go on from.
    pub end_cursor: Option<PageCursor>,
}

#[derive(Clone, Debug)]
pub struct Edge<T: OutputType> {
    cursor: PageCursor,
    node: T,
}

/// A row of a page and its place.
#[Object(
    concrete(name = "LeadEdge", params(Lead)),
    concrete(name = "ClaimEdge", params(Claim)),
    concrete(name = "LedgerEdge", params(LedgerEntry)),
    concrete(name = "NotificationEdge", params(Notification)),
    concrete(name = "DeliveryEdge", params(Delivery)),
    concrete(name = "UserEdge", params(User))
)]
impl<T: OutputType> Edge<T> {
    /// For `after` and `before`.
    async fn cursor(&self) -> &PageCursor {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}

#[derive(Clone, Debug)]
pub struct Connection<T: OutputType> {
    edges: Vec<Edge<T>>,
    page_info: PageInfo,
    total: Option<i64>,
}

/// A page of a list, newest first unless another order was asked for.
#[Object(
    concrete(name = "LeadConnection", params(Lead)),
    concrete(name = "ClaimConnection", params(Claim)),
    concrete(name = "LedgerConnection", params(LedgerEntry)),
    concrete(name = "NotificationConnection", params(Notification)),
    concrete(name = "UserConnection", params(User))
)]
impl<T: OutputType> Connection<T>
where
    Edge<T>: OutputType,
{
    /// The rows with their cursors.
    async fn edges(&self) -> List<&Edge<T>> {
        List::of(&self.edges)
    }

    /// The rows alone.
    async fn nodes(&self) -> List<&T> {
        List::of(self.edges.iter().map(|edge| &edge.node))
    }

    /// Where the page stands in its list.
    async fn page_info(&self) -> &PageInfo {
        &self.page_info
    }

    /// How many rows the whole list has. Null when that took examining more than 10,000.
    async fn total_count(&self) -> Option<i64> {
        self.total
    }
}

impl<T: OutputType> Connection<T> {
    /// `list` names the list and its order; `key` places a row in it.
    pub fn new<K: Serialize>(page: Page<T, K>, list: &str, key: impl Fn(&T) -> K) -> Result<Self> {
        let mut edges = Vec::with_capacity(page.rows.len());
        for node in page.rows {
            edges.push(Edge { cursor: PageCursor::new(list, &key(&node))?, node });
        }
        let stopped_at = page.stopped_at.map(|key| PageCursor::new(list, &key)).transpose()?;
        let first = edges.first().map(|edge| edge.cursor.clone());
        let last = edges.last().map(|edge| edge.cursor.clone());
        let (start_cursor, end_cursor) =
            if page.backward { (stopped_at.or(first), last) } else { (first, stopped_at.or(last)) };
        let page_info =
            PageInfo { has_next_page: page.has_next, has_previous_page: page.has_previous, start_cursor, end_cursor };
        Ok(Self { edges, page_info, total: page.total })
    }
}

/// Deliveries are not counted: there are as many as there were notifications.
pub struct DeliveryConnection(pub Connection<Delivery>);

/// A page of a list, newest first.
#[Object]
impl DeliveryConnection {
    /// The rows with their cursors.
    async fn edges(&self) -> List<&Edge<Delivery>> {
        List::of(&self.0.edges)
    }

    /// The rows alone.
    async fn nodes(&self) -> List<&Delivery> {
        List::of(self.0.edges.iter().map(|edge| &edge.node))
    }

    /// Where the page stands in its list.
    async fn page_info(&self) -> &PageInfo {
        &self.0.page_info
    }
}
