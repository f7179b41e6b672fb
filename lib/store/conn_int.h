/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a connection: conn.c opens and waits, prepared.c queues,
 * pipeline.c sends and reads. */
#ifndef PSM_STORE_CONN_INT_H
#define PSM_STORE_CONN_INT_H

#include "store/conn.h"

#include <libpq-fe.h>

/* Statements of this library are few; programs that build SQL by pieces must
 * not fill the server's memory. */
#define PSM__CACHE_MAX 128

enum psm__entry_kind { PSM__RUN, PSM__PREPARE, PSM__DEALLOCATE };

/* A prepared statement; sql NULL: free slot. */
struct psm__cached {
	char *sql;
	uint64_t hash;
	unsigned name;
	uint64_t used;
};

/* The most parameters a statement may have here; PostgreSQL's own limit is
 * 65,535. */
#define PSM__PARAMS_MAX 200

/* One queued statement whose answer has not been read. */
struct psm__entry {
	enum psm__entry_kind kind;
	psm_rows **rows;
	struct psm__cached *slot;
	unsigned name; /* the slot's when it was queued */
};

struct psm__conn {
	PGconn *pg;
	int broken;
	int limit_ms;
	const int *cancel;
	struct psm__entry *queue;
	size_t queued, queue_cap;
	struct psm__cached cache[PSM__CACHE_MAX];
	unsigned names;
	uint64_t tick;
	char tag[32];
};

/* -- conn.c */

/* PSM_ERR_DB with libpq's own message. */
int psm__conn_fail(struct psm__conn *c, const char *what, psm_error *err);
int psm__conn_fail_broken(psm_error *err);
/* Wait until the socket is ready for events (of poll); 0, or why the connection
 * is given up. */
int psm__conn_wait(struct psm__conn *c, short events, int64_t deadline_ms,
                   psm_error *err);

/* -- prepared.c */

void psm__cached_forget(struct psm__cached *s);

#endif
