-- SPDX-License-Identifier: BSD-2-Clause
-- The patient service. Names are the platform's; an existing database keeps its rows: only what is missing is made.

-- IF NOT EXISTS wants the right to make one also where there is nothing to make.
DO $$
BEGIN
	IF to_regnamespace('psymatch') IS NULL THEN
		CREATE SCHEMA psymatch;
	END IF;
	IF to_regnamespace('patient_service') IS NULL THEN
		CREATE SCHEMA patient_service;
	END IF;
END
$$;

-- Services that share one database share these types: the first one makes them.
DO $$
BEGIN
	IF to_regtype('anrede') IS NULL THEN
		CREATE TYPE anrede AS ENUM ('Herr', 'Frau');
	END IF;
	IF to_regtype('geschlecht') IS NULL THEN
		CREATE TYPE geschlecht AS ENUM ('männlich', 'weiblich', 'divers', 'keine_Angabe');
	END IF;
	IF to_regtype('patientenstatus') IS NULL THEN
		CREATE TYPE patientenstatus AS ENUM (
			'offen', 'auf_der_Suche', 'in_Therapie', 'Therapie_abgeschlossen', 'Suche_abgebrochen',
			'Therapie_abgebrochen');
	END IF;
	IF to_regtype('therapeutgeschlechtspraeferenz') IS NULL THEN
		CREATE TYPE therapeutgeschlechtspraeferenz AS ENUM ('Männlich', 'Weiblich', 'Egal');
	END IF;
	IF to_regtype('therapieverfahren') IS NULL THEN
		CREATE TYPE therapieverfahren AS ENUM (
			'egal', 'Verhaltenstherapie', 'tiefenpsychologisch_fundierte_Psychotherapie');
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS patient_service.patienten (
	id serial PRIMARY KEY,
	anrede anrede NOT NULL,
	geschlecht geschlecht NOT NULL,
	vorname varchar(100) NOT NULL,
	nachname varchar(100) NOT NULL,
	strasse varchar(255),
	plz varchar(10),
	ort varchar(100),
	email varchar(255),
	telefon varchar(50),
	hausarzt varchar(255),
	krankenkasse varchar(100),
	krankenversicherungsnummer varchar(50),
	geburtsdatum date,
	symptome jsonb,
	erfahrung_mit_psychotherapie boolean,
	letzte_sitzung_vorherige_psychotherapie date,
	vertraege_unterschrieben boolean DEFAULT false,
	startdatum date,
	erster_therapieplatz_am date,
	funktionierender_therapieplatz_am date,
	status patientenstatus DEFAULT 'offen',
	empfehler_der_unterstuetzung text,
	zahlungsreferenz varchar(8),
	zahlung_eingegangen boolean NOT NULL DEFAULT false,
	zeitliche_verfuegbarkeit jsonb,
	raeumliche_verfuegbarkeit jsonb,
	verkehrsmittel varchar(50),
	offen_fuer_gruppentherapie boolean DEFAULT false,
	offen_fuer_diga boolean DEFAULT false,
	letzter_kontakt date,
	ausgeschlossene_therapeuten jsonb DEFAULT '[]',
	bevorzugtes_therapeutengeschlecht therapeutgeschlechtspraeferenz DEFAULT 'Egal',
	bevorzugtes_therapieverfahren therapieverfahren DEFAULT 'egal',
	created_at date,
	updated_at date
);

-- The platform's own, beside the one of the primary key.
CREATE INDEX IF NOT EXISTS ix_patient_service_patienten_id ON patient_service.patienten (id);
-- Those of one status, however many were patients once.
CREATE INDEX IF NOT EXISTS idx_patienten_status ON patient_service.patienten (status, id);

-- In a database of the platform other services' rows point here, and deleting a patient would delete them, too: they
-- are history, and it is the event that tells these services. Whose tables are not ours to change, drops them itself.
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN
		SELECT con.conname, con.conrelid::regclass AS tab
		FROM pg_constraint con
		JOIN pg_class here ON here.oid = con.conrelid
		WHERE con.contype = 'f'
		AND con.confrelid = 'patient_service.patienten'::regclass
		AND here.relnamespace <> 'patient_service'::regnamespace
		AND pg_has_role(here.relowner, 'USAGE')
	LOOP
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.tab, c.conname);
	END LOOP;
END
$$;

-- Counts the committed changes of the rows of all entities; a row without a line was adopted and not changed since.
CREATE TABLE IF NOT EXISTS psymatch.entity_version (
	entity text NOT NULL,
	id bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (entity, id)
);

-- Where an announcement of all patients stands: those up to last_id are published. No row: none is under way.
CREATE TABLE IF NOT EXISTS psymatch.announcement (
	entity text PRIMARY KEY,
	last_id integer NOT NULL
);
