-- SPDX-License-Identifier: BSD-2-Clause
-- formerly 6f4fc716ae8bf5905c596484a2c66972
-- The matching service. Names are the platform's; an existing database keeps its rows: only what is missing is made.
-- No foreign key leaves the schema: deleting a patient or a therapist elsewhere must not erase the history here.

-- IF NOT EXISTS wants the right to make one also where there is nothing to make.
DO $$
BEGIN
	IF to_regnamespace('matching_service') IS NULL THEN
		CREATE SCHEMA matching_service;
	END IF;
END
$$;

DO $$
BEGIN
	IF to_regtype('suchstatus') IS NULL THEN
		CREATE TYPE suchstatus AS ENUM ('aktiv', 'erfolgreich', 'pausiert', 'abgebrochen');
	END IF;
	IF to_regtype('antworttyp') IS NULL THEN
		CREATE TYPE antworttyp AS ENUM (
			'vollstaendige_Annahme', 'teilweise_Annahme', 'vollstaendige_Ablehnung', 'keine_Antwort');
	END IF;
	IF to_regtype('anfrage_patient_status') IS NULL THEN
		CREATE TYPE anfrage_patient_status AS ENUM ('anstehend', 'angenommen', 'abgelehnt', 'keine_antwort');
	END IF;
	IF to_regtype('patientenergebnis') IS NULL THEN
		CREATE TYPE patientenergebnis AS ENUM (
			'angenommen', 'abgelehnt_Kapazitaet', 'abgelehnt_nicht_geeignet', 'abgelehnt_sonstiges',
			'nicht_erschienen', 'in_Sitzungen');
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS matching_service.platzsuche (
	id serial PRIMARY KEY,
	patient_id integer NOT NULL,
	status suchstatus NOT NULL DEFAULT 'aktiv',
	created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp,
	ausgeschlossene_therapeuten jsonb NOT NULL DEFAULT '[]',
	gesamt_angeforderte_kontakte integer NOT NULL DEFAULT 0,
	erfolgreiche_vermittlung_datum timestamp,
	notizen text
);

CREATE TABLE IF NOT EXISTS matching_service.therapeutenanfrage (
	id serial PRIMARY KEY,
	therapist_id integer NOT NULL,
	erstellt_datum timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
	gesendet_datum timestamp,
	antwort_datum timestamp,
	antworttyp antworttyp,
	anfragegroesse integer NOT NULL,
	angenommen_anzahl integer NOT NULL DEFAULT 0,
	abgelehnt_anzahl integer NOT NULL DEFAULT 0,
	keine_antwort_anzahl integer NOT NULL DEFAULT 0,
	notizen text,
	email_id integer,
	phone_call_id integer,
	CONSTRAINT accepted_count_check CHECK (angenommen_anzahl >= 0),
	CONSTRAINT rejected_count_check CHECK (abgelehnt_anzahl >= 0),
	CONSTRAINT no_response_count_check CHECK (keine_antwort_anzahl >= 0)
);

CREATE TABLE IF NOT EXISTS matching_service.therapeut_anfrage_patient (
	id serial PRIMARY KEY,
	therapeutenanfrage_id integer NOT NULL REFERENCES matching_service.therapeutenanfrage (id) ON DELETE CASCADE,
	platzsuche_id integer NOT NULL REFERENCES matching_service.platzsuche (id) ON DELETE CASCADE,
	patient_id integer NOT NULL,
	position_in_anfrage integer NOT NULL,
	status anfrage_patient_status NOT NULL DEFAULT 'anstehend',
	antwortergebnis patientenergebnis,
	antwortnotizen text,
	created_at timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
	CONSTRAINT uq_therapeut_anfrage_patient_anfrage_search UNIQUE (therapeutenanfrage_id, platzsuche_id)
);

-- A cancelled inquiry: storniert_datum says when (UTC), storniert_grund why. It was never sent and never will be.
ALTER TABLE matching_service.therapeutenanfrage
	ADD COLUMN IF NOT EXISTS storniert_datum timestamp,
	ADD COLUMN IF NOT EXISTS storniert_grund text;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_constraint
	               WHERE conname = 'cancelled_is_not_sent_check'
	               AND conrelid = 'matching_service.therapeutenanfrage'::regclass) THEN
		ALTER TABLE matching_service.therapeutenanfrage ADD CONSTRAINT cancelled_is_not_sent_check
			CHECK (storniert_datum IS NULL OR (gesendet_datum IS NULL AND antwort_datum IS NULL));
	END IF;
END
$$;

-- A database of the platform has foreign keys into the schemas of other services.
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN
		SELECT con.conname, con.conrelid::regclass AS tab
		FROM pg_constraint con
		JOIN pg_class here ON here.oid = con.conrelid
		JOIN pg_class there ON there.oid = con.confrelid
		WHERE con.contype = 'f'
		AND here.relnamespace = 'matching_service'::regnamespace
		AND there.relnamespace <> here.relnamespace
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.tab, c.conname);
	END LOOP;
END
$$;

CREATE INDEX IF NOT EXISTS idx_platzsuche_patient_id ON matching_service.platzsuche (patient_id);
CREATE INDEX IF NOT EXISTS idx_platzsuche_status ON matching_service.platzsuche (status);
CREATE UNIQUE INDEX IF NOT EXISTS uq_platzsuche_aktiv
	ON matching_service.platzsuche (patient_id) WHERE status = 'aktiv';
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_therapist_id ON matching_service.therapeutenanfrage (therapist_id);
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_sent_date ON matching_service.therapeutenanfrage (gesendet_datum);
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_response_type ON matching_service.therapeutenanfrage (antworttyp);
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_email_id ON matching_service.therapeutenanfrage (email_id);
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_phone_call_id
	ON matching_service.therapeutenanfrage (phone_call_id);
CREATE INDEX IF NOT EXISTS idx_therapeut_anfrage_patient_platzsuche_id
	ON matching_service.therapeut_anfrage_patient (platzsuche_id);
CREATE INDEX IF NOT EXISTS idx_therapeut_anfrage_patient_patient_id
	ON matching_service.therapeut_anfrage_patient (patient_id);
CREATE INDEX IF NOT EXISTS idx_therapeut_anfrage_patient_status
	ON matching_service.therapeut_anfrage_patient (status);

-- The service's own copies, written by events alone: what selection, bundling and the text of an inquiry need. A
-- replay of the topics rebuilds them. entity_version (where the event carries one), event_time and event_id tell
-- which event wrote the row: an older one leaves it alone. geloescht: the person was deleted elsewhere, every
-- column about the person is null, and the row only keeps late events from bringing the person back.
CREATE TABLE matching_service.therapeuten_kopie (
	id integer PRIMARY KEY,
	anrede text,
	geschlecht text,
	titel text,
	vorname text,
	nachname text,
	strasse text,
	plz text,
	ort text,
	telefon text,
	email text,
	telefonische_erreichbarkeit jsonb,
	psychotherapieverfahren text,
	potenziell_verfuegbar boolean,
	ueber_curavani_informiert boolean,
	naechster_kontakt_moeglich date,
	bevorzugte_diagnosen jsonb,
	alter_min integer,
	alter_max integer,
	geschlechtspraeferenz text,
	bevorzugt_gruppentherapie boolean,
	status text,
	geloescht boolean NOT NULL DEFAULT false,
	entity_version bigint,
	event_time timestamptz NOT NULL,
	event_id text NOT NULL
);
CREATE INDEX idx_therapeuten_kopie_plz_name ON matching_service.therapeuten_kopie (plz text_pattern_ops, nachname);

CREATE TABLE matching_service.patienten_kopie (
	id integer PRIMARY KEY,
	geschlecht text,
	vorname text,
	nachname text,
	strasse text,
	plz text,
	ort text,
	krankenkasse text,
	geburtsdatum date,
	symptome jsonb,
	erfahrung_mit_psychotherapie boolean,
	letzte_sitzung_vorherige_psychotherapie date,
	status text,
	zeitliche_verfuegbarkeit jsonb,
	raeumliche_verfuegbarkeit jsonb,
	verkehrsmittel text,
	offen_fuer_gruppentherapie boolean,
	bevorzugtes_therapeutengeschlecht text,
	bevorzugtes_therapieverfahren text,
	geloescht boolean NOT NULL DEFAULT false,
	entity_version bigint,
	event_time timestamptz NOT NULL,
	event_id text NOT NULL
);
CREATE INDEX idx_patienten_kopie_plz ON matching_service.patienten_kopie (plz text_pattern_ops);
