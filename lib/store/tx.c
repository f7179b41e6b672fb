/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/event.h"
#include "store/living.h"
#include "store/note.h"
#include "store/outbox.h"
#include "store/pool.h"
#include "store/wait.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 31
/* How long a commit waits for consumers, unless told otherwise. */
#define WAIT_MS 5000
/* Nested savepoints of one transaction. */
#define MARKS_MAX 8
/* Statements whose answers a callback leaves waiting. */
#define QUEUE_MAX 500

/* A savepoint, and how many events and notes there were when it was set. */
struct mark {
	char name[NAME_MAX_LEN + 1];
	size_t events, notes;
};

struct psm_tx {
	psm_store *st;
	struct psm__conn *c;
	/* 0, or the failure of a statement: until a savepoint is gone back to
	 * the server refuses everything. */
	int failed;
	int begun; /* BEGIN travels with the first statement */
	/* The one round trip of a psm__tx_last(): a transaction without BEGIN
	 * and COMMIT. */
	int alone;
	int lazy; /* answers of psm_tx_queue() are awaited */
	enum { TX_OPEN, TX_ENDING, TX_ENDED } end; /* psm__tx_last() */
	int lent;               /* to a callback, which must not end it */
	int was_lent;           /* it has effects of events */
	int silent;             /* nothing goes to the outbox */
	int wait_ms;            /* for what is required */
	int living_ms;          /* for living consumers */
	const psm_event *cause; /* of what is emitted; NULL: nothing */
	struct psm__outgoing out;
	psm_rows *living; /* who lives; NULL: not asked, or no answer */
	struct psm__notes notes;
	struct mark marks[MARKS_MAX];
	size_t mark_count;
	size_t parts; /* begun in it and not ended yet */
};

/* What this thread's next transactions on the same store are parts of. */
static _Thread_local psm_tx *whole;

static void
tx_free(psm_tx *tx)
{
	if (whole == tx)
		whole = NULL;
	psm__pool_put(tx->st, tx->c);
	psm__outgoing_free(&tx->out);
	psm_rows_free(tx->living);
	psm__notes_free(&tx->notes);
	psm__free(tx);
}

static int
fail_state(const psm_tx *tx, psm_error *err)
{
	return psm__fail(err, PSM_ERR_STATE,
	                 "transaction: a statement failed before (%s), want a "
	                 "rollback",
	                 psm_strerror(tx->failed));
}

int
psm_tx_begin(psm_store *st, psm_tx **out, psm_error *err)
{
	psm_tx *tx;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	if (whole && whole->st == st) {
		whole->parts++;
		*out = whole;
		return 0;
	}
	tx = psm__alloc(sizeof *tx);
	if (!tx)
		return psm__nomem(err);
	tx->st = st;
	tx->wait_ms = WAIT_MS;
	rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &tx->c, err);
	if (rc < 0)
		tx_free(tx);
	else
		*out = tx;
	return rc;
}

int
psm_tx_include(psm_tx *tx, int on, psm_error *err)
{
	psm__error_clear(err);
	if (!tx)
		return psm__fail(err, PSM_ERR_INVAL, "tx: want a transaction");
	if (tx->lent || (on && whole && whole != tx))
		return psm__fail(err, PSM_ERR_STATE,
		                 "tx: it is a handler's, or this thread has "
		                 "another one that includes");
	if (on)
		whole = tx;
	else if (whole == tx)
		whole = NULL;
	if (!on && tx->parts > 0) { /* nobody ends them any more */
		tx->parts = 0;
		tx->failed = tx->failed ? tx->failed : PSM_ERR_STATE;
	}
	return 0;
}

/* A server that has said yes to READ WRITE is none that only reads: then a
 * round trip of statements that read needs no more. */
static int
begin_work(psm_tx *tx, psm_error *err)
{
	if (tx->begun)
		return 0;
	tx->begun = 1;
	tx->alone = tx->end == TX_ENDING && psm__conn_writes(tx->c);
	return tx->alone ? 0 : psm__conn_begin(tx->c, err);
}

int
psm__tx_queue(psm_tx *tx, const char *sql, size_t count,
              const struct psm__param *params, psm_rows **rows, psm_error *err)
{
	int rc;

	if (rows)
		*rows = NULL;
	if (tx->failed)
		return fail_state(tx, err);
	assert(tx->end != TX_ENDED);
	rc = begin_work(tx, err);
	if (rc == 0)
		rc = psm__conn_queue(tx->c, sql, count, params, rows, err);
	if (rc < 0 && rc != PSM_ERR_INVAL)
		tx->failed = rc;
	return rc;
}

/* COMMIT of a failed transaction succeeds as a ROLLBACK. */
static int
check_committed(psm_tx *tx, psm_error *err)
{
	if (strcmp(psm__conn_tag(tx->c), "COMMIT") == 0)
		return 0;
	return psm__fail(err, PSM_ERR_STATE,
	                 "transaction: the server rolled it back");
}

int
psm__tx_sync(psm_tx *tx, psm_error *err)
{
	int rc;

	if (tx->failed)
		return fail_state(tx, err);
	rc = tx->end == TX_ENDING && !tx->alone
	         ? psm__conn_queue(tx->c, "COMMIT", 0, NULL, NULL, err)
	         : 0;
	if (rc == 0)
		rc = psm__conn_sync(tx->c, err);
	tx->lazy = 0;
	if (rc < 0)
		tx->failed = rc;
	else if (tx->end == TX_ENDING) {
		tx->end = TX_ENDED;
		rc = tx->alone ? 0 : check_committed(tx, err);
	}
	return rc;
}

/* A part of another transaction ends nothing. */
void
psm__tx_last(psm_tx *tx)
{
	if (tx != whole && !tx->lent && tx->end == TX_OPEN)
		tx->end = TX_ENDING;
}

int
psm__tx_lazy(const psm_tx *tx)
{
	return tx->lazy;
}

int
psm_tx_queue(psm_tx *tx, const char *sql, size_t count,
             const char *const *params, psm_error *err)
{
	int rc = 0;

	psm__error_clear(err);
	if (!tx || !sql || (count > 0 && !params))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction, a statement, parameters");
	if (psm__conn_queued(tx->c) >= QUEUE_MAX)
		rc = psm__tx_sync(tx, err);
	if (rc == 0 && tx->failed)
		rc = fail_state(tx, err);
	if (rc < 0)
		return rc;
	rc = begin_work(tx, err);
	if (rc == 0)
		rc =
		    psm__conn_queue_texts(tx->c, sql, count, params, NULL, err);
	if (rc == 0)
		tx->lazy = 1;
	else if (rc != PSM_ERR_INVAL)
		tx->failed = rc;
	return rc;
}

int
psm_tx_exec(psm_tx *tx, const char *sql, size_t count,
            const char *const *params, psm_rows **rows, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (rows)
		*rows = NULL;
	if (!tx || !sql || (count > 0 && !params))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction, a statement, parameters");
	if (tx->failed)
		return fail_state(tx, err);
	rc = begin_work(tx, err);
	if (rc == 0)
		rc = psm__conn_exec(tx->c, sql, count, params, rows, err);
	tx->lazy = 0;
	if (rc < 0 && rc != PSM_ERR_INVAL)
		tx->failed = rc;
	return rc;
}

int
psm_tx_emit(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	psm__error_clear(err);
	if (!tx || !ev)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction and an event");
	return psm__outgoing_add(&tx->out, ev, tx->cause,
	                         psm__pool_wire(tx->st), err);
}

int
psm_tx_set_trace(psm_tx *tx, const char *traceparent, const char *tracestate,
                 psm_error *err)
{
	char *parent = NULL, *state = NULL;

	psm__error_clear(err);
	if (!tx)
		return psm__fail(err, PSM_ERR_INVAL, "tx: want a transaction");
	if (psm__trace_check(traceparent, tracestate, err) < 0)
		return PSM_ERR_INVAL;
	if (traceparent && *traceparent)
		parent = psm__strdup(traceparent);
	if (tracestate && *tracestate)
		state = psm__strdup(tracestate);
	if ((traceparent && *traceparent && !parent) ||
	    (tracestate && *tracestate && !state)) {
		psm__free(parent);
		psm__free(state);
		return psm__nomem(err);
	}
	psm__free(tx->out.traceparent);
	psm__free(tx->out.tracestate);
	tx->out.traceparent = parent;
	tx->out.tracestate = state;
	return 0;
}

static int
check_required(const psm_tx *tx, const psm_event *ev,
               const char *const *consumers, size_t count, psm_error *err)
{
	size_t i;

	if (!tx || !ev || !consumers || count == 0 ||
	    count > PSM_TX_REQUIRED_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction, an event and 1 to %d "
		                 "consumers",
		                 PSM_TX_REQUIRED_MAX);
	for (i = 0; i < count; i++)
		if (!consumers[i] || !consumers[i][0])
			return psm__fail(err, PSM_ERR_INVAL,
			                 "consumers[%zu]: want a name", i);
	if (tx->lent)
		return psm__fail(err, PSM_ERR_STATE,
		                 "tx: a handler cannot wait for consumers");
	return 0;
}

int
psm_tx_emit_required(psm_tx *tx, const psm_event *ev,
                     const char *const *consumers, size_t count, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	rc = check_required(tx, ev, consumers, count, err);
	if (rc == 0)
		rc = psm__outgoing_add(&tx->out, ev, tx->cause,
		                       psm__pool_wire(tx->st), err);
	if (rc < 0)
		return rc;
	rc = psm__outgoing_require(&tx->out, consumers, count, err);
	if (rc < 0)
		psm__outgoing_cut(&tx->out, tx->out.count - 1);
	return rc;
}

int
psm_tx_set_wait(psm_tx *tx, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!tx || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction and a time from 0");
	tx->wait_ms = timeout_ms;
	return 0;
}

const psm_config *
psm__tx_config(const psm_tx *tx)
{
	return psm__pool_config(tx->st);
}

int
psm_tx_wait_consumers(psm_tx *tx, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!tx)
		return psm__fail(err, PSM_ERR_INVAL, "tx: want a transaction");
	if (tx->lent)
		return psm__fail(err, PSM_ERR_STATE,
		                 "tx: a handler cannot wait for consumers");
	tx->living_ms =
	    timeout_ms < 0 ? psm__pool_rest_wait_ms(tx->st) : timeout_ms;
	return 0;
}

/* Write the outbox rows and commit. */
static int
commit(psm_tx *tx, psm_error *err)
{
	int rc;

	if (tx->end == TX_ENDED || (tx->end == TX_ENDING && !tx->begun))
		return 0;
	if (tx->silent)
		psm__outgoing_cut(&tx->out, 0);
	rc = begin_work(tx, err);
	if (rc == 0)
		rc = psm__required_check(&tx->out, tx->c, err);
	/* What is published must not be undone by a crash. */
	if (rc == 0 && tx->out.count > 0)
		rc = psm__conn_durable(tx->c, err);
	/* The outbox rows come last, when the locks on the entities are held:
	 * that makes the order of ids the order of commits per entity. */
	if (rc == 0)
		rc = psm__outgoing_queue(&tx->out, tx->c, err);
	if (rc == 0)
		rc = psm__conn_queue(tx->c, "COMMIT", 0, NULL, NULL, err);
	if (rc == 0 && tx->living_ms > 0)
		psm__living_ask(&tx->out, tx->c, &tx->living);
	if (rc == 0)
		rc = psm__conn_sync(tx->c, err);
	if (rc == 0)
		rc = check_committed(tx, err);
	return rc;
}

int
psm_tx_commit(psm_tx *tx, psm_error *err)
{
	struct psm__outgoing out;
	psm_rows *living;
	psm_store *st;
	int rc, wait_ms, living_ms;

	psm__error_clear(err);
	if (!tx)
		return psm__fail(err, PSM_ERR_INVAL, "tx: want a transaction");
	if (tx->lent)
		return psm__fail(err, PSM_ERR_STATE,
		                 "tx: only its owner can commit it");
	if (tx->parts > 0) {
		tx->parts--;
		return tx->failed ? fail_state(tx, err) : 0;
	}
	rc = tx->failed ? fail_state(tx, err) : commit(tx, err);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	st = tx->st;
	wait_ms = tx->wait_ms;
	living_ms = tx->living_ms;
	out = tx->out;
	tx->out = (struct psm__outgoing){0};
	living = tx->living;
	tx->living = NULL;
	if (out.count > 0 && !psm__pool_outbox_written(st))
		psm__pool_notify(st, tx->c);
	if (tx->was_lent)
		psm__await_wake();
	if (!tx->silent)
		psm__notes_log(&tx->notes);
	tx_free(tx);
	rc = psm__required_wait(&out, st, wait_ms, err);
	if (living_ms > 0)
		psm__living_wait(&out, st, living_ms, living);
	psm_rows_free(living);
	psm__outgoing_free(&out);
	return rc;
}

void
psm_tx_rollback(psm_tx *tx)
{
	if (!tx || tx->lent)
		return;
	if (tx->parts > 0) { /* what it did cannot be told from the rest */
		tx->parts--;
		tx->failed = tx->failed ? tx->failed : PSM_ERR_STATE;
		return;
	}
	/* If this fails the pool closes the connection, which rolls back. */
	if (!psm__conn_broken(tx->c) && tx->begun && !tx->alone &&
	    tx->end != TX_ENDED &&
	    psm__conn_queue(tx->c, "ROLLBACK", 0, NULL, NULL, NULL) == 0)
		(void)psm__conn_sync(tx->c, NULL);
	tx_free(tx);
}

/* -- savepoints */

static int
queue_named(psm_tx *tx, const char *verb, const char *name, psm_error *err)
{
	char sql[80];

	(void)snprintf(sql, sizeof sql, "%s %s", verb, name);
	return psm__tx_queue(tx, sql, 0, NULL, NULL, err);
}

/* The innermost mark of that name, NULL if there is none. */
static struct mark *
find_mark(psm_tx *tx, const char *name)
{
	size_t i = tx->mark_count;

	while (i > 0)
		if (strcmp(tx->marks[--i].name, name) == 0)
			return &tx->marks[i];
	return NULL;
}

int
psm__tx_savepoint(psm_tx *tx, const char *name, psm_error *err)
{
	struct mark *m;
	int rc;

	if (tx->mark_count == MARKS_MAX || strlen(name) > NAME_MAX_LEN)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "savepoint: want at most %d, names of %d",
		                 MARKS_MAX, NAME_MAX_LEN);
	rc = queue_named(tx, "SAVEPOINT", name, err);
	if (rc < 0)
		return rc;
	m = &tx->marks[tx->mark_count++];
	(void)snprintf(m->name, sizeof m->name, "%s", name);
	m->events = tx->out.count;
	m->notes = tx->notes.count;
	return 0;
}

int
psm__tx_rollback_to(psm_tx *tx, const char *name, psm_error *err)
{
	struct mark *m = find_mark(tx, name);
	int rc;

	if (!m)
		return psm__fail(err, PSM_ERR_INVAL, "savepoint: no \"%s\"",
		                 name);
	tx->failed = 0;
	rc = queue_named(tx, "ROLLBACK TO SAVEPOINT", name, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc < 0)
		return rc;
	psm__outgoing_cut(&tx->out, m->events);
	psm__notes_cut(&tx->notes, m->notes);
	tx->mark_count = (size_t)(m - tx->marks) + 1;
	return 0;
}

int
psm__tx_release(psm_tx *tx, const char *name, psm_error *err)
{
	struct mark *m = find_mark(tx, name);
	int rc;

	if (!m)
		return psm__fail(err, PSM_ERR_INVAL, "savepoint: no \"%s\"",
		                 name);
	rc = queue_named(tx, "RELEASE SAVEPOINT", name, err);
	if (rc == 0)
		tx->mark_count = (size_t)(m - tx->marks);
	return rc;
}

int
psm__tx_check_deferred(psm_tx *tx, psm_error *err)
{
	static const char mark[] = "psm_deferred";
	int rc = psm__tx_savepoint(tx, mark, err);

	if (rc == 0)
		rc = psm__tx_queue(tx, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL,
		                   NULL, err);
	/* The other way round, ALL DEFERRED would defer those as well that were
	 * immediate. */
	if (rc == 0)
		rc = psm__tx_rollback_to(tx, mark, err);
	return rc < 0 ? rc : psm__tx_release(tx, mark, err);
}

int
psm__tx_failed(const psm_tx *tx)
{
	return tx->failed;
}

void
psm__tx_lend(psm_tx *tx, int lent)
{
	tx->lent = lent;
	tx->was_lent = tx->was_lent || lent;
}

void
psm__tx_set_cause(psm_tx *tx, const psm_event *ev)
{
	tx->cause = ev;
}

void
psm__tx_silence(psm_tx *tx)
{
	tx->silent = 1;
}

int
psm__tx_note(psm_tx *tx, const char *message, ...)
{
	va_list fields;
	int rc;

	if (!psm_log_wanted(PSM_LOG_INFO))
		return 0;
	va_start(fields, message);
	rc = psm__notes_add(&tx->notes, message, fields);
	va_end(fields);
	return rc;
}

size_t
psm__tx_emitted(const psm_tx *tx)
{
	return tx->out.count;
}

void
psm__tx_cancel(psm_tx *tx, const int *cancel)
{
	psm__tx_limits(tx, 0, cancel);
}

void
psm__tx_limits(psm_tx *tx, int timeout_ms, const int *cancel)
{
	psm__conn_limits(tx->c, timeout_ms, cancel);
}
