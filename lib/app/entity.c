/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases that are the same for every entity: JSON in, JSON out. */
#include <string.h>

#include "app/change.h"
#include "json/json.h"

static int
begin(struct psm__change *c, psm_tx *tx, const char *entity, int64_t id,
      int64_t if_version, psm_error *err)
{
	memset(c, 0, sizeof(*c));
	c->tx = tx;
	c->verb = PSM__CHANGE;
	c->id = id;
	c->if_version = if_version;
	if (if_version < PSM_VERSION_ANY)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "if_version: want a version");
	return psm__policy_find(tx, entity, &c->policy, err);
}

/* Run the change, and give what came of it. */
static int
finish(struct psm__change *c, char **out, int64_t *version, psm_error *err)
{
	int rc = psm__change_run(c, err), done;

	if (rc > 0 && c->verb == PSM__CHANGE && c->policy->follow != NULL) {
		done = c->policy->follow(c->tx, &c->row, err);
		rc = done < 0 ? done : rc;
	}
	if (rc >= 0 && out != NULL) {
		done = psm__row_text(&c->row, PSM__FOR_REST, out, err);
		rc = done < 0 ? done : rc;
	}
	if (rc >= 0 && version != NULL)
		*version = c->version;
	psm__change_free(c);
	return rc;
}

/* What a function gives after a failure. */
static void
clear(char **out, int64_t *version, psm_error *err)
{
	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (version != NULL)
		*version = 0;
}

/* json NULL is refused. */
static int
parse(const char *json, size_t len, psm_json **out, psm_error *err)
{
	if (json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "json is NULL");
	return psm_json_parse(json, len, out, err);
}

int
psm_entity_create(psm_tx *tx, const char *entity, const char *json, size_t len,
                  char **out, int64_t *version, psm_error *err)
{
	struct psm__wish wish = {0};
	struct psm__change c;
	psm_json *doc = NULL;
	int rc;

	clear(out, version, err);
	rc = begin(&c, tx, entity, 0, PSM_VERSION_ANY, err);
	if (rc == 0)
		rc = parse(json, len, &doc, err);
	if (rc == 0) {
		wish = (struct psm__wish){.doc = doc,
		                          .created = c.policy->created,
		                          .updated = c.policy->updated};
		c.verb = PSM__MAKE;
		c.decide =
		    c.policy->make != NULL ? c.policy->make : psm__decide_make;
		c.wish = &wish;
		rc = finish(&c, out, version, err);
	}
	psm_json_free(doc);
	return rc < 0 ? rc : 0;
}

int
psm_entity_get(psm_tx *tx, const char *entity, int64_t id, char **out,
               int64_t *version, psm_error *err)
{
	const struct psm_entity *e = NULL;
	struct psm__row row = {0};
	int64_t found;
	int rc;

	clear(out, version, err);
	rc = psm__entity_of(tx, entity, &e, err);
	if (rc == 0 && out == NULL)
		rc = psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	if (rc == 0)
		rc = psm__repo_get(tx, e, id, &row, &found, err);
	if (rc == 0)
		rc = psm__row_text(&row, PSM__FOR_REST, out, err);
	if (rc == 0 && version != NULL)
		*version = found;
	psm__row_free(&row);
	return rc;
}

int
psm_entity_update(psm_tx *tx, const char *entity, int64_t id,
                  int64_t if_version, int how, const char *json, size_t len,
                  char **out, int64_t *version, psm_error *err)
{
	struct psm__wish wish = {0};
	struct psm__change c;
	psm_json *doc = NULL;
	int rc;

	clear(out, version, err);
	rc = begin(&c, tx, entity, id, if_version, err);
	if (rc == 0 && how != PSM_CHANGE_PUT && how != PSM_CHANGE_MERGE)
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "how: want an enum psm_change_how");
	if (rc == 0)
		rc = parse(json, len, &doc, err);
	if (rc == 0) {
		wish.doc = doc;
		wish.how =
		    how == PSM_CHANGE_PUT ? PSM__READ_PUT : PSM__READ_MERGE;
		wish.updated = c.policy->updated;
		c.decide = c.policy->patch != NULL ? c.policy->patch
		                                   : psm__decide_patch;
		c.wish = &wish;
		rc = finish(&c, out, version, err);
	}
	psm_json_free(doc);
	return rc;
}

int
psm_entity_delete(psm_tx *tx, const char *entity, int64_t id,
                  int64_t if_version, int force, psm_error *err)
{
	struct psm__change c;
	int rc;

	psm__error_clear(err);
	rc = begin(&c, tx, entity, id, if_version, err);
	if (rc < 0)
		return rc;
	c.verb = PSM__DELETE;
	c.force = force;
	rc = finish(&c, NULL, NULL, err);
	return rc < 0 ? rc : 0;
}

static int
find_action(struct psm__change *c, const char *action, psm_error *err)
{
	const struct psm__action *a = c->policy->actions;

	while (a != NULL && action != NULL && a->name != NULL &&
	       strcmp(a->name, action))
		a++;
	c->decide = a != NULL && action != NULL ? a->decide : NULL;
	return c->decide != NULL ? 0
	                         : psm__fail(err, PSM_ERR_INVAL,
	                                     "action: %s has no such action",
	                                     c->policy->entity->name);
}

/* Without json there is nothing to know: an empty object. */
static int
parse_knowledge(const char *json, size_t len, psm_json **out, psm_error *err)
{
	int rc = json != NULL ? psm_json_parse(json, len, out, err)
	                      : psm_json_parse("{}", 2, out, err);

	if (rc < 0 || psm_json_kind(*out) == PSM_JSON_OBJECT)
		return rc;
	psm__fail(err, PSM_ERR_SCHEMA, "want an object, found %s",
	          psm_json_kind_name(psm_json_kind(*out)));
	psm__error_fault(err, "", "want an object");
	return PSM_ERR_SCHEMA;
}

int
psm_entity_act(psm_tx *tx, const char *entity, int64_t id, int64_t if_version,
               const char *action, const char *json, size_t len, char **out,
               int64_t *version, psm_error *err)
{
	struct psm__change c;
	psm_json *doc = NULL;
	int rc;

	clear(out, version, err);
	rc = begin(&c, tx, entity, id, if_version, err);
	if (rc == 0)
		rc = find_action(&c, action, err);
	if (rc == 0)
		rc = parse_knowledge(json, len, &doc, err);
	if (rc == 0) {
		c.wish = doc;
		rc = finish(&c, out, version, err);
	}
	psm_json_free(doc);
	return rc;
}
