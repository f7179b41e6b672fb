/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* A label made from data must not grow the page without end: further values
 * are counted together under "other". */
#define MAX_LABELS 200
#define OTHER "other"
#define LONGEST_NAME 120 /* bytes, as the application gives it */

struct psm__metric {
	struct psm__metric *next;
	_Atomic int64_t value;
	char label[]; /* "" for none */
};

/* How many values were at most a bound; the last: more than all. */
static const struct {
	int64_t us;
	const char *text;
} bounds[] = {
    {1000, "0.001"},  {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"},
    {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
    {60000000, "60"},
};

struct psm__histogram {
	_Atomic int64_t counts[PSM__COUNT(bounds) + 1];
	_Atomic int64_t sum_us;
};

struct family {
	struct family *next;              /* sorted by name */
	struct psm__histogram *histogram; /* then there are no metrics */
	struct psm__metric *metrics, **tail;
	size_t count;
	int is_gauge;
	int in_us;        /* values are microseconds, shown in seconds */
	int is_described; /* by the application: it counts with that label */
	char *name, *label_name, *help;
};

/* Families and metrics live as long as the process: a pointer handed out is
 * good for ever. */
static struct {
	pthread_mutex_t lock;
	struct family *first;
} registry = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
is_name(const char *name, int colon, size_t max)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		char c = name[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '_' || (colon && c == ':') ||
		      (i > 0 && c >= '0' && c <= '9')))
			return 0;
	}
	return i > 0 && i <= max;
}

static void
free_family(struct family *f)
{
	if (f == NULL)
		return;
	psm__free(f->name);
	psm__free(f->label_name);
	psm__free(f->help);
	psm__free(f);
}

static struct family *
new_family(const char *name, const char *label_name, const char *help,
           int is_gauge)
{
	struct family *f = psm__alloc(sizeof(*f));

	if (f == NULL)
		return NULL;
	f->name = psm__strdup(name);
	f->label_name = psm__strdup(label_name);
	f->help = psm__strdup(help);
	f->is_gauge = is_gauge;
	f->tail = &f->metrics;
	if (f->name == NULL || f->label_name == NULL || f->help == NULL) {
		free_family(f);
		return NULL;
	}
	return f;
}

/* @locks registry.lock held */
static struct family *
find_family_locked(const char *name)
{
	for (struct family *f = registry.first; f != NULL; f = f->next)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* @locks registry.lock held */
static void
insert_family_locked(struct family *f)
{
	struct family **at = &registry.first;

	while (*at != NULL && strcmp((*at)->name, f->name) < 0)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static struct psm__metric *
find_metric(const struct family *f, const char *label)
{
	for (struct psm__metric *m = f->metrics; m != NULL; m = m->next)
		if (strcmp(m->label, label) == 0)
			return m;
	return NULL;
}

/* @locks registry.lock held */
static struct psm__metric *
add_metric_locked(struct family *f, const char *label)
{
	size_t len = strlen(label);
	struct psm__metric *m;

	m = psm__alloc(sizeof(*m) + len + 1);
	if (m == NULL)
		return NULL;
	memcpy(m->label, label, len + 1);
	*f->tail = m;
	f->tail = &m->next;
	f->count++;
	return m;
}

/* @locks registry.lock held */
static struct psm__metric *
get_metric_locked(struct family *f, const char *label)
{
	struct psm__metric *m = find_metric(f, label);

	if (m == NULL && f->count >= MAX_LABELS) {
		label = OTHER;
		m = find_metric(f, label);
	}
	return m != NULL ? m : add_metric_locked(f, label);
}

static int
are_names(const char *name, const char *label_name)
{
	return is_name(name, 1, LONGEST_NAME + sizeof "_total" - 1) &&
	       (label_name[0] == '\0' || is_name(label_name, 0, LONGEST_NAME));
}

static struct psm__metric *
get(const char *name, const char *label_name, const char *label,
    const char *help, int is_gauge)
{
	struct psm__metric *m = NULL;
	struct family *f;

	if (label_name == NULL || label == NULL || label[0] == '\0')
		label = "";
	if (label_name == NULL)
		label_name = "";
	if (!are_names(name, label_name))
		return NULL;
	(void)pthread_mutex_lock(&registry.lock);
	f = find_family_locked(name);
	if (f == NULL) {
		f = new_family(name, label_name, help != NULL ? help : "",
		               is_gauge);
		if (f == NULL)
			goto out;
		m = get_metric_locked(f, label);
		if (m != NULL)
			insert_family_locked(f);
		else
			free_family(f);
	} else if (f->histogram == NULL && f->is_gauge == is_gauge &&
	           strcmp(f->label_name, label_name) == 0) {
		m = get_metric_locked(f, label);
	}
out:
	(void)pthread_mutex_unlock(&registry.lock);
	return m;
}

struct psm__metric *
psm__counter(const char *name, const char *label_name, const char *label,
             const char *help)
{
	return get(name, label_name, label, help, 0);
}

struct psm__metric *
psm__counter_us(const char *name, const char *label_name, const char *label,
                const char *help)
{
	struct psm__metric *m = psm__counter(name, label_name, label, help);

	(void)pthread_mutex_lock(&registry.lock);
	if (m != NULL)
		find_family_locked(name)->in_us = 1;
	(void)pthread_mutex_unlock(&registry.lock);
	return m;
}

struct psm__metric *
psm__gauge(const char *name, const char *label_name, const char *label,
           const char *help)
{
	return get(name, label_name, label, help, 1);
}

void
psm__metric_add(struct psm__metric *m, int64_t delta)
{
	if (m != NULL)
		atomic_fetch_add_explicit(&m->value, delta,
		                          memory_order_relaxed);
}

void
psm__metric_set(struct psm__metric *m, int64_t value)
{
	if (m != NULL)
		atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

int64_t
psm__metric_get(const struct psm__metric *m)
{
	return m != NULL ? atomic_load_explicit(&m->value, memory_order_relaxed)
	                 : 0;
}

struct psm__histogram *
psm__histogram(const char *name, const char *help)
{
	struct psm__histogram *h = NULL;
	struct family *f;

	(void)pthread_mutex_lock(&registry.lock);
	f = find_family_locked(name);
	if (f != NULL) {
		h = f->histogram;
	} else {
		h = psm__alloc(sizeof(*h));
		f = h != NULL ? new_family(name, "", help, 0) : NULL;
		if (f == NULL) {
			psm__free(h);
			h = NULL;
		} else {
			f->histogram = h;
			insert_family_locked(f);
		}
	}
	(void)pthread_mutex_unlock(&registry.lock);
	return h;
}

size_t
psm__histogram_bucket(int64_t us)
{
	size_t i = 0;

	while (i < PSM__COUNT(bounds) && us > bounds[i].us)
		i++;
	return i;
}

void
psm__histogram_add(struct psm__histogram *h, size_t bucket, int64_t count,
                   int64_t sum_us)
{
	if (h == NULL || count == 0)
		return;
	atomic_fetch_add_explicit(&h->counts[bucket], count,
	                          memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, sum_us, memory_order_relaxed);
}

static void
put_escaped(struct psm__buf *b, const char *text, int quotes)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			psm__buf_puts(b, "\\n");
		else if (*text == '\\')
			psm__buf_puts(b, "\\\\");
		else if (*text == '"' && quotes)
			psm__buf_puts(b, "\\\"");
		else
			psm__buf_putc(b, *text);
	}
}

static void
put_value(struct psm__buf *b, int64_t value, int in_us)
{
	if (in_us)
		psm__buf_printf(b, "%" PRId64 ".%06d", value / 1000000,
		                (int)(value % 1000000));
	else
		psm__buf_printf(b, "%" PRId64, value);
}

static void
put_histogram(struct psm__buf *b, const struct family *f)
{
	int64_t count = 0;

	psm__buf_printf(b, "# TYPE %s histogram\n", f->name);
	for (size_t i = 0; i <= PSM__COUNT(bounds); i++) {
		count += atomic_load_explicit(&f->histogram->counts[i],
		                              memory_order_relaxed);
		psm__buf_printf(
		    b, "%s_bucket{le=\"%s\"} %" PRId64 "\n", f->name,
		    i < PSM__COUNT(bounds) ? bounds[i].text : "+Inf", count);
	}
	psm__buf_printf(b, "%s_sum ", f->name);
	put_value(
	    b,
	    atomic_load_explicit(&f->histogram->sum_us, memory_order_relaxed),
	    1);
	psm__buf_printf(b, "\n%s_count %" PRId64 "\n", f->name, count);
}

static void
put_family(struct psm__buf *b, const struct family *f)
{
	if (f->metrics == NULL && f->histogram == NULL)
		return; /* described, and not counted yet */
	if (f->help[0] != '\0') {
		psm__buf_printf(b, "# HELP %s ", f->name);
		put_escaped(b, f->help, 0);
		psm__buf_putc(b, '\n');
	}
	if (f->histogram != NULL) {
		put_histogram(b, f);
		return;
	}
	psm__buf_printf(b, "# TYPE %s %s\n", f->name,
	                f->is_gauge ? "gauge" : "counter");
	for (const struct psm__metric *m = f->metrics; m != NULL; m = m->next) {
		psm__buf_puts(b, f->name);
		if (m->label[0] != '\0') {
			psm__buf_printf(b, "{%s=\"", f->label_name);
			put_escaped(b, m->label, 1);
			psm__buf_puts(b, "\"}");
		}
		psm__buf_putc(b, ' ');
		put_value(b, psm__metric_get(m), f->in_us);
		psm__buf_putc(b, '\n');
	}
}

int
psm_metrics_text(char **text, size_t *len, psm_error *err)
{
	struct psm__buf b = {NULL, 0, 0, 0};

	psm__error_clear(err);
	if (text == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "metrics: NULL argument");
	(void)pthread_mutex_lock(&registry.lock);
	for (const struct family *f = registry.first; f != NULL; f = f->next)
		put_family(&b, f);
	(void)pthread_mutex_unlock(&registry.lock);
	*text = psm__buf_take(&b, len);
	return *text != NULL ? 0 : psm__nomem(err);
}

int64_t
psm_metrics_value(const char *name, const char *label)
{
	const struct psm__metric *m = NULL;
	const struct family *f;
	int64_t unit = 1;

	if (name == NULL)
		return 0;
	(void)pthread_mutex_lock(&registry.lock);
	f = find_family_locked(name);
	if (f != NULL)
		m = find_metric(f, label != NULL ? label : "");
	if (f != NULL && f->in_us)
		unit = 1000000;
	(void)pthread_mutex_unlock(&registry.lock);
	return psm__metric_get(m) / unit;
}

/* name as it stands in the text: with "_total". 0: it is too long. */
static int
full_name(const char *name, char full[128])
{
	static const char suffix[] = "_total";
	const size_t tail = sizeof(suffix) - 1;
	size_t len = strlen(name);

	if (len == 0 || len > LONGEST_NAME)
		return 0;
	memcpy(full, name, len + 1);
	if (len < tail || strcmp(name + len - tail, suffix) != 0)
		memcpy(full + len, suffix, sizeof(suffix));
	return 1;
}

int
psm_metrics_describe(const char *name, const char *label_name, const char *help,
                     psm_error *err)
{
	struct family *f = NULL;
	char full[128];
	int rc = 0;

	psm__error_clear(err);
	if (name == NULL || help == NULL || !full_name(name, full) ||
	    !are_names(full, label_name != NULL ? label_name : ""))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "metrics: want a name, a label's name and a "
		                 "text");
	(void)pthread_mutex_lock(&registry.lock);
	if (find_family_locked(full) != NULL) {
		rc = PSM_ERR_STATE;
	} else {
		f = new_family(full, label_name != NULL ? label_name : "", help,
		               0);
		rc = f != NULL ? 0 : PSM_ERR_NOMEM;
	}
	if (rc == 0) {
		f->is_described = 1;
		insert_family_locked(f);
	}
	(void)pthread_mutex_unlock(&registry.lock);
	if (rc == PSM_ERR_STATE)
		return psm__fail(err, rc, "metrics: %s is there already", full);
	return rc < 0 ? psm__nomem(err) : 0;
}

void
psm_metrics_add(const char *name, const char *label, int64_t delta)
{
	char full[128], label_name[128] = "label";
	const struct family *f;

	if (name == NULL || delta < 0 || !full_name(name, full))
		return;
	(void)pthread_mutex_lock(&registry.lock);
	f = find_family_locked(full);
	if (f != NULL && f->is_described)
		memcpy(label_name, f->label_name, strlen(f->label_name) + 1);
	(void)pthread_mutex_unlock(&registry.lock);
	psm__metric_add(psm__counter(full, label_name, label,
	                             "Counted by the application."),
	                delta);
}
