/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of rows share: a row, and JSON that is read into it. */
#ifndef TESTING_ENTITY_H
#define TESTING_ENTITY_H

#include "entity/entity.h"
#include "testing.h"

static psm_error *err;
static struct psm__row row;
static const struct psm__now now = {"2026-07-01", "14:30:05",
                                    "2026-07-01 12:30:05.25"};

static inline void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static inline void
teardown(void)
{
	psm__row_free(&row);
	psm_error_free(err);
}

static inline void
make_row(const struct psm_entity *e)
{
	psm__row_free(&row);
	ck_assert_int_eq(psm__row_init(&row, e, err), 0);
}

static inline int
read_text(enum psm__reading how, unsigned writer, const char *text)
{
	psm_json *doc = NULL;
	int rc;

	psm_error_clear(err);
	ck_assert_msg(psm_json_parse(text, strlen(text), &doc, err) == 0,
	              "%s: %s", text, psm_error_message(err));
	memset(row.modified, 0, row.entity->count);
	rc = psm__row_read(&row, doc, how, writer, "", err);
	psm_json_free(doc);
	return rc;
}

static const char therapist[] =
    "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", \"vorname\": \" Ada "
    "\", \"nachname\": \"Mu\xcc\x88ller\", \"titel\": null, \"status\": "
    "\"aktiv\", \"sperrdatum\": \"2026-06-01\", \"id\": 5, \"created_at\": "
    "\"2020-01-01\", \"nobody\": 1, \"alter_min\": 18}";

#endif
