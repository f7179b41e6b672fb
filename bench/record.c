/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A patient's record, as it comes by REST or in a file: read into a tree, and
 * with every check of it, beside a bare pass of yajl. Instructions per record:
 * valgrind --tool=callgrind bench/record --count 1000 --only 3, with --rounds 1
 * and with --rounds 3; the difference is that of 2000 records.
 *
 * No public call checks a record without a database: this one looks inside.
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#include "entity/entity.h"

static const char record[] =
    "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", \"vorname\": "
    "\"Berta\", \"nachname\": \"Musterbaum-Gr\xc3\xbcn\", \"strasse\": "
    "\"Musterweg 12\", \"plz\": \"52062\", \"ort\": \"Musterau\", \"email\": "
    "\"berta@example.org\", \"telefon\": \"0241 1234567\", \"hausarzt\": "
    "\"Dr. Muster, Am Markt 1\", \"krankenkasse\": \"Musterkasse\", "
    "\"krankenversicherungsnummer\": \"A123456789\", \"geburtsdatum\": "
    "\"1990-05-06\", \"symptome\": [\"Schlafst\xc3\xb6rungen\", \"Mobbing\"], "
    "\"erfahrung_mit_psychotherapie\": true, "
    "\"letzte_sitzung_vorherige_psychotherapie\": \"2021-03-04\", "
    "\"vertraege_unterschrieben\": true, \"zahlungsreferenz\": \"a1b2c3d4\", "
    "\"zahlung_eingegangen\": false, \"zeitliche_verfuegbarkeit\": {"
    "\"montag\": [\"09:00-12:00\", \"14:00-18:00\"], \"mittwoch\": "
    "[\"08:00-10:00\"], \"freitag\": [\"16:00-20:00\"]}, "
    "\"raeumliche_verfuegbarkeit\": {\"max_km\": 20}, \"verkehrsmittel\": "
    "\"Bahn\", \"offen_fuer_gruppentherapie\": false, \"offen_fuer_diga\": "
    "true, \"ausgeschlossene_therapeuten\": [7, {\"id\": 8, \"reason\": "
    "\"zu weit\"}], \"bevorzugtes_therapeutengeschlecht\": \"Weiblich\", "
    "\"bevorzugtes_therapieverfahren\": \"Verhaltenstherapie\"}";

static int
run_yajl(const struct bench_options *o, void *work)
{
	static const yajl_callbacks none;
	int ok = 1;

	(void)work;
	bench_begin();
	for (size_t i = 0; i < o->count && ok; i++) {
		yajl_handle h = yajl_alloc(&none, NULL, NULL);

		ok = yajl_parse(h, (const unsigned char *)record,
		                strlen(record)) == yajl_status_ok &&
		     yajl_complete_parse(h) == yajl_status_ok;
		yajl_free(h);
	}
	return ok ? 0 : -1;
}

static int
run_tree(const struct bench_options *o, void *work)
{
	psm_json *doc = NULL;
	int rc = 0;

	(void)work;
	bench_begin();
	for (size_t i = 0; i < o->count && rc == 0; i++) {
		rc = psm_json_parse(record, strlen(record), &doc, NULL);
		psm_json_free(doc);
	}
	return rc;
}

static int
check_one(const struct psm__now *now, psm_error *err)
{
	struct psm__row row = {0};
	psm_json *doc = NULL;
	int rc = psm_json_parse(record, strlen(record), &doc, err);

	if (rc == 0)
		rc = psm__row_init(&row, &psm__entity_patient, err);
	if (rc == 0)
		rc = psm__row_accept(&row, doc, PSM__READ_NEW,
		                     PSM__W_REST_CREATE, now, "", err);
	psm__row_free(&row);
	psm_json_free(doc);
	return rc < 0 ? rc : 0;
}

static int
run_check(const struct bench_options *o, void *work)
{
	static const struct psm__now now = {"2026-03-02", "11:00:00",
	                                    "2026-03-02 10:00:00.000000"};
	psm_error *err = work;
	int rc = 0;

	bench_begin();
	for (size_t i = 0; i < o->count && rc == 0; i++)
		rc = check_one(&now, err);
	if (rc < 0)
		(void)fprintf(stderr, "%s\n", psm_error_message(err));
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench_side sides[] = {
	    {.name = "yajl: one pass, no values", .run = run_yajl},
	    {.name = "psymatch: a tree + free", .run = run_tree},
	    {.name = "psymatch: a tree + every check", .run = run_check},
	};
	struct bench_options o = {.count = 100000};
	psm_error *err = psm_error_new();
	int rc;

	bench_options(argc, argv, &o);
	o.bootstrap = "no broker";
	rc = bench_compare(&o, sides, 3, err);
	psm_error_free(err);
	return rc;
}
