/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists: what they select by, in which order, and how they are asked for. */
#include <stdio.h>
#include <string.h>

#include "entity/fault.h"
#include "entity/sql.h"

/* A varchar compares as a text. An enum's type may stand in a schema that the
 * session does not search: the server knows it from the column. */
static const char *
cast_of(const struct psm_entity_field *f)
{
	switch ((enum psm__type)f->type) {
	case PSM__T_TEXT:
		return "::text";
	case PSM__T_BOOLEAN:
		return "::boolean";
	case PSM__T_BIGINT:
		return "::bigint";
	case PSM__T_INTEGER:
		return "::integer";
	default:
		return "";
	}
}

static int
has_search(const struct psm_entity *e)
{
	for (size_t i = 0; i < e->count; i++)
		if (e->fields[i].flags & PSM__SEARCHED)
			return 1;
	return 0;
}

/* Capital letters of Latin alphabets beyond ASCII, and their small ones. Whether
 * lower() and ILIKE know them is a matter of the database's locale: in "C" they
 * do not. */
#define CAPITALS                                                               \
	"\xc3\x80\xc3\x81\xc3\x82\xc3\x83\xc3\x84\xc3\x85\xc3\x86\xc3\x87"     \
	"\xc3\x88\xc3\x89\xc3\x8a\xc3\x8b\xc3\x8c\xc3\x8d\xc3\x8e\xc3\x8f"     \
	"\xc3\x90\xc3\x91\xc3\x92\xc3\x93\xc3\x94\xc3\x95\xc3\x96\xc3\x98"     \
	"\xc3\x99\xc3\x9a\xc3\x9b\xc3\x9c\xc3\x9d\xc3\x9e\xc4\x80\xc4\x82"     \
	"\xc4\x84\xc4\x86\xc4\x8c\xc4\x8e\xc4\x90\xc4\x92\xc4\x96\xc4\x98"     \
	"\xc4\x9a\xc4\x9e\xc4\xa2\xc4\xaa\xc4\xae\xc4\xb0\xc4\xb6\xc4\xb9"     \
	"\xc4\xbb\xc4\xbd\xc5\x81\xc5\x83\xc5\x85\xc5\x87\xc5\x8c\xc5\x90"     \
	"\xc5\x92\xc5\x94\xc5\x98\xc5\x9a\xc5\x9e\xc8\x98\xc5\xa0\xc5\xa2"     \
	"\xc8\x9a\xc5\xa4\xc5\xaa\xc5\xae\xc5\xb0\xc5\xb2\xc5\xb8\xc5\xb9"     \
	"\xc5\xbb\xc5\xbd"
#define SMALL                                                                  \
	"\xc3\xa0\xc3\xa1\xc3\xa2\xc3\xa3\xc3\xa4\xc3\xa5\xc3\xa6\xc3\xa7"     \
	"\xc3\xa8\xc3\xa9\xc3\xaa\xc3\xab\xc3\xac\xc3\xad\xc3\xae\xc3\xaf"     \
	"\xc3\xb0\xc3\xb1\xc3\xb2\xc3\xb3\xc3\xb4\xc3\xb5\xc3\xb6\xc3\xb8"     \
	"\xc3\xb9\xc3\xba\xc3\xbb\xc3\xbc\xc3\xbd\xc3\xbe\xc4\x81\xc4\x83"     \
	"\xc4\x85\xc4\x87\xc4\x8d\xc4\x8f\xc4\x91\xc4\x93\xc4\x97\xc4\x99"     \
	"\xc4\x9b\xc4\x9f\xc4\xa3\xc4\xab\xc4\xaf\x69\xc4\xb7\xc4\xba\xc4"     \
	"\xbc\xc4\xbe\xc5\x82\xc5\x84\xc5\x86\xc5\x88\xc5\x8d\xc5\x91\xc5"     \
	"\x93\xc5\x95\xc5\x99\xc5\x9b\xc5\x9f\xc8\x99\xc5\xa1\xc5\xa3\xc8"     \
	"\x9b\xc5\xa5\xc5\xab\xc5\xaf\xc5\xb1\xc5\xb3\xc3\xbf\xc5\xba\xc5"     \
	"\xbc\xc5\xbe"

static void
put_folded(struct psm__buf *b, const char *what)
{
	psm__buf_printf(b, "translate(lower(%s), '" CAPITALS "', '" SMALL "')",
	                what);
}

static int
is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80)
		text++;
	return *text == '\0';
}

static void
put_search(struct psm__buf *b, const struct psm_entity *e, const char *pattern,
           size_t n)
{
	const char *before = "";
	char column[80], value[32];
	int plain = is_ascii(pattern);

	psm__buf_putc(b, '(');
	for (size_t i = 0; i < e->count; i++) {
		if ((e->fields[i].flags & PSM__SEARCHED) == 0)
			continue;
		(void)snprintf(column, sizeof column, "t.%s::text",
		               e->fields[i].name);
		(void)snprintf(value, sizeof value, "$%zu::text", n);
		psm__buf_puts(b, before);
		if (plain) {
			psm__buf_printf(b, "%s ILIKE %s", column, value);
		} else {
			put_folded(b, column);
			psm__buf_puts(b, " LIKE ");
			put_folded(b, value);
		}
		before = " OR ";
	}
	psm__buf_putc(b, ')');
}

/* The columns of a row that has one of two recipients; 0: it is no such. */
static int
recipients(const struct psm_entity *e, int *therapist, int *patient)
{
	*therapist = psm__column_find(e, "therapist_id");
	*patient = psm__column_find(e, "patient_id");
	return *therapist >= 0 && *patient >= 0 &&
	       (e->fields[*therapist].flags & e->fields[*patient].flags &
	        PSM__FILTER) != 0;
}

int
psm__list_has_recipients(const struct psm_entity *e)
{
	int therapist, patient;

	return recipients(e, &therapist, &patient);
}

/* Of who wants the rows of therapists a patient's number does not count, and
 * the other way round. */
static int
is_other(const struct psm__list *l, const struct psm_entity *e, int column)
{
	int therapist, patient;

	return l->filled != PSM__COLUMN_ID && column != l->filled &&
	       recipients(e, &therapist, &patient) &&
	       (column == therapist || column == patient);
}

/* Only what is asked for: behind "$1 IS NULL OR" the planner of a prepared
 * statement sees no index. A session prepares the few combinations in use. The
 * parameters stand in the order of the columns; how many there are. */
static size_t
put_where(struct psm__buf *b, const struct psm__list *l,
          const struct psm_entity *e)
{
	const char *before = " WHERE ";
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++) {
		const struct psm_entity_field *f = &e->fields[i];

		if (l->filled == (int)i && i != PSM__COLUMN_ID) {
			psm__buf_printf(b, "%st.%s IS NOT NULL", before,
			                f->name);
			before = " AND ";
		}
		if (l->equal[i] != NULL && !is_other(l, e, (int)i)) {
			psm__buf_printf(b, "%st.%s = $%zu%s", before, f->name,
			                ++n, cast_of(f));
			before = " AND ";
		}
		if (l->prefix[i] != NULL) {
			psm__buf_printf(b, "%st.%s LIKE $%zu::text", before,
			                f->name, ++n);
			before = " AND ";
		}
	}
	if (l->search != NULL) {
		psm__buf_puts(b, before);
		put_search(b, e, l->search, ++n);
	}
	return n;
}

/* A day goes on with the time of day in the next column, if there is one. */
static int
has_time(const struct psm_entity *e, int column)
{
	return e->fields[column].type == PSM__T_DATE &&
	       (size_t)column + 1 < e->count &&
	       e->fields[column + 1].type == PSM__T_TIME;
}

/* The id makes the order whole: no page repeats a row. */
static void
put_order(struct psm__buf *b, const struct psm__list *l,
          const struct psm_entity *e, size_t n)
{
	const char *way = l->descending ? " DESC" : " ASC";
	int columns = l->sort == PSM__COLUMN_ID ? 0 : 1;

	psm__buf_puts(b, " ORDER BY ");
	columns += columns > 0 && has_time(e, l->sort);
	for (int i = 0; i < columns; i++)
		psm__buf_printf(b, "t.%s%s NULLS LAST, ",
		                e->fields[l->sort + i].name, way);
	psm__buf_printf(b, "t.id%s LIMIT $%zu::bigint OFFSET $%zu::bigint", way,
	                n + 1, n + 2);
}

static void
put_from(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_puts(b, " FROM ");
	psm__sql_table(b, e);
	psm__buf_puts(b, " t");
}

char *
psm__list_count_sql(const struct psm__list *l, const struct psm_entity *e)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "SELECT count(*)");
	put_from(&b, e);
	(void)put_where(&b, l, e); /* psm__list_params() counts */
	return psm__buf_take(&b, NULL);
}

char *
psm__list_page_sql(const struct psm__list *l, const struct psm_entity *e)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "SELECT ");
	psm__sql_columns(&b, e);
	put_from(&b, e);
	put_order(&b, l, e, put_where(&b, l, e));
	return psm__buf_take(&b, NULL);
}

/* A text for LIKE, its own wildcards escaped. NULL: out of memory. */
static char *
like(const char *before, const char *text)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, before);
	for (; *text != '\0'; text++) {
		if (strchr("%_\\", *text) != NULL)
			psm__buf_putc(&b, '\\');
		psm__buf_putc(&b, *text);
	}
	psm__buf_putc(&b, '%');
	return psm__buf_take(&b, NULL);
}

static int
take(char **slot, char *text, psm_error *err)
{
	if (text == NULL)
		return psm__nomem(err);
	psm__free(*slot);
	*slot = text;
	return 0;
}

static int
filter_equal(struct psm__list *l, const struct psm_entity *e, int column,
             const char *value, psm_error *err)
{
	char *text, what[256], pointer[80];
	int rc = psm__value_read(&e->fields[column], value, &text, what,
	                         sizeof(what));

	if (rc < 0)
		return psm__nomem(err);
	if (rc == 0)
		return take(&l->equal[column], text, err);
	(void)snprintf(pointer, sizeof(pointer), "/%s", e->fields[column].name);
	return psm__fault(err, psm__nowhere, pointer, e->fields[column].name,
	                  what);
}

static int
filter_recipient(struct psm__list *l, const struct psm_entity *e,
                 const char *value, psm_error *err)
{
	int therapist, patient;

	(void)recipients(e, &therapist, &patient); /* it has them */
	l->filled = strcmp(value, "therapist") == 0 ? therapist : patient;
	if (strcmp(value, "therapist") == 0 || strcmp(value, "patient") == 0)
		return 0;
	return psm__fault(err, psm__nowhere, "/recipient_type",
	                  "recipient_type",
	                  "want therapist or patient, found another text");
}

/* "plz_prefix": the column of flag PREFIX, or -1. */
static int
prefix_column(const struct psm_entity *e, const char *name)
{
	static const char tail[] = "_prefix";
	size_t len = strlen(name), end = sizeof(tail) - 1;

	if (len <= end || strcmp(name + len - end, tail) != 0)
		return -1;
	for (size_t i = 0; i < e->count; i++) {
		if (e->fields[i].len == len - end &&
		    memcmp(e->fields[i].name, name, len - end) == 0 &&
		    (e->fields[i].flags & PSM__PREFIX))
			return (int)i;
	}
	return -1;
}

int
psm__list_filter(struct psm__list *l, const struct psm_entity *e,
                 const char *name, const char *value, psm_error *err)
{
	int column = psm__column_find(e, name);

	if (column >= 0 && (e->fields[column].flags & PSM__FILTER))
		return filter_equal(l, e, column, value, err);
	column = prefix_column(e, name);
	if (column >= 0)
		return take(&l->prefix[column], like("", value), err);
	if (strcmp(name, "recipient_type") == 0 && psm__list_has_recipients(e))
		return filter_recipient(l, e, value, err);
	if (strcmp(name, "search") == 0 && has_search(e))
		return take(&l->search, like("%", value), err);
	return psm__fail(err, PSM_ERR_NOT_FOUND,
	                 "lists of %s have no such filter", e->name);
}

int
psm__list_sort(struct psm__list *l, const struct psm_entity *e,
               const char *order, psm_error *err)
{
	int descending = order[0] == '-';
	int column = psm__column_find(e, order + descending);
	char what[256];
	size_t used;

	if (column >= 0 && (e->fields[column].flags & PSM__SORT)) {
		l->sort = column;
		l->descending = descending;
		return 0;
	}
	used = (size_t)snprintf(what, sizeof(what), "want one of");
	for (size_t i = 0; i < e->count; i++) {
		if ((e->fields[i].flags & PSM__SORT) == 0 ||
		    used + e->fields[i].len + 48 > sizeof(what))
			continue;
		used += (size_t)snprintf(what + used, sizeof(what) - used,
		                         " %s", e->fields[i].name);
	}
	(void)snprintf(what + used, sizeof(what) - used,
	               ", perhaps behind a -, found another text");
	return psm__fault(err, psm__nowhere, "/sort", "sort", what);
}

size_t
psm__list_params(struct psm__list *l, const struct psm_entity *e,
                 const char **params)
{
	size_t n = 0;

	for (size_t i = 0; i < e->count; i++) {
		if (l->equal[i] != NULL && !is_other(l, e, (int)i))
			params[n++] = l->equal[i];
		if (l->prefix[i] != NULL)
			params[n++] = l->prefix[i];
	}
	if (l->search != NULL)
		params[n++] = l->search;
	(void)snprintf(l->numbers[0], sizeof(l->numbers[0]), "%lld",
	               (long long)l->limit);
	(void)snprintf(l->numbers[1], sizeof(l->numbers[1]), "%lld",
	               (long long)l->offset);
	params[n++] = l->numbers[0];
	params[n++] = l->numbers[1];
	return n;
}

void
psm__list_free(struct psm__list *l)
{
	for (size_t i = 0; i < PSM__COLUMNS_MAX; i++) {
		psm__free(l->equal[i]);
		psm__free(l->prefix[i]);
	}
	psm__free(l->search);
	memset(l, 0, sizeof(*l));
}
