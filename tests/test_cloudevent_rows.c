/* SPDX-License-Identifier: BSD-2-Clause */
/* CloudEvents whose bytes a table keeps: parked and dead ones. */
#include "event/cloudevent.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"
#include "transport/memory/memory.h"

#include <psymatch/dead.h>

#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void
start(void)
{
	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 0, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

/* As another library may write it: headers that mean nothing in this form, or
 * in none, because of the case of their names. */
static void
add_odd_headers(struct psm__cloudevent_record *made)
{
	static const char *const odd[][2] = {{"ce_datacontenttype", "text/xml"},
	                                     {"ce_data", "{}"},
	                                     {"CE_ID", "x"}};
	size_t i;

	for (i = 0; i < PSM__COUNT(odd); i++) {
		ck_assert_uint_lt(made->header_count, PSM__CE_HEADERS);
		made->headers[made->header_count++] = (struct psm__header){
		    odd[i][0], odd[i][1], strlen(odd[i][1])};
	}
}

/* payload NULL: the event's own. */
static void
put(int key, int n, int wire, const char *payload)
{
	char *text = flow_event(key, n, NULL, "1.0"), name[16];
	struct psm__cloudevent_record made;
	struct psm__message m = {.topic = FLOW_TOPIC, .key = name};
	psm_event *ev = NULL;

	m.key_len = (size_t)snprintf(name, sizeof name, "%d", key);
	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, err), 0);
	ck_assert_int_eq(psm__cloudevent_write(ev, wire, &made), 0);
	if (wire == PSM__WIRE_CLOUDEVENTS_BINARY)
		add_odd_headers(&made);
	m.value = payload ? payload : made.value;
	m.value_len = payload ? strlen(payload) : made.value_len;
	m.headers = made.headers;
	m.header_count = made.header_count;
	ck_assert_int_eq(psm__memory_put_message(t, &m), 0);
	psm__cloudevent_record_free(&made);
	psm_event_free(ev);
	free(text);
}

/* Both forms, of which the first one of a key has to wait. */
START_TEST(parked_ones_are_handled)
{
	int wire = _i ? PSM_WIRE_CLOUDEVENTS : PSM__WIRE_CLOUDEVENTS_BINARY;

	plan = (struct flow_plan){.bad = 1, .times = 1, .rc = PSM_ERR_RETRY};
	flow_retry_when_told();
	put(1, 1, wire, NULL);
	put(1, 2, wire, NULL);
	put(2, 3, wire, NULL);
	start();
	flow_wait_offset(3);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	           "convert_from(raw, 'UTF8')::json->>'specversion' = '1.0' "
	           "AND convert_from(raw, 'UTF8')::json->>'id' = "
	           "event_id::text"),
	    2);
	flow_retry_now();
	ck_assert_int_eq(pg_wait(3, 60000, "SELECT count(*) FROM effects"), 3);
	flow_stop();
	flow_check_effects(3);
}
END_TEST

/* Nothing of it is lost but what made it unreadable, and it can be mended. */
START_TEST(broken_one_is_edited)
{
	char *text = flow_event(2, 2, NULL, "1.0"), *cloudevent = NULL, *raw;
	psm_event *ev = NULL;
	int64_t row;
	size_t len;

	put(1, 1, PSM__WIRE_CLOUDEVENTS_BINARY, NULL);
	put(2, 2, PSM__WIRE_CLOUDEVENTS_BINARY, "{\"n\":");
	start();
	flow_wait_offset(2);
	row = pg_int("SELECT id FROM psymatch.dead_letter WHERE code = "
	             "'PSM_ERR_PARSE' AND reason LIKE '%%CloudEvent: %%'");
	raw = pg_text("SELECT convert_from(raw, 'UTF8') FROM "
	              "psymatch.dead_letter");
	ck_assert_ptr_nonnull(
	    strstr(raw, "{\"specversion\":\"1.0\",\"id\":\""));
	ck_assert_ptr_nonnull(strstr(raw, ",\"data_base64\":\"eyJuIjo=\"}"));
	free(raw);
	/* As it is it dies again, for the same reason. */
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	PG_UNTIL(flow_dead_rows() == 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE code = "
	           "'PSM_ERR_PARSE' AND reason LIKE '%%CloudEvent: %%'"),
	    2);
	row = pg_int("SELECT max(id) FROM psymatch.dead_letter");
	/* A person may write either form; the row has what was written, with
	 * its trace. */
	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, err), 0);
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, CAUSE, TRACE, err), 0);
	ck_assert_int_eq(
	    psm_event_encode(ev, PSM_WIRE_CLOUDEVENTS, &cloudevent, &len, err),
	    0);
	ck_assert_int_eq(psm_dead_edit(st, PSM_DEAD_LETTERS, row, cloudevent,
	                               len, "anna", "why", err),
	                 0);
	raw = pg_text("SELECT convert_from(edited_raw, 'UTF8') FROM "
	              "psymatch.dead_letter WHERE edited_raw IS NOT NULL");
	ck_assert_str_eq(raw, cloudevent);
	ck_assert_ptr_nonnull(strstr(raw, "\"traceparent\":\"" TRACE "\""));
	free(raw);
	ck_assert_int_eq(
	    psm_dead_release(st, PSM_DEAD_LETTERS, row, "anna", "why", err), 0);
	ck_assert_int_eq(pg_wait(2, 60000, "SELECT count(*) FROM effects"), 2);
	flow_stop();
	flow_check_effects(2);
	psm_event_free(ev);
	psm_free(cloudevent);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cloudevent_rows");
	TCase *tc = tcase_create("rows");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_add_loop_test(tc, parked_ones_are_handled, 0, 2);
	tcase_add_test(tc, broken_one_is_edited);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
