/* SPDX-License-Identifier: BSD-2-Clause */
/* What may happen to a stored therapist, and what it publishes. */
#include <stdio.h>
#include <string.h>

#include "domain/domain.h"
#include "entity/machine.h"

/* What a status change does to the block: date (sperrdatum) and reason. */
enum block_effect { BLOCK_STAYS = 0, BLOCK_SET = 1, BLOCK_CLEARED = 2 };

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
	static char set[] = "";
	char *value[PSM__THERAPIST_COUNT] = {0};
	const struct psm__row row = {&psm__entity_therapist, value, NULL, NULL};
	const struct psm__step *step;

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
	if (from == to)
		return BLOCK_STAYS;
	value[PSM__THERAPIST_SPERRDATUM] = blocked ? set : NULL;
	step = psm__step_find(&psm__machine_therapist, from, to, &row);
	*event = step->event; /* every step is allowed */
	for (size_t i = 0; i < PSM__SETS_MAX; i++) {
		if (step->sets[i].column != PSM__THERAPIST_SPERRDATUM)
			continue;
		return step->sets[i].effect == PSM__CLEARS ? BLOCK_CLEARED
		                                           : BLOCK_SET;
	}
	return BLOCK_STAYS;
}

/* Did the record say the same of column i the last time? 1, 0 or an error. */
static int
is_old(const struct psm__row *last, const struct psm__row *fresh, int i,
       psm_error *err)
{
	return last == NULL || last->value[i] == NULL
	           ? 0
	           : psm__row_same(last, fresh, i, err);
}

/* May column i of stored take what the import says? */
static int
may_import(const struct psm__row *stored, const struct psm__row *fresh, int i,
           int new_salutation)
{
	if ((stored->entity->fields[i].writers & PSM__W_IMPORT_UPDATE) == 0 ||
	    psm__row_is_empty(fresh, i))
		return 0;
	if (i != PSM__THERAPIST_GESCHLECHT)
		return 1;
	/* It is only derived from the salutation: somebody may know better. */
	return new_salutation || psm__row_is_empty(stored, i) ||
	       strcmp(stored->value[i], "keine_Angabe") == 0;
}

int
psm__therapist_merge(struct psm__row *stored, const struct psm__row *fresh,
                     const struct psm__row *last, psm_error *err)
{
	int new_salutation, rc;

	new_salutation =
	    fresh->value[PSM__THERAPIST_ANREDE] != NULL &&
	    !psm__row_same(stored, fresh, PSM__THERAPIST_ANREDE, err);
	for (int i = 0; i < PSM__THERAPIST_COUNT; i++) {
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
	struct psm__row row = {0};
	const char *text;
	int rc = psm__row_init(&row, fresh->entity, err);

	*out = NULL;
	for (int i = 0; rc == 0 && i < PSM__THERAPIST_COUNT; i++) {
		if ((fresh->entity->fields[i].writers & PSM__W_IMPORT_UPDATE) ==
		    0)
			continue;
		text = fresh->value[i];
		if (text == NULL && last != NULL)
			text = last->value[i];
		rc = psm__row_set(&row, i, text, err);
	}
	if (rc == 0)
		rc = psm__row_text(&row, PSM__FOR_STORE, out, err);
	psm__row_free(&row);
	return rc;
}

static void
put_today(struct psm__now *now, const char *today)
{
	memset(now, 0, sizeof(*now));
	if (today != NULL)
		(void)snprintf(now->today, sizeof(now->today), "%s", today);
}

int
psm__therapist_patch(struct psm__row *stored, const psm_json *patch,
                     const char *today, const char **event, psm_error *err)
{
	struct psm__now now;
	int rc;

	put_today(&now, today);
	rc = psm__row_patch(stored, patch, PSM__READ_MERGE, &now, event, err);
	if (*event == NULL)
		*event = "therapist.updated";
	return rc;
}

int
psm__therapist_block(struct psm__row *stored, const char *reason,
                     const char *today, const char **event, psm_error *err)
{
	int from = psm__row_state(stored), rc = 0;
	struct psm__now now;

	put_today(&now, today);
	*event = "therapist.updated";
	memset(stored->given, 0, PSM__THERAPIST_COUNT);
	if (from != PSM_THERAPIST_GESPERRT)
		rc = psm__row_move(stored, from, PSM_THERAPIST_GESPERRT, &now,
		                   event, err);
	if (rc == 0)
		rc = psm__row_change(stored, PSM__THERAPIST_SPERRGRUND, reason,
		                     err);
	return rc < 0 ? rc : psm__row_modified(stored);
}

int
psm__therapist_unblock(struct psm__row *stored, const char **event,
                       psm_error *err)
{
	int from = psm__row_state(stored), rc;
	struct psm__now now;

	put_today(&now, NULL); /* unblocking leaves no date behind */
	*event = "therapist.updated";
	if (from == PSM_THERAPIST_AKTIV)
		return 0;
	if (from != PSM_THERAPIST_GESPERRT &&
	    psm__row_get(stored, PSM__THERAPIST_SPERRDATUM) == NULL)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "therapist: from \"%s\" to \"aktiv\" is no "
		                 "unblocking: there is no block",
		                 from < 0 ? ""
		                          : psm_therapist_status_name(from));
	memset(stored->given, 0, PSM__THERAPIST_COUNT);
	rc = psm__row_move(stored, from, PSM_THERAPIST_AKTIV, &now, event, err);
	return rc < 0 ? rc : psm__row_modified(stored);
}
