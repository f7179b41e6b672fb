/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <string.h>

/* Labels of one name; more would be a mistake of the caller (an id as a label).
 */
#define MAX_LABELS 256
#define OVERFLOW_LABEL "other"

struct psm__metric {
	struct psm__metric *next;
	const char *kind;
	char *name, *label_name, *label, *help;
	int64_t value; /* __atomic */
};

/* Guards the list; a metric lives as long as the process, so its pointer may be
 * kept. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct psm__metric *first, **tail = &first;

const char *
psm_health_name(int health)
{
	static const char *const names[] = {"green", "amber", "red"};

	if (health < 0 || (size_t)health >= PSM__COUNT(names))
		return NULL;
	return names[health];
}

/* @locks lock held. *labels receives how many labels the name has. */
static struct psm__metric *
find_locked(const char *name, const char *label, size_t *labels)
{
	struct psm__metric *m;

	*labels = 0;
	for (m = first; m; m = m->next) {
		if (strcmp(m->name, name) != 0)
			continue;
		if (strcmp(m->label, label) == 0)
			return m;
		++*labels;
	}
	return NULL;
}

static struct psm__metric *
make(const char *kind, const char *name, const char *label_name,
     const char *label, const char *help)
{
	struct psm__metric *m = psm__alloc(sizeof *m);

	if (!m)
		return NULL;
	m->kind = kind;
	m->name = psm__strdup(name);
	m->label_name = psm__strdup(label_name);
	m->label = psm__strdup(label);
	m->help = psm__strdup(help);
	if (m->name && m->label_name && m->label && m->help)
		return m;
	psm__free(m->name);
	psm__free(m->label_name);
	psm__free(m->label);
	psm__free(m->help);
	psm__free(m);
	return NULL;
}

static struct psm__metric *
get(const char *kind, const char *name, const char *label_name,
    const char *label, const char *help)
{
	struct psm__metric *m;
	size_t labels;

	label_name = label_name ? label_name : "";
	label = label ? label : "";
	pthread_mutex_lock(&lock);
	m = find_locked(name, label, &labels);
	if (!m && labels >= MAX_LABELS) {
		label = OVERFLOW_LABEL;
		m = find_locked(name, label, &labels);
	}
	if (!m && (m = make(kind, name, label_name, label, help))) {
		*tail = m;
		tail = &m->next;
	}
	pthread_mutex_unlock(&lock);
	return m;
}

struct psm__metric *
psm__counter(const char *name, const char *label_name, const char *label,
             const char *help)
{
	return get("counter", name, label_name, label, help);
}

struct psm__metric *
psm__gauge(const char *name, const char *label_name, const char *label,
           const char *help)
{
	return get("gauge", name, label_name, label, help);
}

void
psm__metric_add(struct psm__metric *m, int64_t delta)
{
	if (m)
		__atomic_add_fetch(&m->value, delta, __ATOMIC_RELAXED);
}

void
psm__metric_set(struct psm__metric *m, int64_t value)
{
	if (m)
		__atomic_store_n(&m->value, value, __ATOMIC_RELAXED);
}

int64_t
psm__metric_get(const struct psm__metric *m)
{
	return m ? __atomic_load_n(&m->value, __ATOMIC_RELAXED) : 0;
}

static void
put_escaped(struct psm__buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			psm__buf_puts(b, "\\n");
		else if (*text == '"' || *text == '\\')
			psm__buf_printf(b, "\\%c", *text);
		else
			psm__buf_putc(b, *text);
	}
}

static void
put_sample(struct psm__buf *b, const struct psm__metric *m)
{
	psm__buf_puts(b, m->name);
	if (m->label_name[0]) {
		psm__buf_printf(b, "{%s=\"", m->label_name);
		put_escaped(b, m->label);
		psm__buf_puts(b, "\"}");
	}
	psm__buf_printf(b, " %lld\n", (long long)psm__metric_get(m));
}

/* @locks lock held. All samples of one name stand together, as the format
 * wants. */
static void
put_family_locked(struct psm__buf *b, const struct psm__metric *head)
{
	const struct psm__metric *m;

	psm__buf_printf(b, "# HELP %s ", head->name);
	put_escaped(b, head->help);
	psm__buf_printf(b, "\n# TYPE %s %s\n", head->name, head->kind);
	for (m = head; m; m = m->next)
		if (strcmp(m->name, head->name) == 0)
			put_sample(b, m);
}

int
psm_metrics_text(char **text, size_t *len, psm_error *err)
{
	struct psm__buf b = {0};
	const struct psm__metric *m, *seen;

	psm__error_clear(err);
	if (!text)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_metrics_text: text is NULL");
	pthread_mutex_lock(&lock);
	for (m = first; m; m = m->next) {
		for (seen = first; strcmp(seen->name, m->name) != 0;
		     seen = seen->next)
			;
		if (seen == m)
			put_family_locked(&b, m);
	}
	pthread_mutex_unlock(&lock);
	*text = psm__buf_take(&b, len);
	return *text ? 0 : psm__nomem(err);
}

int64_t
psm_metrics_value(const char *name, const char *label)
{
	struct psm__metric *m;
	size_t labels;

	if (!name)
		return 0;
	pthread_mutex_lock(&lock);
	m = find_locked(name, label ? label : "", &labels);
	pthread_mutex_unlock(&lock);
	return psm__metric_get(m);
}

static int
is_metric_name(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++) {
		char c = name[i];
		int letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		             c == '_' || c == ':';

		if (!letter && (i == 0 || c < '0' || c > '9'))
			return 0;
	}
	return i > 0;
}

void
psm_metrics_add(const char *name, const char *label, int64_t delta)
{
	if (name && is_metric_name(name))
		psm__metric_add(
		    psm__counter(name, label && label[0] ? "label" : "", label,
		                 "counted by the application"),
		    delta);
}
