/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder as a source of files to import. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/object.h"

#define DEPTH_MAX 8

struct folder {
	psm_object_source *source; /* whose user this is */
	char *path;
	struct psm__file last; /* the state of what was read last, no text */
	char *name;            /* its name */
};

static void
release(void *user)
{
	struct folder *f = user;

	psm__free(f->name);
	psm__free(f->path);
	psm__free(f);
}

static char *
join(const char *a, const char *b, const char *c)
{
	struct psm__buf out = {0};

	psm__buf_printf(&out, "%s%s%s%s%s", a, b[0] ? "/" : "", b,
	                c[0] ? "/" : "", c);
	return psm__buf_take(&out, NULL);
}

/* -- list */

struct walk {
	const struct folder *folder;
	psm_object_name_fn each;
	void *list;
	psm_error *err;
};

static int list_below(const struct walk *w, const char *below, int depth);

/* 1: the caller has enough. */
static int
list_entry(const struct walk *w, const char *below, const char *name, int depth)
{
	struct stat st;
	char *inner = join(below, below[0] ? name : "", "");
	char *path;
	int rc = 0;

	if (inner != NULL && below[0] == '\0') {
		psm__free(inner);
		inner = psm__strdup(name);
	}
	path = inner == NULL ? NULL : join(w->folder->path, inner, "");
	if (path == NULL)
		rc = psm__nomem(w->err);
	else if (lstat(path, &st) < 0)
		rc = 0; /* somebody took it away */
	else if (S_ISDIR(st.st_mode))
		rc = depth < DEPTH_MAX ? list_below(w, inner, depth + 1) : 0;
	else if (S_ISREG(st.st_mode))
		rc = w->each(inner, w->list) != 0;
	psm__free(path);
	psm__free(inner);
	return rc;
}

static int
is_ours(const char *below, const char *name)
{
	return below[0] == '\0' &&
	       (strcmp(name, "failed") == 0 || strcmp(name, "imported") == 0);
}

/* The copies of what was imported are not imported again. */
static int
is_kept(const struct walk *w, const char *path)
{
	const char *keep = w->folder->source->keep;

	return keep != NULL && psm__object_is_same(path, keep);
}

static int
list_below(const struct walk *w, const char *below, int depth)
{
	char *path = join(w->folder->path, below, "");
	struct dirent *e;
	DIR *dir;
	int rc = 0, kept;

	if (path == NULL)
		return psm__nomem(w->err);
	kept = is_kept(w, path);
	dir = kept ? NULL : opendir(path);
	psm__free(path);
	if (kept)
		return depth > 0
		           ? 0
		           : psm__fail(w->err, PSM_ERR_CONFIG,
		                       "the folder of copies is the source");
	/* One below that is forbidden or gone does not stop the others. */
	if (dir == NULL)
		return depth > 0
		           ? 0
		           : psm__fail(w->err, PSM_ERR_IO,
		                       "cannot read the import folder: %s",
		                       strerror(errno));
	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] != '.' && !is_ours(below, e->d_name))
			rc = list_entry(w, below, e->d_name, depth);
	}
	closedir(dir);
	return rc;
}

static int
list(psm_object_name_fn each, void *names, void *user, psm_error *err)
{
	const struct walk w = {user, each, names, err};
	int rc = list_below(&w, "", 0);

	return rc < 0 ? rc : 0;
}

/* -- read */

/* Nothing that leads out of the folder. */
static int
check_name(const char *name, psm_error *err)
{
	size_t n;

	for (const char *p = name;; p += n + 1) {
		n = strcspn(p, "/");
		if (n == 0 || p[0] == '.')
			return psm__fail(err, PSM_ERR_NOT_FOUND,
			                 "there is no such file");
		if (p[n] == '\0')
			return 0;
	}
}

static int
read_one(const char *name, size_t max, char **text, size_t *len, void *user,
         psm_error *err)
{
	struct folder *f = user;
	char *path;
	int rc = check_name(name, err);

	if (rc < 0)
		return rc;
	path = join(f->path, name, "");
	psm__free(f->name);
	f->name = psm__strdup(name);
	if (path == NULL || f->name == NULL) {
		psm__free(path);
		return psm__nomem(err);
	}
	rc = psm__file_read(path, f->name, &f->last, err);
	psm__free(path);
	*text = f->last.text;
	*len = f->last.len;
	f->last.text = NULL;
	f->source->is_young = psm__file_is_young(&f->last);
	if (rc < 0 && f->last.gone)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "the file is gone");
	if (rc == 0 && *len > max)
		rc = psm__fail(err, PSM_ERR_TOO_LARGE,
		               "want at most %zu bytes, found %zu", max, *len);
	if (rc < 0) {
		psm__free(*text);
		*text = NULL;
	}
	return rc;
}

/* -- end */

static int
fail_end(const char *what, psm_error *err)
{
	return psm__fail(err, PSM_ERR_IO, "cannot %s an imported file: %s",
	                 what, strerror(errno));
}

/* Its name in failed/ or imported/: whatever is there already stays. */
static char *
place_of(const struct folder *f, const char *below)
{
	char own[256];
	struct stat st;
	char *path;

	psm__object_copy_name(f->name, NULL, own);
	path = join(f->path, below, own);
	if (path == NULL || lstat(path, &st) < 0)
		return path;
	psm__free(path);
	psm__object_copy_name(f->name, f->last.checksum, own);
	return join(f->path, below, own);
}

/* 1: to is what was read; 0: that is gone, or a newer one has its name, which
 * stays for the next run. */
static int
take(const struct folder *f, const char *from, const char *to, const char *what,
     psm_error *err)
{
	int code;

	if (psm__file_move(from, to, &f->last))
		return 1;
	code = errno;
	if (!psm__file_is_same(from, &f->last))
		return 0;
	errno = code;
	return fail_end(what, err);
}

static int
move(const struct folder *f, const char *from, const char *below,
     psm_error *err)
{
	char *dir = join(f->path, below, "");
	char *to = place_of(f, below);
	int rc = 0;

	if (dir == NULL || to == NULL)
		rc = psm__nomem(err);
	else if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		rc = fail_end("make a folder for", err);
	else
		rc = take(f, from, to, "move", err);
	psm__free(to);
	psm__free(dir);
	return rc < 0 ? rc : 0;
}

/* By a name that a list shows: should this process end in between, the next run
 * knows the file by its content. */
static int
remove_one(const struct folder *f, const char *path, psm_error *err)
{
	const char *slash = strrchr(path, '/');
	char name[PSM__PRIVATE_NAME];
	struct psm__buf own = {0};
	int rc;

	psm__object_private_name("taken-", ".json", name);
	psm__buf_printf(&own, "%.*s%s", (int)(slash + 1 - path), path, name);
	if (own.failed)
		rc = psm__nomem(err);
	else
		rc = take(f, path, own.data, "remove", err);
	if (rc == 1 && unlink(own.data) < 0 && errno != ENOENT)
		rc = fail_end("remove", err);
	psm__buf_free(&own);
	return rc < 0 ? rc : 0;
}

static int
end(const char *name, int how, void *user, psm_error *err)
{
	const struct folder *f = user;
	char *path;
	int rc = 0;

	if (f->name == NULL || strcmp(f->name, name) != 0)
		return psm__fail(err, PSM_ERR_STATE,
		                 "want the file that was read last");
	path = join(f->path, name, "");
	if (path == NULL)
		return psm__nomem(err);
	if (!psm__file_is_same(path, &f->last))
		rc = 0; /* a newer one of its name is for the next run */
	else if (how == PSM_OBJECT_FAILED)
		rc = move(f, path, "failed", err);
	else if (f->source->keep == NULL)
		rc = move(f, path, "imported", err);
	else
		rc = remove_one(f, path, err);
	psm__free(path);
	return rc;
}

int
psm_object_source_folder(const char *folder, psm_object_source **out,
                         psm_error *err)
{
	struct folder *f;
	size_t len;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (folder == NULL || folder[0] == '\0' || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "folder or out is NULL");
	f = psm__alloc(sizeof(*f));
	if (f == NULL)
		return psm__nomem(err);
	for (len = strlen(folder); len > 1 && folder[len - 1] == '/';)
		len--;
	f->path = psm__strndup(folder, len);
	if (f->path == NULL) {
		release(f);
		return psm__nomem(err);
	}
	rc = psm_object_source_new(list, read_one, end, release, f, out, err);
	if (rc == 0) {
		f->source = *out;
		f->source->folder = f->path;
	}
	return rc;
}
