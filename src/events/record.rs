//! Events before they are in the log, and as they are read from it.

use std::{
    any::Any,
    sync::{Arc, OnceLock},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    clock::Timestamp,
    error::{Error, Result},
    ids::{TenantId, UserId},
};

/// What happened. In the log by name; a node skips names that it does not know.
#[derive(strum::EnumString, strum::IntoStaticStr, Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// A lead opened for the first time.
    LeadCreated,
    /// A lead was claimed.
    LeadClaimed,
    /// A lead changed in another way.
    LeadUpdated,
    /// A claim changed after it was made.
    ClaimUpdated,
    /// A wallet moved.
    BalanceUpdated,
    /// Users were told of something.
    NotificationAdded,
    /// Some of a user's notifications changed.
    NotificationUpdated,
    /// Tokens of a user became void. For the nodes: no client is told.
    TokensVoided,
}

impl Kind {
    /// Told to the users it names and to nobody else; the others are told to whoever may see their subject.
    pub fn is_private(self) -> bool {
        matches!(self, Self::BalanceUpdated | Self::NotificationAdded | Self::NotificationUpdated | Self::TokensVoided)
    }

    /// Told to every node instead of to clients.
    pub fn is_for_nodes(self) -> bool {
        matches!(self, Self::TokensVoided)
    }

    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Bytes that a payload may have: what keeps the hub's memory and a client's messages bounded.
pub const MAX_PAYLOAD: usize = 64 << 10;

/// An event to be appended.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub kind: Kind,
    /// To whom it is told, when its kind is private.
    pub users: Vec<UserId>,
    /// JSON: what clients are shown and, beside it, the facts that decide who may see it.
    pub payload: String,
}

impl NewEvent {
    pub fn new(kind: Kind, users: Vec<UserId>, payload: &impl Serialize) -> Result<Self> {
        let payload = serde_json::to_string(payload).map_err(Error::internal)?;
        if payload.len() > MAX_PAYLOAD {
            return Err(Error::internal(format!("a {} event of {} bytes", kind.name(), payload.len())));
        }
        Ok(Self { kind, users, payload })
    }
}

/// An event as the log has it. Shared by all its readers; the first one decodes it.
#[derive(Debug)]
pub struct Record {
    pub id: i64,
    pub tenant: TenantId,
    /// `None`: appended by a newer version of this program.
    pub kind: Option<Kind>,
    pub users: Vec<UserId>,
    pub payload: String,
    pub occurred_at: Timestamp,
    decoded: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Record {
    pub(super) fn new(id: i64, tenant: TenantId, kind: &str, payload: String, occurred_at: Timestamp) -> Self {
        Self { id, tenant, kind: kind.parse().ok(), users: Vec::new(), payload, occurred_at, decoded: OnceLock::new() }
    }

    /// The payload as the type that its kind has.
    pub fn decode<T: DeserializeOwned + Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        if let Some(known) = self.decoded.get()
            && let Ok(known) = known.clone().downcast()
        {
            return Ok(known);
        }
        let decoded: Arc<T> = Arc::new(serde_json::from_str(&self.payload).map_err(Error::internal)?);
        // Two readers may decode at once; either result will do.
        let _ = self.decoded.set(decoded.clone());
        Ok(decoded)
    }

    /// About what it takes in memory, once decoded: our facts take some twice their text, since they keep JSON of others as text.
    pub(super) fn size(&self) -> usize {
        let users: usize = self.users.iter().map(|user| user.as_str().len() + 32).sum();
        size_of::<Self>() + 3 * self.payload.len() + users
    }
}

/// What a stream reads: some kinds of one tenant's events, private ones only when they name the user.
#[derive(Clone, Debug)]
pub struct Scope {
    pub tenant: TenantId,
    pub user: UserId,
    pub kinds: Vec<Kind>,
}

impl Scope {
    pub fn public(&self) -> Vec<&'static str> {
        self.kinds.iter().filter(|kind| !kind.is_private()).map(|kind| kind.name()).collect()
    }

    pub fn private(&self) -> Vec<&'static str> {
        self.kinds.iter().filter(|kind| kind.is_private()).map(|kind| kind.name()).collect()
    }

    pub fn takes(&self, record: &Record) -> bool {
        record.tenant == self.tenant
            && record.kind.is_some_and(|kind| {
                self.kinds.contains(&kind) && (!kind.is_private() || record.users.contains(&self.user))
            })
    }
}
