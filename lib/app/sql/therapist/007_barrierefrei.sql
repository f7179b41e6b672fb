-- SPDX-License-Identifier: BSD-2-Clause
-- Whether a practice can be entered without steps; null: nobody has asked yet.
ALTER TABLE therapist_service.therapeuten ADD COLUMN IF NOT EXISTS barrierefrei boolean;
-- set matching/004
-- SPDX-License-Identifier: BSD-2-Clause
-- The copy of the column of that name.
ALTER TABLE matching_service.therapeuten_kopie ADD COLUMN IF NOT EXISTS barrierefrei boolean;
