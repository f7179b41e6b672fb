/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a replay: replay.c is what it is told, client/replay/run.c
 * reads; for those who run it into something else than a plain handler, too. */
#ifndef PSM_REPLAY_INT_H
#define PSM_REPLAY_INT_H

#include <psymatch/replay.h>

#include "client/dispatch.h"
#include "transport/transport.h"

/* What became of messages; the order is that of the names in replay.c. */
enum psm__replay_count {
	PSM__REPLAY_HANDLED,
	PSM__REPLAY_SKIPPED,
	PSM__REPLAY_UNREADABLE,
	PSM__REPLAY_FAILED,
	PSM__REPLAY_DUPLICATES,
	PSM__REPLAY_DROPPED,
	PSM__REPLAY_READ,
	PSM__N_REPLAY_COUNTS
};

enum psm__replay_place {
	PSM__INTO_NOTHING, /* not said */
	PSM__INTO_SCHEMA,
	PSM__INTO_LIVE
};

struct psm_replay {
	psm_transport *t; /* a reference */
	char *topic;
	struct psm__reader_conf conf;
	char *type; /* canonical, or as given; NULL: every type */
	char *key;  /* NULL: every key */
	size_t key_len;
	struct psm__dispatch dispatch; /* of plain handlers */
	int64_t max_failures;
	int may_send; /* events, with a producer */
	enum psm__replay_place into;
	char *schema;                         /* of INTO_SCHEMA */
	int running;                          /* __atomic */
	int64_t counts[PSM__N_REPLAY_COUNTS]; /* __atomic */
	int64_t partition, offset; /* __atomic: of the last one handed on */
	int64_t to_read;           /* __atomic; -1: not known */
};

/* Where the events go. */
struct psm__replay_into {
	/*
	 * An event that is wanted; ev has its origin, attempt 1 and is_replay
	 * 1, and is borrowed for the call like rec. Counts what became of it.
	 * Not 0 ends the replay with that code.
	 */
	int (*event)(psm_event *ev, const struct psm__record *rec, void *user,
	             psm_error *err);
	/* The next event is not at hand: nothing should be held meanwhile. May
	 * be NULL; below 0 ends the replay. */
	int (*idle)(void *user, psm_error *err);
	void *user;
};

/* As psm_replay_run(); the arguments are checked, err is clear. */
int psm__replay_run(psm_replay *r, const struct psm__replay_into *into,
                    int timeout_ms, psm_error *err);
void psm__replay_add(psm_replay *r, enum psm__replay_count what, int64_t n);
/* An event failed with rc, below 0; err says why and learns where. 0: that is
 * still allowed, err is clear. Else rc. */
int psm__replay_failed(psm_replay *r, const struct psm__record *rec, int rc,
                       psm_error *err);
/* err says rc, and where; returns rc. */
int psm__replay_where(const struct psm__record *rec, int rc, psm_error *err);

#endif
