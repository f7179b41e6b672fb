/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A replay into a processor's handlers: batches of one transaction each, with
 * an inbox, and without offsets, parked events, dead letters or outbox.
 */
#include "flow/processor/processor_int.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/replay/replay_int.h"
#include "store/shadow.h"

#define MARK "psm_event"

/* One run. */
struct into {
	psm_processor *pr; /* its name, its store, its handlers */
	psm_replay *r;
	psm_tx *tx;     /* the batch's; NULL: none is open */
	int count;      /* events in it */
	int has_parked; /* something is parked: look before each event */
	int defers; /* the commit can look at what events did; -1: not known */
	int broken; /* it cannot be committed */
	int64_t handled, duplicates; /* in it */
	psm_error *err;              /* of the transaction */
};

/* -- the batch */

static int
enter(struct into *in)
{
	psm_rows *parked = NULL;
	int rc;

	rc = psm__timeout_queue(in->tx, PSM__TIMEOUT_MS, in->err);
	if (rc == 0 && in->r->into == PSM__INTO_SCHEMA)
		return psm__shadow_enter(in->tx, in->r->schema, in->err);
	if (rc == 0)
		rc = psm__parked_any(in->tx, in->pr->name, &parked, in->err);
	if (rc == 0)
		rc = psm__tx_sync(in->tx, in->err);
	in->has_parked = rc == 0 && psm_rows_int(parked, 0, 0) == 1;
	psm_rows_free(parked);
	return rc;
}

/* A deferred constraint that fails at the commit does not say whose fault it
 * is; so each event is asked, where there are any. */
static int
look_for_deferrable(struct into *in)
{
	psm_rows *rows;
	int rc;

	if (in->defers >= 0)
		return 0;
	rc = psm_tx_exec(in->tx,
	                 "SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint "
	                 "WHERE condeferrable)::integer",
	                 0, NULL, &rows, in->err);
	if (rc == 0)
		in->defers = (int)psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

static int
begin(struct into *in)
{
	int rc;

	if (in->tx)
		return 0;
	in->count = in->has_parked = 0;
	in->handled = in->duplicates = 0;
	rc = psm_tx_begin(in->pr->st, &in->tx, in->err);
	if (rc < 0)
		return rc;
	psm__tx_silence(in->tx);
	rc = look_for_deferrable(in);
	return rc < 0 ? rc : enter(in);
}

static void
abandon(struct into *in)
{
	psm_tx_rollback(in->tx);
	in->tx = NULL;
}

/* What it did counts from here on. */
static int
commit(struct into *in)
{
	int64_t dropped;
	int rc = 0;

	if (!in->tx)
		return 0;
	if (in->r->into == PSM__INTO_SCHEMA)
		rc = psm__shadow_check(in->tx, in->r->schema, in->err);
	if (rc < 0) {
		abandon(in);
		return rc;
	}
	dropped = (int64_t)psm__tx_emitted(in->tx);
	rc = psm_tx_commit(in->tx, in->err);
	in->tx = NULL;
	if (rc < 0)
		return rc;
	psm__replay_add(in->r, PSM__REPLAY_HANDLED, in->handled);
	psm__replay_add(in->r, PSM__REPLAY_DUPLICATES, in->duplicates);
	psm__replay_add(in->r, PSM__REPLAY_DROPPED, dropped);
	return 0;
}

/* -- one event */

static int
claim(struct into *in, const psm_event *ev, int *fresh)
{
	int rc = psm__tx_savepoint(in->tx, MARK, in->err);

	if (rc < 0)
		return rc;
	if (in->r->into == PSM__INTO_SCHEMA)
		return psm__shadow_claim(in->tx, in->pr->name, psm_event_id(ev),
		                         fresh, in->err);
	return psm__inbox_claim(in->tx, in->pr->name, psm_event_id(ev), fresh,
	                        in->err);
}

/* The handler's statements end at its deadline. */
static int
limit_statements(struct into *in, const struct psm__handler *h, int timeout_ms)
{
	if (h->options.deadline_ms == PSM__TIMEOUT_MS)
		return 0;
	return psm__timeout_queue(in->tx, timeout_ms, in->err);
}

/* How long to wait for an answer to one of them: longer than the server does.
 */
static int
patience_ms(const struct psm__handler *h)
{
	int deadline_ms = h->options.deadline_ms;

	return deadline_ms > 0 && deadline_ms < INT_MAX - PSM__TIMEOUT_MS
	           ? deadline_ms + PSM__TIMEOUT_MS
	           : INT_MAX;
}

static int
call(struct into *in, psm_event *ev, const struct psm__handler *h,
     psm_error *err)
{
	int rc;

	psm__error_clear(err);
	psm__dispatch_arm(ev, h, 1);
	psm__tx_limits(in->tx, patience_ms(h), NULL);
	psm__tx_lend(in->tx, 1);
	psm__tx_set_cause(in->tx, ev);
	psm__effects_bar(1);
	rc = ((psm_tx_event_fn)h->fn)(in->tx, ev, h->user, err);
	rc = psm__dispatch_result(ev, h, rc, err);
	psm__effects_unbar(1);
	if (psm__tx_lazy(in->tx) && psm__tx_failed(in->tx) == 0)
		(void)psm__tx_sync(in->tx, rc == 0 ? err : NULL);
	if (rc == 0 && in->defers && psm__tx_failed(in->tx) == 0)
		(void)psm__tx_check_deferred(in->tx, err);
	psm__tx_set_cause(in->tx, NULL);
	psm__tx_lend(in->tx, 0);
	psm__tx_limits(in->tx, 0, NULL);
	return rc;
}

/* The handler has returned rc, err is its own. 0: handled. Else it failed,
 * nothing of it is left; or the whole batch has to go: in->broken. */
static int
settle(struct into *in, const struct psm__handler *h, int rc)
{
	enum psm__failure v;

	rc = psm__effective_code(psm__tx_failed(in->tx), rc);
	v = psm__classify(rc);
	if (v == PSM__NO_FAILURE) {
		in->handled++;
		in->broken = psm__tx_release(in->tx, MARK, in->err) < 0 ||
		             limit_statements(in, h, PSM__TIMEOUT_MS) < 0;
		return in->broken ? psm_error_code(in->err) : 0;
	}
	in->broken = v == PSM__FAILURE_SYSTEM ||
	             psm__tx_rollback_to(in->tx, MARK, in->err) < 0 ||
	             psm__tx_release(in->tx, MARK, in->err) < 0;
	return rc;
}

/* Events of its key wait for their turn: it would overtake them. */
static int
is_stuck(struct into *in, const struct psm__record *rec, int *stuck)
{
	int64_t count = 0;
	int rc = 0;

	if (in->has_parked)
		rc = psm__parked_of_key(in->tx, in->pr->name, rec->key,
		                        rec->key_len, 1, &count, in->err);
	*stuck = count > 0;
	return rc;
}

/* As settle. */
static int
handle(struct into *in, const struct psm__record *rec, psm_event *ev,
       const struct psm__handler *h, psm_error *err)
{
	int fresh = 0, stuck = 0, rc;

	rc = begin(in);
	if (rc == 0)
		rc = is_stuck(in, rec, &stuck);
	if (rc == 0 && stuck)
		return psm__fail(err, PSM_ERR_STATE,
		                 "events of its key are parked");
	if (rc == 0)
		rc = claim(in, ev, &fresh);
	if (rc == 0 && !fresh) {
		in->duplicates++;
		rc = psm__tx_release(in->tx, MARK, in->err);
		if (rc == 0)
			return 0;
	}
	if (rc == 0)
		rc = limit_statements(in, h, h->options.deadline_ms);
	if (rc < 0) {
		in->broken = 1;
		psm__error_copy(err, in->err);
		return rc;
	}
	return settle(in, h, call(in, ev, h, err));
}

static int
on_event(psm_event *ev, const struct psm__record *rec, void *user,
         psm_error *err)
{
	struct into *in = user;
	const struct psm__handler *h = NULL;
	psm_event *upcast = NULL;
	int rc;

	psm__error_clear(in->err);
	rc = psm__dispatch_route(&in->pr->dispatch, ev, &upcast, &h, err);
	if (rc == 0 && !h) {
		psm__replay_add(in->r, PSM__REPLAY_SKIPPED, 1);
		return 0;
	}
	if (rc == 0)
		rc = handle(in, rec, upcast ? upcast : ev, h, err);
	psm_event_free(upcast);
	if (in->broken)
		return psm__replay_where(rec, rc, err);
	if (rc < 0)
		rc = psm__replay_failed(in->r, rec, rc, err);
	if (rc < 0 || ++in->count < PSM__BATCH_MAX)
		return rc;
	rc = commit(in);
	if (rc < 0)
		psm__error_copy(err, in->err);
	return rc;
}

/* No transaction stays open for a broker. */
static int
on_idle(void *user, psm_error *err)
{
	struct into *in = user;
	int rc;

	psm__error_clear(in->err);
	rc = commit(in);
	if (rc < 0)
		psm__error_copy(err, in->err);
	return rc;
}

/* -- the run */

static void
tell(const struct into *in, int rc)
{
	char counts[160];

	(void)snprintf(counts, sizeof counts,
	               "%lld handled, %lld failed, %lld had before, %lld "
	               "emitted and dropped",
	               (long long)psm_replay_stat(in->r, "handled"),
	               (long long)psm_replay_stat(in->r, "failed"),
	               (long long)psm_replay_stat(in->r, "duplicates"),
	               (long long)psm_replay_stat(in->r, "dropped"));
	psm__log(rc < 0 ? PSM_LOG_WARN : PSM_LOG_INFO,
	         rc < 0 ? "a replay ended early" : "a replay is done",
	         "consumer", in->pr->name, "topic", in->r->topic, "into",
	         in->r->into == PSM__INTO_SCHEMA ? in->r->schema
	                                         : "the live tables",
	         "counts", counts, "reason", psm_strerror(rc), NULL);
}

static int
run(struct into *in, int timeout_ms, psm_error *err)
{
	const struct psm__replay_into into = {
	    .event = on_event, .idle = on_idle, .user = in};
	int rc = psm__replay_run(in->r, &into, timeout_ms, err);
	int last;

	if (in->broken) {
		abandon(in);
		return rc;
	}
	/* What was handled before a failure is kept: the next run finds it
	 * done. */
	psm__error_clear(in->err);
	/* Also where no event was wanted a schema has to be there. */
	last = rc == 0 && in->defers < 0 && in->r->into == PSM__INTO_SCHEMA
	           ? begin(in)
	           : 0;
	if (last < 0)
		abandon(in);
	else
		last = commit(in);
	if (rc == 0 && last < 0) {
		psm__error_copy(err, in->err);
		rc = last;
	}
	return rc;
}

int
psm_processor_replay(psm_processor *pr, psm_replay *r, int timeout_ms,
                     psm_error *err)
{
	struct into in = {.pr = pr, .r = r, .defers = -1};
	psm_error *own = NULL;
	int rc;

	psm__error_clear(err);
	if (!pr || !r || timeout_ms < 1)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "pr and r: want pointers; timeout_ms: want 1 "
		                 "or more");
	if (r->conf.follow)
		return psm__fail(err, PSM_ERR_STATE,
		                 "replay: want one with an end, found "
		                 "psm_replay_follow");
	if (pr->dispatch.count == 0 || psm__worker_running(&pr->worker))
		return psm__fail(err, PSM_ERR_STATE,
		                 "processor: want handlers, and that it does "
		                 "not run");
	if (r->into == PSM__INTO_NOTHING)
		return psm__fail(err, PSM_ERR_STATE,
		                 "replay: want psm_replay_into_schema or "
		                 "psm_replay_into_live before");
	in.err = psm_error_new();
	if (!err) /* handlers are given one */
		err = own = psm_error_new();
	rc = in.err && err ? run(&in, timeout_ms, err) : psm__nomem(err);
	tell(&in, rc);
	psm_error_free(in.err);
	psm_error_free(own);
	return rc;
}
