-- SPDX-License-Identifier: BSD-2-Clause
-- What became of the last import file of each name ("10115.json"), whatever its day: so that one whose content is the same
-- need not be read again. checksum is null unless all of its records are stored as they were then; writer is the import
-- that wrote records of it last; people is how many of the records are therapists, ids which ones: each once, in order.

CREATE TABLE IF NOT EXISTS psymatch.import_file (
	file text PRIMARY KEY,
	writer uuid NOT NULL,
	checksum text,
	records integer NOT NULL DEFAULT 0,
	people integer NOT NULL DEFAULT 0,
	ids integer[] NOT NULL DEFAULT '{}'
);
