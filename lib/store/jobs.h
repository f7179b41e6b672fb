/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of psymatch.job: taken, ended, planned. Times are those of the library's
 * clock, in microseconds. */
#ifndef PSM_STORE_JOBS_H
#define PSM_STORE_JOBS_H

#include <psymatch/jobs.h>

#include "store/store.h"

/* One that was taken. All zero may be freed. */
struct psm__job {
	int64_t id, fence;
	int attempts; /* with this one */
	char *kind, *key, *payload;
};
void psm__job_free(struct psm__job *job);

/* 1: kind may name jobs. */
int psm__job_is_kind(const char *kind);
/* A fence for psm__jobs_take() that no other taking has: it names the one that
 * got no answer. */
int psm__jobs_fence(int64_t *out, psm_error *err);
/* Take the job of these kinds ("{a,b}") that is due longest, until until_us: 1
 * taken, 0 none is due. */
int psm__jobs_take(psm_store *st, const char *kinds, int64_t fence,
                   int64_t until_us, int64_t now_us, struct psm__job *job,
                   psm_error *err);
/* Give back the one that psm__jobs_take() took with this fence until until_us,
 * if nobody ended it: it is due at again_us, and was_tried 0: it was no
 * attempt. */
int psm__jobs_return(psm_store *st, const char *kinds, int64_t fence,
                     int64_t until_us, int64_t again_us, int was_tried,
                     psm_error *err);
/* The last statement of the transaction that did it. PSM_ERR_FENCED: the lease
 * has ended. */
int psm__job_done(psm_tx *tx, const struct psm__job *job, int64_t now_us,
                  psm_error *err);
/* It failed with code: try again at again_us, or, 0, never. 1; 0: nothing is
 * done, the lease has ended and another worker has it. */
int psm__job_failed(psm_tx *tx, const struct psm__job *job, int code,
                    int64_t again_us, int64_t now_us, psm_error *err);
/* Make the rows of a daily job; *next_us is when one is due. */
int psm__jobs_plan(psm_store *st, const char *kind, const char *at, int late,
                   int64_t now_us, int64_t *next_us, psm_error *err);
/* Forget what was done or missed so many days ago; a part of it. */
int psm__jobs_forget(psm_store *st, int64_t days, int64_t now_us,
                     psm_error *err);

struct psm__jobs_counts {
	int64_t failed;     /* for good, within the last day */
	int64_t missed;     /* within the last day */
	int64_t overdue_us; /* how late the one is that waits longest */
	int64_t next_us;    /* when the next one is due; 0: none waits */
};
int psm__jobs_measure(psm_store *st, const char *kinds, int64_t now_us,
                      struct psm__jobs_counts *out, psm_error *err);

#endif
