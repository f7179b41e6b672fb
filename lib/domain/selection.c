/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/selection.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* -- names in addresses */

char *
psm__selection_fold(const char *text)
{
	static const struct {
		const char *letter, *plain;
	} umlauts[] = {
	    {"\xc3\xa4", "ae"}, {"\xc3\xb6", "oe"}, {"\xc3\xbc", "ue"}};
	char *folded = psm__text_fold(text != NULL ? text : "");

	for (char *at = folded; at != NULL && *at != '\0'; at++) {
		for (size_t i = 0; i < PSM__COUNT(umlauts); i++) {
			if (strncmp(at, umlauts[i].letter, 2) == 0)
				memcpy(at, umlauts[i].plain, 2);
		}
	}
	return folded;
}

/* Letters of any alphabet; all else parts words. */
static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

/* The letters of a text up to its end or an at sign, words parted by one blank
 * each, or run together. */
static void
put_letters(struct psm__buf *b, const char *text, int parted)
{
	for (; *text != '\0' && *text != '@'; text++) {
		if (is_letter(*text))
			psm__buf_putc(b, *text);
		else if (parted && b->len > 0 && b->data[b->len - 1] != ' ')
			psm__buf_putc(b, ' ');
	}
}

/* name is one word of the words, or some that follow each other. */
static int
has_words(const char *words, const char *name)
{
	const char *start = words, *from, *to;

	while (*start != '\0') {
		from = start;
		to = name;
		while (*from != '\0' && *to != '\0' &&
		       (*from == *to || *from == ' ')) {
			to += *from != ' ';
			from++;
		}
		if (*to == '\0' && (*from == '\0' || *from == ' '))
			return 1;
		start += strcspn(start, " ");
		start += *start == ' ';
	}
	return 0;
}

/* 1: both are one word of the words, or some, 0: not, or PSM_ERR_NOMEM. */
static int
follows(struct psm__buf *word, const char *words, const char *addition,
        size_t len, const char *name)
{
	psm__buf_reset(word);
	psm__buf_put(word, addition, len);
	psm__buf_puts(word, name);
	return word->failed ? PSM_ERR_NOMEM : has_words(words, word->data);
}

static int
bears(struct psm__buf *word, const char *words, const char *first,
      const char *last)
{
	static const char *const additions[] = {
	    "praxis",         "dr",       "drmed",
	    "prof",           "info",     "kontakt",
	    "psychotherapie", "therapie", "post",
	    "praxisdr",       "mail"};
	size_t len = strlen(last);
	int rc = 0;

	if (len == 0)
		return 0;
	if (has_words(words, last))
		return 3;
	for (size_t i = 0; i < PSM__COUNT(additions) && rc == 0; i++) {
		rc = follows(word, words, additions[i], strlen(additions[i]),
		             last);
		if (rc == 0)
			rc = follows(word, words, last, len, additions[i]);
	}
	if (first[0] != '\0') {
		if (rc == 0)
			rc = follows(word, words, first, 1, last);
		if (rc == 0)
			rc = follows(word, words, first, strlen(first), last);
		if (rc == 0)
			rc = follows(word, words, last, len, first);
	}
	return rc > 0 ? 2 : rc;
}

/* One word of a double name; "von" and "de" are nobody's. */
static int
bears_part(struct psm__buf *part, const char *words, const char *last)
{
	int found = 0;

	for (const char *at = last; *at != '\0' && found == 0;) {
		size_t len = strcspn(at, " ");

		psm__buf_reset(part);
		psm__buf_put(part, at, len);
		if (part->failed)
			return PSM_ERR_NOMEM;
		found = len > 3 && has_words(words, part->data);
		at += len;
		at += *at == ' ';
	}
	return found;
}

/* The domain of a practice, "praxis-mueller.de": as words of its own. A short
 * name may be anything there. */
static int
bears_domain(struct psm__buf *name, const char *box, const char *last)
{
	const char *domain = strchr(box, '@');
	const char *end = domain != NULL ? strrchr(domain, '.') : NULL;
	struct psm__buf words = {0};
	int found;

	if (end == NULL || strlen(last) <= 3)
		return 0;
	psm__buf_reset(name);
	psm__buf_put(name, domain + 1, (size_t)(end - domain - 1));
	if (name->failed)
		return PSM_ERR_NOMEM;
	if (name->len > 0)
		put_letters(&words, name->data, 1);
	found = words.len > 0 && has_words(words.data, last);
	if (words.failed)
		found = PSM_ERR_NOMEM;
	psm__buf_free(&words);
	return found;
}

int
psm__mailbox_bears(const char *box, const char *first, const char *last)
{
	struct psm__buf words = {0}, one = {0}, two = {0}, parts = {0},
			scratch = {0};
	int how = 0;

	put_letters(&words, box, 1);
	put_letters(&one, first, 0);
	put_letters(&two, last, 0);
	put_letters(&parts, last, 1);
	if (words.failed || one.failed || two.failed || parts.failed)
		how = PSM_ERR_NOMEM;
	if (how == 0 && words.len > 0 && two.len > 0)
		how = bears(&scratch, words.data, one.len > 0 ? one.data : "",
		            two.data);
	if (how == 0 && words.len > 0 && parts.len > 0)
		how = bears_part(&scratch, words.data, parts.data);
	if (how == 0 && two.len > 0)
		how = bears_domain(&scratch, box, two.data);
	psm__buf_free(&scratch);
	psm__buf_free(&parts);
	psm__buf_free(&words);
	psm__buf_free(&one);
	psm__buf_free(&two);
	return how;
}

/* -- mailboxes */

static int
title_rank(const char *title)
{
	if (title != NULL && strstr(title, "Prof") != NULL)
		return 0;
	return title != NULL && strstr(title, "Dr") != NULL ? 1 : 2;
}

/* Whose mailbox it is rather: 1: a's. */
static int
is_rather(const struct psm__choice *a, const struct psm__choice *b)
{
	int title = title_rank(a->titel) - title_rank(b->titel);

	if (a->name != b->name)
		return a->name > b->name;
	return title != 0 ? title < 0 : a->id < b->id;
}

/*
 * A mailbox that somebody in it waits to answer, or that is not to be written
 * to yet, is left alone as a whole, whoever of it is active, and where. So is
 * one that bears the name of a blocked therapist. Else one of the area is
 * asked: the owner by name, title, number.
 */
static void
choose_of_box(struct psm__choice *list, size_t count)
{
	struct psm__choice *owner = NULL, *named = NULL;

	for (size_t i = 0; i < count; i++) {
		if (list[i].pending || list[i].cooling)
			return;
		if (list[i].here &&
		    (owner == NULL || is_rather(&list[i], owner)))
			owner = &list[i];
		if (list[i].name > 0 &&
		    (named == NULL || is_rather(&list[i], named)))
			named = &list[i];
	}
	if (owner != NULL && (named == NULL || !named->blocked))
		owner->chosen = 1;
}

static int
by_box(const void *a, const void *b)
{
	const struct psm__choice *x = a, *y = b;
	int order = strcmp(x->box, y->box);

	return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

static void
choose(struct psm__choice *list, size_t count)
{
	size_t end;

	for (size_t i = 0; i < count; i = end) {
		end = i + 1;
		while (list[i].box[0] != '\0' && end < count &&
		       strcmp(list[end].box, list[i].box) == 0)
			end++;
		choose_of_box(&list[i], end - i);
	}
}

/* -- the order */

int
psm__selection_tier(int available, int informed, int has_mailbox)
{
	return (has_mailbox ? 0 : 4) + (available ? 0 : 2) + (informed ? 0 : 1);
}

static int
compare_names(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "");
}

/* Bytes of UTF-8 are in the order of their code points. */
static int
by_tier(const void *a, const void *b)
{
	const struct psm__choice *x = a, *y = b;
	int order = y->chosen - x->chosen;

	if (order == 0)
		order = x->tier - y->tier;
	if (order == 0)
		order = compare_names(x->nachname, y->nachname);
	if (order == 0)
		order = compare_names(x->vorname, y->vorname);
	return order != 0 ? order : (x->id > y->id) - (x->id < y->id);
}

int
psm__selection_prepare(struct psm__choice *c)
{
	char *first = psm__selection_fold(c->vorname);
	char *last = psm__selection_fold(c->nachname);
	int rc = PSM_ERR_NOMEM;

	c->chosen = 0;
	c->box = psm__selection_fold(c->email);
	if (c->box != NULL && first != NULL && last != NULL) {
		c->tier = psm__selection_tier(c->available, c->informed,
		                              c->box[0] != '\0');
		rc = c->name = psm__mailbox_bears(c->box, first, last);
	}
	psm__free(first);
	psm__free(last);
	return rc < 0 ? rc : 0;
}

int
psm__selection(struct psm__choice *list, size_t count, psm_error *err)
{
	for (size_t i = 0; i < count; i++)
		list[i].box = NULL;
	for (size_t i = 0; i < count; i++) {
		if (psm__selection_prepare(&list[i]) < 0)
			return psm__nomem(err);
	}
	return psm__selection_choose(list, count);
}

int
psm__selection_choose(struct psm__choice *list, size_t count)
{
	int chosen = 0;

	if (count == 0)
		return 0;
	qsort(list, count, sizeof(*list), by_box);
	choose(list, count);
	qsort(list, count, sizeof(*list), by_tier);
	for (size_t i = 0; i < count; i++)
		chosen += list[i].chosen;
	return chosen;
}

void
psm__selection_free(struct psm__choice *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		psm__free(list[i].box);
		list[i].box = NULL;
	}
}
