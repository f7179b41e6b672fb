/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include "base/base.h"

static char lines[4096], nothing[] = "", arrow[] = "> ", second[] = "second ";

static void
collect(int level, const char *message, const char *const *fields, void *user)
{
	size_t used = strlen(lines);

	used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s%s %s",
	                         (const char *)user, psm_log_level_name(level),
	                         message);
	for (; *fields; fields += 2)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used,
		                         " %s=%s", fields[0], fields[1]);
	(void)snprintf(lines + used, sizeof(lines) - used, "\n");
}

START_TEST(silent_unless_asked)
{
	ck_assert_int_eq(psm_log_wanted(PSM_LOG_ERROR), 0);
	psm__log(PSM_LOG_ERROR, "nobody", NULL);
	psm_set_log(collect, PSM_LOG_DEBUG, nothing);
	ck_assert_int_eq(psm_log_wanted(PSM_LOG_DEBUG), 1);
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
	ck_assert_int_eq(psm_log_wanted(PSM_LOG_ERROR), 0);
	psm__log(PSM_LOG_ERROR, "nobody", NULL);
	ck_assert_str_eq(lines, "");
}
END_TEST

START_TEST(levels)
{
	psm_set_log(collect, _i, nothing);
	for (int level = PSM_LOG_DEBUG; level <= PSM_LOG_ERROR; level++) {
		lines[0] = '\0';
		psm__log(level, "m", NULL);
		ck_assert_int_eq(lines[0] != '\0', level >= _i);
		ck_assert_int_eq(psm_log_wanted(level), level >= _i);
		lines[0] = '\0';
		psm_log(level, "m", NULL);
		ck_assert_int_eq(lines[0] != '\0', level >= _i);
	}
	lines[0] = '\0';
	psm_log(PSM_LOG_ERROR + 1, "m", NULL);
	psm_log(PSM_LOG_DEBUG - 1, "m", NULL);
	psm_log(PSM_LOG_ERROR, NULL, NULL);
	ck_assert_str_eq(lines, "");
}
END_TEST

START_TEST(fields)
{
	static const char *const mine[] = {"k", "v", NULL};

	psm_set_log(collect, PSM_LOG_INFO, arrow);
	psm__log(PSM_LOG_WARN, "spool full", "topic", "t", "reason",
	         (const char *)NULL, "n", "1", NULL);
	psm_log(PSM_LOG_ERROR, "from outside", mine);
	psm__log(PSM_LOG_INFO, "many", "1", "", "2", "", "3", "", "4", "", "5",
	         "", "6", "", "7", "", "8", "", "9", "", "10", "", "11", "",
	         "12", "", "13", "", "14", "", "15", "", "16", "", "17", "",
	         NULL);
	ck_assert_str_eq(lines,
	                 "> WARNING spool full topic=t reason= n=1\n"
	                 "> ERROR from outside k=v\n"
	                 "> INFO many 1= 2= 3= 4= 5= 6= 7= 8= 9= 10= 11= 12= "
	                 "13= 14= 15= 16=\n");
}
END_TEST

static void
replace_itself(int level, const char *message, const char *const *more,
               void *user)
{
	psm_set_log(collect, level, second);
	psm_log(level, message, more);
	(void)user;
}

/* No lock of ours is held while the callback runs. */
START_TEST(the_callback_may_log_and_replace)
{
	psm_set_log(replace_itself, PSM_LOG_INFO, NULL);
	psm__log(PSM_LOG_INFO, "m", NULL);
	ck_assert_str_eq(lines, "second INFO m\n");
}
END_TEST

static const struct {
	const char *name;
	int level;
} names[] = {
    {"DEBUG", PSM_LOG_DEBUG},  {"info", PSM_LOG_INFO},
    {"WARNING", PSM_LOG_WARN}, {"warn", PSM_LOG_WARN},
    {"Error", PSM_LOG_ERROR},  {"CRITICAL", PSM_LOG_ERROR},
    {"", PSM_ERR_INVAL},       {"INFOS", PSM_ERR_INVAL},
    {NULL, PSM_ERR_INVAL},
};

START_TEST(level_names)
{
	ck_assert_int_eq(psm_log_level_from_name(names[_i].name),
	                 names[_i].level);
	if (names[_i].level >= 0)
		ck_assert_int_eq(psm_log_level_from_name(
				     psm_log_level_name(names[_i].level)),
		                 names[_i].level);
	ck_assert_ptr_null(psm_log_level_name(-1));
	ck_assert_ptr_null(psm_log_level_name(4));
}
END_TEST

/* What comes out of standard error while the messages are logged. */
static void
check_stderr(void (*log)(void), const char *want)
{
	static char text[4096];
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t len;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log();
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	(void)close(ends[1]);
	len = read(ends[0], text, sizeof text - 1);
	ck_assert_int_ge(len, 0);
	text[len] = '\0';
	ck_assert_str_eq(text, want);
	(void)close(ends[0]);
	(void)close(saved);
}

static int64_t
a_second(void *user)
{
	(void)user;
	return 1000000;
}

static void
log_some(void)
{
	psm_set_clock(a_second, NULL);
	psm_log_to_stderr(PSM_LOG_WARN);
	psm__log(PSM_LOG_INFO, "not wanted", NULL);
	psm__log(PSM_LOG_WARN, "spool full", "topic", "t", "reason",
	         "no \"room\"\nERROR forged", "empty", "", NULL);
	psm_log(PSM_LOG_ERROR, "no fields", NULL);
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
	psm__log(PSM_LOG_ERROR, "ended", NULL);
}

START_TEST(to_standard_error)
{
	check_stderr(log_some,
	             "1970-01-01T00:00:01.000000Z WARNING spool full topic=t "
	             "reason=\"no 'room' ERROR forged\" empty=\"\"\n"
	             "1970-01-01T00:00:01.000000Z ERROR no fields\n");
}
END_TEST

static void
log_long(void)
{
	static char message[2000];

	psm_set_clock(a_second, NULL);
	psm_log_to_stderr(PSM_LOG_WARN);
	memset(message, 'x', sizeof message - 1);
	psm_log(PSM_LOG_WARN, message, NULL);
}

/* A long one is cut off, and its line ends all the same. */
START_TEST(a_long_message_to_standard_error)
{
	static char want[1025] = "1970-01-01T00:00:01.000000Z WARNING ";
	size_t used = strlen(want);

	memset(want + used, 'x', 1023 - used);
	want[1023] = '\n';
	check_stderr(log_long, want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_add_test(t, silent_unless_asked);
	tcase_add_loop_test(t, levels, PSM_LOG_DEBUG, PSM_LOG_ERROR + 1);
	tcase_add_test(t, fields);
	tcase_add_test(t, to_standard_error);
	tcase_add_test(t, a_long_message_to_standard_error);
	tcase_add_test(t, the_callback_may_log_and_replace);
	tcase_add_loop_test(t, level_names, 0, (int)PSM__COUNT(names));
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
