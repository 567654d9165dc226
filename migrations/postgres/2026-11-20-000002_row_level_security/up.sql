-- A second wall behind the tenant in every key: row level security. Every transaction runs as one of three roles, set in its BEGIN
-- (src/db/tx.rs). They own nothing and cannot log in; FORCE binds the owner of the tables, too, who has no policy and so sees nothing.
--
--   leadcast_tenant  reads and writes the rows of the tenant in the setting leadcast.tenant; without a setting, none
--   leadcast_across  reads past tenants what the event tail and the workers' due lists need
--   leadcast_upkeep  cuts off the log, begins a new epoch, makes tenants
--
-- A new table of tenants joins in the migration that makes it; a test looks for those that do not. A migration that changes rows
-- turns FORCE off for as long as it takes.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['leadcast_tenant', 'leadcast_across', 'leadcast_upkeep'] LOOP
        -- Roles belong to the cluster: another database of it may have them already, or make them just now.
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        IF NOT pg_has_role(current_user, role, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', role);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), role);
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the database user % may not make the roles that leadcast works as: ALTER ROLE % CREATEROLE, or let a superuser run '
        'CREATE ROLE leadcast_tenant; CREATE ROLE leadcast_across; CREATE ROLE leadcast_upkeep; '
        'GRANT leadcast_tenant, leadcast_across, leadcast_upkeep TO %', current_user, current_user, current_user;
END $$;

-- What a tenant's transactions do. Nobody may change or delete an entry of the ledger or an event of the log.
GRANT SELECT, UPDATE ON tenants TO leadcast_tenant;
GRANT SELECT, INSERT, UPDATE ON users, leads, contacts, wallets, claims TO leadcast_tenant;
GRANT SELECT, INSERT, DELETE ON lead_attributes TO leadcast_tenant;
GRANT SELECT, INSERT ON ledger_entries, events, event_users TO leadcast_tenant;
GRANT SELECT ON log_state TO leadcast_tenant;
GRANT USAGE ON SEQUENCE events_id_seq TO leadcast_tenant;

GRANT SELECT ON tenants, events, event_users, log_state TO leadcast_across;
GRANT SELECT ON SEQUENCE events_id_seq TO leadcast_across;
GRANT SELECT (tenant_id, id, status, expires_at) ON leads TO leadcast_across;

GRANT SELECT, INSERT ON tenants TO leadcast_upkeep;
GRANT SELECT, UPDATE ON log_state TO leadcast_upkeep;
GRANT SELECT (id, occurred_at), DELETE ON events TO leadcast_upkeep;
GRANT SELECT (event_id), DELETE ON event_users TO leadcast_upkeep;

-- Which rows. In a sub-select the setting is read once for a statement, not once for a row; after a first use it is '' when unset.
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['users', 'leads', 'contacts', 'lead_attributes', 'wallets', 'claims', 'ledger_entries',
        'events', 'event_users'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own ON %I TO leadcast_tenant USING '
            '(tenant_id = (SELECT nullif(current_setting(''leadcast.tenant'', true), '''')::uuid))', tenant_table);
    END LOOP;
END $$;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants TO leadcast_tenant
    USING (id = (SELECT nullif(current_setting('leadcast.tenant', true), '')::uuid));

-- TO alone would also let in the members of these roles, as the login is one.
CREATE POLICY every ON tenants TO leadcast_across, leadcast_upkeep USING ((SELECT current_user) IN ('leadcast_across', 'leadcast_upkeep'));
CREATE POLICY every ON events TO leadcast_across, leadcast_upkeep USING ((SELECT current_user) IN ('leadcast_across', 'leadcast_upkeep'));
CREATE POLICY every ON event_users TO leadcast_across, leadcast_upkeep USING ((SELECT current_user) IN ('leadcast_across', 'leadcast_upkeep'));
CREATE POLICY due ON leads FOR SELECT TO leadcast_across USING ((SELECT current_user) = 'leadcast_across' AND status = 'OPEN');
