-- SPDX-License-Identifier: BSD-2-Clause
-- formerly de381df269e252847a1b36c7da3fac69
-- formerly 368517753a66e5a28856d9ac4e6fa841
-- The therapist service. Names are the platform's; an existing database keeps its rows: only what is missing is made.

-- IF NOT EXISTS wants the right to make one also where there is nothing to make.
DO $$
BEGIN
	IF to_regnamespace('psymatch') IS NULL THEN
		CREATE SCHEMA psymatch;
	END IF;
	IF to_regnamespace('therapist_service') IS NULL THEN
		CREATE SCHEMA therapist_service;
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
	IF to_regtype('therapieverfahren') IS NULL THEN
		CREATE TYPE therapieverfahren AS ENUM (
			'egal', 'Verhaltenstherapie', 'tiefenpsychologisch_fundierte_Psychotherapie');
	END IF;
	IF to_regtype('therapeutstatus') IS NULL THEN
		CREATE TYPE therapeutstatus AS ENUM ('aktiv', 'gesperrt', 'inaktiv');
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS therapist_service.therapeuten (
	id serial PRIMARY KEY,
	anrede anrede NOT NULL,
	geschlecht geschlecht NOT NULL,
	titel varchar(20),
	vorname varchar(100) NOT NULL,
	nachname varchar(100) NOT NULL,
	strasse varchar(255),
	plz varchar(10),
	ort varchar(100),
	telefon varchar(50),
	fax varchar(50),
	email varchar(255),
	webseite varchar(255),
	kassensitz boolean DEFAULT true,
	telefonische_erreichbarkeit jsonb DEFAULT '{}',
	fremdsprachen jsonb DEFAULT '[]',
	psychotherapieverfahren therapieverfahren DEFAULT 'egal',
	zusatzqualifikationen text,
	besondere_leistungsangebote text,
	letzter_kontakt_email date,
	letzter_kontakt_telefon date,
	letztes_persoenliches_gespraech date,
	potenziell_verfuegbar boolean DEFAULT false,
	potenziell_verfuegbar_notizen text,
	ueber_curavani_informiert boolean DEFAULT false,
	naechster_kontakt_moeglich date,
	bevorzugte_diagnosen jsonb DEFAULT '[]',
	alter_min integer,
	alter_max integer,
	geschlechtspraeferenz varchar(50),
	arbeitszeiten jsonb DEFAULT '{}',
	bevorzugt_gruppentherapie boolean DEFAULT false,
	status therapeutstatus DEFAULT 'aktiv',
	sperrgrund text,
	sperrdatum date,
	created_at date,
	updated_at date
);

CREATE INDEX IF NOT EXISTS idx_therapists_naechster_kontakt_moeglich
	ON therapist_service.therapeuten (naechster_kontakt_moeglich);
-- How an import finds the therapist of a record.
CREATE INDEX IF NOT EXISTS idx_therapeuten_plz_vorname
	ON therapist_service.therapeuten (plz, vorname);

-- What the service knows about a therapist beside the platform's columns. version counts the committed changes;
-- import_source is the file ("YYYYMMDD/plz.json") that wrote the row last: an older one may not undo it.
CREATE TABLE IF NOT EXISTS psymatch.therapist_state (
	therapist_id integer PRIMARY KEY,
	version bigint NOT NULL,
	import_source text
);

-- Files that are no import files, by the checksum of their content: each is reported once.
CREATE TABLE IF NOT EXISTS psymatch.import_broken (
	file text NOT NULL,
	checksum text NOT NULL,
	found_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (file, checksum)
);
