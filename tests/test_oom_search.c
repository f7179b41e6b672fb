/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use cases of searches without memory, at each allocation in turn: they
 * say so, change nothing, and work when they are repeated.
 */
#include "app/search.h"
#include "testing_oom.h"
#include "testing_search.h"

static void
none(void)
{
	pg_run("DELETE FROM psymatch.outbox; "
	       "DELETE FROM psymatch.entity_version; "
	       "DELETE FROM matching_service.therapeut_anfrage_patient; "
	       "DELETE FROM matching_service.therapeutenanfrage; "
	       "DELETE FROM matching_service.platzsuche");
}

/* In an inquiry that was not sent yet. */
static void
active(void)
{
	none();
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id, "
	       "created_at, notizen) VALUES (1, 1, '2026-01-01', 'x'); "
	       "INSERT INTO matching_service.therapeutenanfrage (id, "
	       "therapist_id, anfragegroesse) VALUES (1, 10, 1); "
	       "INSERT INTO matching_service.therapeut_anfrage_patient (id, "
	       "therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) VALUES (1, 1, 1, 1, 1)");
}

static void
paused(void)
{
	none();
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id, "
	       "created_at, status) VALUES (1, 1, '2026-01-01', 'pausiert')");
}

/* -- calls */

static int
create(char **out)
{
	static const char json[] = "{\"patient_id\": 1, \"notizen\": \"Z\", "
				   "\"dringlichkeit\": 2}";

	return psm_search_create(st, json, strlen(json), out, err);
}

static int
pause_it(char **out)
{
	(void)out;
	return psm_search_pause(st, 1, "holiday", err);
}

static int
resume(char **out)
{
	(void)out;
	return psm_search_resume(st, 1, NULL, err);
}

static int
cancel(char **out)
{
	(void)out;
	return psm_search_cancel(st, 1, "found another", err);
}

static int
patch(char **out)
{
	static const char json[] = "{\"dringlichkeit\": 3, \"notizen\": \"y\"}";

	return psm_search_patch(st, 1, PSM_VERSION_ANY, json, strlen(json), out,
	                        err);
}

static int
exclude(char **out)
{
	(void)out;
	return psm_search_exclude(st, 1, 8, "no", err);
}

static int
get(char **out)
{
	return psm_search_get(st, 1, out, NULL, err);
}

static int
list(char **out)
{
	return psm_search_list(st, "{\"status\": \"aktiv\"}", out, err);
}

static int
incomplete(char **out)
{
	return psm_search_incomplete(st, out, err);
}

static int
why_not(char **out)
{
	return psm_search_why_not(st, 1, 7, out, err);
}

static int
eligible(char **out)
{
	return psm_therapist_eligible(st, 7, NULL, out, err);
}

static int
selection(char **out)
{
	return psm_therapist_selection(st, "10", out, err);
}

static int
delete_it(char **out)
{
	(void)out;
	return psm_search_delete(st, 1, PSM_VERSION_ANY, err);
}

#define ONE(condition)                                                         \
	"SELECT count(*) FROM matching_service.platzsuche WHERE " condition
#define TOLD                                                                   \
	" AND 1 = (SELECT count(*) FROM psymatch.outbox WHERE type = "         \
	"'search.status_changed')"
#define LEFT                                                                   \
	" AND NOT EXISTS (SELECT FROM "                                        \
	"matching_service.therapeut_anfrage_patient)"

static const struct oom_case cases[] = {
    {"create", create, none, ONE("dringlichkeit = 2" TOLD), 0},
    {"pause", pause_it, active, ONE("status = 'pausiert'" TOLD), 0},
    {"resume", resume, paused, ONE("status = 'aktiv'" TOLD), 0},
    {"cancel", cancel, active, ONE("status = 'abgebrochen'" TOLD LEFT), 0},
    {"patch", patch, active, ONE("dringlichkeit = 3"), 0},
    {"exclude", exclude, active,
     ONE("ausgeschlossene_therapeuten::text LIKE '%8%'"), 0},
    {"delete", delete_it, paused,
     "SELECT 1 - count(*) FROM matching_service.platzsuche", 0},
};

#define UNCHANGED ONE("status = 'aktiv' AND notizen = 'x'")
static const struct oom_case readers[] = {
    {"get", get, active, UNCHANGED, OOM_SAME},
    {"list", list, active, UNCHANGED, OOM_SAME},
    {"incomplete", incomplete, active, UNCHANGED, OOM_SAME},
    {"why not", why_not, active, UNCHANGED, OOM_SAME},
    {"eligible", eligible, active, UNCHANGED, OOM_SAME},
    {"selection", selection, active, UNCHANGED, OOM_SAME},
};

static void
setup_searches(void)
{
	testing_memory_begin();
	setup();
	patient_is(1, COMPLETE);
	/* It looks for nobody, and lacks much. */
	patient_is(2, "\"vorname\": \"Anna\"");
	/* The address is that of the other one. */
	therapist_is(7, "Sieben", ", \"email\": \"praxis@acht-x.de\"");
	therapist_is(8, "Acht",
	             ", \"email\": \"praxis@acht-x.de\", \"status\": "
	             "\"gesperrt\"");
	therapist_is(9, "Neun", ", \"email\": \"praxisneun@x.de\"");
	/* What prepares the rows gives numbers of its own. */
	pg_run("SELECT setval('matching_service.platzsuche_id_seq', 9), "
	       "setval('matching_service.therapeutenanfrage_id_seq', 9), "
	       "setval('matching_service.therapeut_anfrage_patient_id_seq', "
	       "9)");
	oom_setup();
}

START_TEST(searches_without_memory)
{
	oom_all(cases, PSM__COUNT(cases));
}
END_TEST

START_TEST(questions_without_memory)
{
	oom_all(readers, PSM__COUNT(readers));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom_search");
	TCase *t = tcase_create("oom");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, setup_searches, app_teardown);
	tcase_add_test(t, searches_without_memory);
	tcase_add_test(t, questions_without_memory);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
