-- As on PostgreSQL, where it tells that a backup was restored. A file cannot tell: it stays null here.
ALTER TABLE log_state ADD COLUMN origin text;
