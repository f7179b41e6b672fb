/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of an entity's statements. Each is made once and then kept. */
#include <pthread.h>
#include <string.h>

#include "entity/entity.h"
#include "entity/sql.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *texts[PSM__ENTITY_COUNT][PSM__SQL_STATEMENTS];

/* The row's version, as the last column. */
static void
put_version(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_printf(b,
	                ", (SELECT v.version FROM psymatch.entity_version v "
	                "WHERE v.entity = '%s' AND v.id = t.id)",
	                e->name);
}

/* As bigint: an id beyond integer is nobody, not an error. Behind a lock the
 * version would be that of before the wait. */
static void
put_select(struct psm__buf *b, const struct psm_entity *e, const char *tail)
{
	psm__buf_puts(b, "SELECT ");
	psm__sql_columns(b, e);
	if (*tail == '\0')
		put_version(b, e);
	psm__buf_puts(b, " FROM ");
	psm__sql_table(b, e);
	psm__buf_printf(b, " t WHERE t.id = $1::bigint%s", tail);
}

static void
put_insert(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_puts(b, "INSERT INTO ");
	psm__sql_table(b, e);
	psm__buf_puts(b, " (");
	for (size_t i = 1; i < e->count; i++)
		psm__buf_printf(b, "%s%s", i > 1 ? ", " : "",
		                e->fields[i].name);
	psm__buf_puts(b, ") VALUES (");
	for (size_t i = 1; i < e->count; i++)
		psm__buf_printf(b, "%s$%zu", i > 1 ? ", " : "", i);
	psm__buf_puts(b, ") RETURNING id");
}

static void
put_update(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_puts(b, "UPDATE ");
	psm__sql_table(b, e);
	psm__buf_puts(b, " SET ");
	for (size_t i = 1; i < e->count; i++)
		psm__buf_printf(b, "%s%s = $%zu", i > 1 ? ", " : "",
		                e->fields[i].name, i + 1);
	psm__buf_puts(b, " WHERE id = $1::bigint");
}

static void
put_delete(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_puts(b, "DELETE FROM ");
	psm__sql_table(b, e);
	psm__buf_puts(b, " WHERE id = $1::bigint");
}

static void
make(struct psm__buf *b, const struct psm_entity *e, enum psm__sql which)
{
	switch (which) {
	case PSM__SQL_SELECT:
		put_select(b, e, "");
		break;
	case PSM__SQL_LOCK:
		put_select(b, e, " FOR UPDATE");
		break;
	case PSM__SQL_INSERT:
		put_insert(b, e);
		break;
	case PSM__SQL_UPDATE:
		put_update(b, e);
		break;
	case PSM__SQL_DELETE:
		put_delete(b, e);
		break;
	case PSM__SQL_COPY:
		psm__sql_put_copy(b, e);
		break;
	case PSM__SQL_COPY_ERASE:
		psm__sql_put_erase(b, e);
		break;
	case PSM__SQL_STATEMENTS:
		break;
	}
}

const char *
psm__sql(const struct psm_entity *e, enum psm__sql which)
{
	char **slot = &texts[e->number][which];
	struct psm__buf b = {0};
	const char *text;

	pthread_mutex_lock(&lock);
	if (*slot == NULL) {
		make(&b, e, which);
		*slot = psm__buf_take(&b, NULL);
	}
	text = *slot;
	pthread_mutex_unlock(&lock);
	return text;
}

size_t
psm__sql_insert_params(const struct psm__row *r, const char **params)
{
	for (size_t i = 1; i < r->entity->count; i++)
		params[i - 1] = r->value[i];
	return r->entity->count - 1;
}

size_t
psm__sql_update_params(const struct psm__row *r, const char **params)
{
	for (size_t i = 0; i < r->entity->count; i++)
		params[i] = r->value[i];
	return r->entity->count;
}
