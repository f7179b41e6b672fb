-- SPDX-License-Identifier: BSD-2-Clause
-- Where an announcement of all therapists stands: those up to last_id are published. No row: none is under way.

CREATE TABLE IF NOT EXISTS psymatch.announcement (
	entity text PRIMARY KEY,
	last_id integer NOT NULL
);
