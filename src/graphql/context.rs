//! What a resolver finds in its context: the application, the viewer, the request's batched look-ups, and the place in the
//! event log at which the request began.

use async_graphql::{Context, Request};

use super::Loader;
use crate::{
    app::App,
    auth::{self, Viewer},
    capacity::Running,
    claims::{self, Claim, ClaimId},
    error::{Fault, Result},
    events::Cursor,
    ids::UserId,
    leads::{self, Contact, Lead, LeadId},
    matching::{self, OwnProfile, ProviderProfile},
    notifications::{self, Notification, NotificationId},
    users::{self, User},
    wallets::{self, Wallet},
};

/// The batched look-ups of one request, each with the viewer's visibility built in where its name says so.
pub struct Loaders {
    pub users: Loader<UserId, User>,
    /// Leads that the viewer may see.
    pub leads: Loader<LeadId, Lead>,
    /// Contacts, whoever asks: the resolver decides who may.
    pub contacts: Loader<LeadId, Contact>,
    pub claims: Loader<ClaimId, Claim>,
    /// The viewer's own claim on a lead.
    pub own_claims: Loader<LeadId, Claim>,
    /// Providers that have claimed a lead of the viewer's.
    pub claimants: Loader<UserId, ()>,
    pub wallets: Loader<UserId, Wallet>,
    /// Notifications that the viewer may see.
    pub notifications: Loader<NotificationId, Notification>,
    pub unread_counts: Loader<UserId, i64>,
    /// What each provider wants, whoever asks.
    pub profiles: Loader<UserId, ProviderProfile>,
    /// What the viewer wants, looked up once: for scores.
    pub own_profile: OwnProfile,
}

/// The watermark as it was before the request read anything.
pub(super) struct Began(pub Cursor);

/// Prepares a request for execution on behalf of `viewer`.
pub fn request(app: &App, viewer: &Viewer, running: &Running, request: Request) -> Request {
    let (db, tenant) = (&app.db, viewer.tenant);
    let loaders = Loaders {
        users: users::loader::users(db, tenant),
        leads: leads::loader::visible(db, viewer),
        contacts: leads::loader::contacts(db, tenant),
        claims: claims::loader::claims(db, tenant),
        own_claims: claims::loader::own_claims(db, tenant, viewer.user.clone()),
        claimants: claims::loader::claimants(db, tenant, viewer.user.clone()),
        wallets: wallets::loader::wallets(db, tenant),
        notifications: notifications::loader::visible(db, viewer),
        unread_counts: notifications::loader::unread_counts(db, tenant),
        profiles: matching::loader::profiles(db, tenant),
        own_profile: OwnProfile::of(&app.profiles, viewer),
    };
    let request = request.data(Began(app.hub.end(tenant))).data(app.clone()).data(viewer.clone());
    request.data(loaders).data(running.clone())
}

pub fn app<'a>(ctx: &Context<'a>) -> &'a App {
    ctx.data_unchecked()
}

pub fn loaders<'a>(ctx: &Context<'a>) -> &'a Loaders {
    ctx.data_unchecked()
}

/// The operation, as long as it runs.
pub fn running<'a>(ctx: &Context<'a>) -> &'a Running {
    ctx.data_unchecked()
}

/// Who is asking. A missing viewer is a refusal, never a panic: a field that forgets to ask cannot leak.
pub fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer, Fault> {
    ctx.data_opt().ok_or(auth::MISSING)
}

/// Whether `totalCount` is selected: it is counted only then.
pub fn wants_total(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}
