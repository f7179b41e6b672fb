-- SPDX-License-Identifier: BSD-2-Clause
-- An import compares names itself, by Unicode's rules, among all of one postal code; of that the digits count.

DROP INDEX IF EXISTS therapist_service.idx_therapeuten_plz_vorname;
CREATE INDEX IF NOT EXISTS idx_therapeuten_plz_ziffern
	ON therapist_service.therapeuten ((translate(plz, translate(plz, '0123456789', ''), '')));
