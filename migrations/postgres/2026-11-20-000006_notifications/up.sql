-- What users are told of. No foreign keys: a notification is a message, and checking them would lock its recipient's row.

CREATE TABLE notifications (
    tenant_id         uuid NOT NULL,
    id                uuid NOT NULL,
    recipient_id      text NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('LEAD_MATCHED', 'LEAD_COMPETITIVE', 'LEAD_FULL', 'CLAIM_CONFIRMED',
        'LEAD_CLAIMED', 'BALANCE_CHANGED', 'BALANCE_LOW', 'ANNOUNCEMENT', 'CUSTOM')),
    topic             text CHECK ((topic IS NULL) = (notification_type <> 'CUSTOM')),
    priority          text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    title             text NOT NULL,
    message           text NOT NULL,
    data              jsonb,
    reference         text,
    -- The lead, claim, ledger entry or announcement that caused it: each tells a recipient once of a type.
    subject_id        uuid NOT NULL,
    lead_id           uuid,
    claim_id          uuid,
    -- As distribution computed it, and of it what filters ask for.
    lead_match        jsonb,
    tier              text CHECK (tier IN ('EXCELLENT', 'GOOD', 'FAIR', 'LOW')),
    category          text,
    -- Where its recipient keeps it.
    folder            text NOT NULL CHECK (folder IN ('INBOX', 'SNOOZED', 'ARCHIVED')),
    unread            boolean NOT NULL,
    read_at           timestamptz,
    opened_at         timestamptz,
    archived_at       timestamptz,
    snoozed_until     timestamptz,
    created_at        timestamptz NOT NULL,
    -- The event that told of it: what is above a cursor came later.
    event_id          bigint NOT NULL,
    -- Title and message, normalised by the program.
    search_text       text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, subject_id, notification_type, recipient_id),
    CHECK ((archived_at IS NULL) = (folder <> 'ARCHIVED')),
    CHECK ((snoozed_until IS NULL) = (folder <> 'SNOOZED')),
    CHECK ((read_at IS NULL) = unread)
);
CREATE INDEX notifications_newest ON notifications (tenant_id, recipient_id, created_at, id);
CREATE INDEX notifications_by_folder ON notifications (tenant_id, recipient_id, folder, unread, created_at, id);
CREATE INDEX notifications_by_type ON notifications (tenant_id, recipient_id, notification_type, folder, unread, created_at, id);
CREATE INDEX notifications_by_topic ON notifications (tenant_id, recipient_id, topic, folder, unread, created_at, id)
    WHERE topic IS NOT NULL;
CREATE INDEX notifications_by_lead ON notifications (tenant_id, recipient_id, lead_id, folder, unread, created_at, id)
    WHERE lead_id IS NOT NULL;
CREATE INDEX notifications_by_reference ON notifications (tenant_id, recipient_id, reference, folder, unread, created_at, id)
    WHERE reference IS NOT NULL;
-- The due list of the worker that ends snoozes, over all tenants.
CREATE INDEX notifications_snoozed ON notifications (snoozed_until) WHERE snoozed_until IS NOT NULL;
-- Likewise of the worker that deletes what is old. The condition is always true, and there to keep the index for that worker: a planner that
-- finds few moments in a stretch of time would read a user's page along it, over everybody's notifications.
CREATE INDEX notifications_oldest ON notifications (created_at) WHERE event_id > 0;

-- How many of a user's notifications are in the inbox and not read. Its row is the lock under which they change.
CREATE TABLE unread_counts (
    tenant_id uuid NOT NULL,
    user_id   text NOT NULL,
    unread    bigint NOT NULL CHECK (unread >= 0),
    PRIMARY KEY (tenant_id, user_id)
);

-- What somebody wants to have told, and how far that has come.
CREATE TABLE announcements (
    tenant_id         uuid NOT NULL,
    id                uuid NOT NULL,
    reference         text NOT NULL,
    -- SHA-256 of the input: the same reference with other content is refused.
    request_hash      bytea NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('ANNOUNCEMENT', 'CUSTOM')),
    topic             text CHECK ((topic IS NULL) = (notification_type <> 'CUSTOM')),
    priority          text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    title             text NOT NULL,
    message           text NOT NULL,
    data              jsonb,
    lead_id           uuid,
    -- Of that lead, as it was.
    category          text,
    attributes        jsonb NOT NULL,
    -- To whom: users by id, a role, or everyone.
    recipients        jsonb NOT NULL,
    recipient_count   bigint NOT NULL,
    -- The last user that was told. Null: nobody yet.
    told_up_to        text,
    done              boolean NOT NULL,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, reference)
);
CREATE INDEX announcements_due ON announcements (tenant_id, id) WHERE NOT done;

-- Up to where the log has been turned into notifications. Lanes go on side by side: a lead that ten thousand are told of holds up
-- nobody's receipt.
CREATE TABLE distributions (
    tenant_id  uuid NOT NULL,
    lane       text NOT NULL CHECK (lane IN ('DIRECT', 'BROADCAST')),
    -- All events up to this one are done.
    event_id   bigint NOT NULL,
    -- Of the event after it: the last user that was told. Null: nobody yet.
    told_up_to text,
    PRIMARY KEY (tenant_id, lane)
);

-- Which leads were told of as competitive or full: that comes once per lead.
CREATE TABLE lead_notices (
    tenant_id         uuid NOT NULL,
    lead_id           uuid NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('LEAD_COMPETITIVE', 'LEAD_FULL')),
    PRIMARY KEY (tenant_id, lead_id, notification_type)
);

-- Tenants that are there already begin with what happens from now on.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
INSERT INTO distributions (tenant_id, lane, event_id)
SELECT tenants.id, lanes.lane, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_id_seq)
FROM tenants CROSS JOIN (SELECT 'DIRECT' AS lane UNION ALL SELECT 'BROADCAST') AS lanes;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;

-- Behind the wall (see 000002).
GRANT SELECT, INSERT, UPDATE, DELETE ON notifications TO leadcast_tenant;
GRANT SELECT, INSERT, UPDATE ON unread_counts, announcements, distributions TO leadcast_tenant;
GRANT SELECT, INSERT ON lead_notices TO leadcast_tenant;
GRANT SELECT (tenant_id, recipient_id, snoozed_until, created_at, event_id) ON notifications TO leadcast_across;
GRANT SELECT (tenant_id, id, done) ON announcements TO leadcast_across;
GRANT SELECT ON distributions TO leadcast_across;
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY['notifications', 'unread_counts', 'announcements', 'distributions', 'lead_notices'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY own ON %I TO leadcast_tenant USING '
            '(tenant_id = (SELECT nullif(current_setting(''leadcast.tenant'', true), '''')::uuid))', tenant_table);
    END LOOP;
END $$;
CREATE POLICY due ON notifications FOR SELECT TO leadcast_across USING ((SELECT current_user) = 'leadcast_across');
CREATE POLICY due ON announcements FOR SELECT TO leadcast_across USING ((SELECT current_user) = 'leadcast_across' AND NOT done);
CREATE POLICY every ON distributions FOR SELECT TO leadcast_across USING ((SELECT current_user) = 'leadcast_across');
