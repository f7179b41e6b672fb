/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists come, change and go. They stand in a hash table of their ids, and
 * each in the list of its area. */
#include <stdlib.h>
#include <string.h>

#include "domain/bundle_therapist.h"

enum { TABLE_LEAST = 256 };

static void
free_therapist(struct psm__bundle_therapist *t)
{
	if (t == NULL)
		return;
	psm__free(t->asked);
	for (size_t i = 0; i < PSM__COUNT(t->texts); i++)
		psm__free(t->texts[i]);
	psm__selection_free(&t->choice, 1);
	psm__free(t);
}

void
psm__bundle_free_therapists(psm_bundle *b)
{
	for (size_t i = 0; i < b->therapist_size; i++)
		free_therapist(b->therapists[i]);
	for (size_t i = 0; b->therapist_areas != NULL && i < b->areas; i++)
		psm__free(b->therapist_areas[i].ids);
	psm__free(b->therapist_areas);
	psm__free(b->therapists);
	psm__free(b->boxes);
}

static size_t
home(const psm_bundle *b, int32_t id)
{
	uint64_t hash = (uint32_t)id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 32) & (b->therapist_size - 1);
}

/* Where the id stands, or the free place where it would. */
static size_t
place_of(const psm_bundle *b, int32_t id)
{
	size_t i = home(b, id);

	while (b->therapists[i] != NULL && b->therapists[i]->fit.id != id)
		i = (i + 1) & (b->therapist_size - 1);
	return i;
}

struct psm__bundle_therapist *
psm__bundle_therapist(const psm_bundle *b, int64_t id)
{
	if (b->therapist_size == 0 || id < 1 || id > INT32_MAX)
		return NULL;
	return b->therapists[place_of(b, (int32_t)id)];
}

/* Where the list of a mailbox begins. */
static struct psm__bundle_therapist **
box_of(const psm_bundle *b, const char *box)
{
	uint64_t hash = psm__hash(PSM__HASH_START, box, strlen(box));

	return &b->boxes[(size_t)(hash ^ hash >> 32) & (b->therapist_size - 1)];
}

struct psm__bundle_therapist *
psm__bundle_box(const psm_bundle *b, const char *box)
{
	return *box_of(b, box);
}

static void
enter_box(psm_bundle *b, struct psm__bundle_therapist *t)
{
	struct psm__bundle_therapist **at = box_of(b, t->choice.box);

	t->next = *at;
	*at = t;
}

static void
leave_box(psm_bundle *b, const struct psm__bundle_therapist *t)
{
	struct psm__bundle_therapist **at = box_of(b, t->choice.box);

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
}

static int
grow_table(psm_bundle *b)
{
	size_t size = b->therapist_size ? b->therapist_size * 2 : TABLE_LEAST;
	struct psm__bundle_therapist **before = b->therapists, **after, **boxes;
	size_t old = b->therapist_size;

	if (b->therapist_count * 2 < b->therapist_size)
		return 0;
	after = psm__array(size, sizeof(struct psm__bundle_therapist *));
	boxes = psm__array(size, sizeof(struct psm__bundle_therapist *));
	if (after == NULL || boxes == NULL) {
		psm__free(after);
		psm__free(boxes);
		return PSM_ERR_NOMEM;
	}
	psm__free(b->boxes);
	b->therapists = after;
	b->boxes = boxes;
	b->therapist_size = size;
	for (size_t i = 0; i < old; i++)
		if (before[i] != NULL) {
			after[place_of(b, before[i]->fit.id)] = before[i];
			enter_box(b, before[i]);
		}
	psm__free(before);
	return 0;
}

static void
leave_area(psm_bundle *b, const struct psm__bundle_therapist *t)
{
	struct psm__therapist_area *a = &b->therapist_areas[t->area];

	for (size_t i = 0; i < a->count; i++)
		if (a->ids[i] == (uint32_t)t->fit.id) {
			a->ids[i] = a->ids[--a->count];
			return;
		}
}

int
psm_bundle_remove_therapist(psm_bundle *b, int64_t id)
{
	struct psm__bundle_therapist *t =
	    b == NULL ? NULL : psm__bundle_therapist(b, id);
	size_t mask, gap, at, want;

	if (t == NULL)
		return 0;
	if (t->area != PSM__NO_AREA)
		leave_area(b, t);
	leave_box(b, t);
	mask = b->therapist_size - 1;
	gap = place_of(b, t->fit.id);
	for (at = (gap + 1) & mask; b->therapists[at] != NULL;
	     at = (at + 1) & mask) {
		want = home(b, b->therapists[at]->fit.id);
		if (((at - want) & mask) < ((at - gap) & mask))
			continue;
		b->therapists[gap] = b->therapists[at];
		gap = at;
	}
	b->therapists[gap] = NULL;
	b->therapist_count--;
	free_therapist(t);
	return 1;
}

static int
enter_area(psm_bundle *b, const struct psm__bundle_therapist *t)
{
	struct psm__therapist_area *a;

	if (t->area == PSM__NO_AREA)
		return 0;
	a = &b->therapist_areas[t->area];
	if (psm__grow(&a->ids, &a->cap, a->count + 1, sizeof(*a->ids)) < 0)
		return PSM_ERR_NOMEM;
	a->ids[a->count++] = (uint32_t)t->fit.id;
	return 0;
}

/* Copies of the texts that a choice needs, and what is made of them. */
static int
fill_choice(const struct psm__therapist_wish *w,
            struct psm__bundle_therapist *t)
{
	const char *from[] = {w->mail, w->title, w->first, w->last};
	const char **to[] = {&t->choice.email, &t->choice.titel,
	                     &t->choice.vorname, &t->choice.nachname};

	for (size_t i = 0; i < PSM__COUNT(from); i++) {
		if (from[i] == NULL)
			continue;
		t->texts[i] = psm__strdup(from[i]);
		if (t->texts[i] == NULL)
			return PSM_ERR_NOMEM;
		*to[i] = t->texts[i];
	}
	t->choice.id = w->fit.id;
	t->choice.available = w->available != 0;
	t->choice.informed = w->informed != 0;
	t->choice.blocked =
	    w->status != NULL && strcmp(w->status, "gesperrt") == 0;
	return psm__selection_prepare(&t->choice);
}

static struct psm__bundle_therapist *
make_therapist(const psm_bundle *b, const struct psm__therapist_wish *w)
{
	struct psm__bundle_therapist *t = psm__alloc(sizeof(*t));

	if (t == NULL)
		return NULL;
	t->fit = w->fit;
	t->plz = psm__bundle_plz(w->plz);
	t->area = psm__bundle_area(b, w->plz);
	t->contact_from = w->contact_from;
	t->active = w->status == NULL || strcmp(w->status, "aktiv") == 0;
	t->pending = (unsigned char)w->pending;
	t->asked_count = w->asked_count;
	t->asked = psm__array(w->asked_count + 1u, sizeof(*t->asked));
	if (t->asked == NULL || fill_choice(w, t) < 0) {
		free_therapist(t);
		return NULL;
	}
	if (w->asked_count > 0)
		memcpy(t->asked, w->asked, w->asked_count * sizeof(*t->asked));
	return t;
}

int
psm__bundle_put_therapist(psm_bundle *b, const struct psm__therapist_wish *w,
                          psm_error *err)
{
	struct psm__bundle_therapist *t = make_therapist(b, w);

	if (t == NULL)
		return psm__nomem(err);
	(void)psm_bundle_remove_therapist(b, w->fit.id); /* there or not */
	if (grow_table(b) < 0 || enter_area(b, t) < 0) {
		free_therapist(t);
		return psm__nomem(err);
	}
	b->therapists[place_of(b, t->fit.id)] = t;
	enter_box(b, t);
	b->therapist_count++;
	return 0;
}

int
psm__bundle_asked(const struct psm__bundle_therapist *t, int32_t patient)
{
	uint32_t low = 0, high = t->asked_count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (t->asked[middle] < patient)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->asked_count && t->asked[low] == patient;
}

int
psm__bundle_contactable(const struct psm__bundle_therapist *t, int32_t today,
                        unsigned *why)
{
	*why = 0;
	if (!t->active)
		*why |= 1u << PSM__FIT_THERAPIST_STATUS;
	if (t->pending)
		*why |= 1u << PSM__FIT_PENDING;
	if (t->contact_from > today)
		*why |= 1u << PSM__FIT_COOLING;
	return *why == 0;
}

/* -- from JSON */

static int
by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static int
read_asked(const psm_json *doc, struct psm__therapist_wish *w, int32_t **out,
           psm_error *err)
{
	const psm_json *list = psm__bundle_member(doc, "asked");
	size_t count = psm_json_count(list);
	int64_t id;

	*out = NULL;
	if (list == NULL)
		return 0;
	if (psm_json_kind(list) != PSM_JSON_ARRAY || count > INT32_MAX)
		return psm__bundle_fault("asked", "a list of ids", err);
	*out = psm__array(count + 1, sizeof(**out));
	if (*out == NULL)
		return psm__nomem(err);
	for (size_t i = 0; i < count; i++) {
		if (psm_json_get_int(psm_json_item(list, i), &id, NULL) < 0 ||
		    id < 1 || id > INT32_MAX)
			return psm__bundle_fault("asked", "a list of ids", err);
		(*out)[i] = (int32_t)id;
	}
	qsort(*out, count, sizeof(**out), by_number);
	w->asked = *out;
	w->asked_count = (uint32_t)count;
	w->pending = count > 0;
	return 0;
}

static int
read_texts(const psm_json *doc, struct psm__therapist_wish *w, psm_error *err)
{
	const char *gender, *wants, *procedure;
	const struct {
		const char *name, **to;
	} texts[] = {
	    {"status", &w->status},
	    {"plz", &w->plz},
	    {"vorname", &w->first},
	    {"nachname", &w->last},
	    {"titel", &w->title},
	    {"email", &w->mail},
	    {"geschlecht", &gender},
	    {"geschlechtspraeferenz", &wants},
	    {"psychotherapieverfahren", &procedure},
	};
	int rc = 0, next;

	for (size_t i = 0; i < PSM__COUNT(texts); i++) {
		next = psm__bundle_text(doc, texts[i].name, texts[i].to, err);
		rc = rc < 0 ? rc : next;
	}
	w->fit.gender = (unsigned char)psm__fit_gender(gender);
	w->fit.wants_gender = (unsigned char)psm__fit_wanted_gender(wants);
	w->fit.procedure = (unsigned char)psm__fit_procedure(procedure);
	return rc;
}

static int
read_flags(const psm_json *doc, struct psm__therapist_wish *w, psm_error *err)
{
	int group, pending, rc, next;

	rc = psm__bundle_bool(doc, "potenziell_verfuegbar", &w->available, err);
	next = psm__bundle_bool(doc, "ueber_curavani_informiert", &w->informed,
	                        err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_bool(doc, "bevorzugt_gruppentherapie", &group, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_bool(doc, "pending", &pending, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_day(doc, "naechster_kontakt_moeglich", 0,
	                       &w->contact_from, err);
	w->fit.group = (unsigned char)group;
	if (psm__bundle_member(doc, "pending") != NULL)
		w->pending = pending;
	return rc < 0 ? rc : next;
}

static int
read_numbers(const psm_json *doc, struct psm__therapist_wish *w, psm_error *err)
{
	int64_t id, least, most;
	int rc = psm__bundle_int(doc, "id", 1, INT32_MAX, 0, &id, err), next;

	next = psm__bundle_int(doc, "alter_min", INT32_MIN, INT32_MAX, 0,
	                       &least, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_int(doc, "alter_max", INT32_MIN, INT32_MAX, 0, &most,
	                       err);
	w->fit.id = (int32_t)id;
	w->fit.age_min = (int32_t)least;
	w->fit.age_max = (int32_t)most;
	return rc < 0 ? rc : next;
}

int
psm_bundle_put_therapist(psm_bundle *b, const char *json, size_t len,
                         psm_error *err)
{
	struct psm__therapist_wish w = {.pending = 0};
	psm_json *doc = NULL;
	int32_t *asked = NULL;
	int rc, next;

	psm__error_clear(err);
	if (b == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b or json is NULL");
	rc = psm__bundle_object(json, len, &doc, err);
	if (rc < 0)
		return rc;
	rc = read_numbers(doc, &w, err);
	next = read_texts(doc, &w, err);
	rc = rc < 0 ? rc : next;
	next = read_asked(doc, &w, &asked, err);
	rc = rc < 0 ? rc : next;
	next = read_flags(doc, &w, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0)
		rc = psm__bundle_put_therapist(b, &w, err);
	psm__free(asked);
	psm_json_free(doc);
	return rc;
}
