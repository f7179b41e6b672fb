/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the consumer share: events to send, a handler that
 * remembers them, a consumer of the test's topic. */
#ifndef PSM_CONSUMER_RIG_H
#define PSM_CONSUMER_RIG_H

#include <stdio.h>
#include <string.h>

#include <psymatch/psymatch.h>

#include "transport/transport.h"
#include "transport/memory/memory.h"
#include "testing.h"

#define TOPIC "matching-events"
#define PARTITIONS 3
#ifndef PATIENCE_MS
#define PATIENCE_MS 60000
#endif
#define MAX_SEEN 2048

/* -- sending: search.status_changed of search `search`, numbered by
 * patient_id */

static inline char *
encode(const char *type, const char *payload, size_t *len)
{
	psm_event *ev = NULL;
	char *text = NULL;

	ck_assert_int_eq(
	    psm_event_new(type, "test", payload, strlen(payload), &ev, NULL),
	    0);
	ck_assert_int_eq(psm_event_encode(ev, PSM_WIRE_SNAKE, &text, len, NULL),
	                 0);
	psm_event_free(ev);
	return text;
}

static inline char *
event_text(int search, int number, size_t *len)
{
	char payload[128];

	snprintf(payload, sizeof(payload),
	         "{\"search_id\": %d, \"patient_id\": %d, "
	         "\"old_status\": null, \"new_status\": \"aktiv\"}",
	         search, number);
	return encode("search.status_changed", payload, len);
}

static inline void
put_event(psm_transport *t, int search, int number)
{
	char key[16];
	size_t len;
	char *text = event_text(search, number, &len);

	snprintf(key, sizeof(key), "%d", search);
	ck_assert_int_eq(psm__memory_put(t, TOPIC, key, text, len), 0);
	psm_free(text);
}

static inline void
put_text(psm_transport *t, const char *text)
{
	ck_assert_int_eq(psm__memory_put(t, TOPIC, "1", text, strlen(text)), 0);
}

/* -- handling: what came, and what to answer */

struct seen {
	int search[MAX_SEEN], number[MAX_SEEN];
	int count;
	int calls;
	/* The event with this number fails that often with that code. */
	int fail_number, fail_times, fail_rc;
	int dead, dead_code;
	int64_t dead_offset;
	char dead_raw[256];
	char dead_reason[256];
};

static inline int64_t
member(const psm_json *payload, const char *name)
{
	int64_t value = 0;

	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(payload, name), &value, NULL), 0);
	return value;
}

static inline int
on_event(const psm_event *ev, void *user, psm_error *err)
{
	struct seen *seen = user;
	const psm_json *payload = psm_event_payload(ev);
	int64_t search = member(payload, "/search_id");
	int64_t number = member(payload, "/patient_id");

	seen->calls++;
	if (number == seen->fail_number && seen->fail_times > 0) {
		seen->fail_times--;
		if (seen->fail_rc < 0)
			(void)psm_error_set(err, seen->fail_rc,
			                    "the test says so");
		return seen->fail_rc;
	}
	ck_assert_int_lt(seen->count, MAX_SEEN);
	seen->search[seen->count] = (int)search;
	seen->number[seen->count] = (int)number;
	seen->count++;
	return 0;
}

static inline void
on_dead(const char *topic, int32_t partition, int64_t offset, const void *raw,
        size_t len, int code, const char *reason, void *user)
{
	struct seen *seen = user;

	ck_assert_str_eq(topic, TOPIC);
	ck_assert_int_lt(partition, PARTITIONS);
	ck_assert_ptr_nonnull(raw);
	seen->dead++;
	seen->dead_code = code;
	seen->dead_offset = offset;
	snprintf(seen->dead_raw, sizeof(seen->dead_raw), "%.*s", (int)len,
	         (const char *)raw);
	snprintf(seen->dead_reason, sizeof(seen->dead_reason), "%s", reason);
}

/* -- set-up */

static inline psm_transport *
open_memory(void)
{
	psm_transport *t = NULL;

	ck_assert_int_eq(psm_transport_memory(PARTITIONS, &t, NULL), 0);
	return t;
}

static inline psm_consumer *
make_consumer(psm_transport *t, const char *group, struct seen *seen)
{
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, group, &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "search.status_changed", on_event, seen, NULL),
	    0);
	ck_assert_int_eq(psm_consumer_on_dead(c, on_dead, seen), 0);
	return c;
}

static inline void
poll_until(psm_consumer *c, const int *value, int want)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (*value < want) {
		ck_assert_msg(psm__mono_ms() < deadline, "%d of %d", *value,
		              want);
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	}
	ck_assert_int_eq(*value, want);
}

/* Numbers of one search must rise. */
static inline void
check_order(const struct seen *seen)
{
	int last[64] = {0};
	int i;

	for (i = 0; i < seen->count; i++) {
		int search = seen->search[i];

		ck_assert_int_lt(search, 64);
		ck_assert_msg(seen->number[i] > last[search],
		              "search %d: %d came after %d", search,
		              seen->number[i], last[search]);
		last[search] = seen->number[i];
	}
}

#endif
