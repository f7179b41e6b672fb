/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the spool is when no setting says so, and what the end of a producer
 * does with what was not sent. */
#include "testing_producer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <psymatch/log.h>

#include "client/producer/producer_int.h"
#include "spool/spool.h"

/* -- what the log heard -- */

static struct {
	int warnings;
	char warning[512], count[32];
} logged;

static void
hear_log(int level, const char *line, const char *const *fields, void *user)
{
	(void)user;
	if (level != PSM_LOG_WARN)
		return;
	logged.warnings++;
	snprintf(logged.warning, sizeof(logged.warning), "%s", line);
	for (; *fields; fields += 2)
		if (strcmp(fields[0], "count") == 0)
			snprintf(logged.count, sizeof(logged.count), "%s",
			         fields[1]);
}

/* -- the place -- */

static char below[600];

static const char *
in_dir(const char *name)
{
	snprintf(below, sizeof(below), "%s%s", dir, name);
	return below;
}

/* Values of the environment; "/x" is below the test's directory, NULL unset. */
static const struct place {
	const char *state, *xdg, *home, *want;
} places[] = {
    {"/a", "/b", "/c", "/a/spool"},
    {"/a:/other", "/b", "/c", "/a/spool"},
    {NULL, "/b", "/c", "/b/psymatch/spool"},
    {"", "/b", "/c", "/b/psymatch/spool"},
    {NULL, NULL, "/c", "/c/.local/state/psymatch/spool"},
    {NULL, "relative", "/c", "/c/.local/state/psymatch/spool"},
};

static void
set_place(const char *name, const char *value)
{
	char text[1200] = "";
	const char *rest = value;

	must(unsetenv(name) == 0);
	if (!value)
		return;
	while (*rest == '/') {
		size_t len = strcspn(rest, ":"), at = strlen(text);

		snprintf(text + at, sizeof(text) - at, "%s%s%.*s",
		         at ? ":" : "", dir, (int)len, rest);
		rest += len + (rest[len] == ':');
	}
	must(setenv(name, text[0] ? text : value, 1) == 0);
}

static void
use_place(const struct place *at)
{
	set_place("STATE_DIRECTORY", at->state);
	set_place("XDG_STATE_HOME", at->xdg);
	set_place("HOME", at->home);
}

START_TEST(survives_without_a_setting)
{
	psm_producer *p;

	use_place(&places[_i]);
	psm__producer_free_ms = 0;
	fake.down = 1;
	p = start_with("", "os", "1000");
	send_range(p, 0, 10, 3);
	psm_producer_free(p);
	ck_assert_int_eq(access(in_dir(places[_i].want), R_OK), 0);
	fake_set_down(&fake, 0);
	p = start_with("", "os", "1000");
	flush(p);
	arrived(10, 3);
	ck_assert_int_eq(stat_of(p, "left_memory"), 0);
	end(p, 0);
}
END_TEST

/* A place that cannot be used, and none at all: it says which setting helps,
 * and how. */
START_TEST(no_place_is_an_error)
{
	static const struct place file = {NULL, "/file/x", NULL, NULL},
				  none = {NULL, NULL, NULL, NULL};
	psm_error *err = psm_error_new();
	psm_producer *p;

	close(open(in_dir("/file"), O_CREAT | O_WRONLY, 0600));
	use_place(_i ? &file : &none);
	p = make_with(&fake.base, "", "os", "100");
	ck_assert_int_eq(psm_producer_start(p, err),
	                 _i ? PSM_ERR_IO : PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "PSYMATCH_SPOOL_DIR"));
	ck_assert_ptr_nonnull(strstr(psm_error_message(err),
	                             "or to \"none\" to keep events in "
	                             "memory only"));
	if (_i)
		ck_assert_ptr_nonnull(strstr(psm_error_message(err),
		                             in_dir("/file/x/psymatch/spool")));
	ck_assert_int_eq(stat_of(p, "spooled"), 0);
	psm_producer_free(p);
	psm_error_free(err);
}
END_TEST

START_TEST(none_touches_no_file)
{
	psm_producer *p;

	use_place(&places[_i]);
	p = start_with("none", "disk", "1000");
	send_range(p, 0, 10, 3);
	flush(p);
	ck_assert_int_eq(stat_of(p, "spooled"), 0);
	end(p, 0);
	ck_assert_int_ne(access(in_dir("/a"), F_OK), 0);
	ck_assert_int_ne(access(in_dir("/b"), F_OK), 0);
	ck_assert_int_ne(access(in_dir("/c"), F_OK), 0);
	ck_assert_int_ne(access("none", F_OK), 0);
}
END_TEST

/* -- the end without a close -- */

START_TEST(free_sends_what_it_can)
{
	psm_producer *p = start(_i);

	send_range(p, 0, 500, 3);
	psm_producer_free(p);
	arrived(500, 3);
	heard_once(500);
	ck_assert_int_eq(logged.warnings, 0);
}
END_TEST

/* Only what nothing keeps is given up, and said: once, with its number. */
START_TEST(what_is_given_up_is_said)
{
	psm_producer *p;

	psm__producer_free_ms = 10;
	fake.down = 1;
	p = start(_i % 2);
	send_range(p, 0, 7, 3);
	if (_i / 2) {
		ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL),
		                 _i % 2 ? PSM_ERR_TIMEOUT : 0);
		ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL),
		                 _i % 2 ? PSM_ERR_TIMEOUT : 0);
	}
	psm_producer_free(p);
	heard_once(7);
	ck_assert_int_eq(logged.warnings, _i % 2);
	if (_i % 2) {
		ck_assert_ptr_nonnull(strstr(logged.warning, "given up"));
		ck_assert_str_eq(logged.count, "7");
	}
}
END_TEST

/* The relay's rows are still there: nothing is given up. */
START_TEST(who_has_a_copy_is_not_warned)
{
	psm_producer *p;

	psm__producer_free_ms = 10;
	fake.down = 1;
	p = make_with(&fake.base, "none", "os", "100");
	psm__producer_backed(p);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	send_range(p, 0, 7, 3);
	psm_producer_free(p);
	ck_assert_int_eq(logged.warnings, 0);
}
END_TEST

/* -- the last sync -- */

static int looks, syncs; /* __atomic */
static int sync_rc;

static int
count_syncs(int fd)
{
	(void)fd;
	__atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
	if (sync_rc < 0)
		errno = EIO;
	return sync_rc;
}

static int
count_looks(int fd)
{
	(void)fd;
	__atomic_add_fetch(&looks, 1, __ATOMIC_RELAXED);
	return 0;
}

/* At three files at once; then the first interval has begun. */
static void
looked_twice(void)
{
	int64_t until = psm__mono_ms() + 30000;

	while (__atomic_load_n(&looks, __ATOMIC_RELAXED) < 4 &&
	       psm__mono_ms() < until)
		fake_pass_ms(&fake, 10);
	ck_assert_int_ge(__atomic_load_n(&looks, __ATOMIC_RELAXED), 4);
}

/* With durability interval the last interval ends with the close. */
START_TEST(close_syncs_what_stays)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_producer *p = NULL;

	sync_rc = _i ? -1 : 0;
	fake.down = 1;
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", dir, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", "interval",
	                    NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_INTERVAL_MS", "60000", NULL) ==
	     0);
	must(psm_producer_new(&fake.base, cfg, &p, NULL) == 0);
	psm__file_ops.datasync = count_syncs;
	psm__file_ops.state = count_looks;
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	looked_twice();
	send_range(p, 0, 5, 1);
	ck_assert_int_eq(__atomic_load_n(&syncs, __ATOMIC_RELAXED), 0);
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, err),
	                 _i ? PSM_ERR_IO : 0);
	ck_assert_int_gt(syncs, 0);
	if (_i)
		ck_assert_str_eq(psm_error_message(err),
		                 "5 events stay in the spool, whose last sync "
		                 "to the disk failed");
	psm_producer_free(p);
	psm_config_free(cfg);
	psm_error_free(err);
}
END_TEST

static void
set_up_log(void)
{
	set_up();
	psm_set_log(hear_log, PSM_LOG_WARN, NULL);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("producer: its place and its end");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_log, tear_down);
	tcase_add_loop_test(tc, survives_without_a_setting, 0,
	                    (int)PSM__COUNT(places));
	tcase_add_loop_test(tc, no_place_is_an_error, 0, 2);
	tcase_add_loop_test(tc, none_touches_no_file, 0,
	                    (int)PSM__COUNT(places));
	tcase_add_loop_test(tc, free_sends_what_it_can, 0, 2);
	tcase_add_loop_test(tc, what_is_given_up_is_said, 0, 4);
	tcase_add_test(tc, who_has_a_copy_is_not_warned);
	tcase_add_loop_test(tc, close_syncs_what_stays, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
