/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "client/dispatch.h"
#include "event/event.h"
#include "testing.h"

static void
first(void)
{
}

static void
second(void)
{
}

START_TEST(finds_by_name_alias_and_star)
{
	struct psm__dispatch d = {0};
	const struct psm__handler *h;
	int mark;

	ck_assert_ptr_null(psm__dispatch_find(&d, "email.sent", "1.0"));
	ck_assert_int_eq(psm__dispatch_add(&d, "communication.email_sent", NULL,
	                                   first, &mark, NULL),
	                 0);
	h = psm__dispatch_find(&d, "email.sent", "1.0");
	ck_assert_ptr_nonnull(h);
	ck_assert_str_eq(h->type, "email.sent");
	ck_assert_ptr_eq(h->user, &mark);
	ck_assert(h->fn == first);
	ck_assert_ptr_null(psm__dispatch_find(&d, "patient.created", "1.0"));

	ck_assert_int_eq(psm__dispatch_add(&d, "*", NULL, second, NULL, NULL),
	                 0);
	h = psm__dispatch_find(&d, "patient.created", "1.0");
	ck_assert(h && h->fn == second);
	h = psm__dispatch_find(&d, "nobody.knows", "1.0");
	ck_assert(h && h->fn == second);
	h = psm__dispatch_find(&d, "email.sent", "1.0");
	ck_assert(h && h->fn == first);
	psm__dispatch_free(&d);
	ck_assert_ptr_null(psm__dispatch_find(&d, "email.sent", "1.0"));
}
END_TEST

static void
check_names(const struct psm__dispatch *d, size_t want,
            const char *const *names)
{
	const char **got = NULL;
	size_t i, count = 0;

	ck_assert_int_eq(psm__dispatch_names(d, &got, &count), 0);
	ck_assert_uint_eq(count, want);
	ck_assert_int_eq(got == NULL, names == NULL);
	for (i = 0; i < want; i++)
		ck_assert_str_eq(got[i], names[i]);
	psm__free(got);
}

START_TEST(names_what_is_wanted)
{
	static const char *const names[] = {"patient.created", "email.sent",
	                                    "communication.email_sent"};
	struct psm__dispatch d = {0};

	ck_assert_int_eq(
	    psm__dispatch_add(&d, "patient.created", NULL, first, NULL, NULL),
	    0);
	check_names(&d, 1, names);
	ck_assert_int_eq(psm__dispatch_add(&d, "communication.email_sent", NULL,
	                                   first, NULL, NULL),
	                 0);
	check_names(&d, 3, names);
	ck_assert_int_eq(psm__dispatch_wants(&d, "email.sent"), 1);
	ck_assert_int_eq(psm__dispatch_wants(&d, "patient.updated"), 0);
	ck_assert_int_eq(psm__dispatch_add(&d, "*", NULL, second, NULL, NULL),
	                 0);
	check_names(&d, 0, NULL);
	ck_assert_int_eq(psm__dispatch_wants(&d, "patient.updated"), 1);
	psm__dispatch_free(&d);
}
END_TEST

START_TEST(refuses_unknown_and_double)
{
	struct psm__dispatch d = {0};
	psm_error *err = psm_error_new();

	ck_assert_int_eq(
	    psm__dispatch_add(&d, "patient.craeted", NULL, first, NULL, err),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "patient.craeted"));
	ck_assert_int_eq(
	    psm__dispatch_add(&d, "email.sent", NULL, first, NULL, NULL), 0);
	psm_error_clear(err);
	ck_assert_int_eq(psm__dispatch_add(&d, "communication.email_sent", NULL,
	                                   second, NULL, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "email.sent"));
	ck_assert_int_eq(psm__dispatch_add(&d, "*", NULL, first, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm__dispatch_add(&d, "*", NULL, first, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	psm__dispatch_free(&d);
	psm_error_free(err);
}
END_TEST

/* -- versions */

static void
third(void)
{
}

static void
add_range(struct psm__dispatch *d, const char *min, const char *max,
          void (*fn)(void), int want)
{
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, min, max, NULL), 0);
	ck_assert_int_eq(
	    psm__dispatch_add(d, "search.status_changed", o, fn, NULL, NULL),
	    want);
	psm_handler_options_free(o);
}

START_TEST(finds_by_version)
{
	static const struct {
		const char *version;
		void (*fn)(void);
	} cases[] = {
	    {"1.0", first},  {"1.1", second}, {"1.2", second},
	    {"1.10", third}, {"1.3", NULL},   {"1.9999", third},
	};
	struct psm__dispatch d = {0};
	size_t i;

	add_range(&d, NULL, "1.0", first, 0);
	add_range(&d, "1.1", "1.2", second, 0);
	add_range(&d, "1.10", NULL, third, 0);
	add_range(&d, "1.2", "1.3", first, PSM_ERR_CONFLICT);
	add_range(&d, "1.11", "1.12", first, PSM_ERR_CONFLICT);
	for (i = 0; i < PSM__COUNT(cases); i++) {
		const struct psm__handler *h = psm__dispatch_find(
		    &d, "search.status_changed", cases[i].version);

		ck_assert_msg((h ? h->fn : NULL) == cases[i].fn, "%s",
		              cases[i].version);
	}
	/* One without a range takes what they leave. */
	add_range(&d, NULL, NULL, second, 0);
	add_range(&d, NULL, NULL, first, PSM_ERR_CONFLICT);
	ck_assert(psm__dispatch_find(&d, "search.status_changed", "1.3")->fn ==
	          second);
	ck_assert(psm__dispatch_find(&d, "search.status_changed", "1.0")->fn ==
	          first);
	psm__dispatch_free(&d);
}
END_TEST

static psm_event *
event_of(const char *version)
{
	char text[512];
	psm_event *ev = NULL;
	int len =
	    snprintf(text, sizeof(text),
	             "{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
	             "\"event_type\": \"search.status_changed\", \"version\": "
	             "\"%s\", \"timestamp\": \"2025-08-11T09:44:00Z\", "
	             "\"producer\": \"x\", \"payload\": {\"search_id\": 1, "
	             "\"patient_id\": 1, \"old_status\": null, \"new_status\": "
	             "\"aktiv\"}}",
	             version);

	ck_assert_int_eq(psm_event_parse(text, (size_t)len, &ev, NULL), 0);
	return ev;
}

/* user: the version it says it makes, or NULL: what it must not make. */
static int
up(const psm_event *old, psm_event **out, void *user, psm_error *err)
{
	static const char payload[] =
	    "{\"search_id\": 1, \"patient_id\": 2, \"old_status\": null, "
	    "\"new_status\": \"aktiv\"}";

	if (!user)
		return 0;
	if (strcmp(user, "fail") == 0)
		return psm_error_set(err, PSM_ERR_RETRY, "not now");
	if (strcmp(user, "odd") == 0)
		return 5;
	return psm_event_upcast(old, user, payload, strlen(payload), out, err);
}

static int
add_up(struct psm__dispatch *d, const char *from, const char *to,
       const char *user)
{
	return psm__dispatch_add_upcaster(d, "search.status_changed", from, to,
	                                  up, (void *)(uintptr_t)user, NULL);
}

/* 0 and the version that arrives at the handler, or the failure. */
static int
route(const struct psm__dispatch *d, const char *version, char *arrived,
      void (**fn)(void))
{
	static const struct psm__origin origin = {.topic = "here",
	                                          .partition = 2,
	                                          .offset = 17,
	                                          .attempt = 1,
	                                          .deadline_ms = INT64_MAX};
	psm_event *ev = event_of(version);
	psm_event *made = NULL;
	const struct psm__handler *h;
	int rc;

	psm__event_set_origin(ev, &origin);
	rc = psm__dispatch_route(d, ev, &made, &h, NULL);
	if (rc < 0)
		*fn = h ? h->fn : NULL;
	if (rc == 0) {
		const psm_event *at = made ? made : ev;

		snprintf(arrived, 12, "%s", psm_event_version(at));
		*fn = h ? h->fn : NULL;
		ck_assert_int_eq(psm_event_offset(at), 17);
		ck_assert_str_eq(psm_event_id(at), psm_event_id(ev));
	} else {
		ck_assert_ptr_null(made);
	}
	psm_event_free(made);
	psm_event_free(ev);
	return rc;
}

START_TEST(upcasts_in_a_chain)
{
	struct psm__dispatch d = {0};
	void (*fn)(void) = NULL;
	char at[12];

	ck_assert_int_eq(route(&d, "1.0", at, &fn), 0);
	ck_assert_ptr_null((void *)(uintptr_t)fn); /* nobody: skipped */
	ck_assert_int_eq(add_up(&d, "1.0", "1.1", "1.1"), 0);
	ck_assert_int_eq(add_up(&d, "1.1", "1.3", "1.3"), 0);
	ck_assert_int_eq(add_up(&d, "1.0", "1.2", "1.2"), PSM_ERR_CONFLICT);
	ck_assert_int_eq(add_up(&d, "1.2", "1.2", NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(add_up(&d, "1.3", "1.1", NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(add_up(&d, "one", "1.1", NULL), PSM_ERR_INVAL);
	add_range(&d, "1.3", "1.4", first, 0);
	ck_assert_int_eq(route(&d, "1.0", at, &fn), 0);
	ck_assert_str_eq(at, "1.3");
	ck_assert(fn == first);
	ck_assert_int_eq(route(&d, "1.4", at, &fn), 0);
	ck_assert_str_eq(at, "1.4");
	/* Neither a handler nor an upcaster takes these. */
	ck_assert_int_eq(route(&d, "1.2", at, &fn), PSM_ERR_VERSION);
	ck_assert_int_eq(route(&d, "1.5", at, &fn), PSM_ERR_VERSION);
	/* A range on the way comes before the next upcaster. */
	add_range(&d, "1.1", "1.1", second, 0);
	ck_assert_int_eq(route(&d, "1.0", at, &fn), 0);
	ck_assert_str_eq(at, "1.1");
	ck_assert(fn == second);
	/* "*" takes what has no handler, as far as upcasters lead. */
	ck_assert_int_eq(psm__dispatch_add(&d, "*", NULL, third, NULL, NULL),
	                 0);
	ck_assert_int_eq(route(&d, "1.5", at, &fn), 0);
	ck_assert(fn == third);
	psm__dispatch_free(&d);
}
END_TEST

START_TEST(upcasters_fail)
{
	static const struct {
		const char *user;
		int rc;
	} cases[] = {
	    {NULL, PSM_ERR_RETRY},    {"1.2", PSM_ERR_SCHEMA},
	    {"fail", PSM_ERR_RETRY},  {"odd", PSM_ERR_REJECT},
	    {"2.0", PSM_ERR_VERSION},
	};
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		struct psm__dispatch d = {0};
		void (*fn)(void) = NULL;
		char at[12];

		add_range(&d, NULL, NULL, first, 0);
		ck_assert_int_eq(add_up(&d, "1.0", "1.1", cases[i].user), 0);
		ck_assert_int_eq(route(&d, "1.0", at, &fn), cases[i].rc);
		ck_assert(fn == first);
		/* Whose policy counts: where the whole chain leads. */
		add_range(&d, "1.2", "1.2", second, 0);
		ck_assert_int_eq(add_up(&d, "1.1", "1.2", "1.2"), 0);
		ck_assert_int_eq(route(&d, "1.0", at, &fn), cases[i].rc);
		ck_assert(fn == second);
		psm__dispatch_free(&d);
	}
}
END_TEST

START_TEST(options_are_checked)
{
	struct psm__dispatch d = {0};
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(o->deadline_ms, 30000);
	ck_assert_int_eq(o->on_failure, PSM_ON_FAILURE_RETRY);
	ck_assert_int_eq(psm_handler_options_versions(o, "1", NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.2", "1.1", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_versions(NULL, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_on_failure(o, 3, 0, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_on_failure(o, -1, 0, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_on_failure(o, 0, -1, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_on_failure(o, PSM_ON_FAILURE_PARK,
	                                                1000001, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_deadline(o, -1, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_deadline(NULL, 1, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_deadline(o, 86400001, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_confirm(NULL, 1, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_confirm(o, -1, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_confirm(o, 2, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.0", NULL, NULL), 0);
	ck_assert_int_eq(psm__dispatch_add(&d, "*", o, first, NULL, NULL),
	                 PSM_ERR_INVAL);
	psm_handler_options_free(o);
	psm_handler_options_free(NULL);
	psm__dispatch_free(&d);
}
END_TEST

static int
add_one(void *arg)
{
	struct psm__dispatch d = {0};
	int rc;

	(void)arg;
	rc = psm__dispatch_add(&d, "email.sent", NULL, first, NULL, NULL);
	psm__dispatch_free(&d);
	return rc;
}

START_TEST(survives_no_memory)
{
	ck_assert_int_gt(testing_fail_each(add_one, NULL, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dispatch");
	TCase *tc = tcase_create("dispatch");

	tcase_add_test(tc, finds_by_name_alias_and_star);
	tcase_add_test(tc, names_what_is_wanted);
	tcase_add_test(tc, refuses_unknown_and_double);
	tcase_add_test(tc, finds_by_version);
	tcase_add_test(tc, upcasts_in_a_chain);
	tcase_add_test(tc, upcasters_fail);
	tcase_add_test(tc, options_are_checked);
	tcase_add_test(tc, survives_no_memory);
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
