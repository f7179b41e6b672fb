-- SPDX-License-Identifier: BSD-2-Clause
-- What an answer did, so that a correction reverts that and nothing else, and which policy chose the patients.

ALTER TABLE matching_service.platzsuche
	ADD COLUMN IF NOT EXISTS erfolgreiche_anfrage_id integer;
ALTER TABLE matching_service.therapeutenanfrage
	ADD COLUMN IF NOT EXISTS strategie varchar(50);
ALTER TABLE matching_service.therapeut_anfrage_patient
	ADD COLUMN IF NOT EXISTS konflikt boolean NOT NULL DEFAULT false,
	ADD COLUMN IF NOT EXISTS ausschluss boolean NOT NULL DEFAULT false;

-- Inquiries that wait for something: to be sent, or for an answer. History does not make looking for them slower.
CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_offen
	ON matching_service.therapeutenanfrage (therapist_id) WHERE antwort_datum IS NULL AND storniert_datum IS NULL;
CREATE INDEX IF NOT EXISTS idx_therapeut_anfrage_patient_angenommen
	ON matching_service.therapeut_anfrage_patient (platzsuche_id) WHERE status = 'angenommen';
CREATE INDEX IF NOT EXISTS idx_therapeut_anfrage_patient_konflikt
	ON matching_service.therapeut_anfrage_patient (platzsuche_id) WHERE konflikt;
