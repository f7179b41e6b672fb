/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the log about what a transaction does. */
#ifndef PSM_STORE_NOTE_H
#define PSM_STORE_NOTE_H

#include <stdarg.h>

#include "base/base.h"

#define PSM__NOTE_FIELDS 6

struct psm__notes {
	struct psm__note *list;
	size_t count, cap;
};

/* fields: name, value, ..., NULL; at most PSM__NOTE_FIELDS names. message lives
 * for ever. 0 or PSM_ERR_NOMEM. */
int psm__notes_add(struct psm__notes *notes, const char *message,
                   va_list fields);
/* Forget all but the first keep. */
void psm__notes_cut(struct psm__notes *notes, size_t keep);
void psm__notes_log(const struct psm__notes *notes);
void psm__notes_free(struct psm__notes *notes);

#endif
