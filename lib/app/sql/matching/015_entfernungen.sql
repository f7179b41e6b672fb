-- SPDX-License-Identifier: BSD-2-Clause
-- How far patients of an inquiry have to go, for those of whom somebody has asked; entfernung_km: null until it is answered,
-- and where nobody knows.

CREATE TABLE matching_service.entfernungen (
	match_id integer PRIMARY KEY REFERENCES matching_service.therapeut_anfrage_patient (id) ON DELETE CASCADE,
	gefragt_am timestamptz NOT NULL,
	entfernung_km double precision,
	status text,
	quelle text,
	event_time timestamptz,
	event_id uuid
);
