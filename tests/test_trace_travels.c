/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace of an event from psm_producer_send() to a handler: through the
 * spool and each transport, also over a restart of the sender. */
#include "base/log_trace.h"
#include "mock.h"

#include "transport/transport.h"
#include "transport/memory/memory.h"
#include "testing.h"

#define TOPIC "therapist-events"
#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define STORY "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define STATE "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE"
#define PATIENCE_MS 60000

static struct mock mock;
static psm_transport *transport;
static psm_config *cfg;
static char dir[256];

/* How the producer writes; the reader is not told. */
static const char *const wires[] = {"snake", "camel", "cloudevents",
                                    "cloudevents-binary"};

static void
use_wire(const char *wire)
{
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_WIRE", wire, NULL), 0);
}

static void
set_up(int on_kafka)
{
	testing_tmpdir(dir, sizeof dir);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	if (on_kafka) {
		mock_open(&mock, TOPIC, 1);
		transport = mock_transport(&mock, NULL);
	} else {
		ck_assert_int_eq(psm_transport_memory(1, &transport, NULL), 0);
	}
}

static void
tear_down(int on_kafka)
{
	psm_config_free(cfg);
	psm_transport_unref(transport);
	if (on_kafka)
		mock_close(&mock);
	testing_remove(dir);
}

static void
set_down(int on_kafka, int down)
{
	if (on_kafka)
		mock_set_down(&mock, down);
	else
		psm__memory_set_down(transport, down);
}

static psm_producer *
start_producer(const char *spool)
{
	psm_producer *p = NULL;

	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_new(transport, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	return p;
}

/* One event without a trace, one with a part of it, one with all. */
static void
send_three(psm_producer *p)
{
	static const char payload[] =
	    "{\"therapist_id\":7,\"therapist_data\":{\"id\":7}}";
	static const char *const traces[][3] = {
	    {NULL, NULL, NULL}, {NULL, STORY, NULL}, {CAUSE, STORY, TRACE}};
	size_t i;

	for (i = 0; i < PSM__COUNT(traces); i++) {
		psm_event *ev = NULL;

		ck_assert_int_eq(psm_event_new("therapist.unblocked", "test",
		                               payload, strlen(payload), &ev,
		                               NULL),
		                 0);
		ck_assert_int_eq(psm_event_set_trace(ev, traces[i][0],
		                                     traces[i][1], traces[i][2],
		                                     NULL),
		                 0);
		if (traces[i][2])
			ck_assert_int_eq(
			    psm_event_set_tracestate(ev, STATE, NULL), 0);
		ck_assert_int_eq(psm_producer_send(p, NULL, ev, NULL), 0);
		psm_event_free(ev);
	}
}

static int
check_event(const psm_event *ev, void *user, psm_error *err)
{
	int offset = (*(int *)user)++, n = offset % 3;

	(void)err; /* no failure is told this way */
	ck_assert_pstr_eq(psm_event_causation_id(ev), n == 2 ? CAUSE : NULL);
	ck_assert_pstr_eq(psm_event_correlation_id(ev), n >= 1 ? STORY : NULL);
	ck_assert_pstr_eq(psm_event_traceparent(ev), n == 2 ? TRACE : NULL);
	ck_assert_pstr_eq(psm_event_tracestate(ev), n == 2 ? STATE : NULL);
	/* So have the lines that the handler logs. */
	ck_assert_uint_eq(strlen(psm__log_trace_id()), n == 2 ? 32 : 0);
	ck_assert(n < 2 || strncmp(psm__log_trace_id(), &TRACE[3], 32) == 0);
	ck_assert_str_eq(psm_event_topic(ev), TOPIC);
	ck_assert_int_eq(psm_event_partition(ev), 0);
	ck_assert_int_eq(psm_event_offset(ev), offset);
	ck_assert_int_eq(psm_event_attempt(ev), 1);
	ck_assert_int_eq(psm_event_is_replay(ev), 0);
	ck_assert_str_eq(psm_event_producer(ev), "test");
	ck_assert_str_eq(psm_event_key(ev), "7");
	return 0;
}

static void
receive(int count)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	psm_consumer *c = NULL;
	int seen = 0;

	ck_assert_int_eq(psm_consumer_new(transport, cfg, "trace", &c, NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "therapist.unblocked", check_event, &seen, NULL),
	    0);
	while (seen < count && psm__mono_ms() < deadline)
		ck_assert_int_ge(psm_consumer_poll(c, 200, NULL), 0);
	ck_assert_int_eq(seen, count);
	ck_assert_str_eq(psm__log_trace_id(), "");
	psm_consumer_free(c);
}

/* _i: bit 0 kafka, bit 1 with a spool directory. */
START_TEST(a_trace_travels)
{
	psm_producer *p;

	set_up(_i & 1);
	p = start_producer(_i & 2 ? dir : "none");
	send_three(p);
	ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, NULL), 0);
	psm_producer_free(p);
	receive(3);
	tear_down(_i & 1);
}
END_TEST

/* One topic in all writings, which a reader need not know of. */
START_TEST(a_reader_takes_every_wire)
{
	psm_producer *p;
	size_t i;

	set_up(0);
	for (i = 0; i < PSM__COUNT(wires); i++) {
		use_wire(wires[i]);
		p = start_producer("none");
		send_three(p);
		ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, NULL),
		                 0);
		psm_producer_free(p);
	}
	receive(3 * (int)PSM__COUNT(wires));
	tear_down(0);
}
END_TEST

/* What waits in the spool keeps its headers, for the next process too. */
START_TEST(a_trace_outlives_its_sender)
{
	psm_producer *p;
	size_t left = 0;

	set_up(_i);
	set_down(_i, 1);
	use_wire(_i ? "cloudevents-binary" : "snake");
	p = start_producer(dir);
	send_three(p);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, 3);
	psm_producer_free(p);
	set_down(_i, 0);
	p = start_producer(dir);
	ck_assert_int_eq(psm_producer_flush(p, PATIENCE_MS, NULL, NULL), 0);
	ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, NULL), 0);
	psm_producer_free(p);
	receive(3);
	tear_down(_i);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("trace");
	TCase *tc = tcase_create("travels");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_trace_travels, 0, 4);
	tcase_add_test(tc, a_reader_takes_every_wire);
	tcase_add_loop_test(tc, a_trace_outlives_its_sender, 0, 2);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
