/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patients made, changed and deleted at random, by a printed seed: what the
 * events say of them is one story each, and a service that gets these events in
 * any order, and twice, knows in the end what the patient service knows.
 *
 * PSYMATCH_TEST_SEED=N sets the seed (1; "random" takes another one each time,
 * and prints it), PSYMATCH_TEST_STEPS=N the length (300).
 */
#include "testing_patient.h"

#include <stdlib.h>
#include <unistd.h>

#define PATIENTS 6

static unsigned seed;
static int steps;

static int
below(int n)
{
	return rand_r(&seed) % n;
}

static void
setup(void)
{
	const char *given = getenv("PSYMATCH_TEST_STEPS");

	patient_setup();
	OK(psm_store_migrate(st, "matching", err));
	seed = (unsigned)testing_seed();
	steps = given != NULL ? atoi(given) : 300;
	(void)fprintf(stderr, "PSYMATCH_TEST_SEED=%u\n", seed);
}

static const char *
truth(void)
{
	return below(2) ? "true" : "false";
}

static void
wish(char *json, size_t size)
{
	switch (below(6)) {
	case 0:
		(void)snprintf(json, size, "{\"zahlung_eingegangen\": %s}",
		               truth());
		break;
	case 1:
		(void)snprintf(json, size, "{\"vertraege_unterschrieben\": %s}",
		               truth());
		break;
	case 2:
		(void)snprintf(json, size, "{\"status\": \"%s\"}",
		               psm_patient_status_name(below(6)));
		break;
	case 3:
		(void)snprintf(json, size,
		               "{\"ausgeschlossene_therapeuten\": [%d, "
		               "{\"id\": %d}], \"plz\": \"1011%d\"}",
		               below(4) + 1, below(4) + 1, below(10));
		break;
	case 4: /* a fault: nothing of it is done */
		(void)snprintf(json, size,
		               "{\"ort\": \"Nirgends\", \"plz\": \"x\"}");
		break;
	default:
		(void)snprintf(json, size,
		               "{\"krankenkasse\": \"K%d\", "
		               "\"zeitliche_verfuegbarkeit\": {\"montag\": "
		               "[\"0%d:00-12:00\"]}, \"zahlung_eingegangen\": "
		               "%s, \"vertraege_unterschrieben\": %s}",
		               below(9), below(9), truth(), truth());
		break;
	}
}

static void
step(void)
{
	int id = below(PATIENTS) + 1, rc;
	char json[512], day[16];

	now_us += INT64_C(3600000000) * below(40);
	switch (below(12)) {
	case 0:
		(void)snprintf(json, sizeof(json),
		               PATIENT(", \"zahlung_eingegangen\": %s, "
		                       "\"vertraege_unterschrieben\": %s"),
		               truth(), truth());
		OK(create(json));
		return;
	case 1:
		(void)snprintf(day, sizeof(day), "2026-02-%02d", below(28) + 1);
		rc = psm_patient_contact(st, id, day, err);
		ck_assert(rc >= 0 || rc == PSM_ERR_NOT_FOUND);
		return;
	case 2:
		if (below(8) != 0)
			return;
		rc = psm_patient_delete(st, id, PSM_VERSION_ANY, err);
		ck_assert(rc == 0 || rc == PSM_ERR_NOT_FOUND);
		return;
	default:
		wish(json, sizeof(json));
		rc = put(id, json);
		ck_assert_msg(rc >= 0 || rc == PSM_ERR_NOT_FOUND ||
		                  rc == PSM_ERR_TRANSITION ||
		                  rc == PSM_ERR_SCHEMA,
		              "%s", psm_error_message(err));
		return;
	}
}

/* What no event, or no row, may say; each query counts such ones. */
static const char *const never[] = {
    /* a start without payment and contracts at that time or before */
    "SELECT count(*) FROM patient_service.patienten p WHERE startdatum IS NOT "
    "NULL AND NOT EXISTS (SELECT FROM story s WHERE s.id = p.id AND s.paid AND "
    "s.signed)",
    /* both, and no start */
    "SELECT count(*) FROM story WHERE paid AND signed AND startdatum IS NULL",
    /* another start than the first one, or none any more */
    "SELECT count(*) FROM (SELECT startdatum, lag(startdatum) OVER (PARTITION "
    "BY id ORDER BY n) AS last FROM story) x WHERE last IS NOT NULL AND last "
    "IS DISTINCT FROM startdatum",
    /* started, and still offen at that moment */
    "SELECT count(*) FROM (SELECT status, startdatum, lag(startdatum) OVER "
    "(PARTITION BY id ORDER BY n) AS last FROM story) x WHERE last IS NULL AND "
    "startdatum IS NOT NULL AND status = 'offen'",
    /* a step that does not begin where the last one ended */
    "SELECT count(*) FROM (SELECT type, old_status, new_status, status, "
    "lag(status) OVER w AS last, lag(type) OVER w AS before FROM story WHERE "
    "type <> 'patient.updated' WINDOW w AS (PARTITION BY id ORDER BY n)) x "
    "WHERE type = 'patient.status_changed' AND (old_status = new_status OR "
    "status <> new_status OR (before = 'patient.created' AND last <> "
    "new_status AND last <> old_status) OR (before <> 'patient.created' AND "
    "last <> old_status))",
    /* a status that changed untold */
    "SELECT count(*) FROM (SELECT version, status, lag(status) OVER w AS last "
    "FROM story WHERE type = 'patient.updated' WINDOW w AS (PARTITION BY id "
    "ORDER BY n)) x WHERE status <> last AND NOT EXISTS (SELECT FROM story s "
    "WHERE s.type = 'patient.status_changed' AND s.version = x.version)",
    /* a change without an update, or with two */
    "SELECT count(*) FROM (SELECT id, version FROM story GROUP BY id, version "
    "HAVING count(*) FILTER (WHERE type IN ('patient.created', "
    "'patient.updated')) <> 1) x",
    /* versions that are not told in their order */
    "SELECT count(*) FROM (SELECT version, lag(version) OVER (PARTITION BY id "
    "ORDER BY n) AS last FROM story) x WHERE version < last OR version > last "
    "+ 1",
    /* a contact that went backwards */
    "SELECT count(*) FROM (SELECT contact, lag(contact) OVER (PARTITION BY id "
    "ORDER BY n) AS last FROM story) x WHERE contact < last",
    /* something of a wish with a fault */
    "SELECT count(*) FROM patient_service.patienten WHERE ort = 'Nirgends'",
    /* what is stored is not what was told last */
    "SELECT count(*) FROM patient_service.patienten p JOIN LATERAL (SELECT * "
    "FROM story s WHERE s.id = p.id ORDER BY n DESC LIMIT 1) l ON true WHERE "
    "l.status <> p.status::text OR l.startdatum IS DISTINCT FROM "
    "p.startdatum::text OR l.contact IS DISTINCT FROM p.letzter_kontakt::text",
};

static void
check_story(void)
{
	pg_run("CREATE OR REPLACE VIEW story AS SELECT o.id AS n, o.type, "
	       "(o.p ->> 'patient_id')::bigint AS id, (o.p ->> "
	       "'entity_version')::bigint AS version, o.p ->> 'old_status' AS "
	       "old_status, o.p ->> 'new_status' AS new_status, o.p #>> "
	       "'{patient_data,status}' AS status, o.p #>> "
	       "'{patient_data,startdatum}' AS startdatum, o.p #>> "
	       "'{patient_data,letzter_kontakt}' AS contact, (o.p #>> "
	       "'{patient_data,zahlung_eingegangen}')::boolean AS paid, (o.p "
	       "#>> '{patient_data,vertraege_unterschrieben}')::boolean AS "
	       "signed FROM (SELECT id, type, payload::jsonb AS p FROM "
	       "psymatch.outbox) o WHERE o.p ? 'patient_data'");
	for (size_t i = 0; i < PSM__COUNT(never); i++)
		ck_assert_msg(pg_int("%s", never[i]) == 0, "%s", never[i]);
}

/* -- the copy of the matching service */

static void
deliver(int64_t row)
{
	char *type = pg_text("SELECT type FROM psymatch.outbox WHERE id = %lld",
	                     (long long)row);
	char *text = pg_text("SELECT payload FROM psymatch.outbox WHERE id = "
	                     "%lld",
	                     (long long)row);
	psm_event *ev = NULL;
	psm_tx *tx;

	OK(psm_event_new(type, "patient-service", text, strlen(text), &ev,
	                 err));
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_matching_handle(tx, ev, NULL, err));
	OK(psm_tx_commit(tx, err));
	psm_event_free(ev);
	free(type);
	free(text);
}

/* All of them twice, in any order. */
static void
deliver_all(void)
{
	int64_t first = pg_int("SELECT min(id) FROM psymatch.outbox");
	int64_t count = pg_int("SELECT count(*) FROM psymatch.outbox");
	int64_t *order = calloc((size_t)count * 2, sizeof(*order)), other;

	ck_assert_ptr_nonnull(order);
	ck_assert_int_eq(pg_int("SELECT max(id) FROM psymatch.outbox"),
	                 first + count - 1);
	for (int64_t i = 0; i < 2 * count; i++) {
		order[i] = first + i % count;
		other = below((int)i + 1);
		order[i] = order[other];
		order[other] = first + i % count;
	}
	for (int64_t i = 0; i < 2 * count; i++)
		deliver(order[i]);
	free(order);
}

START_TEST(invariant_7_one_story_and_the_same_copy)
{
	const signed char *column = psm__copy_columns(&psm__entity_patient);
	const char *name;

	pg_hasty();
	for (int i = 0; i < steps; i++)
		step();
	check_story();
	ck_assert_int_gt(pg_int("SELECT count(*) FROM story WHERE type = "
	                        "'patient.status_changed'"),
	                 5);
	deliver_all();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.patienten_kopie "
	           "WHERE NOT geloescht"),
	    pg_int("SELECT count(*) FROM patient_service.patienten"));
	for (; *column >= 0; column++) {
		name = psm__entity_patient.fields[*column].name;
		ck_assert_msg(
		    pg_int("SELECT count(*) FROM patient_service.patienten p "
		           "JOIN matching_service.patienten_kopie k ON k.id = "
		           "p.id WHERE p.%s::text IS DISTINCT FROM k.%s::text",
		           name, name) == 0,
		    "%s", name);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient_random");
	TCase *t = tcase_create("random");

	tcase_add_checked_fixture(t, setup, patient_teardown);
	tcase_add_loop_test(t, invariant_7_one_story_and_the_same_copy, 0, 2);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	pg_template(patient_sets);
	return testing_run(srunner_create(suite()));
}
