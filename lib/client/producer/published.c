/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of an event once the broker has it: a line of the log, and
 * metrics by its type. What these need is noted when the event is handed over:
 * at its report it has left the processor's caches. */
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"
#include "event/catalogue_int.h"
#include "event/cloudevent.h"

/* The envelope has id and type first, whoever of us encoded it. */
#define HEAD 256u

static const char *
find(const char *text, size_t len, const char *mark, const char **end)
{
	const char *at = memmem(text, len, mark, strlen(mark));

	if (!at)
		return NULL;
	at += strlen(mark);
	*end = memchr(at, '"', len - (size_t)(at - text));
	return at;
}

/* Of a CloudEvent in the binary form, and where it ends; else NULL. */
static const char *
type_header(const struct psm__message *m, const char **end)
{
	const char *name = psm__ce_names[PSM__CE_TYPE];
	size_t i;

	for (i = 0; i < m->header_count; i++)
		if (strcmp(m->headers[i].name, name) == 0) {
			*end = m->headers[i].value + m->headers[i].len;
			return m->headers[i].value;
		}
	return NULL;
}

void
psm__published_type(const struct psm__message *m,
                    char type[PSM__PUBLISHED_TYPE])
{
	static const char *const marks[] = {
	    "\"event_type\":\"", "\"eventType\":\"",
	    "\",\"type\":\"" /* of a CloudEvent in the structured form */
	};
	size_t len = m->value_len < HEAD ? m->value_len : HEAD, i;
	const char *end = NULL;
	const char *at = type_header(m, &end);

	type[0] = '\0';
	for (i = 0; !at && i < PSM__COUNT(marks); i++)
		at = find(m->value, len, marks[i], &end);
	if (!at || !end || end - at >= PSM__PUBLISHED_TYPE)
		return;
	memcpy(type, at, (size_t)(end - at));
	type[end - at] = '\0';
	if (!psm__is_type_name(type))
		type[0] = '\0';
}

/* Where the type stands in what we encode; NULL: look for it. */
static const char *
usual_place(const struct psm__message *m)
{
	static const char before[] = "\",\"event_type\":\"";
	const size_t at = sizeof "{\"event_id\":\"" - 1 + 36;
	const char *value = m->value;

	if (m->value_len < at + sizeof before + PSM__PUBLISHED_TYPE ||
	    memcmp(value + at, before, sizeof before - 1) != 0)
		return NULL;
	return value + at + sizeof before - 1;
}

/* The number of the type at that place, if it is known; else the count. */
static size_t
known_type(const struct psm__published *d, const char *at)
{
	const struct psm__published_type *t = &d->types[d->last];
	size_t i;

	if (d->type_count && memcmp(at, t->type, t->len) == 0 &&
	    at[t->len] == '"')
		return d->last;
	for (i = 0; i < d->type_count; i++) {
		t = &d->types[i];
		if (memcmp(at, t->type, t->len) == 0 && at[t->len] == '"')
			return i;
	}
	return i;
}

static size_t
type_index(struct psm__published *d, const struct psm__message *m)
{
	const char *at = usual_place(m);
	char type[PSM__PUBLISHED_TYPE];
	size_t i;

	if (at && (i = known_type(d, at)) < d->type_count)
		return i;
	psm__published_type(m, type);
	for (i = 0; i < d->type_count; i++)
		if (strcmp(d->types[i].type, type) == 0)
			return i;
	if (i == PSM__COUNT(d->types))
		return i; /* too many: it is read again at the report */
	d->types[i].len = strlen(type);
	memcpy(d->types[i].type, type, d->types[i].len + 1);
	d->type_count++;
	return i;
}

/* A note has the time in microseconds, and below it the type's number. */
#define TYPE_BITS 8

void
psm__published_note(struct psm_producer *p, const struct psm__message *m)
{
	struct psm__published *d = &p->published;

	d->last = type_index(d, m);
	psm__spool_note(p->spool, m->token,
	                (uint64_t)m->time_us << TYPE_BITS | d->last);
	if (d->last == PSM__COUNT(d->types))
		d->last = 0;
}

/* Keys are ids of records; another one could be anything. */
static int
is_id(const struct psm__message *m)
{
	size_t i;

	for (i = 0; m->key && i < m->key_len; i++)
		if (m->key[i] < '0' || m->key[i] > '9')
			return 0;
	return i > 0 && i <= 20;
}

static void
log_line(struct psm_producer *p, const struct psm__message *m, const char *type)
{
	char id[128], partition[16], key[24] = "";

	if (is_id(m))
		(void)snprintf(key, sizeof key, "%.*s", (int)m->key_len,
		               m->key);
	psm__spool_id(p->spool, m->token, id, sizeof id);
	(void)snprintf(partition, sizeof partition, "%d",
	               (int)p->reporting->partition);
	psm__log(PSM_LOG_INFO, "event published", "type", type, "event_id", id,
	         "topic", m->topic, "partition", partition,
	         key[0] ? "key" : NULL, key, NULL);
}

static struct psm__metric *
counter(const char *type)
{
	return psm__counter("psymatch_events_published_total", "type", type,
	                    "Events that the broker has.");
}

/* Runs of reports: mostly, many of one type follow each other and took about
 * the same time. */
static void
flush_types(struct psm__published *d)
{
	struct psm__published_type *t = &d->types[d->run_type];

	if (d->run == 0)
		return;
	if (!t->count)
		t->count = counter(t->type);
	psm__metric_add(t->count, d->run);
	d->run = 0;
}

static void
flush_seconds(struct psm__published *d)
{
	if (!d->seconds)
		d->seconds = psm__histogram(
		    "psymatch_publish_seconds",
		    "Time from send until the broker has an event.");
	psm__histogram_add(d->seconds, d->bucket, d->waits, d->waited_us);
	d->waits = d->waited_us = 0;
}

void
psm__published_count(struct psm_producer *p)
{
	flush_types(&p->published);
	flush_seconds(&p->published);
	p->published.now_us = 0;
}

/* All reports of a poll have come at the same time. */
static void
add_seconds(struct psm__published *d, int64_t sent_us)
{
	int64_t us;
	size_t bucket;

	if (d->now_us == 0)
		d->now_us = psm_now_us();
	us = d->now_us > sent_us ? d->now_us - sent_us : 0;
	bucket = psm__histogram_bucket(us);
	if (bucket != d->bucket)
		flush_seconds(d);
	d->bucket = bucket;
	d->waits++;
	d->waited_us += us;
}

void
psm__published(struct psm_producer *p, uint64_t token)
{
	struct psm__published *d = &p->published;
	uint64_t note = psm__spool_noted(p->spool, token);
	size_t i = note & ((1u << TYPE_BITS) - 1);
	int known = i < d->type_count;
	char type[PSM__PUBLISHED_TYPE];
	struct psm__message m;

	add_seconds(d, (int64_t)(note >> TYPE_BITS));
	if (known) {
		if (i != d->run_type)
			flush_types(d);
		d->run_type = i;
		d->run++;
		if (!psm_log_wanted(PSM_LOG_INFO))
			return;
	}
	psm__spool_message(p->spool, token, &m);
	psm__published_type(&m, type);
	if (!known)
		psm__metric_add(counter(type), 1);
	if (psm_log_wanted(PSM_LOG_INFO))
		log_line(p, &m, type);
}
