/* SPDX-License-Identifier: BSD-2-Clause */
/* A service's REST, the therapist's unless told, in this process, on a database of its own, and
 * steps: requests in their order, each with what must be answered. */
#ifndef PSM_TESTING_REST_H
#define PSM_TESTING_REST_H

#include <psymatch/rest.h>

#include "testing_http.h"
#include "testing_pg.h"

static psm_store *store;
/* Whose REST it is; also the set of its tables. */
static const char *service = "therapist";

static inline void
start(const char *neighbour)
{
	psm_error *err;

	testing_server_new();
	err = testing_server.err;
	ck_assert_int_eq(psm_config_set(testing_server.cfg,
	                                "PSYMATCH_REST_COMMUNICATION_URL",
	                                neighbour, err),
	                 0);
	ck_assert_int_eq(psm_config_set(testing_server.cfg,
	                                "THERAPIST_IMPORT_ENABLED", "false",
	                                err),
	                 0);
	ck_assert_msg(psm_rest_add(testing_server.svc, store,
	                           testing_server.cfg, service, err) == 0,
	              "%s", psm_error_message(err));
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

static inline void
set_up(void)
{
	pg_database();
	store = pg_store();
	ck_assert_int_eq(psm_store_migrate(store, service, NULL), 0);
	start("");
}

static inline void
tear_down(void)
{
	testing_server_down();
	psm_store_free(store);
}

#define JSON "Content-Type: application/json"
#define MERGE "Content-Type: application/merge-patch+json"

struct step {
	const char *method, *path, *headers, *body;
	long status;
	/* Parts of the answer, headers included; NULL: no more. "!x": not x. */
	const char *want[4];
};

static inline void
take_steps(const struct step *s, size_t count)
{
	struct answer a;
	char all[sizeof a.headers + sizeof a.body];
	size_t i, k;

	for (i = 0; i < count; i++, s++) {
		testing_ask_with(s->method, s->path, s->headers, s->body, &a);
		ck_assert_msg(a.status == s->status, "step %zu, %s %s: %ld %s",
		              i, s->method, s->path, a.status, a.body);
		(void)snprintf(all, sizeof all, "%s%s", a.headers, a.body);
		for (k = 0; k < 4 && s->want[k]; k++) {
			int not = s->want[k][0] == '!';

			ck_assert_msg(
			    (strstr(all, s->want[k] + not ) != NULL) != not,
			    "step %zu, %s %s: want %s, got %s", i, s->method,
			    s->path, s->want[k], all);
		}
	}
}

#define STEPS(steps) take_steps(steps, sizeof(steps) / sizeof *(steps))

#define ANNA                                                                   \
	"{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\","                    \
	"\"vorname\":\"Anna\",\"nachname\":\"Beispiel\",\"plz\":\"52062\","    \
	"\"psychotherapieverfahren\":\"Verhaltenstherapie\"}"
#define BERT                                                                   \
	"{\"anrede\":\"Herr\",\"geschlecht\":\"m\xc3\xa4nnlich\","             \
	"\"vorname\":\"Bert\",\"nachname\":\"Zweig\",\"plz\":\"50667\","       \
	"\"potenziell_verfuegbar\":true,\"id\":77,\"unknown\":1}"

static inline int64_t
events(const char *type)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = '%s'",
	              type);
}

#endif
