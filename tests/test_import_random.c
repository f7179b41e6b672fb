/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Imports of what nobody has planned: records that are new, changed, repeated or
 * at fault, in any order; people deleted in between; and statements that fail at
 * any point, after which the import runs again. Whatever happens, in the end
 * each person is stored once, as the newest file has it; each change was told
 * once; and the counts are right.
 *
 * PSYMATCH_TEST_SEED=N sets the seed (1, and those that found a fault; "random"
 * takes another one each time, and prints it), PSYMATCH_TEST_STEPS=N the length
 * (15).
 */
#include <dirent.h>
#include <stdarg.h>

#include <psymatch/clock.h>
#include <psymatch/object_storage.h>
#include <psymatch/patient_import.h>

#include "app/app.h"
#include "testing_chance.h"
#include "testing_import.h"

/* -- a row whose write fails */

#define CRASHES(table)                                                         \
	"CREATE TRIGGER crash BEFORE INSERT OR UPDATE ON " table               \
	" FOR EACH ROW EXECUTE FUNCTION crash();"

static void
seed_and_triggers(unsigned long n)
{
	seed_with(n);
	pg_run("CREATE SEQUENCE crash_at MINVALUE -1000000; "
	       "CREATE TABLE crash_code (code text); "
	       "INSERT INTO crash_code VALUES (''); "
	       "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS "
	       "$f$ BEGIN IF nextval('crash_at') = 0 THEN RAISE EXCEPTION "
	       "'crash' USING ERRCODE = (SELECT code FROM crash_code); END IF; "
	       "RETURN NEW; END $f$; " CRASHES("psymatch.outbox")
	           CRASHES("psymatch.entity_version"));
}

/* The n-th row from now on; 0: none. */
static void
arm(unsigned n, const char *code)
{
	pg_run("UPDATE crash_code SET code = '%s'", code);
	pg_run("SELECT setval('crash_at', %d)", n > 0 ? -(int)n : 1);
}

/* -- therapists */

#define PEOPLE 14
#define CODES 2

/* Whom the files tell about; half of them each. */
static struct person {
	int phone;  /* as the newest file has it, 0: it does not name them */
	int stored; /* the number that is stored, 0: nobody is */
} people[PEOPLE];
static int phones, created, updated, day;

/* What the newest file of a postal code holds. */
static struct content {
	int records, skipped, failed;
	int list[100]; /* of people, with repeats */
	int count;
} contents[CODES];

static void
put_person(struct psm__buf *b, int who)
{
	static const char *const names[] = {"Anna", "Berta", "J\u00fcrgen"};

	psm__buf_printf(
	    b,
	    "{\"basic_info\": {\"salutation\": \"Frau\", \"first_name\": "
	    "\"%s\", \"last_name\": \"M%c\"}, \"location\": {\"street\": "
	    "\"Musterweg\", \"house_number\": \"%d\", \"postal_code\": "
	    "\"1011%d\", \"city\": \"Berlin\"}, \"contact\": {\"phone\": "
	    "\"030 %d\"%s}, \"therapy_methods\": [\"Erwachsene\"]}",
	    names[who % 3], 'a' + who, who, who % CODES, people[who].phone,
	    people[who].phone % 10 == 0 ? ", \"fax\": 7" : "");
}

/* A record that becomes nobody. */
static void
put_other(struct psm__buf *b, struct content *c)
{
	static const char nameless[] =
	    "{\"basic_info\": {\"first_name\": \"A\"}, \"therapy_methods\": "
	    "[\"Erwachsene\"]}";
	static const char *const faults[] = {
	    "7", nameless, "{\"basic_info\": 1, \"basic_info\": 2}"};
	unsigned which = below(4);

	if (which < 3)
		psm__buf_puts(b, faults[which]);
	else
		psm__buf_puts(b, "{\"basic_info\": {\"first_name\": \"A\", "
		                 "\"last_name\": \"B\"}, \"therapy_methods\": "
		                 "[\"Kinder\"]}");
	c->failed += which < 3;
	c->skipped += which == 3;
	c->records++;
}

static void
write_file(int code)
{
	struct content *c = &contents[code];
	struct psm__buf b = {0};
	char name[20], folder_name[20];

	memset(c, 0, sizeof(*c));
	psm__buf_puts(&b, "{\"therapists\": [");
	for (int n = (int)below(12); n >= 0; n--) {
		int who = (int)below(PEOPLE / CODES) * CODES + code, again = 0;

		psm__buf_puts(&b, c->records > 0 ? ",\n" : "");
		if (chance(10)) {
			put_other(&b, c);
			continue;
		}
		for (int i = 0; i < c->count; i++)
			again |= c->list[i] == who;
		/* In one file all records of somebody say the same. */
		if (!again && (people[who].phone == 0 || chance(40)))
			people[who].phone = ++phones;
		c->list[c->count++] = who;
		c->records++;
		put_person(&b, who);
	}
	psm__buf_puts(&b, "]}");
	(void)snprintf(folder_name, sizeof(folder_name), "202506%02d", day);
	(void)snprintf(name, sizeof(name), "1011%d.json", code);
	put(folder_name, name, b.data);
	psm__buf_free(&b);
}

/* What a run over these files has to do. */
struct work {
	int created, updated, records, skipped, failed;
};

static struct work
expect(void)
{
	struct work w = {0};
	int seen[PEOPLE] = {0};

	for (int code = 0; code < CODES; code++) {
		const struct content *c = &contents[code];

		w.records += c->records;
		w.skipped += c->skipped;
		w.failed += c->failed;
		for (int i = 0; i < c->count; i++) {
			int who = c->list[i];

			w.created += !seen[who] && people[who].stored == 0;
			w.updated += !seen[who] && people[who].stored != 0 &&
			             people[who].stored != people[who].phone;
			seen[who] = 1;
		}
	}
	return w;
}

static void
fresh_status(void)
{
	psm_import_status_free(status);
	OK(psm_import_status_new(86400, &status, err));
}

/* Everybody is there once, and as the newest file says; each change was told. */
static void
check_stored(const char *when)
{
	for (int code = 0; code < CODES; code++)
		for (int i = 0; i < contents[code].count; i++) {
			int who = contents[code].list[i];

			people[who].stored = people[who].phone;
		}
	for (int i = 0; i < PEOPLE; i++)
		ck_assert_msg(
		    pg_int("SELECT coalesce(max(substr(telefon, 5)::integer), "
		           "0) * 100 + count(*) FROM "
		           "therapist_service.therapeuten WHERE nachname = "
		           "'M%c'",
		           'a' + i) ==
			people[i].stored * 100 + (people[i].stored > 0),
		    "%s: person %d, want %d", when, i, people[i].stored);
	ck_assert_msg(outbox("therapist.created") == created &&
	                  outbox("therapist.updated") == updated,
	              "%s: want %d and %d events", when, created, updated);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"),
	                 created + updated);
	ck_assert_int_eq(pg_int("SELECT coalesce(sum(version), 0)::bigint FROM "
	                        "psymatch.entity_version"),
	                 created + updated);
}

static void
run_therapists(int crashes)
{
	static const char *const codes[] = {"40001", "53100", "23514"};
	struct work w = expect();
	int rc = 0, made = 0;

	fresh_status();
	if (crashes) {
		arm(1 + below(40), codes[below(3)]);
		rc = psm_therapist_import_run(st, folder, status, err);
		made = rc > 0 ? rc : 0;
		arm(0, "");
	}
	rc = psm_therapist_import_run(st, folder, status, err);
	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	created += w.created;
	updated += w.updated;
	/* Whichever run wrote them: each once. */
	ck_assert_int_eq(count("created"), w.created);
	ck_assert_int_eq(count("updated"), w.updated);
	if (crashes)
		return;
	ck_assert_int_eq(rc + made, w.created + w.updated);
	ck_assert_int_eq(count("records"), w.records);
	ck_assert_int_eq(count("skipped"), w.skipped);
	ck_assert_int_eq(count("failed"), w.failed);
	ck_assert_int_eq(count("unchanged"), w.records - w.skipped - w.failed -
	                                         w.created - w.updated);
}

static void
delete_somebody(void)
{
	int who = (int)below(PEOPLE);

	if (people[who].stored == 0)
		return;
	pg_run("DELETE FROM psymatch.entity_version WHERE id = (SELECT id FROM "
	       "therapist_service.therapeuten WHERE nachname = 'M%c')",
	       'a' + who);
	pg_run("DELETE FROM psymatch.outbox WHERE aggregateid = (SELECT "
	       "id::text FROM therapist_service.therapeuten WHERE nachname = "
	       "'M%c')",
	       'a' + who);
	pg_run("DELETE FROM therapist_service.therapeuten WHERE nachname = "
	       "'M%c'",
	       'a' + who);
	people[who].stored = 0;
	created = (int)outbox("therapist.created");
	updated = (int)outbox("therapist.updated");
}

/* Besides the one that is set: they found faults, within so many steps. */
static const unsigned long found[] = {204, 125, 234, 2803};
#define FOUND_STEPS 4

START_TEST(therapists_at_random)
{
	int length = _i > 0 ? FOUND_STEPS : wanted_steps(15);
	char when[40];

	seed_and_triggers(_i > 0 ? found[_i - 1] : testing_seed());
	pg_run(CRASHES("therapist_service.therapeuten") CRASHES(
	    "psymatch.therapist_import") CRASHES("psymatch.import_file"));
	memset(people, 0, sizeof(people));
	memset(contents, 0, sizeof(contents));
	phones = created = updated = 0;
	day = 1;
	for (int i = 0; i < length; i++) {
		day += day < 28 && chance(50);
		for (int code = 0; code < CODES; code++)
			if (contents[code].records == 0 || chance(60))
				write_file(code);
		if (chance(20))
			delete_somebody();
		(void)snprintf(when, sizeof(when), "step %d", i);
		run_therapists(chance(60));
		check_stored(when);
		run_therapists(0);
		check_stored(when);
	}
}
END_TEST

/* -- patients */

static int64_t
later_clock(void *user)
{
	(void)user; /* no file is still being written */
	return (int64_t)time(NULL) * 1000000 + INT64_C(120000000);
}

static int registrations, accepted, refused, files;

static void
put_registration(const char *first_name, int token, const char *more)
{
	char path[4300];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%d.json", folder, ++files);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	(void)fprintf(f,
	              "{\"patient_data\": {\"anrede\": \"Frau\", "
	              "\"geschlecht\": \"weiblich\", \"vorname\": \"%s\", "
	              "\"nachname\": \"N%d\"%s}, \"registration_token\": "
	              "\"TOKEN%03d\"}",
	              first_name, token, more, token);
	ck_assert_int_eq(fclose(f), 0);
}

static void
put_object(void)
{
	switch (below(6)) {
	case 0: /* again, under another name */
		if (registrations > 0)
			put_registration(
			    "Anna", 1 + (int)below((unsigned)registrations),
			    "");
		break;
	case 1: /* a token that is another one's */
		if (registrations > 0) {
			put_registration(
			    "Berta", 1 + (int)below((unsigned)registrations),
			    "");
			refused++;
		}
		break;
	case 2:
		put_registration("Anna", 900, ", \"symptome\": [7]");
		refused++;
		break;
	case 3:
		put_registration("Anna", 901, ", \"plz\": ");
		refused++;
		break;
	default:
		put_registration("Anna", ++registrations, "");
		accepted++;
	}
}

static int
left_over(void)
{
	struct dirent *e;
	DIR *dir = opendir(folder);
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL)
		n += strstr(e->d_name, ".json") != NULL;
	(void)closedir(dir);
	return n;
}

static int64_t
told(const char *name)
{
	psm_json *doc = NULL;
	char *text = NULL;
	int64_t n = -1;

	OK(psm_import_status_json(status, &text, err));
	OK(psm_json_parse(text, strlen(text), &doc, err));
	OK(psm_json_get_int(psm_json_at(doc, name), &n, err));
	psm_json_free(doc);
	psm_free(text);
	return n;
}

START_TEST(patients_at_random)
{
	static const char *const codes[] = {"40001", "53100"};
	psm_object_source *source = NULL;
	int rc;

	seed_and_triggers(testing_seed());
	pg_run(CRASHES("patient_service.patienten")
	           CRASHES("psymatch.patient_import")
	               CRASHES("psymatch.patient_import_fault"));
	psm_import_status_free(status);
	OK(psm_patient_import_status_new(3600, &status, err));
	OK(psm_object_source_folder(folder, &source, err));
	psm_set_clock(later_clock, NULL);
	registrations = accepted = refused = files = 0;
	for (int i = 0; i < wanted_steps(15); i++) {
		for (int n = (int)below(5); n >= 0; n--)
			put_object();
		if (chance(60)) {
			arm(1 + below(20), codes[below(2)]);
			rc = psm_patient_import_run(st, source, status, err);
			ck_assert_msg(rc >= 0 || psm_error_retriable(err), "%s",
			              psm_error_message(err));
			arm(0, "");
		}
		rc = psm_patient_import_run(st, source, status, err);
		ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
		ck_assert_int_eq(left_over(), 0);
		ck_assert_int_eq(
		    pg_int("SELECT count(*) FROM patient_service.patienten"),
		    accepted);
		ck_assert_int_eq(
		    pg_int("SELECT count(DISTINCT nachname) FROM "
		           "patient_service.patienten WHERE vorname = 'Anna' "
		           "AND zahlungsreferenz = 'TOKEN' || "
		           "lpad(substr(nachname, 2), 3, '0')"),
		    accepted);
		ck_assert_int_eq(outbox("patient.created"), accepted);
		ck_assert_int_eq(told("/total_processed"), accepted);
		ck_assert_int_eq(told("/total_failed"), refused);
		ck_assert_int_eq(
		    psm_patient_import_run(st, source, status, err), 0);
	}
	psm_set_clock(NULL, NULL);
	psm_object_source_free(source);
}
END_TEST

static void
random_setup(void)
{
	setup();
	pg_hasty();
	OK(psm_store_migrate(st, "patient", err));
}

static Suite *
suite(void)
{
	Suite *s = suite_create("import_random");
	TCase *t = tcase_create("import_random");

	tcase_add_checked_fixture(t, random_setup, teardown);
	tcase_set_timeout(t, 1800);
	tcase_add_loop_test(t, therapists_at_random, 0,
	                    getenv("PSYMATCH_TEST_SEED") == NULL
	                        ? 1 + (int)PSM__COUNT(found)
	                        : 1);
	tcase_add_test(t, patients_at_random);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
