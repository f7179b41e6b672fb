/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool's writing side: open, append, commit, close. */
#include <errno.h>
#include <string.h>

#include "spool/spool_int.h"

/* Large enough that making one is rare, small enough that a drained one gives
 * its space back soon. */
#define FILE_SEGMENT ((size_t)8 << 20)
#define MEMORY_SEGMENT ((size_t)256 << 10)

/* -- open and close -- */

static size_t
power_of_two(size_t at_least)
{
	size_t n = 64;

	while (n < at_least)
		n *= 2;
	return n;
}

static int
set_up(struct psm__spool *s, const struct psm__spool_conf *conf)
{
	size_t slots = power_of_two(conf->window);
	int memory = conf->dir[0] == '\0';

	s->conf = *conf;
	s->conf.dir = s->conf.key_file = NULL;
	s->segment_size = conf->segment_size;
	if (s->segment_size == 0)
		s->segment_size = memory ? MEMORY_SEGMENT : FILE_SEGMENT;
	if (memory)
		s->conf.durability = PSM__DURABLE_OS;
	s->next_seq = 1;
	s->mask = slots - 1;
	s->slots = psm__array(slots, sizeof(*s->slots));
	s->dir = psm__strdup(conf->dir);
	if (!s->slots || !s->dir)
		return PSM_ERR_NOMEM;
	if (memory) {
		s->own_stream = s->streams = psm__stream_dir_memory();
		if (!s->own_stream)
			return PSM_ERR_NOMEM;
	}
	return 0;
}

static int
make_sync(struct psm__spool *s)
{
	if (psm__cond_init(&s->synced) < 0)
		return PSM_ERR_NOMEM;
	if (psm__cond_init(&s->drained) < 0) {
		pthread_cond_destroy(&s->synced);
		return PSM_ERR_NOMEM;
	}
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		pthread_cond_destroy(&s->synced);
		pthread_cond_destroy(&s->drained);
		return PSM_ERR_NOMEM;
	}
	return 0;
}

/* 1: nobody needs the stream any more. Our own stays, unless it was never used:
 * the next process goes on with its numbers. */
static int
is_over(const struct psm__spool *s, const struct psm__stream_dir *sd)
{
	if (sd->segments > 0)
		return 0;
	return sd != s->own_stream || (sd->made && s->next_seq == 1);
}

static void
drop_streams(struct psm__spool *s)
{
	while (s->streams) {
		struct psm__stream_dir *sd = s->streams;

		s->streams = sd->next;
		psm__stream_dir_leave(sd, is_over(s, sd));
	}
	s->own_stream = NULL;
}

static void
drop_segments(struct psm__spool *s)
{
	while (s->first) {
		struct psm__segment *g = s->first;

		s->first = g->next;
		psm__segment_free(g);
	}
	s->last = s->active = NULL;
}

/* What was handed over in the clear and not let go. */
static void
free_decrypted(struct psm__spool *s)
{
	for (size_t i = 0; s->open && i <= s->mask; i++)
		if (s->open[i])
			psm__wipe(s->open[i], le32toh(s->open[i]->len));
	psm__free(s->open);
}

void
psm__spool_free(struct psm__spool *s)
{
	if (!s)
		return;
	drop_segments(s);
	psm__spare_drop(s);
	drop_streams(s);
	pthread_cond_destroy(&s->synced);
	pthread_cond_destroy(&s->drained);
	pthread_mutex_destroy(&s->lock);
	free_decrypted(s);
	psm__wipe(s->scratch, s->scratch_size);
	psm__keys_free(s->keys);
	psm__free(s->awaits);
	psm__free(s->slots);
	psm__free(s->dir);
	psm__free(s);
}

static int
no_room(int why)
{
	return why == ENOSPC || why == EDQUOT;
}

/* Only a full disk leaves the stream for later. locked: the code for a key that
 * is missing. */
static int
enter(struct psm__spool *s, int locked, psm_error *err)
{
	int why = psm__stream_dir_enter(s);

	if (why == 0) {
		s->durable = s->next_seq - 1;
		return 0;
	}
	drop_segments(s);
	drop_streams(s);
	s->appended = s->released;
	s->bytes = 0;
	s->last_errno = why;
	if (no_room(why))
		return psm__fail(err, PSM_ERR_FULL,
		                 "spool %s: no room on the disk", s->dir);
	if (why == ENOMEM)
		return psm__nomem(err);
	if (why == ENOKEY)
		return psm__fail(err, locked, "%s", s->locked);
	return psm__fail(err, PSM_ERR_IO, "spool %s: %s", s->dir,
	                 why == EBUSY ? "too many processes use it"
	                              : strerror(why));
}

/* What is in memory only needs no key. */
static int
load_keys(struct psm__spool *s, const struct psm__spool_conf *conf,
          psm_error *err)
{
	int rc;

	if (s->own_stream || !conf->key_file || !conf->key_file[0])
		return 0;
	rc = psm__keys_load(conf->key_file, &s->keys, err);
	if (rc < 0)
		return rc;
	s->open = psm__array(s->mask + 1, sizeof(*s->open));
	return s->open ? 0 : psm__nomem(err);
}

int
psm__spool_open(const struct psm__spool_conf *conf, struct psm__spool **out,
                psm_error *err)
{
	struct psm__spool *s = psm__alloc(sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	if (make_sync(s) < 0) {
		psm__free(s);
		return psm__nomem(err);
	}
	rc = set_up(s, conf);
	if (rc < 0)
		rc = psm__nomem(err);
	else
		rc = load_keys(s, conf, err);
	if (rc == 0 && !s->own_stream)
		rc = enter(s, PSM_ERR_CONFIG, err);
	if (rc == PSM_ERR_FULL) {
		psm__log(PSM_LOG_ERROR, "no room for the spool", "directory",
		         s->dir, NULL);
		psm__error_clear(err);
		rc = 0;
	}
	if (rc < 0) {
		psm__spool_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

/* @locks none needed: the last user has it. Settled segments go, so that
 * nothing of what was sent stays on the disk. */
static void
delete_settled(struct psm__spool *s)
{
	while (s->first && s->first->last_seq <= s->first->stream->settled) {
		struct psm__segment *g = s->first;

		s->first = g->next;
		g->stream->segments--;
		psm__segment_discard(s, g);
	}
	if (!s->first)
		s->last = NULL;
}

/* @locks as delete_settled() */
static int
is_synced(const struct psm__spool *s)
{
	const struct psm__segment *g;

	for (g = s->first; g; g = g->next)
		if (g->failed)
			return 0;
	return 1;
}

int
psm__spool_close(struct psm__spool *s)
{
	struct psm__stream_dir *sd;
	int rc = 0;

	if (!s)
		return 0;
	psm__spool_shut(s);
	if (s->conf.durability == PSM__DURABLE_INTERVAL)
		psm__spool_sync(s);
	if (!s->frozen)
		psm__spool_release(s);
	for (sd = s->streams; sd; sd = sd->next)
		psm__stream_dir_save(sd);
	delete_settled(s);
	if (s->conf.durability == PSM__DURABLE_INTERVAL)
		rc = is_synced(s) ? 0 : -1;
	/* Who waits for the disk was told of each event that it refused. */
	if (s->fault == PSM__FAULT_DISK &&
	    s->conf.durability != PSM__DURABLE_DISK)
		rc = -1;
	s->rseg = NULL; /* the reader has ended */
	pthread_mutex_lock(&s->lock);
	drop_segments(s);
	psm__spare_drop(s);
	drop_streams(s);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* -- append -- */

static void
put_u32(uint32_t *at, size_t value)
{
	*at = htole32((uint32_t)value);
}

/* 1: the event id stands in the value, at s->id_at, which is mostly where the
 * one before stood. @locks s->lock held */
static int
find_id(struct psm__spool *s, const struct psm__spool_entry *e, size_t id_len)
{
	const char *value = e->value, *id;

	if (id_len == 0)
		return 0;
	if (s->id_at + id_len <= e->value_len &&
	    memcmp(value + s->id_at, e->id, id_len) == 0)
		return 1;
	id = memmem(value, e->value_len, e->id, id_len);
	if (!id || (size_t)(id - value) + id_len > UINT16_MAX)
		return 0;
	s->id_at = (size_t)(id - value);
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
	psm__headers_put(e, p + key_len + e->value_len);
	put_u32(&rec->len, len);
	rec->seq = htole64(s->next_seq);
	rec->time_us = (int64_t)htole64((uint64_t)psm_now_us());
	rec->kind = htole16(e->key ? PSM__REC_EVENT : PSM__REC_NO_KEY);
	rec->topic_len = htole16((uint16_t)topic_len);
	put_u32(&rec->key_len, key_len);
	put_u32(&rec->value_len, e->value_len);
	if (find_id(s, e, id_len)) {
		rec->id_at = htole16((uint16_t)s->id_at);
		rec->id_len = htole16((uint16_t)id_len);
	}
}

/* The event must not be in the file in the clear, not even for a moment. 0 or
 * an errno. @locks s->lock held */
static int
put_sealed(struct psm__spool *s, struct psm__segment *g,
           const struct psm__spool_entry *e, size_t len)
{
	int rc;

	if (len > s->scratch_size) {
		psm__wipe(s->scratch, s->scratch_size);
		s->scratch = psm__alloc(len);
		s->scratch_size = s->scratch ? len : 0;
		if (!s->scratch)
			return ENOMEM;
	}
	memset(s->scratch, 0, sizeof(*s->scratch));
	fill_record(s, s->scratch, e, len);
	rc = psm__seal_put(g, g->used, s->scratch);
	if (rc != 0) {
		/* The place is used up, so the next one is elsewhere. */
		g->sealed = 1;
		s->active = NULL;
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

/* @locks s->lock held */
static void
append_segment(struct psm__spool *s, struct psm__segment *g)
{
	if (s->active)
		s->active->sealed = 1;
	if (s->last)
		s->last->next = g;
	else
		s->first = g;
	s->last = s->active = g;
	g->stream->segments++;
}

/* A segment with room for space bytes; 0 or an errno. @locks s->lock held */
static int
make_room(struct psm__spool *s, size_t space)
{
	struct psm__segment *g = s->active;
	int rc;

	if (g && !g->failed && g->used + space <= g->size)
		return 0;
	rc = psm__segment_make(s, psm__spool_start(s) + space, s->next_seq, &g);
	if (rc != s->last_errno && rc != 0)
		psm__log(PSM_LOG_ERROR, "cannot make a spool segment",
		         "directory", s->dir, "why", strerror(rc), NULL);
	s->last_errno = rc;
	if (rc == 0)
		append_segment(s, g);
	return rc;
}

/* 1: the oldest record is beyond the age where nothing new is accepted. It has
 * to get clearly below it: else a sender that is a bit too slow would refuse
 * every other event. @locks s->lock held */
static int
is_too_old(struct psm__spool *s)
{
	int64_t oldest = __atomic_load_n(&s->oldest_us, __ATOMIC_RELAXED);
	int64_t age;

	if (s->conf.refuse_age_us == 0)
		return 0;
	age = oldest ? psm_now_us() - oldest : 0;
	if (age > s->conf.refuse_age_us)
		s->too_old = 1;
	else if (age <= s->conf.accept_age_us)
		s->too_old = 0;
	return s->too_old;
}

/* @locks s->lock held */
static int
check_limits(struct psm__spool *s, size_t space, psm_error *err)
{
	int rc = 0;

	if (s->shut)
		return psm__fail(err, PSM_ERR_STATE, "closing");
	rc = psm__spool_faulty(s, err);
	if (rc == 0 && !s->own_stream)
		rc = enter(s, PSM_ERR_IO, err);
	if (rc < 0)
		return rc;
	if (s->bytes + (int64_t)space > s->conf.max_bytes)
		return psm__fail(err, PSM_ERR_FULL,
		                 "the limit of %lld bytes is reached",
		                 (long long)s->conf.max_bytes);
	if (is_too_old(s))
		return psm__fail(err, PSM_ERR_FULL,
		                 "the oldest event waits for too long: the "
		                 "limit is %lld s",
		                 (long long)s->conf.refuse_age_us / 1000000);
	if (s->conf.max_records &&
	    s->appended - s->released >= s->conf.max_records)
		return psm__fail(
		    err, PSM_ERR_FULL, "%llu events are waiting",
		    (unsigned long long)(s->appended - s->released));
	return 0;
}

static int
fail_room(struct psm__spool *s, int why, psm_error *err)
{
	if (no_room(why))
		return psm__fail(err, PSM_ERR_FULL,
		                 "spool %s: no room on the disk", s->dir);
	if (why == ENOMEM)
		return psm__nomem(err);
	return psm__fail(err, PSM_ERR_IO, "spool %s: %s", s->dir,
	                 strerror(why));
}

/* @locks s->lock held */
void
psm__spool_wake_reader(struct psm__spool *s)
{
	if (!s->resting)
		return;
	s->resting = 0;
	if (s->conf.wake)
		s->conf.wake(s->conf.user);
}

/* @locks s->lock held */
static int
append_locked(struct psm__spool *s, const struct psm__spool_entry *e,
              size_t len, psm_error *err)
{
	size_t space = psm__rec_space(s->keys ? len + PSM__SEAL_EXTRA : len);
	struct psm__segment *g;
	int rc = check_limits(s, space, err);

	if (rc < 0)
		return rc;
	rc = make_room(s, space);
	if (rc != 0)
		return fail_room(s, rc, err);
	g = s->active;
	rc = put_record(s, g, e, len);
	if (rc != 0)
		return fail_room(s, rc, err);
	g->used += space;
	g->last_seq = s->next_seq++;
	g->dirty = 1;
	g->charged += space;
	g->counted++;
	s->bytes += (int64_t)space;
	s->appended++;
	if (s->conf.durability == PSM__DURABLE_DISK)
		return psm__spool_commit(s, g->last_seq, err);
	s->durable = g->last_seq;
	psm__spool_wake_reader(s);
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
	len += psm__headers_size(e);
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
	s->shut = 1;
	pthread_mutex_unlock(&s->lock);
}

uint64_t
psm__spool_drain(struct psm__spool *s, int timeout_ms)
{
	struct psm__drainer me, **at;
	struct timespec until;
	uint64_t left;
	int rc = 0;

	psm__deadline(&until, timeout_ms);
	pthread_mutex_lock(&s->lock);
	me = (struct psm__drainer){s->drainers, s->appended};
	s->drainers = &me;
	while (s->released < me.target && rc == 0)
		rc = pthread_cond_timedwait(&s->drained, &s->lock, &until);
	for (at = &s->drainers; *at != &me; at = &(*at)->next)
		;
	*at = me.next;
	left = s->released < me.target ? s->appended - s->released : 0;
	pthread_mutex_unlock(&s->lock);
	return left;
}

void
psm__spool_numbers(struct psm__spool *s, struct psm__spool_numbers *n)
{
	memset(n, 0, sizeof(*n));
	pthread_mutex_lock(&s->lock);
	if (s->appended > s->released)
		n->waiting = s->appended - s->released;
	n->safe = s->next_seq - 1 - s->durable;
	n->safe = n->waiting > n->safe ? n->waiting - n->safe : 0;
	if (s->fault == PSM__FAULT_REMOVED)
		n->safe = 0; /* no next start will find them */
	n->fault = s->fault;
	n->fault_errno = s->fault_errno;
	n->bytes = s->bytes > 0 ? s->bytes : 0;
	n->last_errno = s->last_errno;
	n->too_old = is_too_old(s);
	pthread_mutex_unlock(&s->lock);
	n->awaited = __atomic_load_n(&s->awaited, __ATOMIC_RELAXED);
	n->await_pid = __atomic_load_n(&s->await_pid, __ATOMIC_RELAXED);
	n->await_errno = __atomic_load_n(&s->await_errno, __ATOMIC_RELAXED);
	n->max_bytes = s->conf.max_bytes;
	n->quarantined = __atomic_load_n(&s->quarantined, __ATOMIC_RELAXED);
	n->damaged = __atomic_load_n(&s->damaged, __ATOMIC_RELAXED);
	n->adopted = __atomic_load_n(&s->adopted, __ATOMIC_RELAXED);
	n->sync_errors = __atomic_load_n(&s->sync_errors, __ATOMIC_RELAXED);
	n->quarantine_errno =
	    __atomic_load_n(&s->quarantine_errno, __ATOMIC_RELAXED);
	n->oldest_us = __atomic_load_n(&s->oldest_us, __ATOMIC_RELAXED);
	n->read_errno = __atomic_load_n(&s->read_errno, __ATOMIC_RELAXED);
}
