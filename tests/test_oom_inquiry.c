/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use cases of inquiries without memory, at many of their allocations: they
 * say so, nothing of them is left in the database or in memory, and they work
 * when they are repeated.
 */
#include "app/app.h"
#include "testing_inquiry.h"

#define BERTA 5

static void
setup(void)
{
	testing_memory_begin();
	inquiry_setup();
	pg_hasty();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	for (int id = 7; id < 10; id++)
		add_patient(id, "10117", id);
}

static int64_t
last(void)
{
	return pg_int("SELECT coalesce(max(id), 0) FROM " INQUIRY);
}

static int
compose(void)
{
	return create(BERTA);
}

static int
dispatch(void)
{
	return send_it(last());
}

static int
record(void)
{
	int rc =
	    answer(last(), "{\"patient_responses\": {\"7\": \"angenommen\", "
	                   "\"8\": \"abgelehnt_nicht_geeignet\", \"9\": "
	                   "\"in_Sitzungen\"}, \"notizen\": \"x\"}");

	return rc == 0 ? 1 : rc;
}

static int
correct(void)
{
	int rc = answer(last(),
	                "{\"patient_responses\": {\"7\": "
	                "\"nicht_erschienen\", \"8\": \"angenommen\", \"9\": "
	                "\"angenommen\"}, \"correction\": true}");

	return rc == 0 ? 1 : rc;
}

static int
mail(void)
{
	static const char payload[] =
	    "{\"email_id\": 1, \"therapist_id\": 5, \"response_data\": "
	    "{\"text\": \"Leider keine Kapazit\xc3\xa4t bis Mai.\"}}";
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	int rc = psm_event_new("email.response_received", "test", payload,
	                       strlen(payload), &ev, err);

	/* As for whoever calls a handler. */
	if (rc == 0 && psm_event_payload(ev) == NULL)
		rc = PSM_ERR_NOMEM;
	if (rc == 0)
		rc = psm_tx_begin(st, &tx, err);
	if (rc == 0)
		rc = psm_matching_handle(tx, ev, NULL, err);
	if (rc == 0)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	return rc == 0 ? 1 : rc;
}

static int
confirm(void)
{
	int rc;

	rc = psm_inquiry_proposal_confirm(
	    st, pg_int("SELECT max(id) FROM matching_service.antwortvorschlag"),
	    NULL, 0, fresh(), err);
	return rc == 0 ? 1 : rc;
}

static int
remove_it(void)
{
	int rc = psm_inquiry_delete(st, last(), 1, err);

	return rc == 0 ? 1 : rc;
}

static char *
digest(void)
{
	return pg_text(
	    "SELECT md5(string_agg(x, '|' ORDER BY x)) FROM (SELECT "
	    "t::text AS x FROM " INQUIRY
	    " t UNION ALL SELECT t::text FROM " MATCH
	    " t UNION ALL SELECT t::text FROM " SEARCH
	    " t UNION ALL SELECT t::text FROM "
	    "communication_service.emails t UNION ALL SELECT t::text "
	    "FROM matching_service.antwortvorschlag t UNION ALL "
	    "SELECT t::text FROM psymatch.outbox t) y");
}

/* Until it needs no more than it gets. Their count. */
static int
starve(int (*fn)(void), const char *name)
{
	char *before = digest();
	int refused = 0, rc = 0;

	for (long n = 1; rc <= 0; n += 1 + n / 25) {
		testing_memory_refuse(n);
		rc = fn();
		testing_memory_refuse(0);
		if (rc > 0)
			break;
		/* A connection that could not be used is a new one. */
		ck_assert_msg(rc == PSM_ERR_NOMEM || rc == PSM_ERR_DB,
		              "%s, allocation %ld: %s", name, n,
		              psm_error_message(err));
		ck_assert_ptr_null(out);
		SAYS(
		    before,
		    "SELECT md5(string_agg(x, '|' ORDER BY x)) FROM (SELECT "
		    "t::text AS x FROM " INQUIRY
		    " t UNION ALL SELECT t::text FROM " MATCH
		    " t UNION ALL SELECT t::text FROM " SEARCH
		    " t UNION ALL SELECT t::text FROM "
		    "communication_service.emails t UNION ALL SELECT t::text "
		    "FROM matching_service.antwortvorschlag t UNION ALL SELECT "
		    "t::text FROM psymatch.outbox t) y");
		refused++;
	}
	free(before);
	ck_assert_msg(refused > 20, "%s: %d", name, refused);
	(void)fresh();
	check_invariants();
	return refused;
}

START_TEST(an_answer)
{
	(void)starve(compose, "create");
	(void)starve(dispatch, "send");
	(void)starve(record, "answer");
	(void)starve(correct, "correction");
	(void)starve(remove_it, "delete");
}
END_TEST

START_TEST(a_mail)
{
	ck_assert_int_eq(compose(), 1);
	ck_assert_int_eq(dispatch(), 1);
	(void)fresh();
	(void)starve(mail, "mail");
	(void)starve(confirm, "confirm");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom_inquiry");
	TCase *t = tcase_create("oom");

	tcase_set_timeout(t, 600);
	tcase_add_checked_fixture(t, setup, inquiry_teardown);
	tcase_add_test(t, an_answer);
	tcase_add_test(t, a_mail);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
