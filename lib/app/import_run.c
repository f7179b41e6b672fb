/* SPDX-License-Identifier: BSD-2-Clause */
/* Which files an import reads, and what becomes of broken ones. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"

#define DAY_LEN 8
#define NAME_LEN 10 /* "10115.json" */

struct day {
	char name[DAY_LEN + 1];
};

struct entry {
	char plz[NAME_LEN + 1]; /* the file's name */
	size_t day;             /* index into days */
};

struct run {
	psm_store *store;
	const char *folder;
	psm_import_status *status;
	struct day *days; /* newest first */
	size_t day_count, day_cap;
	struct entry *entries; /* the newest file of each postal code */
	size_t entry_count, entry_cap;
	char last_day[DAY_LEN + 1]; /* tomorrow: later ones are a mistake */
	struct psm__known_files known;
};

static int
is_file_name(const char *name)
{
	char digits[6];

	if (strlen(name) != NAME_LEN || strcmp(name + 5, ".json") != 0)
		return 0;
	memcpy(digits, name, 5);
	digits[5] = '\0';
	return psm__is_digits(digits, 5);
}

static int
fail_folder(psm_error *err)
{
	/* Its path is the operator's setting and stays out of the message. */
	return psm__fail(err, PSM_ERR_IO, "cannot read the import folder: %s",
	                 errno == ENOENT   ? "there is none"
	                 : errno == EACCES ? "not allowed"
	                                   : "system error");
}

static int
newest_first(const void *a, const void *b)
{
	return strcmp(((const struct day *)b)->name,
	              ((const struct day *)a)->name);
}

static int
list_days(struct run *run, psm_error *err)
{
	struct dirent *e;
	DIR *dir = opendir(run->folder);
	int rc = 0;

	if (dir == NULL)
		return fail_folder(err);
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (!psm__is_folder_day(e->d_name))
			continue;
		if (psm__grow(&run->days, &run->day_cap, run->day_count + 1,
		              sizeof(*run->days)) < 0)
			rc = psm__nomem(err);
		else
			memcpy(run->days[run->day_count++].name, e->d_name,
			       DAY_LEN + 1);
	}
	closedir(dir);
	if (run->day_count > 1)
		qsort(run->days, run->day_count, sizeof(*run->days),
		      newest_first);
	return rc;
}

static int
by_plz(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->plz,
	              ((const struct entry *)b)->plz);
}

static int
by_day_and_plz(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	/* Days are listed newest first; the oldest is read first. */
	if (x->day != y->day)
		return x->day > y->day ? -1 : 1;
	return strcmp(x->plz, y->plz);
}

static char *
path_of(const struct run *run, const char *middle, size_t day, const char *name)
{
	struct psm__buf b = {0};

	psm__buf_printf(&b, "%s/%s%s", run->folder, middle,
	                run->days[day].name);
	if (name != NULL)
		psm__buf_printf(&b, "/%s", name);
	return psm__buf_take(&b, NULL);
}

/* Add the files of a day whose postal code no newer day has; known of the
 * entries are sorted by postal code. */
static int
list_files(struct run *run, size_t day, psm_error *err)
{
	size_t known = run->entry_count;
	struct entry wanted = {.day = day};
	struct dirent *e;
	char *path = path_of(run, "", day, NULL);
	DIR *dir;
	int rc = 0;

	if (path == NULL)
		return psm__nomem(err);
	dir = opendir(path);
	psm__free(path);
	/* Somebody may remove or forbid one day: the others still count. */
	if (dir == NULL)
		return 0;
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (!is_file_name(e->d_name))
			continue;
		memcpy(wanted.plz, e->d_name, NAME_LEN + 1);
		if (known > 0 && bsearch(&wanted, run->entries, known,
		                         sizeof(wanted), by_plz))
			continue;
		if (psm__grow(&run->entries, &run->entry_cap,
		              run->entry_count + 1, sizeof(wanted)) < 0)
			rc = psm__nomem(err);
		else
			run->entries[run->entry_count++] = wanted;
	}
	closedir(dir);
	if (run->entry_count > 1)
		qsort(run->entries, run->entry_count, sizeof(wanted), by_plz);
	return rc;
}

/* 1: the content was not reported before. */
static int
remember_broken(struct run *run, const struct psm__file *f, psm_error *err)
{
	const char *params[2] = {f->name, f->checksum};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(run->store, &tx, err);

	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "INSERT INTO psymatch.import_broken "
		                 "(file, checksum) VALUES ($1, $2) "
		                 "ON CONFLICT DO NOTHING",
		                 2, params, &rows, err);
	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return psm__app_end(tx, rc, err);
}

/* Where that is not allowed the file stays: it is known by its checksum. */
static void
move_broken(const struct run *run, size_t day, const struct psm__file *f)
{
	const char *name = f->name + DAY_LEN + 1;
	struct psm__buf failed = {0};
	char *from = path_of(run, "", day, name);
	char *folder = path_of(run, "failed/", day, NULL);
	char *to = path_of(run, "failed/", day, name);

	psm__buf_printf(&failed, "%s/failed", run->folder);
	if (from != NULL && folder != NULL && to != NULL && !failed.failed &&
	    (mkdir(failed.data, 0777) == 0 || errno == EEXIST) &&
	    (mkdir(folder, 0777) == 0 || errno == EEXIST) &&
	    psm__file_move(from, to, f))
		psm__log(PSM_LOG_WARN, "broken import file moved", "file",
		         f->name, NULL);
	psm__buf_free(&failed);
	psm__free(from);
	psm__free(folder);
	psm__free(to);
}

/* No error codes: the file is broken and an older one may do; another file has
 * come in its place. */
#define TRY_OLDER INT_MIN
#define TRY_AGAIN (INT_MIN + 1)

/* why is the failure that says what is wrong with the file. */
static int
set_aside(struct run *run, size_t day, const char *path,
          const struct psm__file *f, const psm_error *why, psm_error *err)
{
	int rc = remember_broken(run, f, err);

	if (rc < 0)
		return rc;
	if (rc == 1)
		psm__import_error(run->status, f->name, -1, why);
	if (!psm__file_is_same(path, f))
		return TRY_AGAIN;
	if (!psm__file_is_young(f))
		move_broken(run, day, f);
	return TRY_OLDER;
}

/* It may be readable in the next run. One that is forbidden is told once. */
static int
skip_unreadable(struct run *run, const struct psm__file *f,
                const psm_error *why, psm_error *err)
{
	int rc = f->checksum[0] != '\0' ? remember_broken(run, f, err) : 1;

	if (rc == 1)
		psm__import_error(run->status, f->name, -1, why);
	return rc < 0 ? rc : 0;
}

/* Count of therapists written, TRY_OLDER, TRY_AGAIN or an error. */
static int
import_path(struct run *run, size_t day, const char *name, psm_error *err)
{
	char *path = path_of(run, "", day, name);
	char source[DAY_LEN + NAME_LEN + 2];
	struct psm__file file = {0};
	psm_error *why = psm_error_new();
	int rc;

	snprintf(source, sizeof(source), "%s/%s", run->days[day].name, name);
	if (path == NULL || why == NULL) {
		rc = psm__nomem(err);
		goto out;
	}
	rc = psm__file_read(path, source, &file, why);
	if (file.gone) {
		rc = TRY_OLDER; /* somebody took it away */
		goto out;
	}
	if (rc == 0)
		rc = psm__import_document(run->store, &file, &run->known,
		                          run->last_day, run->status, why);
	if (psm__file_is_broken(rc)) {
		rc = set_aside(run, day, path, &file, why, err);
	} else if (rc == PSM_ERR_IO) {
		rc = skip_unreadable(run, &file, why, err);
	} else if (rc < 0) {
		psm__error_copy(err, why);
		psm__error_source(err, "%s", source);
	}
out:
	psm_error_free(why);
	psm__file_free(&file);
	psm__free(path);
	return rc;
}

static int
import_entry(struct run *run, const struct entry *e, psm_error *err)
{
	int rc = TRY_OLDER, again = 0;

	for (size_t day = e->day; day < run->day_count; day++) {
		rc = import_path(run, day, e->plz, err);
		/* Once: whoever replaces it all the time waits for the next
		 * run. */
		if (rc == TRY_AGAIN && !again++)
			rc = import_path(run, day, e->plz, err);
		if (rc != TRY_OLDER)
			break;
	}
	return rc == TRY_OLDER || rc == TRY_AGAIN ? 0 : rc;
}

/* Days are listed newest first: leave out those that have not come. */
static int
drop_future(struct run *run, psm_error *err)
{
	size_t future = 0;
	int rc = psm__app_tomorrow(run->store, run->last_day, err);

	if (rc < 0)
		return rc;
	while (future < run->day_count &&
	       strcmp(run->days[future].name, run->last_day) > 0)
		psm__import_future(run->status, run->days[future++].name);
	run->day_count -= future;
	memmove(run->days, run->days + future,
	        run->day_count * sizeof(*run->days));
	return 0;
}

static int
run_all(struct run *run, psm_error *err)
{
	int rc = list_days(run, err), total = 0;

	if (rc == 0 && run->day_count > 0)
		rc = drop_future(run, err);
	for (size_t day = 0; day < run->day_count && rc == 0; day++)
		rc = list_files(run, day, err);
	if (run->entry_count > 1)
		qsort(run->entries, run->entry_count, sizeof(*run->entries),
		      by_day_and_plz);
	if (rc == 0 && run->entry_count > 0)
		rc = psm__known_files(run->store, &run->known, err);
	for (size_t i = 0; i < run->entry_count && rc == 0; i++) {
		if (psm__import_cancelled(run->status))
			return psm__fail(err, PSM_ERR_STATE,
			                 "import: cancelled");
		rc = import_entry(run, &run->entries[i], err);
		if (rc > 0) {
			total += rc;
			rc = 0;
		}
		psm__import_progress(run->status, i + 1, run->entry_count,
		                     total);
	}
	return rc < 0 ? rc : total;
}

int
psm_therapist_import_run(psm_store *store, const char *folder,
                         psm_import_status *status, psm_error *err)
{
	struct run run = {.store = store, .folder = folder, .status = status};
	psm_error *own = NULL;
	int rc;

	psm__error_clear(err);
	if (store == NULL || folder == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or folder is NULL");
	own = psm_error_new(); /* the status wants the text in any case */
	if (own == NULL)
		return psm__nomem(err);
	psm__import_began(status);
	rc = run_all(&run, own);
	psm__import_ended(status, rc, own);
	if (rc < 0)
		psm__error_copy(err, own);
	psm_error_free(own);
	psm__known_files_free(&run.known);
	psm__free(run.days);
	psm__free(run.entries);
	return rc;
}

/* The last two names of a path, NULL if they are no day and no file. */
static const char *
source_of(const char *path)
{
	size_t len = strlen(path);
	const char *source;
	char day[DAY_LEN + 1];

	if (len < DAY_LEN + 1 + NAME_LEN)
		return NULL;
	source = path + len - (DAY_LEN + 1 + NAME_LEN);
	memcpy(day, source, DAY_LEN);
	day[DAY_LEN] = '\0';
	if (!psm__is_folder_day(day) || source[DAY_LEN] != '/' ||
	    !is_file_name(source + DAY_LEN + 1) ||
	    (source > path && source[-1] != '/'))
		return NULL;
	return source;
}

static int
import_one(psm_store *store, const char *path, const char *source,
           psm_import_status *status, psm_error *err)
{
	struct psm__file file = {0};
	struct psm__known_files known = {0};
	char last_day[DAY_LEN + 1];
	int rc = psm__file_read(path, source, &file, err);

	if (rc == 0)
		rc = psm__app_tomorrow(store, last_day, err);
	if (rc == 0)
		rc = psm__known_file(store, &file, &known, err);
	if (rc == 0)
		rc = psm__import_document(store, &file, &known, last_day,
		                          status, err);
	psm__known_files_free(&known);
	psm__file_free(&file);
	return rc;
}

int
psm_therapist_import_file(psm_store *store, const char *path,
                          psm_import_status *status, psm_error *err)
{
	psm_error *own;
	const char *source;
	int rc;

	psm__error_clear(err);
	if (store == NULL || path == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or path is NULL");
	source = source_of(path);
	if (source == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "path: want \".../YYYYMMDD/plz.json\"");
	own = psm_error_new();
	if (own == NULL)
		return psm__nomem(err);
	rc = import_one(store, path, source, status, own);
	if (psm__file_is_broken(rc) || rc == PSM_ERR_IO)
		psm__import_error(status, source, -1, own);
	psm__error_source(own, "%s", source);
	if (rc < 0)
		psm__error_copy(err, own);
	psm_error_free(own);
	return rc;
}
