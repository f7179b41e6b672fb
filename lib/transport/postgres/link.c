/* SPDX-License-Identifier: BSD-2-Clause */
/* What sinks, sources and readers do with their connections: connect again,
 * wait, delete old messages. */
#include "transport/postgres/pg_int.h"

/* What one transaction deletes at most: some 10 ms in which the writers of one
 * partition wait. */
#define EXPIRE_MOST 2000
/* Transactions in a row: new messages wait for as long. */
#define EXPIRE_TURNS 20
/* How often the oldest messages are looked at. */
#define EXPIRE_EVERY_MS 60000

/* -- connections */

void
psm__pg_disconnect(struct psm__pg_link *link)
{
	psm__conn_close(link->conn);
	link->conn = NULL;
	__atomic_store_n(&link->up, 0, __ATOMIC_RELEASE);
}

void
psm__pg_failed(struct psm__pg_link *link)
{
	if (link->conn && psm__conn_broken(link->conn))
		psm__pg_disconnect(link);
	link->retry_at_ms =
	    psm__mono_ms() + psm__backoff_ms(link->failures++,
	                                     PSM__PG_RETRY_BASE_MS,
	                                     PSM__PG_RETRY_CAP_MS);
}

void
psm__pg_worked(struct psm__pg_link *link)
{
	link->failures = 0;
	__atomic_store_n(&link->up, 1, __ATOMIC_RELEASE);
}

int
psm__pg_connect(struct psm__pg *pg, struct psm__pg_link *link,
                const char *purpose, int timeout_ms, psm_error *err)
{
	int rc;

	if (link->conn && !psm__conn_usable(link->conn))
		psm__pg_disconnect(link);
	if (link->failures > 0 && psm__mono_ms() < link->retry_at_ms)
		return 1;
	if (link->conn)
		return 0;
	if (timeout_ms > PSM__PG_CONNECT_MS)
		timeout_ms = PSM__PG_CONNECT_MS;
	rc = psm__topic_connect(pg->store, purpose, timeout_ms, &pg->ready,
	                        &link->conn, err);
	if (rc < 0)
		psm__pg_failed(link);
	else
		__atomic_store_n(&link->up, 1, __ATOMIC_RELEASE);
	return rc;
}

/* -- what a group has not read */

int
psm__pg_group_lag(psm_transport *t, const char *group, int timeout_ms,
                  int64_t *out, psm_error *err)
{
	struct psm__pg *pg = (struct psm__pg *)t;
	struct psm__conn *conn = NULL;
	int rc = psm__topic_connect(pg->store, "transport lag", timeout_ms,
	                            &pg->ready, &conn, err);

	if (rc == 0) {
		psm__conn_limits(conn, timeout_ms, NULL);
		rc = psm__group_lag(conn, group, out, err);
	}
	psm__conn_close(conn);
	return rc;
}

/* -- retention */

void
psm__pg_expire(struct psm__pg *pg, struct psm__pg_link *link, int64_t *due_ms)
{
	int64_t now = psm__mono_ms(), every = pg->retention_ms / 10;
	int64_t count = EXPIRE_MOST;
	int turns;

	if (now < *due_ms)
		return;
	if (every > EXPIRE_EVERY_MS)
		every = EXPIRE_EVERY_MS;
	*due_ms = now + every;
	for (turns = 0; turns < EXPIRE_TURNS && count > 0; turns++) {
		psm_error *err = psm_error_new();
		int rc = psm__topic_expire(link->conn, pg->retention_ms,
		                           EXPIRE_MOST, &count, err);

		if (rc < 0)
			psm__log(PSM_LOG_WARN,
			         "expired messages were not deleted", "reason",
			         psm_error_message(err), NULL);
		psm_error_free(err);
		if (rc < 0)
			return;
	}
	if (count > 0)
		*due_ms = now; /* there may be more */
}

/* -- waiting */

void
psm__pg_tell_sources(struct psm__pg *pg)
{
	(void)pthread_mutex_lock(&pg->lock);
	pg->written++;
	(void)pthread_cond_broadcast(&pg->changed);
	(void)pthread_mutex_unlock(&pg->lock);
}

void
psm__pg_wait(struct psm__pg *pg, int64_t deadline_ms)
{
	int64_t left = deadline_ms - psm__mono_ms();
	struct timespec at;

	if (left <= 0)
		return;
	psm__deadline(&at, left > 60000 ? 60000 : (int)left);
	(void)pthread_cond_timedwait(&pg->changed, &pg->lock, &at);
}
