//! What the tables must never show, whatever has happened.

use super::Storm;
use crate::support::sql::Sql;

/// Each counts what there must be none of.
#[rustfmt::skip]
const NEVER: [(&str, &str); 11] = [
    ("wallets whose balance is not the sum of their entries",
     "SELECT count(*) FROM wallets w WHERE balance < 0 OR balance <> (SELECT coalesce(sum(change), 0) FROM ledger_entries e
        WHERE e.tenant_id = w.tenant_id AND e.wallet_id = w.id)"),
    ("wallets with a gap in their entries",
     "SELECT count(*) FROM wallets w WHERE
        version <> (SELECT count(*) FROM ledger_entries e WHERE e.tenant_id = w.tenant_id AND e.wallet_id = w.id)
        OR version <> (SELECT coalesce(max(version), 0) FROM ledger_entries e
            WHERE e.tenant_id = w.tenant_id AND e.wallet_id = w.id)"),
    ("entries that do not begin where the one before ended",
     "SELECT count(*) FROM ledger_entries e WHERE balance <> previous_balance + change OR balance < 0
        OR previous_balance <> coalesce((SELECT b.balance FROM ledger_entries b
            WHERE b.tenant_id = e.tenant_id AND b.wallet_id = e.wallet_id AND b.version = e.version - 1), 0)"),
    ("leads whose count is not that of the claims that hold a place",
     "SELECT count(*) FROM leads l WHERE claim_count > max_claims OR claim_count NOT BETWEEN
        (SELECT count(*) FROM claims c WHERE c.tenant_id = l.tenant_id AND c.lead_id = l.id AND c.status <> 'REFUNDED')
        AND (SELECT count(*) FROM claims c WHERE c.tenant_id = l.tenant_id AND c.lead_id = l.id)"),
    ("leads whose status does not fit",
     "SELECT count(*) FROM leads WHERE (status = 'FULL' AND claim_count <> max_claims)
        OR (status = 'OPEN' AND claim_count >= max_claims)
        OR (status IN ('OPEN', 'FULL', 'EXPIRED') AND (verified_at IS NULL OR expires_at IS NULL))
        OR (status IN ('IN_REVIEW', 'REJECTED') AND (claim_count > 0 OR verified_at IS NOT NULL))"),
    ("providers with two claims on a lead",
     "SELECT count(*) FROM (SELECT 1 FROM claims GROUP BY tenant_id, lead_id, provider_id HAVING count(*) > 1) doubled"),
    ("claims that were not paid once, and by their provider",
     "SELECT count(*) FROM claims c WHERE 1 <> (SELECT count(*) FROM ledger_entries e
        JOIN wallets w ON w.tenant_id = e.tenant_id AND w.id = e.wallet_id WHERE e.tenant_id = c.tenant_id
        AND e.claim_id = c.id AND e.entry_type = 'CLAIM' AND e.change = -c.price AND w.owner_id = c.provider_id)"),
    ("claims that were not paid back as they say",
     "SELECT count(*) FROM claims c WHERE (CASE WHEN status = 'REFUNDED' THEN 1 ELSE 0 END) <> (SELECT count(*)
        FROM ledger_entries e WHERE e.tenant_id = c.tenant_id AND e.claim_id = c.id AND e.entry_type = 'REFUND'
        AND e.change = coalesce(c.refund_amount, -1))"),
    ("payments without a claim",
     "SELECT count(*) FROM ledger_entries e WHERE entry_type IN ('CLAIM', 'REFUND') AND NOT EXISTS
        (SELECT 1 FROM claims c WHERE c.tenant_id = e.tenant_id AND c.id = e.claim_id)"),
    ("counts of what is unread that are not the number of such rows",
     "SELECT count(*) FROM unread_counts u WHERE unread <> (SELECT count(*) FROM notifications n
        WHERE n.tenant_id = u.tenant_id AND n.recipient_id = u.user_id AND n.folder = 'INBOX' AND n.unread)"),
    ("notifications of users who have no count",
     "SELECT count(*) FROM notifications n WHERE NOT EXISTS (SELECT 1 FROM unread_counts u
        WHERE u.tenant_id = n.tenant_id AND u.user_id = n.recipient_id)"),
];

impl Storm {
    /// The books of both tenants are right.
    pub async fn audit(&self) {
        let sql = Sql::open(&self.site.target).await;
        for (what, count) in NEVER {
            assert_eq!(sql.text(count).await, "0", "{what}");
        }
    }
}
