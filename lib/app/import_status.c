/* SPDX-License-Identifier: BSD-2-Clause */
/* What imports did: counting. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <psymatch/patient_import.h>

#include "app/import_status.h"

#define TO(s) (1u << (s))

static const unsigned may_follow[] = {
    [PSM_IMPORT_STARTING] = TO(PSM_IMPORT_RUNNING) | TO(PSM_IMPORT_STOPPED) |
                            TO(PSM_IMPORT_FAILED) | TO(PSM_IMPORT_OFF),
    [PSM_IMPORT_RUNNING] = TO(PSM_IMPORT_STOPPED) | TO(PSM_IMPORT_FAILED),
    [PSM_IMPORT_STOPPED] = TO(PSM_IMPORT_STARTING),
    [PSM_IMPORT_FAILED] = TO(PSM_IMPORT_RUNNING) | TO(PSM_IMPORT_STOPPED),
    [PSM_IMPORT_OFF] = TO(PSM_IMPORT_STARTING) | TO(PSM_IMPORT_RUNNING) |
                       TO(PSM_IMPORT_STOPPED),
};

static const char *const state_names[] = {"starting", "running", "stopped",
                                          "failed", "off"};

static const char *const count_names[PSM__N_COUNT] = {
    [PSM__N_RUNS] = "runs",       [PSM__N_FILES] = "files",
    [PSM__N_BROKEN] = "broken",   [PSM__N_FUTURE] = "future",
    [PSM__N_RECORDS] = "records", [PSM__N_CREATED] = "created",
    [PSM__N_UPDATED] = "updated", [PSM__N_UNCHANGED] = "unchanged",
    [PSM__N_SKIPPED] = "skipped", [PSM__N_SUPERSEDED] = "superseded",
    [PSM__N_FAILED] = "failed",
};

static int
status_new(int64_t interval_s, int of_patients, psm_import_status **out,
           psm_error *err)
{
	psm_import_status *s;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (out == NULL || interval_s < 1 || interval_s > 31536000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want out and 1 to 31536000 seconds");
	s = psm__alloc(sizeof(*s));
	if (s == NULL)
		return psm__nomem(err);
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		psm__free(s);
		return psm__nomem(err);
	}
	s->of_patients = of_patients;
	s->interval_us = interval_s * 1000000;
	s->made_us = psm_now_us();
	*out = s;
	return 0;
}

int
psm_import_status_new(int64_t interval_s, psm_import_status **out,
                      psm_error *err)
{
	return status_new(interval_s, 0, out, err);
}

int
psm_patient_import_status_new(int64_t interval_s, psm_import_status **out,
                              psm_error *err)
{
	return status_new(interval_s, 1, out, err);
}

void
psm_import_status_free(psm_import_status *status)
{
	if (status == NULL)
		return;
	(void)pthread_mutex_destroy(&status->lock); /* nobody holds it */
	psm__free(status->seen);
	psm__free(status->folder);
	psm__free(status);
}

int
psm_import_status_set_state(psm_import_status *status, int state,
                            psm_error *err)
{
	int from, ok;

	psm__error_clear(err);
	if (status == NULL || state < PSM_IMPORT_STARTING ||
	    state > PSM_IMPORT_OFF)
		return psm__fail(err, PSM_ERR_INVAL, "want status and state");
	pthread_mutex_lock(&status->lock);
	from = status->state;
	ok = state == from || (may_follow[from] & TO(state)) != 0;
	if (ok)
		status->state = state;
	if (ok && state == PSM_IMPORT_STARTING) {
		status->cancelled = 0;
		status->made_us = psm_now_us();
	}
	pthread_mutex_unlock(&status->lock);
	if (ok)
		return 0;
	return psm__fail(err, PSM_ERR_TRANSITION,
	                 "import: \"%s\" may not follow \"%s\"",
	                 state_names[state], state_names[from]);
}

int
psm_import_status_set_disk(psm_import_status *status, const char *folder,
                           int64_t free_min, psm_error *err)
{
	char *copy = NULL;

	psm__error_clear(err);
	if (status == NULL || free_min < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want status, and bytes from 0");
	if (folder != NULL) {
		copy = psm__strdup(folder);
		if (copy == NULL)
			return psm__nomem(err);
	}
	psm__free(status->folder);
	status->folder = copy;
	status->free_min = free_min;
	return 0;
}

void
psm_import_status_cancel(psm_import_status *status)
{
	if (status == NULL)
		return;
	pthread_mutex_lock(&status->lock);
	status->cancelled = 1;
	pthread_mutex_unlock(&status->lock);
}

void
psm_import_status_on_progress(psm_import_status *status,
                              psm_import_progress_fn fn, void *user)
{
	if (status == NULL)
		return;
	status->progress = fn;
	status->progress_user = user;
}

void
psm__import_progress(const psm_import_status *s, size_t done, size_t total,
                     int written)
{
	if (s != NULL && s->progress != NULL)
		s->progress((int64_t)done, (int64_t)total, written,
		            s->progress_user);
}

int64_t
psm_import_status_stat(psm_import_status *status, const char *name)
{
	int64_t n = -1;

	if (status == NULL || name == NULL)
		return -1;
	pthread_mutex_lock(&status->lock);
	for (size_t i = 0; i < PSM__N_COUNT; i++) {
		if (strcmp(name, count_names[i]) == 0)
			n = status->n[i];
	}
	pthread_mutex_unlock(&status->lock);
	return n;
}

void
psm__import_today_locked(psm_import_status *s)
{
	time_t now = (time_t)(psm_now_us() / 1000000);
	struct tm tm;
	int day;

	if (localtime_r(&now, &tm) == NULL)
		return;
	day = (tm.tm_year + 1900) * 1000 + tm.tm_yday;
	if (day == s->day)
		return;
	s->day = day;
	s->files_today = s->therapists_today = s->failed_today = 0;
}

void
psm__import_began(psm_import_status *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->last_check_us = psm_now_us();
	s->n[PSM__N_RUNS]++;
	s->future_count = 0;
	if (s->state == PSM_IMPORT_OFF) /* only now it counts what is late */
		s->made_us = s->last_check_us;
	if (s->state != PSM_IMPORT_STOPPED)
		s->state = PSM_IMPORT_RUNNING;
	pthread_mutex_unlock(&s->lock);
}

static void
note_error_locked(psm_import_status *s, const char *where, const char *what)
{
	snprintf(s->last_error, sizeof(s->last_error), "%s%s%s", where,
	         where[0] ? ": " : "", what);
	s->last_error_us = psm_now_us();
}

void
psm__import_ended(psm_import_status *s, int rc, const psm_error *err)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	if (rc >= 0)
		s->last_end_us = psm_now_us();
	else if (!s->cancelled)
		note_error_locked(s, "", psm_error_public(err));
	pthread_mutex_unlock(&s->lock);
}

int
psm__import_cancelled(psm_import_status *s)
{
	int cancelled;

	if (s == NULL)
		return 0;
	pthread_mutex_lock(&s->lock);
	cancelled = s->cancelled;
	pthread_mutex_unlock(&s->lock);
	return cancelled;
}

/* The postal code is what a newer file of another day has in common. */
static const char *
base_name(const char *file)
{
	const char *slash = strchr(file, '/');

	return slash == NULL ? file : slash + 1;
}

/* NULL when there is no memory for one more. */
static struct psm__seen *
find_seen_locked(psm_import_status *s, const char *file)
{
	size_t low = 0, high = s->seen_count, mid;
	int order;

	while (low < high) {
		mid = low + (high - low) / 2;
		order = strcmp(base_name(s->seen[mid].file), base_name(file));
		if (order == 0)
			return &s->seen[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (psm__grow(&s->seen, &s->seen_cap, s->seen_count + 1,
	              sizeof(*s->seen)) < 0)
		return NULL;
	memmove(&s->seen[low + 1], &s->seen[low],
	        (s->seen_count - low) * sizeof(*s->seen));
	memset(&s->seen[low], 0, sizeof(*s->seen));
	s->seen_count++;
	/* The name gives the entry its place in the order. */
	snprintf(s->seen[low].file, sizeof(s->seen[low].file), "%s", file);
	return &s->seen[low];
}

int
psm__import_is_new(psm_import_status *s, const char *file, const char *checksum,
                   size_t *reported)
{
	struct psm__seen *seen;
	int is_new = 1;

	*reported = 0;
	if (s == NULL)
		return 1;
	pthread_mutex_lock(&s->lock);
	seen = find_seen_locked(s, file);
	if (seen != NULL && strcmp(seen->file, file) == 0 &&
	    strcmp(seen->checksum, checksum) == 0) {
		is_new = !seen->done;
		*reported = seen->reported;
	} else if (seen != NULL) {
		memset(seen, 0, sizeof(*seen));
		snprintf(seen->file, sizeof(seen->file), "%s", file);
		snprintf(seen->checksum, sizeof(seen->checksum), "%s",
		         checksum);
	}
	pthread_mutex_unlock(&s->lock);
	return is_new;
}

void
psm__import_future(psm_import_status *s, const char *day)
{
	static const char what[] =
	    "the folder is dated in the future and left out: want its right "
	    "name, or the right clock";

	psm__log(PSM_LOG_WARN, what, "folder", day, NULL);
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->n[PSM__N_FUTURE]++;
	s->future_count++;
	note_error_locked(s, day, what);
	pthread_mutex_unlock(&s->lock);
}

static struct psm__recent *
add_recent_locked(psm_import_status *s, const char *file)
{
	struct psm__recent *r;

	r = &s->recent[s->recent_count++ % PSM__RECENT_KEPT];
	memset(r, 0, sizeof(*r));
	snprintf(r->file, sizeof(r->file), "%s", file);
	r->time_us = psm_now_us();
	return r;
}

/* Texts of errors quote nothing of a record, so a log may have them. */
static void
log_error(const char *file, int64_t record, const psm_error *err)
{
	char number[24] = "", line[16], column[16];

	if (record >= 0)
		snprintf(number, sizeof(number), "%" PRId64, record);
	snprintf(line, sizeof(line), "%u", psm_error_line(err));
	snprintf(column, sizeof(column), "%u", psm_error_column(err));
	psm__log(PSM_LOG_WARN,
	         record < 0 ? "broken import file" : "faulty import record",
	         "file", file, "record", number, "pointer",
	         psm_error_pointer(err), "line", line, "column", column,
	         "reason", psm_error_message(err), NULL);
}

void
psm__import_error(psm_import_status *s, const char *file, int64_t record,
                  const psm_error *err)
{
	struct psm__import_failure *f;
	const char *pointer = psm_error_pointer(err);
	char where[PSM__SHOWN_NAME + 32];

	log_error(file, record, err);
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	f = &s->errors[s->error_count++ % PSM__ERRORS_KEPT];
	snprintf(f->file, sizeof(f->file), "%s", file);
	f->record = record;
	snprintf(f->pointer, sizeof(f->pointer), "%s", pointer ? pointer : "");
	f->line = psm_error_line(err);
	f->column = psm_error_column(err);
	f->code = psm_error_code(err);
	snprintf(f->wanted, sizeof(f->wanted), "%s", psm_error_message(err));
	snprintf(where, sizeof(where), "%s:%u:%u", f->file, f->line, f->column);
	note_error_locked(s, where, f->wanted);
	if (record < 0) {
		s->n[PSM__N_BROKEN]++;
		add_recent_locked(s, file)->broken = 1;
	}
	pthread_mutex_unlock(&s->lock);
}

static void
count_file_locked(psm_import_status *s, const char *file, int64_t therapists,
                  int64_t failed)
{
	struct psm__recent *r = add_recent_locked(s, file);

	r->therapists = therapists;
	r->failed = failed;
	psm__import_today_locked(s);
	s->files_today++;
	s->files++;
	s->therapists_today += therapists;
	s->therapists += therapists;
	s->failed_today += failed;
	s->failed += failed;
}

void
psm__import_file_read(psm_import_status *s, const char *file,
                      const struct psm__import_counts *counts, size_t record,
                      int done, int is_new)
{
	struct psm__seen *seen;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	for (size_t i = PSM__N_RECORDS; i < PSM__N_COUNT; i++)
		s->n[i] += counts->n[i];
	s->n[PSM__N_FILES] += done;
	seen = find_seen_locked(s, file);
	if (seen != NULL && done)
		seen->done = 1;
	else if (seen != NULL && seen->reported < record)
		seen->reported = record;
	if (done && is_new)
		count_file_locked(s, file,
		                  counts->n[PSM__N_RECORDS] -
		                      counts->n[PSM__N_SKIPPED],
		                  counts->n[PSM__N_FAILED]);
	pthread_mutex_unlock(&s->lock);
}

void
psm__import_object_done(psm_import_status *s, const char *name)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	psm__import_today_locked(s);
	(void)add_recent_locked(s, name);
	s->n[PSM__N_FILES]++;
	s->n[PSM__N_RECORDS]++;
	s->n[PSM__N_CREATED]++;
	s->files_today++;
	s->files++;
	pthread_mutex_unlock(&s->lock);
}

void
psm__import_object_failed(psm_import_status *s, const char *name,
                          const psm_error *err)
{
	struct psm__recent *r;

	psm__import_error(s, name, -1, err);
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	psm__import_today_locked(s);
	/* The error is the newest of the ring: only this run adds to it. */
	r = &s->recent[(s->recent_count - 1) % PSM__RECENT_KEPT];
	snprintf(r->error, sizeof(r->error), "%s", psm_error_message(err));
	s->n[PSM__N_FAILED]++;
	s->failed_today++;
	s->failed++;
	pthread_mutex_unlock(&s->lock);
}
