-- SPDX-License-Identifier: BSD-2-Clause
-- What became of inquiries and searches, one row each, for reports (psm_report(3)) and for people. Weeks begin on Monday in
-- Berlin. A therapist's area and tier, and a patient's area, are those of today's copies.

-- Placements are looked for by their day.
CREATE INDEX IF NOT EXISTS idx_platzsuche_vermittlung
	ON matching_service.platzsuche (erfolgreiche_vermittlung_datum) WHERE status = 'erfolgreich';

-- Every inquiry that was sent. It is answered when a patient was accepted or refused, whatever antworttyp is.
CREATE OR REPLACE VIEW matching_service.report_inquiries AS
SELECT a.id,
	a.therapist_id,
	a.gesendet_datum AS sent_at,
	date_trunc('week', a.gesendet_datum AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')::date AS week,
	left(k.plz, 2) AS area,
	CASE WHEN k.id IS NOT NULL AND NOT k.geloescht THEN
		CASE WHEN coalesce(k.potenziell_verfuegbar, false) THEN 0 ELSE 2 END
		+ CASE WHEN coalesce(k.ueber_curavani_informiert, false) THEN 0 ELSE 1 END
		+ CASE WHEN btrim(coalesce(k.email, '')) <> '' THEN 0 ELSE 4 END
	END AS tier,
	a.strategie AS strategy,
	a.anfragegroesse AS size,
	a.antwort_datum IS NOT NULL AND a.angenommen_anzahl + a.abgelehnt_anzahl > 0 AS answered,
	a.angenommen_anzahl AS accepted,
	CASE WHEN a.angenommen_anzahl + a.abgelehnt_anzahl > 0 THEN
		(extract(epoch FROM a.antwort_datum - a.gesendet_datum) / 3600)::double precision
	END AS hours_to_answer
FROM matching_service.therapeutenanfrage a
LEFT JOIN matching_service.therapeuten_kopie k ON k.id = a.therapist_id
WHERE a.gesendet_datum IS NOT NULL;

-- Every search that ended with a place, with the inquiry that brought it, where there was one: the one that the search
-- names, else the earliest acceptance that did not come too late.
CREATE OR REPLACE VIEW matching_service.report_placements AS
SELECT s.id,
	s.erfolgreiche_vermittlung_datum AS placed_at,
	date_trunc('week', s.erfolgreiche_vermittlung_datum AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin')::date AS week,
	left(p.plz, 2) AS area,
	i.tier,
	i.strategy,
	(extract(epoch FROM s.erfolgreiche_vermittlung_datum - s.created_at) / 86400)::double precision AS days_to_placement
FROM matching_service.platzsuche s
LEFT JOIN matching_service.patienten_kopie p ON p.id = s.patient_id
LEFT JOIN LATERAL (
	SELECT q.tier, q.strategy
	FROM matching_service.therapeut_anfrage_patient r
	JOIN matching_service.report_inquiries q ON q.id = r.therapeutenanfrage_id
	WHERE r.platzsuche_id = s.id AND r.status = 'angenommen'
	ORDER BY q.id IS NOT DISTINCT FROM s.erfolgreiche_anfrage_id DESC, r.konflikt, q.sent_at, q.id
	LIMIT 1
) i ON true
WHERE s.status = 'erfolgreich' AND s.erfolgreiche_vermittlung_datum IS NOT NULL;
