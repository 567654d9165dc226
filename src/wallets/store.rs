//! Wallets and ledger entries in the database.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{LedgerEntry, LedgerEntryType, Wallet, WalletId, list::Selection};
use crate::{
    claims::ClaimId,
    clock::Timestamp,
    db::{
        Tx, on,
        schema::{ledger_entries, wallets},
    },
    error::Result,
    ids::{Id, TenantId, UserId},
    paging::{EXAMINED, Page, PageRequest},
};

/// The wallet, nobody else's to change while the transaction lasts. (On SQLite a transaction that writes is alone.)
pub async fn lock(tenant: TenantId, tx: &Tx, owner: &UserId) -> Result<Option<Wallet>> {
    let row = wallets::table.filter(wallets::tenant_id.eq(tenant)).filter(wallets::owner_id.eq(owner));
    Ok(on!(tx,
        sqlite conn => row.select(Wallet::as_select()).first(conn).await,
        postgres conn => row.select(Wallet::as_select()).for_update().first(conn).await,
    )
    .optional()?)
}

/// The wallet as it is, not locked.
pub async fn find(tenant: TenantId, tx: &Tx, owner: &UserId) -> Result<Option<Wallet>> {
    let row = wallets::table.filter(wallets::tenant_id.eq(tenant)).filter(wallets::owner_id.eq(owner));
    Ok(on!(tx, conn => row.select(Wallet::as_select()).first(conn).await).optional()?)
}

pub(super) async fn of_owners(tenant: TenantId, tx: &Tx, owners: &[UserId]) -> Result<Vec<Wallet>> {
    let rows = wallets::table.filter(wallets::tenant_id.eq(tenant)).filter(wallets::owner_id.eq_any(owners));
    Ok(on!(tx, conn => rows.select(Wallet::as_select()).load(conn).await)?)
}

/// Makes an empty wallet for a provider, unless it has one.
pub async fn create_for(tenant: TenantId, tx: &Tx, now: Timestamp, owner: &UserId) -> Result<()> {
    let row = (
        wallets::tenant_id.eq(tenant),
        wallets::id.eq(WalletId::random()),
        wallets::owner_id.eq(owner),
        wallets::balance.eq(0),
        wallets::version.eq(0),
        wallets::created_at.eq(now),
    );
    let insert = diesel::insert_into(wallets::table).values(row).on_conflict_do_nothing();
    on!(tx, conn => insert.execute(conn).await)?;
    Ok(())
}

/// Writes the wallet as it is `after` a movement. False when it was not as `before` any more.
pub(super) async fn save(tenant: TenantId, tx: &Tx, before: &Wallet, after: &Wallet) -> Result<bool> {
    let row = wallets::table
        .filter(wallets::tenant_id.eq(tenant))
        .filter(wallets::id.eq(before.id))
        .filter(wallets::version.eq(before.version))
        .filter(wallets::balance.eq(before.balance));
    let change = (wallets::balance.eq(after.balance), wallets::version.eq(after.version));
    let update = diesel::update(row).set(change);
    Ok(on!(tx, conn => update.execute(conn).await)? == 1)
}

/// Adds an entry. False when its reference is taken: on PostgreSQL this waits for whoever is just taking it.
pub(super) async fn insert_entry(
    tenant: TenantId,
    tx: &Tx,
    entry: &LedgerEntry,
    request_hash: Option<&[u8]>,
) -> Result<bool> {
    let row = (ledger_entries::tenant_id.eq(tenant), ledger_entries::request_hash.eq(request_hash), entry);
    let insert = diesel::insert_into(ledger_entries::table).values(row).on_conflict_do_nothing();
    Ok(on!(tx, conn => insert.execute(conn).await)? == 1)
}

/// The entry that `reference` made, with the hash of what was asked.
pub(super) async fn entry_of_reference(
    tenant: TenantId,
    tx: &Tx,
    reference: &str,
) -> Result<Option<(LedgerEntry, Option<Vec<u8>>)>> {
    let row = ledger_entries::table
        .filter(ledger_entries::tenant_id.eq(tenant))
        .filter(ledger_entries::reference.eq(reference));
    Ok(on!(tx, conn => row
        .select((LedgerEntry::as_select(), ledger_entries::request_hash))
        .first(conn)
        .await)
    .optional()?)
}

/// The entry that a claim's payment or its refund made.
pub async fn entry_of_claim(
    tenant: TenantId,
    tx: &Tx,
    claim: ClaimId,
    entry_type: LedgerEntryType,
) -> Result<Option<LedgerEntry>> {
    let row = ledger_entries::table
        .filter(ledger_entries::tenant_id.eq(tenant))
        .filter(ledger_entries::claim_id.eq(claim))
        .filter(ledger_entries::entry_type.eq(entry_type));
    Ok(on!(tx, conn => row.select(LedgerEntry::as_select()).first(conn).await).optional()?)
}

/// A page of a wallet's entries, newest first. Versions have no gaps: they tell how many entries lie between two.
pub(super) async fn entries(
    tenant: TenantId,
    tx: &Tx,
    wanted: &Selection,
    request: &PageRequest<i32>,
) -> Result<Page<LedgerEntry, i32>> {
    let newest = newest_version(tenant, tx, wanted.wallet).await?;
    let top = request.from.map_or(newest, |from| from.saturating_sub(1).min(newest));
    let bottom = wanted.bottom(top);
    on!(tx, conn => {
        let matching = || {
            let all = ledger_entries::table
                .filter(ledger_entries::tenant_id.eq(tenant))
                .filter(ledger_entries::wallet_id.eq(wanted.wallet))
                .into_boxed::<Backend>();
            match &wanted.types {
                Some(types) => all.filter(ledger_entries::entry_type.eq_any(types)),
                None => all,
            }
        };
        let rows = matching()
            .filter(ledger_entries::version.between(bottom.unwrap_or(0), top))
            .order(ledger_entries::version.desc())
            .limit(request.limit())
            .select(LedgerEntry::as_select())
            .load(conn)
            .await?;
        let total = if request.count && i64::from(newest) <= EXAMINED {
            Some(matching().count().get_result(conn).await?)
        } else {
            None
        };
        Ok(request.page(rows, bottom, total))
    })
}

async fn newest_version(tenant: TenantId, tx: &Tx, wallet: Id<Wallet>) -> Result<i32> {
    let row = wallets::table.filter(wallets::tenant_id.eq(tenant)).filter(wallets::id.eq(wallet));
    let version = on!(tx, conn => row.select(wallets::version).first(conn).await).optional()?;
    Ok(version.unwrap_or(0))
}
