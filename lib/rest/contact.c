/* SPDX-License-Identifier: BSD-2-Clause */
/* Mails and calls with somebody, as the communication service knows them. */
#include "rest/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/call.h>
#include <psymatch/mail.h>

#define TIMEOUT_MS 5000 /* of both questions together */
#define NEIGHBOUR "communication"

/* A mail or a call, its date, and when that was: what it is sorted by. */
struct contact {
	const psm_json *value;
	int is_call;
	char date[64]; /* of a call in Berlin, else in UTC */
	int64_t at_us; /* since 1970 */
};

struct history {
	psm_json *record, *mails, *calls; /* owned */
	struct contact *items;            /* owned; point into the two */
	size_t count;
};

static const char *
text_of(const psm_json *v, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(v, pointer));

	return text ? text : "";
}

/* -- reading */

/* 1: the communication service's tables are in this database, and may be read. */
static int
are_here(psm_tx *tx, int *here, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT (count(*) = 2)::integer FROM pg_class c JOIN pg_namespace "
	    "n ON n.oid = c.relnamespace WHERE n.nspname = "
	    "'communication_service' AND c.relname IN ('emails', "
	    "'telefonanrufe') AND has_schema_privilege(n.oid, 'USAGE') AND "
	    "has_table_privilege(c.oid, 'SELECT')",
	    0, NULL, &rows, err);

	*here = rc == PSM_OK && psm_rows_int(rows, 0, 0) == 1;
	psm_rows_free(rows);
	return rc;
}

typedef int (*list_fn)(psm_store *store, const char *query, char **out,
                       psm_error *err);

static int
read_here(const struct rest_route *route, list_fn list, int64_t id,
          psm_json **out, psm_error *err)
{
	char query[96], *json = NULL;
	int rc;

	(void)snprintf(query, sizeof query, "{\"%s\":%lld,\"limit\":1000}",
	               route->resource->contact, (long long)id);
	rc = list(route->store, query, &json, err);
	if (rc == PSM_OK)
		rc = psm_json_parse(json, strlen(json), out, err);
	psm_free(json);
	return rc;
}

static int
fetch(const struct rest_route *route, const char *what, int64_t id,
      int64_t until_us, psm_json **out, psm_error *err)
{
	int left_ms = (int)((until_us - psm__mono_us()) / 1000);
	char path[128];

	(void)snprintf(path, sizeof path, "/api/%s?%s=%lld&limit=1000", what,
	               route->resource->contact, (long long)id);
	return psm__svc_fetch(NEIGHBOUR, route->neighbour, path, left_ms, out,
	                      err);
}

/* The mail was sent then, or at least made. */
static void
date_of(struct contact *c)
{
	const char *sent = text_of(c->value, "/gesendet_am");

	if (c->is_call)
		(void)snprintf(c->date, sizeof c->date, "%s %s",
		               text_of(c->value, "/geplantes_datum"),
		               text_of(c->value, "/geplante_zeit"));
	else
		(void)snprintf(c->date, sizeof c->date, "%s",
		               *sent ? sent : text_of(c->value, "/created_at"));
	psm__utf8_clean(c->date); /* it may have been cut inside a character */
	c->at_us = INT64_MIN;     /* who has no time comes last */
	if (!c->is_call &&
	    psm_time_parse(c->date, strlen(c->date), &c->at_us, NULL) < 0)
		c->at_us = INT64_MIN;
}

/* An element of an array of PostgreSQL's: when a call is planned. */
static void
put_planned(struct psm__buf *list, const struct contact *c)
{
	const char *day = text_of(c->value, "/geplantes_datum");
	const char *time = text_of(c->value, "/geplante_zeit");
	char text[64];
	int64_t us;

	(void)snprintf(text, sizeof text, "%sT%s%sZ", day, time,
	               strlen(time) == 5 ? ":00" : "");
	psm__buf_puts(list, list->len > 0 ? "," : "{");
	if (psm_time_parse(text, strlen(text), &us, NULL) == 0)
		psm__buf_printf(list, "\"%s\"", text);
	else
		psm__buf_puts(list, "NULL");
}

/* Calls are planned by the clock of Berlin, mails are sent in UTC: the database
 * knows the one from the other. calls is the first of them. */
static int
place_calls(const struct rest_route *route, struct contact *calls, size_t count,
            psm_error *err)
{
	struct psm__buf list = {0};
	const char *params[1];
	psm_rows *rows = NULL;
	int rc;

	for (size_t i = 0; i < count; i++)
		put_planned(&list, &calls[i]);
	psm__buf_puts(&list, count > 0 ? "}" : "{}");
	params[0] = list.data;
	rc = list.failed
	         ? psm__nomem(err)
	         : psm_store_exec(route->store,
	                          "SELECT (extract(epoch FROM t AT TIME ZONE "
	                          "'Europe/Berlin') * 1000000)::bigint FROM "
	                          "unnest($1::timestamp[]) "
	                          "WITH ORDINALITY AS c(t, n) ORDER BY n",
	                          1, params, &rows, err);
	for (size_t i = 0; rc == PSM_OK && i < count; i++)
		if (psm_rows_text(rows, i, 0) != NULL)
			calls[i].at_us = psm_rows_int(rows, i, 0);
	psm_rows_free(rows);
	psm__buf_free(&list);
	return rc;
}

/* Newest first; of two at the same time the one with the greater id. */
static int
later(const void *left, const void *right)
{
	const struct contact *a = left, *b = right;
	int64_t x = 0, y = 0;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? 1 : -1;
	if (psm_json_get_int(psm_json_at(a->value, "/id"), &x, NULL) < 0 ||
	    psm_json_get_int(psm_json_at(b->value, "/id"), &y, NULL) < 0)
		return 0;
	return x < y ? 1 : x > y ? -1 : a->is_call - b->is_call;
}

static int
collect(const struct rest_route *route, struct history *h, psm_error *err)
{
	const psm_json *mails = psm_json_at(h->mails, "/data");
	const psm_json *calls = psm_json_at(h->calls, "/data");
	size_t mail_count = psm_json_count(mails);
	size_t count = mail_count + psm_json_count(calls), i;
	int rc = PSM_OK;

	h->items = psm__array(count + 1, sizeof *h->items);
	if (!h->items)
		return psm__nomem(err);
	for (i = 0; i < count; i++) {
		struct contact *c = &h->items[h->count++];

		c->is_call = i >= mail_count;
		c->value = c->is_call ? psm_json_item(calls, i - mail_count)
		                      : psm_json_item(mails, i);
		date_of(c);
	}
	if (count > mail_count)
		rc = place_calls(route, h->items + mail_count,
		                 count - mail_count, err);
	if (rc == PSM_OK)
		qsort(h->items, h->count, sizeof *h->items, later);
	return rc;
}

/* Of the tables here, else of the service by HTTP. */
static int
load_contacts(const struct rest_route *route, int64_t id, int here,
              struct history *h, psm_error *err)
{
	int64_t until_us = psm__mono_us() + (int64_t)TIMEOUT_MS * 1000;
	int rc;

	if (here) {
		rc = read_here(route, psm_mail_list, id, &h->mails, err);
		return rc < 0 ? rc
		              : read_here(route, psm_call_list, id, &h->calls,
		                          err);
	}
	rc = fetch(route, "emails", id, until_us, &h->mails, err);
	return rc < 0
	           ? rc
	           : fetch(route, "phone-calls", id, until_us, &h->calls, err);
}

static int
load(const struct rest_route *route, int64_t id, struct history *h,
     psm_error *err)
{
	psm_tx *tx = NULL;
	char *json = NULL;
	int here = 0, rc = psm_tx_begin(route->store, &tx, err);

	if (rc == PSM_OK)
		rc = psm_entity_get(tx, route->resource->entity, id, &json,
		                    NULL, err);
	if (rc == PSM_OK)
		rc = are_here(tx, &here, err);
	psm_tx_rollback(tx); /* no connection is held while others are asked */
	if (rc == PSM_OK)
		rc = psm_json_parse(json, strlen(json), &h->record, err);
	psm_free(json);
	if (rc == PSM_OK)
		rc = load_contacts(route, id, here, h, err);
	return rc == PSM_OK ? collect(route, h, err) : rc;
}

/* -- writing */

static void
member(psm_json_writer *w, const char *key, const psm_json *v,
       const char *pointer)
{
	const psm_json *value = psm_json_at(v, pointer);

	psm_json_write_key(w, key);
	if (value)
		psm_json_write_value(w, value);
	else
		psm_json_write_null(w);
}

static void
write_contact(psm_json_writer *w, const struct contact *c)
{
	psm_json_write_object(w);
	psm_json_write_key(w, "type");
	psm_json_write_string(w, c->is_call ? "phone_call" : "email");
	member(w, "id", c->value, "/id");
	psm_json_write_key(w, "date");
	psm_json_write_string(w, c->date);
	if (!c->is_call)
		member(w, "subject", c->value, "/betreff");
	member(w, "status", c->value, "/status");
	if (c->is_call)
		member(w, "outcome", c->value, "/ergebnis");
	else
		member(w, "response_received", c->value, "/antwort_erhalten");
	member(w, "data", c->value, "");
	psm_json_write_end(w);
}

/* Title and names, as far as there are. */
static void
write_name(psm_json_writer *w, const psm_json *record)
{
	static const char *const parts[] = {"/titel", "/vorname", "/nachname"};
	char name[512] = "";

	for (size_t i = 0; i < PSM__COUNT(parts); i++) {
		const char *text = text_of(record, parts[i]);

		if (*text)
			(void)snprintf(name + strlen(name),
			               sizeof name - strlen(name), "%s%s",
			               *name ? " " : "", text);
	}
	psm__utf8_clean(name); /* it may have been cut inside a character */
	psm_json_write_string(w, name);
}

/* The latest date there is. */
static void
write_last(psm_json_writer *w, const psm_json *record)
{
	static const char *const dates[] = {"/letzter_kontakt",
	                                    "/letzter_kontakt_email",
	                                    "/letzter_kontakt_telefon"};
	const char *last = "";

	for (size_t i = 0; i < PSM__COUNT(dates); i++) {
		const char *date = text_of(record, dates[i]);

		if (strcmp(date, last) > 0)
			last = date;
	}
	psm_json_write_string(w, *last ? last : NULL);
}

static void
write_history(psm_json_writer *w, const struct rest_route *route,
              const struct history *h)
{
	char key[64];

	psm_json_write_object(w);
	member(w, route->resource->contact, h->record, "/id");
	(void)snprintf(key, sizeof key, "%s_name", route->resource->entity);
	psm_json_write_key(w, key);
	write_name(w, h->record);
	psm_json_write_key(w, "last_contact");
	write_last(w, h->record);
	member(w, "total_emails", h->mails, "/total");
	member(w, "total_calls", h->calls, "/total");
	psm_json_write_key(w, "communications");
	psm_json_write_array(w);
	for (size_t i = 0; i < h->count; i++)
		write_contact(w, &h->items[i]);
	psm_json_write_end(w);
	psm_json_write_end(w);
}

static int
answer(psm_response *res, const struct rest_route *route,
       const struct history *h, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t len;
	int rc;

	if (!w)
		return psm__nomem(err);
	write_history(w, route, h);
	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == PSM_OK)
		psm_response_json(res, 200, text, len);
	psm_json_writer_free(w);
	return rc;
}

int
psm__rest_contact(const psm_request *req, psm_response *res, void *user,
                  psm_error *err)
{
	const struct rest_route *route = user;
	struct history h = {NULL, NULL, NULL, NULL, 0};
	int64_t id;
	int rc = psm__rest_id(req, route, &id, err);

	if (rc == PSM_OK)
		rc = load(route, id, &h, err);
	if (rc == PSM_OK)
		rc = answer(res, route, &h, err);
	psm__free(h.items);
	psm_json_free(h.mails);
	psm_json_free(h.calls);
	psm_json_free(h.record);
	return rc;
}
