/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <pthread.h>

#include "base/base.h"

static void
expect_text(const char *want)
{
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(psm_metrics_text(&text, &len, NULL), 0);
	ck_assert_str_eq(text, want);
	ck_assert_uint_eq(len, strlen(want));
	psm_free(text);
}

START_TEST(empty)
{
	expect_text("");
	ck_assert_int_eq(psm_metrics_value("none", ""), 0);
	ck_assert_int_eq(psm_metrics_value("none", "x"), 0);
}
END_TEST

/* Families by name, the samples of each together and in the order of their
 * birth. */
START_TEST(page)
{
	struct psm__metric *b, *a, *plain, *gauge;

	b = psm__counter("sent_total", "topic", "b", "Events sent.");
	plain = psm__counter("polls_total", NULL, NULL, "Polls.");
	gauge = psm__gauge("depth", "queue", "main", "Waiting.");
	a = psm__counter("sent_total", "topic", "a", "not used again");
	psm__metric_add(b, 2);
	psm__metric_add(b, 3);
	psm__metric_add(a, 1);
	psm__metric_set(gauge, 7);
	psm__metric_add(gauge, -9);
	expect_text("# HELP depth Waiting.\n"
	            "# TYPE depth gauge\n"
	            "depth{queue=\"main\"} -2\n"
	            "# HELP polls_total Polls.\n"
	            "# TYPE polls_total counter\n"
	            "polls_total 0\n"
	            "# HELP sent_total Events sent.\n"
	            "# TYPE sent_total counter\n"
	            "sent_total{topic=\"b\"} 5\n"
	            "sent_total{topic=\"a\"} 1\n");
	ck_assert_int_eq(psm__metric_get(b), 5);
	ck_assert_int_eq(psm_metrics_value("sent_total", "b"), 5);
	ck_assert_int_eq(psm_metrics_value("depth", "main"), -2);
	ck_assert_int_eq(psm_metrics_value("polls_total", NULL), 0);
	ck_assert_int_eq(psm__metric_get(plain), 0);
}
END_TEST

START_TEST(escapes)
{
	psm__metric_add(psm__counter("x_total", "l", "a\"b\\c\nd", "h\"\\\nh"),
	                1);
	expect_text("# HELP x_total h\"\\\\\\nh\n"
	            "# TYPE x_total counter\n"
	            "x_total{l=\"a\\\"b\\\\c\\nd\"} 1\n");
}
END_TEST

START_TEST(one_pointer_for_one_name)
{
	struct psm__metric *m = psm__counter("m_total", "l", "x", "");

	ck_assert_ptr_nonnull(m);
	ck_assert_ptr_eq(psm__counter("m_total", "l", "x", "other"), m);
	ck_assert_ptr_ne(psm__counter("m_total", "l", "y", ""), m);
	ck_assert_ptr_null(psm__gauge("m_total", "l", "x", ""));
	ck_assert_ptr_null(psm__counter("m_total", "other", "x", ""));
	ck_assert_ptr_null(psm__counter("m_total", NULL, NULL, ""));
}
END_TEST

static const struct {
	const char *name, *label_name;
} bad_names[] = {
    {"", NULL},    {"1a", NULL},   {"a b", NULL},
    {"a-b", NULL}, {"a\nb", NULL}, {"ok", "1"},
    {"ok", "a:b"}, {"ok", "a\"b"}, {"\xc3\xa4", NULL},
};

START_TEST(names)
{
	ck_assert_ptr_null(psm__counter(bad_names[_i].name,
	                                bad_names[_i].label_name, "x", ""));
	ck_assert_ptr_nonnull(psm__counter("a:b_C9", "_l9", "x", ""));
}
END_TEST

/* Whatever is used as a label, the page stays small and the sum right. */
START_TEST(labels_are_bounded)
{
	char label[16], *text = NULL;
	size_t lines = 0;

	for (int i = 0; i < 1000; i++) {
		(void)snprintf(label, sizeof(label), "id%d", i);
		psm__metric_add(psm__counter("n_total", "id", label, "h"), 1);
	}
	psm__metric_add(psm__counter("n_total", "id", "id7", "h"), 1);
	ck_assert_int_eq(psm_metrics_value("n_total", "id7"), 2);
	ck_assert_int_eq(psm_metrics_value("n_total", "id199"), 1);
	ck_assert_int_eq(psm_metrics_value("n_total", "id200"), 0);
	ck_assert_int_eq(psm_metrics_value("n_total", "other"), 800);
	ck_assert_int_eq(psm_metrics_text(&text, NULL, NULL), 0);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	ck_assert_uint_eq(lines, 2 + 200 + 1);
	psm_free(text);
}
END_TEST

START_TEST(counted_by_the_application)
{
	psm_metrics_add("imports", "ok", 2);
	psm_metrics_add("imports_total", "ok", 3);
	psm_metrics_add("imports", "", 1);
	psm_metrics_add("imports", NULL, 1);
	psm_metrics_add("imports", "ok", -4);
	psm_metrics_add("no name", "ok", 1);
	psm_metrics_add(NULL, "ok", 1);
	psm_metrics_add("", "ok", 1);
	expect_text("# HELP imports_total Counted by the application.\n"
	            "# TYPE imports_total counter\n"
	            "imports_total{label=\"ok\"} 5\n"
	            "imports_total 2\n");
	ck_assert_int_eq(psm_metrics_value("imports_total", "ok"), 5);
	ck_assert_int_eq(psm_metrics_value("imports_total", ""), 2);
	ck_assert_int_eq(psm_metrics_value(NULL, ""), 0);
}
END_TEST

START_TEST(described_by_the_application)
{
	ck_assert_int_eq(
	    psm_metrics_describe("imports", "folder", "Files read.", NULL), 0);
	expect_text(""); /* nothing was counted yet */
	ck_assert_int_eq(
	    psm_metrics_describe("imports_total", "other", "Else.", NULL),
	    PSM_ERR_STATE);
	ck_assert_int_eq(psm_metrics_describe("plain", NULL, "Plain.", NULL),
	                 0);
	psm_metrics_add("imports", "a", 2);
	psm_metrics_add("plain", NULL, 1);
	expect_text("# HELP imports_total Files read.\n"
	            "# TYPE imports_total counter\n"
	            "imports_total{folder=\"a\"} 2\n"
	            "# HELP plain_total Plain.\n"
	            "# TYPE plain_total counter\n"
	            "plain_total 1\n");
	/* What the library counts is not the application's. */
	psm__metric_add(psm__counter("ours_total", "topic", "t", "Ours."), 1);
	psm_metrics_add("ours", "t", 1);
	ck_assert_int_eq(psm_metrics_value("ours_total", "t"), 1);
	ck_assert_int_eq(psm_metrics_describe("a b", NULL, "x", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_metrics_describe("a", "1", "x", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_metrics_describe("a", NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_metrics_describe(NULL, NULL, "x", NULL),
	                 PSM_ERR_INVAL);
}
END_TEST

/* 120 bytes as given; "_total" comes on top of them. */
START_TEST(the_longest_names)
{
	char name[122] = {0}, total[] = "_total", full[128];
	size_t len;

	for (len = 114; len <= 121; len++) {
		memset(name, 'n', len);
		(void)snprintf(full, sizeof full, "%s%s", name, total);
		psm_metrics_add(name, NULL, 3);
		ck_assert_int_eq(psm_metrics_value(full, NULL),
		                 len <= 120 ? 3 : 0);
		ck_assert_int_eq(psm_metrics_describe(name, NULL, "x", NULL),
		                 len <= 120 ? PSM_ERR_STATE : PSM_ERR_INVAL);
		ck_assert_int_eq(psm_metrics_describe("a", name, "x", NULL),
		                 len == 114   ? 0
		                 : len <= 120 ? PSM_ERR_STATE
		                              : PSM_ERR_INVAL);
	}
	/* One that ends in it needs no more room. */
	memcpy(name + 114, total, sizeof total);
	psm_metrics_add(name, NULL, 3);
	ck_assert_int_eq(psm_metrics_value(name, NULL), 3 + 3);
}
END_TEST

START_TEST(time_is_shown_in_seconds)
{
	struct psm__metric *m =
	    psm__counter_us("work_seconds_total", "type", "a", "Time.");

	psm__metric_add(m, 1500);
	psm__metric_add(m, 12000000);
	expect_text("# HELP work_seconds_total Time.\n"
	            "# TYPE work_seconds_total counter\n"
	            "work_seconds_total{type=\"a\"} 12.001500\n");
	ck_assert_int_eq(psm__metric_get(m), 12001500);
	ck_assert_int_eq(psm_metrics_value("work_seconds_total", "a"), 12);
}
END_TEST

static void *
add_many(void *arg)
{
	char label[16];

	(void)arg;
	for (int i = 0; i < 30000; i++) {
		(void)snprintf(label, sizeof(label), "%d", i % 10);
		psm__metric_add(psm__counter("t_total", "l", label, ""), 1);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread[4];
	char label[16];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(psm__thread_start(&thread[i], "metrics",
		                                   add_many, NULL, NULL),
		                 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	for (int i = 0; i < 10; i++) {
		(void)snprintf(label, sizeof(label), "%d", i);
		ck_assert_int_eq(psm_metrics_value("t_total", label), 12000);
	}
}
END_TEST

START_TEST(no_metric_is_fine)
{
	psm__metric_add(NULL, 1);
	psm__metric_set(NULL, 1);
	ck_assert_int_eq(psm__metric_get(NULL), 0);
	ck_assert_int_eq(psm_metrics_text(NULL, NULL, NULL), PSM_ERR_INVAL);
}
END_TEST

static int
show(void)
{
	char *text = NULL;
	int rc = psm_metrics_text(&text, NULL, NULL);

	ck_assert_int_eq(rc == 0, text != NULL);
	psm_free(text);
	return rc;
}

/* What was refused must not stay half made. */
START_TEST(out_of_memory)
{
	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	for (int n = 1; n <= 5; n++) {
		testing_memory.fail_at = atomic_load(&testing_memory.calls) + n;
		ck_assert_ptr_null(psm__counter("m_total", "l", "x", "help"));
		ck_assert_int_eq(atomic_load(&testing_memory.live), 0);
	}
	testing_memory.fail_at = 0;
	expect_text("");
	ck_assert_ptr_nonnull(psm__counter("m_total", "l", "x", "help"));
	testing_memory.fail_at = atomic_load(&testing_memory.calls) + 1;
	ck_assert_ptr_null(psm__counter("m_total", "l", "y", "help"));
	for (int n = 1; n <= 2; n++) {
		testing_memory.fail_at = atomic_load(&testing_memory.calls) + n;
		ck_assert_int_eq(show(), PSM_ERR_NOMEM);
	}
	testing_memory.fail_at = 0;
	expect_text("# HELP m_total help\n# TYPE m_total counter\n"
	            "m_total{l=\"x\"} 0\n");
}
END_TEST

START_TEST(histogram)
{
	static const int64_t us[] = {0, 1000, 1001, 60000000, 60000001};
	struct psm__histogram *h = psm__histogram("took_seconds", "Time.");
	char *text = NULL;
	size_t i;

	for (i = 0; i < PSM__COUNT(us); i++)
		psm__histogram_add(h, psm__histogram_bucket(us[i]), 1, us[i]);
	psm__histogram_add(NULL, 1, 1, 1);
	ck_assert_ptr_eq(psm__histogram("took_seconds", "again"), h);
	/* Nothing else has its name, and it no other's. */
	ck_assert_ptr_null(psm__counter("took_seconds", "", "", ""));
	ck_assert_ptr_nonnull(psm__counter("b_total", "", "", "B."));
	ck_assert_ptr_null(psm__histogram("b_total", ""));
	ck_assert_int_eq(psm_metrics_text(&text, NULL, NULL), 0);
	ck_assert_ptr_nonnull(strstr(text,
	                             "# HELP took_seconds Time.\n"
	                             "# TYPE took_seconds histogram\n"
	                             "took_seconds_bucket{le=\"0.001\"} 2\n"
	                             "took_seconds_bucket{le=\"0.005\"} 3\n"));
	ck_assert_ptr_nonnull(strstr(text,
	                             "took_seconds_bucket{le=\"60\"} 4\n"
	                             "took_seconds_bucket{le=\"+Inf\"} 5\n"
	                             "took_seconds_sum 120.002002\n"
	                             "took_seconds_count 5\n"));
	testing_promtool(text);
	psm_free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_test(t, empty);
	tcase_add_test(t, page);
	tcase_add_test(t, escapes);
	tcase_add_test(t, one_pointer_for_one_name);
	tcase_add_loop_test(t, names, 0, (int)PSM__COUNT(bad_names));
	tcase_add_test(t, labels_are_bounded);
	tcase_add_test(t, counted_by_the_application);
	tcase_add_test(t, described_by_the_application);
	tcase_add_test(t, the_longest_names);
	tcase_add_test(t, time_is_shown_in_seconds);
	tcase_add_test(t, histogram);
	tcase_add_test(t, threads);
	tcase_add_test(t, no_metric_is_fine);
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
