-- SPDX-License-Identifier: BSD-2-Clause
-- Whose inquiries are open, and which therapists are blocked: together they are the patients who need another therapist.
-- Both tables are written by events alone; of several the newest counts.

CREATE TABLE patient_service.zuordnungen (
	match_id integer PRIMARY KEY,
	patient_id integer,
	therapist_id integer,
	anfrage_id integer,
	offen boolean NOT NULL,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL
);
CREATE INDEX idx_zuordnungen_offen ON patient_service.zuordnungen (therapist_id, match_id) WHERE offen;

-- geloescht: for good.
CREATE TABLE patient_service.therapeuten_sperren (
	therapist_id integer PRIMARY KEY,
	gesperrt boolean NOT NULL,
	geloescht boolean NOT NULL,
	grund text,
	entity_version bigint,
	event_time timestamptz NOT NULL,
	event_id uuid NOT NULL
);
CREATE INDEX idx_therapeuten_sperren_gesperrt
	ON patient_service.therapeuten_sperren (event_time, therapist_id) WHERE gesperrt;
