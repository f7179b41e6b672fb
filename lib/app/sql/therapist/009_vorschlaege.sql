-- SPDX-License-Identifier: BSD-2-Clause
-- What the therapist service knows of patients, matches and inquiries: for suggestions, and for what a therapist has to do and
-- how often inquiries are answered. Written by events alone; of several the newest counts.

-- For whom therapists are suggested: what the patient wants, and no more. geloescht: for good, and nothing else is left.
CREATE TABLE therapist_service.patientenwuensche (
	patient_id integer PRIMARY KEY,
	plz text,
	geschlecht text,
	geburtsdatum date,
	raeumliche_verfuegbarkeit jsonb,
	offen_fuer_gruppentherapie boolean,
	ausgeschlossene_therapeuten jsonb,
	bevorzugtes_therapeutengeschlecht text,
	bevorzugtes_therapieverfahren text,
	geloescht boolean NOT NULL DEFAULT false,
	entity_version bigint,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL
);

-- The patients of a therapist's inquiries; status null: withdrawn before it was answered.
CREATE TABLE therapist_service.zuordnungen (
	match_id integer PRIMARY KEY,
	patient_id integer,
	therapist_id integer,
	anfrage_id integer,
	status text,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL
);
CREATE INDEX idx_zuordnungen_therapeut ON therapist_service.zuordnungen (therapist_id);

-- event_time and event_id are those of the answer that counts; beantwortet_am stays when it is corrected.
CREATE TABLE therapist_service.anfragen (
	anfrage_id integer PRIMARY KEY,
	therapist_id integer,
	groesse integer,
	gesendet_am timestamptz,
	gesendet_per text,
	kommunikation_id integer,
	beantwortet_am timestamptz,
	angenommen integer,
	abgelehnt integer,
	event_time timestamptz NOT NULL DEFAULT '-infinity',
	event_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
CREATE INDEX idx_anfragen_therapeut ON therapist_service.anfragen (therapist_id);

-- Mails and calls to therapists: whether the last thing that was heard of one is that it failed.
CREATE TABLE therapist_service.zustellungen (
	art text NOT NULL,
	id integer NOT NULL,
	gescheitert boolean NOT NULL,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL,
	PRIMARY KEY (art, id)
);

-- What was before is taken from the other services, where they are in this database and may be read: any event is newer.
DO $$
DECLARE
	first_id constant uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	INSERT INTO therapist_service.patientenwuensche (patient_id, plz, geschlecht, geburtsdatum, raeumliche_verfuegbarkeit,
		offen_fuer_gruppentherapie, ausgeschlossene_therapeuten, bevorzugtes_therapeutengeschlecht,
		bevorzugtes_therapieverfahren, event_time, event_id)
	SELECT id, plz, geschlecht::text, geburtsdatum, raeumliche_verfuegbarkeit::text::jsonb, offen_fuer_gruppentherapie,
		ausgeschlossene_therapeuten::text::jsonb, bevorzugtes_therapeutengeschlecht::text,
		bevorzugtes_therapieverfahren::text, '-infinity', first_id
	FROM patient_service.patienten;
EXCEPTION WHEN undefined_table OR invalid_schema_name OR undefined_column OR insufficient_privilege THEN
	RAISE NOTICE 'no patients in this database: they become known by their events';
END
$$;
DO $$
DECLARE
	first_id constant uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
	INSERT INTO therapist_service.anfragen (anfrage_id, therapist_id, groesse, gesendet_am, gesendet_per, kommunikation_id,
		beantwortet_am, angenommen, abgelehnt)
	SELECT id, therapist_id, anfragegroesse, gesendet_datum AT TIME ZONE 'UTC',
		CASE WHEN email_id IS NOT NULL THEN 'email' WHEN phone_call_id IS NOT NULL THEN 'phone_call' END,
		coalesce(email_id, phone_call_id), antwort_datum AT TIME ZONE 'UTC', angenommen_anzahl, abgelehnt_anzahl
	FROM matching_service.therapeutenanfrage;
	INSERT INTO therapist_service.zuordnungen (match_id, patient_id, therapist_id, anfrage_id, status, event_time, event_id)
	SELECT m.id, m.patient_id, a.therapist_id, a.id,
		CASE WHEN to_jsonb(a) ->> 'storniert_datum' IS NULL THEN m.status::text END, '-infinity', first_id
	FROM matching_service.therapeut_anfrage_patient m
	JOIN matching_service.therapeutenanfrage a ON a.id = m.therapeutenanfrage_id;
EXCEPTION WHEN undefined_table OR invalid_schema_name OR undefined_column OR insufficient_privilege THEN
	RAISE NOTICE 'no inquiries in this database: they become known by their events';
END
$$;
