/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/change.h"

#include <string.h>

#include <psymatch/catalogue.h>
#include <psymatch/event.h>

#include "store/store.h"

int
psm__payload_record(psm_payload *m, const char *name,
                    const struct psm__row *row, psm_error *err)
{
	char *text;
	int rc = psm__row_text(row, PSM__FOR_EVENT, &text, err);

	if (rc == 0)
		psm_payload_json(m, name, text, strlen(text));
	psm__free(text);
	return rc;
}

int
psm__emit(psm_tx *tx, psm_payload *m, const char *producer, psm_error *err)
{
	psm_event *ev = NULL;
	int rc = psm_event_new_from(m, producer, &ev, err);

	if (rc == 0)
		rc = psm_tx_emit(tx, ev, err);
	psm_event_free(ev);
	return rc;
}

static int
has_member(const char *type, const char *name)
{
	const psm_event_type_info *info = psm_catalogue_find(type);
	const psm_catalogue_field_info *f;

	for (size_t i = 0; name != NULL && info != NULL &&
	                   (f = psm_catalogue_type_field_at(info, i)) != NULL;
	     i++) {
		if (strcmp(psm_catalogue_field_name(f), name) == 0)
			return 1;
	}
	return 0;
}

static int
emit_one(const struct psm__change *c, const struct psm__told *told,
         psm_error *err)
{
	const struct psm_entity *e = c->policy->entity;
	const char *type = told->type;
	psm_payload *m = psm_payload_new(type);
	int rc = 0;

	psm_payload_int(m, e->id_name, psm__row_int(&c->row, PSM__COLUMN_ID));
	if (!c->policy->own_record && has_member(type, e->data_name))
		rc = psm__payload_record(m, e->data_name, &c->row, err);
	if (rc < 0) {
		psm_payload_free(m);
		return rc;
	}
	if (c->policy->members != NULL)
		c->policy->members(m, told, c);
	if (has_member(type, "entity_version"))
		psm_payload_int(m, "entity_version", c->version);
	return psm__emit(c->tx, m, e->service, err);
}

static int
check_version(const struct psm__change *c, psm_error *err)
{
	if (c->if_version == PSM_VERSION_ANY || c->if_version == c->version)
		return 0;
	return psm__fail(err, PSM_ERR_PRECONDITION,
	                 "%s: want version %lld, found version %lld",
	                 c->policy->entity->name, (long long)c->if_version,
	                 (long long)c->version);
}

/* Load and lock what is there already, in one round trip. */
static int
load_all(struct psm__change *c, size_t count, struct psm__answer *answers,
         psm_error *err)
{
	size_t old = 0;
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		c[i].from = -1;
		if (c[i].verb == PSM__MAKE) {
			rc = psm__row_init(&c[i].row, c[i].policy->entity, err);
			continue;
		}
		rc = psm__repo_ask(c[i].tx, c[i].policy->entity, c[i].id, 1,
		                   &answers[i], err);
		old++;
	}
	if (rc == 0 && old > 0)
		rc = psm__tx_sync(c->tx, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (c[i].verb == PSM__MAKE)
			continue;
		rc = psm__repo_loaded(&answers[i], c[i].policy->entity,
		                      &c[i].row, &c[i].version, err);
		if (rc == 0)
			rc = check_version(&c[i], err);
		if (rc == 0)
			c[i].from = psm__row_state(&c[i].row);
	}
	return rc;
}

static int
decide(struct psm__change *c, const struct psm__now *now, psm_error *err)
{
	if (c->verb != PSM__DELETE)
		return c->decide(&c->row, c->wish, now, &c->events, err);
	psm__events_add(&c->events, c->policy->deleted);
	return c->force || c->policy->may_delete == NULL
	           ? 0
	           : c->policy->may_delete(
			 c->tx, psm__row_get(&c->row, PSM__COLUMN_ID), err);
}

static int
put(struct psm__change *c, const struct psm__now *now, struct psm__answer *a,
    psm_error *err)
{
	enum psm__put how = c->verb == PSM__MAKE              ? PSM__PUT_INSERT
	                    : c->verb == PSM__DELETE          ? PSM__PUT_DELETE
	                    : psm__row_modified(&c->row) == 0 ? PSM__PUT_TOUCH
	                                                      : PSM__PUT_UPDATE;
	int rc = 0;

	if (how == PSM__PUT_INSERT || how == PSM__PUT_UPDATE)
		rc = psm__row_stamp(&c->row, how == PSM__PUT_INSERT, now, err);
	return rc == 0 ? psm__repo_put(c->tx, &c->row, how, a, err) : rc;
}

static int
has_news(const struct psm__change *c)
{
	return c->verb != PSM__CHANGE || c->events.count > 0 ||
	       psm__row_modified(&c->row) > 0;
}

/* Save in one round trip what has news. */
static int
save_all(struct psm__change *c, size_t count, const struct psm__now *now,
         struct psm__answer *answers, psm_error *err)
{
	int rc = 0, changed = 0;

	for (size_t i = 0; i < count && rc == 0; i++) {
		psm__answer_free(&answers[i]);
		c[i].changed = has_news(&c[i]);
		if (!c[i].changed)
			continue;
		rc = put(&c[i], now, &answers[i], err);
		changed++;
	}
	if (rc == 0 && changed > 0)
		rc = psm__tx_sync(c->tx, err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (c[i].changed)
			rc = psm__repo_stored(&answers[i], &c[i].row,
			                      &c[i].version, err);
	}
	return rc < 0 ? rc : changed;
}

static const char *
state_word(const struct psm__change *c, int state)
{
	return state < 0 ? "" : psm__state_words(c->policy->entity)[state];
}

/* Its id and its states, for who follows what becomes of it. */
static int
tell_story(const struct psm__change *c, psm_error *err)
{
	const struct psm_entity *e = c->policy->entity;
	int to = psm__row_state(&c->row), gone = c->verb == PSM__DELETE;

	if (c->policy->story == NULL || !c->changed ||
	    (!gone && to == c->from && c->events.count == 0))
		return 0;
	return psm__tx_note(c->tx, c->policy->story, e->id_name,
	                    psm__row_get(&c->row, PSM__COLUMN_ID), "from",
	                    state_word(c, c->from), "to",
	                    gone ? "deleted" : state_word(c, to), NULL) < 0
	           ? psm__nomem(err)
	           : 0;
}

static int
run(struct psm__change *c, size_t count, struct psm__answer *answers,
    psm_error *err)
{
	struct psm__now now = {.today = ""};
	int rc = load_all(c, count, answers, err), changed;

	if (rc == 0 && (count > 1 || c->verb != PSM__DELETE))
		rc = c->at == NULL ? psm__app_now(c->tx, &now, err) : 0;
	if (c->at != NULL)
		now = *c->at;
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = decide(&c[i], &now, err);
		if (rc == 0 && c[i].events.failed)
			rc = psm__nomem(err);
	}
	if (rc < 0)
		return rc;
	changed = save_all(c, count, &now, answers, err);
	rc = changed < 0 ? changed : 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		for (size_t n = 0; n < c[i].events.count && rc == 0; n++)
			rc = emit_one(&c[i], &c[i].events.items[n], err);
		if (rc == 0)
			rc = tell_story(&c[i], err);
	}
	return rc < 0 ? rc : changed;
}

int
psm__change_run_all(struct psm__change *c, size_t count, psm_error *err)
{
	struct psm__answer *answers = psm__array(count, sizeof(*answers));
	int rc =
	    answers == NULL ? psm__nomem(err) : run(c, count, answers, err);

	for (size_t i = 0; answers != NULL && i < count; i++)
		psm__answer_free(&answers[i]);
	psm__free(answers);
	return rc;
}

int
psm__change_run(struct psm__change *c, psm_error *err)
{
	struct psm__answer answer = {0};
	int rc = run(c, 1, &answer, err);

	psm__answer_free(&answer);
	return rc;
}

void
psm__change_free(struct psm__change *c)
{
	psm__events_free(&c->events);
	psm__row_free(&c->row);
}
