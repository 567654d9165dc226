//! Users: who acts in a tenant. Accounts live with the identity provider; a row here is made the first time a token shows
//! up (or ahead of it, by `upsertUser`) and carries what the marketplace needs to know: a role, a name, how to reach them.

pub mod graphql;
mod list;
pub mod loader;
mod revoke;
mod sight;
pub mod store;
mod upsert;

use diesel::{
    deserialize::FromSqlRow, expression::AsExpression, prelude::Queryable, prelude::Selectable, sql_types::Text,
};
use serde::{Deserialize, Serialize};

use crate::{auth::Viewer, clock::Timestamp, db, ids::UserId};

pub use list::{LIST, list};
pub use revoke::{RevokeTokensInput, revoke_tokens};
pub use sight::{Sighting, ensure_provider, role_of, sight};
pub use store::{count, find_many, ids};
pub use upsert::{UpsertUserInput, upsert};

/// What a user is in its tenant: decides what it sees and does.
#[derive(
    async_graphql::Enum,
    clap::ValueEnum,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::Display,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum Role {
    /// Sees opened leads, claims them and pays for them. The only role with a wallet.
    Provider,
    /// Posts leads and sees who claimed them.
    Customer,
    /// Runs the marketplace: sees and does everything but claim.
    Admin,
    /// An integrator's backend: like ADMIN, tenant settings and token revocation excluded.
    Service,
}
db::text_enum!(Role);

impl Role {
    /// ADMIN or SERVICE: acts for the marketplace itself, on behalf of anyone.
    pub fn is_operator(self) -> bool {
        matches!(self, Self::Admin | Self::Service)
    }
}

/// A user of the tenant.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = db::schema::users)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub role: Role,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub created_at: Timestamp,
}

impl User {
    pub const MAX_NAME_CHARS: usize = 200;

    /// The user itself, ADMIN and SERVICE.
    pub fn is_open_to(&self, viewer: &Viewer) -> bool {
        viewer.role.is_operator() || viewer.user == self.id
    }
}
