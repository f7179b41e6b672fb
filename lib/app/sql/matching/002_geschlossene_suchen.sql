-- SPDX-License-Identifier: BSD-2-Clause
-- What 000 closed was in inquiries, too. Those that were sent are history. In the others the patient stays, for the
-- search that is kept; unless that is there already or excludes the therapist. Who is left alone closes the gap, and an
-- inquiry that nobody is left in is cancelled.

CREATE TABLE psymatch.closed_member AS
	SELECT m.id, m.therapeutenanfrage_id AS inquiry, c.kept_id,
		row_number() OVER (PARTITION BY m.therapeutenanfrage_id, c.kept_id ORDER BY m.position_in_anfrage, m.id) = 1
		AND NOT EXISTS (SELECT FROM matching_service.therapeut_anfrage_patient o
			WHERE o.therapeutenanfrage_id = m.therapeutenanfrage_id AND o.platzsuche_id = c.kept_id)
		AND NOT EXISTS (SELECT FROM matching_service.platzsuche k WHERE k.id = c.kept_id
			AND (k.ausgeschlossene_therapeuten @> jsonb_build_array(a.therapist_id)
			OR k.ausgeschlossene_therapeuten @> jsonb_build_array(jsonb_build_object('id', a.therapist_id)))) AS stays
	FROM psymatch.search_closed c
	JOIN matching_service.therapeut_anfrage_patient m ON m.platzsuche_id = c.search_id
	JOIN matching_service.therapeutenanfrage a ON a.id = m.therapeutenanfrage_id
	WHERE a.gesendet_datum IS NULL AND a.storniert_datum IS NULL;

UPDATE matching_service.therapeut_anfrage_patient m SET platzsuche_id = g.kept_id
	FROM psymatch.closed_member g WHERE g.id = m.id AND g.stays;
DELETE FROM matching_service.therapeut_anfrage_patient m
	USING psymatch.closed_member g WHERE g.id = m.id AND NOT g.stays;

UPDATE matching_service.therapeut_anfrage_patient m SET position_in_anfrage = n.place
	FROM (SELECT id, row_number() OVER (PARTITION BY therapeutenanfrage_id ORDER BY position_in_anfrage, id) AS place
		FROM matching_service.therapeut_anfrage_patient
		WHERE therapeutenanfrage_id IN (SELECT inquiry FROM psymatch.closed_member WHERE NOT stays)) n
	WHERE m.id = n.id AND m.position_in_anfrage <> n.place;
UPDATE matching_service.therapeutenanfrage a SET
		anfragegroesse = (SELECT count(*) FROM matching_service.therapeut_anfrage_patient m
			WHERE m.therapeutenanfrage_id = a.id)
	WHERE a.id IN (SELECT inquiry FROM psymatch.closed_member WHERE NOT stays);
UPDATE matching_service.therapeutenanfrage a SET storniert_datum = now() AT TIME ZONE 'UTC',
		storniert_grund = 'The search was closed: the patient has an older active search',
		notizen = concat(nullif(a.notizen, '') || E'\n', '[', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
			' (System)] Cancelled: the search was closed, the patient has an older active search')
	WHERE a.id IN (SELECT inquiry FROM psymatch.closed_member WHERE NOT stays) AND a.anfragegroesse = 0;

DROP TABLE psymatch.closed_member;
