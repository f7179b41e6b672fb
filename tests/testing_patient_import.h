/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the patient import share. */
#ifndef TESTING_PATIENT_IMPORT_H
#define TESTING_PATIENT_IMPORT_H

#include <psymatch/health.h>
#include <psymatch/patient_import.h>
#include <sys/stat.h>

#include "testing_patient.h"

static psm_import_status *status;
static char folder[4000];

/* A registration; more are members of patient_data, token is JSON. */
#define REGISTRATION(token, more)                                              \
	"{\"patient_data\": " PATIENT(more) ", \"registration_token\": " token \
					    "}"
#define GOOD REGISTRATION("\"ABCDEFGHIJKL\"", "")

static inline void
import_setup(void)
{
	patient_setup();
	OK(psm_patient_import_status_new(3600, &status, err));
	testing_tmpdir(folder, sizeof(folder));
}

static inline void
import_teardown(void)
{
	testing_remove(folder);
	psm_import_status_free(status);
	patient_teardown();
}

static inline int
document(const char *name, const char *text)
{
	psm_free(out);
	return psm_patient_import_document(st, name, text, strlen(text), &out,
	                                   err);
}

static inline const char *
place(const char *below)
{
	static char path[4400];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, below);
	return path;
}

static inline void
put_file(const char *name, const char *text)
{
	char path[4400], *slash = path + strlen(folder) + 1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	while ((slash = strchr(slash, '/')) != NULL) {
		*slash = '\0';
		(void)mkdir(path, 0777); /* it may be there */
		*slash++ = '/';
	}
	f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline int
is_there(const char *name)
{
	return access(place(name), F_OK) == 0;
}

static inline int64_t
patients(void)
{
	return pg_int("SELECT count(*) FROM patient_service.patienten");
}

static inline int64_t
created_events(void)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox "
	              "WHERE type = 'patient.created'");
}

static inline int64_t
faults(void)
{
	return pg_int("SELECT count(*) FROM psymatch.patient_import_fault");
}

/* A member of the status; a text. */
static inline char *
told(const char *pointer)
{
	char *text, *value;
	size_t len;
	psm_json *doc;
	const char *part;

	OK(psm_import_status_json(status, &text, err));
	OK(psm_json_parse(text, strlen(text), &doc, err));
	part = psm_json_text(psm_json_at(doc, pointer), &len);
	value = part != NULL ? strndup(part, len) : strdup("");
	psm_json_free(doc);
	psm_free(text);
	return value;
}

static inline void
check_told(const char *pointer, const char *want)
{
	char *got = told(pointer);

	ck_assert_str_eq(got, want);
	free(got);
}

#endif
