/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session is like, whatever the database, the role, a pooler or a
 * statement of the application made of it. Everything is set after connecting:
 * a pooler refuses or ignores the startup parameter "options".
 */
#include "store/conn_int.h"

#include <stdlib.h>
#include <string.h>

/* How long undoing may take before the connection is rather closed. */
#define RESET_MS 2000

enum column {
	TIME_ZONE,
	DATE_STYLE,
	ISOLATION,
	READ_ONLY,
	DEFERRABLE,
	ENCODING,
	N_CHECKED,
	PID = N_CHECKED
};

/*
 * Everything here assumes READ COMMITTED: a statement sees what committed
 * before it began, also after it had to wait for a lock. The defaults are for
 * statements outside of a transaction. The server, too, finds out that a host
 * is gone: what it held locked is free after a minute, not after two hours.
 */
#define SETUP_SQL                                                              \
	"SELECT set_config('TimeZone', 'UTC', false), "                        \
	"set_config('DateStyle', 'ISO', false), "                              \
	"set_config('default_transaction_isolation', 'read committed', "       \
	"false), set_config('default_transaction_read_only', 'off', false), "  \
	"set_config('default_transaction_deferrable', 'off', false), "         \
	"current_setting('client_encoding'), pg_backend_pid(), "               \
	"set_config('tcp_keepalives_idle', '30', false), "                     \
	"set_config('tcp_keepalives_interval', '10', false), "                 \
	"set_config('tcp_keepalives_count', '3', false)"

static const struct {
	const char *name, *want;
} checked[N_CHECKED] = {
    [TIME_ZONE] = {"TimeZone", "UTC"},
    [DATE_STYLE] = {"DateStyle", "ISO"},
    [ISOLATION] = {"default_transaction_isolation", "read committed"},
    [READ_ONLY] = {"default_transaction_read_only", "off"},
    [DEFERRABLE] = {"default_transaction_deferrable", "off"},
    [ENCODING] = {"client_encoding", "UTF8"},
};

static int
check_settings(const psm_rows *rows, psm_error *err)
{
	const char *value;
	size_t i;

	for (i = 0; i < N_CHECKED; i++) {
		value = psm_rows_text(rows, 0, i);
		/* "ISO, DMY": how dates are read does not matter. */
		if (value && strncmp(value, checked[i].want,
		                     strlen(checked[i].want)) == 0)
			continue;
		(void)psm__fail(err, PSM_ERR_DB,
		                "database: cannot set up the session: want %s "
		                "%s, got %s",
		                checked[i].name, checked[i].want,
		                value ? value : "nothing");
		psm__error_flags(err, 1, 0);
		return PSM_ERR_DB;
	}
	return 0;
}

int
psm__session_set_up(struct psm__conn *c, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	/* A standby answers nothing at all while its default is SERIALIZABLE,
	 * so this must not run at the default. */
	rc = psm__conn_queue_plain(c, "BEGIN ISOLATION LEVEL READ COMMITTED",
	                           NULL, err);
	if (rc == 0)
		rc = psm__conn_queue_plain(c, SETUP_SQL, &rows, err);
	if (rc == 0)
		rc = psm__conn_queue_plain(c, "COMMIT", NULL, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	if (rc == 0)
		rc = check_settings(rows, err);
	if (rc == 0) {
		c->pid = (int)psm_rows_int(rows, 0, PID);
		c->pooled = c->pid != PQbackendPID(c->pg);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__conn_writable(struct psm__conn *c, psm_error *err)
{
	psm_rows *rows = NULL;
	int standby = 0, closed = 0;
	int rc = psm__conn_exec(c,
	                        "SELECT pg_is_in_recovery(), "
	                        "current_setting('transaction_read_only') = "
	                        "'on'",
	                        0, NULL, &rows, err);

	if (rc == 0) {
		standby = psm_rows_int(rows, 0, 0) == 1;
		closed = psm_rows_int(rows, 0, 1) == 1;
	}
	psm_rows_free(rows);
	if (rc < 0 || !(standby || closed))
		return rc;
	c->outdated = c->broken = 1;
	(void)psm__fail(err, PSM_ERR_DB,
	                "database: the server %s, want one that can be written "
	                "to",
	                standby ? "is a standby" : "is read only");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}

int
psm__session_reset(struct psm__conn *c)
{
	int rc;

	psm__conn_limits(c, RESET_MS, NULL);
	/* It wants to be alone in its transaction. */
	rc = psm__conn_queue_plain(c, "DISCARD ALL", NULL, NULL);
	if (rc == 0)
		rc = psm__conn_sync(c, NULL);
	psm__conn_unprepare(c);
	c->changed = 0;
	if (rc == 0)
		rc = psm__session_set_up(c, NULL);
	psm__conn_limits(c, 0, NULL);
	return rc;
}
