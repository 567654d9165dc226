DROP TABLE log_state, event_users, events, ledger_entries, claims, wallets, lead_attributes, contacts, leads, users, tenants;
DROP FUNCTION leadcast_next_event_id, leadcast_ledger_is_immutable;
