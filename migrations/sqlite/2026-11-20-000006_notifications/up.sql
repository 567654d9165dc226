-- What users are told of. No foreign keys: a notification is a message, and checking them would lock its recipient's row.

CREATE TABLE notifications (
    tenant_id         blob NOT NULL,
    id                blob NOT NULL,
    recipient_id      text NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('LEAD_MATCHED', 'LEAD_COMPETITIVE', 'LEAD_FULL', 'CLAIM_CONFIRMED',
        'LEAD_CLAIMED', 'BALANCE_CHANGED', 'BALANCE_LOW', 'ANNOUNCEMENT', 'CUSTOM')),
    topic             text CHECK ((topic IS NULL) = (notification_type <> 'CUSTOM')),
    priority          text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    title             text NOT NULL,
    message           text NOT NULL,
    data              blob,
    reference         text,
    -- The lead, claim, ledger entry or announcement that caused it: each tells a recipient once of a type.
    subject_id        blob NOT NULL,
    lead_id           blob,
    claim_id          blob,
    -- As distribution computed it, and of it what filters ask for.
    lead_match        blob,
    tier              text CHECK (tier IN ('EXCELLENT', 'GOOD', 'FAIR', 'LOW')),
    category          text,
    -- Where its recipient keeps it.
    folder            text NOT NULL CHECK (folder IN ('INBOX', 'SNOOZED', 'ARCHIVED')),
    unread            integer NOT NULL,
    read_at           integer,
    opened_at         integer,
    archived_at       integer,
    snoozed_until     integer,
    created_at        integer NOT NULL,
    -- The event that told of it: what is above a cursor came later.
    event_id          integer NOT NULL,
    -- Title and message, normalised by the program.
    search_text       text NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, subject_id, notification_type, recipient_id),
    CHECK ((archived_at IS NULL) = (folder <> 'ARCHIVED')),
    CHECK ((snoozed_until IS NULL) = (folder <> 'SNOOZED')),
    CHECK ((read_at IS NULL) = unread)
) STRICT;
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
    tenant_id blob NOT NULL,
    user_id   text NOT NULL,
    unread    integer NOT NULL CHECK (unread >= 0),
    PRIMARY KEY (tenant_id, user_id)
) STRICT;

-- What somebody wants to have told, and how far that has come.
CREATE TABLE announcements (
    tenant_id         blob NOT NULL,
    id                blob NOT NULL,
    reference         text NOT NULL,
    -- SHA-256 of the input: the same reference with other content is refused.
    request_hash      blob NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('ANNOUNCEMENT', 'CUSTOM')),
    topic             text CHECK ((topic IS NULL) = (notification_type <> 'CUSTOM')),
    priority          text NOT NULL CHECK (priority IN ('LOW', 'NORMAL', 'HIGH')),
    title             text NOT NULL,
    message           text NOT NULL,
    data              blob,
    lead_id           blob,
    -- Of that lead, as it was.
    category          text,
    attributes        blob NOT NULL,
    -- To whom: users by id, a role, or everyone.
    recipients        blob NOT NULL,
    recipient_count   integer NOT NULL,
    -- The last user that was told. Null: nobody yet.
    told_up_to        text,
    done              integer NOT NULL,
    created_at        integer NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, reference)
) STRICT;
CREATE INDEX announcements_due ON announcements (tenant_id, id) WHERE done = 0;

-- Up to where the log has been turned into notifications. Lanes go on side by side: a lead that ten thousand are told of holds up
-- nobody's receipt.
CREATE TABLE distributions (
    tenant_id  blob NOT NULL,
    lane       text NOT NULL CHECK (lane IN ('DIRECT', 'BROADCAST')),
    -- All events up to this one are done.
    event_id   integer NOT NULL,
    -- Of the event after it: the last user that was told. Null: nobody yet.
    told_up_to text,
    PRIMARY KEY (tenant_id, lane)
) STRICT;

-- Which leads were told of as competitive or full: that comes once per lead.
CREATE TABLE lead_notices (
    tenant_id         blob NOT NULL,
    lead_id           blob NOT NULL,
    notification_type text NOT NULL CHECK (notification_type IN ('LEAD_COMPETITIVE', 'LEAD_FULL')),
    PRIMARY KEY (tenant_id, lead_id, notification_type)
) STRICT;

-- Tenants that are there already begin with what happens from now on.
INSERT INTO distributions (tenant_id, lane, event_id)
SELECT tenants.id, lanes.lane, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)
FROM tenants CROSS JOIN (SELECT 'DIRECT' AS lane UNION ALL SELECT 'BROADCAST') AS lanes;
