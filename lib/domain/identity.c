/* SPDX-License-Identifier: BSD-2-Clause */
/* Which stored therapist is a record about? */
#include <stdlib.h>
#include <string.h>

#include "domain/domain.h"

/* Lengths keep the parts apart: no text can run into the next one. NULL: out of
 * memory. */
static char *
key_of(const struct psm__row *row, const char *const *parts, size_t count)
{
	struct psm__buf b = {0};
	const char *text;

	for (size_t i = 0; i < count; i++) {
		text = psm__row_get(row, parts[i]);
		text = text != NULL ? text : "";
		psm__buf_printf(&b, "%zu:%s", strlen(text), text);
	}
	return psm__buf_take(&b, NULL);
}

static char *
identity(const struct psm__row *row)
{
	static const char *const parts[] = {"vorname", "nachname", "plz"};

	return key_of(row, parts, PSM__COUNT(parts));
}

/* What does not change with the last name. */
static char *
practice(const struct psm__row *row)
{
	static const char *const parts[] = {"vorname", "plz", "strasse", "ort"};

	return key_of(row, parts, PSM__COUNT(parts));
}

static int
copy_text(const struct psm__row *row, const char *column, char **out)
{
	const char *text = psm__row_get(row, column);

	*out = text != NULL ? psm__strdup(text) : NULL;
	return text != NULL && *out == NULL ? PSM_ERR_NOMEM : 0;
}

static void
person_free(struct psm__person *p)
{
	psm__free(p->name);
	psm__free(p->practice);
	psm__free(p->telefon);
	psm__free(p->email);
}

int
psm__names_add(struct psm__names *names, const struct psm__row *row,
               size_t record, psm_error *err)
{
	struct psm__person p = {.record = record};

	p.name = identity(row);
	p.practice = practice(row);
	if (p.name == NULL || p.practice == NULL ||
	    copy_text(row, "telefon", &p.telefon) < 0 ||
	    copy_text(row, "email", &p.email) < 0 ||
	    psm__grow(&names->people, &names->cap, names->count + 1,
	              sizeof(p)) < 0) {
		person_free(&p);
		return psm__nomem(err);
	}
	names->people[names->count++] = p;
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct psm__person *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order
	                  : (x->record > y->record) - (x->record < y->record);
}

void
psm__names_sort(struct psm__names *names)
{
	if (names->count > 1)
		qsort(names->people, names->count, sizeof(*names->people),
		      compare);
}

/* Index of the first person whose name is not below key. */
static size_t
lower_bound(const struct psm__names *names, const char *key)
{
	size_t low = 0, high = names->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(names->people[mid].name, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int
psm__names_find(const struct psm__names *names, const struct psm__row *row,
                size_t *first, psm_error *err)
{
	char *key = identity(row);
	size_t i;

	*first = 0;
	if (key == NULL)
		return psm__nomem(err);
	*first = lower_bound(names, key);
	for (i = *first; i < names->count; i++) {
		if (strcmp(names->people[i].name, key) != 0)
			break;
	}
	psm__free(key);
	return (int)(i - *first);
}

void
psm__names_free(struct psm__names *names)
{
	for (size_t i = 0; i < names->count; i++)
		person_free(&names->people[i]);
	psm__free(names->people);
	memset(names, 0, sizeof(*names));
}

/* Two empty values are not the same value: they say nothing. */
static int
agree(const struct psm__row *a, const struct psm__row *b, const char *column)
{
	const char *x = psm__row_get(a, column), *y = psm__row_get(b, column);

	return !psm__is_blank(x) && y != NULL && strcmp(x, y) == 0;
}

/* The next digit of a telephone number, 0 at its end. */
static char
next_digit(const char **at)
{
	while (**at != '\0' && (**at < '0' || **at > '9'))
		(*at)++;
	return **at == '\0' ? '\0' : *(*at)++;
}

/* Without the country code of Germany or the leading zero. */
static const char *
national(const char *phone)
{
	phone += strspn(phone, " \t");
	if (strncmp(phone, "+49", 3) == 0)
		phone += 3;
	else if (strncmp(phone, "0049", 4) == 0)
		phone += 4;
	/* "+49 (0)30": the zero in brackets goes too. */
	phone += strcspn(phone, "0123456789");
	return *phone == '0' ? phone + 1 : phone;
}

static int
same_phone(const char *x, const char *y)
{
	size_t count = 0;
	char c;

	if (psm__is_blank(x) || psm__is_blank(y))
		return 0;
	x = national(x);
	y = national(y);
	do {
		c = next_digit(&x);
		if (c != next_digit(&y))
			return 0;
		count += c != '\0';
	} while (c != '\0');
	/* Fewer digits are no telephone number but a remark. */
	return count >= 5;
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int
same_email(const char *x, const char *y)
{
	if (psm__is_blank(x) || psm__is_blank(y))
		return 0;
	while (*x != '\0' && lower(*x) == lower(*y)) {
		x++;
		y++;
	}
	return *x == '\0' && *y == '\0';
}

static int
same_contact(const char *telefon, const char *email,
             const struct psm__row *candidate)
{
	return same_phone(telefon, psm__row_get(candidate, "telefon")) ||
	       same_email(email, psm__row_get(candidate, "email"));
}

static int
is_same_name(const struct psm__row *a, const struct psm__row *b)
{
	return agree(a, b, "vorname") && agree(a, b, "nachname") &&
	       agree(a, b, "plz");
}

/* 1, 0 or PSM_ERR_NOMEM. */
static int
is_former_name(const struct psm__row *fresh, const struct psm__row *candidate,
               const struct psm__names *names, psm_error *err)
{
	size_t first;
	int rc;

	if (!agree(fresh, candidate, "vorname") ||
	    !agree(fresh, candidate, "plz") ||
	    !agree(fresh, candidate, "strasse") ||
	    !agree(fresh, candidate, "ort") ||
	    !same_contact(psm__row_get(fresh, "telefon"),
	                  psm__row_get(fresh, "email"), candidate))
		return 0;
	if (names == NULL)
		return 1;
	/* Whoever the same file still tells about has not changed the name:
	 * two colleagues of one practice share a first name. */
	rc = psm__names_find(names, candidate, &first, err);
	return rc < 0 ? rc : rc == 0;
}

/* Is one of the candidates stored under this name? 1, 0 or PSM_ERR_NOMEM. */
static int
is_stored(const char *name, const struct psm__row *candidates, size_t count)
{
	int same = 0;
	char *key;

	for (size_t i = 0; i < count && !same; i++) {
		key = identity(&candidates[i]);
		if (key == NULL)
			return PSM_ERR_NOMEM;
		same = strcmp(name, key) == 0;
		psm__free(key);
	}
	return same;
}

/*
 * Does the file tell about somebody else who is new and could be the stored
 * one as well? Then neither takes the row over: which of them came first in
 * the file says nothing. 1, 0 or PSM_ERR_NOMEM.
 */
static int
has_rival(const struct psm__row *fresh, const struct psm__row *candidates,
          size_t count, size_t at, const struct psm__names *names)
{
	char *own = identity(fresh), *place = practice(&candidates[at]);
	int rc = own == NULL || place == NULL ? PSM_ERR_NOMEM : 0;

	for (size_t i = 0; names != NULL && i < names->count && rc == 0; i++) {
		const struct psm__person *p = &names->people[i];

		if (strcmp(p->practice, place) != 0 ||
		    strcmp(p->name, own) == 0 ||
		    !same_contact(p->telefon, p->email, &candidates[at]))
			continue;
		rc = is_stored(p->name, candidates, count);
		if (rc >= 0)
			rc = !rc;
	}
	psm__free(own);
	psm__free(place);
	return rc;
}

static int
ambiguous(psm_error *err, size_t count, const char *how)
{
	return psm__fail(err, PSM_ERR_AMBIGUOUS,
	                 "want one stored therapist %s, found %zu", how, count);
}

int
psm__therapist_find(const struct psm__row *fresh,
                    const struct psm__row *candidates, size_t count,
                    const struct psm__names *names, size_t *index,
                    psm_error *err)
{
	size_t same = 0, former = 0, at = 0;
	int rc;

	for (size_t i = 0; i < count; i++) {
		if (!is_same_name(fresh, &candidates[i]))
			continue;
		same++;
		*index = i;
	}
	if (same > 0)
		return same == 1 ? 0
		                 : ambiguous(err, same,
		                             "with this name and postal code");
	for (size_t i = 0; i < count; i++) {
		rc = is_former_name(fresh, &candidates[i], names, err);
		if (rc < 0)
			return rc;
		former += (size_t)rc;
		at = rc ? i : at;
	}
	if (former > 1)
		return ambiguous(err, former,
		                 "who may have had another last name");
	if (former == 0)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "no stored therapist fits");
	rc = has_rival(fresh, candidates, count, at, names);
	if (rc < 0)
		return psm__nomem(err);
	if (rc > 0)
		return psm__fail(err, PSM_ERR_AMBIGUOUS,
		                 "want one new name for a stored therapist, "
		                 "found several in the file");
	*index = at;
	return 1;
}
