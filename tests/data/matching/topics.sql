-- SPDX-License-Identifier: BSD-2-Clause
-- For test_services_random: the topics of the services (shadow.topic), what each consumer has not handled yet
-- (shadow.todo), and what is wrong once all of it is handled (shadow.apart()).
CREATE TABLE shadow.wants (consumer text, type text, PRIMARY KEY (type, consumer));
----
CREATE TABLE shadow.topic (n bigint PRIMARY KEY, type text NOT NULL, topic text NOT NULL, key text NOT NULL,
	event text NOT NULL);
----
CREATE TABLE shadow.todo (n bigint, consumer text, topic text NOT NULL, key text NOT NULL, PRIMARY KEY (n, consumer));
----
CREATE INDEX ON shadow.todo (consumer, topic, key, n);
----
-- Before shadow.drain(), which empties the outbox.
CREATE FUNCTION shadow.publish() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
	INSERT INTO shadow.topic SELECT id, type, topic, aggregateid, format(
		'{"event_id": "%s", "event_type": "%s", "version": "%s", "timestamp": "%s", "producer": "%s", "payload": %s}',
		event_id, type, version, to_char(event_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), producer,
		payload) FROM psymatch.outbox;
	INSERT INTO shadow.todo SELECT o.id, w.consumer, o.topic, o.aggregateid
		FROM psymatch.outbox o JOIN shadow.wants w USING (type);
END
$f$;
----
-- Something that is next for its consumer: the first one of its key. Any of them, by chance.
CREATE FUNCTION shadow.next(chance text, OUT n bigint, OUT consumer text) LANGUAGE sql AS $f$
SELECT n, consumer FROM (SELECT DISTINCT ON (consumer, topic, key) n, consumer FROM shadow.todo
	ORDER BY consumer, topic, key, n) x ORDER BY md5(n || consumer || chance) LIMIT 1
$f$;
----
-- The inquiries that wait for an answer, or to be sent, or were called off: what the services say of them.
CREATE FUNCTION shadow.apart() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN RETURN (SELECT string_agg(x, '; ') FROM (
	SELECT format('the copy of patient %s', coalesce(p.id, k.id)) AS x
		FROM patient_service.patienten p FULL JOIN (SELECT * FROM matching_service.patienten_kopie
		WHERE NOT geloescht) k ON k.id = p.id WHERE p.id IS NULL OR k.id IS NULL
	UNION ALL SELECT format('the copy of therapist %s', coalesce(t.id, k.id))
		FROM therapist_service.therapeuten t FULL JOIN (SELECT * FROM matching_service.therapeuten_kopie
		WHERE NOT geloescht) k ON k.id = t.id WHERE t.id IS NULL OR k.id IS NULL
	UNION ALL SELECT format('search %s of a deleted patient', s.id) FROM matching_service.platzsuche s
		WHERE status IN ('aktiv', 'pausiert')
		AND NOT EXISTS (SELECT FROM patient_service.patienten p WHERE p.id = s.patient_id)
	UNION ALL SELECT format('deleted patient in unsent %s', therapeutenanfrage_id) FROM shadow.matches m
		WHERE unsent AND NOT EXISTS (SELECT FROM patient_service.patienten p WHERE p.id = m.patient_id)
	UNION ALL SELECT format('unsent %s to a blocked therapist', i.id) FROM shadow.inquiries i
		WHERE unsent AND NOT EXISTS (SELECT FROM therapist_service.therapeuten t
			WHERE t.id = i.therapist_id AND status <> 'gesperrt')
	UNION ALL SELECT format('excluded patient in unsent %s', therapeutenanfrage_id) FROM shadow.matches m
		WHERE unsent AND shadow.excludes(m.ausgeschlossene_therapeuten, m.therapist_id)
	-- a mail or a call that failed for good did not reach anybody
	UNION ALL SELECT format('the mail of %s failed', i.id) FROM shadow.inquiries i
		JOIN communication_service.emails m ON m.id = i.email_id
		WHERE i.gesendet_datum IS NOT NULL AND i.antwort_datum IS NULL AND i.versandweg = 'email'
		AND m.status = 'Fehlgeschlagen' AND m.naechster_versuch_am IS NULL AND m.unklar_seit IS NULL
	UNION ALL SELECT format('inquiry %s has %s calls', therapeutenanfrage_id, count(*))
		FROM communication_service.telefonanrufe WHERE status = 'geplant' GROUP BY therapeutenanfrage_id
		HAVING count(*) > 1
	-- whom the patient service calls open is open
	UNION ALL SELECT format('match %s is open', coalesce(m.id, z.match_id))
		FROM (SELECT id FROM shadow.matches WHERE status = 'anstehend' AND storniert_datum IS NULL) m
		FULL JOIN (SELECT match_id FROM patient_service.zuordnungen WHERE offen) z ON z.match_id = m.id
		WHERE z.match_id IS NULL OR m.id IS NULL
	UNION ALL SELECT format('therapist %s is blocked, or not', coalesce(t.id, s.therapist_id))
		FROM (SELECT id FROM therapist_service.therapeuten WHERE sperrdatum IS NOT NULL) t
		FULL JOIN (SELECT therapist_id FROM patient_service.therapeuten_sperren WHERE gesperrt AND NOT geloescht) s
		ON s.therapist_id = t.id WHERE t.id IS NULL OR s.therapist_id IS NULL
) y);
END
$f$;
