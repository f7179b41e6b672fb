-- SPDX-License-Identifier: BSD-2-Clause
-- What was so before this database was adopted, and no event tells of: open inquiries, and therapists who are blocked.
-- It is taken from the other services, where they are in this database and may be read: any event is newer.

DO $$
BEGIN
	INSERT INTO patient_service.therapeuten_sperren
		(therapist_id, gesperrt, geloescht, grund, event_time, event_id)
	SELECT id, true, false, sperrgrund,
		least(coalesce(sperrdatum::timestamp AT TIME ZONE 'Europe/Berlin', '-infinity'), now()),
		'00000000-0000-0000-0000-000000000000'
	FROM therapist_service.therapeuten WHERE status::text = 'gesperrt'
	ON CONFLICT DO NOTHING;
EXCEPTION WHEN undefined_table OR invalid_schema_name OR undefined_column OR insufficient_privilege THEN
	RAISE NOTICE 'no therapists in this database: who is blocked becomes known by events';
END
$$;
DO $$
BEGIN
	-- The platform has no column of cancelled ones.
	INSERT INTO patient_service.zuordnungen
		(match_id, patient_id, therapist_id, anfrage_id, offen, event_time, event_id)
	SELECT m.id, m.patient_id, a.therapist_id, a.id, true, '-infinity',
		'00000000-0000-0000-0000-000000000000'
	FROM matching_service.therapeut_anfrage_patient m
	JOIN matching_service.therapeutenanfrage a ON a.id = m.therapeutenanfrage_id
	WHERE m.status::text = 'anstehend' AND a.antwort_datum IS NULL
	AND to_jsonb(a) ->> 'storniert_datum' IS NULL
	ON CONFLICT DO NOTHING;
EXCEPTION WHEN undefined_table OR invalid_schema_name OR undefined_column OR insufficient_privilege THEN
	RAISE NOTICE 'no inquiries in this database: they become known by their events';
END
$$;
