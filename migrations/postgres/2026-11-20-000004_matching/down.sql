DROP TABLE provider_categories;
DROP TABLE provider_profiles;
