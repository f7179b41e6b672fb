-- SPDX-License-Identifier: BSD-2-Clause
-- Faults are listed by pages, the newest first, and the largest id is asked for when sequences are looked at.

CREATE INDEX IF NOT EXISTS patient_import_fault_id ON psymatch.patient_import_fault (id);
