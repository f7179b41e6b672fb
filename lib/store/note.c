/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the log that wait for the commit of their transaction. */
#include <stdarg.h>

#include <psymatch/log.h>

#include "base/log_trace.h"
#include "store/note.h"

/* name, value, name, value, NULL; a trace may be the last */
struct psm__note {
	const char *message;
	char *fields[2 * PSM__NOTE_FIELDS + 3];
};

static void
note_free(struct psm__note *n)
{
	for (size_t i = 0; n->fields[i] != NULL; i++)
		psm__free(n->fields[i]);
}

static int
add_text(struct psm__note *n, size_t *count, const char *text)
{
	n->fields[*count] = psm__strdup(text);
	return n->fields[(*count)++] != NULL;
}

int
psm__notes_add(struct psm__notes *notes, const char *message, va_list fields)
{
	struct psm__note n = {message, {NULL}};
	const char *text, *trace = psm__log_trace_id();
	size_t count = 0;
	int ok = 1;

	if (psm__grow(&notes->list, &notes->cap, notes->count + 1, sizeof n) <
	    0)
		return PSM_ERR_NOMEM;
	while (ok && count < 2 * (size_t)PSM__NOTE_FIELDS &&
	       (text = va_arg(fields, const char *)) != NULL)
		ok = add_text(&n, &count, text);
	/* Of a handler: the commit is that of many events. */
	if (ok && *trace)
		ok = add_text(&n, &count, "trace_id") &&
		     add_text(&n, &count, trace);
	if (!ok) {
		note_free(&n);
		return PSM_ERR_NOMEM;
	}
	notes->list[notes->count++] = n;
	return 0;
}

void
psm__notes_cut(struct psm__notes *notes, size_t keep)
{
	while (notes->count > keep)
		note_free(&notes->list[--notes->count]);
}

void
psm__notes_log(const struct psm__notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		psm_log(PSM_LOG_INFO, notes->list[i].message,
		        (const char *const *)notes->list[i].fields);
}

void
psm__notes_free(struct psm__notes *notes)
{
	psm__notes_cut(notes, 0);
	psm__free(notes->list);
}
