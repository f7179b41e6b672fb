/* SPDX-License-Identifier: BSD-2-Clause */
/* Heartbeats: which consumers run, and what they handle. */
#include "store/alive.h"
#include "store/pool.h"

/* Written between two batches: rather late than in the way. So long for a
 * connection, for a lock (of maintenance), and for a server that says nothing.
 */
#define POOL_WAIT_MS 100
#define LOCK_WAIT "100ms"
#define ANSWER_MS 1000

/* {"a","b"}; NULL without a list: every type. */
static int
put_types(struct psm__buf *b, const struct psm__alive *who)
{
	const char *p;
	size_t i;

	psm__buf_putc(b, '{');
	for (i = 0; i < who->type_count; i++) {
		psm__buf_printf(b, "%s\"", i > 0 ? "," : "");
		for (p = who->types[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				psm__buf_putc(b, '\\');
			psm__buf_putc(b, *p);
		}
		psm__buf_putc(b, '"');
	}
	psm__buf_putc(b, '}');
	return b->failed ? PSM_ERR_NOMEM : 0;
}

static int
run(psm_store *st, const char *sql, size_t count, const char *const *params)
{
	struct psm__conn *c = NULL;
	int rc = psm__pool_get(st, POOL_WAIT_MS, &c, NULL);

	if (rc == 0) {
		psm__conn_limits(c, ANSWER_MS, NULL);
		rc = psm__conn_lock_limit(c, LOCK_WAIT, NULL);
	}
	if (rc == 0)
		rc = psm__conn_exec(c, sql, count, params, NULL, NULL);
	psm__pool_put(st, c);
	return rc;
}

int
psm__alive_beat(psm_store *st, const struct psm__alive *who)
{
	struct psm__buf types = {0};
	const char *params[3];
	int rc = put_types(&types, who);

	params[0] = who->consumer;
	params[1] = who->instance;
	params[2] = who->types ? types.data : NULL;
	if (rc == 0)
		rc = run(st,
		         "INSERT INTO psymatch.consumer_alive (consumer, "
		         "instance, types) VALUES ($1, $2, $3::text[]) ON "
		         "CONFLICT (consumer, instance) DO UPDATE SET types = "
		         "excluded.types, seen_at = clock_timestamp()",
		         3, params);
	psm__buf_free(&types);
	return rc;
}

int
psm__alive_end(psm_store *st, const struct psm__alive *who)
{
	const char *params[] = {who->consumer, who->instance};

	return run(st,
	           "DELETE FROM psymatch.consumer_alive WHERE consumer = $1 "
	           "AND instance = $2",
	           2, params);
}
