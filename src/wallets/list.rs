//! A wallet's entries, newest first, in pages.

use std::collections::HashSet;

use super::{LedgerEntry, LedgerEntryType, WalletId, store};
use crate::{
    db::Db,
    error::Result,
    ids::TenantId,
    paging::{EXAMINED, Page, PageArgs},
};

/// The list's name in its cursors; its key is the wallet's version that an entry made.
pub const LIST: &str = "entries";

/// Which entries.
#[derive(Clone, Debug)]
pub struct Selection {
    pub wallet: WalletId,
    /// `None`: of every type.
    pub types: Option<HashSet<LedgerEntryType>>,
}

impl Selection {
    /// Types have no index, so a page that asks for some ends with this version when it starts at `top`; `None` when it
    /// can reach the end of the list.
    pub(super) fn bottom(&self, top: i32) -> Option<i32> {
        let examined = i32::try_from(EXAMINED).unwrap_or(i32::MAX);
        let bottom = top.saturating_sub(examined).saturating_add(1);
        (self.types.is_some() && bottom > 1).then_some(bottom)
    }
}

/// A page of entries. Whether the viewer may see them is settled by who gets hold of a wallet.
pub async fn entries(
    db: &Db,
    tenant: TenantId,
    wanted: Selection,
    page: PageArgs,
    count: bool,
) -> Result<Page<LedgerEntry, i32>> {
    let request = page.request(LIST, count)?;
    db.read(tenant, async move |tx| store::entries(tenant, tx, &wanted, &request).await).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_that_skips_entries_ends_before_the_list_does() {
        let all = Selection { wallet: WalletId::random(), types: None };
        let some = Selection { types: Some(HashSet::from([LedgerEntryType::Grant])), ..all.clone() };
        assert_eq!(all.bottom(50_000), None);
        assert_eq!(some.bottom(50_000), Some(40_001));
        assert_eq!(some.bottom(10_000), None);
        assert_eq!(some.bottom(-1), None);
    }
}
