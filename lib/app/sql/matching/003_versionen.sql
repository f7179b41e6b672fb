-- SPDX-License-Identifier: BSD-2-Clause
-- Searches and inquiries have versions, too: the table may be there already, made for therapists.

CREATE TABLE IF NOT EXISTS psymatch.entity_version (
	entity text NOT NULL,
	id bigint NOT NULL,
	version bigint NOT NULL,
	PRIMARY KEY (entity, id)
);
