/* SPDX-License-Identifier: BSD-2-Clause */
/* An answer as a whole: what is its own, its sentences, whom they are about. */
#include "domain/answer_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer mails say what they say before. */
#define TEXT_MAX 20000
#define SUBJECT_MAX 1000

struct reader {
	const int64_t *patients;
	size_t count;
	const char *today;
	struct psm__answer_reading *out;
	struct psm__clause own[PSM__ANSWER_PATIENTS_MAX]; /* of each patient */
	struct psm__clause general, others;
	struct psm__clause last;                  /* of this sentence */
	size_t pending[PSM__ANSWER_PATIENTS_MAX]; /* named before the verdict */
	size_t pending_count;
	int names;        /* 1: some patient is named anywhere */
	int named;        /* 1: some patient was named up to here */
	int contradicted; /* 1: yes and no, both about all */
	int places;       /* "two places"; 0: not said */
};

/* -- texts */

static int
in_word(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

static int
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* What of len bytes fits into max, without half a character. */
static size_t
cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* One line, folded, with "ae" for "ä": to the end of b. */
static void
put_line(struct psm__buf *b, const char *line, size_t len)
{
	char *part = psm__strndup(line, len);
	char *folded = part != NULL ? psm__text_fold(part) : NULL;

	if (folded == NULL)
		b->failed = 1;
	for (const char *c = folded; c != NULL && *c != '\0'; c++) {
		static const char *const umlauts[] = {"\xc3\xa4", "\xc3\xb6",
		                                      "\xc3\xbc"};
		static const char *const plain[] = {"ae", "oe", "ue"};
		size_t i = 0;

		while (i < 3 && !begins(c, umlauts[i]))
			i++;
		if (i < 3)
			psm__buf_puts(b, plain[i]);
		else
			psm__buf_putc(b, *c);
		c += i < 3;
	}
	psm__free(folded);
	psm__free(part);
}

/* Behind this line stands what somebody else wrote before. */
static int
ends_own_part(const char *line)
{
	static const char *const heads[] = {"-----",
	                                    "_____",
	                                    "von: ",
	                                    "from: ",
	                                    "gesendet: ",
	                                    "*von:",
	                                    "urspruengliche nachricht",
	                                    "weitergeleitete nachricht"};
	size_t len = strlen(line);

	for (size_t i = 0; i < PSM__COUNT(heads); i++) {
		if (begins(line, heads[i]))
			return 1;
	}
	if (strcmp(line, "--") == 0)
		return 1;
	return len > 8 && line[len - 1] == ':' &&
	       ((begins(line, "am ") && strstr(line, "schrieb") != NULL) ||
	        (begins(line, "on ") && strstr(line, "wrote") != NULL) ||
	        strcmp(line + len - 8, "schrieb:") == 0);
}

/* A new line that goes on with the sentence is a blank. */
static int
begins_item(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	/* "Patient 7", "Patientin 8", "Patient*in 9" */
	if (begins(line, "patient") && strcspn(line, "0123456789") < 12 &&
	    strlen(line) > strcspn(line, "0123456789"))
		return 1;
	return begins(line, "- ") || begins(line, "* ") ||
	       begins(line, "pat. ") || begins(line, "nr. ") ||
	       (digits > 0 && strchr(":)-", line[digits]) != NULL);
}

/* What the writer added, sentence by sentence where lines say so. */
static void
put_own(struct psm__buf *b, const char *text)
{
	struct psm__buf line = {0};
	size_t len;

	for (; *text != '\0' && b->len < TEXT_MAX; text += len) {
		len = strcspn(text, "\r\n");
		psm__buf_reset(&line);
		put_line(&line, text, cut(text, len, TEXT_MAX - b->len));
		len += text[len] == '\r';
		len += text[len] == '\n';
		if (line.failed || (line.len > 0 && ends_own_part(line.data)))
			break;
		if (line.len > 0 && line.data[0] == '>')
			continue;
		if (line.len == 0 || begins_item(line.data))
			psm__buf_putc(b, '\n');
		else
			psm__buf_putc(b, ' ');
		if (line.len > 0)
			psm__buf_puts(b, line.data);
	}
	b->failed |= line.failed;
	psm__buf_free(&line);
}

/* "... nr. 7", "z.b. morgen", "1.5.2026": no end of a sentence. */
static int
is_abbreviation(const char *from, const char *dot)
{
	static const char *const words[] = {"nr",  "dr",  "pat",  "ca",  "bzw",
	                                    "tel", "z.b", "evtl", "ggf", "u",
	                                    "d",   "h",   "sog"};
	const char *word = dot;

	if (dot > from && isdigit((unsigned char)dot[-1]))
		return 1;
	while (word > from && (in_word(word[-1]) || word[-1] == '.'))
		word--;
	for (size_t i = 0; i < PSM__COUNT(words); i++) {
		if (strlen(words[i]) == (size_t)(dot - word) &&
		    strncmp(word, words[i], (size_t)(dot - word)) == 0)
			return 1;
	}
	return 0;
}

static size_t
sentence_len(const char *text)
{
	size_t i = 0;

	for (; text[i] != '\0'; i++) {
		if (strchr("\n!?;", text[i]) != NULL)
			break;
		if (text[i] == '.' &&
		    (text[i + 1] == ' ' || text[i + 1] == '\n' ||
		     text[i + 1] == '\0') &&
		    !is_abbreviation(text, text + i))
			break;
	}
	return i;
}

/* -- whom a part of a sentence is about */

/* The word before at, within text. */
static const char *
word_before(const char *text, const char *at)
{
	while (at > text && !in_word(at[-1]))
		at--;
	while (at > text && in_word(at[-1]))
		at--;
	return at;
}

static const char *
word_behind(const char *at)
{
	while (in_word(*at))
		at++;
	while (*at != '\0' && !in_word(*at))
		at++;
	return at;
}

/* "2 plaetze", "10 uhr", "1. mai" are no patients. */
static int
counts_something(const char *number)
{
	static const char *const units[] = {
	    "uhr",    "platz",  "plaetze",  "patient", "freie", "min",
	    "stunde", "woche",  "monat",    "tag",     "jahr",  "prozent",
	    "euro",   "termin", "personen", "weitere"};
	size_t digits = strspn(number, "0123456789");
	const char *next = word_behind(number);
	char day[11];
	size_t len;

	if (number[digits] == '.' &&
	    psm__answer_day(number, "2026-01-01", day, &len))
		return 1;
	if (number[digits] == ':' && isdigit((unsigned char)number[digits + 1]))
		return 1;
	for (size_t i = 0; i < PSM__COUNT(units); i++) {
		if (begins(next, units[i]))
			return 1;
	}
	return 0;
}

/* The index of the patient whose number stands at text; -1: none does. */
static int
patient_at(const struct reader *r, const char *from, const char *text)
{
	size_t digits;
	int64_t id;

	if (text > from && in_word(text[-1]))
		return -1;
	digits = strspn(text, "0123456789");
	if (digits == 0 || digits > 10 || isalpha((unsigned char)text[digits]))
		return -1;
	if (!begins(word_before(from, text), "patient") &&
	    counts_something(text))
		return -1;
	id = (int64_t)strtoll(text, NULL, 10);
	for (size_t i = 0; i < r->count; i++) {
		if (r->patients[i] == id)
			return (int)i;
	}
	return -1;
}

static int
names_others(const char *text, size_t len)
{
	static const char *const words[] = {
	    "andere+", "uebrige+", "restliche+",   "rest",
	    "sonst",   "weitere+", "allen anderen"};

	for (size_t at = 0; at < len; at++) {
		if (!in_word(text[at]) || (at > 0 && in_word(text[at - 1])))
			continue;
		for (size_t i = 0; i < PSM__COUNT(words); i++) {
			size_t n = strcspn(words[i], "+");

			if (strncmp(text + at, words[i], n) == 0 &&
			    (words[i][n] == '+' || !in_word(text[at + n])))
				return 1;
		}
	}
	return 0;
}

static int
names_patient(const struct reader *r, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (patient_at(r, text, text + i) >= 0)
			return 1;
	}
	return 0;
}

/* -- verdicts */

static void
remember(struct reader *r, const struct psm__clause *c)
{
	struct psm__answer_reading *out = r->out;

	for (size_t i = 0; i < out->words_count; i++) {
		if (out->words[i] == c->words)
			return;
	}
	if (out->words_count < PSM__ANSWER_WORDS_MAX)
		out->words[out->words_count++] = c->words;
}

/* "zwei freie plaetze": not for everybody. */
static int
places_of(const char *text)
{
	static const char *const numbers[] = {"ein", "zwei", "drei", "vier",
	                                      "fuenf"};
	const char *at = strstr(text, "platz");

	if (at == NULL)
		at = strstr(text, "plaetze");
	if (at == NULL)
		at = strstr(text, "patient");
	for (int n = 0; at != NULL && n < 3; n++) {
		at = word_before(text, at);
		if (isdigit((unsigned char)*at))
			return (int)strtol(at, NULL, 10);
		for (int i = 0; i < 5; i++) {
			if (begins(at, numbers[i]))
				return i + 1;
		}
	}
	return 0;
}

static int
is_yes(enum psm__said said)
{
	return said == PSM__SAID_YES || said == PSM__SAID_TRIAL;
}

/* One is a yes, the other is none; a doubt disagrees with nothing. */
static int
disagree(const struct psm__clause *a, const struct psm__clause *b)
{
	return a->said != PSM__SAID_NOTHING && b->said != PSM__SAID_NOTHING &&
	       is_yes(a->said) != is_yes(b->said) && a->sure > 40 &&
	       b->sure > 40;
}

/* About all of them. What says more counts. */
static void
say_general(struct reader *r, const struct psm__clause *c, const char *text)
{
	if (is_yes(c->said) && r->places == 0)
		r->places = places_of(text);
	if (disagree(&r->general, c))
		r->contradicted = 1;
	if (c->sure > r->general.sure)
		r->general = *c;
}

static void
say_of(struct reader *r, size_t patient, const struct psm__clause *c)
{
	if (c->sure > r->own[patient].sure)
		r->own[patient] = *c;
}

/* "nicht vor Mai", "erst ab dem 1.4.", "bis Ende Juni" */
static void
find_day(struct reader *r, const char *text)
{
	static const char *const before[] = {"bis", "ab",  "vor", "im",
	                                     "am",  "zum", "dem", "den"};
	char day[11];
	size_t len;

	for (const char *at = text; *at != '\0'; at = word_behind(at)) {
		const char *next = word_behind(at);
		int fits = begins(at, "in ") &&
		           psm__answer_day(at, r->today, day, &len);

		for (size_t i = 0; i < PSM__COUNT(before) && !fits; i++) {
			size_t n = strlen(before[i]);

			fits = begins(at, before[i]) && !in_word(at[n]) &&
			       psm__answer_day(next, r->today, day, &len);
		}
		if (fits && strcmp(day, r->out->until) > 0)
			memcpy(r->out->until, day, sizeof(day));
	}
}

/* "I take 7 and 8, but ...": 8 has what was said of 7. */
static void
end_list(struct reader *r)
{
	for (size_t i = 0; i < r->pending_count; i++) {
		if (r->last.said != PSM__SAID_NOTHING)
			say_of(r, r->pending[i], &r->last);
	}
	r->pending_count = 0;
}

/* One part of a sentence. Those who were named without a verdict have that of
 * the next part. */
static void
read_part(struct reader *r, const char *text, int asks)
{
	struct psm__clause c = psm__answer_clause(text);

	if (asks && c.sure > 30)
		c.sure = 30;
	if (begins(text + strspn(text, " "), "aber "))
		end_list(r);
	for (size_t i = 0; text[i] != '\0'; i++) {
		int n = patient_at(r, text, text + i);

		if (n >= 0 && r->pending_count < PSM__ANSWER_PATIENTS_MAX) {
			r->pending[r->pending_count++] = (size_t)n;
			r->named = 1;
		}
	}
	if (c.said == PSM__SAID_NOTHING)
		return;
	remember(r, &c);
	if (c.said == PSM__SAID_FULL || c.said == PSM__SAID_ABSENT)
		find_day(r, text);
	if (c.said == PSM__SAID_ABSENT) {
		r->out->absent = c.sure;
	} else if (r->pending_count > 0) {
		for (size_t i = 0; i < r->pending_count; i++)
			say_of(r, r->pending[i], &c);
	} else if (r->names && names_others(text, strlen(text))) {
		if (c.sure > r->others.sure)
			r->others = c;
	} else {
		say_general(r, &c, text);
	}
	r->pending_count = 0;
	r->last = c;
}

/* Where the next part begins: at a comma, "und", "aber", if what follows names
 * somebody; the length of this one. */
static size_t
part_len(const struct reader *r, const char *text)
{
	for (size_t i = 1; text[i] != '\0'; i++) {
		size_t skip = text[i] == ','               ? 1
		              : begins(text + i, " und ")  ? 5
		              : begins(text + i, " aber ") ? 6
		                                           : 0;
		size_t next;

		if (skip == 0)
			continue;
		next = strcspn(text + i + skip, ",");
		if (names_patient(r, text + i + skip, next) ||
		    names_others(text + i + skip, next))
			return i;
	}
	return strlen(text);
}

static void
read_sentence(struct reader *r, char *text, int asks)
{
	int parts = names_patient(r, text, strlen(text)) ||
	            names_others(text, strlen(text));

	r->pending_count = 0;
	r->last = (struct psm__clause){PSM__SAID_NOTHING, 0, NULL};
	while (*text != '\0') {
		size_t len = parts ? part_len(r, text) : strlen(text);
		char end = text[len];

		text[len] = '\0';
		read_part(r, text, asks);
		text[len] = end;
		text += len + (end != '\0');
	}
	end_list(r);
}

static void
read_sentences(struct reader *r, char *text)
{
	while (*text != '\0') {
		size_t len = sentence_len(text);
		char end = text[len];

		text[len] = '\0';
		read_sentence(r, text, end == '?');
		text += len + (end != '\0');
	}
}

/* -- all together */

static const struct psm__clause *
verdict_on(const struct reader *r, size_t i)
{
	if (r->own[i].said != PSM__SAID_NOTHING)
		return &r->own[i];
	if (r->others.said != PSM__SAID_NOTHING)
		return &r->others;
	if (r->named)
		return NULL;
	/* One place for three: a person has to ask for whom. */
	if (is_yes(r->general.said) && r->places > 0 &&
	    (size_t)r->places < r->count)
		return NULL;
	return r->general.said != PSM__SAID_NOTHING ? &r->general : NULL;
}

static void
conclude(struct reader *r)
{
	struct psm__answer_reading *out = r->out;
	int sure = 100, missing = 0;

	if (out->absent && !r->named) {
		out->sure = out->absent;
		out->absent = 1;
		return;
	}
	out->absent = 0;
	for (size_t i = 0; i < r->count; i++) {
		const struct psm__clause *c = verdict_on(r, i);

		out->outcome[i] = c != NULL ? psm__said_outcome(c->said) : NULL;
		if (out->outcome[i] == NULL)
			missing++;
		else if (c->sure < sure)
			sure = c->sure;
	}
	if ((size_t)missing == r->count)
		sure = 0;
	else if (missing > 0 && sure > 50)
		sure = 50;
	if ((r->contradicted || disagree(&r->general, &r->others)) && sure > 35)
		sure = 35;
	out->sure = sure;
}

/* -- the reference */

/* "A17" as a word of its own; "DINA4" has none. */
static int64_t
reference_of(const char *text)
{
	for (const char *at = text; at != NULL && *at != '\0'; at++) {
		size_t digits;

		if (*at != 'A' && *at != 'a')
			continue;
		digits = strspn(at + 1, "0123456789");
		if (digits > 0 && digits <= 9 && at[1] != '0' &&
		    !in_word(at[digits + 1]) &&
		    (at == text || !in_word(at[-1])))
			return (int64_t)strtoll(at + 1, NULL, 10);
	}
	return 0;
}

int64_t
psm__answer_reference(const char *subject, const char *text)
{
	const char *at = subject != NULL ? strstr(subject, "Ref: A") : NULL;
	int64_t id = at != NULL ? reference_of(at + 5) : 0;

	if (id == 0)
		id = reference_of(subject);
	at = text != NULL ? strstr(text, "Ref: A") : NULL;
	if (id == 0 && at != NULL)
		id = reference_of(at + 5);
	return id != 0 ? id : reference_of(text);
}

int
psm__answer_text(const char *subject, const char *text, const int64_t *patients,
                 size_t count, const char *today,
                 struct psm__answer_reading *out, psm_error *err)
{
	struct reader *r = psm__alloc(sizeof(*r));
	struct psm__buf own = {0};
	int rc = 0;

	memset(out, 0, sizeof(*out));
	if (r == NULL)
		return psm__nomem(err);
	r->patients = patients;
	r->count =
	    count < PSM__ANSWER_PATIENTS_MAX ? count : PSM__ANSWER_PATIENTS_MAX;
	r->today = today;
	r->out = out;
	out->inquiry_id = psm__answer_reference(subject, text);
	if (subject != NULL)
		put_line(&own, subject,
		         cut(subject, strlen(subject), SUBJECT_MAX));
	psm__buf_putc(&own, '\n');
	put_own(&own, text != NULL ? text : "");
	if (own.failed) {
		rc = psm__nomem(err);
	} else {
		r->names = names_patient(r, own.data, own.len);
		read_sentences(r, own.data);
		conclude(r);
	}
	psm__buf_free(&own);
	psm__free(r);
	return rc;
}
