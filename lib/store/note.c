/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the log that wait for the commit of their transaction. */
#include "store/note.h"

#include <stdarg.h>

#include <psymatch/log.h>

/* name, value, name, value, NULL */
struct psm__note {
	const char *message;
	char *fields[2 * PSM__NOTE_FIELDS + 1];
};

static void
note_free(struct psm__note *n)
{
	for (size_t i = 0; n->fields[i] != NULL; i++)
		psm__free(n->fields[i]);
}

int
psm__notes_add(struct psm__notes *notes, const char *message, va_list fields)
{
	struct psm__note n = {message, {NULL}};
	const char *text;
	size_t count = 0;

	if (psm__grow(&notes->list, &notes->cap, notes->count + 1, sizeof n) <
	    0)
		return PSM_ERR_NOMEM;
	while ((text = va_arg(fields, const char *)) != NULL &&
	       count < 2 * PSM__NOTE_FIELDS) {
		n.fields[count] = psm__strdup(text);
		if (n.fields[count++] != NULL)
			continue;
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
