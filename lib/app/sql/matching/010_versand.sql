-- SPDX-License-Identifier: BSD-2-Clause
-- How an inquiry was sent (null: nobody wrote it down), and how many of its mails and calls failed afterwards.

ALTER TABLE matching_service.therapeutenanfrage
	ADD COLUMN IF NOT EXISTS versandweg varchar(10),
	ADD COLUMN IF NOT EXISTS fehlversuche integer NOT NULL DEFAULT 0;
