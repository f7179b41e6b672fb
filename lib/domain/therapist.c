/* SPDX-License-Identifier: BSD-2-Clause */
/* What may happen to a stored therapist, and what it publishes. */
#include <stdio.h>
#include <string.h>

#include "domain/domain.h"

/* What a status change does to the block: date (sperrdatum) and reason. */
enum block_effect { BLOCK_STAYS = 0, BLOCK_SET = 1, BLOCK_CLEARED = 2 };

enum move {
	STAY,    /* the block stays as it is */
	BLOCK,   /* a block begins */
	RELEASE, /* a block ends, if there was one */
	FREE,    /* a block ends in any case */
	TIDY,    /* an active therapist has no block: remove a leftover */
	KEEP     /* still blocked though not shown as such: keep a date */
};

/* From none, aktiv, gesperrt, inaktiv; to aktiv, gesperrt, inaktiv. */
static const enum move moves[4][3] = {
    {RELEASE, BLOCK, STAY},
    {STAY, BLOCK, TIDY},
    {FREE, STAY, KEEP},
    {RELEASE, BLOCK, STAY},
};

const char *
psm_therapist_status_name(int status)
{
	if (status < PSM_THERAPIST_AKTIV || status > PSM_THERAPIST_INAKTIV)
		return NULL;
	return psm__words_therapeutstatus[status];
}

int
psm_therapist_status_from_name(const char *name)
{
	int i = name == NULL
	            ? -1
	            : psm__word_index(psm__words_therapeutstatus, name);

	return i < 0 ? PSM_ERR_INVAL : i;
}

int
psm_therapist_transition(int from, int to, int blocked, const char **event,
                         psm_error *err)
{
	psm__error_clear(err);
	if (event == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "event is NULL");
	*event = NULL;
	if (from < -1 || from > PSM_THERAPIST_INAKTIV ||
	    psm_therapist_status_name(to) == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want two therapist states, found %d and %d",
		                 from, to);
	*event = "therapist.updated";
	switch (moves[from + 1][to]) {
	case BLOCK:
		*event = "therapist.blocked";
		return BLOCK_SET;
	case FREE:
		*event = "therapist.unblocked";
		return BLOCK_CLEARED;
	case RELEASE:
		if (!blocked)
			return BLOCK_STAYS;
		*event = "therapist.unblocked";
		return BLOCK_CLEARED;
	case TIDY:
		return blocked ? BLOCK_CLEARED : BLOCK_STAYS;
	case KEEP:
		return blocked ? BLOCK_STAYS : BLOCK_SET;
	case STAY:
		break;
	}
	return BLOCK_STAYS;
}

/* Set a column and mark it, unless it says so already. */
static int
change(struct psm__row *row, const char *column, const char *text,
       psm_error *err)
{
	size_t i = psm__row_index(row, column);
	const char *old = row->value[i];
	int rc;

	if (old == NULL ? text == NULL : text != NULL && strcmp(old, text) == 0)
		return 0;
	rc = psm__row_set(row, i, text, err);
	if (rc == 0)
		row->modified[i] = 1;
	return rc;
}

static int
is_modified(const struct psm__row *row, const char *column)
{
	return row->modified[psm__row_index(row, column)];
}

/* Did the record say the same of column i the last time? 1, 0 or an error. */
static int
is_old(const struct psm__row *last, const struct psm__row *fresh, size_t i,
       psm_error *err)
{
	return last == NULL || last->value[i] == NULL
	           ? 0
	           : psm__row_same(last, fresh, i, err);
}

/* May column i of stored take what the import says? */
static int
may_import(const struct psm__row *stored, const struct psm__row *fresh,
           size_t i, int new_salutation)
{
	const struct psm__entity_field *f = &stored->entity->fields[i];

	if ((f->writers & PSM__W_IMPORT) == 0 || psm__row_is_empty(fresh, i))
		return 0;
	if (strcmp(f->name, "geschlecht") != 0)
		return 1;
	/* It is only derived from the salutation: somebody may know better. */
	return new_salutation || psm__row_is_empty(stored, i) ||
	       strcmp(stored->value[i], "keine_Angabe") == 0;
}

int
psm__therapist_merge(struct psm__row *stored, const struct psm__row *fresh,
                     const struct psm__row *last, psm_error *err)
{
	size_t anrede = psm__row_index(stored, "anrede");
	int new_salutation, rc;

	new_salutation = fresh->value[anrede] != NULL &&
	                 !psm__row_same(stored, fresh, anrede, err);
	for (size_t i = 0; i < stored->entity->count; i++) {
		if (!may_import(stored, fresh, i, new_salutation))
			continue;
		rc = is_old(last, fresh, i, err);
		if (rc == 0)
			rc = psm__row_same(stored, fresh, i, err);
		if (rc == 0) {
			stored->modified[i] = 1;
			rc = psm__row_set(stored, i, fresh->value[i], err);
		}
		if (rc < 0)
			return rc;
	}
	return psm__row_modified(stored);
}

int
psm__record_text(const struct psm__row *fresh, const struct psm__row *last,
                 char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	struct psm__row row = {0};
	const char *text;
	size_t len;
	int rc = w == NULL ? psm__nomem(err)
	                   : psm__row_init(&row, fresh->entity, err);

	*out = NULL;
	for (size_t i = 0; rc == 0 && i < fresh->entity->count; i++) {
		if ((fresh->entity->fields[i].writers & PSM__W_IMPORT) == 0)
			continue;
		text = fresh->value[i];
		if (text == NULL && last != NULL)
			text = last->value[i];
		rc = psm__row_set(&row, i, text, err);
	}
	if (rc == 0)
		rc = psm__row_write(&row, 0, w, err);
	if (rc == 0)
		rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == 0) {
		*out = psm__strndup(text, len);
		rc = *out == NULL ? psm__nomem(err) : 0;
	}
	psm__row_free(&row);
	psm_json_writer_free(w);
	return rc;
}

static int
status_of(const struct psm__row *row)
{
	const char *word = psm__row_get(row, "status");

	return word == NULL ? -1
	                    : psm__word_index(psm__words_therapeutstatus, word);
}

static int
is_blocked(const struct psm__row *row)
{
	return psm__row_get(row, "sperrdatum") != NULL;
}

/* What a change by hand gave itself; that is not replaced. */
struct given {
	int date, reason;
};

/* The row has its new status; from and blocked are what it was before. */
static int
follow(struct psm__row *row, int from, int blocked, struct given given,
       const char *today, const char **event, psm_error *err)
{
	int to = status_of(row), effect, rc = 0;

	effect = psm_therapist_transition(from, to, blocked, event, NULL);
	if (effect < 0)
		return psm__fail(err, PSM_ERR_SCHEMA, "status: unknown word");
	if (effect == BLOCK_STAYS)
		return 0;
	if (effect == BLOCK_CLEARED || !given.date)
		rc = change(row, "sperrdatum",
		            effect == BLOCK_SET ? today : NULL, err);
	/* A leftover reason is not the reason of a new block. */
	if (rc == 0 && (effect == BLOCK_CLEARED ||
	                (to == PSM_THERAPIST_GESPERRT && !given.reason)))
		rc = change(row, "sperrgrund", NULL, err);
	return rc;
}

static int
patch_member(struct psm__row *row, const char *key, const psm_json *v,
             psm_error *err)
{
	const struct psm__entity_field *f = psm__entity_find(row->entity, key);
	struct psm__row fresh = {0};
	char pointer[256];
	size_t i;
	int rc;

	if (f == NULL || (f->writers & PSM__W_REST_UPDATE) == 0) {
		psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(v),
		             "want columns that a person may write");
		(void)snprintf(pointer, sizeof(pointer), "/%s", key);
		if (strpbrk(key, "/~") == NULL) /* else it is no pointer */
			psm__error_pointer(err, pointer);
		return PSM_ERR_SCHEMA;
	}
	i = (size_t)(f - row->entity->fields);
	rc = psm__row_init(&fresh, row->entity, err);
	if (rc < 0)
		return rc;
	rc = psm__row_set_json(&fresh, i, v, "", err);
	if (rc == 0)
		rc = psm__row_check(&fresh, i, v, "", err);
	if (rc == 0 && fresh.value[i] == NULL && strcmp(key, "status") == 0)
		rc = psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(v),
		                  "status: want a status, found null");
	if (rc == 0)
		rc = psm__row_same(row, &fresh, i, err);
	if (rc == 0) {
		row->modified[i] = 1;
		rc = psm__row_set(row, i, fresh.value[i], err);
	}
	psm__row_free(&fresh);
	return rc < 0 ? rc : 0;
}

int
psm__therapist_patch(struct psm__row *stored, const psm_json *patch,
                     const char *today, const char **event, psm_error *err)
{
	int from = status_of(stored), blocked = is_blocked(stored), rc = 0;
	struct given given = {psm_json_at(patch, "/sperrdatum") != NULL,
	                      psm_json_at(patch, "/sperrgrund") != NULL};

	*event = "therapist.updated";
	if (psm_json_kind(patch) != PSM_JSON_OBJECT)
		return psm__fail_at(err, PSM_ERR_SCHEMA,
		                    psm__json_position(patch),
		                    "want an object of columns");
	for (size_t i = 0; i < psm_json_count(patch) && rc == 0; i++)
		rc = patch_member(stored, psm_json_key(patch, i),
		                  psm_json_item(patch, i), err);
	if (rc == 0 && is_modified(stored, "status"))
		rc = follow(stored, from, blocked, given, today, event, err);
	return rc < 0 ? rc : psm__row_modified(stored);
}

int
psm__therapist_block(struct psm__row *stored, const char *reason,
                     const char *today, const char **event, psm_error *err)
{
	int from = status_of(stored), blocked = is_blocked(stored), rc;
	struct given given = {0, 1};

	*event = "therapist.updated";
	rc = change(stored, "status", "gesperrt", err);
	if (rc == 0 && from != PSM_THERAPIST_GESPERRT)
		rc = follow(stored, from, blocked, given, today, event, err);
	if (rc == 0)
		rc = change(stored, "sperrgrund", reason, err);
	return rc < 0 ? rc : psm__row_modified(stored);
}

int
psm__therapist_unblock(struct psm__row *stored, const char **event,
                       psm_error *err)
{
	int from = status_of(stored), blocked = is_blocked(stored), rc;
	struct given given = {0, 0};

	*event = "therapist.updated";
	if (from == PSM_THERAPIST_AKTIV)
		return 0;
	if (from != PSM_THERAPIST_GESPERRT && !blocked)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "therapist: from \"%s\" to \"aktiv\" is no "
		                 "unblocking: there is no block",
		                 from < 0 ? ""
		                          : psm_therapist_status_name(from));
	rc = change(stored, "status", "aktiv", err);
	if (rc == 0)
		rc = follow(stored, from, blocked, given, NULL, event, err);
	return rc < 0 ? rc : psm__row_modified(stored);
}
