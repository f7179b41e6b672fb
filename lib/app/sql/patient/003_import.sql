-- SPDX-License-Identifier: BSD-2-Clause
-- Which registrations were imported, so that none is twice: by the hash of the content (SHA-256), and by the token that
-- came with it. confirmation: whether a mail is to confirm it ('open'), was made ('made'), or cannot be ('none').

CREATE TABLE IF NOT EXISTS psymatch.patient_import (
	content_hash text PRIMARY KEY,
	registration_token text UNIQUE,
	object_name text NOT NULL,
	patient_id integer,
	confirmation text NOT NULL DEFAULT 'none' CHECK (confirmation IN ('none', 'open', 'made')),
	imported_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS patient_import_open ON psymatch.patient_import (patient_id) WHERE confirmation = 'open';

-- Contents that cannot be imported, each told once. told: whether a notification was made of it.
CREATE TABLE IF NOT EXISTS psymatch.patient_import_fault (
	id bigint GENERATED ALWAYS AS IDENTITY,
	object_name text NOT NULL,
	content_hash text NOT NULL,
	code text NOT NULL,
	pointer text NOT NULL DEFAULT '',
	reason text NOT NULL,
	told boolean NOT NULL DEFAULT false,
	found_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (object_name, content_hash)
);
CREATE INDEX IF NOT EXISTS patient_import_fault_open ON psymatch.patient_import_fault (id) WHERE NOT told;
