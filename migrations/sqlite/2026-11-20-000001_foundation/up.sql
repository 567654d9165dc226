-- The foundation: tenants, users, leads, claims, wallets, the event log.
-- The same tables as on PostgreSQL. uuid is a 16-byte blob, a moment is microseconds since 1970, jsonb is SQLite's JSONB.

CREATE TABLE tenants (
    id                    blob PRIMARY KEY,
    slug                  text NOT NULL UNIQUE,
    name                  text NOT NULL,
    currency              text NOT NULL DEFAULT 'USD',
    auto_verify_leads     integer NOT NULL DEFAULT 0,
    default_lead_price    integer NOT NULL DEFAULT 5 CHECK (default_lead_price BETWEEN 0 AND 9007199254740991),
    default_max_claims    integer NOT NULL DEFAULT 5 CHECK (default_max_claims >= 1),
    lead_lifetime_hours   integer NOT NULL DEFAULT 168 CHECK (lead_lifetime_hours >= 1),
    competitive_at        integer NOT NULL DEFAULT 2 CHECK (competitive_at >= 1),
    low_balance_threshold integer NOT NULL DEFAULT 10 CHECK (low_balance_threshold BETWEEN 0 AND 9007199254740991),
    created_at            integer NOT NULL
) STRICT;

CREATE TABLE users (
    tenant_id         blob NOT NULL REFERENCES tenants (id),
    id                text NOT NULL,
    name              text NOT NULL,
    role              text NOT NULL CHECK (role IN ('PROVIDER', 'CUSTOMER', 'ADMIN', 'SERVICE')),
    email             text,
    phone             text,
    -- Tokens issued before this moment are refused.
    tokens_valid_from integer NOT NULL,
    search_text       text NOT NULL,
    created_at        integer NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;
CREATE INDEX users_newest ON users (tenant_id, created_at, id);
CREATE INDEX users_by_role ON users (tenant_id, role, created_at, id);

CREATE TABLE leads (
    tenant_id     blob NOT NULL,
    id            blob NOT NULL,
    version       integer NOT NULL,
    customer_id   text NOT NULL,
    reference     text NOT NULL,
    -- SHA-256 of the input that made the lead: the same reference with other content is refused.
    request_hash  blob NOT NULL,
    is_test       integer NOT NULL,
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
    attributes    blob,
    budget        integer CHECK (budget BETWEEN 0 AND 9007199254740991),
    price         integer NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    max_claims    integer NOT NULL CHECK (max_claims >= 1),
    claim_count   integer NOT NULL CHECK (claim_count BETWEEN 0 AND max_claims),
    duplicate_of  blob,
    -- Title and description, normalised and lower-cased by the program: the databases' own lower() know different alphabets.
    search_text   text NOT NULL,
    created_at    integer NOT NULL,
    verified_at   integer,
    expires_at    integer,
    -- expires_at, or the end of time: a list cannot be paged by a column that may be null.
    expiry_order  integer NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, customer_id, reference),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES users (tenant_id, id)
) STRICT;
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
    tenant_id blob NOT NULL,
    lead_id   blob NOT NULL,
    name      text NOT NULL,
    email     text,
    phone     text,
    address   text,
    -- Normalised, to find duplicates.
    email_key text,
    phone_key text,
    PRIMARY KEY (tenant_id, lead_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;
CREATE INDEX contacts_by_email ON contacts (tenant_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX contacts_by_phone ON contacts (tenant_id, phone_key) WHERE phone_key IS NOT NULL;

-- The top-level scalars of leads.attributes as text, for filters that work alike on both engines.
CREATE TABLE lead_attributes (
    tenant_id blob NOT NULL,
    lead_id   blob NOT NULL,
    key       text NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (tenant_id, lead_id, key),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id)
) STRICT;

CREATE TABLE wallets (
    tenant_id  blob NOT NULL,
    id         blob NOT NULL,
    owner_id   text NOT NULL,
    balance    integer NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
    version    integer NOT NULL,
    created_at integer NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, owner_id),
    FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
) STRICT;

CREATE TABLE claims (
    tenant_id     blob NOT NULL,
    id            blob NOT NULL,
    version       integer NOT NULL,
    lead_id       blob NOT NULL,
    provider_id   text NOT NULL,
    -- The lead's customer, who may see the claim: a lead never changes hands.
    customer_id   text NOT NULL,
    status        text NOT NULL CHECK (status IN ('ACTIVE', 'CONTACTED', 'WON', 'LOST', 'REFUNDED')),
    price         integer NOT NULL CHECK (price BETWEEN 0 AND 9007199254740991),
    claimed_at    integer NOT NULL,
    contacted_at  integer,
    closed_at     integer,
    refunded_at   integer,
    refund_amount integer CHECK (refund_amount BETWEEN 0 AND price),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, lead_id, provider_id),
    FOREIGN KEY (tenant_id, lead_id) REFERENCES leads (tenant_id, id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES users (tenant_id, id)
) STRICT;
CREATE INDEX claims_newest ON claims (tenant_id, claimed_at, id);
CREATE INDEX claims_by_lead ON claims (tenant_id, lead_id, claimed_at, id);
CREATE INDEX claims_by_provider ON claims (tenant_id, provider_id, claimed_at, id);
CREATE INDEX claims_by_customer ON claims (tenant_id, customer_id, claimed_at, id);

CREATE TABLE ledger_entries (
    tenant_id        blob NOT NULL,
    id               blob NOT NULL,
    wallet_id        blob NOT NULL,
    -- The wallet's version that this entry made: the entries of a wallet form one chain without gaps.
    version          integer NOT NULL,
    entry_type       text NOT NULL CHECK (entry_type IN ('TOP_UP', 'GRANT', 'CLAIM', 'REFUND', 'ADJUSTMENT')),
    change           integer NOT NULL,
    previous_balance integer NOT NULL CHECK (previous_balance BETWEEN 0 AND 9007199254740991),
    balance          integer NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991 AND balance = previous_balance + change),
    claim_id         blob,
    reference        text,
    request_hash     blob,
    reason           text,
    created_at       integer NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, wallet_id, version),
    UNIQUE (tenant_id, reference),
    FOREIGN KEY (tenant_id, wallet_id) REFERENCES wallets (tenant_id, id)
) STRICT;
CREATE INDEX ledger_entries_by_claim ON ledger_entries (tenant_id, claim_id) WHERE claim_id IS NOT NULL;

-- The ledger is only ever added to, whoever asks.
CREATE TRIGGER ledger_entries_unchanged BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger entries cannot be changed or deleted'); END;
CREATE TRIGGER ledger_entries_kept BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'ledger entries cannot be changed or deleted'); END;
-- REPLACE INTO deletes without a DELETE: an entry that is there stays, and the new one is left out.
CREATE TRIGGER ledger_entries_not_replaced BEFORE INSERT ON ledger_entries
WHEN EXISTS (SELECT 1 FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND id = NEW.id)
  OR EXISTS (SELECT 1 FROM ledger_entries WHERE tenant_id = NEW.tenant_id AND reference = NEW.reference)
  OR EXISTS (SELECT 1 FROM ledger_entries
             WHERE tenant_id = NEW.tenant_id AND wallet_id = NEW.wallet_id AND version = NEW.version)
BEGIN SELECT RAISE(IGNORE); END;

-- The event log. AUTOINCREMENT: an id is never handed out twice, even when the newest events were deleted.
CREATE TABLE events (
    id          integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    tenant_id   blob NOT NULL,
    kind        text NOT NULL,
    payload     text NOT NULL,
    occurred_at integer NOT NULL
) STRICT;
CREATE INDEX events_by_tenant ON events (tenant_id, id);

-- To whom a private event is told.
CREATE TABLE event_users (
    tenant_id blob NOT NULL,
    user_id   text NOT NULL,
    event_id  integer NOT NULL,
    PRIMARY KEY (tenant_id, user_id, event_id)
) STRICT;
CREATE INDEX event_users_by_event ON event_users (event_id);

-- One row: which history this is, and up to where the log was cut off. (floor: ids up to it may be gone.)
CREATE TABLE log_state (
    id    integer PRIMARY KEY CHECK (id = 1),
    epoch blob NOT NULL,
    floor integer NOT NULL
) STRICT;
INSERT INTO log_state (id, epoch, floor) VALUES (1, randomblob(16), 0);
