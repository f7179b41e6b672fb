/* SPDX-License-Identifier: BSD-2-Clause */
/* The objects of a folder, imported by one run after the other. */
#ifndef TESTING_PATIENT_RUN_H
#define TESTING_PATIENT_RUN_H

#include <fcntl.h>
#include <unistd.h>

#include "app/object.h"
#include "testing_patient_import.h"

#define BAD REGISTRATION("null", ", \"symptome\": 7")
#define OTHER REGISTRATION("\"OTHERTOKEN\"", "")

static psm_object_source *source;

static void
setup(void)
{
	import_setup();
	OK(psm_object_source_folder(folder, &source, err));
}

static void
teardown(void)
{
	psm_object_source_free(source);
	import_teardown();
}

static int
run(void)
{
	return psm_patient_import_run(st, source, status, err);
}

static void
check_run(int want)
{
	int rc = run();

	ck_assert_msg(rc == want, "%d: %s", rc, psm_error_message(err));
}

/* When a file was written. */
static inline void
written_s(const char *name, time_t s)
{
	struct timespec times[2] = {{s, 0}, {s, 0}};

	ck_assert_int_eq(utimensat(AT_FDCWD, place(name), times, 0), 0);
}

/* The files of this test were written long ago. */
static void
let_settle(void)
{
	now_us = (int64_t)time(NULL) * 1000000 + INT64_C(120000000);
}

#endif
