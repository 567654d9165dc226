-- What users want to be told of, and on which channels: the same as on PostgreSQL.

-- The default is the empty list, as JSONB.
ALTER TABLE tenants ADD COLUMN default_rules blob NOT NULL DEFAULT x'0b';

-- Of users that have set something.
CREATE TABLE notification_preferences (
    tenant_id   blob NOT NULL,
    user_id     text NOT NULL,
    version     integer NOT NULL,
    rules       blob NOT NULL,
    sound       integer NOT NULL,
    -- The priorities that make one.
    sound_for   blob NOT NULL,
    quiet_hours blob,
    updated_at  integer NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
) STRICT;
