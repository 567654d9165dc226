-- What goes out of the application: by e-mail, and by the tenants' webhooks.

ALTER TABLE tenants ADD COLUMN webhook_url text;

-- What webhooks are signed with. A secret that was replaced signs beside the new one for a while.
CREATE TABLE webhook_secrets (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    -- 32 random bytes.
    secret      bytea NOT NULL,
    -- Null: until it is replaced.
    valid_until timestamptz,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- What is to be sent, or was. Each has its own content: who has switched a notification off in the application has no row of it there.
CREATE TABLE deliveries (
    tenant_id         uuid NOT NULL,
    id                uuid NOT NULL,
    recipient_id      text NOT NULL,
    channel           text NOT NULL CHECK (channel IN ('EMAIL', 'SMS', 'PUSH', 'WEBHOOK')),
    notification_id   uuid,
    notification_type text NOT NULL CHECK (notification_type IN ('LEAD_MATCHED', 'LEAD_COMPETITIVE', 'LEAD_FULL', 'CLAIM_CONFIRMED',
        'LEAD_CLAIMED', 'BALANCE_CHANGED', 'BALANCE_LOW', 'ANNOUNCEMENT', 'CUSTOM')),
    topic             text,
    priority          text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    title             text NOT NULL,
    message           text NOT NULL,
    data              jsonb,
    reference         text,
    subject_id        uuid NOT NULL,
    lead_id           uuid,
    claim_id          uuid,
    lead_match        jsonb,
    -- Whether it waits to be gathered with others of its recipient and channel.
    gathered          boolean NOT NULL,
    -- The message that it goes out in: its own id, or that of the first of a digest. Null: not gathered yet.
    message_id        uuid,
    status            text NOT NULL CHECK (status IN ('PENDING', 'RETRYING', 'SENT', 'DEAD')),
    -- How often a node has taken it to send it: also which of them may write down what became of it.
    attempts          integer NOT NULL CHECK (attempts >= 0),
    last_error        text,
    -- When it is due. While a node sends it: when another may, because that one must have died.
    next_attempt_at   timestamptz,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, subject_id, notification_type, recipient_id, channel),
    CHECK ((next_attempt_at IS NULL) = (status IN ('SENT', 'DEAD'))),
    CHECK (gathered OR message_id IS NOT NULL)
);
-- Due lists: of a tenant and channel, and the longest overdue of all.
CREATE INDEX deliveries_due ON deliveries (tenant_id, channel, next_attempt_at, id) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_overdue ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- A recipient's digest that is being gathered, and the parts of a message.
CREATE INDEX deliveries_ungathered ON deliveries (tenant_id, recipient_id, channel, next_attempt_at) WHERE message_id IS NULL;
CREATE INDEX deliveries_by_message ON deliveries (tenant_id, message_id, created_at, id) WHERE message_id IS NOT NULL;
CREATE INDEX deliveries_newest ON deliveries (tenant_id, created_at, id);
CREATE INDEX deliveries_by_status ON deliveries (tenant_id, status, channel, created_at, id);
CREATE INDEX deliveries_by_recipient ON deliveries (tenant_id, recipient_id, created_at, id);
-- For retention, over all tenants.
CREATE INDEX deliveries_finished ON deliveries (created_at) WHERE next_attempt_at IS NULL;

-- Behind the wall (see 000002).
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_secrets TO leadcast_tenant;
GRANT SELECT, INSERT, UPDATE ON deliveries TO leadcast_tenant;
GRANT SELECT (tenant_id, channel, next_attempt_at) ON deliveries TO leadcast_across;
GRANT SELECT (tenant_id, id, next_attempt_at, created_at), DELETE ON deliveries TO leadcast_upkeep;
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['webhook_secrets', 'deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own ON %I TO leadcast_tenant USING '
            '(tenant_id = (SELECT nullif(current_setting(''leadcast.tenant'', true), '''')::uuid))', tenant_table);
    END LOOP;
END $$;
CREATE POLICY due ON deliveries FOR SELECT TO leadcast_across
    USING ((SELECT current_user) = 'leadcast_across' AND next_attempt_at IS NOT NULL);
CREATE POLICY finished ON deliveries TO leadcast_upkeep
    USING ((SELECT current_user) = 'leadcast_upkeep' AND next_attempt_at IS NULL);
