/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/murmur2.h"
#include "suite_bus.h"

#define TOPIC "suite-events"
/* A group on the mock cluster takes 3 s to start; twice that on a busy machine
 * is still no reason to fail. */
#define PATIENCE_MS 60000
#define MAX_SENT 1024

int bus_partitions = BUS_PARTITIONS;
static const struct bus_rig *rig;

/* -- the sending side: what was reported for each token */

struct sent {
	int reports[MAX_SENT];
	int rc[MAX_SENT];
	int count;
};

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct sent *sent = user;

	ck_assert_uint_lt(token, MAX_SENT);
	ck_assert_ptr_nonnull(reason);
	sent->reports[token]++;
	sent->rc[token] = rc;
	sent->count++;
}

static struct psm__sink *
open_sink(psm_transport *t, struct sent *sent)
{
	struct psm__sink *s = NULL;

	memset(sent, 0, sizeof(*sent));
	ck_assert_int_eq(t->ops->open_sink(t, on_report, sent, &s, NULL), 0);
	return s;
}

/* Values must live until the report: they are kept here, one per token. */
static char values[MAX_SENT][32];

/* Message i has key k(i mod keys) and value "v<i>". */
static int
send_one(struct psm__sink *s, int i, int keys)
{
	char key[16];
	struct psm__message m = {.topic = TOPIC, .token = (uint64_t)i};

	snprintf(key, sizeof(key), "k%d", i % keys);
	snprintf(values[i], sizeof(values[i]), "v%d", i);
	m.key = key;
	m.key_len = strlen(key);
	m.value = values[i];
	m.value_len = strlen(values[i]);
	return s->ops->send(s, &m, NULL);
}

static void
send_range(struct psm__sink *s, int from, int to, int keys)
{
	int i;

	for (i = from; i < to; i++)
		ck_assert_int_eq(send_one(s, i, keys), 0);
}

static void
await_reports(struct psm__sink *s, const struct sent *sent, int count)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (sent->count < count && psm__mono_ms() < deadline)
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
	ck_assert_int_eq(sent->count, count);
}

static void
check_all_sent(const struct sent *sent, int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		ck_assert_int_eq(sent->reports[i], 1);
		ck_assert_int_eq(sent->rc[i], 0);
	}
}

/* -- the reading side */

struct reader {
	struct psm__source *s;
	int64_t start; /* what start_at answers */
	int64_t seen_committed[BUS_PARTITIONS];
	int assigned[BUS_PARTITIONS]; /* now */
	int revocations;
};

static int64_t
on_start(const char *topic, int32_t partition, int64_t committed,
         int64_t incarnation, void *user)
{
	struct reader *r = user;

	(void)incarnation;
	ck_assert_str_eq(topic, TOPIC);
	r->seen_committed[partition] = committed;
	r->assigned[partition] = 1;
	return r->start;
}

static void
on_revoked(const char *topic, int32_t partition, void *user)
{
	struct reader *r = user;

	ck_assert_str_eq(topic, TOPIC);
	ck_assert_int_eq(r->assigned[partition], 1);
	r->assigned[partition] = 0;
	r->revocations++;
}

static void
open_reader(struct reader *r, psm_transport *t, const char *group)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = group,
	    .topics = topics,
	    .topic_count = 1,
	    .start_at = on_start,
	    .revoked = on_revoked,
	    .user = r,
	};

	memset(r, 0, sizeof(*r));
	r->start = -1;
	ck_assert_int_eq(t->ops->open_source(t, &conf, &r->s, NULL), 0);
}

/* One more record within the patience; errors are passed over, as the contract
 * asks for. */
static void
read_one(struct reader *r, struct psm__record *rec)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (psm__mono_ms() < deadline)
		if (r->s->ops->poll(r->s, 200, rec, NULL) == 1)
			return;
	ck_abort_msg("no record within %d ms", PATIENCE_MS);
}

static int
value_of(const struct psm__record *rec)
{
	char text[32] = "";

	ck_assert_ptr_nonnull(rec->value);
	ck_assert_uint_lt(rec->value_len, sizeof(text));
	memcpy(text, rec->value, rec->value_len);
	ck_assert_int_eq(text[0], 'v');
	return atoi(text + 1);
}

/* What was read, by value; order is checked per key. */
struct seen {
	int times[MAX_SENT];
	int last[MAX_SENT]; /* by key */
	int keys;
	int total;
	/* A broker that was away may give the partitions out anew: then what
	 * was not committed comes again, but nothing is left out. */
	int again;
};

static void
see(struct seen *seen, const struct psm__record *rec)
{
	int value = value_of(rec);
	int key = value % seen->keys;
	char text[16];

	snprintf(text, sizeof(text), "k%d", key);
	ck_assert_uint_eq(rec->key_len, strlen(text));
	ck_assert_int_eq(memcmp(rec->key, text, rec->key_len), 0);
	ck_assert_int_eq(rec->partition,
	                 psm__partition_of(text, strlen(text), BUS_PARTITIONS));
	ck_assert_msg(seen->again || seen->last[key] <= value,
	              "key %d: %d came after %d", key, value, seen->last[key]);
	if (seen->again)
		ck_assert_msg(value < seen->keys ||
		                  seen->times[value - seen->keys],
		              "key %d: %d came too early", key, value);
	seen->last[key] = value;
	seen->total += seen->times[value] == 0 || !seen->again;
	seen->times[value]++;
}

static void
read_all(struct reader *r, struct seen *seen, int total)
{
	while (seen->total < total) {
		struct psm__record rec;

		read_one(r, &rec);
		see(seen, &rec);
		r->s->ops->release(r->s, &rec);
	}
}

static void
check_each_once(const struct seen *seen, int count)
{
	int i;

	for (i = 0; i < count; i++)
		ck_assert_msg(seen->times[i] == 1 ||
		                  (seen->again && seen->times[i] > 1),
		              "message %d came %d times", i, seen->times[i]);
}

/* -- tests */

/* Headers arrive in their order, with their bytes: two of one name, an empty
 * one, one without a value, zeros inside. They are copied by send. */
START_TEST(carries_headers)
{
	psm_transport *t = rig->open();
	char value[] = "a\0b";
	struct psm__header given[] = {{"traceparent", value, 3},
	                              {"x", "1", 1},
	                              {"x", "", 0},
	                              {"none", NULL, 0}};
	static const char *const names[] = {"traceparent", "x", "x", "none"};
	struct psm__message m = {.topic = TOPIC,
	                         .value = "v0",
	                         .value_len = 2,
	                         .headers = given,
	                         .header_count = PSM__COUNT(given)};
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	size_t i;

	open_reader(&r, t, "headers");
	sink = open_sink(t, &sent);
	ck_assert_int_eq(sink->ops->send(sink, &m, NULL), 0);
	memset(value, 'z', sizeof(value));
	memset(given, 0, sizeof(given));
	await_reports(sink, &sent, 1);
	read_one(&r, &rec);
	ck_assert_uint_eq(rec.header_count, PSM__COUNT(names));
	for (i = 0; i < PSM__COUNT(names); i++)
		ck_assert_str_eq(rec.headers[i].name, names[i]);
	ck_assert_uint_eq(rec.headers[0].len, 3);
	ck_assert_mem_eq(rec.headers[0].value, "a\0b", 3);
	ck_assert_uint_eq(rec.headers[1].len, 1);
	ck_assert_mem_eq(rec.headers[1].value, "1", 1);
	ck_assert_ptr_nonnull(rec.headers[2].value);
	ck_assert_uint_eq(rec.headers[2].len, 0);
	ck_assert_ptr_null(rec.headers[3].value);
	ck_assert_uint_eq(rec.headers[3].len, 0);
	r.s->ops->release(r.s, &rec);
	ck_assert_ptr_null(rec.headers);

	/* And none where none were given. */
	m.header_count = 0;
	m.token = 1;
	ck_assert_int_eq(sink->ops->send(sink, &m, NULL), 0);
	await_reports(sink, &sent, 2);
	read_one(&r, &rec);
	ck_assert_uint_eq(rec.header_count, 0);
	r.s->ops->release(r.s, &rec);
	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

START_TEST(keeps_order_and_bytes)
{
	psm_transport *t = rig->open();
	struct seen seen = {.keys = 30};
	struct psm__message bare = {.topic = TOPIC, .token = 300};
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	int64_t now = psm_now_us() / 1000;

	open_reader(&r, t, "order");
	sink = open_sink(t, &sent);
	send_range(sink, 0, 300, 30);
	await_reports(sink, &sent, 300);
	check_all_sent(&sent, 0, 300);
	read_one(&r, &rec);
	ck_assert_str_eq(rec.topic, TOPIC);
	ck_assert_int_eq(rec.offset, 0);
	ck_assert_int_ge(rec.timestamp_ms, now - 1000);
	see(&seen, &rec);
	r.s->ops->release(r.s, &rec);
	read_all(&r, &seen, 300);
	check_each_once(&seen, 300);
	ck_assert_int_eq(r.s->ops->connected(r.s), 1);
	ck_assert_int_eq(sink->ops->connected(sink), 1);

	/* No key and a null value are not an empty key and an empty value. */
	ck_assert_int_eq(sink->ops->send(sink, &bare, NULL), 0);
	await_reports(sink, &sent, 301);
	read_one(&r, &rec);
	ck_assert_ptr_null(rec.key);
	ck_assert_ptr_null(rec.value);
	r.s->ops->release(r.s, &rec);

	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

START_TEST(starts_without_broker_and_heals)
{
	psm_transport *t = rig->open();
	struct seen seen = {.keys = 5, .again = rig->regroups};
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	int64_t begin;

	rig->set_down(t, 1);
	begin = psm__mono_ms();
	open_reader(&r, t, "outage");
	sink = open_sink(t, &sent);
	send_range(sink, 0, 50, 5);
	ck_assert_int_lt(psm__mono_ms() - begin, 20000);
	begin = psm__mono_ms();
	ck_assert_int_eq(sink->ops->poll(sink, 300, NULL), 0);
	ck_assert_int_ge(psm__mono_ms() - begin, 290);
	(void)r.s->ops->poll(r.s, 100, &rec, NULL); /* may tell of the outage */
	ck_assert_int_eq(sent.count, 0);
	ck_assert_int_eq(sink->ops->connected(sink), 0);

	rig->set_down(t, 0);
	await_reports(sink, &sent, 50);
	read_all(&r, &seen, 50);

	rig->set_down(t, 1);
	send_range(sink, 50, 100, 5);
	ck_assert_int_eq(sink->ops->poll(sink, 300, NULL), 0);
	rig->set_down(t, 0);
	await_reports(sink, &sent, 100);
	check_all_sent(&sent, 0, 100);
	read_all(&r, &seen, 100);
	check_each_once(&seen, 100);

	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

/* Every event without a report gets one at the end, in bounded time. */
START_TEST(closes_in_time_when_down)
{
	psm_transport *t = rig->open();
	struct psm__sink *sink;
	struct reader r;
	struct sent sent;
	int64_t begin;
	int i;

	rig->set_down(t, 1);
	open_reader(&r, t, "close");
	sink = open_sink(t, &sent);
	send_range(sink, 0, 10, 5);
	begin = psm__mono_ms();
	sink->ops->close(sink, 200);
	r.s->ops->close(r.s, 200);
	ck_assert_int_lt(psm__mono_ms() - begin, 20000);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(sent.reports[i], 1);
		ck_assert_int_eq(sent.rc[i], PSM_ERR_CLOSED);
	}
	rig->close(t);
}
END_TEST

/* Committed is not delivered again, the rest is. */
START_TEST(goes_on_after_a_restart)
{
	psm_transport *t = rig->open();
	int64_t committed[BUS_PARTITIONS] = {0};
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	int i, left = 0;

	sink = open_sink(t, &sent);
	send_range(sink, 0, 60, 20);
	await_reports(sink, &sent, 60);
	open_reader(&r, t, "restart");
	for (i = 0; i < 60; i++) {
		read_one(&r, &rec);
		/* Half of what was read counts as handled. */
		if (i < 30)
			committed[rec.partition] = rec.offset + 1;
		r.s->ops->release(r.s, &rec);
	}
	for (i = 0; i < BUS_PARTITIONS; i++) {
		ck_assert_int_eq(r.seen_committed[i], -1);
		ck_assert_int_eq(
		    r.s->ops->commit(r.s, TOPIC, i, committed[i], i == 0, NULL),
		    0);
	}
	ck_assert_int_eq(r.s->ops->commit(r.s, TOPIC, 2, committed[2], 1, NULL),
	                 0);
	r.s->ops->close(r.s, 5000);

	open_reader(&r, t, "restart");
	while (left < 30) {
		read_one(&r, &rec);
		ck_assert_int_eq(rec.offset, committed[rec.partition]);
		committed[rec.partition]++;
		left++;
		r.s->ops->release(r.s, &rec);
	}
	ck_assert_int_eq(r.s->ops->poll(r.s, 300, &rec, NULL), 0);
	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

static int
owned(const struct reader *r)
{
	return r->assigned[0] + r->assigned[1] + r->assigned[2];
}

static void
poll_into(struct reader *r, struct seen *seen)
{
	struct psm__record rec;

	if (r->s->ops->poll(r->s, 20, &rec, NULL) != 1)
		return;
	ck_assert_int_eq(r->assigned[rec.partition], 1);
	see(seen, &rec);
	r->s->ops->release(r->s, &rec);
}

START_TEST(two_readers_share_a_group)
{
	psm_transport *t = rig->open();
	struct seen seen = {.keys = 20};
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader a, b;
	struct sent sent;
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	int i;

	/* The first one has everything until the second one comes. */
	open_reader(&a, t, "pair");
	while (owned(&a) != 3) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		poll_into(&a, &seen);
	}
	open_reader(&b, t, "pair");
	while (owned(&a) == 0 || owned(&b) == 0 || owned(&a) + owned(&b) != 3) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		poll_into(&a, &seen);
		poll_into(&b, &seen);
	}
	ck_assert_int_gt(a.revocations, 0);
	sink = open_sink(t, &sent);
	send_range(sink, 0, 100, 20);
	await_reports(sink, &sent, 100);
	while (seen.total < 100) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		poll_into(&a, &seen);
		poll_into(&b, &seen);
	}
	check_each_once(&seen, 100);
	for (i = 0; i < BUS_PARTITIONS; i++)
		ck_assert_int_eq(a.assigned[i] + b.assigned[i], 1);

	/* Nobody may commit for a partition of the other one. */
	i = a.assigned[0] ? 0 : 2;
	ck_assert_int_eq(b.s->ops->commit(b.s, TOPIC, i, 1, 1, NULL),
	                 PSM_ERR_FENCED);
	ck_assert_int_eq(a.s->ops->commit(a.s, TOPIC, i, 1, 1, NULL), 0);

	a.s->ops->close(a.s, 5000);
	deadline = psm__mono_ms() + PATIENCE_MS;
	while (owned(&b) != 3) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		if (b.s->ops->poll(b.s, 50, &rec, NULL) == 1)
			b.s->ops->release(b.s, &rec);
	}
	ck_assert_int_eq(b.seen_committed[i], 1);
	b.s->ops->close(b.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

/* start_at, seek, hold and lag on one group. */
START_TEST(starts_seeks_and_holds)
{
	psm_transport *t = rig->open();
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	int64_t begin;
	int i, held, others = 0;

	sink = open_sink(t, &sent);
	send_range(sink, 0, 90, 30);
	await_reports(sink, &sent, 90);
	open_reader(&r, t, "seek");
	ck_assert_int_eq(r.s->ops->lag(r.s), -1);
	r.start = 5;
	read_one(&r, &rec);
	ck_assert_int_eq(rec.offset, 5);
	held = rec.partition;
	r.s->ops->release(r.s, &rec);

	/* Back to 2: the same offsets again, without a gap. */
	ck_assert_int_eq(r.s->ops->seek(r.s, TOPIC, held, 2, NULL), 0);
	for (i = 2; i < 6;) {
		read_one(&r, &rec);
		if (rec.partition == held)
			ck_assert_int_eq(rec.offset, i++);
		r.s->ops->release(r.s, &rec);
	}

	/* A held partition waits, the others go on. */
	ck_assert_int_eq(r.s->ops->seek(r.s, TOPIC, held, 0, NULL), 0);
	begin = psm__mono_ms();
	ck_assert_int_eq(r.s->ops->pause(r.s, TOPIC, held, 4000, NULL), 0);
	send_range(sink, 90, 180, 30);
	await_reports(sink, &sent, 180);
	for (;;) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		if (r.s->ops->poll(r.s, 200, &rec, NULL) != 1)
			continue;
		if (rec.partition == held)
			break;
		others++;
		r.s->ops->release(r.s, &rec);
	}
	ck_assert_int_ge(psm__mono_ms() - begin, 4000);
	ck_assert_int_gt(others, 0);
	ck_assert_int_eq(rec.offset, 0);
	r.s->ops->release(r.s, &rec);

	/* hold 0 ends a hold at once. */
	ck_assert_int_eq(r.s->ops->pause(r.s, TOPIC, held, 60000, NULL), 0);
	while (r.s->ops->poll(r.s, 500, &rec, NULL) == 1) {
		ck_assert_int_ne(rec.partition, held);
		r.s->ops->release(r.s, &rec);
	}
	ck_assert_int_gt(r.s->ops->lag(r.s), 0);
	ck_assert_int_eq(r.s->ops->pause(r.s, TOPIC, held, 0, NULL), 0);
	while (r.s->ops->lag(r.s) != 0) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		read_one(&r, &rec);
		r.s->ops->release(r.s, &rec);
	}
	ck_assert_int_eq(r.s->ops->seek(r.s, TOPIC, 63, 0, NULL),
	                 PSM_ERR_FENCED);
	ck_assert_int_eq(r.s->ops->pause(r.s, TOPIC, 63, 1, NULL),
	                 PSM_ERR_FENCED);
	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

/* It is asked from outside, and joins nothing. */
START_TEST(tells_how_far_a_group_is)
{
	psm_transport *t = rig->open();
	struct psm__record rec;
	struct psm__sink *sink;
	struct reader r;
	struct sent sent;
	int64_t lag;

	ck_assert_int_eq(psm_transport_lag(t, "lag", 20000, &lag, NULL),
	                 PSM_ERR_NOT_FOUND);
	sink = open_sink(t, &sent);
	send_range(sink, 0, 9, 1); /* all in one partition */
	await_reports(sink, &sent, 9);
	open_reader(&r, t, "lag");
	read_one(&r, &rec);
	ck_assert_int_eq(
	    r.s->ops->commit(r.s, TOPIC, rec.partition, 1, 1, NULL), 0);
	r.s->ops->release(r.s, &rec);
	ck_assert_int_eq(psm_transport_lag(t, "lag", 20000, &lag, NULL), 0);
	ck_assert_int_eq(lag, 8);
	r.s->ops->close(r.s, 2000);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

/* What a poll without time has served ends no later one. */
START_TEST(served_reports_end_no_poll)
{
	psm_transport *t = rig->open();
	int64_t until = psm__mono_ms() + 60000, begin;
	struct psm__sink *sink;
	struct sent sent;

	sink = open_sink(t, &sent);
	send_range(sink, 0, 1, 1);
	while (sent.count < 1) {
		ck_assert_int_ge(sink->ops->poll(sink, 0, NULL), 0);
		ck_assert_int_lt(psm__mono_ms(), until);
	}
	begin = psm__mono_ms();
	ck_assert_int_eq(sink->ops->poll(sink, 100, NULL), 0);
	ck_assert_int_ge(psm__mono_ms() - begin, 90);
	sink->ops->close(sink, 2000);
	rig->close(t);
}
END_TEST

/* A wake that comes before the poll is not lost. */
START_TEST(wake_ends_a_poll)
{
	psm_transport *t = rig->open();
	struct psm__sink *sink;
	struct psm__record rec;
	struct reader r;
	struct sent sent;
	int64_t begin;

	rig->set_down(t, 1); /* nothing else can end the polls */
	open_reader(&r, t, "wake");
	sink = open_sink(t, &sent);
	begin = psm__mono_ms();
	sink->ops->wake(sink);
	ck_assert_int_ge(sink->ops->poll(sink, 60000, NULL), 0);
	r.s->ops->wake(r.s);
	ck_assert_int_le(r.s->ops->poll(r.s, 60000, &rec, NULL), 0);
	ck_assert_int_lt(psm__mono_ms() - begin, 20000);
	r.s->ops->close(r.s, 200);
	sink->ops->close(sink, 200);
	rig->close(t);
}
END_TEST

static void
add_case(Suite *suite, const char *name, const TTest *test)
{
	tcase_add_test(testing_case(suite, name), test);
}

Suite *
suite_bus(const struct bus_rig *the_rig)
{
	Suite *s = suite_create(the_rig->name);

	rig = the_rig;
	add_case(s, "headers", carries_headers);
	add_case(s, "order", keeps_order_and_bytes);
	add_case(s, "outage", starts_without_broker_and_heals);
	add_case(s, "close", closes_in_time_when_down);
	add_case(s, "restart", goes_on_after_a_restart);
	add_case(s, "group", two_readers_share_a_group);
	add_case(s, "seek", starts_seeks_and_holds);
	add_case(s, "lag", tells_how_far_a_group_is);
	add_case(s, "served", served_reports_end_no_poll);
	add_case(s, "wake", wake_ends_a_poll);
	return s;
}
