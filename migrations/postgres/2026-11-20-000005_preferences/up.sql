-- What users want to be told of, and on which channels. Rules are kept sparse: what nobody has set follows the defaults.

-- Between the built-in defaults and the users' own rules.
ALTER TABLE tenants ADD COLUMN default_rules jsonb NOT NULL DEFAULT '[]';

-- Of users that have set something.
CREATE TABLE notification_preferences (
    tenant_id   uuid NOT NULL,
    user_id     text NOT NULL,
    version     integer NOT NULL,
    rules       jsonb NOT NULL,
    sound       boolean NOT NULL,
    -- The priorities that make one.
    sound_for   jsonb NOT NULL,
    quiet_hours jsonb,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);

GRANT SELECT, INSERT, UPDATE ON notification_preferences TO leadcast_tenant;
ALTER TABLE notification_preferences ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON notification_preferences TO leadcast_tenant
    USING (tenant_id = (SELECT nullif(current_setting('leadcast.tenant', true), '')::uuid));
