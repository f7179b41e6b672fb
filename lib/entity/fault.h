/* SPDX-License-Identifier: BSD-2-Clause */
/* What is wrong with a column, for the files of this room. */
#ifndef PSM_FAULT_INT_H
#define PSM_FAULT_INT_H

#include "entity/entity.h"

/* Record one more fault at "<prefix>/<column>"; always PSM_ERR_SCHEMA. */
int psm__row_fault(const struct psm__row *r, int column, const char *prefix,
                   psm_error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The same at a place of a document; pointer and name are its own. */
int psm__fault(psm_error *err, struct psm__pos at, const char *pointer,
               const char *name, const char *what);
/* "one of aktiv, gesperrt, inaktiv"; a long list by its first words. */
void psm__want_word(const char *const *words, char *text, size_t size);
/* What a text is that is none of the words: "another text", "\"aktiv\" in
 * another spelling", "an empty text", ... */
void psm__found_text(const char *const *words, const char *found, char *text,
                     size_t size);

/* value.c: 1: a number that may be missing, of which 0 says so: the former
 * platform answered it in place of null, and its clients send it back. */
int psm__zero_is_none(const struct psm_entity_field *f);
/* value.c: n as a column stores it, if it fits an int64_t. As
 * psm__value_read(). */
int psm__value_integer(const struct psm_entity_field *f, int fits, int64_t n,
                       char **out, char *what, size_t size);

#endif
