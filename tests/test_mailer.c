/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of mails, and answers that come in. */
#include "service/mailer_int.h"
#include "testing.h"
#include "testing_pg.h"

#include <sys/stat.h>

static psm_error *err;
static psm_mailer *mailer;
static char *subject, *html, *text;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static char folder[256];

/* pairs of a setting and its value, then NULL. */
static void
make_mailer(const char *const *more)
{
	const char *top = getenv("top_srcdir");
	psm_config *cfg = NULL;
	char path[512];

	(void)snprintf(path, sizeof path, "%s/share/psymatch/templates",
	               top ? top : ".");
	psm_mailer_free(mailer);
	OK(psm_service_config(NULL, &cfg, err));
	OK(psm_config_set(cfg, "PSYMATCH_TEMPLATE_DIR", path, err));
	OK(psm_config_set(cfg, "EMAIL_ANSWER_MAILDIR", folder, err));
	OK(psm_config_set(cfg, "EMAIL_ANSWER_MAX_BYTES", "4096", err));
	for (; more && *more; more += 2)
		OK(psm_config_set(cfg, more[0], more[1], err));
	OK(psm_mailer_new(cfg, &mailer, err));
	psm_config_free(cfg);
}

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	subject = html = text = NULL;
	testing_tmpdir(folder, sizeof folder);
	make_mailer(NULL);
}

static void
forget(void)
{
	psm_free(subject);
	psm_free(html);
	psm_free(text);
	subject = html = text = NULL;
}

static void
teardown(void)
{
	forget();
	psm_mailer_free(mailer);
	psm_error_free(err);
	testing_remove(folder);
}

static int
render(const char *name, const char *values)
{
	forget();
	return psm_mail_render(name, values, &subject, &html, &text, mailer,
	                       err);
}

static void
check_has(const char *all, const char *part)
{
	ck_assert_msg(strstr(all, part) != NULL, "want %s in\n%s", part, all);
}

static void
check_lacks(const char *all, const char *part)
{
	ck_assert_msg(strstr(all, part) == NULL, "want no %s in\n%s", part,
	              all);
}

/* -- Markdown */

static const struct {
	const char *markdown, *html, *text;
} markdowns[] = {
    {"**Hallo**\nWelt", "<p><strong>Hallo</strong><br />\nWelt</p>",
     "Hallo\nWelt"},
    {"~~alt~~", "<p><del>alt</del></p>", "~alt~"},
    {"|a|b|\n|-|-|\n|1|2|",
     "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n"
     "<tbody>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr>\n</tbody>\n</table>",
     "| a | b |\n| --- | --- |\n| 1 | 2 |"},
    {"- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "  - a\n  - b"},
    /* Punctuation stays, outside the link. */
    {"Siehe https://x.de/a.",
     "<p>Siehe <a href=\"https://x.de/a\">https://x.de/a</a>.</p>",
     "Siehe https://x.de/a."},
    {"(https://x.de)?!", "<p>(<a href=\"https://x.de\">https://x.de</a>)?!</p>",
     "(https://x.de)?!"},
    /* What was damaged: links, code, HTML. */
    {"<https://x.de>", "<p><a href=\"https://x.de\">https://x.de</a></p>",
     "https://x.de"},
    {"`https://x.de`", "<p><code>https://x.de</code></p>", "https://x.de"},
    {"[hier](https://x.de)", "<p><a href=\"https://x.de\">hier</a></p>",
     "hier (https://x.de)"},
    {"<a href=\"https://x\">y</a>",
     "<p>&lt;a href=&quot;https://x&quot;&gt;y&lt;/a&gt;</p>",
     "<a href=\"https://x\">y</a>"},
    {"<script>alert(1)</script>",
     "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
     "<script>alert(1)</script>"},
    {"[x](javascript:alert(1))", "<p><a href=\"\">x</a></p>",
     "x (javascript:alert(1))"},
    {"a <b>c</b> & d", "<p>a &lt;b&gt;c&lt;/b&gt; &amp; d</p>",
     "a <b>c</b> & d"},
};

START_TEST(renders_markdown)
{
	OK(psm__svc_markdown(markdowns[_i].markdown, &html, &text, err));
	ck_assert_str_eq(html, markdowns[_i].html);
	ck_assert_str_eq(text, markdowns[_i].text);
}
END_TEST

START_TEST(markdown_has_a_limit)
{
	char *big = calloc(1, 300001);

	ck_assert_ptr_nonnull(big);
	memset(big, '[', 200000);
	OK(psm__svc_markdown(big, &html, &text, err));
	forget();
	memset(big, '[', 300000);
	ck_assert_int_eq(psm__svc_markdown(big, &html, &text, err),
	                 PSM_ERR_TOO_LARGE);
	free(big);
}
END_TEST

/* -- content and footer */

static const char *const company[] = {"COMPANY_NAME",
                                      "M & S <GmbH>",
                                      "COMPANY_STREET",
                                      "Weg 1",
                                      "COMPANY_CITY",
                                      "Aachen",
                                      "COMPANY_CEO",
                                      "A. Muster",
                                      "LEGAL_FOOTER_PRIVACY_TEXT",
                                      "Vertraulich.",
                                      "EMAIL_SENDER",
                                      "i@c.de",
                                      NULL};

START_TEST(content_is_the_callers)
{
	OK(render(NULL, "{\"inhalt_html\":\"<p>x</p>\"}"));
	ck_assert_ptr_null(subject);
	ck_assert_str_eq(html, "<p>x</p>");
	ck_assert_str_eq(text, "");
	OK(render(NULL, "{\"inhalt_markdown\":\"*x*\",\"inhalt_text\":\"y\"}"));
	ck_assert_str_eq(html, "<p><em>x</em></p>");
	ck_assert_str_eq(text, "x");
	OK(render(NULL, "{\"inhalt_markdown\":\" \",\"inhalt_text\":\"y\"}"));
	ck_assert_str_eq(text, "y");
	ck_assert_int_eq(render(NULL, "{"), PSM_ERR_PARSE);
	ck_assert_int_eq(render(NULL, NULL), PSM_ERR_INVAL);
}
END_TEST

START_TEST(a_footer_has_what_is_set)
{
	static const char mail[] = "{\"inhalt_markdown\":\"Hallo\"}";

	make_mailer(company);
	OK(render(NULL, mail));
	ck_assert_str_eq(
	    html,
	    "<p>Hallo</p>\n<hr>\n<p style=\"font-size: 12px; color: #666;\">\n"
	    "<strong>M &amp; S &lt;GmbH&gt;</strong><br>\nWeg 1<br>\nAachen"
	    "<br>\n<br>\nE-Mail: i@c.de<br>\n<br>\nGeschäftsführer: A. "
	    "Muster<br>\n<br>\nVertraulich.\n</p>\n");
	ck_assert_str_eq(text,
	                 "Hallo\n    \n--\nM & S <GmbH>\nWeg 1\nAachen\n\n"
	                 "E-Mail: i@c.de\n\nGeschäftsführer: A. Muster\n\n"
	                 "Vertraulich.\n");
	OK(render(NULL, "{\"inhalt_text\":\"x\",\"add_legal_footer\":false}"));
	ck_assert_str_eq(text, "x");
	OK(render(NULL, "{\"inhalt_text\":\"x\"}"));
	check_has(text, "Vertraulich");
	ck_assert_str_eq(html, "");
	make_mailer(NULL);
	OK(render(NULL, mail));
	ck_assert_str_eq(text, "Hallo");
}
END_TEST

/* -- templates */

#define PATIENT(id, more)                                                      \
	"{\"id\":" id ",\"geschlecht\":\"keine_Angabe\","                      \
	"\"krankenkasse\":null,\"age\":34,\"symptome\":[\"Angst\",\"*Trauma*"  \
	" <b>\",\"Schlaf\"],\"erfahrung_mit_psychotherapie\":true,"            \
	"\"letzte_sitzung_vorherige_psychotherapie\":\"2025-07-03\","          \
	"\"offen_fuer_gruppentherapie\":false," more "}"
#define THERAPIST(titel, known)                                                \
	"{\"therapist\":{\"anrede\":\"Frau\",\"titel\":" titel                 \
	",\"nachname\":\"Muster\",\"ueber_curavani_informiert\":" known "},"   \
	"\"anfrage_id\":12,"

/* Who did not say has not said no. */
static const struct {
	const char *flag, *experience, *group;
} flags[] = {
    {"true", "Therapieerfahrung: ja, letzte Sitzung am 03. Juli 2025\n",
     "Offen für Gruppentherapie: ja\n"},
    {"false", "Therapieerfahrung: nein\n", "Offen für Gruppentherapie: nein\n"},
    {"null", "Therapieerfahrung: nicht angegeben\n",
     "Offen für Gruppentherapie: nicht angegeben\n"},
};

START_TEST(what_a_patient_did_not_say)
{
	char values_json[1000];

	(void)snprintf(
	    values_json, sizeof values_json,
	    THERAPIST(
		"null",
		"true") "\"patient_count\":1,\"patients\":[{\"id\":3,"
			"\"geschlecht\":null,\"krankenkasse\":null,\"age\":null,"
			"\"symptome\":null,\"erfahrung_mit_psychotherapie\":%s,"
			"\"letzte_sitzung_vorherige_psychotherapie\":"
			"\"2025-07-03\",\"offen_fuer_gruppentherapie\":%s,"
			"\"zeitliche_verfuegbarkeit\":null}]}",
	    flags[_i].flag, flags[_i].flag);
	OK(render("psychotherapie_anfrage", values_json));
	check_has(text, flags[_i].experience);
	check_has(text, flags[_i].group);
}
END_TEST

START_TEST(an_inquiry_about_several)
{
	OK(render(
	    "psychotherapie_anfrage",
	    THERAPIST("null", "false") "\"patient_count\":2,\"patients\":[" PATIENT(
		"3",
		"\"zeitliche_verfuegbarkeit\":{\"montag\":[\"09:00-"
		"12:00\",\"14:00-15:00\"],\"friday\":[{\"start\":"
		"\"8:00\",\"end\":\"10:30\"}]}") "," PATIENT("4",
	                                                     "\"zeitliche_verfuegbarkeit\":null") "]}"));
	ck_assert_str_eq(subject, "Suche Psychotherapieplätze - Ref: A12");
	check_has(text, "Sehr geehrte Frau Muster,\n");
	check_has(text, "mehrere Personen");
	check_has(text, "Person P3\n");
	check_has(text, "Person P4\n");
	check_has(text, "Alter: 34 Jahre\n");
	check_has(text, "Geschlecht: keine Angabe\n");
	check_has(text, "Krankenkasse: nicht angegeben\n");
	check_has(text, "Angst, *Trauma* <b> und Schlaf\n");
	check_has(html, "Angst, *Trauma* &lt;b&gt; und Schlaf");
	check_has(text, "letzte Sitzung am 03. Juli 2025\n");
	check_has(text, "Montag: 09:00 - 12:00 Uhr\nFreitag: 08:00 - 10:30 "
	                "Uhr\n");
	check_has(text, "Nicht angegeben\n");
	check_has(text, "PS: ");
	check_lacks(text, "None");
	check_lacks(text, "null");
	check_lacks(text, "{{");
}
END_TEST

START_TEST(an_inquiry_about_one)
{
	OK(render(
	    "psychotherapie_anfrage",
	    THERAPIST("\"Dr.\"",
	              "true") "\"patient_count\":1,"
			      "\"patients\":[" PATIENT(
				  "3",
				  "\"zeitliche_verfuegbarkeit\":null") "]}"));
	ck_assert_str_eq(subject, "Suche Psychotherapieplatz - Ref: A12");
	check_has(text, "Sehr geehrte Frau Dr. Muster,\n");
	check_has(text, "eine Person");
	check_lacks(text, "Personen");
	check_lacks(text, "PS: ");
}
END_TEST

START_TEST(a_confirmation)
{
	OK(render("patient_registration_confirmation",
	          "{\"patient\":{\"anrede\":\"Herr\",\"nachname\":\"Muster\","
	          "\"zahlungsreferenz\":\"AB-12\"}}"));
	ck_assert_ptr_nonnull(subject);
	check_has(text, "Sehr geehrter Herr Muster,\n");
	check_has(text, "AB-12");
	OK(render("patient_registration_confirmation",
	          "{\"patient\":{\"anrede\":\"Herr\",\"nachname\":\"Muster\","
	          "\"zahlungsreferenz\":null}}"));
	check_lacks(text, "Verwendungszweck");
}
END_TEST

static const struct {
	const char *source, *body;
} bodies[] = {
    {"{{ a }}", "x\\_y"},
    {"{{ none }}|{{ none | or \"-\" }}|{{ gone | or \"-\" }}", "|\\-|\\-"},
    {"{{ n }} {{ plural n \"Tag\" \"Tage\" }}", "1 Tag"},
    {"{{ plural m \"Tag\" \"Tage\" }}", "Tage"},
    {"{{ list }}", "a\\, b und c"},
    {"{{ yes }} {{ no }}", "ja nein"},
    {"{{ if yes }}1{{ else }}2{{ end }}{{ if no }}3{{ else }}4{{ end }}", "14"},
    {"{{ if not no }}1{{ end }}{{ if gone }}2{{ end }}", "1"},
    {"a\n{{ if yes }}\nb\n{{ end }}\nc\n", "a\nb\nc\n"},
    {"{{ for x in list }}\n- {{ x }}\n{{ end }}\n", "- a\n- b\n- \n- c\n"},
    {"{{ for x in rows }}{{ for y in x.in }}{{ y }}{{ x.n }}{{ end }}"
     "{{ end }}",
     "112122"},
    {"{{ for x in empty }}{{ x.gone }}{{ end }}.", "."},
    {"{{ if no }}{{ for x in list }}{{ gone }}{{ end }}{{ end }}.", "."},
    {"{{ day | date }} {{ a | date }}", "03\\. Juli 2025 x\\_y"},
    {"{{ multi }}", "1\n2"},
    {"{{ p | salutation }}", "Guten Tag Prof\\. X"},
    {"{{ q | salutation }}", "Sehr geehrte Damen und Herren"},
};
static const char values[] =
    "{\"a\":\"x_y\",\"none\":null,\"n\":1,\"m\":2,\"list\":[\"a\",\"b\",null,"
    "\"c\"],\"yes\":true,\"no\":false,\"rows\":[{\"in\":[1,2],\"n\":1},{"
    "\"in\":[2],\"n\":2}],\"empty\":[],\"day\":\"2025-07-03\",\"multi\":\"1 "
    "\\r\\n\\n 2\",\"p\":{\"anrede\":\"Herr\",\"titel\":\"Prof.\","
    "\"nachname\":\"X\",\"geschlecht\":\"divers\"},\"q\":{\"anrede\":\"Herr\","
    "\"titel\":null,\"nachname\":null}}";

static int
fill_in(const char *source)
{
	psm_json *doc = NULL;
	int rc;

	forget();
	OK(psm_json_parse(values, strlen(values), &doc, err));
	rc = psm__svc_template("x.md", source, doc, &subject, &text, err);
	psm_json_free(doc);
	return rc;
}

START_TEST(fills_in)
{
	ck_assert_msg(fill_in(bodies[_i].source) == 0, "%s",
	              psm_error_message(err));
	ck_assert_str_eq(text, bodies[_i].body);
}
END_TEST

static const struct {
	const char *source, *message;
	int code;
} broken[] = {
    {"a\nb {{ gone }}", "x.md:2: there is no value \"gone\"", PSM_ERR_SCHEMA},
    {"{{ a.b }}", "x.md:1: there is no value \"a.b\"", PSM_ERR_SCHEMA},
    {"{{ p }}", "x.md:1: this value cannot be written: \"p\"", PSM_ERR_SCHEMA},
    {"{{ plural a \"x\" \"y\" }}", "x.md:1: want a number in \"a\"",
     PSM_ERR_SCHEMA},
    {"{{ for x in a }}{{ end }}", "x.md:1: want a list in \"a\"",
     PSM_ERR_SCHEMA},
    {"\n\n{{ a ", "x.md:3: want \"}}\" behind \"{{\"", PSM_ERR_PARSE},
    {"{{ }}", "x.md:1: this tag is empty", PSM_ERR_PARSE},
    {"{{ a b }}", "x.md:1: want \"|\" or the end of the tag, found \"b\"",
     PSM_ERR_PARSE},
    {"{{ a | fly }}", "x.md:1: there is no filter \"fly\"", PSM_ERR_PARSE},
    {"{{ a | }}", "x.md:1: want a filter behind \"|\"", PSM_ERR_PARSE},
    {"{{ a | date | words }}", "x.md:1: want one filter, found two",
     PSM_ERR_PARSE},
    {"{{ a | or b }}", "x.md:1: want a text in quotes behind \"or\"",
     PSM_ERR_PARSE},
    {"x\n{{ if a }}\n", "x.md:2: this block has no \"end\"", PSM_ERR_PARSE},
    {"{{ if }}{{ end }}", "x.md:1: want a value behind \"if\"", PSM_ERR_PARSE},
    {"{{ for x of list }}{{ end }}", "x.md:1: want for NAME in VALUE",
     PSM_ERR_PARSE},
    {"{{ for x in list }}{{ else }}{{ end }}",
     "x.md:1: want \"end\", found \"else\"", PSM_ERR_PARSE},
    {"a\n{{ end }}", "x.md:2: there is no block that could end here",
     PSM_ERR_PARSE},
    {"**Betreff:** {{ gone }}\n", "x.md:1: there is no value \"gone\"",
     PSM_ERR_SCHEMA},
    {"**Betreff:** x\n{{ gone }}", "x.md:2: there is no value \"gone\"",
     PSM_ERR_SCHEMA},
};

START_TEST(says_where_a_template_is_wrong)
{
	ck_assert_int_eq(fill_in(broken[_i].source), broken[_i].code);
	ck_assert_str_eq(psm_error_message(err), broken[_i].message);
	ck_assert_ptr_null(text);
	ck_assert_ptr_null(subject);
}
END_TEST

START_TEST(a_subject_is_one_line)
{
	OK(fill_in("**Betreff:** {{ a }} {{ multi }}\nText"));
	ck_assert_str_eq(subject, "x_y 1 2");
	ck_assert_str_eq(text, "Text");
	ck_assert_int_eq(render("nothing_of_this_name", "{}"),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(render("../x", "{}"), PSM_ERR_INVAL);
	ck_assert_int_eq(render("", "{}"), PSM_ERR_INVAL);
}
END_TEST

/* -- answers */

#define ALTERNATIVE                                                            \
	"From: =?utf-8?B?UHJheGlzIE3DvGxsZXI=?= <praxis@example.org>\n"        \
	"Subject: AW: =?iso-8859-1?Q?Psychotherapiepl=E4tze?= - Ref: A12\n"    \
	"Message-ID: <abc@example.org>\n"                                      \
	"In-Reply-To: <psymatch-mail-1@curavani.com>\n"                        \
	"References: <x@y> <psymatch-mail-1@curavani.com>\n"                   \
	"Date: Mon, 01 Dec 2025 10:00:00 +0100\nMIME-Version: 1.0\n"           \
	"Content-Type: multipart/alternative; boundary=\"b\"\n\n--b\n"         \
	"Content-Type: text/html; charset=utf-8\n\n<p>nein</p>\n--b\n"         \
	"Content-Type: text/plain; charset=iso-8859-1\n"                       \
	"Content-Transfer-Encoding: quoted-printable\n\n"                      \
	"Sch=F6n, ich nehme P3.\n--b--\n"

START_TEST(reads_a_mail)
{
	OK(psm__svc_mime_answer(ALTERNATIVE, strlen(ALTERNATIVE), &text, err));
	ck_assert_str_eq(
	    text, "{\"id\":\"<abc@example.org>\",\"references\":["
		  "\"<psymatch-mail-1@curavani.com>\","
		  "\"<psymatch-mail-1@curavani.com>\",\"<x@y>\"],\"subject\":"
		  "\"AW: Psychotherapieplätze - Ref: A12\",\"from\":"
		  "\"praxis@example.org\",\"received_at\":"
		  "\"2025-12-01T09:00:00.000000Z\",\"automatic\":false,"
		  "\"text\":\"Schön, ich nehme P3.\"}");
}
END_TEST

START_TEST(reads_html_and_automatic_ones)
{
	static const char mail[] =
	    "From: a@b\nAuto-Submitted: auto-replied\n"
	    "Content-Type: text/html; charset=utf-8\n\n<head><title>x</title>"
	    "</head><style>p{}</style><p>Bin bis 3.&nbsp;Mai weg &amp; "
	    "zur&uuml;ck<br>Gru&szlig; <b>x</b></p>\n";

	OK(psm__svc_mime_answer(mail, strlen(mail), &text, err));
	check_has(text, "\"automatic\":true");
	check_has(text, "\"text\":\"Bin bis 3. Mai weg & zurück\\nGruß x\"");
	check_has(text, "\"id\":null");
}
END_TEST

static const char *const no_mails[] = {
    "", "garbage", "\1\2\3\377",
    ("From: MAILER-DAEMON@x\nContent-Type: multipart/report; "
     "report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b--\n")};

START_TEST(what_is_no_answer)
{
	ck_assert_int_eq(psm__svc_mime_answer(no_mails[_i],
	                                      strlen(no_mails[_i]), &text, err),
	                 PSM_ERR_PARSE);
	ck_assert_ptr_null(text);
}
END_TEST

/* -- the Maildir */

static psm_store *st;

static void
setup_maildir(void)
{
	static const char *const names[] = {"new", "cur", "tmp"};
	char path[400];

	setup();
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	pg_database();
	st = pg_store();
	OK(psm_store_migrate(st, "communication", err));
}

static void
teardown_maildir(void)
{
	psm_store_free(st);
	teardown();
}

static void
deliver(const char *name, const char *mail)
{
	char path[400];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/new/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(mail, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static int
is_in(const char *where, const char *name)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/%s/%s", folder, where, name);
	return access(path, F_OK) == 0;
}

static int64_t
answers(void)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	              "'email.response_received'");
}

START_TEST(answers_are_read_once)
{
	static const char sent[] =
	    "{\"therapist_id\":7,\"betreff\":\"x\",\"empfaenger_email\":"
	    "\"p@x\",\"empfaenger_name\":\"P\",\"inhalt_text\":\"x\","
	    "\"status\":\"Gesendet\"}";
	char *big = calloc(1, 5001), *stored;

	ck_assert_ptr_nonnull(big);
	memset(big, 'x', 5000);
	memcpy(big, "From: a@b\n\n", 11);
	OK(psm_mail_create(st, sent, strlen(sent), NULL, NULL, NULL, err));
	deliver("1.a", ALTERNATIVE);
	deliver("2.b", "From: a@b\nSubject: Werbung\n\nkaufen\n");
	deliver("3.c", "garbage");
	deliver("4.d", big);
	deliver(".hidden", "x");
	free(big);
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), 4);
	ck_assert(is_in("cur", "1.a:2,S"));
	ck_assert(is_in("unmatched", "2.b"));
	ck_assert(is_in("failed", "3.c"));
	ck_assert(is_in("failed", "4.d"));
	ck_assert_int_eq(answers(), 1);
	stored = pg_text("SELECT antwortinhalt FROM "
	                 "communication_service.emails");
	ck_assert_str_eq(stored, "Schön, ich nehme P3.");
	free(stored);
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), 0);
	/* Fetched a second time, or moved too late: it is known. */
	deliver("5.a", ALTERNATIVE);
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), 1);
	ck_assert_int_eq(answers(), 1);
}
END_TEST

START_TEST(a_file_that_cannot_be_read_stops_no_other)
{
	char path[400];

	(void)snprintf(path, sizeof path, "%s/new/1.link", folder);
	ck_assert_int_eq(symlink("/nowhere", path), 0);
	deliver("2.b", "From: a@b\nSubject: Werbung\n\nkaufen\n");
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), PSM_ERR_IO);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "opened"));
	ck_assert(is_in("unmatched", "2.b"));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), 0);
}
END_TEST

START_TEST(what_fails_now_stays)
{
	deliver("1.a", ALTERNATIVE);
	pg_down();
	ck_assert_int_lt(psm_maildir_run(mailer, st, err), 0);
	pg_up();
	ck_assert(is_in("new", "1.a"));
	PG_UNTIL(psm_maildir_run(mailer, st, err) == 1);
	ck_assert_int_eq(psm_maildir_run(NULL, st, err), PSM_ERR_INVAL);
	(void)snprintf(folder + strlen(folder), 8, "/new");
	make_mailer(NULL);
	folder[strlen(folder) - 4] = '\0';
	ck_assert_int_eq(psm_maildir_run(mailer, st, err), PSM_ERR_IO);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("mailer");
	TCase *t = tcase_create("texts"), *m = tcase_create("maildir");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, renders_markdown, 0, (int)PSM__COUNT(markdowns));
	tcase_add_test(t, markdown_has_a_limit);
	tcase_add_test(t, content_is_the_callers);
	tcase_add_test(t, a_footer_has_what_is_set);
	tcase_add_loop_test(t, what_a_patient_did_not_say, 0, 3);
	tcase_add_test(t, an_inquiry_about_several);
	tcase_add_test(t, an_inquiry_about_one);
	tcase_add_test(t, a_confirmation);
	tcase_add_loop_test(t, fills_in, 0, (int)PSM__COUNT(bodies));
	tcase_add_loop_test(t, says_where_a_template_is_wrong, 0,
	                    (int)PSM__COUNT(broken));
	tcase_add_test(t, a_subject_is_one_line);
	tcase_add_test(t, reads_a_mail);
	tcase_add_test(t, reads_html_and_automatic_ones);
	tcase_add_loop_test(t, what_is_no_answer, 0, (int)PSM__COUNT(no_mails));
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(m, setup_maildir, teardown_maildir);
	tcase_add_test(m, answers_are_read_once);
	tcase_add_test(m, a_file_that_cannot_be_read_stops_no_other);
	tcase_add_test(m, what_fails_now_stays);
	suite_add_tcase(s, m);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
