//! Wallets: what a provider pays with.
//!
//! A wallet holds whole credits and never less than none. Every movement writes a ledger entry that says what was
//! before, what changed and what is now; entries are never changed or deleted (the database refuses), and each raises
//! the wallet's version by one, so that they form a chain without gaps and their sum is the balance. A movement from
//! outside carries the caller's `reference`: sent again, it is found and not repeated.

mod adjust;
pub mod graphql;
mod list;
pub mod loader;
mod movement;
mod store;
mod top_up;

use diesel::{
    deserialize::FromSqlRow,
    expression::AsExpression,
    prelude::{Insertable, Queryable, Selectable},
    sql_types::Text,
};
use serde::{Deserialize, Serialize};

use crate::{
    auth::Viewer,
    claims::Claim,
    clock::Timestamp,
    db::{self, schema},
    error::{ErrorCode, InsufficientCreditsError, Result, UserError, path_of},
    events::{Kind, NewEvent},
    ids::{Id, UserId},
    money::{Credits, SignedCredits},
};

pub use adjust::{AdjustWalletInput, adjust};
pub use list::{LIST, Selection, entries};
pub use movement::{Booking, Moved, Movement, Reason, Request, apply, save};
pub use store::{create_for, entry_of_claim, find, lock};
pub use top_up::{TopUpWalletInput, top_up};

pub type WalletId = Id<Wallet>;
pub type LedgerEntryId = Id<LedgerEntry>;

/// A provider's credits.
#[derive(Queryable, Selectable, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[diesel(table_name = schema::wallets)]
pub struct Wallet {
    pub id: WalletId,
    pub owner_id: UserId,
    pub balance: Credits,
    /// How many entries it has.
    pub version: i32,
}

impl Wallet {
    /// Its owner, ADMIN and SERVICE.
    pub fn visible_to(&self, viewer: &Viewer) -> bool {
        viewer.role.is_operator() || viewer.user == self.owner_id
    }

    /// Whether `price` can be paid from it; `path` leads to the field that asks for it.
    pub fn can_pay(&self, price: Credits, path: &[&str]) -> Result<(), UserError> {
        if self.balance >= price {
            return Ok(());
        }
        Err(UserError::InsufficientCreditsError(InsufficientCreditsError {
            code: ErrorCode::InsufficientCredits,
            message: format!("This costs {} credits; the wallet holds {}.", price.0, self.balance.0),
            path: path_of(path),
            required: price,
            available: self.balance,
        }))
    }

    /// The wallet after a movement; `None` when the balance would leave its range.
    fn after(&self, change: SignedCredits) -> Option<Self> {
        let balance = self.balance.changed_by(change)?;
        Some(Self { balance, version: self.version + 1, ..self.clone() })
    }
}

/// Why the balance moved.
#[derive(
    async_graphql::Enum,
    strum::EnumString,
    strum::IntoStaticStr,
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
pub enum LedgerEntryType {
    /// Credits were bought.
    TopUp,
    /// Credits were given away.
    Grant,
    /// A lead was claimed.
    Claim,
    /// A claim was refunded, in whole or in part.
    Refund,
    /// An ADMIN put something right.
    Adjustment,
}
db::text_enum!(LedgerEntryType);

/// One movement of a wallet. Immutable.
#[derive(Queryable, Selectable, Insertable, Clone, PartialEq, Debug, Serialize, Deserialize)]
#[diesel(table_name = schema::ledger_entries)]
pub struct LedgerEntry {
    pub id: LedgerEntryId,
    pub wallet_id: WalletId,
    /// The wallet's version that this entry made.
    pub version: i32,
    pub entry_type: LedgerEntryType,
    pub change: SignedCredits,
    pub previous_balance: Credits,
    pub balance: Credits,
    pub claim_id: Option<Id<Claim>>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub created_at: Timestamp,
}

/// The event of a movement.
pub fn balance_updated(wallet: &Wallet, entry: &LedgerEntry) -> Result<NewEvent> {
    NewEvent::new(
        Kind::BalanceUpdated,
        vec![wallet.owner_id.clone()],
        &BalanceUpdated { wallet: wallet.clone(), entry: entry.clone() },
    )
}

/// What a `balanceUpdated` event carries: told to the wallet's owner alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BalanceUpdated {
    pub wallet: Wallet,
    pub entry: LedgerEntry,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money;

    fn wallet(balance: i64) -> Wallet {
        Wallet { id: Id::random(), owner_id: "ann".into(), balance: Credits(balance), version: 3 }
    }

    #[test]
    fn a_movement_changes_balance_and_version() {
        let after = wallet(10).after(SignedCredits(-4));
        assert_eq!(after.map(|after| (after.balance, after.version)), Some((Credits(6), 4)));
    }

    #[test]
    fn the_balance_stays_in_its_range() {
        assert_eq!(wallet(3).after(SignedCredits(-4)), None);
        assert_eq!(wallet(money::MAX).after(SignedCredits(1)), None);
        assert!(wallet(money::MAX).after(SignedCredits(-money::MAX)).is_some());
    }

    #[test]
    fn a_price_can_be_paid_with_the_last_credit() {
        assert!(wallet(5).can_pay(Credits(5), &[]).is_ok());
        assert!(wallet(0).can_pay(Credits(0), &[]).is_ok());
        assert!(wallet(4).can_pay(Credits(5), &[]).is_err());
    }
}
