/* SPDX-License-Identifier: BSD-2-Clause */
/* The centroids of postal codes, from a file of the platform's format. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/geo.h"
#include "domain/geo.h"
#include "json/json.h"

enum { BATCH = 1000, CODES = 100000 };

/* Both: what is the same already is not written. */
static const char load[] =
    "INSERT INTO geocoding_service.plz_centroids AS c "
    "(plz, ort, bundesland, bundesland_code, latitude, longitude, "
    "created_at, updated_at) "
    "SELECT plz, ort, bundesland, bundesland_code, latitude, longitude, "
    "t.now, t.now FROM jsonb_to_recordset($1::jsonb) AS r("
    "plz text, ort text, bundesland text, bundesland_code text, "
    "latitude float8, longitude float8), "
    "(SELECT $2::timestamptz AT TIME ZONE 'UTC' AS now) t "
    "ON CONFLICT (plz) DO ";
static const char keep[] = "NOTHING";
static const char change[] =
    "UPDATE SET ort = excluded.ort, bundesland = excluded.bundesland, "
    "bundesland_code = excluded.bundesland_code, "
    "latitude = excluded.latitude, longitude = excluded.longitude, "
    "updated_at = excluded.updated_at "
    "WHERE (c.ort, c.bundesland, c.bundesland_code, c.latitude, c.longitude) "
    "IS DISTINCT FROM (excluded.ort, excluded.bundesland, "
    "excluded.bundesland_code, excluded.latitude, excluded.longitude)";

struct load {
	psm_tx *tx;
	psm_json_writer *w;
	size_t waiting; /* records in w */
	char sql[1024], now[32];
	unsigned char seen[CODES / 8];
	int64_t usable, written;
};

/* A number, or a text that is one. */
static int
read_degrees(const psm_json *v, double *out)
{
	const char *text = psm_json_string(v);
	psm_json *number = NULL;
	int rc;

	if (text == NULL)
		return psm_json_get_double(v, out, NULL) == 0 && *out != 0;
	rc = psm_json_parse(text, strlen(text), &number, NULL);
	if (rc == 0)
		rc = psm_json_get_double(number, out, NULL);
	psm_json_free(number);
	return rc == 0 && *out != 0;
}

/* A text of at most max characters, else NULL. */
static const char *
read_text(const psm_json *record, const char *name, size_t max)
{
	const char *text = psm_json_string(psm__json_member(record, name));

	return text != NULL && !psm__text_is_blank(text) &&
	               psm__utf8_count(text) <= max
	           ? text
	           : NULL;
}

static void
write_member(psm_json_writer *w, const char *name, const char *text)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, text);
}

/* 1: written to l->w; 0: left out. */
static int
take_record(struct load *l, const psm_json *record)
{
	const char *plz = read_text(record, "zipcode", 5), *place, *country;
	double lat, lon;
	size_t code;

	country = read_text(record, "country_code", 2);
	place = read_text(record, "place", 255);
	if (country == NULL || strcmp(country, "DE") != 0 || place == NULL ||
	    !psm__is_digits(plz, 5) ||
	    !read_degrees(psm__json_member(record, "latitude"), &lat) ||
	    !read_degrees(psm__json_member(record, "longitude"), &lon) ||
	    !psm__geo_in_range(lat, lon))
		return 0;
	code = (size_t)strtoul(plz, NULL, 10);
	l->usable++;
	if (l->seen[code / 8] & 1u << code % 8)
		return 0;
	l->seen[code / 8] |= (unsigned char)(1u << code % 8);
	psm_json_write_object(l->w);
	write_member(l->w, "plz", plz);
	write_member(l->w, "ort", place);
	write_member(l->w, "bundesland", read_text(record, "state", 100));
	write_member(l->w, "bundesland_code",
	             read_text(record, "state_code", 2));
	psm_json_write_key(l->w, "latitude");
	psm_json_write_double(l->w, lat);
	psm_json_write_key(l->w, "longitude");
	psm_json_write_double(l->w, lon);
	psm_json_write_end(l->w);
	return 1;
}

static int
write_batch(struct load *l, psm_error *err)
{
	const char *params[2] = {NULL, l->now};
	psm_rows *rows = NULL;
	size_t len;
	int rc;

	if (l->waiting == 0)
		return 0;
	psm_json_write_end(l->w);
	rc = psm_json_writer_finish(l->w, &params[0], &len, err);
	if (rc == 0)
		rc = psm_tx_exec(l->tx, l->sql, 2, params, &rows, err);
	l->written += (int64_t)psm_rows_affected(rows);
	psm_rows_free(rows);
	l->waiting = 0;
	psm_json_writer_reset(l->w);
	psm_json_write_array(l->w);
	return rc;
}

static int
load_all(struct load *l, const psm_json *doc, psm_error *err)
{
	size_t count = psm_json_count(doc);
	int rc = 0;

	psm_json_write_array(l->w);
	for (size_t i = 0; i < count && rc == 0; i++) {
		l->waiting += (size_t)take_record(l, psm_json_item(doc, i));
		if (l->waiting == BATCH)
			rc = write_batch(l, err);
	}
	if (rc == 0)
		rc = write_batch(l, err);
	if (rc == 0 && l->usable == 0)
		rc = psm__fail(err, PSM_ERR_SCHEMA,
		               "no record of a postal code of country_code "
		               "\"DE\" in it");
	return rc;
}

static int
load_doc(psm_store *store, const psm_json *doc, int update, psm_error *err)
{
	struct load *l = psm__alloc(sizeof(*l));
	int64_t written = 0;
	int rc;

	if (l == NULL)
		return psm__nomem(err);
	(void)snprintf(l->sql, sizeof(l->sql), "%s%s", load,
	               update ? change : keep);
	l->w = psm_json_writer_new();
	rc = l->w == NULL
	         ? psm__nomem(err)
	         : psm_time_format(psm_now_us(), l->now, sizeof(l->now));
	if (rc >= 0)
		rc = psm_tx_begin(store, &l->tx, err);
	if (rc == 0) {
		rc = load_all(l, doc, err);
		written = l->written;
		rc = psm__app_end(l->tx, rc, err);
	}
	psm_json_writer_free(l->w);
	psm__free(l);
	return rc < 0 ? rc : (int)written;
}

int
psm_geo_load(psm_store *store, const char *json, size_t len, int update,
             psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (store == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or json is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc < 0)
		return rc;
	if (psm_json_kind(doc) != PSM_JSON_ARRAY)
		rc = psm__fail(err, PSM_ERR_SCHEMA, "want an array of records");
	else
		rc = load_doc(store, doc, update, err);
	psm_json_free(doc);
	return rc;
}

static int
read_file(FILE *f, struct psm__buf *text)
{
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), f)) > 0 &&
	       text->len <= PSM__JSON_MAX_BYTES)
		psm__buf_put(text, part, n);
	return ferror(f) ? PSM_ERR_IO : 0;
}

int
psm_geo_load_file(psm_store *store, const char *path, int update,
                  psm_error *err)
{
	struct psm__buf text = {0};
	FILE *f;
	int rc;

	psm__error_clear(err);
	if (store == NULL || path == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or path is NULL");
	f = fopen(path, "rbe");
	rc = f == NULL ? PSM_ERR_IO : read_file(f, &text);
	if (rc < 0)
		(void)psm__fail(err, rc, "%s: %s", path, strerror(errno));
	else if (text.failed)
		rc = psm__nomem(err);
	else
		rc = psm_geo_load(store, text.len > 0 ? text.data : "",
		                  text.len, update, err);
	if (f != NULL)
		(void)fclose(f); /* was read only */
	psm__buf_free(&text);
	return rc;
}
