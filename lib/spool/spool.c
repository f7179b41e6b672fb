/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing a spool, and what it tells about itself. */
#include <string.h>

#include "spool/spool_int.h"

static int
set_up(struct psm__spool *s, const struct psm__spool_conf *conf)
{
	s->conf = *conf;
	s->conf.dir = s->conf.key_file = NULL;
	s->damage.lock = &s->lock;
	s->damage.max_bytes = conf->max_bytes;
	if (conf->dir[0] == '\0')
		s->conf.durability = PSM__DURABLE_OS;
	s->dir = psm__strdup(conf->dir);
	if (!s->dir || psm__queue_new(s) < 0 || psm__spares_new(s) < 0 ||
	    psm__sync_new(s) < 0 || psm__watch_new(s) < 0 ||
	    psm__adoption_new(s) < 0 || psm__intake_new(s) < 0)
		return PSM_ERR_NOMEM;
	if (conf->dir[0] == '\0') {
		s->own_stream = s->streams = psm__stream_dir_memory();
		if (!s->own_stream)
			return PSM_ERR_NOMEM;
	}
	return 0;
}

void
psm__spool_free(struct psm__spool *s)
{
	if (!s)
		return;
	if (s->queue)
		psm__queue_drop_segments(s);
	psm__spares_free(s);
	psm__spool_leave(s);
	psm__queue_free(s);
	psm__sync_free(s);
	psm__watch_free(s);
	psm__adoption_free(s);
	psm__reader_free(s);
	psm__ring_free(s);
	psm__intake_free(s);
	pthread_mutex_destroy(&s->lock);
	psm__keys_free(s->keys);
	psm__free(s->dir);
	psm__free(s);
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
	s->damage.keys = s->keys;
	return 0;
}

/* 0, also on a full disk, which leaves the stream for later. */
static int
open_streams(struct psm__spool *s, psm_error *err)
{
	int rc = psm__spool_enter(s, PSM_ERR_CONFIG, err);

	if (rc != PSM_ERR_FULL)
		return rc;
	psm__log(PSM_LOG_ERROR, "no room for the spool", "directory", s->dir,
	         NULL);
	psm__error_clear(err);
	return 0;
}

int
psm__spool_open(const struct psm__spool_conf *conf, struct psm__spool **out,
                psm_error *err)
{
	struct psm__spool *s = psm__alloc(sizeof(*s));
	int rc = 0;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		psm__free(s);
		return psm__nomem(err);
	}
	if (set_up(s, conf) < 0)
		rc = psm__nomem(err);
	if (rc == 0)
		rc = load_keys(s, conf, err);
	if (rc == 0 && (psm__reader_new(s) < 0 || psm__ring_new(s) < 0))
		rc = psm__nomem(err);
	if (rc == 0 && !s->own_stream)
		rc = open_streams(s, err);
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
	const struct psm__segment *g;

	while ((g = psm__queue_first(s)) != NULL &&
	       g->last_seq <= g->stream->settled)
		psm__segment_discard(&s->damage, psm__queue_remove_first(s));
}

/* @locks as delete_settled() */
static int
is_synced(const struct psm__spool *s)
{
	const struct psm__segment *g;

	for (g = psm__queue_first(s); g; g = g->next)
		if (g->state == PSM__SEGMENT_FAILED)
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
	if (psm__watch_fault(s) == PSM__FAULT_DISK &&
	    s->conf.durability != PSM__DURABLE_DISK)
		rc = -1;
	psm__reader_leave(s); /* the reader has ended */
	pthread_mutex_lock(&s->lock);
	psm__queue_drop_segments(s);
	psm__spares_drop(s);
	psm__spool_leave(s);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void
psm__spool_numbers(struct psm__spool *s, struct psm__spool_numbers *n)
{
	uint64_t unsafe;

	memset(n, 0, sizeof(*n));
	pthread_mutex_lock(&s->lock);
	n->waiting = psm__queue_waiting(s);
	unsafe = psm__queue_next_seq(s) - 1 - psm__queue_durable(s);
	n->safe = n->waiting > unsafe ? n->waiting - unsafe : 0;
	if (psm__watch_fault(s) == PSM__FAULT_REMOVED)
		n->safe = 0; /* no next start will find them */
	psm__watch_numbers(s, n);
	n->bytes = psm__queue_bytes(s) > 0 ? psm__queue_bytes(s) : 0;
	psm__intake_numbers(s, n);
	pthread_mutex_unlock(&s->lock);
	psm__adopt_numbers(s, n);
	n->max_bytes = s->conf.max_bytes;
	n->quarantined = psm__damage_bytes(&s->damage);
	n->damaged = psm__damage_records(&s->damage);
	n->quarantine_errno = psm__damage_errno(&s->damage);
	n->sync_errors = psm__sync_errors(s);
	n->oldest_us = psm__queue_oldest_us(s);
}
