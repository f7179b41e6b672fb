/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/processor_int.h"
#include "flow/heartbeat.h"
#include "flow/program.h"
#include "flow/tables.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* How long messages may wait while none comes. */
#define STALL_MS 10000

/* -- life */

static int
new_parts(psm_processor *pr, const char *name, psm_error *err)
{
	pr->name = psm__strdup(name);
	pr->batch.items = psm__array(PSM__BATCH_MAX * (size_t)pr->workers,
	                             sizeof *pr->batch.items);
	if (!pr->name || !pr->batch.items ||
	    psm_uuid_new(pr->owner, sizeof pr->owner) < 0)
		return psm__nomem(err);
	if (psm__worker_tx_init(&pr->main, pr, err) < 0)
		return PSM_ERR_NOMEM;
	pr->err = pr->main.err;
	return 0;
}

int
psm_processor_new(psm_store *st, psm_transport *t, const psm_config *cfg,
                  const char *name, psm_processor **out, psm_error *err)
{
	psm_processor *pr;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!st || !t || !cfg || !name || !name[0])
		return psm__fail(
		    err, PSM_ERR_INVAL,
		    "want a store, a transport, settings and a name");
	pr = psm__alloc(sizeof *pr);
	if (!pr)
		return psm__nomem(err);
	rc = psm__worker_init(&pr->worker, err);
	if (rc < 0) {
		psm__free(pr);
		return rc;
	}
	(void)pthread_mutex_init(&pr->lock, NULL);
	pr->st = st;
	pr->t = psm_transport_ref(t);
	pr->workers = psm_config_int(cfg, "PSYMATCH_PROCESSOR_WORKERS");
	pr->batch_size = PSM__BATCH_MAX * (int)pr->workers;
	pr->parked_batch_size = PSM__BATCH_MAX;
	pr->stall_ms = STALL_MS;
	pr->breaker_on = psm_config_bool(cfg, "PSYMATCH_PROCESSOR_BREAKER");
	pr->parked_key_max = psm_config_int(cfg, "PSYMATCH_PARKED_KEY_MAX");
	pr->parked_keys_max = psm_config_int(cfg, "PSYMATCH_PARKED_KEYS_MAX");
	rc = new_parts(pr, name, err);
	if (rc < 0)
		psm_processor_free(pr);
	else
		*out = pr;
	return rc;
}

void
psm_processor_free(psm_processor *pr)
{
	size_t i;

	if (!pr)
		return;
	if (psm_processor_stop(pr, 0, NULL) < 0 &&
	    psm__worker_stop(&pr->worker, -1, NULL, NULL) < 0)
		return; /* cannot be: without a limit it waits for the end */
	psm__workers_close(pr);
	for (i = 0; i < pr->part_count; i++) {
		psm__free(pr->parts[i].kept);
		psm__free(pr->parts[i].log);
	}
	psm__free(pr->parts);
	for (i = 0; i < pr->topic_count; i++)
		psm__free(pr->topics[i]);
	psm__free(pr->topics);
	psm__dispatch_free(&pr->dispatch);
	psm__free(pr->timers);
	psm__free(pr->types);
	psm__free(pr->name);
	psm__worker_tx_destroy(&pr->main);
	psm__free(pr->batch.items);
	psm_transport_unref(pr->t);
	psm__worker_destroy(&pr->worker);
	(void)pthread_mutex_destroy(&pr->lock);
	psm__free(pr);
}

static int
check_idle(psm_processor *pr, psm_error *err)
{
	int idle;

	(void)pthread_mutex_lock(&pr->worker.lock);
	idle = pr->worker.state == PSM__WORKER_IDLE;
	(void)pthread_mutex_unlock(&pr->worker.lock);
	return idle ? 0
	            : psm__fail(err, PSM_ERR_STATE,
	                        "processor: only before the start");
}

static int
add_topic(psm_processor *pr, const char *topic, psm_error *err)
{
	char *copy;

	copy = psm__strdup(topic);
	if (!copy || psm__grow(&pr->topics, &pr->topic_cap, pr->topic_count + 1,
	                       sizeof *pr->topics) < 0) {
		psm__free(copy);
		return psm__nomem(err);
	}
	pr->topics[pr->topic_count++] = copy;
	return 0;
}

int
psm_processor_subscribe(psm_processor *pr, const char *topic, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pr || !topic || !topic[0])
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a processor and a topic");
	rc = check_idle(pr, err);
	if (rc < 0)
		return rc;
	return add_topic(pr, topic, err);
}

int
psm_processor_on(psm_processor *pr, const char *type, psm_tx_event_fn fn,
                 void *user, psm_error *err)
{
	return psm_processor_on_with(pr, type, NULL, fn, user, err);
}

int
psm_processor_on_with(psm_processor *pr, const char *type,
                      const psm_handler_options *options, psm_tx_event_fn fn,
                      void *user, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pr || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a processor, a type and a handler");
	rc = check_idle(pr, err);
	if (rc < 0)
		return rc;
	return psm__dispatch_add(&pr->dispatch, type, options,
	                         (void (*)(void))fn, user, err);
}

int
psm_handlers_on_tx(psm_handlers *hs, const char *type,
                   const psm_handler_options *options, psm_tx_event_fn fn,
                   void *user, psm_error *err)
{
	psm__error_clear(err);
	if (!hs || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a set, a type and a handler");
	return psm__dispatch_add(&hs->tx, type, options, (void (*)(void))fn,
	                         user, err);
}

int
psm_processor_handlers(psm_processor *pr, const psm_handlers *hs,
                       psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pr || !hs)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a processor and handlers");
	rc = check_idle(pr, err);
	return rc < 0 ? rc : psm__dispatch_add_all(&pr->dispatch, &hs->tx, err);
}

int
psm_processor_upcast(psm_processor *pr, const char *type,
                     const char *from_version, const char *to_version,
                     psm_upcast_fn fn, void *user, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pr || !type || !from_version || !to_version || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a processor, a type, two versions and a "
		                 "function");
	rc = check_idle(pr, err);
	if (rc < 0)
		return rc;
	return psm__dispatch_add_upcaster(&pr->dispatch, type, from_version,
	                                  to_version, fn, user, err);
}

/* -- counting */

static void
count_done(psm_processor *pr)
{
	int64_t done[PSM__N_COUNTED] = {0};
	size_t i;

	psm__worker_tx_count(&pr->main, done);
	psm__workers_count(pr, done);
	(void)pthread_mutex_lock(&pr->lock);
	for (i = 0; i < PSM__N_COUNTED; i++)
		pr->outcomes[i] += done[i];
	if (done[PSM__DEAD] > 0)
		pr->last_errors.dead_at_ms = psm__mono_ms();
	(void)pthread_mutex_unlock(&pr->lock);
	for (i = 0; i < PSM__N_COUNTED; i++)
		if (done[i] > 0)
			psm__metric_add(
			    psm__counter("psymatch_processor_events_total",
			                 "outcome", psm__outcome_name(i),
			                 "Events by what became of them."),
			    done[i]);
}

static void
count_rollback(psm_processor *pr)
{
	(void)pthread_mutex_lock(&pr->lock);
	pr->rollbacks++;
	(void)pthread_mutex_unlock(&pr->lock);
	psm__metric_add(psm__counter("psymatch_processor_rollbacks_total", "",
	                             "", "Batches that were rolled back."),
	                1);
}

/* What failed, for the health; logged when it is new. */
static void
note_problem(psm_processor *pr)
{
	const char *why = psm_error_message(pr->err);

	(void)pthread_mutex_lock(&pr->lock);
	if (strcmp(pr->problem, why) != 0)
		psm__log(PSM_LOG_WARN, "batch rolled back", "consumer",
		         pr->name, "reason", why, NULL);
	(void)snprintf(pr->problem, sizeof pr->problem, "%s", why);
	(void)snprintf(pr->shown, sizeof pr->shown, "%s",
	               psm_error_public(pr->err));
	(void)pthread_mutex_unlock(&pr->lock);
}

/* -- the thread */

static void
back_off(psm_processor *pr)
{
	int wait_ms = psm__backoff_ms(pr->failures++, PSM__RETRY_BASE_MS,
	                              PSM__RETRY_CAP_MS);

	(void)psm__worker_wait(&pr->worker, wait_ms);
}

static void
all_well(psm_processor *pr)
{
	pr->failures = 0;
	(void)pthread_mutex_lock(&pr->lock);
	pr->problem[0] = '\0';
	(void)pthread_mutex_unlock(&pr->lock);
}

/* What fails here is no reason to leave messages alone: they say it better, if
 * it is the system. */
static void
retry(psm_processor *pr, int most)
{
	if (psm__retry_due(pr, most) < 0)
		psm__log(PSM_LOG_DEBUG,
		         "parked events could not be tried again", "consumer",
		         pr->name, "reason", psm_error_message(pr->err), NULL);
	psm__error_clear(pr->err);
	count_done(pr);
}

/* There are no messages. */
static void
rest(psm_processor *pr, int most)
{
	/* Messages are better probes than events that have failed before. */
	if (most == 1)
		retry(pr, 1);
	/* What failed may have been taken away from us since. */
	if (pr->failures > 0 && !psm__reader_owes(pr))
		all_well(pr);
}

static int
batch_max(const psm_processor *pr)
{
	return PSM__BATCH_MAX * (int)pr->workers;
}

static void
handle_batch(psm_processor *pr)
{
	int64_t began_ms = psm__mono_ms();
	size_t count = pr->batch.count;
	int rc;

	psm__stall_end(pr);
	rc = psm__batch_run(pr);
	count_done(pr);
	pr->batch_size = psm__batch_size(pr->batch_size, batch_max(pr), count,
	                                 psm__mono_ms() - began_ms);
	if (rc == 0) {
		psm__circuit_committed(pr);
		psm__reader_advance(pr);
		all_well(pr);
		return;
	}
	count_rollback(pr);
	psm__reader_again(pr);
	if (psm__circuit_allow(pr, batch_max(pr)) == 0)
		return; /* it waits by itself, and says so itself */
	note_problem(pr);
	back_off(pr);
	psm__reader_idle(pr);
}

static void
work(psm_processor *pr)
{
	int most = psm__circuit_allow(pr, batch_max(pr));

	if (most > 1) { /* parked events first */
		retry(pr, most < PSM__BATCH_MAX ? most : PSM__BATCH_MAX);
		most = psm__circuit_allow(pr, batch_max(pr));
	}
	if (most == 0) {
		psm__circuit_wait(pr);
		psm__reader_idle(pr);
		return;
	}
	psm__reader_collect(
	    pr, (size_t)(most < pr->batch_size ? most : pr->batch_size));
	if (pr->batch.count == 0)
		rest(pr, most);
	else
		handle_batch(pr);
}

/* Where the source can still say that it goes, the group need not wait for its
 * session to end. */
#define LEAVE_MS 1000

/* A new source reads what the dead one owes: its partitions are ours again from
 * where their rows say. */
static void
replace_source(psm_processor *pr)
{
	psm__error_clear(pr->err);
	(void)psm__fail(pr->err, PSM_ERR_BROKER, "reading ended: %s",
	                pr->last_errors.poll);
	psm__reader_close(pr, LEAVE_MS);
	pr->source_dead = 0;
	note_problem(pr);
	back_off(pr);
}

/* @thread processor */
static void
run(void *arg)
{
	psm_processor *pr = arg;
	struct psm__heartbeat beat = {
	    {pr->name, pr->owner, pr->types, pr->type_count}, 0};

	psm__tables_await(pr->st, &pr->worker, pr->name);
	while (!psm__worker_stopping(&pr->worker)) {
		psm__error_clear(pr->err);
		psm__heartbeat_step(&beat, pr->st);
		if (pr->source || psm__reader_open(pr) == 0) {
			work(pr);
			psm__lag_show(pr);
			psm__parked_show(pr);
			if (pr->source_dead)
				replace_source(pr);
		} else {
			count_rollback(pr);
			note_problem(pr);
			back_off(pr);
		}
	}
	psm__heartbeat_end(&beat, pr->st);
	psm__reader_close(pr, psm__worker_left_ms(&pr->worker));
}

/* How long the server waits for a statement of a transaction that is open: by
 * the handlers' deadlines, 0 if one of them has none. */
static int
longest_silence_ms(const psm_processor *pr)
{
	int64_t longest = 0;
	size_t i;

	for (i = 0; i < pr->dispatch.count; i++) {
		int ms = pr->dispatch.handlers[i].options.deadline_ms;

		if (ms == 0)
			return 0;
		longest = ms > longest ? ms : longest;
	}
	longest *= PSM__SILENCE;
	return longest < INT_MAX ? (int)longest : INT_MAX;
}

/* Without a topic of the program's choice: those of the handlers. */
static int
add_topics(psm_processor *pr, psm_error *err)
{
	const char *topic;
	size_t i;
	int rc = 0;

	if (pr->topic_count > 0)
		return 0;
	for (i = 0;
	     rc == 0 && (topic = psm__dispatch_topic_at(&pr->dispatch, i)); i++)
		if (topic[0])
			rc = add_topic(pr, topic, err);
	if (rc == 0 && pr->topic_count == 0)
		rc = psm__fail(err, PSM_ERR_STATE,
		               "processor: want a topic for the handler of "
		               "every type");
	return rc;
}

int
psm__processor_handles(const psm_processor *pr)
{
	return pr->dispatch.count > 0;
}

int
psm_processor_start(psm_processor *pr, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pr)
		return psm__fail(err, PSM_ERR_INVAL, "pr: want a processor");
	if (pr->dispatch.count == 0)
		return psm__fail(err, PSM_ERR_STATE,
		                 "processor: want a handler first");
	/* What follows belongs to the thread once it runs. */
	rc = check_idle(pr, err);
	if (rc == 0)
		rc = add_topics(pr, err);
	if (rc < 0)
		return rc;
	if (!pr->timers)
		pr->timers = psm__array(pr->dispatch.count, sizeof *pr->timers);
	if (!pr->timers)
		return psm__nomem(err);
	pr->silence_ms = longest_silence_ms(pr);
	psm__free(pr->types); /* of a start that failed */
	if (psm__dispatch_names(&pr->dispatch, &pr->types, &pr->type_count) < 0)
		return psm__nomem(err);
	if (!pr->pool) {
		rc = psm__workers_open(pr, err);
		if (rc < 0)
			return rc;
	}
	return psm__worker_start(&pr->worker, "psm-processor", run, pr, err);
}

static void
wake(void *arg)
{
	psm_processor *pr = arg;

	psm__worker_wake(&pr->worker);
	(void)pthread_mutex_lock(&pr->lock);
	if (pr->source)
		pr->source->ops->wake(pr->source);
	(void)pthread_mutex_unlock(&pr->lock);
}

int
psm_processor_stop(psm_processor *pr, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!pr || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a processor and a time from 0");
	return psm__worker_stop(&pr->worker, timeout_ms, wake, err);
}
