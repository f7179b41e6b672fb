/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a connection, the upper files first: conn.c opens, session.c
 * sets up, pipeline.c sends and reads, prepared.c queues, conn_wait.c waits. */
#ifndef PSM_STORE_CONN_INT_H
#define PSM_STORE_CONN_INT_H

#include "store/conn.h"

#include <libpq-fe.h>

/* Statements of this library are few; programs that build SQL by pieces must
 * not fill the server's memory. */
#define PSM__CACHE_MAX 128

enum psm__entry_kind {
	PSM__RUN,
	PSM__BEGIN, /* runs, too: without it nothing else may */
	PSM__PREPARE,
	PSM__DEALLOCATE
};

/* A prepared statement; sql NULL: free slot. */
struct psm__cached {
	char *sql;
	uint64_t hash;
	unsigned name;
	uint64_t used;
	int changes; /* it changes the session */
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
	int after;     /* psm__conn_queue_after() */
};

struct psm__conn {
	PGconn *pg;
	int broken;
	int outdated; /* broken, and older ones will be, too */
	int writes;   /* BEGIN READ WRITE was answered by yes */
	int pid;      /* of the server's process */
	int pooled;   /* the server's process is not whom we talk to */
	int changed;  /* the session is not as it was set up */
	int limit_ms;
	const int *cancel;
	struct psm__entry *queue;
	size_t queued, queue_cap;
	struct psm__cached cache[PSM__CACHE_MAX];
	unsigned names;
	uint64_t tick;
	char tag[32];
};

/* -- conn_wait.c */

/* PSM_ERR_DB with libpq's own message. */
int psm__conn_fail(struct psm__conn *c, const char *what, psm_error *err);
int psm__conn_fail_broken(psm_error *err);
/* Wait until the socket is ready for events (of poll); 0, or why the connection
 * is given up. */
int psm__conn_wait(struct psm__conn *c, short events, int64_t deadline_ms,
                   psm_error *err);

/* -- session.c */

/* Set what this library relies on, and check it. */
int psm__session_set_up(struct psm__conn *c, psm_error *err);
/* Undo what the application did to it, outside of a transaction. */
int psm__session_reset(struct psm__conn *c);

/* -- session_sql.c */

/* 1: the text of a statement says that it changes more than its transaction. */
int psm__session_changed_by(const char *sql);

/* -- prepared.c */

void psm__cached_forget(struct psm__cached *s);
/* Nothing is prepared any more. */
void psm__conn_unprepare(struct psm__conn *c);
/* Queue a statement that is not kept prepared. */
int psm__conn_queue_plain(struct psm__conn *c, const char *sql, psm_rows **rows,
                          psm_error *err);

#endif
