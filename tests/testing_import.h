/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the import share: a folder, its files, and a status. */
#ifndef TESTING_IMPORT_H
#define TESTING_IMPORT_H

#include <sys/stat.h>

#include "testing_app.h"

static psm_import_status *status;
static char folder[4000];

static inline void
setup(void)
{
	app_setup();
	OK(psm_import_status_new(86400, &status, err));
	testing_tmpdir(folder, sizeof(folder));
}

static inline void
teardown(void)
{
	testing_remove(folder);
	psm_import_status_free(status);
	app_teardown();
}

static inline const char *
place(const char *below)
{
	static char path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, below);
	return path;
}

static inline void
put(const char *day, const char *name, const char *text)
{
	char path[4200];
	FILE *f;

	(void)mkdir(place(day), 0777); /* it may be there */
	(void)snprintf(path, sizeof(path), "%s/%s/%s", folder, day, name);
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* A file with one therapist. */
static inline void
put_one(const char *day, const char *name, const char *salutation,
        const char *last, const char *phone)
{
	char text[1000];

	(void)snprintf(
	    text, sizeof(text),
	    "{\"therapists\": [{\"basic_info\": {\"salutation\": \"%s\", "
	    "\"first_name\": \"Berta\", \"last_name\": \"%s\"},\n"
	    "\"location\": {\"street\": \"Musterweg\", \"house_number\": \"7\","
	    " \"postal_code\": \"10115\", \"city\": \"Berlin\"},\n"
	    "\"contact\": {\"phone\": \"%s\"},\n"
	    "\"therapy_methods\": [\"Erwachsene\"]}]}",
	    salutation, last, phone);
	put(day, name, text);
}

static inline int
import(void)
{
	int rc = psm_therapist_import_run(st, folder, status, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

static inline int64_t
count(const char *name)
{
	return psm_import_status_stat(status, name);
}

static inline int64_t
therapists(const char *where)
{
	return pg_int("SELECT count(*) FROM therapist_service.therapeuten "
	              "WHERE %s",
	              where);
}

#endif
