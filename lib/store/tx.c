/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/outbox.h"
#include "store/pool.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 31
/* Nested savepoints of one transaction. */
#define MARKS_MAX 8

/* A savepoint and how many events had been emitted when it was set. */
struct mark {
	char name[NAME_MAX_LEN + 1];
	size_t events;
};

struct psm_tx {
	psm_store *st;
	struct psm__conn *c;
	/* 0, or the failure of a statement: until a savepoint is gone back to
	 * the server refuses everything. */
	int failed;
	int lent;               /* to a callback, which must not end it */
	const psm_event *cause; /* of what is emitted; NULL: nothing */
	struct psm__outgoing out;
	struct mark marks[MARKS_MAX];
	size_t mark_count;
};

static void
tx_free(psm_tx *tx)
{
	psm__pool_put(tx->st, tx->c);
	psm__outgoing_free(&tx->out);
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
	tx = psm__alloc(sizeof *tx);
	if (!tx)
		return psm__nomem(err);
	tx->st = st;
	rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &tx->c, err);
	if (rc == 0) /* travels with the first statement */
		rc = psm__conn_queue(tx->c, "BEGIN", 0, NULL, NULL, err);
	if (rc < 0)
		tx_free(tx);
	else
		*out = tx;
	return rc;
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
	rc = psm__conn_queue(tx->c, sql, count, params, rows, err);
	if (rc < 0 && rc != PSM_ERR_INVAL)
		tx->failed = rc;
	return rc;
}

int
psm__tx_sync(psm_tx *tx, psm_error *err)
{
	int rc;

	if (tx->failed)
		return fail_state(tx, err);
	rc = psm__conn_sync(tx->c, err);
	if (rc < 0)
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
	rc = psm__conn_exec(tx->c, sql, count, params, rows, err);
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
	return psm__outgoing_add(&tx->out, ev, tx->cause, err);
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
psm_tx_commit(psm_tx *tx, psm_error *err)
{
	size_t events;
	int rc;

	psm__error_clear(err);
	if (!tx)
		return psm__fail(err, PSM_ERR_INVAL, "tx: want a transaction");
	if (tx->lent)
		return psm__fail(err, PSM_ERR_STATE,
		                 "tx: only its owner can commit it");
	events = tx->out.count;
	if (tx->failed) {
		rc = fail_state(tx, err);
		psm_tx_rollback(tx);
		return rc;
	}
	/* The outbox rows come last, when the locks on the entities are held:
	 * that makes the order of ids the order of commits per entity. */
	rc = psm__outgoing_queue(&tx->out, tx->c, err);
	if (rc == 0)
		rc = psm__conn_queue(tx->c, "COMMIT", 0, NULL, NULL, err);
	if (rc == 0)
		rc = psm__conn_sync(tx->c, err);
	if (rc == 0)
		rc = check_committed(tx, err);
	if (rc == 0 && events > 0)
		psm__pool_outbox_written(tx->st);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		tx_free(tx);
	return rc;
}

void
psm_tx_rollback(psm_tx *tx)
{
	if (!tx || tx->lent)
		return;
	/* If this fails the pool closes the connection, which rolls back. */
	if (!psm__conn_broken(tx->c) &&
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

psm_store *
psm__tx_store(psm_tx *tx)
{
	return tx->st;
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
}

void
psm__tx_set_cause(psm_tx *tx, const psm_event *ev)
{
	tx->cause = ev;
}

void
psm__tx_cancel(psm_tx *tx, const int *cancel)
{
	psm__conn_limits(tx->c, 0, cancel);
}
