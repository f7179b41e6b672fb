-- SPDX-License-Identifier: BSD-2-Clause
-- Lists of e-mails, the newest first.

CREATE INDEX IF NOT EXISTS idx_emails_created_at
	ON communication_service.emails (created_at DESC NULLS LAST, id DESC);
