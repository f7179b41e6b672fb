-- SPDX-License-Identifier: BSD-2-Clause
-- Inquiries that were sent, are not answered, and nobody has called about: what is looked through each day for follow-up
-- calls, without those that were answered.

CREATE INDEX IF NOT EXISTS idx_therapeutenanfrage_ohne_antwort
	ON matching_service.therapeutenanfrage (gesendet_datum, id)
	WHERE gesendet_datum IS NOT NULL AND antwort_datum IS NULL AND phone_call_id IS NULL AND storniert_datum IS NULL;
