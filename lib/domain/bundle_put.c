/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches come, change and go. */
#include <string.h>

#include "domain/bundle.h"

/* What malloc takes beside what is asked for. */
enum { BLOCK_BYTES = 16 };

static size_t
list_bytes(uint32_t count)
{
	return count == 0 ? 0 : count * sizeof(int32_t) + BLOCK_BYTES;
}

static struct psm__order *
order_of(const psm_bundle *b, const struct psm__bundle_search *s)
{
	return s->area == PSM__NO_AREA
	           ? NULL
	           : &b->orders[s->area * PSM__STRATEGIES + s->strategy];
}

static void
leave_order(psm_bundle *b, uint32_t slot)
{
	struct psm__order *o = order_of(b, psm__slot(&b->slots, slot));

	if (o != NULL)
		psm__order_remove(o, &b->slots, slot, &b->bytes);
}

static void
drop(psm_bundle *b, uint32_t slot)
{
	struct psm__bundle_search *s = psm__slot(&b->slots, slot);

	b->bytes -= list_bytes(s->excluded_count);
	psm__free(s->excluded);
	s->excluded = NULL;
	psm__slots_remove(&b->slots, slot);
}

int
psm__bundle_drop(psm_bundle *b, int32_t id)
{
	int64_t slot = psm__slots_find(&b->slots, id);

	if (slot < 0)
		return 0;
	leave_order(b, (uint32_t)slot);
	drop(b, (uint32_t)slot);
	return 1;
}

int
psm_bundle_remove_search(psm_bundle *b, int64_t id)
{
	return b != NULL && id >= 1 && id <= INT32_MAX &&
	       psm__bundle_drop(b, (int32_t)id);
}

/* Everything of it but the list. */
static void
fill(const psm_bundle *b, const struct psm__bundle_wish *w,
     struct psm__bundle_search *s)
{
	s->id = w->id;
	s->patient_id = w->patient_id;
	s->created_us = w->created_us;
	s->strategy = (unsigned char)psm__strategy_of(w->id, b->share);
	s->urgency = (unsigned char)w->urgency;
	s->returned = (unsigned char)w->returned;
	s->key = psm__order_key(b->strategy[s->strategy].order, w->created_us,
	                        w->urgency, w->returned);
	s->area = psm__bundle_area(b, w->plz);
	s->plz = psm__bundle_plz(w->plz);
	s->place = (uint16_t)(psm__bundle_places(b) - 1);
	if (s->plz != PSM__NO_PLZ)
		s->place = (uint16_t)(s->plz % (uint32_t)s->place);
	s->max_km = w->fit.max_km;
	s->birth = w->fit.birth;
	s->gender = w->fit.gender;
	s->wants_gender = w->fit.wants_gender;
	s->procedure = w->fit.procedure;
	s->group = w->fit.group;
	s->odd_max_km = w->fit.odd_max_km;
}

/* The list of a wish, new; NULL also where it is empty. */
static int
copy_list(const struct psm__fit_patient *fit, int32_t **out, psm_error *err)
{
	*out = NULL;
	if (fit->excluded_count == 0)
		return 0;
	*out = psm__array(fit->excluded_count, sizeof(**out));
	if (*out == NULL)
		return psm__nomem(err);
	memcpy(*out, fit->excluded, fit->excluded_count * sizeof(**out));
	return 0;
}

static int
same_place(const struct psm__bundle_search *a,
           const struct psm__bundle_search *b)
{
	return a->key == b->key && a->area == b->area &&
	       a->strategy == b->strategy;
}

/* The search of a slot becomes next, whose list it takes. */
static int
replace(psm_bundle *b, uint32_t slot, const struct psm__bundle_search *next,
        int is_new, psm_error *err)
{
	struct psm__bundle_search *s = psm__slot(&b->slots, slot);
	int stays = !is_new && same_place(s, next), rc = 0;
	struct psm__order *o;

	if (!is_new && !stays)
		leave_order(b, slot);
	b->bytes -= list_bytes(s->excluded_count);
	psm__free(s->excluded);
	*s = *next;
	b->bytes += list_bytes(s->excluded_count);
	o = order_of(b, s);
	if (o == NULL)
		return 0;
	if (stays)
		psm__order_update(o, &b->slots, slot);
	else
		rc = psm__order_add(o, &b->slots, slot, &b->bytes);
	if (rc == 0)
		return 0;
	drop(b, slot);
	return psm__nomem(err);
}

int
psm__bundle_put(psm_bundle *b, const struct psm__bundle_wish *w, psm_error *err)
{
	struct psm__bundle_search next;
	int64_t slot = psm__slots_find(&b->slots, w->id);
	int is_new = slot < 0, rc;

	memset(&next, 0, sizeof(next));
	fill(b, w, &next);
	rc = copy_list(&w->fit, &next.excluded, err);
	if (rc < 0)
		return rc;
	next.excluded_count = w->fit.excluded_count;
	if (is_new)
		slot = psm__slots_add(&b->slots, w->id);
	if (slot < 0) {
		psm__free(next.excluded);
		return psm__nomem(err);
	}
	return replace(b, (uint32_t)slot, &next, is_new, err);
}

/* -- from JSON */

static int
read_wishes(const psm_json *doc, struct psm__fit_patient *fit, psm_error *err)
{
	const char *gender, *wants, *procedure;
	int group, rc = psm__bundle_text(doc, "geschlecht", &gender, err), next;

	next = psm__bundle_text(doc, "bevorzugtes_therapeutengeschlecht",
	                        &wants, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_text(doc, "bevorzugtes_therapieverfahren",
	                        &procedure, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_bool(doc, "offen_fuer_gruppentherapie", &group, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_day(doc, "geburtsdatum", 0, &fit->birth, err);
	rc = rc < 0 ? rc : next;
	fit->gender = (unsigned char)psm__fit_gender(gender);
	fit->wants_gender = (unsigned char)psm__fit_wanted_gender(wants);
	fit->procedure = (unsigned char)psm__fit_procedure(procedure);
	fit->group = (unsigned char)group;
	return rc;
}

static int
read_numbers(const psm_json *doc, struct psm__bundle_wish *w, psm_error *err)
{
	int64_t id, patient, urgency;
	int rc = psm__bundle_int(doc, "id", 1, INT32_MAX, 0, &id, err), next;

	next =
	    psm__bundle_int(doc, "patient_id", 1, INT32_MAX, 0, &patient, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_int(doc, "dringlichkeit", 0, PSM__URGENCY_MAX, 0,
	                       &urgency, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_bool(doc, "nicht_erschienen", &w->returned, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_time(doc, "created_at", &w->created_us, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_text(doc, "plz", &w->plz, err);
	rc = rc < 0 ? rc : next;
	w->id = (int32_t)id;
	w->patient_id = (int32_t)patient;
	w->urgency = (int)urgency;
	return rc;
}

/* The columns that hold JSON; *excluded is new. */
static int
read_columns(const psm_bundle *b, const psm_json *doc,
             struct psm__fit_patient *fit, int32_t **excluded, psm_error *err)
{
	int rc = 0, odd;
	char *reach =
	    psm__bundle_json(doc, "raeumliche_verfuegbarkeit", &rc, err);
	char *list =
	    psm__bundle_json(doc, "ausgeschlossene_therapeuten", &rc, err);

	if (rc == 0) {
		fit->max_km = psm__fit_max_km(reach, b->default_km, &odd);
		fit->odd_max_km = (unsigned char)odd;
		rc = psm__fit_excluded(list, excluded, &fit->excluded_count,
		                       err);
		fit->excluded = *excluded;
	}
	psm__free(reach);
	psm__free(list);
	return rc;
}

static int
put_search(psm_bundle *b, const psm_json *doc, psm_error *err)
{
	struct psm__bundle_wish w = {.urgency = 0};
	int32_t *excluded = NULL;
	const char *status;
	int rc = read_numbers(doc, &w, err), next;

	next = psm__bundle_text(doc, "status", &status, err);
	rc = rc < 0 ? rc : next;
	next = read_wishes(doc, &w.fit, err);
	rc = rc < 0 ? rc : next;
	if (rc < 0)
		return rc;
	if (status != NULL && strcmp(status, "aktiv") != 0) {
		(void)psm__bundle_drop(b, w.id); /* there or not */
		return 0;
	}
	rc = read_columns(b, doc, &w.fit, &excluded, err);
	if (rc == 0)
		rc = psm__bundle_put(b, &w, err);
	psm__free(excluded);
	return rc;
}

int
psm_bundle_put_search(psm_bundle *b, const char *json, size_t len,
                      psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (b == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b or json is NULL");
	rc = psm__bundle_object(json, len, &doc, err);
	if (rc == 0)
		rc = put_search(b, doc, err);
	psm_json_free(doc);
	return rc;
}
