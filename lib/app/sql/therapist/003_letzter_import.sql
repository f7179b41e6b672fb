-- SPDX-License-Identifier: BSD-2-Clause
-- What the last record of an import file said of each therapist: only what differs from it is news. plz and fields are
-- the record's, whatever people made of the row since; fields is compared as text.

CREATE TABLE IF NOT EXISTS psymatch.therapist_import (
	therapist_id integer PRIMARY KEY,
	plz text NOT NULL,
	fields text NOT NULL
);
CREATE INDEX IF NOT EXISTS therapist_import_plz ON psymatch.therapist_import (plz);
