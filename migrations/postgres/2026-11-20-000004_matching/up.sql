-- Matching: what providers want. Who has no row wants nothing yet: no categories, and whatever else is the columns' default.

CREATE TABLE provider_profiles (
    tenant_id       uuid NOT NULL,
    provider_id     text NOT NULL,
    -- Rises with every change.
    version         integer NOT NULL,
    -- A list of texts, as the provider writes them.
    categories      jsonb NOT NULL,
    -- A list of {country, region, city}.
    service_areas   jsonb NOT NULL,
    min_budget      bigint CHECK (min_budget BETWEEN 0 AND 9007199254740991),
    attributes      jsonb,
    min_score       integer NOT NULL DEFAULT 0 CHECK (min_score BETWEEN 0 AND 100),
    accepting_leads boolean NOT NULL DEFAULT true,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES users (tenant_id, id)
);

-- Who is told of a category's leads, in the order in which they are told. Only providers that accept leads; the category as it is
-- compared (normalised by the program).
CREATE TABLE provider_categories (
    tenant_id   uuid NOT NULL,
    category    text NOT NULL,
    provider_id text NOT NULL,
    PRIMARY KEY (tenant_id, category, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES provider_profiles (tenant_id, provider_id)
);
CREATE INDEX provider_categories_by_provider ON provider_categories (tenant_id, provider_id);

GRANT SELECT, INSERT, UPDATE ON provider_profiles TO leadcast_tenant;
GRANT SELECT, INSERT, DELETE ON provider_categories TO leadcast_tenant;

ALTER TABLE provider_profiles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_profiles TO leadcast_tenant
    USING (tenant_id = (SELECT nullif(current_setting('leadcast.tenant', true), '')::uuid));
ALTER TABLE provider_categories ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON provider_categories TO leadcast_tenant
    USING (tenant_id = (SELECT nullif(current_setting('leadcast.tenant', true), '')::uuid));
