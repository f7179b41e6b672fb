/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic again: the run. */
#include <string.h>

#include "client/replay/replay_int.h"

/* A message that takes longer than this is not at hand. */
#define IDLE_MS 100

void
psm__replay_add(psm_replay *r, enum psm__replay_count what, int64_t n)
{
	__atomic_add_fetch(&r->counts[what], n, __ATOMIC_RELAXED);
}

int
psm__replay_where(const struct psm__record *rec, int rc, psm_error *err)
{
	if (psm_error_code(err) != rc) { /* the handler gave no reason */
		psm__error_clear(err);
		(void)psm__fail(err, rc, "%s", psm_strerror(rc));
	}
	psm__error_prefix(err, "%s[%d]:%lld: ", rec->topic, (int)rec->partition,
	                  (long long)rec->offset);
	return rc;
}

int
psm__replay_failed(psm_replay *r, const struct psm__record *rec, int rc,
                   psm_error *err)
{
	int64_t failed;

	if (rc == PSM_ERR_NOMEM) /* it is not the event that fails */
		return psm__replay_where(rec, rc, err);
	failed = __atomic_add_fetch(&r->counts[PSM__REPLAY_FAILED], 1,
	                            __ATOMIC_RELAXED);
	if (failed <= r->max_failures) {
		psm__error_clear(err);
		return 0;
	}
	return psm__replay_where(rec, rc, err);
}

/* -- reading */

/* As far as the record alone can say. */
static int
is_wanted(const psm_replay *r, const struct psm__record *rec)
{
	if (!rec->value)
		return 0;
	if (rec->timestamp_ms >= 0 && (rec->timestamp_ms < r->conf.from_ms ||
	                               rec->timestamp_ms >= r->conf.to_ms))
		return 0;
	return !r->key || (rec->key && rec->key_len == r->key_len &&
	                   memcmp(rec->key, r->key, r->key_len) == 0);
}

static int
pass_on(psm_replay *r, const struct psm__record *rec, psm_event *ev,
        const struct psm__replay_into *into, psm_error *err)
{
	struct psm__origin origin = *psm__event_origin(ev);

	origin.is_replay = 1;
	psm__event_set_origin(ev, &origin);
	__atomic_store_n(&r->partition, rec->partition, __ATOMIC_RELAXED);
	__atomic_store_n(&r->offset, rec->offset, __ATOMIC_RELAXED);
	psm__error_clear(err);
	return into->event(ev, rec, into->user, err);
}

static int
take(psm_replay *r, const struct psm__record *rec,
     const struct psm__replay_into *into, psm_error *err)
{
	psm_event *ev = NULL;
	int rc = 0;

	psm__replay_add(r, PSM__REPLAY_READ, 1);
	if (!is_wanted(r, rec)) {
		psm__replay_add(r, PSM__REPLAY_SKIPPED, 1);
		return 0;
	}
	rc = psm__record_parse(rec, &ev, err);
	if (rc == PSM_ERR_NOMEM)
		return rc;
	if (rc < 0) {
		psm__replay_add(r, PSM__REPLAY_UNREADABLE, 1);
		return 0;
	}
	if (r->type && strcmp(psm_event_type(ev), r->type) != 0)
		psm__replay_add(r, PSM__REPLAY_SKIPPED, 1);
	else
		rc = pass_on(r, rec, ev, into, err);
	psm_event_free(ev);
	return rc;
}

/* The next record, as of a reader; when it is not at hand, idle runs first. */
static int
next_record(struct psm__reader *reader, const struct psm__replay_into *into,
            int timeout_ms, struct psm__record *rec, psm_error *err)
{
	int first_ms = timeout_ms < IDLE_MS ? timeout_ms : IDLE_MS;
	int rc;

	psm__error_clear(err);
	if (!into->idle)
		return reader->ops->next(reader, timeout_ms, rec, err);
	rc = reader->ops->next(reader, first_ms, rec, err);
	if (rc != 0 && rc != PSM_ERR_TIMEOUT)
		return rc;
	psm__error_clear(err);
	rc = into->idle(into->user, err);
	if (rc < 0)
		return rc;
	return reader->ops->next(reader, timeout_ms, rec, err);
}

static int
read_all(psm_replay *r, struct psm__reader *reader,
         const struct psm__replay_into *into, int timeout_ms, psm_error *err)
{
	struct psm__record rec;
	int rc;

	for (;;) {
		rc = next_record(reader, into, timeout_ms, &rec, err);
		if (rc == PSM__READER_END)
			return 0;
		if (r->conf.follow && (rc == 0 || rc == PSM_ERR_TIMEOUT))
			continue;
		if (rc == 0)
			return psm__fail(err, PSM_ERR_TIMEOUT,
			                 "no message within %d ms", timeout_ms);
		if (rc < 0)
			return rc;
		rc = take(r, &rec, into, err);
		reader->ops->release(reader, &rec);
		if (rc < 0)
			return rc;
	}
}

int
psm__replay_run(psm_replay *r, const struct psm__replay_into *into,
                int timeout_ms, psm_error *err)
{
	struct psm__reader *reader = NULL;
	size_t i;
	int rc;

	if (__atomic_exchange_n(&r->running, 1, __ATOMIC_ACQ_REL))
		return psm__fail(err, PSM_ERR_STATE, "the replay is running");
	for (i = 0; i < PSM__N_REPLAY_COUNTS; i++)
		__atomic_store_n(&r->counts[i], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&r->partition, -1, __ATOMIC_RELAXED);
	__atomic_store_n(&r->offset, -1, __ATOMIC_RELAXED);
	__atomic_store_n(&r->to_read, -1, __ATOMIC_RELAXED);
	rc = r->t->ops->open_reader(r->t, &r->conf, timeout_ms, &reader, err);
	if (rc == 0) {
		__atomic_store_n(&r->to_read,
		                 r->conf.follow ? -1 : reader->expected,
		                 __ATOMIC_RELAXED);
		rc = read_all(r, reader, into, timeout_ms, err);
		reader->ops->close(reader);
	}
	if (rc == 0)
		psm__error_clear(err);
	__atomic_store_n(&r->running, 0, __ATOMIC_RELEASE);
	return rc;
}

/* -- into plain handlers */

struct plain {
	psm_replay *r;
	const struct psm__dispatch *dispatch;
};

static int
call(const struct plain *p, psm_event *ev, const struct psm__handler *h,
     psm_error *err)
{
	psm_event_fn fn = (psm_event_fn)h->fn;
	int bar_events = !p->r->may_send;
	int rc;

	psm__error_clear(err);
	psm__dispatch_arm(ev, h, 1);
	psm__effects_bar(bar_events);
	rc = psm__dispatch_result(ev, h, fn(ev, h->user, err), err);
	psm__effects_unbar(bar_events);
	return rc > 0 ? PSM_ERR_REJECT : rc;
}

static int
call_plain(psm_event *ev, const struct psm__record *rec, void *user,
           psm_error *err)
{
	const struct plain *p = user;
	const struct psm__handler *h = NULL;
	psm_event *upcast = NULL;
	int rc;

	rc = psm__dispatch_route(p->dispatch, ev, &upcast, &h, err);
	if (rc == 0 && !h) {
		psm__replay_add(p->r, PSM__REPLAY_SKIPPED, 1);
		return 0;
	}
	if (rc == 0)
		rc = call(p, upcast ? upcast : ev, h, err);
	psm_event_free(upcast);
	if (rc == 0)
		psm__replay_add(p->r, PSM__REPLAY_HANDLED, 1);
	return rc < 0 ? psm__replay_failed(p->r, rec, rc, err) : 0;
}

int
psm_replay_run(psm_replay *r, psm_event_fn fn, void *user, int timeout_ms,
               psm_error *err)
{
	/* For all types and versions, behind the upcasters. */
	struct psm__handler all = {
	    .type = "*", .fn = (void (*)(void))fn, .user = user};
	struct psm__dispatch alone = {.handlers = &all, .count = 1};
	struct plain plain = {r, &alone};
	struct psm__replay_into into = {.event = call_plain, .user = &plain};

	psm__error_clear(err);
	if (!r || timeout_ms < 1)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "r: want a pointer; timeout_ms: want 1 or "
		                 "more");
	if (!fn && r->dispatch.count == 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "fn: want a handler, or psm_replay_on before");
	alone.upcasters = r->dispatch.upcasters;
	alone.upcaster_count = r->dispatch.upcaster_count;
	if (!fn)
		plain.dispatch = &r->dispatch;
	return psm__replay_run(r, &into, timeout_ms, err);
}
