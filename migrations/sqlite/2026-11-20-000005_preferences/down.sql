DROP TABLE notification_preferences;
ALTER TABLE tenants DROP COLUMN default_rules;
