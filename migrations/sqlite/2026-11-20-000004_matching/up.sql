-- Matching: what providers want. Who has no row wants nothing yet: no categories, and whatever else is the columns' default.

CREATE TABLE provider_profiles (
    tenant_id       blob NOT NULL,
    provider_id     text NOT NULL,
    -- Rises with every change.
    version         integer NOT NULL,
    -- A list of texts, as the provider writes them.
    categories      blob NOT NULL,
    -- A list of {country, region, city}.
    service_areas   blob NOT NULL,
    min_budget      integer CHECK (min_budget BETWEEN 0 AND 9007199254740991),
    attributes      blob,
    min_score       integer NOT NULL DEFAULT 0 CHECK (min_score BETWEEN 0 AND 100),
    accepting_leads integer NOT NULL DEFAULT 1,
    updated_at      integer NOT NULL,
    PRIMARY KEY (tenant_id, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES users (tenant_id, id)
) STRICT;

-- Who is told of a category's leads, in the order in which they are told. Only providers that accept leads; the category as it is
-- compared (normalised by the program).
CREATE TABLE provider_categories (
    tenant_id   blob NOT NULL,
    category    text NOT NULL,
    provider_id text NOT NULL,
    PRIMARY KEY (tenant_id, category, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES provider_profiles (tenant_id, provider_id)
) STRICT;
CREATE INDEX provider_categories_by_provider ON provider_categories (tenant_id, provider_id);
