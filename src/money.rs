//! Numbers of money. A client may send any integer; the rules refuse what is out of range with the path of the field, and
//! the databases have the same bounds as CHECKs.

use diesel::{deserialize::FromSqlRow, expression::AsExpression, sql_types::BigInt};
use serde::{Deserialize, Serialize};

/// The largest whole number that every client (JavaScript included) holds exactly: 2^53 - 1.
pub const MAX: i64 = 9_007_199_254_740_991;

/// Whole credits: what a wallet holds and a lead costs. In range from 0 to [`MAX`].
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct Credits(pub i64);

impl Credits {
    pub const ZERO: Self = Self(0);

    pub fn in_range(self) -> bool {
        (0..=MAX).contains(&self.0)
    }

    /// The balance after `change`; `None` when it would leave the range.
    pub fn changed_by(self, change: SignedCredits) -> Option<Self> {
        self.0.checked_add(change.0).map(Self).filter(|balance| balance.in_range())
    }

    /// This amount as a payment in.
    pub fn as_gain(self) -> SignedCredits {
        SignedCredits(self.0)
    }

    /// This amount as a payment out.
    pub fn as_loss(self) -> SignedCredits {
        SignedCredits(-self.0)
    }
}

/// A change of credits, from -[`MAX`] to [`MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct SignedCredits(pub i64);

impl SignedCredits {
    pub fn in_range(self) -> bool {
        (-MAX..=MAX).contains(&self.0)
    }
}

/// Money: whole minor units of the tenant's currency, 0 to [`MAX`].
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, AsExpression, FromSqlRow,
)]
#[diesel(sql_type = BigInt)]
#[serde(transparent)]
pub struct Amount(pub i64);

impl Amount {
    pub fn in_range(self) -> bool {
        (0..=MAX).contains(&self.0)
    }
}
