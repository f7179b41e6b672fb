-- SPDX-License-Identifier: BSD-2-Clause
-- The communication service: phone calls. Names are the platform's; an existing database keeps its rows. No foreign key
-- leaves the schema: a call is history when the person is deleted elsewhere.

DO $$
BEGIN
	IF to_regtype('telefonanrufstatus') IS NULL THEN
		CREATE TYPE telefonanrufstatus AS ENUM ('geplant', 'abgeschlossen', 'fehlgeschlagen', 'abgebrochen');
	END IF;
END
$$;

CREATE TABLE IF NOT EXISTS communication_service.telefonanrufe (
	id serial PRIMARY KEY,
	therapist_id integer,
	patient_id integer,
	therapeutenanfrage_id integer,
	geplantes_datum date NOT NULL,
	geplante_zeit time NOT NULL,
	dauer_minuten integer DEFAULT 5,
	tatsaechliches_datum date,
	tatsaechliche_zeit time,
	status telefonanrufstatus NOT NULL DEFAULT 'geplant',
	ergebnis text,
	notizen text,
	created_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	updated_at timestamp DEFAULT (now() AT TIME ZONE 'UTC'),
	CONSTRAINT phone_call_recipient_check CHECK ((therapist_id IS NULL) <> (patient_id IS NULL))
);

-- therapeutenanfrage_id came with the platform's second migration.
-- einmal_schluessel: of whoever wants one call, however often it is asked for.
ALTER TABLE communication_service.telefonanrufe
	ADD COLUMN IF NOT EXISTS therapeutenanfrage_id integer,
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
		AND con.conrelid = 'communication_service.telefonanrufe'::regclass
		AND there.relnamespace <> 'communication_service'::regnamespace
	LOOP
		EXECUTE format('ALTER TABLE communication_service.telefonanrufe DROP CONSTRAINT %I', c.conname);
	END LOOP;
END
$$;

CREATE INDEX IF NOT EXISTS idx_telefonanrufe_therapist_datum
	ON communication_service.telefonanrufe (therapist_id, geplantes_datum);
CREATE INDEX IF NOT EXISTS idx_telefonanrufe_patient_id ON communication_service.telefonanrufe (patient_id);
CREATE INDEX IF NOT EXISTS idx_telefonanrufe_therapeutenanfrage_id
	ON communication_service.telefonanrufe (therapeutenanfrage_id);
CREATE INDEX IF NOT EXISTS idx_telefonanrufe_datum ON communication_service.telefonanrufe (geplantes_datum);
CREATE INDEX IF NOT EXISTS idx_telefonanrufe_status ON communication_service.telefonanrufe (status, id);
CREATE UNIQUE INDEX IF NOT EXISTS uq_telefonanrufe_einmal_schluessel
	ON communication_service.telefonanrufe (einmal_schluessel) WHERE einmal_schluessel IS NOT NULL;

-- The time of a planned call with a therapist, who takes one call at a time. Rows of the platform may overlap, so this
-- is a table beside theirs: of calls that overlapped before, the first one stands here. belegung: minutes, those of each
-- therapist on a stretch of their own of one line of numbers.
CREATE TABLE communication_service.anruf_termine (
	call_id integer PRIMARY KEY REFERENCES communication_service.telefonanrufe (id) ON DELETE CASCADE,
	belegung numrange NOT NULL,
	CONSTRAINT one_call_at_a_time EXCLUDE USING gist (belegung WITH &&)
);

CREATE FUNCTION communication_service.anruf_belegung(therapist integer, tag date, zeit time, minuten integer)
RETURNS numrange LANGUAGE sql IMMUTABLE AS $$
	SELECT numrange(beginn, beginn + greatest(coalesce(minuten, 5), 1))
	FROM (SELECT therapist * 1e13 + (tag - date '2000-01-01') * 1440.0 + extract(hour FROM zeit) * 60
		+ extract(minute FROM zeit) AS beginn) b
$$;

CREATE FUNCTION communication_service.anruf_belegen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM communication_service.anruf_termine WHERE call_id = NEW.id;
	IF NEW.status::text = 'geplant' AND NEW.therapist_id IS NOT NULL AND isfinite(NEW.geplantes_datum) THEN
		INSERT INTO communication_service.anruf_termine VALUES (NEW.id, communication_service.anruf_belegung(
			NEW.therapist_id, NEW.geplantes_datum, NEW.geplante_zeit, NEW.dauer_minuten));
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER anruf_neu AFTER INSERT ON communication_service.telefonanrufe
	FOR EACH ROW EXECUTE FUNCTION communication_service.anruf_belegen();
CREATE TRIGGER anruf_verschoben AFTER UPDATE ON communication_service.telefonanrufe
	FOR EACH ROW WHEN ((OLD.therapist_id, OLD.geplantes_datum, OLD.geplante_zeit, OLD.dauer_minuten, OLD.status)
		IS DISTINCT FROM (NEW.therapist_id, NEW.geplantes_datum, NEW.geplante_zeit, NEW.dauer_minuten, NEW.status))
	EXECUTE FUNCTION communication_service.anruf_belegen();

INSERT INTO communication_service.anruf_termine
SELECT id, communication_service.anruf_belegung(therapist_id, geplantes_datum, geplante_zeit, dauer_minuten)
FROM communication_service.telefonanrufe
WHERE status::text = 'geplant' AND therapist_id IS NOT NULL
AND isfinite(geplantes_datum) AND geplantes_datum >= current_date - 1
ORDER BY id
ON CONFLICT DO NOTHING;
