-- SPDX-License-Identifier: BSD-2-Clause
-- Lists by the beginning of a postal code, and by status.

CREATE INDEX IF NOT EXISTS idx_therapeuten_plz_anfang ON therapist_service.therapeuten (plz varchar_pattern_ops, id);
CREATE INDEX IF NOT EXISTS idx_therapeuten_status ON therapist_service.therapeuten (status, id);
