//! Delivery: what goes out of the application, by e-mail and by the tenants' webhooks.
//!
//! Whoever tells something (`notifications`) writes a delivery for each recipient and channel in the same transaction
//! (`enqueue.rs`), so that what was told goes out and what was not does not. A worker (`deliver.rs`) finds what is due, takes it
//! under a lease (`take.rs`), sends it outside of any transaction (`mail.rs`, `webhook.rs`) and writes down what became of it
//! (`record.rs`). A node that dies in between leaves a lease that ends: another sends it again. So a message arrives at least once,
//! and each carries an id by which a receiver knows a repeat.
//!
//! What is gathered for a digest becomes a message when it is first taken, and goes out as that message however often that is
//! tried. All deliveries of a message share what becomes of it.

mod address;
mod client;
mod courier;
mod deliver;
mod enqueue;
pub mod graphql;
mod letter;
mod list;
mod mail;
mod payload;
mod record;
mod reply;
mod retain;
mod retry;
mod rotate;
mod sign;
mod state;
mod store;
mod take;
mod text;
mod webhook;

use diesel::{
    deserialize::FromSqlRow,
    expression::AsExpression,
    prelude::{Insertable, Queryable, Selectable},
    sql_types::Text,
};
use uuid::Uuid;

use crate::{
    claims::ClaimId,
    clock::Timestamp,
    db::{self, schema},
    ids::{Id, UserId},
    json::JsonText,
    leads::LeadId,
    notifications::{NotificationId, NotificationType, Priority},
    preferences::Channel,
};

pub use address::{MAX_URL_CHARS, check_url};
pub use courier::Courier;
pub use deliver::deliver;
pub use enqueue::{News, enqueue};
pub use retain::retain;
pub use store::secrets::has_secret;

pub type DeliveryId = Id<Delivery>;

/// How far a delivery has come.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Debug,
    AsExpression,
    FromSqlRow,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
#[diesel(sql_type = Text)]
pub enum DeliveryStatus {
    /// It waits for its time, or is being sent for the first time.
    Pending,
    /// It could not be sent yet, and is tried again at `nextAttemptAt`.
    Retrying,
    /// The mail server or the webhook has taken it.
    Sent,
    /// It is not tried any more: `lastError` says why. `retryDelivery` begins anew.
    Dead,
}
db::text_enum!(DeliveryStatus);

/// A notification on its way to its recipient on one channel.
#[derive(Queryable, Selectable, Insertable, Clone, PartialEq, Debug)]
#[diesel(table_name = schema::deliveries)]
pub struct Delivery {
    pub id: DeliveryId,
    pub recipient_id: UserId,
    pub channel: Channel,
    /// `None` when its recipient has switched it off in the application.
    pub notification_id: Option<NotificationId>,
    #[diesel(column_name = notification_type)]
    pub kind: NotificationType,
    pub topic: Option<String>,
    pub priority: Priority,
    pub title: String,
    pub message: String,
    pub data: Option<JsonText>,
    pub reference: Option<String>,
    pub subject_id: Id<Uuid>,
    pub lead_id: Option<LeadId>,
    pub claim_id: Option<ClaimId>,
    pub lead_match: Option<serde_json::Value>,
    /// Whether it goes out in a digest.
    pub gathered: bool,
    /// The message that it goes out in; `None` while its digest is not made yet.
    pub message_id: Option<DeliveryId>,
    pub status: DeliveryStatus,
    /// How often it was tried to send it.
    pub attempts: i32,
    /// Why that failed last.
    pub last_error: Option<String>,
    /// `None` when it is not tried any more.
    pub next_attempt_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// The channels that lead out of the application.
pub const CHANNELS: [Channel; 4] = [Channel::Email, Channel::Sms, Channel::Push, Channel::Webhook];
