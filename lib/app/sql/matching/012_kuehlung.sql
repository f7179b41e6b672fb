-- SPDX-License-Identifier: BSD-2-Clause
-- A cooling period is in the copy at once, before the therapist service tells of it. An event from before then may still
-- be on its way: it does not take the date back, or the therapist would be asked in between.

ALTER TABLE matching_service.therapeuten_kopie
	ADD COLUMN IF NOT EXISTS gekuehlt_am timestamptz;

CREATE OR REPLACE FUNCTION matching_service.kuehlung_halten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.naechster_kontakt_moeglich := OLD.naechster_kontakt_moeglich;
	RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER kuehlung_halten BEFORE UPDATE ON matching_service.therapeuten_kopie
	FOR EACH ROW WHEN (NEW.event_time < OLD.gekuehlt_am AND NEW.event_id <> OLD.event_id AND NOT NEW.geloescht
		AND (NEW.naechster_kontakt_moeglich >= OLD.naechster_kontakt_moeglich) IS NOT TRUE)
	EXECUTE FUNCTION matching_service.kuehlung_halten();
