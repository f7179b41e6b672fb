/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of patients share: a database with their schema. */
#ifndef TESTING_PATIENT_H
#define TESTING_PATIENT_H

#include "app/app.h"
#include "testing.h"
#include "testing_member.h"
#include "testing_pg.h"

static psm_store *st;
static psm_error *err;
static char *out;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

/* The least that a patient has, and then more members. */
#define PATIENT(more)                                                          \
	"{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "                \
	"\"vorname\": \"Berta\", \"nachname\": \"Musterbaum\"" more "}"

/* The day of the tests. */
#define TODAY "2026-03-02"
static int64_t now_us;

static int64_t
test_clock(void *user)
{
	(void)user;
	return now_us;
}

__attribute__((unused)) static const char *const patient_sets[] = {"patient",
                                                                   NULL};

static inline void
patient_setup(void)
{
	out = NULL;
	now_us = INT64_C(1772445600000000); /* 10:00 UTC */
	psm_set_clock(test_clock, NULL);
	pg_copy();
	st = pg_store();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	OK(psm_store_migrate(st, "patient", err));
}

static inline void
patient_teardown(void)
{
	psm_free(out);
	psm_error_free(err);
	psm_store_free(st);
	psm_set_clock(NULL, NULL);
}

static inline int
create(const char *json)
{
	psm_free(out);
	return psm_patient_create(st, json, strlen(json), &out, err);
}

static inline int
put(int64_t id, const char *json)
{
	psm_free(out);
	return psm_patient_update(st, id, PSM_VERSION_ANY, json, strlen(json),
	                          &out, err);
}

static inline int
patch(int64_t id, const char *json)
{
	psm_free(out);
	return psm_patient_patch(st, id, PSM_VERSION_ANY, json, strlen(json),
	                         &out, err);
}

static inline void
changed(int rc)
{
	ck_assert_msg(rc == 1, "%d: %s", rc, psm_error_message(err));
}

/* The types of the events in their order, without "patient.". */
static inline void
check_events(const char *want)
{
	char *got = pg_text("SELECT string_agg(replace(type, 'patient.', ''), "
	                    "' ' ORDER BY id) FROM psymatch.outbox");

	ck_assert_str_eq(got, want);
	free(got);
}

/* A member of the newest event of a type. */
static inline void
check_event(const char *type, const char *path, const char *want)
{
	char *got = pg_text("SELECT coalesce(payload::jsonb #>> '{%s}', "
	                    "'null') FROM psymatch.outbox WHERE type = "
	                    "'patient.%s' ORDER BY id DESC LIMIT 1",
	                    path, type);

	ck_assert_str_eq(got, want);
	free(got);
}

static inline void
forget_events(void)
{
	pg_run("DELETE FROM psymatch.outbox");
}

/* The faults are these, in any order: "/plz /ort". */
static inline void
check_faults(const char *want)
{
	size_t count = 0;

	for (const char *at = want; *at; at++)
		count += *at == '/' && (at == want || at[-1] == ' ');
	for (size_t i = 0; i < psm_error_fault_count(err); i++) {
		const char *pointer = psm_error_fault_pointer(err, i);

		ck_assert_msg(strstr(want, pointer) != NULL, "%s: %s", pointer,
		              psm_error_message(err));
	}
	ck_assert_uint_eq(psm_error_fault_count(err), count);
}

#endif
