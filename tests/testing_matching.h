/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for the matching service, and what its tables say afterwards. */
#ifndef PSM_TESTING_MATCHING_H
#define PSM_TESTING_MATCHING_H

#include "app/app.h"
#include "testing_app.h"

/* The therapists of the sample file of patients, as the copy knows them. */
enum { ADELHEID = 11, ALARICH = 12, EDELTRAUD = 13 };

/* 2026-03-02T10:00:00Z; each event is a second later than the one before. */
static int64_t next_us;

__attribute__((unused)) static psm_event *
make(const char *type, const char *payload)
{
	char id[37], time[32], text[3000];
	psm_event *ev;

	ck_assert_int_eq(psm_uuid_new(id, sizeof(id)), 0);
	ck_assert_int_ge(psm_time_format(next_us, time, sizeof(time)), 0);
	next_us += 1000000;
	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"%s\", \"event_type\": \"%s\", "
	               "\"version\": \"1.0\", \"timestamp\": \"%s\", "
	               "\"producer\": \"test\", \"payload\": %s}",
	               id, type, time, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	return ev;
}

__attribute__((unused)) static int
handle(const psm_event *ev)
{
	return pg_handle(st, psm_matching_handle, ev, err);
}

__attribute__((unused)) static psm_event *
therapist(const char *type, int id, const char *first, const char *last,
          const char *plz, const char *more)
{
	char payload[2000];

	(void)snprintf(payload, sizeof(payload),
	               "{\"therapist_id\": %d, \"therapist_data\": {\"id\": "
	               "%d, \"vorname\": \"%s\", \"nachname\": \"%s\", "
	               "\"plz\": \"%s\"%s}",
	               id, id, first, last, plz, more);
	return make(type, payload);
}

__attribute__((unused)) static void
receive(psm_event *ev)
{
	ck_assert_msg(handle(ev) == 0, "%s", psm_error_message(err));
	psm_event_free(ev);
}

__attribute__((unused)) static psm_event *
adelheid(const char *type, const char *more)
{
	return therapist(type, ADELHEID, "Adelheid", "Musterbaum", "10115",
	                 more);
}

__attribute__((unused)) static void
setup(void)
{
	app_setup();
	next_us = INT64_C(1772445600000000);
}

__attribute__((unused)) static int64_t
copies(const char *where)
{
	return pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie "
	              "WHERE %s",
	              where);
}

__attribute__((unused)) static int64_t
patients(const char *where)
{
	return pg_int("SELECT count(*) FROM matching_service.patienten_kopie "
	              "WHERE %s",
	              where);
}

#endif
