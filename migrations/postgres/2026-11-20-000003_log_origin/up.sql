-- Which cluster, timeline and database wrote the log last: when that changes, a backup was restored or a replica promoted, and a
-- new epoch begins. Null until a node has noted it.
ALTER TABLE log_state ADD COLUMN origin text;
