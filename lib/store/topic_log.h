/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Topics in PostgreSQL, for the transport that needs no broker: SQL only, on a
 * connection of the caller's own. Each call is one round trip and one
 * transaction, unless it says that it queues.
 */
#ifndef PSM_STORE_TOPIC_LOG_H
#define PSM_STORE_TOPIC_LOG_H

#include "event/event.h"
#include "store/store.h"

/* Connect within timeout_ms, and bring the set "transport" up to date unless
 * *ready is 1 already. */
int psm__topic_connect(psm_store *st, const char *purpose, int timeout_ms,
                       int *ready, struct psm__conn **out, psm_error *err);

/* Appended messages are told on it. */
#define PSM__TOPIC_CHANNEL "psymatch_topic"

/* -- topic_log.c: writing and reading */

/* Make the topic if it is not there, with that many partitions; *count: how
 * many it has. */
int psm__topic_ensure(struct psm__conn *c, const char *topic, int partitions,
                      int32_t *count, psm_error *err);

struct psm__topic_message {
	const char *topic;
	int32_t partition;
	const char *key; /* NULL: none */
	size_t key_len;
	const void *value; /* NULL: a null value */
	size_t value_len;
	const struct psm__header *headers;
	size_t header_count;
};
/*
 * Append all or nothing; once, however often the same number comes from the
 * same writer (a UUID). Numbers of a writer grow.
 */
int psm__topic_append(struct psm__conn *c, const char *writer, int64_t number,
                      const struct psm__topic_message *list, size_t count,
                      psm_error *err);
int psm__topic_forget_writer(struct psm__conn *c, const char *writer,
                             psm_error *err);

/* A partition that is read. */
struct psm__topic_place {
	const char *topic;
	int32_t partition;
	int64_t position;
	int64_t first, next; /* filled in: what there is; next -1: no such
	                        partition */
	int64_t incarnation; /* filled in: another one for a recreated topic */
	int wanted;          /* messages of it are to be read */
};
/* A message, borrowed from the rows but for what it says. */
struct psm__topic_row {
	size_t place; /* in the list that was asked for */
	int64_t offset, timestamp_ms;
	const char *key, *value; /* hexadecimal; NULL: none */
	const char *headers;     /* JSON; NULL: none */
};
/*
 * The ends of all places, *generation of the group (-1: there is none), and up
 * to most messages and about most_bytes of values of each wanted place, in
 * their order: *rows is new.
 */
int psm__topic_read(struct psm__conn *c, const char *group,
                    struct psm__topic_place *list, size_t count, int most,
                    int most_bytes, int64_t *generation, psm_rows **rows,
                    psm_error *err);
void psm__topic_row(const psm_rows *rows, size_t i, struct psm__topic_row *out);

/* Delete at most so many messages that are older than keep_ms; *count: how
 * many it were. */
int psm__topic_expire(struct psm__conn *c, int64_t keep_ms, int most,
                      int64_t *count, psm_error *err);

/* -- topic_range.c */

struct psm__topic_extent {
	int32_t partition;
	int64_t from, to;    /* offsets; to is behind the last */
	int64_t incarnation; /* as in a place */
};
/* One row per partition of the topic (partition < 0: all of them), as far as
 * its messages can be of these times; *rows is new, without rows if there is no
 * such topic or partition. */
int psm__topic_range(struct psm__conn *c, const char *topic, int32_t partition,
                     int64_t from_ms, int64_t to_ms, psm_rows **rows,
                     psm_error *err);
void psm__topic_extent(const psm_rows *rows, size_t i,
                       struct psm__topic_extent *out);

/* -- topic_group.c: who reads what */

struct psm__topic_member {
	const char *group, *member; /* member: a UUID */
	const char *const *topics;
	size_t topic_count;
	int64_t lease_ms;
};
/* Of topic t. */
#define PSM__INCARNATION_SQL                                                   \
	"(extract(epoch FROM t.created_at) * 1000000)::bigint"

/* One row of psm__group_follow. */
struct psm__topic_share {
	const char *topic; /* NULL: the row with the generation */
	int32_t partition;
	int keep, fresh;
	int64_t next;        /* -1: nothing was committed */
	int64_t incarnation; /* as in a place */
	int64_t generation;
};
/* Join or stay in the group; *rows is new: all partitions of the member. */
int psm__group_follow(struct psm__conn *c, const struct psm__topic_member *m,
                      psm_rows **rows, psm_error *err);
void psm__group_share(const psm_rows *rows, size_t i,
                      struct psm__topic_share *out);
/* Make the leases of these members last for lease_ms from now; *found: how many
 * of them there are. */
int psm__group_extend(struct psm__conn *c, const char *const *members,
                      size_t count, int64_t lease_ms, int64_t *found,
                      psm_error *err);
/* position is what is committed; *found: how many partitions are the
 * member's. */
int psm__group_commit(struct psm__conn *c, const char *group,
                      const char *member, const struct psm__topic_place *list,
                      size_t count, int64_t *found, psm_error *err);
int psm__group_release(struct psm__conn *c, const char *group,
                       const char *member, const struct psm__topic_place *list,
                       size_t count, psm_error *err);
/* Messages behind what it has committed; PSM_ERR_NOT_FOUND: it reads nothing. */
int psm__group_lag(struct psm__conn *c, const char *group, int64_t *out,
                   psm_error *err);
int psm__group_leave(struct psm__conn *c, const char *group, const char *member,
                     psm_error *err);

#endif
