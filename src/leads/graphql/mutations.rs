//! What can be done to a lead.

use async_graphql::{Context, Object, SimpleObject};

use super::super::{
    CreateLeadInput, Lead, LeadId, RejectLeadInput, UpdateLeadInput, VerifyLeadInput, WithdrawLeadInput, create,
    reject, update, verify, withdraw,
};
use crate::{
    error::{Result, UserError},
    graphql::{self, errors::outcome},
};

/// What a mutation of a lead did.
#[derive(SimpleObject)]
pub struct LeadPayload {
    /// The lead as it is now, also when the mutation was refused; null when there is none that the viewer may see, or when
    /// the mutation is closed to the viewer's role.
    lead: Option<Lead>,
    /// Whether everything was so already, because the same had been done before: nothing was changed this time.
    replayed: bool,
    /// Why nothing was changed; empty when it was.
    user_errors: Vec<UserError>,
}

impl LeadPayload {
    /// After a refusal, the lead that the input named is shown as it is; nothing is looked up for a role that may not ask.
    async fn of(ctx: &Context<'_>, id: Option<LeadId>, result: Result<(Lead, bool)>) -> async_graphql::Result<Self> {
        Ok(match outcome(result)? {
            Ok((lead, replayed)) => Self { lead: Some(lead), replayed, user_errors: Vec::new() },
            Err(user_errors) => {
                let lead = match id {
                    Some(id) if !UserError::is_closed_door(&user_errors) => {
                        graphql::loaders(ctx).leads.load(id).await?
                    }
                    _ => None,
                };
                Self { lead, replayed: false, user_errors }
            }
        })
    }
}

#[derive(Default)]
pub struct LeadMutation;

#[Object]
impl LeadMutation {
    /// Posts a lead. A CUSTOMER its own; ADMIN and SERVICE on behalf of one. Safe to repeat: see `reference`.
    async fn create_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The lead.")] input: CreateLeadInput,
    ) -> async_graphql::Result<LeadPayload> {
        let result = create(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        LeadPayload::of(ctx, None, result).await
    }

    /// Changes a lead. Its customer, ADMIN and SERVICE. A lead that was withdrawn or rejected stays as it is.
    async fn update_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lead, and what it should be.")] input: UpdateLeadInput,
    ) -> async_graphql::Result<LeadPayload> {
        let id = input.id;
        let result = update(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        LeadPayload::of(ctx, Some(id), result).await
    }

    /// Takes a lead back. Its customer, ADMIN and SERVICE. Claims and their contact stay, unless they are refunded. Safe to repeat.
    async fn withdraw_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lead, and why.")] input: WithdrawLeadInput,
    ) -> async_graphql::Result<LeadPayload> {
        let id = input.id;
        let result = withdraw(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        LeadPayload::of(ctx, Some(id), result).await
    }

    /// Opens a lead that waits for review. ADMIN and SERVICE. Safe to repeat.
    async fn verify_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lead.")] input: VerifyLeadInput,
    ) -> async_graphql::Result<LeadPayload> {
        let id = input.id;
        let result = verify(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        LeadPayload::of(ctx, Some(id), result).await
    }

    /// Turns down a lead that waits for review. ADMIN and SERVICE. Safe to repeat.
    async fn reject_lead(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which lead, and why.")] input: RejectLeadInput,
    ) -> async_graphql::Result<LeadPayload> {
        let id = input.id;
        let result = reject(graphql::app(ctx), graphql::viewer(ctx)?, input).await;
        LeadPayload::of(ctx, Some(id), result).await
    }
}
