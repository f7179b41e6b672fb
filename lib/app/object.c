/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/object.h"

#include <string.h>
#include <sys/stat.h>

int
psm_object_source_new(psm_object_list_fn list, psm_object_read_fn read,
                      psm_object_end_fn end, psm_release_fn release, void *user,
                      psm_object_source **out, psm_error *err)
{
	psm_object_source *s = NULL;
	int rc = 0;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (list == NULL || read == NULL || end == NULL || out == NULL)
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "list, read, end or out is NULL");
	else
		s = psm__alloc(sizeof(*s));
	if (s == NULL) {
		if (release != NULL)
			release(user);
		return rc < 0 ? rc : psm__nomem(err);
	}
	s->list = list;
	s->read = read;
	s->end = end;
	s->release = release;
	s->user = user;
	*out = s;
	return 0;
}

static size_t
name_len(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	return len;
}

int
psm__object_is_same(const char *a, const char *b)
{
	struct stat one, other;

	if (stat(a, &one) == 0 && stat(b, &other) == 0)
		return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
	return name_len(a) == name_len(b) && strncmp(a, b, name_len(a)) == 0;
}

int
psm_object_source_keep(psm_object_source *source, const char *folder,
                       psm_error *err)
{
	char *copy = NULL;

	psm__error_clear(err);
	if (source == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "source is NULL");
	if (folder != NULL && source->folder != NULL &&
	    psm__object_is_same(source->folder, folder))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a folder of copies that is not the "
		                 "source");
	if (folder != NULL && folder[0] != '\0') {
		copy = psm__strdup(folder);
		if (copy == NULL)
			return psm__nomem(err);
	}
	psm__free(source->keep);
	source->keep = copy;
	return 0;
}

void
psm_object_source_free(psm_object_source *source)
{
	if (source == NULL)
		return;
	if (source->release != NULL)
		source->release(source->user);
	psm__free(source->keep);
	psm__free(source);
}
