-- SPDX-License-Identifier: BSD-2-Clause
-- An import asks for the people of a postal code who may have a first name: by its letters, as far as they are ASCII or
-- one of a few (lib/app/import_stored.c has the same expression). '' is who has others: they are asked for always.

DROP INDEX IF EXISTS therapist_service.idx_therapeuten_plz_ziffern;
CREATE INDEX IF NOT EXISTS idx_therapeuten_plz_vorname ON therapist_service.therapeuten (
	(translate(plz, translate(plz, '0123456789', ''), '')),
	(CASE WHEN translate(vorname,
		'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉabcdefghijklmnopqrstuvwxyzäöüéß -.''', '') = ''
	THEN replace(translate(vorname,
		'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉ -.''', 'abcdefghijklmnopqrstuvwxyzäöüé'), 'ß', 'ss')
	ELSE '' END));

ALTER TABLE psymatch.therapist_import ADD COLUMN IF NOT EXISTS vorname text NOT NULL DEFAULT '';
UPDATE psymatch.therapist_import i SET vorname =
	CASE WHEN translate(r.vorname,
		'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉabcdefghijklmnopqrstuvwxyzäöüéß -.''', '') = ''
	THEN replace(translate(r.vorname,
		'ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜÉ -.''', 'abcdefghijklmnopqrstuvwxyzäöüé'), 'ß', 'ss')
	ELSE '' END
	FROM (SELECT therapist_id AS id, fields::json ->> 'vorname' AS vorname FROM psymatch.therapist_import) r
	WHERE r.id = i.therapist_id;
DROP INDEX IF EXISTS psymatch.therapist_import_plz;
CREATE INDEX IF NOT EXISTS therapist_import_plz_vorname ON psymatch.therapist_import (plz, vorname);
