/* SPDX-License-Identifier: BSD-2-Clause */
/* What the log says at INFO of inquiries, searches and calls: what was
 * committed, and no more. */
#include "app/app.h"
#include "base/log_trace.h"
#include "store/store.h"
#include "testing_inquiry.h"

#define BERTA 5

static char told[8192], trace[64];

/* "inquiry 1: unsent > sent; " for each line of a story. */
static void
listen(int level, const char *message, const char *const *fields, void *user)
{
	static const char start[] = "state of a";
	size_t len = strlen(told);

	(void)user;
	if (level != PSM_LOG_INFO ||
	    strncmp(message, start, sizeof start - 1) != 0)
		return;
	ck_assert(fields[0] && fields[2] && fields[4]);
	(void)snprintf(trace, sizeof trace, "%s", fields[6] ? fields[7] : "");
	ck_assert(!fields[6] ||
	          (strcmp(fields[6], "trace_id") == 0 && !fields[8]));
	(void)snprintf(told + len, sizeof told - len, "%s %s: %s > %s; ",
	               strrchr(message, ' ') + 1, fields[1], fields[3],
	               fields[5]);
}

static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	add_patient(7, "10117", 2);
	add_patient(8, "10435", 1);
	told[0] = '\0';
	psm_set_log(listen, PSM_LOG_INFO, NULL);
}

static void
teardown(void)
{
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	inquiry_teardown();
}

/* What was told since the last time. */
static void
tells(const char *want)
{
	ck_assert_msg(strcmp(told, want) == 0, "want %s, got %s", want, told);
	told[0] = '\0';
}

START_TEST(the_life_of_an_inquiry)
{
	ck_assert_int_eq(create(BERTA), 1);
	tells("inquiry 1:  > unsent; ");
	ck_assert_int_ge(send_it(1), 0);
	tells("inquiry 1: unsent > sent; ");
	OK(answer(1, "{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
	             "\"nicht_erschienen\"}}"));
	ck_assert_ptr_nonnull(strstr(told, "inquiry 1: sent > answered; "));
	ck_assert_ptr_nonnull(strstr(told, "search 7: aktiv > erfolgreich; "));
	ck_assert_ptr_null(strstr(told, "search 8"));
	told[0] = '\0';
	OK(answer(1, "{\"correction\": true, \"patient_responses\": {\"7\": "
	             "\"nicht_erschienen\", \"8\": \"nicht_erschienen\"}}"));
	ck_assert_ptr_nonnull(strstr(told, "inquiry 1: answered > answered; "));
	ck_assert_ptr_nonnull(strstr(told, "search 7: erfolgreich > aktiv; "));
	told[0] = '\0';
	OK(psm_inquiry_delete(st, 1, 1, err));
	tells("inquiry 1: answered > deleted; ");
}
END_TEST

START_TEST(one_that_is_cancelled)
{
	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_inquiry_cancel(st, 1, "Urlaub", err));
	tells("inquiry 1:  > unsent; inquiry 1: unsent > cancelled; ");
	/* What is refused is no news. */
	ck_assert_int_eq(psm_inquiry_cancel(st, 1, "Urlaub", err),
	                 PSM_ERR_TRANSITION);
	tells("");
}
END_TEST

START_TEST(only_what_was_committed)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_include(tx, 1, err));
	ck_assert_int_eq(create(BERTA), 1);
	tells("");
	OK(psm_tx_include(tx, 0, err));
	psm_tx_rollback(tx);
	tells("");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_include(tx, 1, err));
	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_tx_include(tx, 0, err));
	tells("");
	OK(psm_tx_commit(tx, err));
	ck_assert_ptr_nonnull(strstr(told, ":  > unsent; "));
}
END_TEST

static int
note(psm_tx *tx, const char *id)
{
	return psm__tx_note(tx, "state of a test", "id", id, "from", "a", "to",
	                    "b", NULL);
}

START_TEST(not_what_a_savepoint_takes_back)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	OK(note(tx, "1"));
	OK(psm__tx_savepoint(tx, "s", err));
	OK(note(tx, "2"));
	OK(note(tx, "3"));
	OK(psm__tx_rollback_to(tx, "s", err));
	OK(note(tx, "4"));
	OK(psm_tx_commit(tx, err));
	tells("test 1: a > b; test 4: a > b; ");
	/* A replay tells nothing. */
	OK(psm_tx_begin(st, &tx, err));
	psm__tx_silence(tx);
	OK(note(tx, "5"));
	OK(psm_tx_commit(tx, err));
	tells("");
}
END_TEST

#define TRACE "0af7651916cd43dd8448eb211c80319c"

/* The commit is that of a whole batch: each line has its own event's trace. */
START_TEST(a_line_has_the_trace_of_its_event)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	psm__log_trace("00-" TRACE "-b7ad6b7169203331-01");
	OK(note(tx, "1"));
	psm__log_trace(NULL);
	OK(psm_tx_commit(tx, err));
	tells("test 1: a > b; ");
	ck_assert_str_eq(trace, TRACE);
	OK(psm_tx_begin(st, &tx, err));
	OK(note(tx, "2"));
	OK(psm_tx_commit(tx, err));
	ck_assert_str_eq(trace, "");
	/* Within a handler there is one all the same. */
	psm__log_trace("00-" TRACE "-b7ad6b7169203331-01");
	OK(psm_tx_begin(st, &tx, err));
	OK(note(tx, "3"));
	OK(psm_tx_commit(tx, err));
	psm__log_trace(NULL);
	ck_assert_str_eq(trace, TRACE);
}
END_TEST

START_TEST(nothing_is_kept_for_nobody)
{
	psm_tx *tx = NULL;

	psm_set_log(listen, PSM_LOG_WARN, NULL);
	OK(psm_tx_begin(st, &tx, err));
	OK(note(tx, "1"));
	psm_set_log(listen, PSM_LOG_INFO, NULL);
	OK(psm_tx_commit(tx, err));
	tells("");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("story");
	TCase *tc = tcase_create("story");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_life_of_an_inquiry);
	tcase_add_test(tc, one_that_is_cancelled);
	tcase_add_test(tc, only_what_was_committed);
	tcase_add_test(tc, not_what_a_savepoint_takes_back);
	tcase_add_test(tc, a_line_has_the_trace_of_its_event);
	tcase_add_test(tc, nothing_is_kept_for_nobody);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
