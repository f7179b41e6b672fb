/* SPDX-License-Identifier: BSD-2-Clause */
/* The status of imports: what its two files share. */
#ifndef PSM_IMPORT_STATUS_H
#define PSM_IMPORT_STATUS_H

#include "app/app.h"

#define PSM__RECENT_KEPT 50
#define PSM__ERRORS_KEPT 100

/* A longer name is cut. */
#define PSM__SHOWN_NAME 200

/* One imported file. */
struct psm__recent {
	char file[PSM__SHOWN_NAME]; /* "YYYYMMDD/plz.json", or an object's */
	int64_t therapists, failed, time_us;
	int broken;      /* 1: nothing of it could be imported */
	char error[160]; /* why, of a file of a patient */
};

/* One error; all texts are copies. */
struct psm__import_failure {
	char file[PSM__SHOWN_NAME];
	int64_t record;
	char pointer[128];
	unsigned line, column;
	int code;
	char wanted[256];
};

/* A file name and the content it last had. */
struct psm__seen {
	char file[24];
	char checksum[40];
	int done;        /* 1: read to its end, and counted */
	size_t reported; /* records whose faults were told, when not done */
};

struct psm_import_status {
	int of_patients; /* 1: a file is a patient; never changes */
	psm_import_progress_fn progress; /* never called under the lock */
	void *progress_user;
	char *folder;     /* on the disk that is looked at; NULL: none */
	int64_t free_min; /* bytes */
	pthread_mutex_t lock;
	/* All below belong to the lock. */
	int64_t interval_us;
	int state; /* enum psm_import_state */
	int cancelled;
	int64_t made_us, last_check_us, last_end_us; /* 0: not yet */
	int64_t n[PSM__N_COUNT];
	int day; /* of the counters below: year * 1000 + day of the year */
	int64_t files_today, therapists_today, failed_today;
	int64_t files, therapists, failed;
	char last_error[256];
	int64_t last_error_us;
	/* Rings: the newest is at (count - 1) % KEPT. */
	struct psm__recent recent[PSM__RECENT_KEPT];
	size_t recent_count;
	struct psm__import_failure errors[PSM__ERRORS_KEPT];
	size_t error_count;
	size_t future_count;    /* folders left out by the last run */
	struct psm__seen *seen; /* sorted by file; one per postal code */
	size_t seen_count, seen_cap;
};

/* Begin a new day if one has begun. */
void psm__import_today_locked(psm_import_status *s);

#endif
