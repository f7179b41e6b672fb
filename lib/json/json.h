/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Internal interface of lib/json. Other rooms may use the functions that have
 * no type of yajl.
 */
#ifndef PSM_JSON_INT_H
#define PSM_JSON_INT_H

#include <psymatch/json.h>

#include "base/base.h"

#define PSM__JSON_MAX_DEPTH 64
#define PSM__JSON_MAX_BYTES (16u * 1024 * 1024)

/*
 * A value, 32 bytes. The children of a container stand side by side, so the
 * i-th is one addition away. Numbers instead of pointers: the document finds
 * its own beginning from number, and a value is half as big.
 */
struct psm_json {
	unsigned number : 29; /* its place in the document's values */
	unsigned kind : 3;    /* enum psm_json_kind */
	uint32_t start, len;  /* its bytes in the text */
	uint32_t key, key_at; /* of a member: its key in strings; the key's
	                         quote in the text */
	uint32_t key_hash;    /* of a member */
	uint32_t first;       /* string: in strings; container: first child's
	                         number */
	uint32_t count;       /* string: bytes; container: children */
};

/*
 * One block: this, the values, order, text, strings. strings is as long as the
 * text, which is enough: a decoded string with its NUL is shorter than the
 * literal with its two quotes.
 */
struct psm__json_doc {
	char *text;      /* a copy, NUL-terminated */
	char *strings;   /* decoded keys and strings, each NUL-terminated */
	uint32_t *order; /* at the place of a big object's children: their
	                    numbers in the order of their keys */
	size_t len;      /* of the text */
	unsigned depth;  /* of nesting */
	struct psm_json value[];
};

/* Objects with more members are searched by halving, through order. */
#define PSM__JSON_FEW 40

/* The document that a value belongs to. */
static inline const struct psm__json_doc *
psm__json_doc(const psm_json *v)
{
	return (const void *)((const char *)(v - v->number) -
	                      offsetof(struct psm__json_doc, value));
}
/* Of a member; the members of an object stand one behind the other. */
static inline const char *
psm__json_key(const psm_json *member)
{
	return psm__json_doc(member)->strings + member->key;
}
/* psm_json_parse() by yajl alone: for tests and fuzzers, which compare both. */
int psm__json_parse_by_yajl(const char *text, size_t len, psm_json **out,
                            psm_error *err);
/* Where v stands in its text. Takes time in proportion to the offset. */
struct psm__pos psm__json_position(const psm_json *v);

/* keys.c */
uint32_t psm__json_key_hash(const char *key, size_t len);
/* The first member whose key stood in the object before; NULL if all differ.
 * Fills order for a big object. */
const struct psm_json *psm__json_index(struct psm__json_doc *doc,
                                       const struct psm_json *object);
const struct psm_json *psm__json_member(const struct psm_json *object,
                                        const char *key);

/* scan.c: checks that yajl does not make, and an upper bound of the number of
 * values. */
struct psm__json_scan {
	size_t values; /* at least as many as there are before stop */
	int escapes;   /* 1: some string has one */
	size_t stop;   /* where the first wrong string, or a blank that JSON
	                  does not know, begins; len: there is none */
	const char
	    *want;  /* what a wrong string was to have; NULL: it is a blank */
	size_t bad; /* where in the string it was wanted */
};
void psm__json_scan(const char *text, size_t len, struct psm__json_scan *out);
/* Copy text with each escape sequence made plain characters of the same length.
 */
void psm__json_mask(char *to, const char *text, size_t len);
/* Where the string whose inside begins at i ends: at its closing quote; 0 when
 * it is wrong. *escaped: 1 if it has an escape. */
size_t psm__json_string_end(const char *text, size_t len, size_t i,
                            int *escaped);

/* Decode the inside of a literal that the scan has passed; the length. */
size_t psm__json_unescape(const char *raw, size_t len, char *out);

/* yajl does not check its allocations, so it gets its memory beforehand; none
 * of it grows with the text. See arena.c. */
#define PSM__JSON_ARENA 8192
struct psm__json_arena {
	size_t used;
	_Alignas(16) char bytes[PSM__JSON_ARENA];
};
void *psm__json_arena_alloc(void *arena, size_t size);
void *psm__json_arena_realloc(void *arena, void *ptr, size_t size);
void psm__json_arena_free(void *arena, void *ptr);

/* A number's text as an integer: 7, 7.0 and 70e-1 are the same one. */
enum psm__integer {
	PSM__INTEGER_FITS,
	PSM__INTEGER_NONE, /* there is a fraction */
	PSM__INTEGER_LARGE /* or too many digits to tell */
};
enum psm__integer psm__json_read_integer(const char *text, size_t len,
                                         int64_t *out);
/* number.c: 0 or PSM_ERR_NOMEM. text needs no NUL behind the number; written
 * are the fewest digits that read back as number, at most 24 bytes. */
int psm__json_read_double(const char *text, double *out);
int psm__json_write_digits(double number, char *text, size_t size);

/* salvage.c */
/* An item of a list that could not be read by itself: its bytes in the text. */
struct psm__lost {
	size_t item, len;
	struct psm__pos start;
};
/*
 * psm_json_parse(), but of the array that is the member key of the document
 * items may be at fault in their strings and keys: in *out each of them is a
 * number, and *lost (psm__free, in order) tells which. *count 0: all is there.
 */
int psm__json_salvage(const char *text, size_t len, const char *key,
                      psm_json **out, struct psm__lost **lost, size_t *count,
                      psm_error *err);
/* Say what is wrong with a lost item, at its place in the text; PSM_ERR_PARSE
 * or PSM_ERR_NOMEM. */
int psm__json_lost_fault(const char *text, const struct psm__lost *lost,
                         psm_error *err);

/* explain.c: what had been read before the syntax error. */
enum psm__json_last {
	PSM__JSON_NOTHING,
	PSM__JSON_OPENED,
	PSM__JSON_READ_KEY,
	PSM__JSON_READ_VALUE
};
/* Record what was wanted and found behind offset end, where the last good token
 * ends. kind: of the container around it, -1 for none. */
int psm__json_explain(const char *text, size_t len, size_t end,
                      enum psm__json_last last, int kind, psm_error *err);
/* What stands at offset, in words without data: into words[size]. */
void psm__json_found(const char *text, size_t len, size_t offset, char *words,
                     size_t size);

/* write.c: put text into b as a JSON string, quotes and all. Control characters
 * and DEL are escaped; U+0000 and what is no UTF-8 become U+FFFD. */
void psm__json_quote(struct psm__buf *b, const char *text, size_t len);
/* Free w and give what it wrote as a new text (psm__free). rc, or after
 * rc >= 0 why there is none; then *out is NULL. w NULL: out of memory. */
int psm__json_take(psm_json_writer *w, int rc, char **out, psm_error *err);

#endif
