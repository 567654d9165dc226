//! Identifiers. Rows are named by UUIDv7 (time-ordered, so that index pages fill from one side); nothing is *ordered* by them.
//! A user is named by the `sub` of its token, whatever form the identity provider gives it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    sync::Arc,
};

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::Text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::db::sql_types;

/// The id of a `K`. `Id<Lead>` and `Id<Claim>` cannot be mixed up.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::Uuid)]
pub struct Id<K: 'static>(Uuid, PhantomData<fn() -> K>);

impl<K> Id<K> {
    /// A new id, unique everywhere.
    pub fn random() -> Self {
        Self(Uuid::now_v7(), PhantomData)
    }

    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// Reads what a client sent. A text that is no id names nothing, which is what the nil id does: the look-up that
    /// follows answers "not found", just as for an id that never existed or is another tenant's.
    pub fn from_client(text: &str) -> Self {
        Self(Uuid::try_parse(text).unwrap_or_default(), PhantomData)
    }

    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<K> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de, K> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Uuid::deserialize(deserializer).map(Self::from_uuid)
    }
}

/// A user's id: the `sub` of its tokens. 1 to [`UserId::MAX_CHARS`] characters, no control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct UserId(Arc<str>);

impl UserId {
    pub const MAX_CHARS: usize = 128;

    /// Whether this can name a user at all.
    pub fn is_valid(&self) -> bool {
        !self.0.is_empty()
            && self.0.chars().count() <= Self::MAX_CHARS
            && self.0.trim() == &*self.0
            && !self.0.chars().any(char::is_control)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> From<T> for UserId {
    fn from(sub: T) -> Self {
        Self(sub.as_ref().into())
    }
}
impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

pub type TenantId = Id<crate::tenants::Tenant>;
