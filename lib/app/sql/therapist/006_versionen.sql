-- SPDX-License-Identifier: BSD-2-Clause
-- One table counts the committed changes of the rows of all entities; a row without a line was adopted and not changed
-- since. What else therapist_state had, the file that wrote a therapist last, stands with what that file said: plz and
-- fields are null for those of whom only the file is known.

CREATE TABLE IF NOT EXISTS psymatch.entity_version (
	entity text NOT NULL,
	id bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (entity, id)
);
INSERT INTO psymatch.entity_version (entity, id, version)
	SELECT 'therapist', therapist_id, version FROM psymatch.therapist_state WHERE version > 0
	ON CONFLICT (entity, id) DO UPDATE SET version = greatest(entity_version.version, excluded.version);

ALTER TABLE psymatch.therapist_import
	ADD COLUMN IF NOT EXISTS source text,
	ALTER COLUMN plz DROP NOT NULL,
	ALTER COLUMN fields DROP NOT NULL;
INSERT INTO psymatch.therapist_import (therapist_id, source)
	SELECT therapist_id, import_source FROM psymatch.therapist_state WHERE import_source IS NOT NULL
	ON CONFLICT (therapist_id) DO UPDATE SET source = excluded.source;
DROP TABLE psymatch.therapist_state;
