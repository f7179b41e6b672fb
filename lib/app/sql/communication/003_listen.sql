-- SPDX-License-Identifier: BSD-2-Clause
-- Lists by status.

CREATE INDEX IF NOT EXISTS idx_emails_status ON communication_service.emails (status, id);
