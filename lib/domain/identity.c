/* SPDX-License-Identifier: BSD-2-Clause */
/* Which stored therapist is a record about? */
#include <stdlib.h>
#include <string.h>

#include "domain/domain.h"

/* Of a column; "" for null. NULL: out of memory. */
static char *
fold(const struct psm__row *row, int column)
{
	const char *text = psm__row_get(row, column);

	return psm__text_fold(text != NULL ? text : "");
}

/* Lengths keep the parts apart: no text can run into the next one. "": one of
 * them is missing. NULL: out of memory. */
static char *
key_of(const struct psm__row *row, const int *parts, size_t count)
{
	struct psm__buf b = {0};
	int missing = 0;
	char *text;

	for (size_t i = 0; i < count; i++) {
		text = fold(row, parts[i]);
		if (text == NULL) {
			psm__buf_free(&b);
			return NULL;
		}
		missing = missing || text[0] == '\0';
		psm__buf_printf(&b, "%zu:%s", strlen(text), text);
		psm__free(text);
	}
	if (missing && !b.failed) {
		psm__buf_free(&b);
		return psm__strdup("");
	}
	return psm__buf_take(&b, NULL);
}

static void
person_free(struct psm__person *p)
{
	psm__free(p->name);
	psm__free(p->practice);
	psm__free(p->telefon);
	psm__free(p->email);
	memset(p, 0, sizeof(*p));
}

static int
person_make(struct psm__person *p, const struct psm__row *row, size_t number,
            psm_error *err)
{
	static const int name[] = {PSM__THERAPIST_VORNAME,
	                           PSM__THERAPIST_NACHNAME, PSM__THERAPIST_PLZ};
	/* What does not change with the last name. */
	static const int practice[] = {
	    PSM__THERAPIST_VORNAME, PSM__THERAPIST_PLZ, PSM__THERAPIST_STRASSE,
	    PSM__THERAPIST_ORT};

	p->number = number;
	p->name = key_of(row, name, PSM__COUNT(name));
	p->practice = key_of(row, practice, PSM__COUNT(practice));
	p->telefon = fold(row, PSM__THERAPIST_TELEFON);
	p->email = fold(row, PSM__THERAPIST_EMAIL);
	if (p->name != NULL && p->practice != NULL && p->telefon != NULL &&
	    p->email != NULL)
		return 0;
	person_free(p);
	return psm__nomem(err);
}

int
psm__names_add(struct psm__names *names, const struct psm__row *row,
               size_t number, psm_error *err)
{
	struct psm__person p;
	int rc = person_make(&p, row, number, err);

	if (rc < 0)
		return rc;
	if (psm__grow(&names->people, &names->cap, names->count + 1,
	              sizeof(p)) < 0) {
		person_free(&p);
		return psm__nomem(err);
	}
	names->people[names->count++] = p;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct psm__person *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order
	                  : (x->number > y->number) - (x->number < y->number);
}

static int
by_practice(const void *a, const void *b, void *people)
{
	const struct psm__person *p = people;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	int order = strcmp(p[i].practice, p[j].practice);

	return order != 0 ? order : (i > j) - (i < j);
}

int
psm__names_sort(struct psm__names *names, psm_error *err)
{
	if (names->count == 0)
		return 0;
	names->by_practice =
	    psm__array(names->count, sizeof(*names->by_practice));
	if (names->by_practice == NULL)
		return psm__nomem(err);
	qsort(names->people, names->count, sizeof(*names->people), by_name);
	for (size_t i = 0; i < names->count; i++)
		names->by_practice[i] = i;
	qsort_r(names->by_practice, names->count, sizeof(*names->by_practice),
	        by_practice, names->people);
	return 0;
}

void
psm__names_free(struct psm__names *names)
{
	for (size_t i = 0; i < names->count; i++)
		person_free(&names->people[i]);
	psm__free(names->people);
	psm__free(names->by_practice);
	memset(names, 0, sizeof(*names));
}

/* Index of the first person whose name is not below key; *count of those who
 * have it. "" is nobody's. */
static size_t
find_name(const struct psm__names *names, const char *key, size_t *count)
{
	size_t low = 0, high = names->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(names->people[mid].name, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*count = 0;
	while (key[0] != '\0' && low + *count < names->count &&
	       strcmp(names->people[low + *count].name, key) == 0)
		++*count;
	return low;
}

/* The same in by_practice. */
static size_t
find_practice(const struct psm__names *names, const char *key, size_t *count)
{
	size_t low = 0, high = names->count, mid;
	const struct psm__person *people = names->people;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (strcmp(people[names->by_practice[mid]].practice, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*count = 0;
	while (key[0] != '\0' && low + *count < names->count &&
	       strcmp(people[names->by_practice[low + *count]].practice, key) ==
	           0)
		++*count;
	return low;
}

int
psm__names_find(const struct psm__names *names, const struct psm__row *row,
                size_t *first, psm_error *err)
{
	struct psm__person p;
	size_t count;
	int rc = person_make(&p, row, 0, err);

	*first = 0;
	if (rc < 0)
		return rc;
	*first = find_name(names, p.name, &count);
	person_free(&p);
	return (int)count;
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

static int
same_contact(const struct psm__person *a, const struct psm__person *b)
{
	/* Two empty values are not the same value: they say nothing. */
	return same_phone(a->telefon, b->telefon) ||
	       (a->email[0] != '\0' && strcmp(a->email, b->email) == 0);
}

static int
is_named(const struct psm__names *names, const char *key)
{
	size_t count;

	if (names == NULL)
		return 0;
	(void)find_name(names, key, &count);
	return count > 0;
}

/*
 * Does the file tell about somebody else who is new and could be the stored
 * one as well? Then neither takes the row over: which of them came first in
 * the file says nothing.
 */
static int
has_rival(const struct psm__person *fresh, const struct psm__person *old,
          const struct psm__names *stored, const struct psm__names *present)
{
	size_t count = 0, at = 0;
	const struct psm__person *p;

	if (present != NULL)
		at = find_practice(present, old->practice, &count);
	for (size_t i = 0; i < count; i++) {
		p = &present->people[present->by_practice[at + i]];
		if (strcmp(p->name, fresh->name) != 0 && same_contact(p, old) &&
		    !is_named(stored, p->name))
			return 1;
	}
	return 0;
}

static int
ambiguous(psm_error *err, size_t count, const char *how)
{
	return psm__fail(err, PSM_ERR_AMBIGUOUS,
	                 "want one stored therapist %s, found %zu", how, count);
}

/* Who of list has a name that the file does not have any more, and is fresh in
 * all but the last name? */
static int
find_former(const struct psm__person *fresh, const struct psm__names *list,
            const struct psm__names *stored, const struct psm__names *present,
            size_t *number, psm_error *err)
{
	const struct psm__person *p, *old = NULL;
	size_t count, at, former = 0;

	at = find_practice(list, fresh->practice, &count);
	for (size_t i = 0; i < count; i++) {
		p = &list->people[list->by_practice[at + i]];
		/* Whoever the same file still tells about has not changed the
		 * name: two colleagues of one practice share a first name. */
		if (!same_contact(fresh, p) || is_named(present, p->name))
			continue;
		former++;
		old = p;
	}
	if (former > 1)
		return ambiguous(err, former,
		                 "who may have had another last name");
	if (former == 0)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "no stored therapist fits");
	if (present != NULL && present->incomplete)
		return psm__fail(err, PSM_ERR_AMBIGUOUS,
		                 "want to know whom else the file names before "
		                 "a name is changed, found records that cannot "
		                 "be read");
	if (has_rival(fresh, old, stored, present))
		return psm__fail(err, PSM_ERR_AMBIGUOUS,
		                 "want one new name for a stored therapist, "
		                 "found several in the file");
	*number = old->number;
	return 1;
}

/* Who of list has the name of fresh? NOT_FOUND is no failure here. */
static int
find_same(const struct psm__person *fresh, const struct psm__names *list,
          size_t *number, psm_error *err)
{
	size_t same, at = find_name(list, fresh->name, &same);

	if (same == 0)
		return PSM_ERR_NOT_FOUND;
	if (same > 1)
		return ambiguous(err, same, "with this name and postal code");
	*number = list->people[at].number;
	return 0;
}

int
psm__therapist_find(const struct psm__row *fresh,
                    const struct psm__names *stored,
                    const struct psm__names *imported,
                    const struct psm__names *present, size_t *number,
                    psm_error *err)
{
	struct psm__person p;
	int rc = person_make(&p, fresh, 0, err);

	if (rc < 0)
		return rc;
	rc = find_same(&p, stored, number, err);
	/* A person may have corrected what the file still says. */
	if (rc == PSM_ERR_NOT_FOUND && imported != NULL) {
		rc = find_same(&p, imported, number, err);
		if (rc == PSM_ERR_NOT_FOUND)
			rc = find_former(&p, imported, stored, present, number,
			                 err);
		else if (rc == 0)
			rc = 1;
	}
	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(err);
		rc = find_former(&p, stored, stored, present, number, err);
	}
	person_free(&p);
	return rc;
}
