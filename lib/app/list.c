/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of lists. */
#include <stdio.h>
#include <string.h>

#include "app/change.h"
#include "json/json.h"

#define LIMIT_MAX 1000
#define LIMIT_PRESET 20

struct query {
	psm_tx *tx;
	const struct psm_entity *entity;
	struct psm__list list;
	int64_t page, limit;
	int is_empty; /* a filter asks for what no row can be */
	psm_error *err;
};

static int
begin(struct query *q, psm_tx *tx, const char *entity, char **out,
      psm_error *err)
{
	const char *order;
	int rc;

	memset(q, 0, sizeof(*q));
	if (out != NULL)
		*out = NULL;
	rc = psm__entity_of(tx, entity, &q->entity, err);
	if (rc < 0)
		return rc;
	q->tx = tx;
	q->err = err;
	if (out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	order = psm__policy_order(q->entity);
	return order != NULL ? psm__list_sort(&q->list, q->entity, order, err)
	                     : 0;
}

static int
refuse(const struct query *q, const char *name, const char *want)
{
	char pointer[80];

	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	(void)psm__fail(q->err, PSM_ERR_SCHEMA, "list of %s: want %s",
	                q->entity->name, want);
	psm__error_fault(q->err, pointer, "want %s", want);
	return PSM_ERR_SCHEMA;
}

static int
is_whole(const char *text)
{
	text += *text == '-';
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* A word that its list does not have, a day that there is not, or a number that
 * is too large or too small, is no fault: no row has it. */
static int
fits_nothing(const struct query *q, const char *name, const char *value)
{
	int column = psm__column_find(q->entity, name);

	if (column < 0)
		return 1;
	switch (q->entity->fields[column].type) {
	case PSM__T_ENUM:
	case PSM__T_DATE:
		return 1;
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		return is_whole(value);
	default:
		return 0;
	}
}

static int
add_filter(struct query *q, const char *name, const char *value)
{
	int rc = psm__list_filter(&q->list, q->entity, name, value, q->err);

	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(q->err);
		return refuse(q, name, "a filter that lists of it have");
	}
	if (rc == PSM_ERR_SCHEMA && fits_nothing(q, name, value)) {
		psm__error_clear(q->err);
		q->is_empty = 1;
		return 0;
	}
	return rc;
}

static int
write_rows(psm_json_writer *w, const struct query *q, const psm_rows *rows)
{
	struct psm__row row;
	int rc = 0;

	psm_json_write_array(w);
	for (size_t i = 0; i < psm_rows_count(rows) && rc == 0; i++) {
		rc = psm__repo_read(rows, i, q->entity, &row, q->err);
		if (rc == 0)
			rc = psm__row_write(&row, PSM__FOR_REST, w, q->err);
		psm__row_free(&row);
	}
	psm_json_write_end(w);
	return rc;
}

void
psm__list_page(psm_json_writer *w, int64_t page, int64_t limit, int64_t total)
{
	psm_json_write_key(w, "page");
	psm_json_write_int(w, page);
	psm_json_write_key(w, "limit");
	psm_json_write_int(w, limit);
	psm_json_write_key(w, "total");
	psm_json_write_int(w, total);
}

int
psm__list_write(const psm_rows *rows,
                void (*put)(psm_json_writer *w, const psm_rows *rows, size_t i),
                int page, int limit, int64_t total, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	psm_json_write_array(w);
	for (size_t i = 0; i < psm_rows_count(rows); i++)
		put(w, rows, i);
	psm_json_write_end(w);
	psm__list_page(w, page, limit, total);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

static int
write_page(const struct query *q, const psm_rows *rows, int64_t total,
           char **out)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc;

	psm_json_write_object(w);
	psm_json_write_key(w, "data");
	rc = write_rows(w, q, rows);
	psm__list_page(w, q->page, q->limit, total);
	psm_json_write_end(w);
	return psm__json_take(w, rc, out, q->err);
}

static int
run(struct query *q, char **out)
{
	psm_rows *rows = NULL;
	int64_t total = 0;
	int rc = 0;

	if (q->page < 1 || q->page > INT32_MAX || q->limit < 1 ||
	    q->limit > LIMIT_MAX)
		return psm__fail(q->err, PSM_ERR_INVAL,
		                 "want a page from 1 and a limit of 1 to %d",
		                 LIMIT_MAX);
	q->list.limit = q->limit;
	q->list.offset = (q->page - 1) * q->limit;
	/* As the former platform answered to a word that it did not know. */
	if (q->is_empty) {
		q->page = 1;
		q->limit = LIMIT_PRESET;
	} else {
		rc = psm__repo_list(q->tx, q->entity, &q->list, &rows, &total,
		                    q->err);
	}
	if (rc == 0)
		rc = write_page(q, rows, total, out);
	psm_rows_free(rows);
	return rc;
}

int
psm_entity_list(psm_tx *tx, const char *entity, const char *const *filters,
                const char *sort, int64_t page, int64_t limit, char **out,
                psm_error *err)
{
	struct query q;
	int rc;

	psm__error_clear(err);
	rc = begin(&q, tx, entity, out, err);
	q.page = page;
	q.limit = limit;
	if (rc == 0 && sort != NULL)
		rc = psm__list_sort(&q.list, q.entity, sort, err);
	for (; rc == 0 && filters != NULL && filters[0] != NULL; filters += 2)
		rc = filters[1] != NULL
		         ? add_filter(&q, filters[0], filters[1])
		         : psm__fail(err, PSM_ERR_INVAL, "filters: want pairs");
	if (rc == 0)
		rc = run(&q, out);
	psm__list_free(&q.list);
	return rc;
}

static int
add_member(struct query *q, const char *name, const psm_json *v)
{
	const char *text = psm_json_string(v);
	struct psm__number number;
	int64_t n;
	int yes, whole = psm_json_get_int(v, &n, NULL) == 0;

	if (strcmp(name, "page") == 0 || strcmp(name, "limit") == 0) {
		*(name[0] == 'p' ? &q->page : &q->limit) = n;
		return whole ? 0 : refuse(q, name, "a whole number");
	}
	if (whole)
		text = psm__number(&number, n);
	else if (psm_json_get_bool(v, &yes, NULL) == 0)
		text = yes ? "true" : "false";
	if (text == NULL)
		return refuse(q, name, "text, a whole number or a boolean");
	return strcmp(name, "sort") == 0
	           ? psm__list_sort(&q->list, q->entity, text, q->err)
	           : add_filter(q, name, text);
}

int
psm__list_query(psm_tx *tx, const char *entity, const char *json, char **out,
                psm_error *err)
{
	psm_json *doc = NULL;
	struct query q;
	int rc = begin(&q, tx, entity, out, err);

	q.page = 1;
	q.limit = LIMIT_PRESET;
	if (rc == 0 && json != NULL)
		rc = psm_json_parse(json, strlen(json), &doc, err);
	if (rc == 0 && doc != NULL && psm_json_kind(doc) != PSM_JSON_OBJECT)
		rc = psm__fail(err, PSM_ERR_SCHEMA, "query: want an object");
	for (size_t i = 0; rc == 0 && i < psm_json_count(doc); i++)
		rc =
		    add_member(&q, psm_json_key(doc, i), psm_json_item(doc, i));
	if (rc == 0)
		rc = run(&q, out);
	psm__list_free(&q.list);
	psm_json_free(doc);
	return rc;
}
