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

static void
put_search(struct psm__buf *b, const struct psm_entity *e, size_t n)
{
	const char *before = "";

	psm__buf_putc(b, '(');
	for (size_t i = 0; i < e->count; i++) {
		if ((e->fields[i].flags & PSM__SEARCHED) == 0)
			continue;
		psm__buf_printf(b, "%st.%s::text ILIKE $%zu::text", before,
		                e->fields[i].name, n);
		before = " OR ";
	}
	psm__buf_putc(b, ')');
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

		if (l->equal[i] != NULL) {
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
		put_search(b, e, ++n);
	}
	return n;
}

/* The id makes the order whole: no page repeats a row. */
static void
put_order(struct psm__buf *b, const struct psm__list *l,
          const struct psm_entity *e, size_t n)
{
	const char *way = l->descending ? " DESC" : " ASC";

	psm__buf_puts(b, " ORDER BY ");
	if (l->sort != PSM__COLUMN_ID)
		psm__buf_printf(b, "t.%s%s NULLS LAST, ",
		                e->fields[l->sort].name, way);
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
		if (l->equal[i] != NULL)
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
