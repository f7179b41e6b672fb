-- SPDX-License-Identifier: BSD-2-Clause
-- The communication service: e-mails. Names are the platform's; an existing database keeps its rows: only what is missing
-- is made. No foreign key leaves the schema: what was sent to a person is history when the person is deleted elsewhere.

-- IF NOT EXISTS wants the right to make one also where there is nothing to make.
DO $$
BEGIN
	IF to_regnamespace('psymatch') IS NULL THEN
		CREATE SCHEMA psymatch;
	END IF;
	IF to_regnamespace('communication_service') IS NULL THEN
		CREATE SCHEMA communication_service;
	END IF;
	IF to_regtype('emailstatus') IS NULL THEN
		CREATE TYPE emailstatus AS ENUM (
			'Entwurf', 'In_Warteschlange', 'Wird_gesendet', 'Gesendet', 'Fehlgeschlagen');
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS communication_service.emails (
	id serial PRIMARY KEY,
	therapist_id integer,
	patient_id integer,
	betreff varchar(255) NOT NULL,
	inhalt_html text NOT NULL,
	inhalt_text text NOT NULL,
	empfaenger_email varchar(255) NOT NULL,
	empfaenger_name varchar(255) NOT NULL,
	absender_email varchar(255) NOT NULL,
	absender_name varchar(255) NOT NULL,
	antwort_erhalten boolean NOT NULL DEFAULT false,
	antwortdatum timestamp,
	antwortinhalt text,
	status emailstatus DEFAULT 'Entwurf',
	in_warteschlange_am timestamp,
	gesendet_am timestamp,
	fehlermeldung text,
	wiederholungsanzahl integer DEFAULT 0,
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	CONSTRAINT email_recipient_check CHECK ((therapist_id IS NULL) <> (patient_id IS NULL))
);

-- naechster_versuch_am: not sent before; of a failed mail: it is tried again then, without a time it is not.
-- versand_durch, versand_bis: who is sending it, and until when that is to be believed (UTC).
-- unklar_seit: nobody knows whether it was sent. A mail that is being sent without versand_bis is as old as the platform.
-- einmal_schluessel: of whoever wants one mail, however often it is asked for.
ALTER TABLE communication_service.emails
	ADD COLUMN IF NOT EXISTS naechster_versuch_am timestamp,
	ADD COLUMN IF NOT EXISTS versand_durch varchar(64),
	ADD COLUMN IF NOT EXISTS versand_bis timestamp,
	ADD COLUMN IF NOT EXISTS unklar_seit timestamp,
	ADD COLUMN IF NOT EXISTS einmal_schluessel varchar(200);

-- A database of the platform has foreign keys into the schemas of other services.
DO $$
DECLARE
	c record;
BEGIN
	FOR c IN
		SELECT con.conname
		FROM pg_constraint con
		JOIN pg_class there ON there.oid = con.confrelid
		WHERE con.contype = 'f'
		AND con.conrelid = 'communication_service.emails'::regclass
		AND there.relnamespace <> 'communication_service'::regnamespace
	LOOP
		EXECUTE format('ALTER TABLE communication_service.emails DROP CONSTRAINT %I', c.conname);
	END LOOP;
END
$$;

CREATE INDEX IF NOT EXISTS idx_emails_therapist_id ON communication_service.emails (therapist_id);
CREATE INDEX IF NOT EXISTS idx_emails_patient_id ON communication_service.emails (patient_id);
CREATE UNIQUE INDEX IF NOT EXISTS uq_emails_einmal_schluessel
	ON communication_service.emails (einmal_schluessel) WHERE einmal_schluessel IS NOT NULL;
-- The queue, in its order, and what is being sent: neither grows with what was sent or has failed for good.
CREATE INDEX IF NOT EXISTS idx_emails_warteschlange
	ON communication_service.emails
	((coalesce(naechster_versuch_am, in_warteschlange_am, '-infinity'::timestamp)), id)
	WHERE status = 'In_Warteschlange' OR (status = 'Fehlgeschlagen' AND naechster_versuch_am IS NOT NULL);
CREATE INDEX IF NOT EXISTS idx_emails_in_versand ON communication_service.emails (id) WHERE status = 'Wird_gesendet';
-- The reference that a subject ends with, "Ref: A12": how an answer finds its mail.
CREATE INDEX IF NOT EXISTS idx_emails_referenz
	ON communication_service.emails ((substring(betreff FROM '\mA([0-9]{1,9})\s*$')), id)
	WHERE substring(betreff FROM '\mA([0-9]{1,9})\s*$') IS NOT NULL;

-- Answers that were read, so that none counts twice: kennung is its Message-ID, or made of its content.
CREATE TABLE IF NOT EXISTS communication_service.email_antworten (
	kennung varchar(255) PRIMARY KEY,
	email_id integer NOT NULL REFERENCES communication_service.emails (id) ON DELETE CASCADE,
	empfangen_am timestamp NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_email_antworten_email_id ON communication_service.email_antworten (email_id);

CREATE TABLE IF NOT EXISTS psymatch.entity_version (
	entity text NOT NULL,
	id bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (entity, id)
);
