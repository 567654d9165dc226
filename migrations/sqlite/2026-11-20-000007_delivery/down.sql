DROP TABLE deliveries;
DROP TABLE webhook_secrets;
ALTER TABLE tenants DROP COLUMN webhook_url;
