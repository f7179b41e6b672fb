/* SPDX-License-Identifier: BSD-2-Clause */
/* Places: how a request tells of one, and where it is. */
#include "app/geo.h"

#include "domain/geo.h"
#include "json/json.h"

int
psm_geo_new(psm_geo_address_fn address, psm_geo_route_fn route, void *user,
            int64_t cache_s, int timeout_ms, psm_geo **out, psm_error *err)
{
	psm_geo *geo;

	psm__error_clear(err);
	if (out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	*out = NULL;
	if (cache_s < 0 || cache_s > INT32_MAX || timeout_ms < 1)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want cache_s of 0 to %d and timeout_ms of 1 "
		                 "or more",
		                 INT32_MAX);
	geo = psm__alloc(sizeof(*geo));
	if (geo == NULL)
		return psm__nomem(err);
	geo->address = address;
	geo->route = route;
	geo->user = user;
	geo->cache_s = cache_s;
	geo->timeout_ms = timeout_ms;
	*out = geo;
	return 0;
}

void
psm_geo_free(psm_geo *geo)
{
	psm__free(geo);
}

/* [latitude, longitude] */
static int
read_pair(const psm_json *v, struct psm__geo_place *out)
{
	return psm_json_count(v) == 2 &&
	       psm_json_get_double(psm_json_item(v, 0), &out->lat, NULL) == 0 &&
	       psm_json_get_double(psm_json_item(v, 1), &out->lon, NULL) == 0;
}

int
psm__geo_read_place(const psm_json *doc, const char *name,
                    struct psm__geo_place *out, psm_error *err)
{
	const psm_json *v = psm__json_member(doc, name);
	const char *want = NULL, *text;

	*out = (struct psm__geo_place){.name = name};
	text = psm_json_string(v);
	if (text != NULL) {
		out->address = text;
		if (!psm__geo_check_address(text))
			want = "an address of 1 to 255 characters";
	} else if (v == NULL || psm_json_kind(v) != PSM_JSON_ARRAY ||
	           !read_pair(v, out)) {
		want = "an address or [latitude, longitude]";
	} else if (!psm__geo_in_range(out->lat, out->lon)) {
		want = "a latitude of -90 to 90, a longitude of -180 to 180";
	}
	out->known = out->address == NULL && want == NULL;
	return want == NULL ? 0 : psm__geo_fault(name, want, err);
}

int
psm__geo_find_centroid(const struct psm__geo_run *run,
                       struct psm__geo_place *place, psm_error *err)
{
	char plz[6];
	const char *params[1] = {plz};
	psm_rows *rows = NULL;
	int rc;

	if (!psm__geo_find_plz(place->address, plz))
		return 0;
	rc = psm__geo_exec(run,
	                   "SELECT latitude, longitude "
	                   "FROM geocoding_service.plz_centroids "
	                   "WHERE plz = $1",
	                   1, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = psm__geo_take_place(rows, place, err);
	psm_rows_free(rows);
	return rc;
}

int
psm__geo_left_ms(const struct psm__geo_run *run)
{
	int64_t left = run->until_ms - psm__mono_ms();

	return left > 0 ? (int)left : 0;
}

/* 1: the geocoder knows it. That it does not is no failure of ours. */
static int
ask_geocoder(const struct psm__geo_run *run, struct psm__geo_place *place,
             psm_error *err)
{
	int timeout_ms = psm__geo_left_ms(run), rc;
	psm_error *told = psm_error_new();
	char name[PSM_GEO_NAME_SIZE] = "";

	if (told == NULL)
		return psm__nomem(err);
	place->why = "no geocoder answered";
	rc = PSM_ERR_UNAVAILABLE;
	if (run->geo->address != NULL && timeout_ms > 0)
		rc = run->geo->address(place->address, &place->lat, &place->lon,
		                       name, timeout_ms, run->geo->user, told);
	psm_error_free(told);
	if (rc == 0 && psm__geo_in_range(place->lat, place->lon)) {
		place->known = 1;
		name[sizeof(name) - 1] = '\0';
		psm__utf8_clean(name);
		rc = psm__geo_keep_place(run, place, name, err);
		if (rc == 0 && run->found != NULL)
			rc = run->found(run, place, name, err);
		return rc < 0 ? rc : 1;
	}
	if (rc == 0 || rc == PSM_ERR_NOT_FOUND)
		place->why = "the geocoder does not know it";
	return 0;
}

int
psm__geo_resolve(const struct psm__geo_run *run, struct psm__geo_place *place,
                 psm_error *err)
{
	int rc = 0;

	if (place->known)
		return 0;
	rc = psm__geo_find_centroid(run, place, err);
	if (rc == 0)
		rc = psm__geo_cached_place(run, place, err);
	if (rc == 0)
		rc = ask_geocoder(run, place, err);
	return rc < 0 ? rc : 0;
}
