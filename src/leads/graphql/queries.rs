//! lead and leads.

use async_graphql::{Context, Object};

use super::super::{Lead, LeadFilter, LeadId, LeadOrder, list};
use crate::{
    error::Result,
    graphql::{self, Connection, errors::nullable, wants_total},
    paging::{PageArgs, PageCursor},
};

#[derive(Default)]
pub struct LeadQuery;

#[Object]
impl LeadQuery {
    /// A lead by id; null when there is none that the viewer may see.
    async fn lead(&self, ctx: &Context<'_>, #[graphql(desc = "The lead's id.")] id: LeadId) -> Option<Lead> {
        nullable(ctx, graphql::loaders(ctx).leads.load(id).await)
    }

    /// The leads that the viewer may see: for a PROVIDER every lead from its opening on, for a CUSTOMER its own, for ADMIN
    /// and SERVICE all. Newest first unless ordered otherwise. A filter may make a page end short of `first`, even empty:
    /// go on from `endCursor` while `hasNextPage`.
    #[allow(clippy::too_many_arguments)]
    async fn leads(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which leads; real ones of every kind when left out.")] filter: Option<LeadFilter>,
        #[graphql(desc = "In which order; newest first when left out.")] order_by: Option<LeadOrder>,
        #[graphql(desc = "How many from the beginning, or after `after`: 0 to 100, 20 when left out.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Go on after this place.")] after: Option<PageCursor>,
        #[graphql(desc = "How many from the end, or before `before`: 0 to 100.")] last: Option<i32>,
        #[graphql(desc = "Go back before this place.")] before: Option<PageCursor>,
    ) -> Result<Connection<Lead>> {
        let order = order_by.unwrap_or_default();
        let page = PageArgs { first, after, last, before }.request(order.list_name(), wants_total(ctx))?;
        let (app, viewer) = (graphql::app(ctx), graphql::viewer(ctx)?);
        let own = &graphql::loaders(ctx).own_profile;
        let (found, places) = list(app, viewer, own, filter.unwrap_or_default(), order, page).await?;
        Connection::new(found, order.list_name(), |lead| places.key(lead))
    }
}
