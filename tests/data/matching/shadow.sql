-- SPDX-License-Identifier: BSD-2-Clause
-- For tests of random commands: what the events told (shadow.drain()), what is wrong with the rows or differs from that
-- (shadow.broken()), all there is (shadow.digest()), what is over and forgotten (shadow.forget()), and a statement that
-- fails (crash()). A line of dashes ends a statement.
CREATE SCHEMA shadow;
----
CREATE TABLE shadow.search (id bigint PRIMARY KEY, status text);
----
CREATE TABLE shadow.match (id bigint PRIMARY KEY, status text, inquiry bigint);
----
CREATE TABLE shadow.inquiry (id bigint PRIMARY KEY, sent int DEFAULT 0, answers int DEFAULT 0, kind text);
----
CREATE TABLE shadow.cooling (id bigint PRIMARY KEY, day date);
----
-- Searches that ended without a place, as they were then; a corrected answer may still take an exclusion back.
CREATE TABLE shadow.over (id bigint PRIMARY KEY, search text);
----
CREATE FUNCTION shadow.lasting(s matching_service.platzsuche) RETURNS text LANGUAGE sql AS $f$
SELECT (to_jsonb(s) - 'ausgeschlossene_therapeuten' - 'notizen' - 'updated_at')::text
$f$;
----
CREATE FUNCTION shadow.excludes(list jsonb, therapist bigint) RETURNS boolean LANGUAGE sql AS $f$
SELECT EXISTS (SELECT FROM jsonb_array_elements(list) x WHERE coalesce(x ->> 'id', x #>> '{}') = therapist::text)
$f$;
----
CREATE SEQUENCE crash_at MINVALUE -1000000;
----
CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
	IF nextval('crash_at') = 0 THEN
		RAISE EXCEPTION 'crash' USING ERRCODE = 'deadlock_detected';
	END IF;
	RETURN coalesce(NEW, OLD);
END
$f$;
----
-- now: microseconds since 1970.
CREATE FUNCTION shadow.drain(now bigint) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE
	e record;
	p jsonb;
	was text;
	wrong text := '';
	today date := (to_timestamp(now / 1e6) AT TIME ZONE 'Europe/Berlin')::date;
BEGIN
	FOR e IN SELECT type, payload::jsonb AS p FROM psymatch.outbox ORDER BY id LOOP
		p := e.p;
		CASE e.type
		WHEN 'search.status_changed' THEN
			SELECT status INTO was FROM shadow.search WHERE id = (p ->> 'search_id')::bigint;
			IF was IS DISTINCT FROM p ->> 'old_status' THEN
				wrong := wrong || format(' search %s was %s, not %s', p -> 'search_id', was, p -> 'old_status');
			END IF;
			INSERT INTO shadow.search VALUES ((p ->> 'search_id')::bigint, p ->> 'new_status')
				ON CONFLICT (id) DO UPDATE SET status = excluded.status;
		WHEN 'match.created' THEN
			INSERT INTO shadow.match VALUES ((p ->> 'match_id')::bigint, p ->> 'status', (p ->> 'anfrage_id')::bigint);
			IF EXISTS (SELECT FROM matching_service.platzsuche s WHERE id = (p ->> 'search_id')::bigint
				AND shadow.excludes(s.ausgeschlossene_therapeuten, (p ->> 'therapist_id')::bigint)) THEN
				wrong := wrong || format(' search %s excludes %s', p -> 'search_id', p -> 'therapist_id');
			END IF;
		WHEN 'match.status_changed' THEN
			SELECT status INTO was FROM shadow.match WHERE id = (p ->> 'match_id')::bigint;
			IF was IS DISTINCT FROM p ->> 'old_status' THEN
				wrong := wrong || format(' match %s was %s, not %s', p -> 'match_id', was, p -> 'old_status');
			END IF;
			UPDATE shadow.match SET status = p ->> 'new_status' WHERE id = (p ->> 'match_id')::bigint;
		WHEN 'therapeutenanfrage.created' THEN
			INSERT INTO shadow.inquiry (id) VALUES ((p ->> 'anfrage_id')::bigint);
		WHEN 'therapeutenanfrage.sent' THEN
			UPDATE shadow.inquiry SET sent = sent + 1 WHERE id = (p ->> 'anfrage_id')::bigint;
		WHEN 'therapeutenanfrage.response_received' THEN
			UPDATE shadow.inquiry SET answers = answers + 1, kind = concat_ws(' ', p ->> 'response_type',
				p ->> 'accepted_count', p ->> 'rejected_count', p ->> 'no_response_count')
				WHERE id = (p ->> 'anfrage_id')::bigint;
		WHEN 'cooling.period_started' THEN
			SELECT day::text INTO was FROM shadow.cooling WHERE id = (p ->> 'therapist_id')::bigint;
			IF was >= p ->> 'next_contactable_date' THEN
				wrong := wrong || format(' cooling of %s was %s', p -> 'therapist_id', was);
			END IF;
			IF (p ->> 'next_contactable_date')::date <> today + 28 THEN
				wrong := wrong || format(' cooling until %s on %s', p -> 'next_contactable_date', today);
			END IF;
			INSERT INTO shadow.cooling VALUES ((p ->> 'therapist_id')::bigint, (p ->> 'next_contactable_date')::date)
				ON CONFLICT (id) DO UPDATE SET day = excluded.day;
		ELSE
			NULL;
		END CASE;
	END LOOP;
	DELETE FROM psymatch.outbox;
	INSERT INTO shadow.over SELECT id, shadow.lasting(s) FROM matching_service.platzsuche s WHERE status = 'abgebrochen'
		ON CONFLICT DO NOTHING;
	RETURN wrong;
END
$f$;
----
CREATE VIEW shadow.inquiries AS
	SELECT i.*, m.n, m.places, m.top, m.accepted, m.waiting, m.patients,
		i.gesendet_datum IS NULL AND i.storniert_datum IS NULL AS unsent
	FROM matching_service.therapeutenanfrage i CROSS JOIN LATERAL (
		SELECT count(*) AS n, count(DISTINCT position_in_anfrage) AS places,
			coalesce(max(position_in_anfrage), 0) AS top,
			count(*) FILTER (WHERE status = 'angenommen') AS accepted,
			count(*) FILTER (WHERE status = 'anstehend') AS waiting,
			count(DISTINCT patient_id) AS patients
		FROM matching_service.therapeut_anfrage_patient WHERE therapeutenanfrage_id = i.id) m;
----
CREATE VIEW shadow.matches AS
	SELECT m.*, i.therapist_id, i.storniert_datum, i.gesendet_datum, s.status AS search_status,
		s.erfolgreiche_anfrage_id, s.ausgeschlossene_therapeuten,
		i.gesendet_datum IS NULL AND i.storniert_datum IS NULL AS unsent
	FROM matching_service.therapeut_anfrage_patient m
	JOIN matching_service.therapeutenanfrage i ON i.id = m.therapeutenanfrage_id
	JOIN matching_service.platzsuche s ON s.id = m.platzsuche_id;
----
-- Its plan is kept, where that of an SQL function is made each time.
CREATE FUNCTION shadow.broken() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN RETURN (SELECT string_agg(x, '; ') FROM (
	-- told and true
	SELECT format('search %s is %s, told %s', s.id, s.status, e.status) AS x
		FROM matching_service.platzsuche s LEFT JOIN shadow.search e USING (id)
		WHERE s.status::text IS DISTINCT FROM e.status
	UNION ALL SELECT format('match %s is %s, told %s', m.id, m.status, e.status)
		FROM shadow.matches m LEFT JOIN shadow.match e ON e.id = m.id
		WHERE CASE WHEN m.storniert_datum IS NULL THEN m.status::text END IS DISTINCT FROM e.status
	UNION ALL SELECT format('match %s is gone', e.id) FROM shadow.match e
		WHERE e.status IS NOT NULL
		AND NOT EXISTS (SELECT FROM matching_service.therapeut_anfrage_patient m WHERE m.id = e.id)
	UNION ALL SELECT format('inquiry %s told %s, %s, %s', i.id, e.sent, e.answers, e.kind)
		FROM shadow.inquiries i LEFT JOIN shadow.inquiry e USING (id)
		WHERE e.id IS NULL OR e.sent <> (i.gesendet_datum IS NOT NULL)::int + i.fehlversuche
		OR (e.answers > 0) <> (i.antwort_datum IS NOT NULL)
		OR (e.answers > 0 AND e.kind <> concat_ws(' ', i.antworttyp, i.angenommen_anzahl, i.abgelehnt_anzahl,
			i.keine_antwort_anzahl))
	-- every inquiry that was sent is among the mails or the calls
	UNION ALL SELECT format('inquiry %s has no mail %s and no call %s', i.id, email_id, phone_call_id) FROM shadow.inquiries i
		WHERE gesendet_datum IS NOT NULL
		AND NOT EXISTS (SELECT FROM communication_service.emails m WHERE m.id = i.email_id)
		AND NOT EXISTS (SELECT FROM communication_service.telefonanrufe c WHERE c.id = i.phone_call_id)
	-- sizes, places, counts, kinds
	UNION ALL SELECT format('inquiry %s has %s rows, %s places', id, n, places) FROM shadow.inquiries
		WHERE n <> anfragegroesse OR places <> n OR top <> n OR patients <> n OR (n = 0 AND storniert_datum IS NULL)
	UNION ALL SELECT format('counts of %s', id) FROM shadow.inquiries
		WHERE antwort_datum IS NOT NULL AND (waiting > 0 OR angenommen_anzahl <> accepted
		OR angenommen_anzahl + abgelehnt_anzahl + keine_antwort_anzahl <> anfragegroesse)
	UNION ALL SELECT format('kind of %s', id) FROM shadow.inquiries
		WHERE antwort_datum IS NOT NULL AND antworttyp::text <> CASE
			WHEN angenommen_anzahl = anfragegroesse THEN 'vollstaendige_Annahme'
			WHEN angenommen_anzahl > 0 THEN 'teilweise_Annahme'
			WHEN abgelehnt_anzahl = anfragegroesse THEN 'vollstaendige_Ablehnung'
			ELSE 'keine_Antwort' END
	UNION ALL SELECT format('%s is not answered', id) FROM shadow.inquiries
		WHERE antwort_datum IS NULL AND waiting <> n
	-- searches
	UNION ALL SELECT format('success of search %s', id) FROM matching_service.platzsuche
		WHERE (status = 'erfolgreich') <> (erfolgreiche_vermittlung_datum IS NOT NULL)
		OR (status <> 'erfolgreich' AND erfolgreiche_anfrage_id IS NOT NULL)
	UNION ALL SELECT format('two searches of %s', patient_id) FROM matching_service.platzsuche
		WHERE status = 'aktiv' GROUP BY patient_id HAVING count(*) > 1
	UNION ALL SELECT format('search %s was over and changed', s.id)
		FROM matching_service.platzsuche s JOIN shadow.over o USING (id) WHERE shadow.lasting(s) <> o.search
	UNION ALL SELECT format('search %s is over and waits in %s', platzsuche_id, therapeutenanfrage_id)
		FROM shadow.matches WHERE unsent AND search_status IN ('erfolgreich', 'abgebrochen')
	-- no therapist has two inquiries that wait
	UNION ALL SELECT format('inquiries to %s', therapist_id) FROM shadow.inquiries
		WHERE antwort_datum IS NULL AND storniert_datum IS NULL GROUP BY therapist_id HAVING count(*) > 1
	-- a place is an acceptance's; a conflict is with one; an exclusion lasts, once
	UNION ALL SELECT format('place of search %s', s.id) FROM matching_service.platzsuche s
		WHERE EXISTS (SELECT FROM shadow.inquiries i WHERE i.id = s.erfolgreiche_anfrage_id)
		AND NOT EXISTS (SELECT FROM shadow.matches m WHERE m.platzsuche_id = s.id
			AND m.therapeutenanfrage_id = s.erfolgreiche_anfrage_id AND antwortergebnis = 'angenommen' AND NOT konflikt)
	UNION ALL SELECT format('conflict of match %s', id) FROM shadow.matches
		WHERE konflikt AND (antwortergebnis <> 'angenommen' OR search_status <> 'erfolgreich'
		OR erfolgreiche_anfrage_id = therapeutenanfrage_id)
	UNION ALL SELECT format('exclusion of match %s', id) FROM shadow.matches
		WHERE ausschluss AND NOT shadow.excludes(ausgeschlossene_therapeuten, therapist_id)
	UNION ALL SELECT format('search %s excludes %s twice', s.id, coalesce(x ->> 'id', x #>> '{}'))
		FROM matching_service.platzsuche s, jsonb_array_elements(ausgeschlossene_therapeuten) x
		GROUP BY s.id, coalesce(x ->> 'id', x #>> '{}') HAVING count(*) > 1
	-- the copy is as its source
	UNION ALL SELECT format('therapist %s cools until %s, the copy until %s', t.id, t.naechster_kontakt_moeglich,
		k.naechster_kontakt_moeglich)
		FROM therapist_service.therapeuten t JOIN matching_service.therapeuten_kopie k USING (id)
		WHERE t.naechster_kontakt_moeglich IS DISTINCT FROM k.naechster_kontakt_moeglich
) y);
END
$f$;
----
-- One mail or call for each time that an inquiry was sent, where none of them failed.
CREATE FUNCTION shadow.doubled() RETURNS text LANGUAGE sql AS $f$
SELECT format('%s mails and calls, %s sent', c.n + m.n, e.n)
	FROM (SELECT count(*) AS n FROM communication_service.emails) m,
	(SELECT count(*) AS n FROM communication_service.telefonanrufe) c,
	(SELECT coalesce(sum(sent), 0) AS n FROM shadow.inquiry) e WHERE m.n + c.n <> e.n
$f$;
----
-- Deleted inquiries, what they were sent by, all but the latest searches that wait or are over, in no inquiry: so that
-- a step costs no more after 100,000 of them.
CREATE FUNCTION shadow.forget() RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
	DELETE FROM shadow.inquiry e WHERE NOT EXISTS (SELECT FROM matching_service.therapeutenanfrage i WHERE i.id = e.id);
	DELETE FROM communication_service.emails m
		WHERE NOT EXISTS (SELECT FROM matching_service.therapeutenanfrage i WHERE i.email_id = m.id);
	DELETE FROM communication_service.telefonanrufe c
		WHERE NOT EXISTS (SELECT FROM matching_service.therapeutenanfrage i WHERE i.phone_call_id = c.id);
	DELETE FROM shadow.match WHERE status IS NULL;
	DELETE FROM matching_service.platzsuche s WHERE status <> 'aktiv'
		AND id < (SELECT max(id) - 100 FROM matching_service.platzsuche)
		AND NOT EXISTS (SELECT FROM matching_service.therapeut_anfrage_patient m WHERE m.platzsuche_id = s.id);
	DELETE FROM shadow.search e WHERE NOT EXISTS (SELECT FROM matching_service.platzsuche s WHERE s.id = e.id);
	DELETE FROM shadow.over e WHERE NOT EXISTS (SELECT FROM matching_service.platzsuche s WHERE s.id = e.id);
	DELETE FROM psymatch.entity_version v WHERE entity = 'search' AND version > 0
		AND NOT EXISTS (SELECT FROM matching_service.platzsuche s WHERE s.id = v.id);
END
$f$;
----
CREATE FUNCTION shadow.digest() RETURNS text LANGUAGE sql AS $f$
SELECT md5(string_agg(x, '|' ORDER BY x)) FROM (
	SELECT t::text AS x FROM matching_service.platzsuche t
	UNION ALL SELECT t::text FROM matching_service.therapeut_anfrage_patient t
	UNION ALL SELECT t::text FROM matching_service.therapeutenanfrage t
	UNION ALL SELECT t::text FROM matching_service.therapeuten_kopie t
	UNION ALL SELECT t::text FROM matching_service.patienten_kopie t
	UNION ALL SELECT t::text FROM therapist_service.therapeuten t
	UNION ALL SELECT t::text FROM communication_service.emails t
	UNION ALL SELECT t::text FROM communication_service.telefonanrufe t
	UNION ALL SELECT t::text FROM psymatch.outbox t
	UNION ALL SELECT t::text FROM psymatch.entity_version t) y
$f$;
