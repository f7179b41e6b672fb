/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 60000

struct entry {
	uint64_t token;
	const char *topic, *value;
	size_t len;
	int rc;
};

struct sink {
	struct psm__sink base;
	struct fake *f;
	psm__report_fn report;
	void *user;
	int woken, dead;
	struct entry *ring;
	size_t head, count; /* [head, head + count) modulo queue_max */
};

static struct sink *
sink_of(struct psm__sink *s)
{
	return (struct sink *)s;
}

static struct fake *
fake_of(psm_transport *t)
{
	return (struct fake *)t;
}

/* The rule for the nth, which is then used up. @locks f->lock held */
static struct fake_rule
rule_for(struct fake *f, long nth, int sending)
{
	struct fake_rule none = {FAKE_NOTHING, 0, 0}, found;

	for (size_t i = 0; i < sizeof(f->rules) / sizeof(f->rules[0]); i++) {
		found = f->rules[i];
		if (found.what == FAKE_NOTHING || found.at != nth ||
		    (found.what == FAKE_REFUSE) != sending)
			continue;
		f->rules[i] = none;
		return found;
	}
	return none;
}

static int
fake_send(struct psm__sink *base, const struct psm__message *m, psm_error *err)
{
	struct sink *s = sink_of(base);
	struct fake *f = s->f;
	struct fake_rule rule;
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	rule = rule_for(f, ++f->sends, 1);
	if (s->dead)
		rc = psm__fail(err, PSM_ERR_BROKER, "the fake client is dead");
	else if (s->count == f->queue_max)
		rc = psm__fail(err, PSM_ERR_FULL, "the fake queue is full");
	else if (rule.what == FAKE_REFUSE)
		rc = psm__fail(err, rule.rc, "refused by the fake");
	else
		s->ring[(s->head + s->count++) % f->queue_max] =
		    (struct entry){.token = m->token,
		                   .topic = m->topic,
		                   .value = m->value,
		                   .len = m->value_len};
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* @locks f->lock held */
static void
note(struct fake *f, const struct entry *e)
{
	char text[512], line[64];
	const char *at;
	size_t len = e->len < sizeof(text) - 1 ? e->len : sizeof(text) - 1;
	int key = -1, number = -1, n;

	memcpy(text, e->value, len);
	text[len] = '\0';
	at = strstr(text, "\"patient_id\"");
	if (!at || sscanf(at, "\"patient_id\":%d,\"n\":%d", &key, &number) != 2)
		abort();
	if (f->delivered == FAKE_MAX)
		abort();
	f->keys[f->delivered] = --key; /* ids begin with 1 */
	f->numbers[f->delivered++] = number;
	n = snprintf(line, sizeof(line), "%d %d\n", key, number);
	if (f->fd >= 0 && write(f->fd, line, (size_t)n) != n)
		abort();
}

/* The outcome of the first message; *burst: of all behind it, too. bad: the
 * topic that fails. @locks f->lock held */
static void
decide(struct sink *s, struct entry *e, const char *bad, int *burst)
{
	struct fake *f = s->f;
	struct fake_rule rule = rule_for(f, ++f->tries, 0);

	e->rc = *burst;
	if (bad && strcmp(e->topic, bad) == 0)
		e->rc = f->bad_rc;
	if (rule.what == FAKE_DIE) {
		s->dead = 1;
		*burst = PSM_ERR_CLOSED;
		e->rc = PSM_ERR_CLOSED;
	} else if (rule.what != FAKE_NOTHING) {
		e->rc = rule.rc;
		if (rule.what == FAKE_BURST)
			*burst = rule.rc;
		if (rule.what == FAKE_STALL)
			f->down = 1;
	}
	if (e->rc == 0)
		note(f, e);
}

/* Reports run outside the lock, as they may send again. */
static int
run_reports(struct sink *s, int closing)
{
	struct fake *f = s->f;
	/* What is behind a refusal is refused: it must not change in between.
	 */
	const char *bad = f->bad_topic;
	size_t batch = s->count;
	int burst = 0, reports = 0;

	for (; batch > 0 && (closing || !f->down); batch--) {
		struct entry e = s->ring[s->head];

		s->head = (s->head + 1) % f->queue_max;
		s->count--;
		if (closing)
			e.rc = PSM_ERR_CLOSED;
		else
			decide(s, &e, bad, &burst);
		pthread_cond_broadcast(&f->changed);
		pthread_mutex_unlock(&f->lock);
		s->base.partition = 7;
		s->report(e.token, e.rc, e.rc ? psm_strerror(e.rc) : "",
		          s->user);
		reports++;
		pthread_mutex_lock(&f->lock);
	}
	return reports;
}

static int
fake_poll(struct psm__sink *base, int timeout_ms, psm_error *err)
{
	struct sink *s = sink_of(base);
	struct fake *f = s->f;
	struct timespec at;
	int rc = 0;

	psm__deadline(&at, timeout_ms);
	pthread_mutex_lock(&f->lock);
	f->polls++;
	while ((s->count == 0 || f->down) && !s->woken && !s->dead && rc == 0)
		rc = pthread_cond_timedwait(&f->changed, &f->lock, &at);
	s->woken = 0;
	rc = run_reports(s, 0);
	if (s->dead)
		rc = psm__fail(err, PSM_ERR_BROKER, "the fake client died");
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static void
fake_wake(struct psm__sink *base)
{
	struct sink *s = sink_of(base);

	pthread_mutex_lock(&s->f->lock);
	s->woken = 1;
	pthread_cond_broadcast(&s->f->changed);
	pthread_mutex_unlock(&s->f->lock);
}

static int
fake_connected(struct psm__sink *base)
{
	struct sink *s = sink_of(base);
	int up;

	pthread_mutex_lock(&s->f->lock);
	up = !s->f->down;
	pthread_mutex_unlock(&s->f->lock);
	return up;
}

static void
fake_close(struct psm__sink *base, int timeout_ms)
{
	struct sink *s = sink_of(base);
	struct fake *f = s->f;

	(void)timeout_ms;
	pthread_mutex_lock(&f->lock);
	run_reports(s, 1);
	f->live--;
	pthread_mutex_unlock(&f->lock);
	free(s->ring);
	free(s);
}

static const struct psm__sink_ops sink_ops = {
    .send = fake_send,
    .poll = fake_poll,
    .wake = fake_wake,
    .connected = fake_connected,
    .close = fake_close,
};

static int
fake_open_sink(psm_transport *t, psm__report_fn report, void *user,
               struct psm__sink **out, psm_error *err)
{
	struct fake *f = fake_of(t);
	struct sink *s;
	int rc;

	*out = NULL;
	pthread_mutex_lock(&f->lock);
	rc = f->open_rc;
	if (rc == 0) {
		f->opened++;
		if (++f->live > f->most_live)
			f->most_live = f->live;
	}
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (rc != 0)
		return psm__fail(err, rc, "the fake cannot be opened");
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->ring = calloc(f->queue_max, sizeof(*s->ring));
	if (!s->ring)
		abort();
	s->base.ops = &sink_ops;
	s->f = f;
	s->report = report;
	s->user = user;
	*out = &s->base;
	return 0;
}

static void
ignore_free(psm_transport *t)
{
	(void)t; /* the test's own */
}

static const struct psm__transport_ops transport_ops = {
    .name = "fake",
    .open_sink = fake_open_sink,
    .free = ignore_free,
};

void
fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->base.ops = &transport_ops;
	f->base.refs = 1;
	f->fd = -1;
	f->queue_max = 100000;
	f->bad_rc = PSM_ERR_RETRY;
	pthread_mutex_init(&f->lock, NULL);
	if (psm__cond_init(&f->changed) < 0)
		abort();
}

void
fake_free(struct fake *f)
{
	if (f->live != 0 || f->base.refs != 1)
		abort(); /* the producer leaked a sink or a reference */
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
}

void
fake_set_down(struct fake *f, int down)
{
	pthread_mutex_lock(&f->lock);
	f->down = down;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

void
fake_set_bad_topic(struct fake *f, const char *topic)
{
	pthread_mutex_lock(&f->lock);
	f->bad_topic = topic;
	pthread_mutex_unlock(&f->lock);
}

static int
wait_for(struct fake *f, const int *value, int want)
{
	struct timespec at;
	int rc = 0;

	psm__deadline(&at, PATIENCE_MS);
	pthread_mutex_lock(&f->lock);
	while (*value < want && rc == 0)
		rc = pthread_cond_timedwait(&f->changed, &f->lock, &at);
	rc = *value < want ? -1 : 0;
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int
fake_wait(struct fake *f, int count)
{
	return wait_for(f, &f->delivered, count);
}

int
fake_wait_opened(struct fake *f, int count)
{
	return wait_for(f, &f->opened, count);
}

int
fake_wait_sends(struct fake *f, int count)
{
	return wait_for(f, &f->sends, count);
}

void
fake_pass_ms(struct fake *f, int ms)
{
	struct timespec at;

	psm__deadline(&at, ms);
	pthread_mutex_lock(&f->lock);
	while (pthread_cond_timedwait(&f->changed, &f->lock, &at) == 0)
		;
	pthread_mutex_unlock(&f->lock);
}
