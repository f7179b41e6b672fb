/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults: where, what was wanted, what was found; never the value itself. */
#include "entity/fault.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

int
psm__fault(psm_error *err, struct psm__pos at, const char *pointer,
           const char *name, const char *what)
{
	psm__fail_at(err, PSM_ERR_SCHEMA, at, "%s%s%s", name,
	             name[0] ? ": " : "", what);
	psm__error_fault(err, pointer, "%s", what);
	return PSM_ERR_SCHEMA;
}

int
psm__row_fault(const struct psm__row *r, int column, const char *prefix,
               psm_error *err, const char *fmt, ...)
{
	const char *name = r->entity->fields[column].name;
	char pointer[256], what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	(void)snprintf(pointer, sizeof(pointer), "%s/%s", prefix, name);
	return psm__fault(err, psm__nowhere, pointer, name, what);
}

void
psm__want_word(const char *const *words, char *text, size_t size)
{
	size_t used, i;

	(void)snprintf(text, size, "one of ");
	used = strlen(text);
	for (i = 0; words[i] != NULL; i++) {
		if (used + strlen(words[i]) + 8 > size) {
			(void)snprintf(text + used, size - used, ", ...");
			return;
		}
		used += (size_t)snprintf(text + used, size - used, "%s%s",
		                         i ? ", " : "", words[i]);
	}
}

void
psm__found_text(const char *const *words, const char *found, char *text,
                size_t size)
{
	if (found[0] == '\0') {
		(void)snprintf(text, size, "an empty text");
		return;
	}
	if (psm__text_is_blank(found)) {
		(void)snprintf(text, size, "blanks");
		return;
	}
	for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
		if (strcasecmp(words[i], found) == 0) {
			(void)snprintf(text, size, "%s in another spelling",
			               words[i]);
			return;
		}
	}
	(void)snprintf(text, size, "another text");
}
