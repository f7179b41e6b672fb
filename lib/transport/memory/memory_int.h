/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory transport: topics, partitions and groups inside this process.
 * One lock for everything; one condition, broadcast on every change. It is
 * made for tests and tools, so it is simple first and fast second.
 */
#ifndef PSM_MEMORY_INT_H
#define PSM_MEMORY_INT_H

#include "transport/memory/memory.h"
#include "transport/transport.h"

/* A partition keeps its newest messages up to these limits; older ones vanish
 * as Kafka's retention makes them vanish. */
#define PSM__MEMORY_RETAIN_COUNT 100000
#define PSM__MEMORY_RETAIN_BYTES (64u << 20)
/* Messages without a report per sink, as librdkafka's queue limit. */
#define PSM__MEMORY_QUEUE_MAX 10000
#define PSM__MEMORY_PARTITIONS_MAX 64

/* Shared by its partition and by every record that shows it. */
struct psm__mem_message {
	int refs; /* under the lock */
	int64_t offset;
	int32_t partition;
	int64_t timestamp_ms;
	const char *key; /* NULL if none */
	size_t key_len;
	const char *value; /* NULL for a null value */
	size_t value_len;
	size_t bytes; /* of key, value and headers */
	size_t header_count;
	struct psm__header headers[]; /* what they point to is behind them */
};

struct psm__mem_partition {
	struct psm__mem_message **ring;
	size_t cap, head, count;
	size_t bytes;
	int64_t next; /* offset of the next message */
};

struct psm__mem_topic {
	char *name;
	int64_t epoch;  /* its incarnation: counts the wipes */
	int32_t spread; /* where the next message without a key goes */
	struct psm__mem_partition parts[PSM__MEMORY_PARTITIONS_MAX];
};

struct psm__mem_group;

/* A member of a group. */
struct psm__mem_source {
	struct psm__source base;
	struct psm__bus *bus; /* a reference */
	struct psm__mem_group *group;
	char **topics;
	size_t topic_count;
	void (*confirmed)(const char *topic, int32_t partition, int64_t next,
	                  void *user);
	int64_t (*start_at)(const char *topic, int32_t partition,
	                    int64_t committed, int64_t incarnation, void *user);
	void (*revoked)(const char *topic, int32_t partition, void *user);
	void (*gap)(const struct psm__gap *gap, void *user);
	void *user;
	int woken;
	int assigned; /* 1 once a poll has seen the group */
	int evicted;  /* 1: is no member any more, and has not noticed */
	size_t turn;  /* the cursor that is asked first */
};

/* One partition as a group sees it. */
struct psm__mem_cursor {
	struct psm__mem_topic *topic;
	int32_t partition;
	int64_t committed;              /* -1: never */
	int64_t committed_epoch;        /* of the topic, at that time */
	struct psm__mem_source *owner;  /* reads it now; NULL: nobody */
	struct psm__mem_source *target; /* should read it */
	struct psm__mem_source *loser;  /* evicted, has not noticed */
	int64_t position;
	int64_t epoch;         /* of the topic that position is of */
	int64_t held_until_ms; /* monotonic; 0: not held */
};

struct psm__mem_group {
	char *name;
	struct psm__mem_cursor *cursors;
	size_t count, cap;
	struct psm__mem_source **members; /* in the order of joining */
	size_t member_count, member_cap;
};

struct psm__bus {
	psm_transport base;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int32_t partitions;
	struct psm__mem_topic **topics;
	size_t topic_count, topic_cap;
	struct psm__mem_group **groups;
	size_t group_count, group_cap;
	/* Threads in psm__mem_wait(), and those of them that are members. */
	size_t waiting, members_waiting;
	int down;
	int fail_count, fail_rc;
};

/* A copy of key, value and headers, in one block. NULL: out of memory. */
struct psm__mem_message *psm__mem_message(const struct psm__message *from);
/* All of these: @locks bus->lock held. NULL: out of memory. */
struct psm__mem_topic *psm__mem_topic(struct psm__bus *bus, const char *name);
struct psm__mem_group *psm__mem_group(struct psm__bus *bus, const char *name);
/* NULL: there is none of that name. */
struct psm__mem_group *psm__mem_find_group(const struct psm__bus *bus,
                                           const char *name);
/* Takes m, which is no topic's yet. PSM_ERR_NOMEM: not taken. */
int psm__mem_append(struct psm__bus *bus, struct psm__mem_topic *topic,
                    struct psm__mem_message *m);
/* The offset of the first message that is kept, or would be. */
static inline int64_t
psm__mem_first(const struct psm__mem_partition *part)
{
	return part->next - (int64_t)part->count;
}
/* NULL when the offset is not kept (any more, or yet). */
struct psm__mem_message *psm__mem_at(const struct psm__mem_partition *part,
                                     int64_t offset);
void psm__mem_release(struct psm__mem_message *m);
void psm__mem_drop_oldest(struct psm__mem_partition *part);
void psm__mem_topic_free(struct psm__mem_topic *topic);
void psm__mem_group_free(struct psm__mem_group *g);
/* What a message says; rec shares it. */
void psm__mem_fill(struct psm__record *rec, const struct psm__mem_topic *topic,
                   int32_t partition, struct psm__mem_message *m);
/* Wait for a change until deadline_ms (monotonic). */
void psm__mem_wait(struct psm__bus *bus, int64_t deadline_ms);
/* The same, of messages only for those that some group reads. */
void psm__mem_wait_as_member(struct psm__bus *bus, int64_t deadline_ms);

/* Enter and leave the group; the partitions are assigned again. */
int psm__mem_join(struct psm__mem_source *s, const char *group);
void psm__mem_leave(struct psm__mem_source *s);
/* Give up and take over what the group says, running the callbacks of s with
 * the lock released. */
void psm__mem_follow(struct psm__mem_source *s);

int psm__mem_open_sink(psm_transport *t, psm__report_fn report, void *user,
                       struct psm__sink **out, psm_error *err);
int psm__mem_group_lag(psm_transport *t, const char *name, int timeout_ms,
                       int64_t *out, psm_error *err);
int psm__mem_open_reader(psm_transport *t, const struct psm__reader_conf *conf,
                         int timeout_ms, struct psm__reader **out,
                         psm_error *err);
int psm__mem_open_source(psm_transport *t, const struct psm__source_conf *conf,
                         struct psm__source **out, psm_error *err);

#endif
