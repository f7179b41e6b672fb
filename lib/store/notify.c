/* SPDX-License-Identifier: BSD-2-Clause */
/* Wake-ups between processes, by NOTIFY and LISTEN. */
#include "store/conn_int.h"

#include <stdio.h>

int
psm__notify_due(int64_t *at_ms, int64_t now_ms)
{
	int64_t last = __atomic_load_n(at_ms, __ATOMIC_RELAXED);

	if (last != 0 && now_ms < last + PSM__NOTIFY_MS)
		return 0;
	/* Of several threads one has to do it. */
	return __atomic_compare_exchange_n(at_ms, &last, now_ms, 0,
	                                   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* A notification makes the transaction one that writes, so without this its
 * commit would wait for the disk. */
#define NOTIFY_SQL                                                             \
	"SELECT set_config('synchronous_commit', 'off', true), "               \
	"pg_notify($1, '')"

void
psm__conn_notify(struct psm__conn *c, const char *channel)
{
	const char *params[] = {channel};
	int rc = psm__conn_exec(c, NOTIFY_SQL, 1, params, NULL, NULL);

	if (rc < 0)
		psm__log(PSM_LOG_DEBUG, "notification not sent", "channel",
		         channel, "code", psm_error_name(rc), NULL);
}

int
psm__conn_listen(struct psm__conn *c, const char *channel, psm_error *err)
{
	char sql[80];

	(void)snprintf(sql, sizeof sql, "LISTEN %s", channel);
	return psm__conn_exec(c, sql, 0, NULL, NULL, err);
}

int
psm__conn_heard(struct psm__conn *c)
{
	PGnotify *n;
	int count = 0;

	if (c->broken)
		return -1;
	if (!PQconsumeInput(c->pg)) {
		c->broken = 1;
		return -1;
	}
	while ((n = PQnotifies(c->pg))) {
		PQfreemem(n);
		count++;
	}
	return count;
}

int
psm__conn_socket(const struct psm__conn *c)
{
	return PQsocket(c->pg);
}
