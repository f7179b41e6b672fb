-- SPDX-License-Identifier: BSD-2-Clause
-- formerly ca7e2b0236786bd1b675bd3cf84bfb81
-- What the former platform's database has beside its tables, for programs that look for it: an index, and the empty schema of
-- the scraper, unless only an administrator may make one.
CREATE INDEX IF NOT EXISTS ix_therapist_service_therapeuten_id ON therapist_service.therapeuten (id);

DO $$
BEGIN
	IF to_regnamespace('scraping_service') IS NULL AND has_database_privilege(current_database(), 'CREATE') THEN
		CREATE SCHEMA scraping_service;
	END IF;
END
$$;
