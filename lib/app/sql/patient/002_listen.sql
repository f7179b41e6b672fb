-- SPDX-License-Identifier: BSD-2-Clause
-- Lists by the beginning of a postal code.

CREATE INDEX IF NOT EXISTS idx_patienten_plz_anfang ON patient_service.patienten (plz varchar_pattern_ops, id);
