//! A place in a tenant's event log, as clients hold it.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    db::{Epoch, Place},
    error::{Fault, Result},
    ids::{Id, TenantId},
};

/// Opaque to clients: a kind byte, the epoch, the tenant and the event id, encoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    pub epoch: Epoch,
    pub tenant: TenantId,
    pub id: i64,
}

/// The first byte, so that a cursor of another kind or a later form is not mistaken for this one.
const KIND: u8 = b'e';
const LENGTH: usize = 1 + 16 + 16 + 8;

impl Cursor {
    /// Reads a client's text; `None` when it is no cursor at all.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; LENGTH] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (kind, rest) = bytes.split_first()?;
        let (epoch, rest) = rest.split_first_chunk::<16>()?;
        let (tenant, id) = rest.split_first_chunk::<16>()?;
        let id = i64::from_be_bytes(id.try_into().ok()?);
        (*kind == KIND && id >= 0).then_some(Self {
            epoch: Id::from_uuid(Uuid::from_bytes(*epoch)),
            tenant: Id::from_uuid(Uuid::from_bytes(*tenant)),
            id,
        })
    }

    pub fn new(tenant: TenantId, Place { epoch, id }: Place) -> Self {
        Self { epoch, tenant, id }
    }

    /// A cursor of another tenant is refused, whatever else is true of it.
    pub fn check_tenant(&self, tenant: TenantId) -> Result<()> {
        if self.tenant == tenant {
            return Ok(());
        }
        Err(Fault::BadUserInput("This Cursor is not one of this tenant.".to_owned()).into())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(KIND);
        bytes.extend(self.epoch.uuid().as_bytes());
        bytes.extend(self.tenant.uuid().as_bytes());
        bytes.extend(self.id.to_be_bytes());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text_and_nothing_else_is_one() {
        let cursor = Cursor { epoch: Id::random(), tenant: Id::random(), id: 42 };
        let text = cursor.to_string();
        assert_eq!(Cursor::parse(&text), Some(cursor));
        for wrong in ["", "42", &text[1..], &format!("{text}AAAA"), "é"] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong:?}");
        }
    }
}
