//! The schema: the features' roots merged, and what they share.

mod bounds;
mod connection;
mod context;
pub mod errors;
mod events;
mod list;
mod loader;
mod scalars;
pub mod stream;
mod viewer;

use async_graphql::{MergedObject, MergedSubscription, SDLExportOptions, ValidationMode};

pub use connection::{Connection, DeliveryConnection, Edge, PageInfo};
pub use context::{Loaders, app, loaders, request, running, viewer, wants_total};
pub use list::List;
pub use loader::Loader;
pub use scalars::checks as scalar_checks;
pub use viewer::Me;

use crate::{
    claims::graphql::{ClaimMutation, ClaimQuery, ClaimSubscription},
    delivery::graphql::{DeliveryMutation, DeliveryQuery},
    error::UserError,
    leads::graphql::{LeadMutation, LeadQuery, LeadSubscription},
    matching::graphql::{MatchingMutation, MatchingQuery},
    notifications::graphql::{NotificationMutation, NotificationQuery, NotificationSubscription},
    preferences::graphql::{PreferenceMutation, PreferenceQuery},
    tenants::graphql::TenantMutation,
    users::graphql::{UserMutation, UserQuery},
    wallets::graphql::{WalletMutation, WalletQuery, WalletSubscription},
};

/// What can be read. Everything is of the viewer's tenant: something of another does not exist.
#[derive(MergedObject, Default)]
pub struct Query(
    viewer::ViewerQuery,
    LeadQuery,
    ClaimQuery,
    WalletQuery,
    MatchingQuery,
    NotificationQuery,
    DeliveryQuery,
    UserQuery,
    PreferenceQuery,
    events::EventQuery,
);

/// What can be done. An expected refusal is data: look at `userErrors`. Sending a mutation again is safe.
#[derive(MergedObject, Default)]
pub struct Mutation(
    LeadMutation,
    ClaimMutation,
    WalletMutation,
    MatchingMutation,
    NotificationMutation,
    DeliveryMutation,
    UserMutation,
    PreferenceMutation,
    TenantMutation,
);

/// What can be followed. Without `after` a stream starts now; with it, it first brings what was missed (`backlog: true`).
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    LeadSubscription,
    ClaimSubscription,
    WalletSubscription,
    NotificationSubscription,
    events::EventSubscription,
);

pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

pub type SchemaBuilder = async_graphql::SchemaBuilder<Query, Mutation, Subscription>;

/// The schema as it is served, to which something may be added.
pub fn schema() -> SchemaBuilder {
    // The gate has validated what gets here, and knows how deep it is: 64 levels in the text, and as many fragments in one another.
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .validation_mode(ValidationMode::Fast)
        .limit_recursive_depth(512)
        .extension(bounds::Bounds)
        .register_output_type::<UserError>()
}

/// The schema as text, sorted: what schema.graphql is.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items().include_specified_by();
    schema().finish().sdl_with_options(options)
}
