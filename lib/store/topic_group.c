/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn.h"
#include "store/topic_log.h"
#include "store/topic_param.h"

int
psm__group_follow(struct psm__conn *c, const struct psm__topic_member *m,
                  psm_rows **rows, psm_error *err)
{
	struct psm__sql_array topics = {0};
	struct psm__param params[4];
	struct psm__number lease;
	size_t i;
	int rc;

	*rows = NULL;
	psm__sql_array_begin(&topics, PSM__ARRAY_TEXT);
	for (i = 0; i < m->topic_count; i++)
		psm__sql_array_text(&topics, m->topics[i]);
	params[0] = psm__param_text(m->group);
	params[1] = psm__param_text(m->member);
	params[3] = psm__param_text(psm__number(&lease, m->lease_ms));
	rc = psm__sql_array_param(&topics, &params[2], err);
	if (rc == 0)
		rc = psm__conn_queue(
		    c,
		    "SELECT f.*, " PSM__INCARNATION_SQL
		    " FROM psymatch.group_follow("
		    "$1, $2::uuid, $3::text[], $4::bigint) AS f "
		    "LEFT JOIN psymatch.topic AS t "
		    "ON t.name = f.topic",
		    4, params, rows, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	psm__sql_array_free(&topics);
	return rc;
}

void
psm__group_share(const psm_rows *rows, size_t i, struct psm__topic_share *out)
{
	out->generation = psm_rows_int(rows, i, 0);
	out->topic = psm_rows_text(rows, i, 1);
	out->partition = (int32_t)psm_rows_int(rows, i, 2);
	out->keep = psm_rows_int(rows, i, 3) != 0;
	out->fresh = psm_rows_int(rows, i, 4) != 0;
	out->next = psm_rows_text(rows, i, 5) ? psm_rows_int(rows, i, 5) : -1;
	out->incarnation = psm_rows_int(rows, i, 6);
}

int
psm__group_extend(struct psm__conn *c, const char *const *members, size_t count,
                  int64_t lease_ms, int64_t *found, psm_error *err)
{
	struct psm__sql_array list = {0};
	struct psm__param params[2];
	psm_rows *rows = NULL;
	struct psm__number lease;
	size_t i;
	int rc;

	*found = 0;
	psm__sql_array_begin(&list, PSM__ARRAY_TEXT);
	for (i = 0; i < count; i++)
		psm__sql_array_text(&list, members[i]);
	params[1] = psm__param_text(psm__number(&lease, lease_ms));
	rc = psm__sql_array_param(&list, &params[0], err);
	if (rc == 0)
		rc = psm__conn_queue(
		    c,
		    "UPDATE psymatch.group_member SET expires_at = "
		    "clock_timestamp() + $2::bigint * interval '1 ms' "
		    "WHERE member = ANY ($1::text[]::uuid[])",
		    2, params, &rows, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	if (rc == 0)
		*found = (int64_t)psm_rows_affected(rows);
	psm_rows_free(rows);
	psm__sql_array_free(&list);
	return rc;
}

enum place_array { TOPICS, PARTITIONS, POSITIONS, N_ARRAYS };

/* A statement whose parameters are a group, a member and a list of places, with
 * their positions or without. */
static int
exec_places(struct psm__conn *c, const char *sql, const char *group,
            const char *member, const struct psm__topic_place *list,
            size_t count, size_t arrays, psm_rows **rows, psm_error *err)
{
	struct psm__sql_array a[N_ARRAYS] = {0};
	struct psm__param params[2 + N_ARRAYS];
	size_t i;
	int rc;

	psm__sql_array_begin(&a[TOPICS], PSM__ARRAY_TEXT);
	psm__sql_array_begin(&a[PARTITIONS], PSM__ARRAY_INT4);
	psm__sql_array_begin(&a[POSITIONS], PSM__ARRAY_INT8);
	for (i = 0; i < count; i++) {
		psm__sql_array_text(&a[TOPICS], list[i].topic);
		psm__sql_array_int4(&a[PARTITIONS], list[i].partition);
		psm__sql_array_int8(&a[POSITIONS], list[i].position);
	}
	params[0] = psm__param_text(group);
	params[1] = psm__param_text(member);
	rc = psm__sql_array_params(a, N_ARRAYS, params + 2, err);
	if (rc == 0)
		rc = psm__conn_queue(c, sql, 2 + arrays, params, rows, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	psm__sql_arrays_free(a, N_ARRAYS);
	return rc;
}

int
psm__group_commit(struct psm__conn *c, const char *group, const char *member,
                  const struct psm__topic_place *list, size_t count,
                  int64_t *found, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = exec_places(c,
	                 "SELECT psymatch.group_commit($1, $2::uuid, "
	                 "$3::text[], $4::integer[], $5::bigint[])",
	                 group, member, list, count, N_ARRAYS, &rows, err);
	*found = rc == 0 ? psm_rows_int(rows, 0, 0) : 0;
	psm_rows_free(rows);
	return rc;
}

int
psm__group_release(struct psm__conn *c, const char *group, const char *member,
                   const struct psm__topic_place *list, size_t count,
                   psm_error *err)
{
	return exec_places(c,
	                   "SELECT psymatch.group_release($1, $2::uuid, "
	                   "$3::text[], $4::integer[])",
	                   group, member, list, count, 2, NULL, err);
}

int
psm__group_lag(struct psm__conn *c, const char *group, int64_t *out,
               psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = psm__conn_exec(c,
	                    "SELECT sum(p.next - greatest(g.next, p.first)) "
	                    "FROM psymatch.group_partition AS g "
	                    "JOIN psymatch.log_partition AS p "
	                    "USING (topic, partition) WHERE g.group_name = $1",
	                    1, &group, &rows, err);
	if (rc == 0 && !psm_rows_text(rows, 0, 0))
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "the group %s has read nothing yet", group);
	if (rc == 0)
		*out = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__group_leave(struct psm__conn *c, const char *group, const char *member,
                 psm_error *err)
{
	const char *params[2] = {group, member};

	return psm__conn_exec(c, "SELECT psymatch.group_leave($1, $2::uuid)", 2,
	                      params, NULL, err);
}
