/* SPDX-License-Identifier: BSD-2-Clause */
/* What is told of an event once the broker has it: a line of the log, and
 * metrics by its type. */
#include <stdio.h>
#include <string.h>

#include "client/producer/producer_int.h"
#include "event/catalogue_int.h"

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

void
psm__published_type(const struct psm__message *m,
                    char type[PSM__PUBLISHED_TYPE])
{
	size_t len = m->value_len < HEAD ? m->value_len : HEAD;
	const char *end = NULL;
	const char *at = find(m->value, len, "\"event_type\":\"", &end);

	type[0] = '\0';
	if (!at)
		at = find(m->value, len, "\"eventType\":\"", &end);
	if (!at || !end || end - at >= PSM__PUBLISHED_TYPE)
		return;
	memcpy(type, at, (size_t)(end - at));
	type[end - at] = '\0';
	if (!psm__is_type_name(type))
		type[0] = '\0';
}

static struct psm__metric *
counter_of(struct psm__published *d, const char *type)
{
	uint64_t hash = psm__hash(PSM__HASH_START, type, strlen(type));
	struct psm__published_type *t = &d->types[hash % PSM__COUNT(d->types)];

	if (!t->count || strcmp(t->type, type) != 0) {
		t->count =
		    psm__counter("psymatch_events_published_total", "type",
		                 type, "Events that the broker has.");
		(void)snprintf(t->type, sizeof t->type, "%s", type);
	}
	return t->count;
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

void
psm__published(struct psm_producer *p, uint64_t token)
{
	struct psm__published *d = &p->published;
	char type[PSM__PUBLISHED_TYPE];
	struct psm__message m;

	psm__spool_message(p->spool, token, &m);
	psm__published_type(&m, type);
	if (!d->seconds)
		d->seconds = psm__histogram(
		    "psymatch_publish_seconds",
		    "Time from send until the broker has an event.");
	psm__metric_add(counter_of(d, type), 1);
	psm__histogram_add(d->seconds, psm_now_us() - m.time_us);
	if (psm_log_wanted(PSM_LOG_INFO))
		log_line(p, &m, type);
}
