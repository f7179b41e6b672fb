/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that a mail program puts into a Maildir. */
#include "service/mailer_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* At one look. */
#define FILES_MAX 1000

/* Where a file goes when it was read. */
enum place { TO_CUR, TO_UNMATCHED, TO_FAILED };
static const char *const places[] = {"cur", "unmatched", "failed"};

static int
unreadable(psm_error *err, const char *what)
{
	return psm__fail(err, PSM_ERR_IO, "EMAIL_ANSWER_MAILDIR: %s: %s", what,
	                 strerror(errno));
}

/* 0; PSM_ERR_TOO_LARGE, PSM_ERR_PARSE: it never will be; PSM_ERR_IO. */
static int
read_all(int dir, const char *name, size_t max, struct psm__buf *out,
         psm_error *err)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char piece[16384];
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return unreadable(err, "a mail cannot be opened");
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return psm__fail(err, PSM_ERR_PARSE,
		                 "want a mail, found no file");
	}
	while (out->len <= max && (n = read(fd, piece, sizeof piece)) > 0)
		psm__buf_put(out, piece, (size_t)n);
	close(fd);
	if (n < 0)
		return unreadable(err, "a mail cannot be read");
	if (out->failed)
		return psm__nomem(err);
	return out->len <= max
	           ? PSM_OK
	           : psm__fail(err, PSM_ERR_TOO_LARGE,
	                       "want at most %zu bytes, found more", max);
}

/* What no later try will change. */
static int
is_final(int code)
{
	return code == PSM_ERR_PARSE || code == PSM_ERR_TOO_LARGE ||
	       code == PSM_ERR_SCHEMA || code == PSM_ERR_NOT_FOUND;
}

/* cur has names with flags: this one was seen. */
static int
move(int root, int dir, const char *name, enum place place, psm_error *err)
{
	struct psm__buf to = {0};
	int rc = PSM_OK;

	if (mkdirat(root, places[place], 0700) < 0 && errno != EEXIST)
		return unreadable(err, "a folder cannot be made");
	psm__buf_printf(&to, "%s/%s%s", places[place], name,
	                place == TO_CUR && !strstr(name, ":2,") ? ":2,S" : "");
	if (to.failed)
		rc = psm__nomem(err);
	else if (renameat(dir, name, root, to.data) < 0)
		rc = unreadable(err, "a mail cannot be moved");
	psm__buf_free(&to);
	return rc;
}

static void
tell(const char *name, enum place place, int code, const psm_error *why)
{
	psm_metrics_add("psymatch_mail_answers", places[place], 1);
	if (place != TO_CUR)
		psm__log(PSM_LOG_WARN, "a mail was no answer", "file", name,
		         "folder", places[place], "code", psm_error_name(code),
		         "reason", psm_error_message(why), NULL);
}

/* One file: 0 it was moved, or an error that a later try may not have. */
static int
handle(const psm_mailer *m, psm_store *store, int root, int dir,
       const char *name, psm_error *err)
{
	size_t max = (size_t)m->number[SVC_ANSWER_MAX];
	struct psm__buf mail = {0};
	char *json = NULL;
	enum place place = TO_CUR;
	int rc = read_all(dir, name, max, &mail, err);

	if (rc == PSM_OK)
		rc = psm__svc_mime_answer(mail.data ? mail.data : "", mail.len,
		                          &json, err);
	if (rc == PSM_OK)
		rc = psm_mail_answer(store, json, strlen(json), NULL, err);
	psm__buf_free(&mail);
	psm__free(json);
	if (rc < 0 && !is_final(rc))
		return rc;
	if (rc < 0)
		place = rc == PSM_ERR_NOT_FOUND ? TO_UNMATCHED : TO_FAILED;
	tell(name, place, rc, err);
	psm_error_clear(err);
	return move(root, dir, name, place, err);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names begin with the time of delivery. */
static int
list(int dir, char **names, size_t *count, psm_error *err)
{
	int copy = dup(dir);
	DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *e;

	*count = 0;
	if (!d) {
		if (copy >= 0)
			close(copy);
		return unreadable(err, "new cannot be read");
	}
	while (*count < FILES_MAX && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		names[*count] = psm__strdup(e->d_name);
		if (!names[*count]) {
			closedir(d);
			return psm__nomem(err);
		}
		(*count)++;
	}
	closedir(d);
	qsort(names, *count, sizeof *names, by_name);
	return PSM_OK;
}

/* Count of those that were moved. A file that cannot be read or moved stays,
 * and keeps nobody waiting: the first error comes at the end. */
static int
handle_all(const psm_mailer *m, psm_store *store, int root, int dir,
           char *const *names, size_t count, psm_error *err, psm_error *later)
{
	int first = PSM_OK, done = 0;

	for (size_t i = 0; i < count; i++) {
		psm_error *e = first < 0 ? later : err;
		int rc = handle(m, store, root, dir, names[i], e);

		if (rc < 0 && rc != PSM_ERR_IO) /* the next one has it, too */
			return first < 0 ? first : rc;
		done += rc == PSM_OK;
		if (rc < 0 && first == PSM_OK) {
			first = rc;
			psm__log(PSM_LOG_WARN, "a mail stays where it is",
			         "file", names[i], "reason",
			         psm_error_message(e), NULL);
		}
	}
	return first < 0 ? first : done;
}

static int
read_new(const psm_mailer *m, psm_store *store, int root, int dir,
         psm_error *err)
{
	char **names = psm__array(FILES_MAX, sizeof *names);
	psm_error *later = psm_error_new();
	size_t count = 0;
	int rc = PSM_OK;

	if (!names || !later)
		rc = psm__nomem(err);
	if (rc == PSM_OK)
		rc = list(dir, names, &count, err);
	if (rc == PSM_OK)
		rc = handle_all(m, store, root, dir, names, count, err, later);
	psm_error_free(later);
	for (size_t i = 0; i < count; i++)
		psm__free(names[i]);
	psm__free(names);
	return rc;
}

int
psm_maildir_run(psm_mailer *mailer, psm_store *store, psm_error *err)
{
	int root, dir, rc;

	psm_error_clear(err);
	if (!mailer || !store)
		return psm__fail(err, PSM_ERR_INVAL, "mailer or store is NULL");
	if (!mailer->text[SVC_MAILDIR][0])
		return 0;
	root =
	    open(mailer->text[SVC_MAILDIR], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return unreadable(err, "it cannot be opened");
	dir = openat(root, "new", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = dir < 0 ? unreadable(err, "new cannot be opened")
	             : read_new(mailer, store, root, dir, err);
	if (dir >= 0)
		close(dir);
	close(root);
	return rc;
}
