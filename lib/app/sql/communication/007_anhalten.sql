-- SPDX-License-Identifier: BSD-2-Clause
-- A row that waited before it was changed is not looked at again: whoever changes it has its lock, and must not wait for
-- the one who blocks the therapist, who waits for that lock. Therapists who were blocked before this database was
-- adopted are known, and what waits for them is held.

DROP TRIGGER email_anhalten ON communication_service.emails;
CREATE TRIGGER email_anhalten BEFORE INSERT ON communication_service.emails
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL
		AND (NEW.status::text = 'In_Warteschlange'
			OR (NEW.status::text = 'Fehlgeschlagen' AND NEW.naechster_versuch_am IS NOT NULL)))
	EXECUTE FUNCTION communication_service.anhalten();
CREATE TRIGGER email_wartet_anhalten BEFORE UPDATE ON communication_service.emails
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL
		AND (NEW.status::text = 'In_Warteschlange'
			OR (NEW.status::text = 'Fehlgeschlagen' AND NEW.naechster_versuch_am IS NOT NULL))
		AND (OLD.therapist_id IS DISTINCT FROM NEW.therapist_id
			OR (coalesce(OLD.status::text, '') <> 'In_Warteschlange'
				AND (coalesce(OLD.status::text, '') <> 'Fehlgeschlagen' OR OLD.naechster_versuch_am IS NULL))))
	EXECUTE FUNCTION communication_service.anhalten();

DROP TRIGGER anruf_anhalten ON communication_service.telefonanrufe;
CREATE TRIGGER anruf_anhalten BEFORE INSERT ON communication_service.telefonanrufe
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL AND NEW.status::text = 'geplant')
	EXECUTE FUNCTION communication_service.anhalten();
CREATE TRIGGER anruf_geplant_anhalten BEFORE UPDATE ON communication_service.telefonanrufe
	FOR EACH ROW WHEN (NEW.therapist_id IS NOT NULL AND NEW.angehalten_seit IS NULL AND NEW.status::text = 'geplant'
		AND (OLD.therapist_id IS DISTINCT FROM NEW.therapist_id OR OLD.status::text <> 'geplant'))
	EXECUTE FUNCTION communication_service.anhalten();

-- Where the therapists have a database of their own, or may not be read, events tell.
DO $$
BEGIN
	INSERT INTO communication_service.therapeuten_sperren
		(therapist_id, gesperrt, geloescht, grund, event_time, event_id)
	SELECT id, true, false, sperrgrund,
		least(coalesce(sperrdatum::timestamp AT TIME ZONE 'Europe/Berlin', '-infinity'), now()),
		'00000000-0000-0000-0000-000000000000'
	FROM therapist_service.therapeuten WHERE status::text = 'gesperrt'
	ON CONFLICT DO NOTHING;
EXCEPTION WHEN undefined_table OR invalid_schema_name OR undefined_column OR insufficient_privilege THEN
	RAISE NOTICE 'no therapists in this database: who is blocked becomes known by events';
END
$$;
UPDATE communication_service.emails m SET angehalten_seit = now() AT TIME ZONE 'UTC'
	FROM communication_service.therapeuten_sperren t
	WHERE t.therapist_id = m.therapist_id AND t.gesperrt AND m.angehalten_seit IS NULL
	AND (m.status = 'In_Warteschlange' OR (m.status = 'Fehlgeschlagen' AND m.naechster_versuch_am IS NOT NULL));
UPDATE communication_service.telefonanrufe c SET angehalten_seit = now() AT TIME ZONE 'UTC'
	FROM communication_service.therapeuten_sperren t
	WHERE t.therapist_id = c.therapist_id AND t.gesperrt AND c.angehalten_seit IS NULL
	AND c.status::text = 'geplant';
