/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/wait.h"
#include "store/alive.h"
#include "store/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The consumer may run in another process: look again after 5 ms, then later
 * and later. */
#define LOOK_FIRST_MS 5
#define LOOK_LAST_MS 100
/* A busy processor of this process commits often: not every commit is worth a
 * look. */
#define LOOK_LEAST_MS 2
/* So much longer the last look may take. */
#define ANSWER_MS 1000

/* -- who waits in this process */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static pthread_cond_t committed;
static int have_cond;
static uint64_t commits; /* lock: that were worth a wake */
static int waiting;      /* __atomic: threads that look now and then */

static void
init(void)
{
	have_cond = psm__cond_init(&committed) == 0;
}

void
psm__await_wake(void)
{
	/* Who begins to wait after this was read looks after the commit. */
	if (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == 0)
		return;
	(void)pthread_mutex_lock(&lock);
	commits++;
	(void)pthread_cond_broadcast(&committed);
	(void)pthread_mutex_unlock(&lock);
}

static uint64_t
commits_now(void)
{
	uint64_t n;

	(void)pthread_mutex_lock(&lock);
	n = commits;
	(void)pthread_mutex_unlock(&lock);
	return n;
}

/* Until there are more commits than seen, at most wait_ms. */
static void
wait_commit(uint64_t seen, int wait_ms)
{
	struct timespec until;
	int rc = 0;

	psm__deadline(&until, wait_ms);
	(void)pthread_mutex_lock(&lock);
	while ((seen == UINT64_MAX || commits == seen) && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&committed, &lock, &until);
	(void)pthread_mutex_unlock(&lock);
}

/* -- looking */

/* Handled wins: a dead letter that was released may have been handled since. */
#define STATE_SQL                                                               \
	"CASE WHEN EXISTS (SELECT FROM psymatch.inbox WHERE consumer = c AND "  \
	"event_id = $2::uuid) THEN 2 WHEN EXISTS (SELECT FROM "                 \
	"psymatch.parked WHERE consumer = c AND event_id = $2::uuid) THEN 1 "   \
	"WHEN EXISTS (SELECT FROM psymatch.dead_letter WHERE consumer = c AND " \
	"event_id = $2::uuid AND state <> 'released') THEN 3 ELSE 0 END"
#define ONE_SQL "SELECT " STATE_SQL " FROM (SELECT $1::text AS c) AS one"
/* Of several the one that has done least, which is 0. */
#define LIVING_SQL                                                                          \
	"SELECT coalesce(min(" STATE_SQL "), 4) FROM (SELECT DISTINCT "                     \
	"consumer AS c FROM psymatch.consumer_alive WHERE (consumer = "                     \
	"$1::text OR starts_with(consumer, $1::text || '-')) AND (types IS "                \
	"NULL OR $3::text = ANY (types)) AND seen_at > clock_timestamp() - " PSM__ALIVE_SQL \
	") AS living"

static struct psm__metric *
looks(void)
{
	return psm__counter("psymatch_wait_looks_total", "", "",
	                    "Looks whether an event was handled.");
}

int64_t
psm__await_looks(void)
{
	return psm__metric_get(looks());
}

static int
undecided(const struct psm__awaited *w)
{
	return w->state == PSM__AWAIT_OPEN ||
	       (w->state == PSM__AWAIT_PARKED && !w->type);
}

static int
queue_looks(struct psm__conn *c, const struct psm__awaited *list, size_t count,
            psm_rows **rows, psm_error *err)
{
	struct psm__param params[3];
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++) {
		if (!undecided(&list[i]))
			continue;
		params[0] = psm__param_text(list[i].consumer);
		params[1] = psm__param_text(list[i].event_id);
		params[2] = psm__param_text(list[i].type);
		rc = list[i].type ? psm__conn_queue(c, LIVING_SQL, 3, params,
		                                    &rows[i], err)
		                  : psm__conn_queue(c, ONE_SQL, 2, params,
		                                    &rows[i], err);
	}
	return rc == 0 ? psm__conn_sync(c, err) : rc;
}

/* One round trip. 0: some are undecided; 1: none. */
static int
look(psm_store *st, struct psm__awaited *list, size_t count, int wait_ms,
     psm_error *err)
{
	psm_rows **rows = psm__array(count, sizeof *rows);
	struct psm__conn *c = NULL;
	int rc = rows ? 0 : psm__nomem(err), done = 1;
	size_t i;

	psm__metric_add(looks(), 1);
	if (rc == 0)
		rc = psm__pool_get(st, wait_ms, &c, err);
	if (rc == 0) {
		psm__conn_limits(c, wait_ms + ANSWER_MS, NULL);
		rc = queue_looks(c, list, count, rows, err);
	}
	for (i = 0; i < count && rc == 0; i++) {
		if (rows[i])
			list[i].state =
			    (enum psm__await_state)psm_rows_int(rows[i], 0, 0);
		done = done && !undecided(&list[i]);
	}
	for (i = 0; rows && i < count; i++)
		psm_rows_free(rows[i]);
	psm__free(rows);
	psm__pool_put(st, c);
	return rc < 0 ? rc : done;
}

static int
wait_decided(psm_store *st, struct psm__awaited *list, size_t count,
             int64_t until_ms, psm_error *err)
{
	int rc, left_ms, wait_ms = LOOK_FIRST_MS;
	uint64_t seen;

	for (;;) {
		left_ms = (int)(until_ms - psm__mono_ms());
		if (left_ms < 0)
			left_ms = 0;
		seen = commits_now();
		psm__error_clear(err);
		rc = look(st, list, count, left_ms, err);
		if (rc == 1)
			return 0;
		if (rc < 0 && !psm_error_retriable(err))
			return rc;
		left_ms = (int)(until_ms - psm__mono_ms());
		if (left_ms <= 0)
			return rc < 0 ? rc : PSM_ERR_TIMEOUT;
		if (wait_ms > left_ms)
			wait_ms = left_ms;
		wait_commit(UINT64_MAX, LOOK_LEAST_MS);
		wait_commit(seen, wait_ms);
		wait_ms *= 2;
		if (wait_ms > LOOK_LAST_MS)
			wait_ms = LOOK_LAST_MS;
	}
}

int
psm__await(psm_store *st, struct psm__awaited *list, size_t count,
           int timeout_ms, psm_error *err)
{
	psm_error *own = err ? err : psm_error_new();
	int rc;

	(void)pthread_once(&once, init);
	if (!own || !have_cond) {
		if (!err)
			psm_error_free(own);
		return psm__nomem(err);
	}
	(void)__atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	rc = wait_decided(st, list, count, psm__mono_ms() + timeout_ms, own);
	(void)__atomic_sub_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
	if (!err)
		psm_error_free(own);
	return rc;
}

static int
check_wait(psm_store *st, const char *event_id, const char *consumer,
           int timeout_ms, psm_error *err)
{
	if (!st || !event_id || !consumer || !consumer[0] || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store, an event's id, a consumer and "
		                 "a time from 0");
	if (!psm_uuid_valid(event_id, strlen(event_id)))
		return psm__fail(err, PSM_ERR_INVAL, "event_id: want a UUID");
	return 0;
}

int
psm_store_wait_handled(psm_store *st, const char *event_id,
                       const char *consumer, int timeout_ms, psm_error *err)
{
	struct psm__awaited one = {.consumer = consumer, .event_id = event_id};
	int rc;

	psm__error_clear(err);
	rc = check_wait(st, event_id, consumer, timeout_ms, err);
	if (rc < 0)
		return rc;
	rc = psm__await(st, &one, 1, timeout_ms, err);
	if (rc == 0 && one.state == PSM__AWAIT_DEAD)
		return psm__fail(err, PSM_ERR_REJECT,
		                 "%s: the event is a dead letter", consumer);
	if (rc == PSM_ERR_TIMEOUT)
		return psm__fail(err, rc, "%s: %s within %d ms", consumer,
		                 one.state == PSM__AWAIT_PARKED
		                     ? "the event is parked, not handled"
		                     : "the event was not handled",
		                 timeout_ms);
	return rc;
}
