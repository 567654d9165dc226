-- The foundation: tenants, users, leads, claims, wallets, the event log.
-- Every table of a tenant has tenant_id first in its key. Hot tables have no foreign key to tenants: every insert would share-lock its row.

CREATE TABLE tenants (
    id                    uuid PRIMARY KEY,
    slug                  text NOT NULL UNIQUE,
    name                  text NOT NULL,
    currency              text NOT NULL DEFAULT 'USD',
    auto_verify_leads     boolean NOT NULL DEFAULT false,
    default_lead_price    bigint NOT NULL DEFAULT 5 CHECK (default_lead_price BETWEEN 0 AND 9007199254740991),
    default_max_claims    integer NOT NULL DEFAULT 5 CHECK (default_max_claims >= 1),
    lead_lifetime_hours   integer NOT NULL DEFAULT 168 CHECK (lead_lifetime_hours >= 1),
    competitive_at        integer NOT NULL DEFAULT 2 CHECK (competitive_at >= 1),
    low_balance_threshold bigint NOT NULL DEFAULT 10 CHECK (low_balance_threshold BETWEEN 0 AND 9007199254740991),
    created_at            timestamptz NOT NULL
);

CREATE TABLE users (
    tenant_id         uuid NOT NULL REFERENCES tenants (id),
    id                text NOT NULL,
    name              text NOT NULL,
    role              text NOT NULL CHECK (role IN ('PROVIDER', 'CUSTOMER', 'ADMIN', 'SERVICE')),
    email             text,
    phone             text,
    -- Tokens issued before this moment are refused.
    tokens_valid_from timestamptz NOT NULL,
    search_text       text NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX users_newest ON users (tenant_id, created_at, id);
CREATE INDEX users_by_role ON users (tenant_id, role, created_at, id);

CREATE TABLE leads (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    version       integer NOT NULL,
    customer_id   text NOT NULL,
    reference     text NOT NULL,
    -- SHA-256 of the input that made the lead: the same reference with other content is refused.
    request_hash  bytea NOT NULL,
    is_test       boolean NOT NULL,
    status        text NOT NULL CHECK (status IN ('IN_REVIEW', 'OPEN', 'FULL', 'EXPIRED', 'WITHDRAWN', 'REJECTED')),
    status_reason text,
    title         text NOT NULL,
    description   text NOT NULL,
    category      text NOT NULL,
    urgency       text NOT NULL CHECK (urgency IN ('LOW', 'NORMAL', 'HIGH', 'EMERGENCY')),
    country       text NOT NULL,
    region        text,
    city          text,
    postal_prefix text,
    attributes    jsonb,
    budget        bigint CHECK (budget BETWEEN 0 AND 9007199254740991),
    price         bigint NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    max_claims    integer NOT NULL CHECK (max_claims >= 1),
    claim_count   integer NOT NULL CHECK (claim_count BETWEEN 0 AND max_claims),
    duplicate_of  uuid,
    -- Title and description, normalised and lower-cased by the program: the databases' own lower() know different alphabets.
    search_text   text NOT NULL,
    created_at    timestamptz NOT NULL,
    verified_at   timestamptz,
    expires_at    timestamptz,
    -- expires_at, or the end of time: a list cannot be paged by a column that may be null.
    expiry_order  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, customer_id, reference),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX leads_newest ON leads (tenant_id, created_at, id);
CREATE INDEX leads_by_status ON leads (tenant_id, status, created_at, id);
CREATE INDEX leads_by_category ON leads (tenant_id, category, created_at, id);
CREATE INDEX leads_by_customer ON leads (tenant_id, customer_id, created_at, id);
CREATE INDEX leads_by_expiry ON leads (tenant_id, expiry_order, id);
CREATE INDEX leads_by_price ON leads (tenant_id, price, id);
-- The expiry worker's due list, over all tenants.
CREATE INDEX leads_due ON leads (expires_at) WHERE status = 'OPEN';

-- What a provider pays for, apart from the lead, so that no query of leads can bring it along.
CREATE TABLE contacts (
    tenant_id uuid NOT NULL,
    lead_id   uuid NOT NULL,
    name      text NOT NULL,
    email     text,
    phone     text,
    address   text,
    -- Normalised, to find duplicates.
    email_key text,
    phone_key text,
    PRIMARY KEY (tenant_id, lead_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
);
CREATE INDEX contacts_by_email ON contacts (tenant_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contacts_by_phone ON contacts (tenant_id, phone_key) WHERE phone_key IS NOT NULL;

-- The top-level scalars of leads.attributes as text, for filters that work alike on both engines.
CREATE TABLE lead_attributes (
    tenant_id uuid NOT NULL,
    lead_id   uuid NOT NULL,
    key       text NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (tenant_id, lead_id, key),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
);

CREATE TABLE wallets (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    owner_id   text NOT NULL,
    balance    bigint NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version    integer NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, owner_id),
    FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
);

CREATE TABLE claims (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    version       integer NOT NULL,
    lead_id       uuid NOT NULL,
    provider_id   text NOT NULL,
    -- The lead's customer, who may see the claim: a lead never changes hands.
    customer_id   text NOT NULL,
    status        text NOT NULL CHECK (status IN ('ACTIVE', 'CONTACTED', 'WON', 'LOST', 'REFUNDED')),
    price         bigint NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    claimed_at    timestamptz NOT NULL,
    contacted_at  timestamptz,
    closed_at     timestamptz,
    refunded_at   timestamptz,
    refund_amount bigint CHECK (refund_amount BETWEEN 0 AND price),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, lead_id, provider_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX claims_newest ON claims (tenant_id, claimed_at, id);
CREATE INDEX claims_by_lead ON claims (tenant_id, lead_id, claimed_at, id);
CREATE INDEX claims_by_provider ON claims (tenant_id, provider_id, claimed_at, id);
CREATE INDEX claims_by_customer ON claims (tenant_id, customer_id, claimed_at, id);

CREATE TABLE ledger_entries (
    tenant_id        uuid NOT NULL,
    id               uuid NOT NULL,
    wallet_id        uuid NOT NULL,
    -- The wallet's version that this entry made: the entries of a wallet form one chain without gaps.
    version          integer NOT NULL,
    entry_type       text NOT NULL CHECK (entry_type IN ('TOP_UP', 'GRANT', 'CLAIM', 'REFUND', 'ADJUSTMENT')),
    change           bigint NOT NULL,
    previous_balance bigint NOT NULL CHECK (previous_balance BETWEEN 0 AND 9007199254740991),
    balance          bigint NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991 AND balance = previous_balance + change),
    claim_id         uuid,
    reference        text,
    request_hash     bytea,
    reason           text,
    created_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, wallet_id, version),
    UNIQUE (tenant_id, reference),
    FOREIGN KEY (tenant_id, wallet_id) REFERENCES wallets (tenant_id, id)
);
CREATE INDEX ledger_entries_by_claim ON ledger_entries (tenant_id, claim_id) WHERE claim_id IS NOT NULL;

-- The ledger is only ever added to, whoever asks.
CREATE FUNCTION leadcast_ledger_is_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger entries cannot be changed or deleted';
END $$;
CREATE TRIGGER ledger_entries_immutable BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION leadcast_ledger_is_immutable();
CREATE TRIGGER ledger_entries_kept BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION leadcast_ledger_is_immutable();

-- The event log. An id is handed out only to a transaction that already has a transaction id: the watermark depends on it.
CREATE SEQUENCE events_id_seq CACHE 1;
CREATE FUNCTION leadcast_next_event_id() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN nextval('events_id_seq');
END $$;
CREATE TABLE events (
    id          bigint PRIMARY KEY DEFAULT leadcast_next_event_id(),
    tenant_id   uuid NOT NULL,
    kind        text NOT NULL,
    payload     text NOT NULL,
    occurred_at timestamptz NOT NULL
);
ALTER SEQUENCE events_id_seq OWNED BY events.id;
CREATE INDEX events_by_tenant ON events (tenant_id, id);

-- To whom a private event is told.
CREATE TABLE event_users (
    tenant_id uuid NOT NULL,
    user_id   text NOT NULL,
    event_id  bigint NOT NULL,
    PRIMARY KEY (tenant_id, user_id, event_id)
);
CREATE INDEX event_users_by_event ON event_users (event_id);

-- One row: which history this is, and up to where the log was cut off. (floor: ids up to it may be gone.)
CREATE TABLE log_state (
    id    integer PRIMARY KEY CHECK (id = 1),
    epoch uuid NOT NULL,
    floor bigint NOT NULL
);
INSERT INTO log_state (id, epoch, floor) VALUES (1, gen_random_uuid(), 0);
