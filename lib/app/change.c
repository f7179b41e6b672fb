/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/change.h"

#include <string.h>

#include <psymatch/catalogue.h>
#include <psymatch/event.h>

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
	if (has_member(type, e->data_name))
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
load(struct psm__change *c, psm_error *err)
{
	const struct psm_entity *e = c->policy->entity;
	int rc;

	c->from = -1;
	if (c->verb == PSM__MAKE)
		return psm__row_init(&c->row, e, err);
	rc = psm__repo_lock(c->tx, e, c->id, &c->row, &c->version, err);
	if (rc == 0 && c->if_version != PSM_VERSION_ANY &&
	    c->if_version != c->version)
		rc = psm__fail(err, PSM_ERR_PRECONDITION,
		               "%s: want version %lld, found version %lld",
		               e->name, (long long)c->if_version,
		               (long long)c->version);
	if (rc == 0)
		c->from = psm__row_state(&c->row);
	return rc;
}

static int
decide(struct psm__change *c, struct psm__now *now, psm_error *err)
{
	int rc;

	if (c->verb == PSM__DELETE) {
		psm__events_add(&c->events, c->policy->deleted);
		return c->force || c->policy->may_delete == NULL
		           ? 0
		           : c->policy->may_delete(
				 c->tx, psm__row_get(&c->row, PSM__COLUMN_ID),
				 err);
	}
	rc = psm__app_now(c->tx, now, err);
	return rc == 0 ? c->decide(&c->row, c->wish, now, &c->events, err) : rc;
}

static int
save(struct psm__change *c, const struct psm__now *now, psm_error *err)
{
	int rc;

	if (c->verb == PSM__DELETE)
		return psm__repo_delete(c->tx, &c->row, &c->version, err);
	if (c->verb == PSM__CHANGE && psm__row_modified(&c->row) == 0)
		return psm__repo_touch(c->tx, &c->row, &c->version, err);
	rc = psm__row_stamp(&c->row, c->verb == PSM__MAKE, now, err);
	if (rc < 0)
		return rc;
	return c->verb == PSM__MAKE
	           ? psm__repo_insert(c->tx, &c->row, &c->version, err)
	           : psm__repo_update(c->tx, &c->row, &c->version, err);
}

static int
has_news(const struct psm__change *c)
{
	return c->verb != PSM__CHANGE || c->events.count > 0 ||
	       psm__row_modified(&c->row) > 0;
}

int
psm__change_run(struct psm__change *c, psm_error *err)
{
	struct psm__now now;
	int rc = load(c, err);

	if (rc == 0)
		rc = decide(c, &now, err);
	if (rc == 0 && c->events.failed)
		rc = psm__nomem(err);
	if (rc < 0 || !has_news(c))
		return rc;
	rc = save(c, &now, err);
	for (size_t i = 0; rc == 0 && i < c->events.count; i++)
		rc = emit_one(c, &c->events.items[i], err);
	return rc < 0 ? rc : 1;
}

void
psm__change_free(struct psm__change *c)
{
	psm__events_free(&c->events);
	psm__row_free(&c->row);
}
