/* SPDX-License-Identifier: BSD-2-Clause */
/* Appending: from any thread. */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

/* Under s->lock. */
struct psm__intake {
	int shut;
	int too_old;              /* the oldest record waits for too long */
	size_t id_at;             /* where the last id stood in its value */
	struct psm__rec *scratch; /* of an event before it is encrypted */
	size_t scratch_size;
};

int
psm__intake_new(struct psm__spool *s)
{
	s->intake = psm__alloc(sizeof(*s->intake));
	return s->intake ? 0 : PSM_ERR_NOMEM;
}

void
psm__intake_free(struct psm__spool *s)
{
	if (!s->intake)
		return;
	psm__wipe(s->intake->scratch, s->intake->scratch_size);
	psm__free(s->intake);
	s->intake = NULL;
}

static void
put_u32(uint32_t *at, size_t value)
{
	*at = htole32((uint32_t)value);
}

/* 1: the event id stands in the value, at s->intake->id_at, which is mostly
 * where the one before stood. @locks s->lock held */
static int
find_id(struct psm__spool *s, const struct psm__spool_entry *e, size_t id_len)
{
	const char *value = e->value, *id;

	if (id_len == 0)
		return 0;
	if (s->intake->id_at + id_len <= e->value_len &&
	    memcmp(value + s->intake->id_at, e->id, id_len) == 0)
		return 1;
	id = memmem(value, e->value_len, e->id, id_len);
	if (!id || (size_t)(id - value) + id_len > UINT16_MAX)
		return 0;
	s->intake->id_at = (size_t)(id - value);
	return 1;
}

/* All of a record but its crc. @locks s->lock held */
static void
fill_record(struct psm__spool *s, struct psm__rec *rec,
            const struct psm__spool_entry *e, size_t len)
{
	size_t topic_len = strlen(e->topic), id_len = strlen(e->id);
	size_t key_len = e->key ? e->key_len : 0;
	char *p = (char *)(rec + 1);

	memcpy(p, e->topic, topic_len + 1);
	p += topic_len + 1;
	if (key_len)
		memcpy(p, e->key, key_len);
	memcpy(p + key_len, e->value, e->value_len);
	psm__headers_put(e->headers, e->header_count,
	                 p + key_len + e->value_len);
	put_u32(&rec->len, len);
	rec->seq = htole64(psm__queue_next_seq(s));
	rec->time_us = (int64_t)htole64((uint64_t)psm_now_us());
	rec->kind = htole16(e->key ? PSM__REC_EVENT : PSM__REC_NO_KEY);
	rec->topic_len = htole16((uint16_t)topic_len);
	put_u32(&rec->key_len, key_len);
	put_u32(&rec->value_len, e->value_len);
	if (find_id(s, e, id_len)) {
		rec->id_at = htole16((uint16_t)s->intake->id_at);
		rec->id_len = htole16((uint16_t)id_len);
	}
}

/* The event must never be in the file unencrypted, so it is built in
 * scratch. 0 or an errno. @locks s->lock held */
static int
put_sealed(struct psm__spool *s, struct psm__segment *g,
           const struct psm__spool_entry *e, size_t len)
{
	int rc;

	if (len > s->intake->scratch_size) {
		psm__wipe(s->intake->scratch, s->intake->scratch_size);
		s->intake->scratch = psm__alloc(len);
		s->intake->scratch_size = s->intake->scratch ? len : 0;
		if (!s->intake->scratch)
			return ENOMEM;
	}
	memset(s->intake->scratch, 0, sizeof(*s->intake->scratch));
	fill_record(s, s->intake->scratch, e, len);
	rc = psm__seal_put(g, g->used, s->intake->scratch);
	if (rc != 0) {
		/* A place must not be encrypted twice, so this segment is
		 * full. */
		psm__segment_set_state(g, PSM__SEGMENT_FULL);
		psm__queue_leave_active(s);
	}
	return rc;
}

/* The crc last: what is half written when the process dies has none. 0 or an
 * errno. @locks s->lock held */
static int
put_record(struct psm__spool *s, struct psm__segment *g,
           const struct psm__spool_entry *e, size_t len)
{
	struct psm__rec *rec = (void *)(g->base + g->used);

	if (g->encrypted)
		return put_sealed(s, g, e, len);
	fill_record(s, rec, e, len);
	psm__file_ops.publish(&rec->crc, htole32(psm__rec_crc(g->seed, rec)));
	return 0;
}

/* A segment with room for space bytes; 0 or an errno. @locks s->lock held */
static int
make_room(struct psm__spool *s, size_t space)
{
	struct psm__segment *g = psm__queue_active(s);
	int rc;

	if (g && g->state == PSM__SEGMENT_ACTIVE && g->used + space <= g->size)
		return 0;
	rc = psm__spares_begin(s, space, psm__queue_next_seq(s), &g);
	if (psm__watch_note_make(s, rc))
		psm__log(PSM_LOG_ERROR, "cannot make a spool segment",
		         "directory", s->dir, "why", strerror(rc), NULL);
	if (rc == 0)
		psm__queue_add_segment(s, g);
	return rc;
}

/* 1: the oldest record is older than refuse_age_us. Events are accepted
 * again only below accept_age_us: else, with a slow sender, every other
 * event would be refused. @locks s->lock held */
static int
is_too_old(struct psm__spool *s)
{
	int64_t oldest = psm__queue_oldest_us(s);
	int64_t age;

	if (s->conf.refuse_age_us == 0)
		return 0;
	age = oldest ? psm_now_us() - oldest : 0;
	if (age > s->conf.refuse_age_us)
		s->intake->too_old = 1;
	else if (age <= s->conf.accept_age_us)
		s->intake->too_old = 0;
	return s->intake->too_old;
}

/* @locks s->lock held */
static int
check_limits(struct psm__spool *s, size_t space, psm_error *err)
{
	int rc = 0;

	if (s->intake->shut)
		return psm__fail(err, PSM_ERR_STATE, "closing");
	rc = psm__spool_faulty(s, err);
	if (rc == 0 && !s->own_stream)
		rc = psm__spool_enter(s, PSM_ERR_IO, err);
	if (rc < 0)
		return rc;
	if (psm__queue_bytes(s) + (int64_t)space > s->conf.max_bytes)
		return psm__fail(err, PSM_ERR_FULL,
		                 "the limit of %lld bytes is reached",
		                 (long long)s->conf.max_bytes);
	if (is_too_old(s))
		return psm__fail(err, PSM_ERR_FULL,
		                 "the oldest event waits for too long: the "
		                 "limit is %lld s",
		                 (long long)s->conf.refuse_age_us / 1000000);
	if (s->conf.max_records && psm__queue_waiting(s) >= s->conf.max_records)
		return psm__fail(err, PSM_ERR_FULL, "%llu events are waiting",
		                 (unsigned long long)(psm__queue_waiting(s)));
	return 0;
}

static int
fail_room(struct psm__spool *s, int why, psm_error *err)
{
	if (psm__spool_no_room(why))
		return psm__fail(err, PSM_ERR_FULL,
		                 "spool %s: no room on the disk", s->dir);
	if (why == ENOMEM)
		return psm__nomem(err);
	return psm__fail(err, PSM_ERR_IO, "spool %s: %s", s->dir,
	                 strerror(why));
}

/* @locks s->lock held */
static int
append_locked(struct psm__spool *s, const struct psm__spool_entry *e,
              size_t len, psm_error *err)
{
	size_t space = psm__rec_space(s->keys ? len + PSM__SEAL_EXTRA : len);
	struct psm__segment *g;
	uint64_t seq;
	int rc = check_limits(s, space, err);

	if (rc < 0)
		return rc;
	rc = make_room(s, space);
	if (rc != 0)
		return fail_room(s, rc, err);
	g = psm__queue_active(s);
	rc = put_record(s, g, e, len);
	if (rc != 0)
		return fail_room(s, rc, err);
	seq = psm__queue_add_record(s, space);
	if (s->conf.durability == PSM__DURABLE_DISK)
		return psm__spool_commit(s, seq, err);
	psm__queue_reached(s, seq);
	return 0;
}

int
psm__spool_append(struct psm__spool *s, const struct psm__spool_entry *e,
                  psm_error *err)
{
	size_t key_len = e->key ? e->key_len : 0;
	size_t len = PSM__REC_HEADER + strlen(e->topic) + 1 + key_len;
	int rc;

	if (e->header_count > PSM__SPOOL_HEADERS)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "headers: want at most %d, got %zu",
		                 PSM__SPOOL_HEADERS, e->header_count);
	len += psm__headers_size(e->headers, e->header_count);
	if (len > PSM__REC_MAX || e->value_len > PSM__REC_MAX - len)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "%zu bytes do not fit into the spool",
		                 e->value_len);
	len += e->value_len;
	pthread_mutex_lock(&s->lock);
	rc = append_locked(s, e, len, err);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void
psm__spool_shut(struct psm__spool *s)
{
	pthread_mutex_lock(&s->lock);
	s->intake->shut = 1;
	pthread_mutex_unlock(&s->lock);
}

void
psm__intake_numbers(struct psm__spool *s, struct psm__spool_numbers *n)
{
	n->too_old = is_too_old(s);
}
