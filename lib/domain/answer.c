/* SPDX-License-Identifier: BSD-2-Clause */
/* A therapist's answer to an inquiry, and what a correction of it reverts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/inquiry.h"

#define RESPONSES "patient_responses"

static struct psm__answer_match *
find(struct psm__answer_doc *a, int64_t patient_id)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->matches[i].patient_id == patient_id)
			return &a->matches[i];
	}
	return NULL;
}

/* A patient's number as a member's name: decimal, without zeros before it. */
static int64_t
number_of(const char *key)
{
	size_t len = strlen(key);

	if (len < 1 || len > 10 || !psm__is_digits(key, len) || key[0] == '0')
		return 0;
	return (int64_t)strtoll(key, NULL, 10);
}

static void
fault(psm_error *err, const char *key, const char *what)
{
	struct psm__buf at = {0};

	psm__buf_puts(&at, "/" RESPONSES "/");
	psm__buf_puts(&at, key);
	psm__error_fault(err, at.failed ? "/" RESPONSES : at.data, "%s", what);
	psm__buf_free(&at);
}

/* What does not do: collected first, and told when the failure is recorded. */
struct wrong {
	struct psm__buf missing, extra;
	int outcomes;  /* 1: some are none */
	int notes;     /* 1: some are no text */
	psm_error *to; /* NULL while it is collected */
};

static void
put_item(struct psm__buf *list, const char *item)
{
	psm__buf_puts(list, list->len == 0 ? "" : ", ");
	psm__buf_puts(list, item);
}

/* Two rows of an adopted inquiry may have the same patient: both get it. */
static void
set_all(struct psm__answer_doc *a, int64_t id,
        const struct psm__outcome *outcome, const char *notes)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->matches[i].patient_id == id) {
			a->matches[i].outcome = outcome;
			a->matches[i].notes = notes;
		}
	}
}

static int
is_absent(const psm_json *v)
{
	return v == NULL || psm_json_kind(v) == PSM_JSON_NULL;
}

static const char *
read_notes(const char *key, const psm_json *v, struct wrong *w)
{
	char at[32];

	if (!is_absent(v) && psm_json_string(v) == NULL) {
		w->notes = 1;
		(void)snprintf(at, sizeof(at), "%s/notizen", key);
		fault(w->to, at, "want text");
	}
	return psm_json_string(v);
}

static void
read_one(struct psm__answer_doc *a, const char *key, const psm_json *v,
         struct wrong *w)
{
	const int is_number = number_of(key) > 0;
	const struct psm__outcome *outcome;
	const char *word = psm_json_string(v), *notes = NULL;

	if (psm_json_kind(v) == PSM_JSON_OBJECT)
		word = psm_json_string(psm_json_at(v, "/outcome"));
	if (find(a, number_of(key)) == NULL) {
		put_item(&w->extra, is_number ? key : "\"?\"");
		fault(w->to, is_number ? key : "",
		      "want a patient of the inquiry, found another one");
		return;
	}
	outcome = psm__outcome_find(word);
	if (outcome == NULL) {
		w->outcomes = 1;
		fault(w->to, key,
		      "want one of valid_outcomes, found another value");
	}
	if (psm_json_kind(v) == PSM_JSON_OBJECT)
		notes = read_notes(key, psm_json_at(v, "/notizen"), w);
	/* Named, if only with a wrong outcome: not missing. */
	set_all(a, number_of(key), outcome ? outcome : psm__outcome_at(0),
	        notes);
}

static void
find_missing(struct psm__answer_doc *a, struct wrong *w)
{
	struct psm__number id;

	for (size_t i = 0; i < a->count; i++) {
		if (a->matches[i].outcome != NULL)
			continue;
		put_item(&w->missing,
		         psm__number(&id, a->matches[i].patient_id));
		fault(w->to, id.text, "want an outcome, found none");
		set_all(a, a->matches[i].patient_id, psm__outcome_at(0), NULL);
	}
}

static void
read_all(struct psm__answer_doc *a, const psm_json *all, struct wrong *w)
{
	for (size_t i = 0; i < a->count; i++)
		a->matches[i].outcome = NULL;
	for (size_t i = 0; i < psm_json_count(all); i++)
		read_one(a, psm_json_key(all, i), psm_json_item(all, i), w);
	find_missing(a, w);
}

/* All at once, by the names that callers of the platform know. */
static int
refuse(struct wrong *w, psm_error *err)
{
	struct psm__buf text = {0};
	const struct psm__outcome *o;
	int rc;

	if (w->missing.len > 0)
		psm__buf_printf(&text, ", missing_patient_ids: [%s]",
		                w->missing.data);
	if (w->extra.len > 0)
		psm__buf_printf(&text, ", extra_patient_ids: [%s]",
		                w->extra.data);
	for (size_t i = 0; w->outcomes && (o = psm__outcome_at(i)) != NULL; i++)
		psm__buf_printf(&text, "%s%s",
		                i == 0 ? ", valid_outcomes: " : ", ", o->word);
	if (w->notes)
		psm__buf_puts(&text, ", notizen: want text");
	rc = text.failed || w->missing.failed || w->extra.failed
	         ? psm__nomem(err)
	         : psm__fail(err, PSM_ERR_SCHEMA,
	                     RESPONSES ": want an outcome for each patient of "
	                               "the inquiry and no other%s",
	                     text.data != NULL ? text.data : "");
	psm__buf_free(&text);
	return rc;
}

static int
read_rest(const psm_json *doc, struct psm__answer_doc *out, psm_error *err)
{
	const psm_json *notes = psm__json_member(doc, "notizen");
	const psm_json *correction = psm__json_member(doc, "correction");
	int rc = 0;

	out->notes = psm_json_string(notes);
	if (!is_absent(notes) && out->notes == NULL) {
		rc = psm__fail(err, PSM_ERR_SCHEMA, "notizen: want text");
		psm__error_fault(err, "/notizen", "want text");
	}
	out->correction = 0;
	if (!is_absent(correction) &&
	    psm_json_get_bool(correction, &out->correction, NULL) < 0) {
		rc = psm__fail(err, PSM_ERR_SCHEMA,
		               "correction: want true or false");
		psm__error_fault(err, "/correction", "want true or false");
	}
	return rc;
}

static int
read_responses(const psm_json *all, struct psm__answer_doc *out, psm_error *err)
{
	struct wrong w = {0};
	int rc = 0;

	if (all == NULL || psm_json_kind(all) != PSM_JSON_OBJECT) {
		rc = psm__fail(err, PSM_ERR_SCHEMA,
		               RESPONSES ": want an object");
		psm__error_fault(err, "/" RESPONSES, "want an object");
		return rc;
	}
	read_all(out, all, &w);
	if (w.missing.len > 0 || w.extra.len > 0 || w.outcomes || w.notes) {
		rc = refuse(&w, err);
		w.to = err;
		read_all(out, all, &w);
	}
	psm__buf_free(&w.missing);
	psm__buf_free(&w.extra);
	return rc;
}

int
psm__answer_read(const psm_json *doc, struct psm__answer_doc *out,
                 psm_error *err)
{
	int rc, rest;

	if (doc == NULL || psm_json_kind(doc) != PSM_JSON_OBJECT)
		return psm__fail(err, PSM_ERR_SCHEMA, "answer: want an object");
	rc = read_responses(psm__json_member(doc, RESPONSES), out, err);
	rest = rc == PSM_ERR_NOMEM ? rc : read_rest(doc, out, err);
	return rc < 0 ? rc : rest;
}

void
psm__answer_count(const struct psm__answer_doc *a,
                  int64_t counts[PSM__COUNTED_KINDS])
{
	memset(counts, 0, PSM__COUNTED_KINDS * sizeof(counts[0]));
	for (size_t i = 0; i < a->count; i++)
		counts[a->matches[i].outcome->counted]++;
}

struct psm__search_effect
psm__answer_effect(const struct psm__outcome *next,
                   const struct psm__search_before *before)
{
	struct psm__search_effect e = {0};

	/* What is as before stays as it is: a correction does not do it again.
	 */
	if (next->excludes && !before->listed)
		e.exclude = 1;
	else if (!next->excludes && before->excluding)
		e.exclude = -1;
	if (next->places && before->status == PSM_SEARCH_AKTIV)
		e.place = 1;
	else if (!next->places && before->by_this)
		e.place = -1;
	else if (next->places && !before->by_this &&
	         before->status == PSM_SEARCH_ERFOLGREICH)
		e.elsewhere = 1;
	return e;
}

static int
is_entry(const psm_json *item, int64_t therapist_id)
{
	const struct psm__outcome *why =
	    psm__outcome_find(psm_json_string(psm_json_at(item, "/reason")));
	int64_t id;

	return psm_json_kind(item) == PSM_JSON_OBJECT && why != NULL &&
	       why->excludes &&
	       psm_json_get_int(psm_json_at(item, "/id"), &id, NULL) == 0 &&
	       id == therapist_id;
}

int
psm__exclusion_remove(const psm_json *list, int64_t therapist_id, char **out,
                      psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int changed = 0;

	psm_json_write_array(w);
	for (size_t i = 0; i < psm_json_count(list); i++) {
		const psm_json *item = psm_json_item(list, i);

		if (is_entry(item, therapist_id))
			changed = 1;
		else
			psm_json_write_value(w, item);
	}
	psm_json_write_end(w);
	return psm__json_take(w, changed, out, err);
}
