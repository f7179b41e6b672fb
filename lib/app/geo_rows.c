/* SPDX-License-Identifier: BSD-2-Clause */
/* What all of geocoding is made of: one use of it, faults of what was asked,
 * statements, numbers in their rows. */
#include <stdio.h>

#include "app/geo.h"
#include "domain/geo.h"
#include "json/json.h"

enum { ADDRESS_MAX = 255 }; /* characters: what the cache's column takes */

void
psm__geo_begin(struct psm__geo_run *run, const psm_geo *geo, psm_store *store,
               psm_tx *tx)
{
	*run = (struct psm__geo_run){
	    .geo = geo,
	    .store = store,
	    .tx = tx,
	    .until_ms = psm__mono_ms() + geo->timeout_ms,
	    .use_cache = 1,
	};
}

int
psm__geo_check_address(const char *text)
{
	return !psm__text_is_blank(text) &&
	       psm__utf8_count(text) <= ADDRESS_MAX;
}

int
psm__geo_fault(const char *name, const char *want, psm_error *err)
{
	char pointer[64];

	(void)psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s", name, want);
	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	psm__error_fault(err, pointer, "%s: want %s", name, want);
	return PSM_ERR_SCHEMA;
}

int
psm__geo_exec(const struct psm__geo_run *run, const char *sql, size_t count,
              const char *const *params, psm_rows **rows, psm_error *err)
{
	return run->tx != NULL
	           ? psm_tx_exec(run->tx, sql, count, params, rows, err)
	           : psm_store_exec(run->store, sql, count, params, rows, err);
}

int
psm__geo_take_number(const psm_rows *rows, size_t row, size_t column,
                     double *out, psm_error *err)
{
	const char *text = psm_rows_text(rows, row, column);

	return psm__json_read_double(text != NULL ? text : "NaN", out) < 0
	           ? psm__nomem(err)
	           : 0;
}

int
psm__geo_take_place(const psm_rows *rows, struct psm__geo_place *place,
                    psm_error *err)
{
	int rc = psm__geo_take_number(rows, 0, 0, &place->lat, err);

	if (rc == 0)
		rc = psm__geo_take_number(rows, 0, 1, &place->lon, err);
	if (rc < 0)
		return rc;
	place->known = psm__geo_in_range(place->lat, place->lon);
	return place->known;
}
