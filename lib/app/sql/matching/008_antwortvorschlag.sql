-- SPDX-License-Identifier: BSD-2-Clause
-- What was read of therapists' mails, for a person to confirm. The mail itself stays where it is.

CREATE TABLE IF NOT EXISTS matching_service.antwortvorschlag (
	id serial PRIMARY KEY,
	therapeutenanfrage_id integer NOT NULL REFERENCES matching_service.therapeutenanfrage (id) ON DELETE CASCADE,
	email_id integer,
	event_id text NOT NULL UNIQUE,
	erstellt_am timestamp NOT NULL,
	vorschlag jsonb NOT NULL,
	konfidenz integer NOT NULL,
	status text NOT NULL DEFAULT 'offen' CHECK (status IN ('offen', 'bestaetigt', 'verworfen', 'angewandt')),
	erledigt_am timestamp,
	grund text
);
CREATE INDEX IF NOT EXISTS idx_antwortvorschlag_anfrage
	ON matching_service.antwortvorschlag (therapeutenanfrage_id);
CREATE INDEX IF NOT EXISTS idx_antwortvorschlag_offen
	ON matching_service.antwortvorschlag (id) WHERE status = 'offen';
