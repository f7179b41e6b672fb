/* SPDX-License-Identifier: BSD-2-Clause */
/* What imports did: telling it as JSON, and the health that follows. */
#include <string.h>
#include <sys/statvfs.h>

#include <psymatch/health.h>

#include "app/import_status.h"
#include "json/json.h"

#define RECENT_SHOWN 10
/* Health looks at so many files, and at their share only from so many on. */
#define RECENT_JUDGED 20
#define RECENT_NEEDED 5
#define MINUTE_US INT64_C(60000000)

static void
put_time(psm_json_writer *w, const char *key, int64_t time_us)
{
	char text[32];

	psm_json_write_key(w, key);
	if (time_us == 0 || psm_time_format(time_us, text, sizeof(text)) < 0)
		psm_json_write_null(w);
	else
		psm_json_write_string(w, text);
}

static void
put_int(psm_json_writer *w, const char *key, int64_t n)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, n);
}

static void
put_text(psm_json_writer *w, const char *key, const char *text)
{
	psm_json_write_key(w, key);
	psm_json_write_string(w, text);
}

static void
put_today_locked(psm_json_writer *w, const psm_import_status *s)
{
	put_int(w, "files_processed_today", s->files_today);
	if (s->of_patients) {
		put_int(w, "files_failed_today", s->failed_today);
	} else {
		put_int(w, "therapists_processed_today", s->therapists_today);
		put_int(w, "therapists_failed_today", s->failed_today);
	}
	put_text(w, "last_error", s->last_error_us ? s->last_error : NULL);
	put_time(w, "last_error_time", s->last_error_us);
}

static void
put_one_recent(psm_json_writer *w, const psm_import_status *s,
               const struct psm__recent *r)
{
	put_text(w, "file", r->file);
	if (s->of_patients) {
		put_text(w, "status", r->broken ? "failed" : "success");
		if (r->broken)
			put_text(w, "error", r->error);
	} else {
		put_int(w, "therapist_count", r->therapists);
		put_int(w, "success_count", r->therapists - r->failed);
		put_int(w, "failed_count", r->failed);
	}
	put_time(w, "time", r->time_us);
}

static void
put_recent_locked(psm_json_writer *w, const psm_import_status *s)
{
	size_t i =
	    s->recent_count > RECENT_SHOWN ? s->recent_count - RECENT_SHOWN : 0;

	psm_json_write_key(w, "recent_imports");
	psm_json_write_array(w);
	for (; i < s->recent_count; i++) {
		psm_json_write_object(w);
		put_one_recent(w, s, &s->recent[i % PSM__RECENT_KEPT]);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

static void
put_times_locked(psm_json_writer *w, const psm_import_status *s)
{
	put_time(w, "last_import_run", s->last_end_us);
	put_time(w, "next_import_run",
	         s->last_check_us ? s->last_check_us + s->interval_us : 0);
}

static void
put_totals_locked(psm_json_writer *w, const psm_import_status *s)
{
	if (s->of_patients) {
		put_int(w, "total_processed", s->files);
		put_int(w, "total_failed", s->failed);
		return;
	}
	put_int(w, "total_files_processed", s->files);
	put_int(w, "total_therapists_processed", s->therapists);
	put_int(w, "total_therapists_failed", s->failed);
}

static void
put_status_locked(psm_json_writer *w, const psm_import_status *s)
{
	psm_json_write_object(w);
	psm_json_write_key(w, "running");
	psm_json_write_bool(w, s->state == PSM_IMPORT_RUNNING);
	put_time(w, "last_check", s->last_check_us);
	if (!s->of_patients)
		put_times_locked(w, s);
	put_today_locked(w, s);
	put_totals_locked(w, s);
	put_recent_locked(w, s);
	psm_json_write_end(w);
}

/* Clears err and *json and checks the arguments. */
static int
begin(psm_import_status *status, char **json, psm_json_writer **w,
      psm_error *err)
{
	psm__error_clear(err);
	if (json != NULL)
		*json = NULL;
	if (status == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "status or json is NULL");
	*w = psm_json_writer_new();
	return *w == NULL ? psm__nomem(err) : 0;
}

int
psm_import_status_json(psm_import_status *status, char **json, psm_error *err)
{
	psm_json_writer *w;
	int rc = begin(status, json, &w, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&status->lock);
	psm__import_today_locked(status);
	put_status_locked(w, status);
	pthread_mutex_unlock(&status->lock);
	return psm__json_take(w, 0, json, err);
}

static void
put_failure(psm_json_writer *w, const struct psm__import_failure *f)
{
	psm_json_write_object(w);
	put_text(w, "file", f->file);
	psm_json_write_key(w, "record");
	if (f->record < 0)
		psm_json_write_null(w);
	else
		psm_json_write_int(w, f->record);
	put_text(w, "pointer", f->pointer);
	put_int(w, "line", f->line);
	put_int(w, "column", f->column);
	put_text(w, "code", psm_error_name(f->code));
	put_text(w, "wanted", f->wanted);
	psm_json_write_end(w);
}

int
psm_import_status_errors(psm_import_status *status, char **json, psm_error *err)
{
	psm_json_writer *w;
	int rc = begin(status, json, &w, err);
	size_t i;

	if (rc < 0)
		return rc;
	psm_json_write_array(w);
	pthread_mutex_lock(&status->lock);
	i = status->error_count > PSM__ERRORS_KEPT
	        ? status->error_count - PSM__ERRORS_KEPT
	        : 0;
	for (; i < status->error_count; i++)
		put_failure(w, &status->errors[i % PSM__ERRORS_KEPT]);
	pthread_mutex_unlock(&status->lock);
	psm_json_write_end(w);
	return psm__json_take(w, 0, json, err);
}

/* What is wrong, worst first; the texts live for ever. */
struct verdict {
	int health;
	const char *issues[16];
	size_t count;
};

static void
complain(struct verdict *v, int condition, int health, const char *issue)
{
	if (!condition)
		return;
	if (health > v->health)
		v->health = health;
	v->issues[v->count++] = issue;
}

static void
check_recent_locked(struct verdict *v, const psm_import_status *s)
{
	int64_t therapists = 0, failed = 0;
	size_t files = 0, broken = 0;

	while (files < s->recent_count && files < RECENT_JUDGED) {
		size_t i = (s->recent_count - 1 - files) % PSM__RECENT_KEPT;

		therapists += s->recent[i].therapists;
		failed += s->recent[i].failed;
		broken += s->recent[i].broken != 0;
		files++;
	}
	if (files >= RECENT_NEEDED && failed * 2 > therapists)
		complain(v, 1, PSM_HEALTH_RED,
		         "more than half of the recent therapists failed");
	else
		complain(v, failed > 0, PSM_HEALTH_AMBER,
		         "some of the recent therapists failed");
	if (files >= RECENT_NEEDED && broken * 2 > files)
		complain(v, 1, PSM_HEALTH_RED,
		         "more than half of the recent files were broken");
	else
		complain(v, broken > 0, PSM_HEALTH_AMBER,
		         "some of the recent files were broken");
}

/* The room on the disk of an import. */
struct room {
	int is_known;
	int64_t free, size; /* bytes */
};

static void
look_at_disk(struct room *r, const psm_import_status *s)
{
	struct statvfs fs;

	memset(r, 0, sizeof(*r));
	if (s->folder == NULL || statvfs(s->folder, &fs) != 0)
		return;
	r->is_known = 1;
	r->free = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	r->size = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
}

static void
check_disk(struct verdict *v, const psm_import_status *s, const struct room *r)
{
	if (s->folder == NULL)
		return;
	complain(v, !r->is_known, PSM_HEALTH_AMBER,
	         "the disk of the import cannot be looked at");
	if (r->is_known && r->free < s->free_min / 10)
		complain(v, 1, PSM_HEALTH_RED,
		         "there is hardly any room on the disk");
	else
		complain(v, r->is_known && r->free < s->free_min,
		         PSM_HEALTH_AMBER, "there is little room on the disk");
}

static void
check_locked(struct verdict *v, const psm_import_status *s,
             const struct room *room)
{
	int64_t now = psm_now_us();
	int64_t limit = s->interval_us + s->interval_us / 24 + MINUTE_US;
	/* Before the first run the time counts from the start. */
	int64_t begun = s->last_check_us ? s->last_check_us : s->made_us;
	int64_t ended = s->last_end_us ? s->last_end_us : s->made_us;

	if (s->state == PSM_IMPORT_OFF) {
		complain(v, 1, PSM_HEALTH_GREEN,
		         "the import is off: nothing to import from is set");
		return;
	}
	check_disk(v, s, room);
	complain(v, s->state == PSM_IMPORT_STOPPED, PSM_HEALTH_RED,
	         "the import is stopped");
	complain(v, s->state == PSM_IMPORT_FAILED, PSM_HEALTH_RED,
	         "the import has failed");
	complain(v, s->last_error_us != 0 && s->last_end_us == 0,
	         PSM_HEALTH_RED, "an error came before the first run ended");
	complain(v, now - begun > limit, PSM_HEALTH_RED,
	         "no import has begun for longer than the interval");
	complain(v, now - begun <= limit && now - ended > 2 * limit,
	         PSM_HEALTH_RED,
	         "no import has ended for longer than two intervals");
	check_recent_locked(v, s);
	complain(v, s->future_count > 0, PSM_HEALTH_AMBER,
	         "a folder is dated in the future and left out");
	complain(
	    v,
	    s->last_error_us != 0 && now - s->last_error_us <= s->interval_us,
	    PSM_HEALTH_AMBER, "there was an error since the last interval");
}

static void
put_room(psm_json_writer *w, const struct room *r)
{
	psm_json_write_key(w, "disk");
	if (!r->is_known) {
		psm_json_write_null(w);
		return;
	}
	psm_json_write_object(w);
	put_int(w, "free_bytes", r->free);
	put_int(w, "size_bytes", r->size);
	psm_json_write_end(w);
}

static void
put_health_locked(psm_json_writer *w, const psm_import_status *s,
                  const struct room *room, const struct verdict *v)
{
	psm_json_write_object(w);
	put_text(w, "status", psm_health_name(v->health));
	put_text(w, "service",
	         s->of_patients ? "patient-import-monitor"
	                        : "therapist-import-monitor");
	psm_json_write_key(w, "details");
	psm_json_write_object(w);
	psm_json_write_key(w, "monitor_running");
	psm_json_write_bool(w, s->state == PSM_IMPORT_RUNNING);
	put_time(w, "last_check", s->last_check_us);
	put_time(w, "last_success", s->last_end_us);
	put_today_locked(w, s);
	put_room(w, room);
	psm_json_write_key(w, "issues");
	psm_json_write_array(w);
	for (size_t i = 0; i < v->count; i++)
		psm_json_write_string(w, v->issues[i]);
	psm_json_write_end(w);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

int
psm_import_status_health(psm_import_status *status, char **json, psm_error *err)
{
	struct verdict v = {PSM_HEALTH_GREEN, {NULL}, 0};
	psm_json_writer *w = NULL;
	struct room room;
	int rc = 0;

	psm__error_clear(err);
	if (json != NULL)
		*json = NULL;
	if (status == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "status is NULL");
	if (json != NULL) {
		w = psm_json_writer_new();
		if (w == NULL)
			return psm__nomem(err);
	}
	look_at_disk(&room, status); /* which may take its time */
	pthread_mutex_lock(&status->lock);
	psm__import_today_locked(status);
	check_locked(&v, status, &room);
	if (w != NULL)
		put_health_locked(w, status, &room, &v);
	pthread_mutex_unlock(&status->lock);
	if (w != NULL)
		rc = psm__json_take(w, 0, json, err);
	return rc < 0 ? rc : v.health;
}
