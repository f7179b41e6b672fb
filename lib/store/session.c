/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a session is like, whatever the database, the role, a pooler or a
 * statement of the application made of it. Everything is set after connecting:
 * a pooler refuses or ignores the startup parameter "options".
 */
#include "store/conn_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* How long undoing may take before the connection is rather closed. */
#define RESET_MS 2000
/* How long a second connection is tried to find out what a pooler does. */
#define PROBE_MS 1000

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

/* -- statements that change the session */

/* The next word of sql, behind blanks and comments; *len 0: none. */
static const char *
next_word(const char *sql, size_t *len)
{
	const char *end;

	for (;;) {
		sql += strspn(sql, " \t\r\n;(");
		if (strncmp(sql, "--", 2) == 0)
			sql += strcspn(sql, "\n");
		else if (strncmp(sql, "/*", 2) == 0 &&
		         (end = strstr(sql + 2, "*/")))
			sql = end + 2;
		else
			break;
	}
	for (*len = 0; isalpha((unsigned char)sql[*len]) || sql[*len] == '_';)
		++*len;
	return sql;
}

static int
is_word(const char *word, size_t len, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == len && strncasecmp(word, *list, len) == 0)
			return 1;
	return 0;
}

/* 1: a call of set_config at text, which ends after its parenthesis, is not
 * for the transaction alone. */
static int
sets_for_long(const char *text)
{
	int depth = 0;
	const char *p;

	for (p = strchr(text, '('); p && *p; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (depth == 0)
			break;
	}
	if (!p || !*p)
		return 1;
	do
		p--;
	while (isspace((unsigned char)*p));
	return p - text < 4 || strncasecmp(p - 3, "true", 4) != 0;
}

static int
calls(const char *sql)
{
	const char *p;

	for (p = sql; (p = strcasestr(p, "set_config")); p++)
		if (sets_for_long(p))
			return 1;
	/* Those of a transaction are called pg_advisory_xact_lock. */
	return strcasestr(sql, "advisory_lock") != NULL;
}

int
psm__session_changed_by(const char *sql)
{
	static const char *const always[] = {
	    "reset",    "discard", "deallocate", "prepare", "listen",
	    "unlisten", "load",    "declare",    "do",      NULL};
	static const char *const for_transaction[] = {"local", "transaction",
	                                              "constraints", NULL};
	static const char *const set[] = {"set", NULL};
	static const char *const create[] = {"create", NULL};
	static const char *const temp[] = {"temp", "temporary", "local",
	                                   "global", NULL};
	size_t len, len2;
	const char *word = next_word(sql, &len);
	const char *second = next_word(word + len, &len2);

	if (is_word(word, len, always))
		return 1;
	if (is_word(word, len, set))
		return !is_word(second, len2, for_transaction);
	if (is_word(word, len, create) && is_word(second, len2, temp))
		return !strcasestr(sql, "on commit drop");
	return calls(sql);
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

/* -- poolers */

int
psm__session_check_pooler(const struct psm__conn *c,
                          const struct psm__conn_conf *conf, psm_error *err)
{
	struct psm__conn *second;
	int same;

	if (psm__conn_connect(conf, "probe", PROBE_MS, &second, NULL) < 0)
		return 0; /* no second one to be had: nothing is known */
	same = second->pid == c->pid;
	psm__conn_close(second);
	if (!same)
		return 0;
	(void)psm__fail(err, PSM_ERR_DB,
	                "database: the pooler shares one session between two "
	                "connections, want it in session mode (PgBouncer: "
	                "pool_mode = session)");
	psm__error_flags(err, 1, 0);
	return PSM_ERR_DB;
}
