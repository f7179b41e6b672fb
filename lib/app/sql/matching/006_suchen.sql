-- SPDX-License-Identifier: BSD-2-Clause
-- What searches need beside the platform's tables.

-- The therapists that a patient excludes: a new search begins with them.
ALTER TABLE matching_service.patienten_kopie
	ADD COLUMN IF NOT EXISTS ausgeschlossene_therapeuten jsonb;

-- Patients who are to be searched for, but whose data do not allow it yet: fehlt names the columns. A row goes when the
-- search is opened, or when the patient does not search any more.
CREATE TABLE IF NOT EXISTS matching_service.suche_unvollstaendig (
	patient_id integer PRIMARY KEY,
	fehlt text[] NOT NULL,
	seit timestamptz NOT NULL,
	zuletzt timestamptz NOT NULL
);

-- The active searches alone, with the postal code of the copy: who is next in an area is found without looking at other
-- areas, at ended searches or at patients of former times. Triggers keep it, so that every writer of the two tables does.
CREATE TABLE IF NOT EXISTS matching_service.aktive_suchen (
	search_id integer PRIMARY KEY REFERENCES matching_service.platzsuche (id) ON DELETE CASCADE,
	patient_id integer NOT NULL,
	plz text NOT NULL,
	created_at timestamp NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_aktive_suchen_gebiet
	ON matching_service.aktive_suchen (left(plz, 2), created_at, search_id);
CREATE INDEX IF NOT EXISTS idx_aktive_suchen_patient_id ON matching_service.aktive_suchen (patient_id);

-- FOR SHARE: a change of the postal code at the same moment is waited for, or finds the row that is written here.
CREATE OR REPLACE FUNCTION matching_service.aktive_suche() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.status::text = 'aktiv' THEN
		INSERT INTO matching_service.aktive_suchen AS a (search_id, patient_id, plz, created_at)
		VALUES (NEW.id, NEW.patient_id,
			coalesce((SELECT p.plz FROM matching_service.patienten_kopie p WHERE p.id = NEW.patient_id FOR SHARE), ''),
			NEW.created_at)
		ON CONFLICT (search_id) DO UPDATE
			SET patient_id = excluded.patient_id, plz = excluded.plz, created_at = excluded.created_at;
	ELSE
		DELETE FROM matching_service.aktive_suchen WHERE search_id = NEW.id;
	END IF;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER aktive_suche_neu AFTER INSERT ON matching_service.platzsuche
	FOR EACH ROW WHEN (NEW.status = 'aktiv') EXECUTE FUNCTION matching_service.aktive_suche();
CREATE OR REPLACE TRIGGER aktive_suche_geaendert AFTER UPDATE ON matching_service.platzsuche
	FOR EACH ROW WHEN ((OLD.status, OLD.patient_id, OLD.created_at)
		IS DISTINCT FROM (NEW.status, NEW.patient_id, NEW.created_at))
	EXECUTE FUNCTION matching_service.aktive_suche();

CREATE OR REPLACE FUNCTION matching_service.aktive_suche_plz() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE matching_service.aktive_suchen SET plz = coalesce(NEW.plz, '') WHERE patient_id = NEW.id;
	RETURN NULL;
END
$$;
CREATE OR REPLACE TRIGGER aktive_suche_plz_neu AFTER INSERT ON matching_service.patienten_kopie
	FOR EACH ROW EXECUTE FUNCTION matching_service.aktive_suche_plz();
CREATE OR REPLACE TRIGGER aktive_suche_plz_geaendert AFTER UPDATE ON matching_service.patienten_kopie
	FOR EACH ROW WHEN (OLD.plz IS DISTINCT FROM NEW.plz) EXECUTE FUNCTION matching_service.aktive_suche_plz();

INSERT INTO matching_service.aktive_suchen (search_id, patient_id, plz, created_at)
	SELECT s.id, s.patient_id, coalesce(p.plz, ''), s.created_at
	FROM matching_service.platzsuche s LEFT JOIN matching_service.patienten_kopie p ON p.id = s.patient_id
	WHERE s.status::text = 'aktiv'
	ON CONFLICT (search_id) DO NOTHING;

-- Lists of searches, the newest first.
CREATE INDEX IF NOT EXISTS idx_platzsuche_neueste ON matching_service.platzsuche (created_at DESC, id DESC);

-- Who shares a mailbox.
CREATE INDEX IF NOT EXISTS idx_therapeuten_kopie_postfach
	ON matching_service.therapeuten_kopie (lower(btrim(email, E' \t\r\n')));
