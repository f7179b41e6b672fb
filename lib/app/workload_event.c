/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that tell what a therapist has to do, and what came of it. They come
 * twice and in any order: each writes what it alone tells, and where several
 * tell of the same the newest counts.
 */
#include <string.h>

#include "app/block.h"
#include "app/workload.h"
#include "json/json.h"

#define NEWER                                                                  \
	"(excluded.event_time, excluded.event_id) > (t.event_time, "           \
	"t.event_id)"

/* A member that is not there, or no number of a row, is null. */
static const char *
number_of(const psm_event *ev, const char *name, struct psm__number *n)
{
	const psm_json *v = psm__json_member(psm_event_payload(ev), name);
	int64_t id;

	return psm_json_get_int(v, &id, NULL) == 0 && id >= 0 && id <= INT32_MAX
	           ? psm__number(n, id)
	           : NULL;
}

static const char *
text_of(const psm_event *ev, const char *name)
{
	return psm_json_string(psm__json_member(psm_event_payload(ev), name));
}

/* The number that names the row, and which event it is. */
static int
read_key(const psm_event *ev, const char *name, struct psm__number *key,
         struct psm__origin *o, psm_error *err)
{
	int64_t id;
	int rc = psm__event_number(ev, name, &id, err);

	if (rc == 0) {
		(void)psm__number(key, id);
		rc = psm__origin_of(ev, o, err);
	}
	return rc;
}

/* -- matches */

/* Whatever a clock says, any change comes after match.created, which is from
 * before all times. */
#define CHANGED "excluded.event_time > '-infinity' AND " NEWER

static const char match_sql[] =
    "INSERT INTO therapist_service.zuordnungen AS t (match_id, patient_id, "
    "therapist_id, anfrage_id, status, event_time, event_id) VALUES "
    "($1::integer, $2::integer, $3::integer, $4::integer, $5, "
    "$6::timestamptz, $7::uuid) ON CONFLICT (match_id) DO UPDATE SET "
    "patient_id = coalesce(t.patient_id, excluded.patient_id), "
    "therapist_id = coalesce(t.therapist_id, excluded.therapist_id), "
    "anfrage_id = coalesce(t.anfrage_id, excluded.anfrage_id), "
    "status = CASE WHEN " CHANGED " THEN excluded.status ELSE t.status END, "
    "event_time = greatest(t.event_time, excluded.event_time), "
    "event_id = CASE WHEN " CHANGED
    " THEN excluded.event_id ELSE t.event_id END";

int
psm__workload_match(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int is_new = strcmp(psm_event_type(ev), "match.created") == 0;
	struct psm__number n[4];
	struct psm__origin o;
	const char *params[7];
	int rc = read_key(ev, "match_id", &n[0], &o, err);

	if (rc < 0)
		return rc;
	params[0] = n[0].text;
	params[1] = number_of(ev, "patient_id", &n[1]);
	params[2] = number_of(ev, "therapist_id", &n[2]);
	params[3] = number_of(ev, "anfrage_id", &n[3]);
	params[4] = text_of(ev, is_new ? "status" : "new_status");
	if (is_new && params[4] == NULL)
		params[4] = "anstehend";
	params[5] = is_new ? "-infinity" : o.time;
	params[6] = o.event_id;
	return psm_tx_exec(tx, match_sql, 7, params, NULL, err);
}

/* -- inquiries */

static int
created(psm_tx *tx, const psm_event *ev, struct psm__number *id,
        const struct psm__origin *o, psm_error *err)
{
	struct psm__number n[2];
	const char *params[3] = {id->text, number_of(ev, "therapist_id", &n[0]),
	                         number_of(ev, "anfrage_size", &n[1])};

	(void)o; /* nothing else tells the same */
	return psm_tx_exec(
	    tx,
	    "INSERT INTO therapist_service.anfragen AS t (anfrage_id, "
	    "therapist_id, groesse) VALUES ($1::integer, $2::integer, "
	    "$3::integer) ON CONFLICT (anfrage_id) DO UPDATE SET therapist_id "
	    "= excluded.therapist_id, groesse = excluded.groesse",
	    3, params, NULL, err);
}

/* It may be sent again after its mail or call failed: the last time counts. */
static int
sent(psm_tx *tx, const psm_event *ev, struct psm__number *id,
     const struct psm__origin *o, psm_error *err)
{
	struct psm__number n;
	const char *params[4] = {id->text, o->time,
	                         text_of(ev, "communication_type"),
	                         number_of(ev, "communication_id", &n)};

	return psm_tx_exec(
	    tx,
	    "INSERT INTO therapist_service.anfragen AS t (anfrage_id, "
	    "gesendet_am, gesendet_per, kommunikation_id) VALUES ($1::integer, "
	    "$2::timestamptz, $3, $4::integer) ON CONFLICT (anfrage_id) DO "
	    "UPDATE SET gesendet_am = excluded.gesendet_am, gesendet_per = "
	    "excluded.gesendet_per, kommunikation_id = "
	    "excluded.kommunikation_id WHERE t.gesendet_am IS NULL OR "
	    "excluded.gesendet_am > t.gesendet_am",
	    4, params, NULL, err);
}

/* A correction is no other answer: the first one's time stays. */
static int
answered(psm_tx *tx, const psm_event *ev, struct psm__number *id,
         const struct psm__origin *o, psm_error *err)
{
	struct psm__number n[2];
	const char *params[5] = {
	    id->text, o->time, number_of(ev, "accepted_count", &n[0]),
	    number_of(ev, "rejected_count", &n[1]), o->event_id};

	return psm_tx_exec(
	    tx,
	    "INSERT INTO therapist_service.anfragen AS t (anfrage_id, "
	    "beantwortet_am, angenommen, abgelehnt, event_time, event_id) "
	    "VALUES ($1::integer, $2::timestamptz, $3::integer, $4::integer, "
	    "$2::timestamptz, $5::uuid) ON CONFLICT (anfrage_id) DO UPDATE SET "
	    "beantwortet_am = least(t.beantwortet_am, excluded.beantwortet_am), "
	    "angenommen = CASE WHEN " NEWER " THEN excluded.angenommen ELSE "
	    "t.angenommen END, abgelehnt = CASE WHEN " NEWER
	    " THEN excluded.abgelehnt ELSE t.abgelehnt END, "
	    "event_time = greatest(t.event_time, excluded.event_time), "
	    "event_id = CASE WHEN " NEWER
	    " THEN excluded.event_id ELSE t.event_id END",
	    5, params, NULL, err);
}

int
psm__workload_inquiry(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	static const char noun[] = "therapeutenanfrage.";
	const char *what = psm_event_type(ev) + sizeof(noun) - 1;
	struct psm__number id;
	struct psm__origin o;
	int rc = read_key(ev, "anfrage_id", &id, &o, err);

	if (rc < 0)
		return rc;
	if (strcmp(what, "created") == 0)
		return created(tx, ev, &id, &o, err);
	return strcmp(what, "sent") == 0 ? sent(tx, ev, &id, &o, err)
	                                 : answered(tx, ev, &id, &o, err);
}

/* -- mails and calls */

static int
is_true(const psm_event *ev, const char *name)
{
	int yes = 0;

	return psm_json_get_bool(psm__json_member(psm_event_payload(ev), name),
	                         &yes, NULL) == 0 &&
	       yes;
}

/* 1: it did not reach the therapist; 0: it did; -1: the event does not tell, for
 * it is tried again by itself, or nobody knows, or it was deleted after all was
 * known. */
static int
has_failed(const psm_event *ev, int by_mail)
{
	const char *type = psm_event_type(ev), *status = text_of(ev, "status");
	int again = text_of(ev, "next_attempt_at") != NULL;

	if (strstr(type, ".deleted") == NULL)
		return again || is_true(ev, "suspect")
		           ? -1
		           : strstr(type, ".failed") != NULL;
	if (status == NULL)
		return -1;
	if (!by_mail)
		return strcmp(status, "geplant") == 0 ? 1 : -1;
	if (strcmp(status, "Gesendet") == 0)
		return -1;
	return strcmp(status, "Fehlgeschlagen") != 0 || again ? 1 : -1;
}

int
psm__workload_delivery(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int by_mail =
	    psm__json_member(psm_event_payload(ev), "email_id") != NULL;
	int failed = has_failed(ev, by_mail);
	struct psm__number id, therapist;
	const char *params[5], *whom;
	struct psm__origin o;
	int rc = read_key(ev, by_mail ? "email_id" : "call_id", &id, &o, err);

	if (rc < 0)
		return rc;
	whom = number_of(ev, "therapist_id", &therapist);
	if (whom == NULL || failed < 0)
		return 0;
	params[0] = by_mail ? "email" : "phone_call";
	params[1] = id.text;
	params[2] = failed ? "t" : "f";
	params[3] = o.time;
	params[4] = o.event_id;
	return psm_tx_exec(
	    tx,
	    "INSERT INTO therapist_service.zustellungen AS t (art, id, "
	    "gescheitert, event_time, event_id) VALUES ($1, $2::integer, "
	    "$3::boolean, $4::timestamptz, $5::uuid) ON CONFLICT (art, id) DO "
	    "UPDATE SET gescheitert = excluded.gescheitert, event_time = "
	    "excluded.event_time, event_id = excluded.event_id WHERE " NEWER,
	    5, params, NULL, err);
}
