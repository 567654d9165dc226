ALTER TABLE log_state DROP COLUMN origin;
