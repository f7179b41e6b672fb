/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a postgres source: in transport/postgres, source.c polls,
 * group.c follows the group, fetch.c reads, tell.c runs the callbacks, lease.c
 * keeps the lease, part.c has the partitions and chunk.c their messages. */
#ifndef PSM_FLOW_PG_SOURCE_H
#define PSM_FLOW_PG_SOURCE_H

#include "transport/postgres/pg_int.h"

/* Messages that were read together; shared by its partition and by every
 * record of it that is out. */
struct psm__pg_chunk {
	int refs; /* one thread at a time: the source's */
	size_t count;
	struct psm__record *records;
	struct psm__header *headers;
	char *bytes; /* what they point to */
};

/* Of one partition at a time: enough that a round trip costs little. With many
 * partitions it is less, of their values. */
#define PSM__PG_FETCH_MOST 500
#define PSM__PG_FETCH_BYTES (2 << 20)

enum psm__pg_part_state {
	PSM__PG_NEW, /* it has not been asked where to start */
	PSM__PG_OURS,
	PSM__PG_GOING, /* its revoked callback is due, which may commit */
	PSM__PG_LOST,  /* the same, but another member may have it: nothing is
	                * committed any more */
	PSM__PG_GONE,  /* its revoked callback has run */
	PSM__N_PG_PART_STATES
};

struct psm__pg_part {
	char *topic;
	int32_t partition;
	int64_t position;    /* of the next message to hand out; -1: earliest */
	int64_t incarnation; /* of its log; 0: not known yet */
	int64_t end;         /* behind the last message; -1: unknown */
	int64_t pending;     /* to be committed; -1: nothing */
	int64_t held_until_ms;
	enum psm__pg_part_state state; /* psm__pg_part_move() */
	int64_t confirmed;             /* committed, to be told; -1: nothing */
	int64_t gap_from, gap_to;      /* a gap to be told; from -1: none */
	struct psm__pg_chunk *chunk;   /* what was read; NULL: nothing */
	size_t at;                     /* the next one in chunk */
};

struct psm__pg_source {
	struct psm__source base;
	struct psm__pg *pg; /* a reference */
	struct psm__pg_link link;
	char *group;
	char **topics;
	int64_t *incarnation; /* of the log of each topic that was read; 0: none
	                         was */
	size_t topic_count;
	struct psm__source_conf conf; /* the callbacks */
	char member[40];              /* a UUID */
	psm_error *err;               /* for what is only logged */

	/* The polling thread's. */
	struct psm__pg_part **parts;
	size_t part_count, part_cap;
	size_t turn, streak; /* whose record is next; how many in a row */
	int64_t generation;  /* of the group, as far as we followed it */
	int joined;
	int64_t follow_at_ms, read_at_ms, commit_at_ms, expire_at_ms;
	int idle_ms;
	uint64_t seen; /* pg->written, as far as we have read */
	int told;      /* the outage has been reported */
	int telling;   /* callbacks that run: one, or one in another's commit */

	int woken;           /* pg->lock */
	int64_t lag;         /* __atomic; -1: unknown */
	int64_t polled_ms;   /* __atomic: when it was asked last */
	int64_t lease_until; /* __atomic: monotonic; nothing is handed out
	                        later, others may have the partitions */
	int follow;          /* __atomic: the lease is in doubt */
};

/* -- transport/postgres/chunk.c */

/* The rows from first on, all of one partition; *out is new. */
int psm__pg_chunk(const struct psm__topic_place *at, const psm_rows *rows,
                  size_t first, size_t count, struct psm__pg_chunk **out,
                  psm_error *err);
void psm__pg_release(struct psm__pg_chunk *chunk);

/* -- transport/postgres/part.c */

struct psm__pg_part *psm__pg_part(struct psm__pg_source *s, const char *topic,
                                  int32_t partition);
void psm__pg_part_move(struct psm__pg_part *part, enum psm__pg_part_state to);
void psm__pg_part_free(struct psm__pg_part *part);
void psm__pg_drop_parts(struct psm__pg_source *s);
/* Its place in s->incarnation. */
int64_t *psm__pg_incarnation(struct psm__pg_source *s, const char *topic);
/* Forget what was read of it. */
void psm__pg_forget(struct psm__pg_part *part);
void psm__pg_count_lag(struct psm__pg_source *s);

/* -- transport/postgres/group.c */

/* Ask the group what is ours, give up and take over, with the callbacks. 0: the
 * connection is there. */
int psm__pg_follow(struct psm__pg_source *s, psm_error *err);
/* Write what is pending. What was written is to be told by
 * psm__pg_tell_confirmed(). */
int psm__pg_flush(struct psm__pg_source *s, psm_error *err);
void psm__pg_leave(struct psm__pg_source *s);

/* -- transport/postgres/fetch.c */

/* Read what is wanted. 1: something came. 0: nothing. Gaps are to be told by
 * psm__pg_tell_gaps(). */
int psm__pg_fetch(struct psm__pg_source *s, psm_error *err);
/* -- transport/postgres/tell.c. After these s->link.conn may be NULL. */

void psm__pg_tell_confirmed(struct psm__pg_source *s);
void psm__pg_tell_gaps(struct psm__pg_source *s);
void psm__pg_tell_revoked(struct psm__pg_source *s);
/* Where to start the new ones. */
void psm__pg_ask_starts(struct psm__pg_source *s);
/* 0, or that the connection is lost. */
int psm__pg_linked(const struct psm__pg_source *s, psm_error *err);

#endif
