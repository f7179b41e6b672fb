/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom to contact in an area. */
#include <string.h>

#include "domain/bundle_therapist.h"

struct selected {
	struct psm__choice *list;
	size_t count, cap, chosen;
	int64_t pending, cooling, mailbox;
};

static int
add(struct selected *s, const psm_bundle *b, struct psm__bundle_therapist *t,
    uint16_t area, int32_t today)
{
	struct psm__choice *c;

	if (t->question == b->question)
		return 0;
	t->question = b->question;
	if (psm__grow(&s->list, &s->cap, s->count + 1, sizeof(*s->list)) < 0)
		return PSM_ERR_NOMEM;
	c = &s->list[s->count++];
	*c = t->choice;
	c->here = t->active && t->area == area;
	c->pending = t->pending;
	c->cooling = t->contact_from > today;
	return 0;
}

/* Those of the area, and who shares a mailbox with one of them, wherever. */
static int
collect(psm_bundle *b, uint16_t area, int32_t today, struct selected *out)
{
	const struct psm__therapist_area *a = &b->therapist_areas[area];
	struct psm__bundle_therapist *t, *c;
	int rc = 0;

	psm__bundle_begin_question(b);
	for (size_t i = 0; i < a->count && rc == 0; i++) {
		t = psm__bundle_therapist(b, a->ids[i]);
		if (!t->active)
			continue;
		rc = add(out, b, t, area, today);
		c = *t->choice.box ? psm__bundle_box(b, t->choice.box) : NULL;
		for (; c != NULL && rc == 0; c = c->next)
			if (strcmp(c->choice.box, t->choice.box) == 0)
				rc = add(out, b, c, area, today);
	}
	return rc;
}

static void
choose(struct selected *s)
{
	s->chosen = (size_t)psm__selection_choose(s->list, s->count);
	for (size_t i = 0; i < s->count; i++) {
		if (!s->list[i].here || s->list[i].chosen)
			continue;
		if (s->list[i].pending)
			s->pending++;
		else if (s->list[i].cooling)
			s->cooling++;
		else
			s->mailbox++;
	}
}

static void
write_count(psm_json_writer *w, const char *key, int64_t n)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, n);
}

static int
write_selected(const struct selected *s, const char *prefix, char **out,
               psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "plz_prefix");
	psm_json_write_string(w, prefix);
	psm_json_write_key(w, "therapists");
	psm_json_write_array(w);
	for (size_t i = 0; i < s->chosen; i++) {
		psm_json_write_object(w);
		write_count(w, "id", s->list[i].id);
		write_count(w, "tier", s->list[i].tier);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "left_out");
	psm_json_write_object(w);
	write_count(w, "pending", s->pending);
	write_count(w, "cooling", s->cooling);
	write_count(w, "mailbox", s->mailbox);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

static int
answer(psm_bundle *b, const psm_json *doc, char **out, psm_error *err)
{
	struct selected selected = {.list = NULL};
	uint16_t area = PSM__NO_AREA;
	const char *prefix;
	int32_t today;
	int rc = psm__bundle_text(doc, "plz_prefix", &prefix, err), next;

	if (prefix != NULL && strlen(prefix) == (size_t)b->digits)
		area = psm__bundle_area(b, prefix);
	if (rc == 0 && area == PSM__NO_AREA)
		rc = psm__bundle_fault("plz_prefix", "the digits of an area",
		                       err);
	next = psm__bundle_day(doc, "today", 1, &today, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0 && collect(b, area, today, &selected) < 0)
		rc = psm__nomem(err);
	if (rc == 0) {
		choose(&selected);
		rc = write_selected(&selected, prefix, out, err);
	}
	psm__free(selected.list);
	return rc;
}

int
psm_bundle_select(psm_bundle *b, const char *json, size_t len, char **out,
                  psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (b == NULL || json == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b, json or out is NULL");
	rc = psm__bundle_object(json, len, &doc, err);
	if (rc == 0)
		rc = answer(b, doc, out, err);
	psm_json_free(doc);
	return rc;
}
