/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of a source, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "app/patient_import.h"
#include "store/store.h"

#define OBJECTS_MAX 10000
#define NAME_MAX_LEN 1024

struct names {
	char **list;
	size_t count, cap;
	int failed; /* 1: out of memory */
};

struct run {
	psm_store *store;
	psm_object_source *source;
	psm_import_status *status;
	int made;
	/* The first object that could not be read or removed. */
	int later;
	psm_error *later_err;
};

/* One object. */
struct object {
	const char *name;
	char *text; /* NULL: it could not be read */
	size_t len;
	char hash[PSM__SHA256_SIZE];
};

/* -- the list */

static int
is_wanted(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && len <= NAME_MAX_LEN &&
	       strcmp(name + len - 5, ".json") == 0 &&
	       strncmp(name, "failed/", 7) != 0 &&
	       psm__utf8_check(name, len) == len;
}

static int
add_name(const char *name, void *user)
{
	struct names *n = user;

	if (!is_wanted(name))
		return 0;
	if (n->count == OBJECTS_MAX)
		return 1;
	n->failed =
	    psm__grow(&n->list, &n->cap, n->count + 1, sizeof(*n->list)) < 0 ||
	    (n->list[n->count] = psm__strdup(name)) == NULL;
	n->count += !n->failed;
	return n->failed;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
list_objects(const struct run *run, struct names *names, psm_error *err)
{
	int rc = run->source->list(add_name, names, run->source->user, err);

	if (rc == 0 && names->failed)
		rc = psm__nomem(err);
	if (names->count > 1)
		qsort(names->list, names->count, sizeof(*names->list),
		      compare_names);
	return rc;
}

static void
names_free(struct names *names)
{
	while (names->count > 0)
		psm__free(names->list[--names->count]);
	psm__free(names->list);
}

/* -- one of them */

/* The object is to be looked at again in the next run, the others now. */
static int
put_off(struct run *run, const struct object *o, int rc, const psm_error *why)
{
	psm__log(PSM_LOG_WARN, "an import file has to wait", "file", o->name,
	         "reason", psm_error_message(why), NULL);
	if (run->later == 0) {
		run->later = rc;
		psm__error_copy(run->later_err, why);
	}
	return 0;
}

/* What is stored, or told, is to go, a copy of it first. */
static int
settle(struct run *run, const struct object *o, int failed, psm_error *err)
{
	psm_object_source *s = run->source;
	int how = failed ? PSM_OBJECT_FAILED : PSM_OBJECT_DONE, rc = 0;

	if (s->keep != NULL && o->text != NULL) {
		rc = psm__object_copy(s->keep, failed, o->name, o->hash,
		                      o->text, o->len, err);
		how = PSM_OBJECT_DONE; /* what failed is put aside */
	}
	if (rc == 0)
		rc = s->end(o->name, how, s->user, err);
	return rc < 0 && rc != PSM_ERR_NOMEM ? put_off(run, o, rc, err) : rc;
}

static int
refuse(struct run *run, const struct object *o, const psm_error *why,
       psm_error *err)
{
	int rc;

	if (run->source->is_young)
		return 0;
	rc =
	    psm__patient_fault_remember(run->store, o->name, o->hash, why, err);
	if (rc == 1)
		psm__import_object_failed(run->status, o->name, why);
	return rc < 0 ? rc : settle(run, o, 1, err);
}

static int
read_object(struct run *run, struct object *o, psm_error *err)
{
	psm_object_source *s = run->source;
	int rc;

	s->is_young = 0;
	rc = s->read(o->name, PSM__PATIENT_FILE_MAX, &o->text, &o->len, s->user,
	             err);
	if (rc < 0)
		return rc;
	if (o->text == NULL) /* nothing is in it */
		o->text = psm__strdup("");
	return o->text == NULL ? psm__nomem(err)
	                       : psm__sha256(o->text, o->len, o->hash, err);
}

static int
import_object(struct run *run, struct object *o, psm_error *why, psm_error *err)
{
	int rc;

	memcpy(o->hash, "unread", sizeof("unread"));
	rc = read_object(run, o, why);
	if (rc == PSM_ERR_NOT_FOUND)
		return 0;
	if (rc == PSM_ERR_IO)
		return put_off(run, o, rc, why);
	if (psm__file_is_broken(rc))
		return refuse(run, o, why, err);
	if (rc == 0) {
		rc = psm_patient_import_document(run->store, o->name, o->text,
		                                 o->len, NULL, why);
		if (rc < 0 && !psm__app_is_system(rc))
			return refuse(run, o, why, err);
	}
	if (rc < 0) {
		psm__error_copy(err, why);
		return rc;
	}
	if (rc == 1) {
		run->made++;
		psm__import_object_done(run->status, o->name);
	}
	return settle(run, o, 0, err);
}

static int
check_cancelled(const struct run *run, psm_error *err)
{
	return psm__import_cancelled(run->status)
	           ? psm__fail(err, PSM_ERR_STATE, "import: cancelled")
	           : 0;
}

static int
run_all(struct run *run, psm_error *why, psm_error *err)
{
	struct names names = {NULL, 0, 0, 0};
	int rc = check_cancelled(run, err);

	if (rc == 0 && run->source->keep != NULL)
		psm__object_copy_tidy(run->source->keep);
	if (rc == 0)
		rc = list_objects(run, &names, err);
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		struct object o = {.name = names.list[i]};

		rc = check_cancelled(run, err);
		if (rc < 0)
			break;
		psm__error_clear(err);
		rc = import_object(run, &o, why, err);
		psm__free(o.text);
		if (rc == 0)
			psm__import_progress(run->status, i + 1, names.count,
			                     run->made);
	}
	names_free(&names);
	if (rc == 0 && run->later < 0) {
		psm__error_copy(err, run->later_err);
		rc = run->later;
	}
	return rc < 0 ? rc : run->made;
}

int
psm_patient_import_run(psm_store *store, psm_object_source *source,
                       psm_import_status *status, psm_error *err)
{
	struct run run = {.store = store, .source = source, .status = status};
	psm_error *own = NULL, *why = NULL;
	int rc;

	psm__error_clear(err);
	if (store == NULL || source == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or source is NULL");
	own = psm_error_new(); /* the status wants the text in any case */
	why = psm_error_new();
	run.later_err = psm_error_new();
	if (own == NULL || why == NULL || run.later_err == NULL) {
		rc = psm__nomem(err);
	} else {
		psm__import_began(status);
		rc = run_all(&run, why, own);
		psm__import_ended(status, rc, own);
		if (rc < 0)
			psm__error_copy(err, own);
	}
	psm_error_free(run.later_err);
	psm_error_free(why);
	psm_error_free(own);
	return rc;
}
