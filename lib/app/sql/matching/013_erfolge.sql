-- SPDX-License-Identifier: BSD-2-Clause
-- Searches that were successful before this database was adopted: which inquiry found the place, so that its answer can
-- be corrected; every other one that accepted the patient is a conflict. The first answer wins, as it did.

UPDATE matching_service.platzsuche s SET erfolgreiche_anfrage_id = f.anfrage
	FROM (SELECT DISTINCT ON (m.platzsuche_id) m.platzsuche_id, a.id AS anfrage
		FROM matching_service.therapeut_anfrage_patient m
		JOIN matching_service.therapeutenanfrage a ON a.id = m.therapeutenanfrage_id
		WHERE m.status = 'angenommen' AND m.antwortergebnis = 'angenommen' AND a.antwort_datum IS NOT NULL
		AND NOT m.konflikt
		ORDER BY m.platzsuche_id, a.antwort_datum, a.id) f
	WHERE f.platzsuche_id = s.id AND s.status = 'erfolgreich' AND s.erfolgreiche_anfrage_id IS NULL
	AND s.erfolgreiche_vermittlung_datum IS NOT NULL;
UPDATE matching_service.therapeut_anfrage_patient m SET konflikt = true
	FROM matching_service.platzsuche s
	WHERE s.id = m.platzsuche_id AND s.status = 'erfolgreich' AND s.erfolgreiche_anfrage_id IS NOT NULL
	AND m.status = 'angenommen' AND m.antwortergebnis = 'angenommen'
	AND m.therapeutenanfrage_id <> s.erfolgreiche_anfrage_id AND NOT m.konflikt;
