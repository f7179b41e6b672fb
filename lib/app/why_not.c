/* SPDX-License-Identifier: BSD-2-Clause */
/* Why a search is not in an inquiry to a therapist, and who would be in one. */
#include <string.h>

#include "app/candidates.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "domain/geo.h"
#include "json/json.h"

/* So many who fit are listed; all are counted. */
#define LISTED_MAX 1000

static void
write_km(psm_json_writer *w, double km)
{
	psm_json_write_key(w, "distance_km");
	if (km < 0)
		psm_json_write_null(w);
	else
		psm_json_write_double(w, psm__geo_round(km, 2));
}

/* -- one pair */

struct pair {
	psm_tx *tx;
	struct psm__fit_terms terms;
	struct psm__row search, patient, therapist;
	struct psm__fit_result result;
	double km;
	psm_error *err;
};

static int
ask_open_inquiry(struct pair *p, const char *patient, const char *therapist)
{
	const char *params[2] = {therapist, patient};
	int64_t count;
	int rc = psm__app_ask(
	    p->tx,
	    "SELECT count(*) FROM " PSM__ASKED("$1::integer", "$2::integer"), 2,
	    params, &count, p->err);

	if (rc == 0 && count > 0)
		p->result.failed |= 1u << PSM__FIT_IN_INQUIRY;
	return rc;
}

/* Of those who are known; without one of the two only the list is looked at. */
static int
compare(struct pair *p, int patient, int therapist, int64_t therapist_id)
{
	const char *list =
	    psm__row_get(&p->search, PSM__SEARCH_AUSGESCHLOSSENE_THERAPEUTEN);
	struct psm__fit_result fit = {0};
	struct psm__fit_therapist only = {.id = (int32_t)therapist_id};
	struct psm__fit_patient nobody = {0};
	int32_t *excluded = NULL;
	unsigned state = 0;
	int rc = 0;

	p->km = -1;
	if (patient && therapist) {
		rc = psm__fit_rows(p->tx, &p->terms, list, &p->patient,
		                   &p->therapist, &fit, &p->km, p->err);
	} else {
		rc = psm__fit_excluded(list, &excluded, &nobody.excluded_count,
		                       p->err);
		nobody.excluded = excluded;
		(void)psm__fit(&nobody, &only, -1, p->terms.today, &fit);
		fit.doubts = 0;
		psm__free(excluded);
	}
	if (rc == 0 && therapist)
		rc = psm__therapist_state(p->tx, &p->terms, &p->therapist,
		                          &state, p->err);
	p->result.failed |= fit.failed | state;
	p->result.doubts |= fit.doubts;
	return rc;
}

static int
look(struct pair *p, int64_t search_id, int64_t therapist_id)
{
	struct psm__number therapist_text;
	int64_t version;
	int patient = 0, therapist = 0, rc;

	rc = psm__fit_terms(p->tx, &p->terms, p->err);
	if (rc == 0)
		rc = psm__repo_get(p->tx, &psm__entity_search, search_id,
		                   &p->search, &version, p->err);
	if (rc == 0)
		patient = rc = psm__copy_read(
		    p->tx, &psm__entity_patient,
		    psm__row_int(&p->search, PSM__SEARCH_PATIENT_ID), 0,
		    &p->patient, p->err);
	if (rc >= 0)
		therapist = rc =
		    psm__copy_read(p->tx, &psm__entity_therapist, therapist_id,
		                   0, &p->therapist, p->err);
	if (rc < 0)
		return rc;
	if (psm__row_state(&p->search) != PSM_SEARCH_AKTIV)
		p->result.failed |= 1u << PSM__FIT_SEARCH_STATUS;
	if (!patient)
		p->result.failed |= 1u << PSM__FIT_PATIENT_UNKNOWN;
	if (!therapist)
		p->result.failed |= 1u << PSM__FIT_THERAPIST_UNKNOWN;
	rc = compare(p, patient, therapist, therapist_id);
	return rc == 0
	           ? ask_open_inquiry(
			 p, psm__row_get(&p->search, PSM__SEARCH_PATIENT_ID),
			 psm__number(&therapist_text, therapist_id))
	           : rc;
}

static int
write_pair(const struct pair *p, int64_t search, int64_t therapist, char **out)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "search_id");
	psm_json_write_int(w, search);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, therapist);
	psm_json_write_key(w, "fits");
	psm_json_write_bool(w, p->result.failed == 0);
	write_km(w, p->km);
	psm__fit_write(w, &p->result);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, p->err);
}

int
psm_search_why_not(psm_store *store, int64_t search_id, int64_t therapist_id,
                   char **out, psm_error *err)
{
	struct pair p = {.err = err};
	int rc = psm__own_begin_out(store, &p.tx, out, err);

	if (rc == 0 && (therapist_id < 1 || therapist_id > INT32_MAX))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "therapist_id: want a positive number of 32 "
		               "bits");
	if (rc == 0)
		rc = look(&p, search_id, therapist_id);
	if (rc == 0)
		rc = write_pair(&p, search_id, therapist_id, out);
	psm__row_free(&p.therapist);
	psm__row_free(&p.patient);
	psm__row_free(&p.search);
	return psm__own_end(p.tx, rc, out, err);
}

/* -- all of an area */

struct survey {
	psm_json_writer *w;
	int64_t examined, fitting;
	int64_t reasons[PSM__FIT_REASONS], doubts[PSM__FIT_DOUBTS];
};

static int
count_one(const struct psm__candidate *c, void *user)
{
	struct survey *s = user;

	s->examined++;
	psm__fit_count(c->result.failed, s->reasons, PSM__FIT_REASONS);
	psm__fit_count(c->result.doubts, s->doubts, PSM__FIT_DOUBTS);
	if (c->result.failed != 0 || s->fitting++ >= LISTED_MAX)
		return 0;
	psm_json_write_object(s->w);
	psm_json_write_key(s->w, "search_id");
	psm_json_write_int(s->w, c->search_id);
	psm_json_write_key(s->w, "patient_id");
	psm_json_write_int(s->w, c->patient_id);
	psm_json_write_key(s->w, "created_at");
	psm__write_timestamp(s->w, c->created_at);
	write_km(s->w, c->km);
	psm__fit_write(s->w, &c->result);
	psm_json_write_end(s->w);
	return 0;
}

/* No inquiry is made to a therapist of another area. */
static int
is_of_area(const struct psm__row *therapist, const char *prefix)
{
	const char *plz = psm__row_get(therapist, PSM__THERAPIST_PLZ);

	return plz != NULL && strncmp(plz, prefix, strlen(prefix)) == 0;
}

static int
survey(psm_tx *tx, const struct psm__fit_terms *terms,
       const struct psm__row *therapist, const char *prefix, char **out,
       psm_error *err)
{
	struct survey s = {.w = psm_json_writer_new()};
	struct psm__fit_result self = {0};
	int rc = psm__therapist_state(tx, terms, therapist, &self.failed, err);

	if (!is_of_area(therapist, prefix))
		self.failed |= 1u << PSM__FIT_THERAPIST_AREA;
	psm_json_write_object(s.w);
	psm_json_write_key(s.w, "therapist_id");
	psm_json_write_int(s.w, psm__row_int(therapist, PSM__COLUMN_ID));
	psm_json_write_key(s.w, "plz_prefix");
	psm_json_write_string(s.w, prefix);
	psm_json_write_key(s.w, "therapist");
	psm_json_write_object(s.w);
	psm__fit_write(s.w, &self);
	psm_json_write_end(s.w);
	psm_json_write_key(s.w, "data");
	psm_json_write_array(s.w);
	if (rc == 0)
		rc = psm__candidates_each(tx, terms, therapist, prefix,
		                          count_one, &s, err);
	psm_json_write_end(s.w);
	psm_json_write_key(s.w, "total");
	psm_json_write_int(s.w, s.fitting);
	psm_json_write_key(s.w, "examined");
	psm_json_write_int(s.w, s.examined);
	psm__fit_write_counts(s.w, "reasons", s.reasons, PSM__FIT_REASONS,
	                      psm__fit_reason_name);
	psm__fit_write_counts(s.w, "cannot_tell", s.doubts, PSM__FIT_DOUBTS,
	                      psm__fit_doubt_name);
	psm_json_write_end(s.w);
	return psm__json_take(s.w, rc, out, err);
}

/* The therapist's own area, if none is named. */
static int
eligible(psm_tx *tx, int64_t id, const char *prefix, char **out, psm_error *err)
{
	struct psm__fit_terms terms;
	struct psm__row therapist = {0};
	char own[8] = "", end[8];
	int rc = psm__fit_terms(tx, &terms, err);

	if (rc == 0)
		rc = psm__copy_read(tx, &psm__entity_therapist, id, 0,
		                    &therapist, err);
	if (rc == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "Therapist %lld not found", (long long)id);
	if (rc > 0 && prefix == NULL &&
	    psm__row_get(&therapist, PSM__THERAPIST_PLZ) != NULL) {
		strncpy(own, psm__row_get(&therapist, PSM__THERAPIST_PLZ),
		        (size_t)terms.digits);
		prefix = own;
	}
	if (rc > 0)
		rc = psm__area_end(&terms, prefix, end, err);
	if (rc == 0)
		rc = survey(tx, &terms, &therapist, prefix, out, err);
	psm__row_free(&therapist);
	return rc;
}

int
psm_therapist_eligible(psm_store *store, int64_t therapist_id,
                       const char *plz_prefix, char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		rc = eligible(tx, therapist_id, plz_prefix, out, err);
	return psm__own_end(tx, rc, out, err);
}
