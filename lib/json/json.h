/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_JSON_INT_H
#define PSM_JSON_INT_H

#include <psymatch/json.h>

#include "base/base.h"

#define PSM__JSON_MAX_DEPTH 64
#define PSM__JSON_MAX_BYTES (16u * 1024 * 1024)

/*
 * A value. All values of a document stand in one array in the order of their
 * beginnings, in one block with the text, the strings and the lists of
 * children; so a value needs only numbers to find the rest.
 */
struct psm_json {
	uint32_t number;     /* its place in the array */
	uint32_t start, end; /* its bytes in the text */
	uint32_t key;        /* of a member: where its key is in strings */
	uint32_t string;     /* of a string: where it is in strings */
	uint32_t first;      /* of a container: its children's place in index */
	uint32_t count;      /* of a container: children */
	uint8_t kind;        /* enum psm_json_kind */
	uint8_t truth;       /* of a boolean */
};

struct psm__json_doc {
	char *text;      /* a copy, NUL-terminated */
	char *strings;   /* keys and strings, decoded, each NUL-terminated */
	uint32_t *index; /* children of all containers */
	uint32_t values; /* used */
	struct psm_json value[];
};

const struct psm__json_doc *psm__json_doc(const psm_json *v);
/* Where v stands in its text. */
struct psm__pos psm__json_position(const psm_json *v);

/* text.c: decode the inside of a string literal (without quotes) to out; its
 * length, or -1 - offset of what is wrong. */
ptrdiff_t psm__json_unescape(const char *raw, size_t len, char *out,
                             const char **why);

#endif
