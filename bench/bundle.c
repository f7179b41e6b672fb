/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundling in memory: --searches invented ones and --therapists therapists,
 * spread over the areas of Germany's postal codes. Some inquiries are compared
 * with a plain scan of everything.
 */
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <psymatch/psymatch.h>

#define TODAY 20261130
#define TODAY_TEXT "\"today\":\"2026-11-30\""
#define PER_AREA 80 /* postal codes */
#define INQUIRY 6

struct options {
	int searches, therapists, compared, json;
};
static struct options o = {1000000, 40000, 50, 0};

struct search {
	int32_t created_s, birth, excluded[4];
	uint32_t plz;
	float max_km;
	unsigned char gender, wants, procedure, group, excluded_count, in;
};
struct therapist {
	uint32_t plz;
	int age_min, age_max;
	unsigned char gender, wants, procedure, group, pending, cooling, active;
};
static struct search *searches;
static struct therapist *therapists;
static double lat[100000], lon[100000];

static const char *const genders[] = {NULL, "männlich", "weiblich", "divers"};
static const char *const procedures[] = {
    NULL, "egal", "Verhaltenstherapie",
    "tiefenpsychologisch_fundierte_Psychotherapie"};

static psm_bundle *bundle;
static psm_error *err;

static void
check(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bundle: %s\n", psm_error_message(err));
	exit(1);
}

/* Of the processor: one thread works, and others do not count. */
static double
now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
show(const char *name, double value, const char *unit)
{
	if (o.json)
		printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
		       name, value, unit);
	else
		printf("%-58s %12.4g %s\n", name, value, unit);
	fflush(stdout);
}

/* -- invented data: always the same */

static uint64_t dice = 88172645463325252u;

static unsigned
roll(unsigned n)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (unsigned)((dice >> 20) % n);
}

/* Two digits of a code: those that Germany has, cities three times. */
static unsigned
roll_area(void)
{
	static const unsigned char cities[] = {10, 12, 13, 20, 22, 28, 30,
	                                       40, 44, 45, 50, 51, 60, 65,
	                                       68, 70, 80, 81, 90, 1,  4};
	unsigned area;

	if (roll(3) == 0)
		return cities[roll(sizeof(cities))];
	do
		area = 1 + roll(99);
	while (area == 5 || area == 11 || area == 43 || area == 62);
	return area;
}

static uint32_t
roll_plz(void)
{
	return roll_area() * 1000 + 7 + roll(PER_AREA) * 11;
}

/* An area is about 60 km wide. */
static void
invent_places(void)
{
	char plz[8];

	for (unsigned area = 1; area < 100; area++)
		for (unsigned i = 0; i < PER_AREA; i++) {
			uint32_t code = area * 1000 + 7 + i * 11;

			lat[code] = 47.5 + area / 10 * 0.7 + roll(600) / 1000.0;
			lon[code] = 6.5 + area % 10 * 0.8 + roll(900) / 1000.0;
			(void)snprintf(plz, sizeof(plz), "%05u", code);
			check(psm_bundle_place(bundle, plz, lat[code],
			                       lon[code], err));
		}
}

static void
invent_search(struct search *s, int i)
{
	static const float km[] = {10, 15, 20, 50};
	unsigned p = roll(100);

	memset(s, 0, sizeof(*s));
	s->in = 1;
	s->created_s = 1700000000 + i / 12 + (int)roll(1000);
	s->plz = roll_plz();
	s->birth = (int32_t)(1945 + roll(63)) * 10000 + 101 +
	           (int32_t)roll(12) * 100 + (int32_t)roll(28);
	if (roll(33) == 0)
		s->birth = 0;
	s->max_km = roll(10) < 7 ? 25 : km[roll(4)];
	s->gender = p < 65 ? 2 : p < 98 ? 1 : 3;
	p = roll(100);
	s->wants = p < 60 ? 0 : p < 90 ? 2 : 1;
	p = roll(100);
	s->procedure = p < 30 ? 0 : p < 55 ? 1 : p < 85 ? 2 : 3;
	s->group = roll(10) < 3;
	s->excluded_count = roll(10) < 6 ? 0 : (unsigned char)(1 + roll(4));
	for (int e = 0; e < s->excluded_count; e++)
		s->excluded[e] = 1 + (int32_t)roll((unsigned)o.therapists);
}

static void
invent_therapist(struct therapist *t)
{
	unsigned p = roll(100);

	memset(t, 0, sizeof(*t));
	t->plz = roll_plz();
	t->gender = roll(10) < 7 ? 2 : 1;
	t->wants = p < 95 ? 0 : p < 99 ? 2 : 1;
	p = roll(100);
	t->procedure = p < 20 ? 1 : p < 70 ? 2 : 3;
	t->group = roll(20) == 0;
	if (roll(5) == 0) {
		t->age_min = 18;
		t->age_max = 25 + (int)roll(45);
	}
	t->active = roll(100) < 93;
	t->cooling = roll(100) < 15;
	t->pending = roll(100) < 10;
}

static int
quoted(char *to, size_t size, const char *name, const char *text)
{
	if (text == NULL)
		return 0;
	return snprintf(to, size, ",\"%s\":\"%s\"", name, text);
}

static size_t
search_json(const struct search *s, int id, char *to, size_t size)
{
	time_t at = s->created_s;
	struct tm tm;
	int n;

	gmtime_r(&at, &tm);
	n = snprintf(to, size,
	             "{\"id\":%d,\"patient_id\":%d,\"created_at\":\"%04d-%02d-"
	             "%02dT%02d:%02d:%02dZ\",\"plz\":\"%05u\","
	             "\"raeumliche_verfuegbarkeit\":{\"max_km\":%g},"
	             "\"offen_fuer_gruppentherapie\":%s,\"geschlecht\":\"%s\"",
	             id, id, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	             tm.tm_hour, tm.tm_min, tm.tm_sec, s->plz,
	             (double)s->max_km, s->group ? "true" : "false",
	             genders[s->gender]);
	n += quoted(to + n, size - (size_t)n,
	            "bevorzugtes_therapeutengeschlecht", genders[s->wants]);
	n += quoted(to + n, size - (size_t)n, "bevorzugtes_therapieverfahren",
	            procedures[s->procedure]);
	if (s->birth)
		n += snprintf(to + n, size - (size_t)n,
		              ",\"geburtsdatum\":\"%04d-%02d-%02d\"",
		              s->birth / 10000, s->birth / 100 % 100,
		              s->birth % 100);
	n += snprintf(to + n, size - (size_t)n,
	              ",\"ausgeschlossene_therapeuten\":[");
	for (int e = 0; e < s->excluded_count; e++)
		n += snprintf(to + n, size - (size_t)n, "%s%d", e ? "," : "",
		              s->excluded[e]);
	n += snprintf(to + n, size - (size_t)n, "]}");
	return (size_t)n;
}

static size_t
therapist_json(const struct therapist *t, int id, char *to, size_t size)
{
	int n = snprintf(
	    to, size,
	    "{\"id\":%d,\"plz\":\"%05u\",\"geschlecht\":\"%s\","
	    "\"psychotherapieverfahren\":\"%s\",\"alter_min\":%d,"
	    "\"alter_max\":%d,\"bevorzugt_gruppentherapie\":%s,"
	    "\"status\":\"%s\",\"pending\":%s,\"vorname\":\"V%d\","
	    "\"nachname\":\"Muster%d\",\"email\":\"praxis%d@example.org\","
	    "\"potenziell_verfuegbar\":%s,\"naechster_kontakt_moeglich\":%s",
	    id, t->plz, genders[t->gender], procedures[t->procedure],
	    t->age_min, t->age_max, t->group ? "true" : "false",
	    t->active ? "aktiv" : "inaktiv", t->pending ? "true" : "false", id,
	    id * 7919 % 40009, id / 3 * 2, id % 3 ? "true" : "false",
	    t->cooling ? "\"2026-12-15\"" : "null");

	n += quoted(to + n, size - (size_t)n, "geschlechtspraeferenz",
	            genders[t->wants]);
	n += snprintf(to + n, size - (size_t)n, "}");
	return (size_t)n;
}

/* -- the plain scan */

static double
km_between(uint32_t a, uint32_t b)
{
	double r = 3.14159265358979323846 / 180;
	double up = sin((lat[b] - lat[a]) * r / 2);
	double along = sin((lon[b] - lon[a]) * r / 2);

	return 2 * 6371.0088 *
	       asin(sqrt(up * up +
	                 cos(lat[a] * r) * cos(lat[b] * r) * along * along));
}

static int
fits(const struct search *s, const struct therapist *t, int id)
{
	int age = (TODAY - s->birth) / 10000;

	if (!s->in || s->plz / 1000 != t->plz / 1000)
		return 0;
	for (int e = 0; e < s->excluded_count; e++)
		if (s->excluded[e] == id)
			return 0;
	if (s->wants && s->wants != t->gender)
		return 0;
	if (s->procedure > 1 && t->procedure != 1 &&
	    t->procedure != s->procedure)
		return 0;
	if (t->age_max && (!s->birth || age < t->age_min || age > t->age_max))
		return 0;
	if (t->wants && t->wants != s->gender)
		return 0;
	if (t->group && !s->group)
		return 0;
	return km_between(s->plz, t->plz) <= (double)s->max_km;
}

/* The first ones that fit, by time and id. */
static int
scan(const struct therapist *t, int id, int *found)
{
	int count = 0, i, j;

	for (i = 0; i < o.searches; i++) {
		const struct search *s = &searches[i];

		if (count == INQUIRY &&
		    searches[found[count - 1] - 1].created_s <= s->created_s)
			continue;
		if (!fits(s, t, id))
			continue;
		j = count < INQUIRY ? count++ : count - 1;
		for (; j > 0 &&
		       searches[found[j - 1] - 1].created_s > s->created_s;
		     j--)
			found[j] = found[j - 1];
		found[j] = i + 1;
	}
	return count;
}

/* -- what is measured */

static char *
inquire(int id)
{
	char json[128], *out = NULL;
	int n = snprintf(
	    json, sizeof(json),
	    "{\"therapist_id\":%d,\"override\":true," TODAY_TEXT "}", id);

	check(psm_bundle_inquiry(bundle, json, (size_t)n, &out, err));
	return out;
}

static void
compare(void)
{
	int found[INQUIRY], count, wrong = 0;
	double begin = now_s();

	for (int i = 0; i < o.compared; i++) {
		int id = 1 + (int)roll((unsigned)o.therapists);
		char *out = inquire(id), *at = out;

		count = scan(&therapists[id - 1], id, found);
		for (int j = 0; j < count; j++) {
			at = at ? strstr(at, "\"search_id\":") : NULL;
			if (at)
				at += strlen("\"search_id\":");
			wrong += !at || atoi(at) != found[j];
		}
		wrong += at && strstr(at, "\"search_id\":");
		psm_free(out);
	}
	show("plain scan, ms each", (now_s() - begin) * 1000 / o.compared,
	     "ms");
	show("inquiries that differ from a plain scan", wrong, "");
	if (wrong)
		exit(1);
}

static void
put_all(void)
{
	char json[1024];
	double begin = now_s(), texts;

	for (int i = 0; i < o.searches; i++)
		(void)search_json(&searches[i], i + 1, json, sizeof(json));
	texts = now_s() - begin;
	begin = now_s();
	for (int i = 0; i < o.searches; i++)
		check(psm_bundle_put_search(
		    bundle, json,
		    search_json(&searches[i], i + 1, json, sizeof(json)), err));
	show("searches added per second",
	     o.searches / (now_s() - begin - texts), "1/s");
	for (int i = 0; i < o.therapists; i++)
		check(psm_bundle_put_therapist(
		    bundle, json,
		    therapist_json(&therapists[i], i + 1, json, sizeof(json)),
		    err));
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
measure_inquiries(void)
{
	double *took = calloc((size_t)o.therapists, sizeof(*took));
	double begin = now_s(), last = begin, now;

	for (int i = 0; took && i < o.therapists; i++) {
		psm_free(inquire(i + 1));
		now = now_s();
		took[i] = now - last;
		last = now;
	}
	if (!took)
		exit(1);
	show("one inquiry each for all therapists", now_s() - begin, "s");
	qsort(took, (size_t)o.therapists, sizeof(*took), by_size);
	show("inquiry, median", took[o.therapists / 2] * 1000, "ms");
	show("inquiry, p99", took[o.therapists / 100 * 99] * 1000, "ms");
	show("inquiry, slowest", took[o.therapists - 1] * 1000, "ms");
	free(took);
}

/* Whom nobody fits: the whole area is looked through. */
static void
measure_hopeless(void)
{
	char json[512], *out = NULL;
	struct therapist t = {.plz = 10007,
	                      .gender = 2,
	                      .procedure = 1,
	                      .age_min = 119,
	                      .age_max = 120,
	                      .active = 1};
	double begin;
	int id = o.therapists + 1, n;

	check(psm_bundle_put_therapist(
	    bundle, json, therapist_json(&t, id, json, sizeof(json)), err));
	begin = now_s();
	for (int i = 0; i < 20; i++)
		psm_free(inquire(id));
	show("inquiry whom nobody fits, biggest area",
	     (now_s() - begin) * 1000 / 20, "ms");
	n = snprintf(json, sizeof(json), "{\"therapist_id\":%d," TODAY_TEXT "}",
	             id);
	begin = now_s();
	check(psm_bundle_why_not(bundle, json, (size_t)n, &out, err));
	show("why not, biggest area", (now_s() - begin) * 1000, "ms");
	psm_free(out);
	(void)psm_bundle_remove_therapist(bundle, id);
}

static void
measure_selection(void)
{
	double slowest = 0, begin, took;
	char json[64], *out;

	for (unsigned area = 1; area < 100; area++) {
		int n =
		    snprintf(json, sizeof(json),
		             "{\"plz_prefix\":\"%02u\"," TODAY_TEXT "}", area);

		begin = now_s();
		check(psm_bundle_select(bundle, json, (size_t)n, &out, err));
		took = now_s() - begin;
		slowest = took > slowest ? took : slowest;
		psm_free(out);
	}
	show("selection, slowest area", slowest * 1000, "ms");
}

/* Half of them move a limit, a quarter moves to another area, a quarter goes
 * and comes back. */
static void
measure_changes(void)
{
	int count = o.searches / 5, id;
	double begin = now_s(), texts;
	char json[1024];

	for (int i = 0; i < count; i++)
		(void)search_json(&searches[i], i + 1, json, sizeof(json));
	texts = now_s() - begin;
	begin = now_s();
	for (int i = 0; i < count; i++) {
		struct search *s;

		id = 1 + (int)roll((unsigned)o.searches);
		s = &searches[id - 1];
		if (i % 4 < 2)
			s->max_km = (float)(5 + roll(40));
		else if (i % 4 == 2)
			s->plz = roll_plz();
		else
			(void)psm_bundle_remove_search(bundle, id);
		check(psm_bundle_put_search(
		    bundle, json, search_json(s, id, json, sizeof(json)), err));
	}
	show("changes per second", count / (now_s() - begin - texts), "1/s");
}

/* Inquiries in one area while the others fill up. */
static void
measure_growth(void)
{
	double few = 0, many = 0, begin;
	char json[1024];

	for (int full = 0; full < 2; full++) {
		begin = now_s();
		for (int round = 0; round < 20; round++)
			for (int i = 0; i < o.therapists; i++)
				if (therapists[i].plz / 1000 == 52)
					psm_free(inquire(i + 1));
		*(full ? &many : &few) = now_s() - begin;
		for (int i = 0; !full && i < o.searches; i++)
			if (searches[i].plz / 1000 != 52)
				check(psm_bundle_put_search(
				    bundle, json,
				    search_json(&searches[i], i + 1, json,
				                sizeof(json)),
				    err));
	}
	show("inquiry with all areas against with its own alone", many / few,
	     "x");
}

static void
empty_other_areas(void)
{
	for (int i = 0; i < o.searches; i++)
		if (searches[i].plz / 1000 != 52)
			(void)psm_bundle_remove_search(bundle, i + 1);
}

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"searches", required_argument, NULL, 's'},
	    {"therapists", required_argument, NULL, 't'},
	    {"compared", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's')
			o.searches = atoi(optarg);
		else if (c == 't')
			o.therapists = atoi(optarg);
		else if (c == 'c')
			o.compared = atoi(optarg);
		else if (c == 'j')
			o.json = 1;
		else
			exit(2);
	}
	if (optind < argc || o.searches < 100 || o.therapists < 100) {
		fprintf(stderr,
		        "usage: %s [--searches N] [--therapists N] "
		        "[--compared N] [--json]\n",
		        argv[0]);
		exit(2);
	}
}

static void
in_memory(void)
{
	char *stats = NULL;

	searches = calloc((size_t)o.searches, sizeof(*searches));
	therapists = calloc((size_t)o.therapists, sizeof(*therapists));
	if (!searches || !therapists)
		exit(1);
	invent_places();
	for (int i = 0; i < o.searches; i++)
		invent_search(&searches[i], i);
	for (int i = 0; i < o.therapists; i++)
		invent_therapist(&therapists[i]);
	put_all();
	check(psm_bundle_stats(bundle, &stats, err));
	show("bytes per search",
	     atof(strstr(stats, "\"bytes_per_search\":") + 19), "bytes");
	psm_free(stats);
	compare();
	measure_selection();
	measure_inquiries();
	measure_hopeless();
	measure_changes();
	compare();
	empty_other_areas();
	measure_growth();
	free(searches);
	free(therapists);
}

int
main(int argc, char **argv)
{
	read_options(argc, argv);
	err = psm_error_new();
	check(psm_bundle_new(NULL, 0, &bundle, err));
	in_memory();
	psm_bundle_free(bundle);
	psm_error_free(err);
	return 0;
}
