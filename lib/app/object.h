/* SPDX-License-Identifier: BSD-2-Clause */
/* Where files to import come from. */
#ifndef PSM_OBJECT_INT_H
#define PSM_OBJECT_INT_H

#include <psymatch/patient_import.h>

#include "app/app.h"

struct psm_object_source {
	psm_object_list_fn list;
	psm_object_read_fn read;
	psm_object_end_fn end;
	psm_release_fn release;
	void *user;
	char *keep; /* the folder of copies; NULL: none are kept */
	/* The folder that is the source; NULL: it is none. Borrowed of user. */
	const char *folder;
	int is_young; /* 1: what was read last may still be on its way */
};

/* -- object_copy.c */

/* The name of a copy, below 256 bytes and without a slash; out[256]. hash NULL:
 * the plain name. */
void psm__object_copy_name(const char *name, const char *hash, char *out);
/* A name that no other call has, of this process, another one or another
 * machine. */
#define PSM__PRIVATE_NAME 80
void psm__object_private_name(const char *before, const char *after,
                              char out[PSM__PRIVATE_NAME]);
/* Keep a copy in folder, or in its folder "failed"; hash is that of the text.
 * 0 or PSM_ERR_IO; on disk when it returns. */
int psm__object_copy(const char *folder, int failed, const char *name,
                     const char *hash, const char *text, size_t len,
                     psm_error *err);
/* Remove what an import that was killed left half written an hour ago or
 * earlier. */
void psm__object_copy_tidy(const char *folder);

/* -- object.c */

/* Are both the same folder? Those that are not there are compared by name. */
int psm__object_is_same(const char *a, const char *b);

#endif
