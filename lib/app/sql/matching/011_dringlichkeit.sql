-- SPDX-License-Identifier: BSD-2-Clause
-- The strategy priority: a search counts as if it were 30 days older for each step of urgency, and 60 days older when the
-- patient came back after a missed first meeting.

ALTER TABLE matching_service.platzsuche
	ADD COLUMN IF NOT EXISTS dringlichkeit integer NOT NULL DEFAULT 0;
DO $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_constraint
	               WHERE conname = 'dringlichkeit_check' AND conrelid = 'matching_service.platzsuche'::regclass) THEN
		ALTER TABLE matching_service.platzsuche
			ADD CONSTRAINT dringlichkeit_check CHECK (dringlichkeit BETWEEN 0 AND 3);
	END IF;
END
$$;

ALTER TABLE matching_service.aktive_suchen
	ADD COLUMN IF NOT EXISTS dringlichkeit integer NOT NULL DEFAULT 0,
	ADD COLUMN IF NOT EXISTS zurueck boolean NOT NULL DEFAULT false;
ALTER TABLE matching_service.aktive_suchen
	ADD COLUMN IF NOT EXISTS vorrang timestamp GENERATED ALWAYS AS
		(created_at - (dringlichkeit * 30 + zurueck::integer * 60) * interval '1 day') STORED;
CREATE INDEX IF NOT EXISTS idx_aktive_suchen_vorrang
	ON matching_service.aktive_suchen (left(plz, 2), vorrang, search_id);

CREATE OR REPLACE FUNCTION matching_service.ist_zurueck(suche integer) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM matching_service.therapeut_anfrage_patient
	               WHERE platzsuche_id = suche AND antwortergebnis::text = 'nicht_erschienen')
$$;

CREATE OR REPLACE FUNCTION matching_service.aktive_suche() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.status::text = 'aktiv' THEN
		INSERT INTO matching_service.aktive_suchen AS a
			(search_id, patient_id, plz, created_at, dringlichkeit, zurueck)
		VALUES (NEW.id, NEW.patient_id,
			coalesce((SELECT p.plz FROM matching_service.patienten_kopie p WHERE p.id = NEW.patient_id FOR SHARE), ''),
			NEW.created_at, NEW.dringlichkeit, matching_service.ist_zurueck(NEW.id))
		ON CONFLICT (search_id) DO UPDATE
			SET patient_id = excluded.patient_id, plz = excluded.plz, created_at = excluded.created_at,
				dringlichkeit = excluded.dringlichkeit, zurueck = excluded.zurueck;
	ELSE
		DELETE FROM matching_service.aktive_suchen WHERE search_id = NEW.id;
	END IF;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER aktive_suche_geaendert AFTER UPDATE ON matching_service.platzsuche
	FOR EACH ROW WHEN ((OLD.status, OLD.patient_id, OLD.created_at, OLD.dringlichkeit)
		IS DISTINCT FROM (NEW.status, NEW.patient_id, NEW.created_at, NEW.dringlichkeit))
	EXECUTE FUNCTION matching_service.aktive_suche();

CREATE OR REPLACE FUNCTION matching_service.aktive_suche_zurueck() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	suche integer := CASE WHEN TG_OP = 'DELETE' THEN OLD.platzsuche_id ELSE NEW.platzsuche_id END;
BEGIN
	UPDATE matching_service.aktive_suchen SET zurueck = matching_service.ist_zurueck(suche)
		WHERE search_id = suche AND zurueck <> matching_service.ist_zurueck(suche);
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER zurueck_neu AFTER INSERT ON matching_service.therapeut_anfrage_patient
	FOR EACH ROW WHEN (NEW.antwortergebnis = 'nicht_erschienen')
	EXECUTE FUNCTION matching_service.aktive_suche_zurueck();
CREATE OR REPLACE TRIGGER zurueck_geaendert AFTER UPDATE ON matching_service.therapeut_anfrage_patient
	FOR EACH ROW WHEN ((OLD.antwortergebnis = 'nicht_erschienen') IS DISTINCT FROM (NEW.antwortergebnis = 'nicht_erschienen'))
	EXECUTE FUNCTION matching_service.aktive_suche_zurueck();
CREATE OR REPLACE TRIGGER zurueck_geloescht AFTER DELETE ON matching_service.therapeut_anfrage_patient
	FOR EACH ROW WHEN (OLD.antwortergebnis = 'nicht_erschienen')
	EXECUTE FUNCTION matching_service.aktive_suche_zurueck();

UPDATE matching_service.aktive_suchen SET zurueck = true
	WHERE search_id IN (SELECT platzsuche_id FROM matching_service.therapeut_anfrage_patient
	                    WHERE antwortergebnis::text = 'nicht_erschienen');
