/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event says; its trace and origin are in trace.c. */
#include "event/event_int.h"
#include "json/json.h"

const psm_json *
psm_event_payload(const psm_event *ev)
{
	const psm_json *made, *there;
	psm_json *doc = NULL;
	psm_event *cell = (psm_event *)(uintptr_t)ev;

	if (!ev)
		return NULL;
	there = __atomic_load_n(&ev->payload, __ATOMIC_ACQUIRE);
	if (there)
		return there;
	/* It was read once already, so only memory can be missing. */
	if (psm_json_parse(ev->raw.text, ev->raw.len, &doc, NULL) < 0) {
		__atomic_store_n(&cell->starved, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	made = doc;
	if (ev->enveloped)
		made = psm_json_at(doc, "/payload");
	if (__atomic_compare_exchange_n(&cell->payload, &there, made, 0,
	                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return made;
	psm_json_free(doc); /* another thread was faster */
	return there;
}

const char *
psm_event_payload_text(const psm_event *ev, size_t *len)
{
	if (len)
		*len = ev ? ev->payload_text.len : 0;
	return ev ? ev->payload_text.text : NULL;
}

int
psm__event_starved(const psm_event *ev)
{
	return __atomic_load_n(&ev->starved, __ATOMIC_RELAXED);
}

int
psm__event_enveloped(const psm_event *ev)
{
	return ev->enveloped;
}

const char *
psm_event_id(const psm_event *ev)
{
	return ev ? ev->text[ID] : NULL;
}

const char *
psm_event_type(const psm_event *ev)
{
	if (!ev)
		return NULL;
	return ev->info ? ev->info->name : ev->text[TYPE];
}

const char *
psm_event_type_as_sent(const psm_event *ev)
{
	return ev ? ev->text[TYPE] : NULL;
}

const char *
psm_event_version(const psm_event *ev)
{
	return ev ? ev->text[VERSION] : NULL;
}

int64_t
psm_event_timestamp_us(const psm_event *ev)
{
	return ev ? ev->timestamp_us : 0;
}

const char *
psm_event_producer(const psm_event *ev)
{
	return ev ? ev->text[PRODUCER] : NULL;
}
