/* SPDX-License-Identifier: BSD-2-Clause */
/* A therapist's answer to an inquiry is recorded, or corrected: the matches,
 * the counts, the searches and the cooling, all in one transaction. */
#include <string.h>

#include "app/inquiry.h"
#include "app/inquiry_leave.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "json/json.h"

#define MATCH "matching_service.therapeut_anfrage_patient"
#define SEARCH "matching_service.platzsuche"
#define PATIENT "matching_service.patienten_kopie"

/* -- searches */

/* One of another inquiry that accepted the patient as well, the first answered
 * first. */
struct heir {
	int64_t match_id, inquiry_id;
};

static int
find_heir(const struct psm__inquiry *q, const char *search, struct heir *out,
          psm_error *err)
{
	struct psm__number n;
	const char *params[2] = {search, psm__number(&n, q->id)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    q->tx,
	    "SELECT m.id, a.id FROM " MATCH
	    " m JOIN matching_service.therapeutenanfrage a "
	    "ON a.id = m.therapeutenanfrage_id WHERE m.platzsuche_id = "
	    "$1::integer AND m.konflikt AND m.antwortergebnis = 'angenommen' "
	    "AND a.id <> $2::integer ORDER BY a.antwort_datum NULLS LAST, a.id "
	    "LIMIT 1",
	    2, params, &rows, err);

	memset(out, 0, sizeof(*out));
	if (rc == 0 && psm_rows_count(rows) > 0) {
		out->match_id = psm_rows_int(rows, 0, 0);
		out->inquiry_id = psm_rows_int(rows, 0, 1);
	}
	psm_rows_free(rows);
	return rc;
}

/* What a place that is none any more leaves behind. */
static int
look_around(const struct psm__inquiry *q, const struct psm__inquiry_match *m,
            struct psm__search_wish *wish, psm_error *err)
{
	struct psm__number search, patient;
	const char *params[1] = {psm__number(&patient, m->patient_id)};
	struct heir heir;
	int64_t active = 0, deleted = 0;
	int rc = find_heir(q, psm__number(&search, m->search_id), &heir, err);

	wish->heir = heir.inquiry_id;
	if (rc == 0 && heir.match_id > 0) {
		rc = psm__inquiry_run(q->tx, &psm__policy_match, heir.match_id,
		                      psm__match_decide_inherit, NULL, err);
		return rc < 0 ? rc : 0;
	}
	if (rc == 0)
		rc = psm__app_ask(q->tx,
		                  "SELECT count(*) FROM " SEARCH
		                  " WHERE patient_id = $1::integer "
		                  "AND status = 'aktiv'",
		                  1, params, &active, err);
	if (rc == 0)
		rc = psm__app_ask(q->tx,
		                  "SELECT count(*) FROM " PATIENT
		                  " WHERE id = $1::integer AND geloescht",
		                  1, params, &deleted, err);
	wish->searches_again = active > 0;
	wish->deleted = deleted > 0;
	return rc;
}

/* "Place found by inquiry A7", "Inquiry A7 did not lead to a place: ..." */
static void
write_note(const struct psm__inquiry *q, const struct psm__search_wish *w,
           struct psm__buf *b)
{
	const struct psm__search_effect *e = &w->effect;

	if (e->place > 0)
		psm__buf_printf(b, "Place found by inquiry A%lld",
		                (long long)q->id);
	else if (e->place < 0 && w->heir > 0)
		psm__buf_printf(
		    b,
		    "The answer to inquiry A%lld was corrected: the "
		    "place is that of inquiry A%lld",
		    (long long)q->id, (long long)w->heir);
	else if (e->place < 0)
		psm__buf_printf(b,
		                "The answer to inquiry A%lld was corrected: %s",
		                (long long)q->id,
		                w->deleted          ? "the patient was deleted"
		                : w->searches_again ? "the later search goes on"
		                                    : "the search goes on");
	else if (e->exclude != 0)
		psm__buf_printf(b, "Therapist %lld %s by inquiry A%lld",
		                (long long)w->therapist_id,
		                e->exclude > 0 ? "excluded"
		                               : "not excluded any more",
		                (long long)q->id);
}

static int
change_search(const struct psm__inquiry *q, const struct psm__inquiry_match *m,
              struct psm__search_effect effect, psm_error *err)
{
	struct psm__search_wish wish = {.inquiry_id = q->id,
	                                .therapist_id = q->therapist_id,
	                                .effect = effect,
	                                .reason = m->answer->outcome->word};
	struct psm__buf note = {0};
	int rc = effect.place < 0 ? look_around(q, m, &wish, err) : 0;

	if (rc == 0) {
		write_note(q, &wish, &note);
		rc = note.failed ? psm__nomem(err) : 0;
	}
	wish.note = (struct psm__note){"System", note.data, q->now_us};
	if (rc == 0)
		rc = psm__inquiry_run(q->tx, &psm__policy_search, m->search_id,
		                      psm__search_decide_answer, &wish, err);
	psm__buf_free(&note);
	return rc < 0 ? rc : 0;
}

/* -- matches */

static int
is_listed(const char *list, int64_t therapist_id, psm_error *err)
{
	psm_json *doc = NULL;
	int rc =
	    list == NULL ? 0 : psm_json_parse(list, strlen(list), &doc, err);

	if (rc == 0)
		rc = psm_exclusion_contains(doc, therapist_id);
	psm_json_free(doc);
	return rc;
}

static int
change_match(const struct psm__inquiry *q, struct psm__inquiry_match *m,
             struct psm__search_effect *effect, psm_error *err)
{
	struct psm__search_before before = {.status = m->search_status,
	                                    .by_this = m->placed_by == q->id,
	                                    .excluding = m->excluding};
	struct psm__match_wish wish = {.therapist_id = q->therapist_id,
	                               .outcome = m->answer->outcome,
	                               .notes = m->answer->notes};
	int rc = is_listed(m->exclusions, q->therapist_id, err);

	if (rc < 0)
		return rc;
	before.listed = rc;
	*effect = psm__answer_effect(m->answer->outcome, &before);
	m->conflict = wish.conflict = effect->elsewhere;
	wish.excluding =
	    effect->exclude > 0 || (m->excluding && effect->exclude == 0);
	rc = psm__inquiry_run(q->tx, &psm__policy_match, m->id,
	                      psm__match_decide_answer, &wish, err);
	return rc < 0 ? rc : 0;
}

/* Outcomes that exclude, as an array of the database. */
static int
put_excluding(struct psm__buf *words, psm_error *err)
{
	const struct psm__outcome *o;

	for (size_t i = 0; (o = psm__outcome_at(i)) != NULL; i++) {
		if (o->excludes)
			psm__buf_printf(words, "%s%s",
			                words->len == 0 ? "{" : ",", o->word);
	}
	psm__buf_putc(words, '}');
	return words->failed ? psm__nomem(err) : 0;
}

/* Another inquiry to the therapist excluded him as well: the entry in the list
 * is that one's from now on. 1: there is one, 0: the entry goes. */
static int
leave_exclusion(const struct psm__inquiry *q,
                const struct psm__inquiry_match *m, psm_error *err)
{
	struct psm__number search, inquiry, therapist;
	struct psm__buf words = {0};
	const char *params[4] = {psm__number(&search, m->search_id),
	                         psm__number(&inquiry, q->id),
	                         psm__number(&therapist, q->therapist_id)};
	int64_t other = 0;
	int rc = put_excluding(&words, err);

	params[3] = words.data;
	if (rc == 0)
		rc = psm__app_ask(
		    q->tx,
		    "SELECT m.id FROM " MATCH
		    " m JOIN matching_service.therapeutenanfrage a "
		    "ON a.id = m.therapeutenanfrage_id WHERE m.platzsuche_id = "
		    "$1::integer AND a.id <> $2::integer AND a.therapist_id = "
		    "$3::integer AND m.antwortergebnis::text = ANY "
		    "($4::text[]) ORDER BY a.id LIMIT 1",
		    4, params, &other, err);
	psm__buf_free(&words);
	if (rc == 0 && other > 0)
		rc = psm__inquiry_run(q->tx, &psm__policy_match, other,
		                      psm__match_decide_exclude, NULL, err);
	return rc < 0 ? rc : other > 0;
}

/* Searches first, in the order of their numbers as they were locked; here all
 * locks are held already. */
static int
change_one(const struct psm__inquiry *q, struct psm__inquiry_match *m,
           psm_error *err)
{
	struct psm__search_effect effect;
	int rc = change_match(q, m, &effect, err);

	if (rc == 0 && effect.exclude < 0) {
		rc = leave_exclusion(q, m, err);
		if (rc > 0)
			effect.exclude = 0;
		rc = rc < 0 ? rc : 0;
	}
	if (rc == 0 && (effect.place != 0 || effect.exclude != 0))
		rc = change_search(q, m, effect, err);
	if (rc == 0 && effect.place > 0) {
		struct psm__leave l = {.tx = q->tx,
		                       .search_id = m->search_id,
		                       .reason =
		                           "another therapist has a place",
		                       .now = &q->now};

		m->search_status = PSM_SEARCH_ERFOLGREICH;
		rc = psm__inquiry_leave_all(&l, err);
	} else if (rc == 0 && effect.exclude > 0 &&
	           q->state == PSM_INQUIRY_ANSWERED) {
		/* Since the answer that is corrected the therapist may be to be
		 * asked for the same patient again. */
		rc = psm__search_refit(q->tx, m->search_id, 0, &q->now, err);
	}
	return rc < 0 ? rc : 0;
}

/* -- the inquiry */

/* Before anything is said of the answer. */
static int
check_sent(const struct psm__inquiry *q, psm_error *err)
{
	if (q->state == PSM_INQUIRY_ANSWERED || q->state == PSM_INQUIRY_SENT)
		return 0;
	return psm__fail(err, PSM_ERR_TRANSITION,
	                 "inquiry: want one that was sent, found one that was "
	                 "%s",
	                 q->state == PSM_INQUIRY_CANCELLED ? "cancelled"
	                                                   : "not sent");
}

static int
check_state(const struct psm__inquiry *q, const struct psm__answer_doc *a,
            psm_error *err)
{
	if (q->state == PSM_INQUIRY_ANSWERED && !a->correction)
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "inquiry: want a correction, or one without "
		                 "an answer, found one that is answered");
	if (q->state == PSM_INQUIRY_SENT && a->correction)
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "correction: want an inquiry that is "
		                 "answered, found one without an answer");
	return 0;
}

static int
write_inquiry(const struct psm__inquiry *q, const struct psm__answer_doc *a,
              struct psm__inquiry_wish *wish, psm_error *err)
{
	struct psm__buf note = {0};
	int rc;

	wish->therapist_id = q->therapist_id;
	wish->size = q->count;
	wish->correction = a->correction;
	psm__answer_count(a, wish->counts);
	psm__buf_printf(&note, "%s: %s",
	                a->correction ? "Answer corrected" : "Answer recorded",
	                psm__answer_type(wish->counts));
	if (a->notes != NULL && a->notes[0] != '\0')
		psm__buf_printf(&note, "\n%s", a->notes);
	wish->note = (struct psm__note){"API", note.data, q->now_us};
	rc = note.failed
	         ? psm__nomem(err)
	         : psm__inquiry_run(q->tx, &psm__policy_inquiry, q->id,
	                            psm__inquiry_decide_answer, wish, err);
	psm__buf_free(&note);
	return rc < 0 ? rc : 0;
}

static void
put_patients(psm_json_writer *w, const struct psm__inquiry *q, const char *name,
             int conflicts)
{
	psm_json_write_key(w, name);
	psm_json_write_array(w);
	for (size_t i = 0; i < q->count; i++) {
		const struct psm__inquiry_match *m = &q->matches[i];

		if (conflicts ? !m->conflict
		              : m->answer->outcome->counted != PSM__ACCEPTED)
			continue;
		psm_json_write_object(w);
		psm_json_write_key(w, "patient_id");
		psm_json_write_int(w, m->patient_id);
		psm_json_write_key(w, "platzsuche_id");
		psm_json_write_int(w, m->search_id);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

static void
put_int(psm_json_writer *w, const char *name, int64_t n)
{
	psm_json_write_key(w, name);
	psm_json_write_int(w, n);
}

static int
tell(const struct psm__inquiry *q, const struct psm__inquiry_wish *wish,
     char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	put_int(w, "anfrage_id", q->id);
	psm_json_write_key(w, "response_type");
	psm_json_write_string(w, psm__answer_type(wish->counts));
	put_patients(w, q, "angenommene_patienten", 0);
	put_patients(w, q, "konflikte", 1);
	psm_json_write_key(w, "antwort_zusammenfassung");
	psm_json_write_object(w);
	put_int(w, "accepted", wish->counts[PSM__ACCEPTED]);
	put_int(w, "rejected", wish->counts[PSM__REJECTED]);
	put_int(w, "no_response", wish->counts[PSM__UNANSWERED]);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

/* Nobody has to confirm any more what was read of mails. */
static int
drop_proposals(const struct psm__inquiry *q, psm_error *err)
{
	struct psm__number n;
	const char *params[2] = {psm__number(&n, q->id), q->now.timestamp};

	return psm_tx_exec(q->tx,
	                   "UPDATE matching_service.antwortvorschlag SET "
	                   "status = 'verworfen', erledigt_am = "
	                   "$2::timestamp, grund = 'the answer was recorded "
	                   "otherwise' WHERE therapeutenanfrage_id = "
	                   "$1::integer AND status = 'offen'",
	                   2, params, NULL, err);
}

static int
record(struct psm__inquiry *q, const struct psm__answer_doc *a, char **out,
       psm_error *err)
{
	struct psm__inquiry_wish wish = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < q->count; i++)
		rc = change_one(q, &q->matches[i], err);
	if (rc == 0)
		rc = write_inquiry(q, a, &wish, err);
	if (rc == 0)
		rc = drop_proposals(q, err);
	/* A correction is no new contact. */
	if (rc == 0 && !a->correction) {
		rc = psm__cooling_start(q->tx, q->therapist_id, q->now.today,
		                        "response_received", err);
		rc = rc < 0 ? rc : 0;
	}
	return rc == 0 && out != NULL ? tell(q, &wish, out, err) : rc;
}

int
psm__inquiry_answer(psm_tx *tx, int64_t id, const psm_json *doc, char **out,
                    psm_error *err)
{
	struct psm__answer_doc answer = {0};
	struct psm__inquiry q;
	int rc = psm__inquiry_lock(tx, id, &q, err);

	if (rc == 0)
		rc = check_sent(&q, err);
	if (rc == 0) {
		answer.count = q.count;
		answer.matches =
		    psm__array(q.count + 1, sizeof(*answer.matches));
		rc = answer.matches != NULL ? 0 : psm__nomem(err);
	}
	for (size_t i = 0; rc == 0 && i < q.count; i++) {
		answer.matches[i].patient_id = q.matches[i].patient_id;
		q.matches[i].answer = &answer.matches[i];
	}
	if (rc == 0)
		rc = psm__answer_read(doc, &answer, err);
	if (rc == 0)
		rc = check_state(&q, &answer, err);
	if (rc == 0)
		rc = record(&q, &answer, out, err);
	psm__free(answer.matches);
	psm__inquiry_free(&q);
	return rc;
}

int
psm_inquiry_answer(psm_store *store, int64_t id, const char *json, size_t len,
                   char **out, psm_error *err)
{
	psm_json *doc = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0 && json == NULL)
		rc = psm__fail(err, PSM_ERR_INVAL, "json is NULL");
	if (rc == 0)
		rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = psm__inquiry_answer(tx, id, doc, out, err);
	psm_json_free(doc);
	return psm__own_end(tx, rc, out, err);
}

/* -- conflicts */

#define CONFLICTS                                                              \
	"SELECT coalesce(jsonb_agg(jsonb_build_object('platzsuche_id', s.id, " \
	"'patient_id', s.patient_id, 'status', s.status, "                     \
	"'erfolgreiche_anfrage_id', s.erfolgreiche_anfrage_id, 'annahmen', "   \
	"x.annahmen) ORDER BY s.id), '[]')::text FROM (SELECT "                \
	"m.platzsuche_id, jsonb_agg(jsonb_build_object('match_id', m.id, "     \
	"'anfrage_id', a.id, 'therapist_id', a.therapist_id, "                 \
	"'antwort_datum', replace(a.antwort_datum::text, ' ', 'T') || 'Z', "   \
	"'konflikt', m.konflikt) ORDER BY "                                    \
	"a.antwort_datum NULLS LAST, a.id) AS annahmen FROM " MATCH            \
	" m JOIN matching_service.therapeutenanfrage a ON a.id = "             \
	"m.therapeutenanfrage_id WHERE m.status = 'angenommen' AND "           \
	"m.platzsuche_id IN (SELECT platzsuche_id FROM " MATCH                 \
	" WHERE konflikt) GROUP BY m.platzsuche_id) x JOIN " SEARCH            \
	" s ON s.id = x.platzsuche_id"

int
psm_inquiry_conflicts(psm_store *store, char **out, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or out is NULL");
	rc = psm_store_exec(store, CONFLICTS, 0, NULL, &rows, err);
	if (rc == 0) {
		*out = psm__strdup(psm_rows_text(rows, 0, 0));
		rc = *out != NULL ? 0 : psm__nomem(err);
	}
	psm_rows_free(rows);
	return rc;
}
