/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of a replay, for those who run it into something else than a plain
 * handler, e.g. into a transaction. */
#ifndef PSM_REPLAY_INT_H
#define PSM_REPLAY_INT_H

#include <psymatch/replay.h>

#include "bus/transport.h"

/* An event that is wanted; ev has its origin, attempt 1 and is_replay 1, and is
 * borrowed for the call like rec. Not 0 ends the replay with that code. */
typedef int (*psm__replay_fn)(psm_event *ev, const struct psm__record *rec,
                              void *user, psm_error *err);

/* As psm_replay_run(); the arguments are checked, err is clear. */
int psm__replay_run(psm_replay *r, psm__replay_fn fn, void *user,
                    int timeout_ms, psm_error *err);

#endif
