/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic of the memory transport without a group. */
#include <string.h>

#include "transport/memory/memory.h"
#include "transport/memory/memory_int.h"

struct reader {
	struct psm__reader base;
	struct psm__bus *bus; /* a reference */
	struct psm__mem_topic *topic;
	int32_t partition; /* whose turn it is */
	int64_t next[PSM__MEMORY_PARTITIONS_MAX];
	int64_t end[PSM__MEMORY_PARTITIONS_MAX];
	int follow;
};

static struct reader *
reader_of(struct psm__reader *r)
{
	return (struct reader *)r;
}

/* 1: a record. PSM__READER_END: none. @locks bus->lock held */
static int
next_record(struct reader *r, struct psm__record *rec)
{
	if (r->follow) /* whatever partition it comes to */
		r->partition = 0;
	for (; r->partition < r->bus->partitions; r->partition++) {
		struct psm__mem_partition *part =
		    &r->topic->parts[r->partition];
		int64_t first = part->next - (int64_t)part->count;
		int64_t *next = &r->next[r->partition];
		struct psm__mem_message *m = NULL;

		if (*next < first) /* retention was faster */
			*next = first;
		if (*next < r->end[r->partition])
			m = psm__mem_at(part, *next);
		if (!m)
			continue;
		psm__mem_fill(rec, r->topic, r->partition, m);
		++*next;
		return 1;
	}
	return PSM__READER_END;
}

/* Whether an end was not reached yet. @locks bus->lock held */
static int
has_more(const struct reader *r)
{
	int32_t p;

	for (p = 0; p < r->bus->partitions; p++)
		if (r->next[p] < r->end[p])
			return 1;
	return 0;
}

static int
reader_next(struct psm__reader *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct reader *r = reader_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int rc = 0;

	(void)err; /* nothing can fail here */
	pthread_mutex_lock(&r->bus->lock);
	while (r->bus->down && psm__mono_ms() < deadline)
		psm__mem_wait(r->bus, deadline);
	if (!r->bus->down)
		rc = next_record(r, rec);
	while (r->follow && rc == PSM__READER_END && has_more(r)) {
		rc = 0;
		if (psm__mono_ms() >= deadline)
			break;
		psm__mem_wait(r->bus, deadline);
		if (!r->bus->down)
			rc = next_record(r, rec);
	}
	pthread_mutex_unlock(&r->bus->lock);
	return rc;
}

static void
reader_release(struct psm__reader *base, struct psm__record *rec)
{
	struct reader *r = reader_of(base);

	pthread_mutex_lock(&r->bus->lock);
	psm__mem_release(rec->handle);
	pthread_mutex_unlock(&r->bus->lock);
	memset(rec, 0, sizeof(*rec));
}

static void
reader_close(struct psm__reader *base)
{
	struct reader *r = reader_of(base);

	psm_transport_unref(&r->bus->base);
	psm__free(r);
}

static const struct psm__reader_ops reader_ops = {
    .next = reader_next,
    .release = reader_release,
    .close = reader_close,
};

/* @locks bus->lock held */
static void
choose(struct reader *r, const struct psm__reader_conf *conf)
{
	int32_t p;

	for (p = 0; p < r->bus->partitions; p++) {
		int64_t end = r->topic->parts[p].next, from;

		if (conf->partition >= 0 && conf->partition != p)
			continue; /* 0 to 0: nothing */
		r->next[p] = conf->from;
		r->end[p] = conf->to < end || conf->follow ? conf->to : end;
		from = psm__mem_first(&r->topic->parts[p]);
		if (from < conf->from)
			from = conf->from;
		if (conf->to < end)
			end = conf->to;
		r->base.expected += end > from ? end - from : 0;
	}
}

int
psm__mem_open_reader(psm_transport *t, const struct psm__reader_conf *conf,
                     int timeout_ms, struct psm__reader **out, psm_error *err)
{
	struct reader *r = psm__alloc(sizeof(*r));

	(void)timeout_ms; /* the ends are at hand */
	*out = NULL;
	if (!r)
		return psm__nomem(err);
	if (conf->partition >= ((struct psm__bus *)t)->partitions) {
		psm__free(r);
		return psm__fail(err, PSM_ERR_BROKER, "%s: no such partition",
		                 conf->topic);
	}
	r->base.ops = &reader_ops;
	r->bus = (struct psm__bus *)psm_transport_ref(t);
	r->follow = conf->follow;
	pthread_mutex_lock(&r->bus->lock);
	r->topic = psm__mem_topic(r->bus, conf->topic);
	if (r->topic)
		choose(r, conf);
	pthread_mutex_unlock(&r->bus->lock);
	if (!r->topic) {
		reader_close(&r->base);
		return psm__nomem(err);
	}
	*out = &r->base;
	return 0;
}
