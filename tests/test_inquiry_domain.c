/* SPDX-License-Identifier: BSD-2-Clause */
/* What outcomes, answers and their corrections mean. */
#include "domain/inquiry.h"
#include "entity/machine.h"
#include "testing.h"

static psm_error *err;
static psm_json *doc;
static struct psm__answer_match matches[3];
static struct psm__answer_doc answer;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	answer = (struct psm__answer_doc){.matches = matches, .count = 3};
	for (int i = 0; i < 3; i++)
		matches[i].patient_id = 7 + i;
}

static void
teardown(void)
{
	psm_json_free(doc);
	doc = NULL;
	psm_error_free(err);
}

static const struct {
	const char *word, *status;
	enum psm__counted counted;
	int places, excludes;
} outcomes[] = {
    {"angenommen", "angenommen", PSM__ACCEPTED, 1, 0},
    {"abgelehnt_Kapazitaet", "abgelehnt", PSM__REJECTED, 0, 0},
    {"abgelehnt_nicht_geeignet", "abgelehnt", PSM__REJECTED, 0, 1},
    {"abgelehnt_sonstiges", "abgelehnt", PSM__REJECTED, 0, 0},
    {"nicht_erschienen", "keine_antwort", PSM__UNANSWERED, 0, 1},
    {"in_Sitzungen", "angenommen", PSM__ACCEPTED, 0, 0},
};

START_TEST(an_outcome_means)
{
	const struct psm__outcome *o = psm__outcome_find(outcomes[_i].word);

	ck_assert_ptr_nonnull(o);
	ck_assert_str_eq(o->status, outcomes[_i].status);
	ck_assert_int_eq(o->counted, outcomes[_i].counted);
	ck_assert_int_eq(o->places, outcomes[_i].places);
	ck_assert_int_eq(o->excludes, outcomes[_i].excludes);
}
END_TEST

/* The words are those of the database, each once. */
START_TEST(outcomes_are_the_words_of_the_database)
{
	size_t count = 0;

	for (; psm__words_patientenergebnis[count] != NULL; count++)
		ck_assert_ptr_nonnull(
		    psm__outcome_find(psm__words_patientenergebnis[count]));
	ck_assert_uint_eq(count, PSM__COUNT(outcomes));
	ck_assert_ptr_nonnull(psm__outcome_at(count - 1));
	ck_assert_ptr_null(psm__outcome_at(count));
	ck_assert_ptr_null(psm__outcome_find("Angenommen"));
	ck_assert_ptr_null(psm__outcome_find(""));
	ck_assert_ptr_null(psm__outcome_find(NULL));
	for (size_t i = 0; i < count; i++) {
		const struct psm__outcome *o = psm__outcome_at(i);

		ck_assert_int_ge(
		    psm__word_index(psm__words_anfrage_patient_status,
		                    o->status),
		    0);
	}
}
END_TEST

/* The type comes from the new counts, not from those before. */
static const struct {
	int64_t counts[PSM__COUNTED_KINDS];
	const char *type;
} types[] = {
    {{3, 0, 0}, "vollstaendige_Annahme"},
    {{1, 0, 0}, "vollstaendige_Annahme"},
    {{2, 1, 0}, "teilweise_Annahme"},
    {{1, 0, 2}, "teilweise_Annahme"},
    {{1, 1, 1}, "teilweise_Annahme"},
    {{0, 3, 0}, "vollstaendige_Ablehnung"},
    {{0, 2, 1}, "keine_Antwort"},
    {{0, 0, 3}, "keine_Antwort"},
    {{0, 0, 0}, "keine_Antwort"},
};

START_TEST(fault_28_type_of_the_new_counts)
{
	ck_assert_str_eq(psm__answer_type(types[_i].counts), types[_i].type);
	ck_assert_int_ge(psm__word_index(psm__words_antworttyp, types[_i].type),
	                 0);
}
END_TEST

static const struct {
	const char *current, *today;
	int weeks;
	const char *day;
	int later;
} coolings[] = {
    {NULL, "2026-03-02", 4, "2026-03-30", 1},
    {"2026-03-01", "2026-03-02", 4, "2026-03-30", 1},
    {"2026-03-30", "2026-03-02", 4, "2026-03-30", 0},
    {"2026-06-01", "2026-03-02", 4, "2026-06-01", 0},
    {NULL, "2026-12-15", 4, "2027-01-12", 1},
    {NULL, "2028-02-01", 4, "2028-02-29", 1}, /* a leap year */
    {NULL, "2026-10-11", 2, "2026-10-25", 1}, /* the clocks change */
    {NULL, "2026-03-02", 0, "2026-03-02", 1},
    {NULL, "2026-01-31", 52, "2027-01-30", 1},
};

START_TEST(fault_55_cooling_never_shortens)
{
	char day[11];

	ck_assert_int_eq(psm__cooling_day(coolings[_i].current,
	                                  coolings[_i].today,
	                                  coolings[_i].weeks, day),
	                 coolings[_i].later);
	ck_assert_str_eq(day, coolings[_i].day);
}
END_TEST

START_TEST(the_day_itself_is_free)
{
	ck_assert_int_eq(psm__is_cooling(NULL, "2026-03-02"), 0);
	ck_assert_int_eq(psm__is_cooling("2026-03-01", "2026-03-02"), 0);
	ck_assert_int_eq(psm__is_cooling("2026-03-02", "2026-03-02"), 0);
	ck_assert_int_eq(psm__is_cooling("2026-03-03", "2026-03-02"), 1);
}
END_TEST

static int
read_answer(const char *json)
{
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	return psm__answer_read(doc, &answer, err);
}

START_TEST(reads_an_answer)
{
	int64_t counts[PSM__COUNTED_KINDS];

	ck_assert_msg(
	    read_answer(
		"{\"patient_responses\": {\"9\": \"in_Sitzungen\", \"7\": "
		"\"nicht_erschienen\", \"8\": {\"outcome\": \"angenommen\", "
		"\"notizen\": \"ab Mai\"}}, \"notizen\": \"am Telefon\", "
		"\"correction\": true, \"follow_up_required\": false}") == 0,
	    "%s", psm_error_message(err));
	ck_assert_str_eq(matches[0].outcome->word, "nicht_erschienen");
	ck_assert_str_eq(matches[1].outcome->word, "angenommen");
	ck_assert_str_eq(matches[1].notes, "ab Mai");
	ck_assert_ptr_null(matches[0].notes);
	ck_assert_str_eq(matches[2].outcome->word, "in_Sitzungen");
	ck_assert_str_eq(answer.notes, "am Telefon");
	ck_assert_int_eq(answer.correction, 1);
	psm__answer_count(&answer, counts);
	ck_assert_int_eq(counts[PSM__ACCEPTED], 2);
	ck_assert_int_eq(counts[PSM__REJECTED], 0);
	ck_assert_int_eq(counts[PSM__UNANSWERED], 1);
}
END_TEST

static const struct {
	const char *json, *text;
	size_t faults;
	const char *pointer; /* of the first fault */
} wrong[] = {
    {"[]", "answer: want an object", 0, NULL},
    {"{}", "patient_responses: want an object", 1, "/patient_responses"},
    {"{\"patient_responses\": []}", "patient_responses: want an object", 1,
     "/patient_responses"},
    {"{\"patient_responses\": {\"7\": \"angenommen\"}}",
     "missing_patient_ids: [8, 9]", 2, "/patient_responses/8"},
    {"{\"patient_responses\": {}}", "missing_patient_ids: [7, 8, 9]", 3,
     "/patient_responses/7"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
     "\"angenommen\", \"9\": \"angenommen\", \"10\": \"angenommen\"}}",
     "extra_patient_ids: [10]", 1, "/patient_responses/10"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
     "\"angenommen\", \"9\": \"angenommen\", \"Berta\": \"angenommen\"}}",
     "extra_patient_ids: [\"?\"]", 1, "/patient_responses/"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
     "\"angenommen\", \"9\": \"angenommen\", \"07\": \"angenommen\"}}",
     "extra_patient_ids: [\"?\"]", 1, "/patient_responses/"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": \"ja\", "
     "\"9\": \"angenommen\"}}",
     "valid_outcomes: angenommen, abgelehnt_Kapazitaet, "
     "abgelehnt_nicht_geeignet, abgelehnt_sonstiges, nicht_erschienen, "
     "in_Sitzungen",
     1, "/patient_responses/8"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": null, "
     "\"9\": 3}}",
     "valid_outcomes", 2, "/patient_responses/8"},
    {"{\"patient_responses\": {\"8\": \"\", \"11\": \"angenommen\"}}",
     "missing_patient_ids: [7, 9], extra_patient_ids: [11], valid_outcomes", 4,
     "/patient_responses/8"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
     "\"angenommen\", \"9\": \"angenommen\"}, \"notizen\": 3, "
     "\"correction\": \"true\"}",
     "notizen: want text", 2, "/notizen"},
    {"{\"patient_responses\": {\"7\": \"angenommen\", \"8\": "
     "\"angenommen\", \"9\": \"angenommen\"}, \"correction\": 1}",
     "correction: want true or false", 1, "/correction"},
    {"{\"patient_responses\": {\"7\": {\"outcome\": \"angenommen\", "
     "\"notizen\": 5}, \"8\": \"angenommen\", \"9\": \"angenommen\"}}",
     "notizen: want text", 1, "/patient_responses/7/notizen"},
};

/* Every patient once, each with a valid outcome, and all faults at once. */
START_TEST(refuses_an_answer)
{
	ck_assert_int_eq(read_answer(wrong[_i].json), PSM_ERR_SCHEMA);
	ck_assert_msg(strstr(psm_error_message(err), wrong[_i].text) != NULL,
	              "got: %s", psm_error_message(err));
	ck_assert_uint_eq(psm_error_fault_count(err), wrong[_i].faults);
	if (wrong[_i].faults > 0)
		ck_assert_str_eq(psm_error_fault_pointer(err, 0),
		                 wrong[_i].pointer);
}
END_TEST

/* Two searches of a patient in an adopted inquiry. */
START_TEST(a_patient_who_is_there_twice)
{
	matches[2].patient_id = 7;
	ck_assert_int_eq(read_answer("{\"patient_responses\": {\"7\": "
	                             "\"abgelehnt_sonstiges\", \"8\": "
	                             "\"angenommen\"}}"),
	                 0);
	ck_assert_str_eq(matches[2].outcome->word, "abgelehnt_sonstiges");
	ck_assert_str_eq(matches[0].outcome->word, "abgelehnt_sonstiges");
}
END_TEST

#define AKTIV PSM_SEARCH_AKTIV
#define DONE PSM_SEARCH_ERFOLGREICH
#define PAUSED PSM_SEARCH_PAUSIERT
#define OFF PSM_SEARCH_ABGEBROCHEN

static const struct {
	const char *last, *next; /* last: for the reader */
	struct psm__search_before before;
	struct psm__search_effect effect;
} effects[] = {
    /* an answer */
    {NULL, "angenommen", {AKTIV, 0, 0, 0}, {0, 1, 0}},
    {NULL, "angenommen", {DONE, 0, 0, 0}, {0, 0, 1}},
    {NULL, "angenommen", {PAUSED, 0, 0, 0}, {0, 0, 0}},
    {NULL, "angenommen", {OFF, 0, 0, 0}, {0, 0, 0}},
    {NULL, "in_Sitzungen", {AKTIV, 0, 0, 0}, {0, 0, 0}},
    {NULL, "in_Sitzungen", {DONE, 0, 0, 0}, {0, 0, 0}},
    {NULL, "abgelehnt_Kapazitaet", {AKTIV, 0, 0, 0}, {0, 0, 0}},
    {NULL, "abgelehnt_sonstiges", {AKTIV, 0, 0, 0}, {0, 0, 0}},
    {NULL, "abgelehnt_nicht_geeignet", {AKTIV, 0, 0, 0}, {1, 0, 0}},
    {NULL, "abgelehnt_nicht_geeignet", {PAUSED, 0, 0, 0}, {1, 0, 0}},
    {NULL, "abgelehnt_nicht_geeignet", {AKTIV, 0, 0, 1}, {0, 0, 0}},
    {NULL, "nicht_erschienen", {AKTIV, 0, 0, 0}, {1, 0, 0}},
    /* a correction */
    {"angenommen", "angenommen", {DONE, 1, 0, 0}, {0, 0, 0}},
    {"angenommen", "abgelehnt_Kapazitaet", {DONE, 1, 0, 0}, {0, -1, 0}},
    {"angenommen", "abgelehnt_nicht_geeignet", {DONE, 1, 0, 0}, {1, -1, 0}},
    {"angenommen", "in_Sitzungen", {DONE, 1, 0, 0}, {0, -1, 0}},
    {"angenommen", "abgelehnt_Kapazitaet", {DONE, 0, 0, 0}, {0, 0, 0}},
    {"angenommen", "angenommen", {DONE, 0, 0, 0}, {0, 0, 1}},
    {"in_Sitzungen", "angenommen", {AKTIV, 0, 0, 0}, {0, 1, 0}},
    {"abgelehnt_nicht_geeignet", "angenommen", {AKTIV, 0, 1, 1}, {-1, 1, 0}},
    {"abgelehnt_nicht_geeignet", "angenommen", {AKTIV, 0, 0, 0}, {0, 1, 0}},
    {"abgelehnt_nicht_geeignet",
     "nicht_erschienen",
     {AKTIV, 0, 1, 1},
     {0, 0, 0}},
    {"nicht_erschienen", "abgelehnt_Kapazitaet", {AKTIV, 0, 1, 1}, {-1, 0, 0}},
    {"nicht_erschienen", "abgelehnt_Kapazitaet", {AKTIV, 0, 0, 0}, {0, 0, 0}},
    {"abgelehnt_Kapazitaet",
     "abgelehnt_sonstiges",
     {AKTIV, 0, 0, 0},
     {0, 0, 0}},
};

START_TEST(an_answer_does)
{
	struct psm__search_effect e = psm__answer_effect(
	    psm__outcome_find(effects[_i].next), &effects[_i].before);

	ck_assert_int_eq(e.exclude, effects[_i].effect.exclude);
	ck_assert_int_eq(e.place, effects[_i].effect.place);
	ck_assert_int_eq(e.elsewhere, effects[_i].effect.elsewhere);
}
END_TEST

/* What a person wrote on the list, and what another reason put there, stays. */
START_TEST(takes_its_own_exclusion_back)
{
	static const char list[] =
	    "[3, {\"id\": 5, \"reason\": \"nicht_erschienen\"}, {\"id\": 4, "
	    "\"reason\": \"nicht_erschienen\"}, {\"id\": 5, \"reason\": "
	    "null}, {\"id\": 5, \"reason\": \"Therapist blocked\"}, 5]";
	char *out = NULL;

	ck_assert_int_eq(psm_json_parse(list, strlen(list), &doc, err), 0);
	ck_assert_int_eq(psm__exclusion_remove(doc, 5, &out, err), 1);
	ck_assert_int_eq(
	    psm__text_same_json(
		out,
		"[3, {\"id\": 4, \"reason\": \"nicht_erschienen\"}, {\"id\": "
		"5, \"reason\": null}, {\"id\": 5, \"reason\": \"Therapist "
		"blocked\"}, 5]",
		err),
	    1);
	psm_free(out);
	ck_assert_int_eq(psm__exclusion_remove(doc, 6, &out, err), 0);
	psm_free(out);
}
END_TEST

static const struct psm__now now = {"2026-03-02", "10:00:00",
                                    "2026-03-02 09:00:00"};

/* Only a correction goes back from success, and it clears what success set. */
START_TEST(only_a_correction_goes_back)
{
	struct psm__row row = {0};
	const char *event;

	ck_assert_int_eq(psm__row_init(&row, &psm__entity_search, err), 0);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__SEARCH_STATUS, "erfolgreich", err), 0);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM,
	                 "2026-03-01 10:00:00", err),
	    0);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__SEARCH_ERFOLGREICHE_ANFRAGE_ID, "7", err),
	    0);
	ck_assert_int_eq(psm__row_move(&row, DONE, AKTIV, &now, &event, err),
	                 PSM_ERR_TRANSITION);
	ck_assert_int_eq(psm__row_correct(&row, PAUSED, &now, &event, err),
	                 PSM_ERR_TRANSITION);
	ck_assert_ptr_null(event);
	ck_assert_int_eq(psm__row_correct(&row, AKTIV, &now, &event, err), 0);
	ck_assert_str_eq(event, "search.status_changed");
	ck_assert_int_eq(psm__row_state(&row), AKTIV);
	ck_assert_ptr_null(
	    psm__row_get(&row, PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM));
	ck_assert_ptr_null(
	    psm__row_get(&row, PSM__SEARCH_ERFOLGREICHE_ANFRAGE_ID));
	psm__row_free(&row);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry_domain");
	TCase *t = tcase_create("rules");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, an_outcome_means, 0, PSM__COUNT(outcomes));
	tcase_add_test(t, outcomes_are_the_words_of_the_database);
	tcase_add_loop_test(t, fault_28_type_of_the_new_counts, 0,
	                    PSM__COUNT(types));
	tcase_add_loop_test(t, fault_55_cooling_never_shortens, 0,
	                    PSM__COUNT(coolings));
	tcase_add_test(t, the_day_itself_is_free);
	tcase_add_test(t, reads_an_answer);
	tcase_add_loop_test(t, refuses_an_answer, 0, PSM__COUNT(wrong));
	tcase_add_test(t, a_patient_who_is_there_twice);
	tcase_add_loop_test(t, an_answer_does, 0, PSM__COUNT(effects));
	tcase_add_test(t, takes_its_own_exclusion_back);
	tcase_add_test(t, only_a_correction_goes_back);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
