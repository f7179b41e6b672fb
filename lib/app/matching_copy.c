/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The matching service's own copies of therapists and patients. The event that
 * wrote a row is kept with it, so that a late one never takes the row back.
 */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "json/json.h"

/* Which event a row is from. */
struct origin {
	struct psm__number id, version;
	int has_version;
	char time[32];
	const char *event_id;
};

/* Parameters before the columns, and one more behind them. */
enum { ORIGIN_PARAMS = 4, PARAMS_MAX = PSM__COLUMNS_MAX + 5 };

static size_t
put_origin(const struct origin *o, const char **params)
{
	params[0] = o->id.text;
	params[1] = o->has_version ? o->version.text : NULL;
	params[2] = o->time;
	params[3] = o->event_id;
	return ORIGIN_PARAMS;
}

/*
 * Only the columns that row->given marks are written, so that an event with a
 * part of the record empties nothing. 1: written, 0: what is there is newer.
 */
static int
write_copy(psm_tx *tx, const struct psm__row *row, const struct origin *o,
           psm_error *err)
{
	const signed char *column = psm__copy_columns(row->entity);
	const char *sql = psm__sql(row->entity, PSM__SQL_COPY);
	char given[2 * PSM__COLUMNS_MAX + 2] = "{}"; /* "{t,f,..}" */
	const char *params[PARAMS_MAX];
	size_t count = put_origin(o, params), i;
	psm_rows *rows = NULL;
	int rc;

	for (i = 0; column[i] >= 0; i++) {
		params[count++] = psm__row_get(row, column[i]);
		given[2 * i] = i == 0 ? '{' : ',';
		given[2 * i + 1] = row->given[column[i]] ? 't' : 'f';
	}
	memcpy(&given[2 * i], "}", 2);
	params[count++] = given;
	rc = sql == NULL ? psm__nomem(err)
	                 : psm_tx_exec(tx, sql, count, params, &rows, err);
	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

static int
reject(psm_error *err, const char *member, const char *under, const char *want)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/%s%s", member, under);
	psm__fail(err, PSM_ERR_REJECT, "payload: want %s", want);
	psm__error_pointer(err, pointer);
	return PSM_ERR_REJECT;
}

static int
read_origin(const struct psm_entity *e, const psm_event *ev, struct origin *out,
            psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	int64_t n;

	memset(out, 0, sizeof(*out));
	if (psm_json_get_int(psm__json_member(payload, e->id_name), &n, NULL) <
	        0 ||
	    n < 1 || n > INT32_MAX)
		return reject(err, e->id_name, "",
		              "a positive number of 32 bits");
	psm__number(&out->id, n);
	if (psm_json_get_int(psm__json_member(payload, "entity_version"), &n,
	                     NULL) == 0) {
		psm__number(&out->version, n);
		out->has_version = 1;
	}
	if (psm_time_format(psm_event_timestamp_us(ev), out->time,
	                    sizeof(out->time)) < 0)
		return reject(err, "", "", "a time that can be written");
	out->event_id = psm_event_id(ev);
	return 0;
}

/* The record names the same one as the event, if it names one. */
static int
check_id(const struct psm__row *row, const struct origin *o, psm_error *err)
{
	const char *id = psm__row_get(row, PSM__COLUMN_ID);

	if (!row->given[PSM__COLUMN_ID] ||
	    (id != NULL && strcmp(id, o->id.text) == 0))
		return 0;
	return reject(err, row->entity->data_name, "/id",
	              "the id that the event is about");
}

/* Blocking and unblocking say something of the status, also with a record that
 * does not, or that is from before. */
static int
settle_status(const psm_event *ev, struct psm__row *row, psm_error *err)
{
	const char *type = psm_event_type(ev);
	int blocked = strcmp(type, "therapist.blocked") == 0, state;

	if (!blocked && strcmp(type, "therapist.unblocked") != 0)
		return 0;
	state = psm__row_state(row);
	if (state >= 0 &&
	    state != (blocked ? PSM_THERAPIST_AKTIV : PSM_THERAPIST_GESPERRT))
		return 0;
	row->given[PSM__THERAPIST_STATUS] = 1;
	return psm__row_set(
	    row, PSM__THERAPIST_STATUS,
	    psm_therapist_status_name(blocked ? PSM_THERAPIST_GESPERRT
	                                      : PSM_THERAPIST_AKTIV),
	    err);
}

int
psm__copy_event(psm_tx *tx, const struct psm_entity *e, const psm_event *ev,
                psm_error *err)
{
	const psm_json *data =
	    psm__json_member(psm_event_payload(ev), e->data_name);
	struct psm__row row = {0};
	struct origin o;
	char prefix[64];
	int rc;

	if (data == NULL || psm_json_kind(data) != PSM_JSON_OBJECT)
		return reject(err, e->data_name, "", "an object");
	(void)snprintf(prefix, sizeof(prefix), "/%s", e->data_name);
	rc = read_origin(e, ev, &o, err);
	if (rc == 0)
		rc = psm__row_init(&row, e, err);
	if (rc == 0)
		rc =
		    psm__row_read(&row, data, PSM__READ_RECORD, 0, prefix, err);
	if (rc >= 0)
		rc = check_id(&row, &o, err);
	if (rc == 0)
		rc = settle_status(ev, &row, err);
	if (rc == 0)
		rc = write_copy(tx, &row, &o, err);
	psm__row_free(&row);
	return rc;
}

int
psm__copy_row(psm_tx *tx, const struct psm__row *row, int64_t time_us,
              const char *id, psm_error *err)
{
	struct origin o = {.event_id = id};

	psm__number(&o.id, psm__row_int(row, PSM__COLUMN_ID));
	if (psm_time_format(time_us, o.time, sizeof(o.time)) < 0)
		return psm__fail(err, PSM_ERR_INVAL, "time: out of range");
	memset(row->given, 1, row->entity->count);
	return write_copy(tx, row, &o, err);
}

int
psm__copy_erase(psm_tx *tx, const struct psm_entity *e, const psm_event *ev,
                psm_error *err)
{
	const char *sql = psm__sql(e, PSM__SQL_COPY_ERASE);
	const char *params[ORIGIN_PARAMS];
	struct origin o;
	int rc = read_origin(e, ev, &o, err);

	if (rc < 0)
		return rc;
	(void)put_origin(&o, params); /* all there are */
	return sql == NULL
	           ? psm__nomem(err)
	           : psm_tx_exec(tx, sql, ORIGIN_PARAMS, params, NULL, err);
}
