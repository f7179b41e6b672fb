/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic in PostgreSQL without a group: one partition after the other,
 * one chunk at a time. Nothing is written. */
#include "transport/postgres/source.h"

#include <string.h>

/* How often to look for what was appended by another process. */
#define LOOK_MS 200
#define DROPPED "the topic was dropped while it was read"

struct reader {
	struct psm__reader base;
	struct psm__pg *pg; /* a reference */
	struct psm__pg_link link;
	char *topic;
	struct psm__topic_extent *parts; /* from: the next one to hand out */
	size_t count;
	size_t turn; /* whose record is next */
	struct psm__pg_chunk *chunk;
	size_t at;      /* the next one in chunk */
	psm_error *err; /* of what is tried again */
	int follow;
	int64_t to; /* with follow: behind the last offset that is wanted */
};

static struct reader *
reader_of(struct psm__reader *r)
{
	return (struct reader *)r;
}

/* -- statements, again and again while the server is away */

/* 0: the connection is there. 1: try again. Else the server refuses. */
static int
try_connect(struct reader *r, int64_t deadline_ms)
{
	int64_t left = deadline_ms - psm__mono_ms();
	int rc = psm__pg_connect(r->pg, &r->link, "transport reader",
	                         left > 1 ? (int)left : 1, r->err);
	return rc < 0 && rc != PSM_ERR_NOMEM ? 1 : rc;
}

/* Until the next try may succeed. */
static void
wait_a_little(struct reader *r, int64_t deadline_ms)
{
	int64_t until = r->link.retry_at_ms;

	if (until > deadline_ms)
		until = deadline_ms;
	(void)pthread_mutex_lock(&r->pg->lock);
	while (psm__mono_ms() < until)
		psm__pg_wait(r->pg, until);
	(void)pthread_mutex_unlock(&r->pg->lock);
}

/* What a reader asks for; as psm__topic_range and psm__topic_read. */
typedef int (*ask_fn)(struct reader *r, const void *what, psm_rows **rows,
                      psm_error *err);

/* 0: *rows is new. */
static int
ask(struct reader *r, ask_fn fn, const void *what, int64_t deadline_ms,
    psm_rows **rows, psm_error *err)
{
	*rows = NULL;
	psm__error_clear(r->err); /* the first failure is what is told */
	for (;;) {
		int rc = try_connect(r, deadline_ms);

		if (rc == 0) {
			rc = fn(r, what, rows, r->err);
			if (rc == 0) {
				psm__pg_worked(&r->link);
				return 0;
			}
			psm__pg_failed(&r->link);
			if (!r->link.conn)
				rc = 1; /* it broke */
		}
		if (rc == PSM_ERR_NOMEM)
			return psm__nomem(err);
		if (rc < 0)
			return psm__fail(err, PSM_ERR_BROKER, "%s: %s",
			                 r->topic, psm_error_message(r->err));
		if (psm__mono_ms() >= deadline_ms)
			return psm__fail(err, PSM_ERR_TIMEOUT,
			                 "%s: no answer: %s", r->topic,
			                 psm_error_message(r->err));
		wait_a_little(r, deadline_ms);
	}
}

static int
ask_range(struct reader *r, const void *what, psm_rows **rows, psm_error *err)
{
	const struct psm__reader_conf *conf = what;

	return psm__topic_range(r->link.conn, r->topic, conf->partition,
	                        conf->from_ms, conf->to_ms, rows, err);
}

static int
ask_messages(struct reader *r, const void *what, psm_rows **rows,
             psm_error *err)
{
	const struct psm__topic_extent *part = what;
	struct psm__topic_place at = {
	    .topic = r->topic,
	    .partition = part->partition,
	    .position = part->from,
	    .wanted = 1,
	};
	int64_t left = part->to - part->from, generation;
	int rc;

	/* The reader of no group: the generation is of no concern. */
	rc = psm__topic_read(r->link.conn, "", &at, 1,
	                     left < PSM__PG_FETCH_MOST ? (int)left
	                                               : PSM__PG_FETCH_MOST,
	                     PSM__PG_FETCH_BYTES, &generation, rows, err);
	if (rc == 0 && (at.next < 0 || at.incarnation != part->incarnation)) {
		psm_rows_free(*rows);
		*rows = NULL;
		rc = psm__fail(err, PSM_ERR_BROKER, DROPPED);
	}
	return rc;
}

/* -- reading */

static void
forget_chunk(struct reader *r)
{
	psm__pg_release(r->chunk);
	r->chunk = NULL;
	r->at = 0;
}

/* The next chunk of the partition whose turn it is; without one there is
 * nothing left of it. */
static int
fetch(struct reader *r, struct psm__topic_extent *part, int64_t deadline_ms,
      psm_error *err)
{
	const struct psm__topic_place at = {.topic = r->topic,
	                                    .partition = part->partition};
	psm_rows *rows = NULL;
	int rc;

	rc = ask(r, ask_messages, part, deadline_ms, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = psm__pg_chunk(&at, rows, 0, psm_rows_count(rows),
		                   &r->chunk, err);
	else if (rc == 0) /* retention was faster */
		part->from = part->to;
	psm_rows_free(rows);
	return rc;
}

/* 1: a record. 0: none in the chunk that is wanted. */
static int
hand_out(struct reader *r, struct psm__topic_extent *part,
         struct psm__record *rec)
{
	struct psm__record *next = &r->chunk->records[r->at++];
	int wanted = next->offset < part->to;

	if (wanted) {
		*rec = *next;
		r->chunk->refs++;
		part->from = next->offset + 1;
	} else {
		part->from = part->to;
	}
	if (!wanted || r->at == r->chunk->count)
		forget_chunk(r);
	return wanted;
}

/* -- what is appended later */

enum more { NO_MORE, LATER, NOW };

static enum more
look_at_end(struct reader *r, struct psm__topic_extent *part,
            const struct psm__topic_extent *now)
{
	part->to = now->to < r->to ? now->to : r->to;
	if (part->from < now->from)
		part->from = now->from; /* retention was faster */
	if (part->from < part->to)
		return NOW;
	return part->from < r->to ? LATER : NO_MORE;
}

/* 1: the partition is still there. */
static int
find_extent(const psm_rows *rows, const struct psm__topic_extent *part,
            struct psm__topic_extent *now)
{
	size_t i;

	for (i = 0; i < psm_rows_count(rows); i++) {
		psm__topic_extent(rows, i, now);
		if (now->partition == part->partition)
			return now->incarnation == part->incarnation;
	}
	return 0;
}

/* Whether any partition has more, or will have. */
static int
look_for_more(struct reader *r, int64_t deadline_ms, enum more *more,
              psm_error *err)
{
	const struct psm__reader_conf all = {.partition = -1,
	                                     .to_ms = INT64_MAX};
	struct psm__topic_extent now;
	enum more found;
	psm_rows *rows = NULL;
	size_t i;
	int rc;

	*more = NO_MORE;
	rc = ask(r, ask_range, &all, deadline_ms, &rows, err);
	for (i = 0; rc == 0 && i < r->count; i++) {
		if (r->parts[i].from >= r->to)
			continue;
		if (!find_extent(rows, &r->parts[i], &now)) {
			psm_rows_free(rows);
			return psm__fail(err, PSM_ERR_BROKER, "%s: " DROPPED,
			                 r->topic);
		}
		found = look_at_end(r, &r->parts[i], &now);
		if (found > *more)
			*more = found;
	}
	psm_rows_free(rows);
	r->turn = 0;
	return rc;
}

/* 1: look again. 0: the deadline came. PSM__READER_END. */
static int
wait_for_more(struct reader *r, int64_t deadline_ms, psm_error *err)
{
	enum more more;
	int rc = look_for_more(r, deadline_ms, &more, err);
	int64_t now = psm__mono_ms(), until = now + LOOK_MS;

	if (rc < 0)
		return rc;
	if (more != LATER)
		return more == NOW ? 1 : PSM__READER_END;
	if (now >= deadline_ms)
		return 0;
	(void)pthread_mutex_lock(&r->pg->lock);
	psm__pg_wait(r->pg, until < deadline_ms ? until : deadline_ms);
	(void)pthread_mutex_unlock(&r->pg->lock);
	return 1;
}

/* 1: a record. PSM__READER_END: that is all that is known of. */
static int
next_known(struct reader *r, int64_t deadline, struct psm__record *rec,
           psm_error *err)
{
	int rc;

	while (r->turn < r->count) {
		struct psm__topic_extent *part = &r->parts[r->turn];

		if (r->chunk && hand_out(r, part, rec))
			return 1;
		if (r->chunk)
			continue;
		if (part->from >= part->to) {
			r->turn++;
			continue;
		}
		rc = fetch(r, part, deadline, err);
		if (rc < 0)
			return rc;
	}
	return PSM__READER_END;
}

static int
reader_next(struct psm__reader *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct reader *r = reader_of(base);
	int64_t deadline = psm__mono_ms() + timeout_ms;
	int rc = next_known(r, deadline, rec, err);

	while (r->follow && rc == PSM__READER_END) {
		rc = wait_for_more(r, deadline, err);
		if (rc != 1)
			return rc;
		rc = next_known(r, deadline, rec, err);
	}
	return rc;
}

static void
reader_release(struct psm__reader *base, struct psm__record *rec)
{
	(void)base;
	psm__pg_release(rec->handle);
	memset(rec, 0, sizeof *rec);
}

static void
reader_close(struct psm__reader *base)
{
	struct reader *r = reader_of(base);

	forget_chunk(r);
	psm__pg_disconnect(&r->link);
	if (r->pg)
		psm_transport_unref(&r->pg->base);
	psm_error_free(r->err);
	psm__free(r->parts);
	psm__free(r->topic);
	psm__free(r);
}

static const struct psm__reader_ops reader_ops = {
    .next = reader_next,
    .release = reader_release,
    .close = reader_close,
};

/* -- opening */

static int
take_parts(struct reader *r, const struct psm__reader_conf *conf,
           const psm_rows *rows, psm_error *err)
{
	size_t i, count = psm_rows_count(rows);

	if (count == 0)
		return psm__fail(err, PSM_ERR_BROKER, "%s: no such topic%s",
		                 r->topic,
		                 conf->partition < 0 ? "" : " or partition");
	r->parts = psm__array(count + 1, sizeof *r->parts);
	if (!r->parts)
		return psm__nomem(err);
	for (i = 0; i < count; i++) {
		struct psm__topic_extent *part = &r->parts[i];

		psm__topic_extent(rows, i, part);
		if (part->from < conf->from)
			part->from = conf->from;
		if (part->to > conf->to)
			part->to = conf->to;
		if (part->to > part->from)
			r->base.expected += part->to - part->from;
	}
	r->count = count;
	return 0;
}

int
psm__pg_open_reader(psm_transport *t, const struct psm__reader_conf *conf,
                    int timeout_ms, struct psm__reader **out, psm_error *err)
{
	struct reader *r = psm__alloc(sizeof *r);
	psm_rows *rows = NULL;
	int rc = 0;

	*out = NULL;
	if (!r)
		return psm__nomem(err);
	r->base.ops = &reader_ops;
	r->pg = (struct psm__pg *)psm_transport_ref(t);
	r->follow = conf->follow;
	r->to = conf->to;
	r->topic = psm__strdup(conf->topic);
	r->err = psm_error_new();
	if (!r->topic || !r->err)
		rc = psm__nomem(err);
	if (rc == 0)
		rc = ask(r, ask_range, conf, psm__mono_ms() + timeout_ms, &rows,
		         err);
	if (rc == 0)
		rc = take_parts(r, conf, rows, err);
	psm_rows_free(rows);
	if (rc < 0)
		reader_close(&r->base);
	else
		*out = &r->base;
	return rc;
}
