-- SPDX-License-Identifier: BSD-2-Clause
-- What was so before this database was adopted, and no event tells of: open inquiries, and therapists who are blocked.

DO $$
BEGIN
	IF (SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass('therapist_service.therapeuten')
		AND attname IN ('status', 'sperrgrund', 'sperrdatum')) = 3
		AND has_table_privilege('therapist_service.therapeuten', 'SELECT') THEN
		INSERT INTO patient_service.therapeuten_sperren
			(therapist_id, gesperrt, geloescht, grund, event_time, event_id)
		SELECT id, true, false, sperrgrund,
			coalesce(sperrdatum::timestamp AT TIME ZONE 'Europe/Berlin', '-infinity'),
			'00000000-0000-0000-0000-000000000000'
		FROM therapist_service.therapeuten WHERE status::text = 'gesperrt'
		ON CONFLICT DO NOTHING;
	END IF;
	IF to_regclass('matching_service.therapeut_anfrage_patient') IS NOT NULL
		AND to_regclass('matching_service.therapeutenanfrage') IS NOT NULL
		AND has_table_privilege('matching_service.therapeut_anfrage_patient', 'SELECT')
		AND has_table_privilege('matching_service.therapeutenanfrage', 'SELECT') THEN
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
	END IF;
END
$$;
