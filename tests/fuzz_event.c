/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes: psm_event_parse() takes them or says why not; what it took comes
 * through both writings unchanged. What the one pass takes, the tree takes too,
 * and both make the same event of it.
 */
#include <stdlib.h>
#include <string.h>

#include <psymatch/psymatch.h>

#include "fuzz.h"
#include "testing_event.h"

static void
must(int holds)
{
	if (!holds)
		abort();
}

static int
same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
round_trip(const psm_event *ev, int wire)
{
	psm_event *other = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc;

	must(psm_event_encode(ev, wire, &text, &len, NULL) == 0);
	rc = psm_event_parse(text, len, &other, NULL);
	/* Escapes that were spelled shorter can only grow by the writing of
	 * names; nothing else may refuse our own text. */
	must(rc == 0 || (rc == PSM_ERR_TOO_LARGE && len > PSM_EVENT_MAX));
	if (rc == 0) {
		must(same(psm_event_id(ev), psm_event_id(other)));
		must(same(psm_event_type_as_sent(ev),
		          psm_event_type_as_sent(other)));
		must(same(psm_event_producer(ev), psm_event_producer(other)));
		must(same(psm_event_key(ev), psm_event_key(other)));
		must(psm_event_timestamp_us(ev) ==
		     psm_event_timestamp_us(other));
		must(psm_json_equal(psm_event_payload(ev),
		                    psm_event_payload(other)));
	}
	psm_event_free(other);
	psm_free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static psm_error *err; /* one for the whole run: it must be reusable */
	psm_event *ev = NULL;
	int rc;

	if (!err)
		err = psm_error_new();
	must(err != NULL);
	if (size <= PSM_EVENT_MAX)
		must(testing_both_ways((const char *)data, size) >= 0);
	rc = psm_event_parse((const char *)data, size, &ev, err);
	must(rc == psm_error_code(err));
	must((rc == 0) == (ev != NULL));
	if (rc < 0) {
		must(psm_error_message(err)[0] != '\0');
		must(psm_error_line(err) >= 1 || rc == PSM_ERR_TOO_LARGE);
		return 0;
	}
	must(psm_json_kind(psm_event_payload(ev)) == PSM_JSON_OBJECT);
	must((psm_event_topic(ev) == NULL) == (psm_event_key(ev) == NULL));
	round_trip(ev, PSM_WIRE_SNAKE);
	round_trip(ev, PSM_WIRE_CAMEL);
	round_trip(ev, PSM_WIRE_CLOUDEVENTS);
	psm_event_free(ev);
	return 0;
}
