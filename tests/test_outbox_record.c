/* SPDX-License-Identifier: BSD-2-Clause */
/* A row of the outbox is the record as it travels: whoever publishes rows, the
 * relay or a program that reads the database's log, sends the same bytes. */
#include "transport/transport.h"
#include "transport/memory/memory.h"
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#define ID "0198c0de-0000-7000-8000-00000000000"

/* What a rebuilt text would change: numbers, empty arrays, nulls, blanks,
 * escapes, members that nobody knows. */
static const char snake[] =
    "{\"event_id\":\"" ID "1\",\"event_type\":\"communication.send_email\","
    "\"version\":\"1.0\",\"timestamp\":\"2026-01-31T09:00:00.000000Z\","
    "\"producer\":\"test\",\"payload\":{ \"email_id\" : 7, \"n\":1.50e+1, "
    "\"none\":[], \"null\":null, \"text\":\"a\\u00e4\\/\\\"\", \"o\":{} }}";
static const char camel[] =
    "{\"eventId\":\"" ID "1\",\"eventType\":\"communication.send_email\","
    "\"version\":\"1.0\",\"timestamp\":\"2026-01-31T09:00:00.000000Z\","
    "\"producer\":\"test\",\"payload\":{ \"email_id\" : 7, \"n\":1.50e+1, "
    "\"none\":[], \"null\":null, \"text\":\"a\\u00e4\\/\\\"\", \"o\":{} }}";
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define STATE "vendor=a1,other=t61rcWkgMzE"

static void
emit(int traced)
{
	psm_event *ev = NULL;
	psm_tx *tx = NULL;

	ck_assert_int_eq(psm_event_parse(snake, sizeof snake - 1, &ev, err), 0);
	if (traced)
		ck_assert_int_eq(
		    psm_event_set_trace(ev, ID "2", ID "3", TRACE, err), 0);
	if (traced > 1)
		ck_assert_int_eq(psm_event_set_tracestate(ev, STATE, err), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(psm_tx_emit(tx, ev, err), 0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	psm_event_free(ev);
}

static void
use_wire(const char *wire)
{
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_WIRE", wire, err), 0);
	psm_store_free(st);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
}

/* The only record of the topic, as text: key, value and headers. */
static char *
read_record(void)
{
	struct psm__reader_conf conf = {.topic = OUTBOX_TOPIC,
	                                .partition = -1,
	                                .to = INT64_MAX,
	                                .to_ms = INT64_MAX};
	struct psm__reader *reader = NULL;
	struct psm__record rec;
	struct psm__buf out = {0};
	size_t i;

	ck_assert_int_eq(t->ops->open_reader(t, &conf, 1000, &reader, err), 0);
	ck_assert_int_eq(reader->ops->next(reader, 1000, &rec, err), 1);
	psm__buf_printf(&out, "%.*s|%.*s", (int)rec.key_len, rec.key,
	                (int)rec.value_len, (const char *)rec.value);
	for (i = 0; i < rec.header_count; i++)
		psm__buf_printf(&out, "|%s=%.*s", rec.headers[i].name,
		                (int)rec.headers[i].len, rec.headers[i].value);
	reader->ops->release(reader, &rec);
	ck_assert_int_eq(reader->ops->next(reader, 1000, &rec, err),
	                 PSM__READER_END);
	reader->ops->close(reader);
	return psm__buf_take(&out, NULL);
}

/* The same of the only row. */
static char *
read_row(void)
{
	return pg_text(
	    "SELECT aggregateid || '|' || envelope || coalesce("
	    "'|causation_id=' || causation_id, '') || coalesce("
	    "'|correlation_id=' || correlation_id, '') || coalesce("
	    "'|traceparent=' || traceparent, '') || coalesce("
	    "'|tracestate=' || tracestate, '') FROM psymatch.outbox");
}

static void
check_sent(const char *want)
{
	char *got;

	outbox_start();
	outbox_wait_empty();
	got = read_record();
	ck_assert_str_eq(got, want);
	psm_free(got);
}

static const struct {
	const char *wire, *value;
	int traced; /* 2: with a tracestate */
} rows[] = {{"snake", snake, 0},
            {"snake", snake, 1},
            {"camel", camel, 1},
            {"snake", snake, 2}};

START_TEST(row_is_the_record)
{
	char *row;

	use_wire(rows[_i].wire);
	emit(rows[_i].traced);
	row = read_row();
	ck_assert_int_eq(strncmp(row, "7|", 2), 0);
	ck_assert_int_eq(
	    strncmp(row + 2, rows[_i].value, strlen(rows[_i].value)), 0);
	ck_assert_int_eq(strstr(row, "|traceparent=" TRACE) != NULL,
	                 rows[_i].traced > 0);
	ck_assert_int_eq(strstr(row, "|tracestate=" STATE) != NULL,
	                 rows[_i].traced > 1);
	/* The relay does not write it anew, whatever it is set to. */
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_WIRE", "snake", err), 0);
	check_sent(row);
	free(row);
}
END_TEST

#define DATA                                                                   \
	"{ \"email_id\" : 7, \"n\":1.50e+1, \"none\":[], \"null\":null, "      \
	"\"text\":\"a\\u00e4\\/\\\"\", \"o\":{} }"

static const struct {
	const char *wire, *record;
} cloudevents[] = {
    {"cloudevents",
     "7|{\"specversion\":\"1.0\",\"id\":\"" ID "1\","
     "\"type\":\"communication.send_email\",\"source\":\"test\","
     "\"subject\":\"7\",\"time\":\"2026-01-31T09:00:00.000000Z\","
     "\"schemaversion\":\"1.0\",\"causationid\":\"" ID "2\","
     "\"correlationid\":\"" ID "3\",\"traceparent\":\"" TRACE "\","
     "\"tracestate\":\"" STATE "\","
     "\"datacontenttype\":\"application/json\",\"data\":" DATA "}"
     "|content-type=application/cloudevents+json"
     "|traceparent=" TRACE "|tracestate=" STATE},
    {"cloudevents-binary",
     "7|" DATA "|ce_specversion=1.0|ce_id=" ID "1"
     "|ce_type=communication.send_email|ce_source=test|ce_subject=7"
     "|ce_time=2026-01-31T09:00:00.000000Z|ce_schemaversion=1.0"
     "|ce_causationid=" ID "2|ce_correlationid=" ID "3"
     "|content-type=application/json"
     "|traceparent=" TRACE "|tracestate=" STATE},
};

/* The row is the envelope, and the relay makes a CloudEvent of it. */
START_TEST(relay_writes_cloudevents)
{
	char *row;

	use_wire(cloudevents[_i].wire);
	emit(2);
	row = read_row();
	ck_assert_int_eq(strncmp(row + 2, snake, strlen(snake)), 0);
	free(row);
	check_sent(cloudevents[_i].record);
}
END_TEST

/* Of an older release, which knew no envelope. */
START_TEST(row_without_envelope_is_sent)
{
	char *row;

	emit(2);
	row = read_row();
	pg_run("UPDATE psymatch.outbox SET envelope = NULL, causation_id = "
	       "NULL, correlation_id = NULL, traceparent = NULL, tracestate = "
	       "NULL");
	check_sent(row);
	free(row);
}
END_TEST

/* Dead, then released: still the same bytes and headers. */
START_TEST(released_letter_is_the_record)
{
	char *row;

	emit(2);
	row = read_row();
	pg_run("WITH gone AS (DELETE FROM psymatch.outbox RETURNING *) INSERT "
	       "INTO psymatch.dead_letter (consumer, topic, key, raw, event_id,"
	       " type, code, reason, headers) SELECT 'outbox', topic, "
	       "aggregateid, convert_to(envelope, 'UTF8'), event_id, type, "
	       "'PSM_ERR_REJECT', 'no', headers FROM gone");
	pg_run("SELECT psymatch.dead_release(id, 'anna', 'why') FROM "
	       "psymatch.dead_letter");
	check_sent(row);
	free(row);
}
END_TEST

/* A publisher that writes a header for each column, and no value for a null. */
START_TEST(header_without_a_value_is_none)
{
	struct psm__header headers[] = {{"causation_id", NULL, 0},
	                                {"correlation_id", ID "3", 36},
	                                {"traceparent", NULL, 0}};
	struct psm__record rec = {.topic = OUTBOX_TOPIC,
	                          .value = snake,
	                          .value_len = sizeof snake - 1,
	                          .headers = headers,
	                          .header_count = 3};
	psm_event *ev = NULL;

	ck_assert_int_eq(psm__record_parse(&rec, &ev, err), 0);
	ck_assert_ptr_null(psm_event_causation_id(ev));
	ck_assert_str_eq(psm_event_correlation_id(ev), ID "3");
	ck_assert_ptr_null(psm_event_traceparent(ev));
	ck_assert_uint_eq(psm__event_read_headers(ev, headers, 3), 0);
	headers[2] = (struct psm__header){"traceparent", "", 0};
	ck_assert_uint_eq(psm__event_read_headers(ev, headers, 3), 1);
	psm_event_free(ev);
}
END_TEST

/* -- freed without a stop */

/* What the broker has is not in the outbox any more. */
START_TEST(free_leaves_no_row_that_was_sent)
{
	int i, round;

	for (round = 1; round <= 5; round++) {
		for (i = 0; i < 200; i++)
			ck_assert_int_eq(
			    outbox_change(st, i % OUTBOX_KEYS + 1, NULL), 0);
		outbox_start();
		PG_UNTIL(psm__memory_count(t, OUTBOX_TOPIC) >
		         (round - 1) * 200);
		psm_relay_free(r);
		r = NULL;
		outbox_start();
		outbox_wait_empty();
		psm_relay_free(r);
		r = NULL;
		ck_assert_int_eq(psm__memory_count(t, OUTBOX_TOPIC),
		                 round * 200);
	}
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("outbox_record");
	TCase *tc = tcase_create("record");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, row_is_the_record, 0, PSM__COUNT(rows));
	tcase_add_loop_test(tc, relay_writes_cloudevents, 0, 2);
	tcase_add_test(tc, row_without_envelope_is_sent);
	tcase_add_test(tc, released_letter_is_the_record);
	tcase_add_test(tc, header_without_a_value_is_none);
	tcase_add_test(tc, free_leaves_no_row_that_was_sent);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
