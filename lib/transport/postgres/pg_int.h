/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The postgres transport: topics and groups in the database that the services
 * use, and no broker. Every sink and every source has a connection of its own;
 * one thread per transport keeps the leases of all its sources and wakes them
 * when another process appended.
 *
 * Lock: pg->lock, a leaf. No connection is used and no callback runs under it.
 */
#ifndef PSM_FLOW_PG_INT_H
#define PSM_FLOW_PG_INT_H

#include "transport/transport.h"
#include "store/topic_log.h"

/* Between two tries to reach a server that is away: full jitter up to this. */
#define PSM__PG_RETRY_BASE_MS 100
#define PSM__PG_RETRY_CAP_MS 1000
/* The longest wait for the server to accept a connection. */
#define PSM__PG_CONNECT_MS 2000

struct psm__pg_source;

struct psm__pg {
	psm_transport base;
	psm_store *store; /* only to connect with */
	int ready;        /* __atomic: the tables are there */
	int partitions;   /* of a topic that is made by its first use */
	int64_t retention_ms, lease_ms;
	int64_t prefetch_max; /* bytes that a source may have read ahead */
	size_t queue_max, event_max;

	pthread_mutex_t lock;
	pthread_cond_t changed;          /* lock: written, or woken */
	int waker;                       /* of the keeper */
	int64_t notified_ms;             /* __atomic: of the topics */
	uint64_t written;                /* lock: batches of our sinks */
	struct psm__pg_source **sources; /* lock: whose leases are kept */
	size_t source_count, source_cap;
	pthread_t keeper;
	int keeping; /* lock: the thread is there */
	int ending;  /* lock: it is to end */
};

/* -- transport/postgres/link.c */

/* A connection that is lost and comes back. */
struct psm__pg_link {
	struct psm__conn *conn; /* NULL: none */
	int64_t retry_at_ms;    /* no try before */
	unsigned failures;      /* in a row */
	int up;                 /* __atomic */
};
/* 0: link->conn is there. 1: not yet time for the next try. Else why not. */
int psm__pg_connect(struct psm__pg *pg, struct psm__pg_link *link,
                    const char *purpose, int timeout_ms, psm_error *err);
/* Something failed on it: closed if it is broken, tried again later. */
void psm__pg_failed(struct psm__pg_link *link);
void psm__pg_worked(struct psm__pg_link *link);
void psm__pg_disconnect(struct psm__pg_link *link);
/* Messages were appended, by us or by another process: sources look. */
void psm__pg_tell_sources(struct psm__pg *pg);
/* Wait for a change until deadline_ms (monotonic). @locks pg->lock held */
void psm__pg_wait(struct psm__pg *pg, int64_t deadline_ms);
/* Delete messages that are too old, when it is time: *due_ms is when. */
void psm__pg_expire(struct psm__pg *pg, struct psm__pg_link *link,
                    int64_t *due_ms);

/* -- transport/postgres/lease.c */

/* The thread keeps the lease of s until it is taken off again. */
int psm__pg_keep(struct psm__pg *pg, struct psm__pg_source *s, psm_error *err);
void psm__pg_unkeep(struct psm__pg *pg, struct psm__pg_source *s);
/* End the thread; nothing is kept any more. */
void psm__pg_end_keeper(struct psm__pg *pg);

/* -- transport/postgres/sink.c, transport/postgres/source.c,
 * transport/postgres/reader.c */

int psm__pg_open_sink(psm_transport *t, psm__report_fn report, void *user,
                      struct psm__sink **out, psm_error *err);
int psm__pg_open_source(psm_transport *t, const struct psm__source_conf *conf,
                        struct psm__source **out, psm_error *err);
int psm__pg_open_reader(psm_transport *t, const struct psm__reader_conf *conf,
                        int timeout_ms, struct psm__reader **out,
                        psm_error *err);
int psm__pg_group_lag(psm_transport *t, const char *group, int timeout_ms,
                      int64_t *out, psm_error *err);

#endif
