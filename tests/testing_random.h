/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands by chance, for tests that go on for thousands of steps: inquiries
 * composed, sent, answered, corrected, cancelled, deleted; searches opened,
 * paused, resumed, ended. Each command gives the code of the library's. */
#ifndef PSM_TESTING_RANDOM_H
#define PSM_TESTING_RANDOM_H

#include "testing_chance.h"
#include "testing_inquiry.h"

#define THERAPISTS 6
#define PATIENTS 14

/* -- questions */

static void
ask(const char *sql, char *answer, size_t size)
{
	psm_rows *rows = NULL;
	const char *text;

	OK(psm_store_exec(st, sql, 0, NULL, &rows, err));
	text = psm_rows_text(rows, 0, 0);
	(void)snprintf(answer, size, "%s", text != NULL ? text : "");
	psm_rows_free(rows);
}

static int64_t
some(const char *sql)
{
	char text[32];

	ask(sql, text, sizeof(text));
	return strtoll(text, NULL, 10);
}

static int
pick_sql(char *sql, size_t size, const char *from)
{
	return snprintf(sql, size,
	                "SELECT id FROM %s ORDER BY md5(id || '%u') LIMIT 1",
	                from, below(1000000));
}

static int64_t
pick(const char *from)
{
	char sql[400];

	(void)pick_sql(sql, sizeof(sql), from);
	return some(sql);
}

/* What would be in the inquiry is what is in it then: the same searches in the
 * same order. */
static void
check_foretold(const char *foretold)
{
	psm_json *want, *got;
	const psm_json *ids, *data;
	int64_t a, b;
	char at[40];

	OK(psm_json_parse(foretold, strlen(foretold), &want, err));
	OK(psm_json_parse(out, strlen(out), &got, err));
	ids = psm_json_at(got, "/patient_ids");
	for (size_t i = 0; i < psm_json_count(ids); i++) {
		(void)snprintf(at, sizeof(at), "/data/%zu/patient_id", i);
		data = psm_json_at(want, at);
		ck_assert_msg(data != NULL, "%s, and then %s", foretold, out);
		OK(psm_json_get_int(data, &a, err));
		OK(psm_json_get_int(psm_json_item(ids, i), &b, err));
		ck_assert_msg(a == b, "%s, and then %s", foretold, out);
	}
	psm_json_free(want);
	psm_json_free(got);
}

__attribute__((unused)) static int
do_create(void)
{
	static const char *const options[] = {
	    NULL,
	    NULL,
	    NULL,
	    "{\"override_cooling\": \"x\"}",
	    "{\"override_cooling\": \"x\"}",
	    "{\"override_cooling\": \"x\", \"strategie\": \"priority\"}"};
	int64_t therapist = 1 + below(THERAPISTS);
	unsigned which = below(PSM__COUNT(options));
	char *foretold = NULL;
	int rc;

	if (chance(20) && which + 1 < PSM__COUNT(options) &&
	    psm_therapist_eligible(st, therapist, "10", &foretold, err) < 0)
		foretold = NULL;
	rc = create_with(therapist, "10", options[which]);
	if (rc == 1 && foretold != NULL)
		check_foretold(foretold);
	psm_free(foretold);
	return rc;
}

static int
do_send(void)
{
	return send_with(chance(80)
	                     ? pick(INQUIRY " WHERE gesendet_datum IS NULL")
	                     : pick(INQUIRY),
	                 chance(50) ? "{\"override_cooling\": \"x\"}" : NULL);
}

static int
do_answer(int correction)
{
	static const char *const words[] = {
	    "angenommen",          "abgelehnt_Kapazitaet",
	    "in_Sitzungen",        "abgelehnt_nicht_geeignet",
	    "abgelehnt_sonstiges", "nicht_erschienen"};
	int64_t id =
	    pick(correction ? INQUIRY " WHERE antwort_datum IS NOT NULL"
	                    : INQUIRY " WHERE gesendet_datum IS NOT NULL AND "
	                              "antwort_datum IS NULL");
	struct psm__buf json = {0};
	char sql[200], list[400];
	int rc, first = 1;

	(void)snprintf(sql, sizeof(sql),
	               "SELECT string_agg(patient_id::text, ' ' ORDER BY id) "
	               "FROM " MATCH " WHERE therapeutenanfrage_id = %lld",
	               (long long)id);
	ask(sql, list, sizeof(list));
	psm__buf_puts(&json, "{\"patient_responses\": {");
	for (char *p = strtok(list, " "); p != NULL; p = strtok(NULL, " ")) {
		if (chance(2))
			continue; /* one is missing */
		psm__buf_printf(&json, "%s\"%s\": \"%s\"", first ? "" : ", ", p,
		                words[below(6)]);
		first = 0;
	}
	psm__buf_printf(&json, "}, \"correction\": %s}",
	                correction || chance(2) ? "true" : "false");
	rc = answer(id, json.data);
	psm__buf_free(&json);
	return rc;
}

static int
do_search(void)
{
	char json[60];
	int64_t id;

	switch (below(4)) {
	case 0:
		id = pick(SEARCH " WHERE status = 'aktiv'");
		return chance(30) ? psm_search_cancel(st, id, "x", err)
		                  : psm_search_pause(st, id, NULL, err);
	case 1:
		return psm_search_resume(
		    st, pick(SEARCH " WHERE status = 'pausiert'"), NULL, err);
	default:
		(void)snprintf(json, sizeof(json), "{\"patient_id\": %u}",
		               1 + below(PATIENTS));
		psm_free(out);
		return psm_search_create(st, json, strlen(json), &out, err);
	}
}

static int
do_delete(void)
{
	int64_t many = some("SELECT count(*) FROM " INQUIRY);

	return many > 30 || chance(20)
	           ? psm_inquiry_delete(st, pick(INQUIRY), many > 30, err)
	           : psm_inquiry_cancel(st, pick(INQUIRY), "x", err);
}

/* Statements of a file of tests/data, a line of dashes between them. */
static void
run_file(const char *name)
{
	char path[4096];
	char *all = testing_read(testing_path(path, sizeof(path), name), NULL);
	char *next;

	for (char *at = all; at != NULL; at = next) {
		next = strstr(at, "\n----\n");
		if (next != NULL) {
			*next = '\0';
			next += 6;
		}
		OK(psm_store_exec(st, at, 0, NULL, NULL, err));
	}
	free(all);
}

#endif
