-- SPDX-License-Identifier: BSD-2-Clause
-- Before 001: a database of the platform may have several active searches of one patient, which 001 allows no more. The
-- oldest stays, younger ones are closed with a note and listed in psymatch.search_closed, for a person to look at.

DO $$
BEGIN
	IF to_regnamespace('psymatch') IS NULL THEN
		CREATE SCHEMA psymatch;
	END IF;
	IF to_regclass('psymatch.search_closed') IS NULL THEN
		CREATE TABLE psymatch.search_closed (
			search_id integer PRIMARY KEY,
			patient_id integer NOT NULL,
			kept_id integer NOT NULL,
			closed_at timestamptz NOT NULL DEFAULT now(),
			reported boolean NOT NULL DEFAULT false
		);
	END IF;
	IF to_regclass('matching_service.platzsuche') IS NULL THEN
		RETURN;
	END IF;
	WITH active AS (
		SELECT id, patient_id, first_value(id) OVER (PARTITION BY patient_id ORDER BY created_at, id) AS kept
		FROM matching_service.platzsuche WHERE status::text = 'aktiv'
	), closed AS (
		UPDATE matching_service.platzsuche p SET status = 'abgebrochen',
			updated_at = now() AT TIME ZONE 'UTC',
			notizen = concat(nullif(p.notizen, '') || E'\n', '[',
				to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
				' (System)] Cancelled: the patient has an older active search, number ', a.kept)
		FROM active a WHERE a.id = p.id AND a.kept <> a.id
		RETURNING p.id, p.patient_id, a.kept
	)
	INSERT INTO psymatch.search_closed (search_id, patient_id, kept_id) SELECT * FROM closed;
END
$$;
