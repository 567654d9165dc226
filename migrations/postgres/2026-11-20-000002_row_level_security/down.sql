DO $$
DECLARE
    tenant_table text;
    role text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['tenants', 'users', 'leads', 'contacts', 'lead_attributes', 'wallets', 'claims',
        'ledger_entries', 'events', 'event_users'] LOOP
        EXECUTE format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('DROP POLICY IF EXISTS own ON %I', tenant_table);
        EXECUTE format('DROP POLICY IF EXISTS every ON %I', tenant_table);
        EXECUTE format('DROP POLICY IF EXISTS due ON %I', tenant_table);
    END LOOP;
    -- The roles stay: another database of the cluster may use them.
    FOREACH role IN ARRAY ARRAY['leadcast_tenant', 'leadcast_across', 'leadcast_upkeep'] LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', current_schema(), role);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', current_schema(), role);
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', current_schema(), role);
    END LOOP;
END $$;
