/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that a commit waits for. */
#include "store/outbox.h"
#include "store/wait.h"

#define PARKED_SQL                                                             \
	"SELECT EXISTS (SELECT FROM psymatch.parked WHERE consumer = $1 AND "  \
	"key = $2)"

/* 1: events of the key are parked already: this one would wait behind them. */
static int
is_stuck(const struct psm__awaited *w, struct psm__conn *c, psm_error *err)
{
	const char *params[] = {w->consumer, w->key};
	psm_rows *rows = NULL;
	int rc = psm__conn_exec(c, PARKED_SQL, 2, params, &rows, err);

	if (rc == 0)
		rc = psm_rows_int(rows, 0, 0) == 1;
	psm_rows_free(rows);
	return rc;
}

int
psm__required_check(const struct psm__outgoing *out, struct psm__conn *c,
                    psm_error *err)
{
	size_t i, count = psm__outgoing_required(out);
	struct psm__awaited *list;
	int rc = 0;

	if (count == 0)
		return 0;
	list = psm__array(count, sizeof *list);
	if (!list)
		return psm__nomem(err);
	psm__outgoing_awaited(out, list);
	for (i = 0; i < count && rc == 0; i++)
		rc = is_stuck(&list[i], c, err);
	if (rc == 1)
		rc = psm__fail(err, PSM_ERR_REJECT,
		               "not committed: %s has parked earlier events of "
		               "the same key",
		               list[i - 1].consumer);
	psm__free(list);
	return rc;
}

/* Who has not handled what, one after the other. */
static int
fail_unconfirmed(const struct psm__awaited *list, size_t count, int wait_ms,
                 psm_error *err)
{
	static const char *const words[] = {
	    [PSM__AWAIT_OPEN] = "has not handled",
	    [PSM__AWAIT_PARKED] = "has parked",
	    [PSM__AWAIT_DEAD] = "has refused",
	};
	struct psm__buf text = {0};
	size_t i;
	int rc;

	for (i = 0; i < count; i++)
		if (list[i].state != PSM__AWAIT_HANDLED)
			psm__buf_printf(&text, "%s%s %s %s",
			                text.len > 0 ? ", " : "",
			                list[i].consumer, words[list[i].state],
			                list[i].event_id);
	rc = psm__fail(err, PSM_ERR_UNCONFIRMED,
	               "committed; after up to %d ms: %s", wait_ms,
	               text.data ? text.data : "not confirmed");
	psm__buf_free(&text);
	return rc;
}

/* The transaction has committed, and the connection is back in the pool.
 * Whatever goes wrong from here on does not undo it. */
int
psm__required_wait(const struct psm__outgoing *out, psm_store *st, int wait_ms,
                   psm_error *err)
{
	size_t i, missing = 0, count = psm__outgoing_required(out);
	struct psm__awaited *list;
	int rc;

	if (count == 0)
		return 0;
	list = psm__array(count, sizeof *list);
	if (!list)
		return psm__fail(err, PSM_ERR_UNCONFIRMED,
		                 "committed; no memory to wait");
	psm__outgoing_awaited(out, list);
	/* A failure is told by the states that it leaves. */
	(void)psm__await(st, list, count, wait_ms, NULL);
	for (i = 0; i < count; i++)
		missing += list[i].state != PSM__AWAIT_HANDLED;
	rc = missing > 0 ? fail_unconfirmed(list, count, wait_ms, err) : 0;
	psm__free(list);
	return rc;
}
