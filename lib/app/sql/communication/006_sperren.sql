-- SPDX-License-Identifier: BSD-2-Clause
-- Therapists who must not be written to or called, and what waits for them.

-- One row per therapist of whom an event said so, of the newest event. geloescht: for good.
CREATE TABLE communication_service.therapeuten_sperren (
	therapist_id integer PRIMARY KEY,
	gesperrt boolean NOT NULL,
	geloescht boolean NOT NULL,
	grund text,
	entity_version bigint,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL
);

-- angehalten_seit (UTC): the therapist is blocked; a mail is not sent, a call is not to be made.
ALTER TABLE communication_service.emails ADD COLUMN IF NOT EXISTS angehalten_seit timestamp;
ALTER TABLE communication_service.telefonanrufe ADD COLUMN IF NOT EXISTS angehalten_seit timestamp;

-- Mails and calls that are made, or queued, while the therapist is blocked. Who handles an event that blocks waits for
-- those that are written at the moment, and they for him.
CREATE FUNCTION communication_service.anhalten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(hashtextextended('psymatch block of therapist ' || NEW.therapist_id, 0));
	IF EXISTS (SELECT FROM communication_service.therapeuten_sperren t
	           WHERE t.therapist_id = NEW.therapist_id AND t.gesperrt) THEN
		NEW.angehalten_seit := now() AT TIME ZONE 'UTC';
	END IF;
	RETURN NEW;
END
$$;
CREATE FUNCTION communication_service.nicht_mehr_anhalten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.angehalten_seit := NULL;
	RETURN NEW;
END
$$;

CREATE TRIGGER email_anhalten BEFORE INSERT OR UPDATE ON communication_service.emails
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL
		AND (NEW.status::text = 'In_Warteschlange'
			OR (NEW.status::text = 'Fehlgeschlagen' AND NEW.naechster_versuch_am IS NOT NULL)))
	EXECUTE FUNCTION communication_service.anhalten();
CREATE TRIGGER email_nicht_mehr_anhalten BEFORE UPDATE ON communication_service.emails
	FOR EACH ROW WHEN (NEW.angehalten_seit IS NOT NULL
		AND NEW.status::text <> 'In_Warteschlange'
		AND (NEW.status::text <> 'Fehlgeschlagen' OR NEW.naechster_versuch_am IS NULL))
	EXECUTE FUNCTION communication_service.nicht_mehr_anhalten();
CREATE TRIGGER anruf_anhalten BEFORE INSERT OR UPDATE ON communication_service.telefonanrufe
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL AND NEW.status::text = 'geplant')
	EXECUTE FUNCTION communication_service.anhalten();
CREATE TRIGGER anruf_nicht_mehr_anhalten BEFORE UPDATE ON communication_service.telefonanrufe
	FOR EACH ROW WHEN (NEW.angehalten_seit IS NOT NULL AND NEW.status::text <> 'geplant')
	EXECUTE FUNCTION communication_service.nicht_mehr_anhalten();

-- What is held does not lengthen the way to what is due.
DROP INDEX communication_service.idx_emails_warteschlange;
CREATE INDEX idx_emails_warteschlange
	ON communication_service.emails
	((coalesce(naechster_versuch_am, in_warteschlange_am, '-infinity'::timestamp)), id)
	WHERE angehalten_seit IS NULL
	AND (status = 'In_Warteschlange' OR (status = 'Fehlgeschlagen' AND naechster_versuch_am IS NOT NULL));
CREATE INDEX idx_emails_angehalten
	ON communication_service.emails (therapist_id, id) WHERE angehalten_seit IS NOT NULL;
CREATE INDEX idx_telefonanrufe_angehalten
	ON communication_service.telefonanrufe (therapist_id, id) WHERE angehalten_seit IS NOT NULL;
