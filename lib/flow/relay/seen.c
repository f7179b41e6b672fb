/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/relay/seen.h"

#include <psymatch/health.h>
#include <psymatch/log.h>
#include <stdio.h>
#include <string.h>

/* Older than this in the outbox is worth a look. */
#define OLD_MS 60000

void
psm__relay_seen_init(struct psm__relay_seen *s, int64_t long_tx_ms)
{
	(void)pthread_mutex_init(&s->lock, NULL);
	s->long_tx_ms = long_tx_ms;
}

void
psm__relay_seen_destroy(struct psm__relay_seen *s)
{
	(void)pthread_mutex_destroy(&s->lock);
}

/* -- told by the relay */

void
psm__relay_seen_problem(struct psm__relay_seen *s, const char *text,
                        const char *shown)
{
	(void)pthread_mutex_lock(&s->lock);
	if (text[0] && strcmp(text, s->problem) != 0)
		psm__log(PSM_LOG_WARN, "outbox", "problem", text, NULL);
	(void)snprintf(s->problem, sizeof s->problem, "%s", text);
	(void)snprintf(s->shown, sizeof s->shown, "%s", shown);
	(void)pthread_mutex_unlock(&s->lock);
}

void
psm__relay_seen_leader(struct psm__relay_seen *s, int leads)
{
	__atomic_store_n(&s->leads, leads, __ATOMIC_SEQ_CST);
	psm__metric_set(psm__gauge("psymatch_outbox_leader", "", "",
	                           "1: this process publishes the outbox."),
	                leads);
	psm__log(PSM_LOG_INFO,
	         leads ? "outbox: this process publishes"
	               : "outbox: this process does not publish",
	         NULL);
}

int
psm__relay_seen_leads(struct psm__relay_seen *s)
{
	return __atomic_load_n(&s->leads, __ATOMIC_SEQ_CST);
}

void
psm__relay_seen_outbox(struct psm__relay_seen *s, int64_t waiting,
                       int64_t oldest_ms)
{
	(void)pthread_mutex_lock(&s->lock);
	s->waiting = waiting;
	s->oldest_ms = oldest_ms;
	(void)pthread_mutex_unlock(&s->lock);
	psm__metric_set(
	    psm__gauge("psymatch_outbox_waiting", "", "",
	               "Events in the outbox, counted up to 100000."),
	    waiting);
	psm__metric_set(psm__gauge("psymatch_outbox_oldest_seconds", "", "",
	                           "Age of the oldest event in the outbox."),
	                oldest_ms / 1000);
}

/* An open transaction stops no event, but what it could still see cannot be
 * cleaned away, in any table. */
void
psm__relay_seen_tx(struct psm__relay_seen *s, int64_t age_ms)
{
	char text[24];
	int warn;

	(void)pthread_mutex_lock(&s->lock);
	warn = age_ms >= s->long_tx_ms && s->oldest_tx_ms < s->long_tx_ms;
	s->oldest_tx_ms = age_ms;
	(void)pthread_mutex_unlock(&s->lock);
	psm__metric_set(
	    psm__gauge("psymatch_db_oldest_transaction_seconds", "", "",
	               "Age of the oldest open transaction of the database."),
	    age_ms / 1000);
	if (!warn)
		return;
	(void)snprintf(text, sizeof text, "%lld", (long long)(age_ms / 1000));
	psm__log(PSM_LOG_WARN,
	         "database: a transaction is open for long, old rows of all "
	         "tables stay",
	         "age_s", text, NULL);
}

void
psm__relay_seen_sent(struct psm__relay_seen *s, size_t count)
{
	(void)pthread_mutex_lock(&s->lock);
	s->sent += (int64_t)count;
	(void)pthread_mutex_unlock(&s->lock);
	psm__metric_add(psm__counter("psymatch_outbox_sent_total", "", "",
	                             "Events published from the outbox."),
	                (int64_t)count);
}

void
psm__relay_seen_wakeups(struct psm__relay_seen *s, int count)
{
	(void)pthread_mutex_lock(&s->lock);
	s->wakeups += count;
	(void)pthread_mutex_unlock(&s->lock);
}

/* -- asked by others */

int64_t
psm__relay_seen_stat(struct psm__relay_seen *s, const char *name)
{
	int64_t value = -1;

	(void)pthread_mutex_lock(&s->lock);
	if (strcmp(name, "sent") == 0)
		value = s->sent;
	else if (strcmp(name, "waiting") == 0)
		value = s->waiting;
	else if (strcmp(name, "leader") == 0)
		value = psm__relay_seen_leads(s);
	else if (strcmp(name, "wakeups") == 0)
		value = s->wakeups;
	else if (strcmp(name, "oldest_age_ms") == 0)
		value = s->oldest_ms;
	else if (strcmp(name, "oldest_tx_ms") == 0)
		value = s->oldest_tx_ms;
	(void)pthread_mutex_unlock(&s->lock);
	return value;
}

/* @locks s->lock held */
static int
health_locked(struct psm__relay_seen *s, const char *producer, char *reason,
              size_t size)
{
	if (s->problem[0]) {
		(void)snprintf(reason, size, "outbox: %s", s->shown);
		return PSM_HEALTH_RED;
	}
	if (s->oldest_ms > OLD_MS) {
		(void)snprintf(
		    reason, size,
		    "outbox: %lld event%s wait%s, the oldest for "
		    "%lld s; %s",
		    (long long)s->waiting, PSM__NOUN_S(s->waiting),
		    PSM__VERB_S(s->waiting), (long long)(s->oldest_ms / 1000),
		    psm__relay_seen_leads(s) ? producer
					     : "another process publishes");
		return PSM_HEALTH_AMBER;
	}
	if (s->oldest_tx_ms >= s->long_tx_ms) {
		(void)snprintf(reason, size,
		               "database: a transaction is open for %lld s, "
		               "old rows of all tables stay",
		               (long long)(s->oldest_tx_ms / 1000));
		return PSM_HEALTH_AMBER;
	}
	(void)snprintf(reason, size, "outbox: %lld event%s wait%s",
	               (long long)s->waiting, PSM__NOUN_S(s->waiting),
	               PSM__VERB_S(s->waiting));
	return PSM_HEALTH_GREEN;
}

int
psm__relay_seen_health(struct psm__relay_seen *s, const char *producer,
                       char *reason, size_t size)
{
	int health;

	(void)pthread_mutex_lock(&s->lock);
	health = health_locked(s, producer, reason, size);
	(void)pthread_mutex_unlock(&s->lock);
	return health;
}
