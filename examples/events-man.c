/* SPDX-License-Identifier: BSD-2-Clause */
/* The catalogue as the manual page psymatch-events(7), in mdoc. */
#include <string.h>

#include "events.h"

static const char intro[] =
    ".\\\" SPDX-License-Identifier: BSD-2-Clause\n"
    ".\\\" Written by psymatch-events --man from the event catalogue.\n"
    ".Dd January 1, 2026\n"
    ".Dt PSYMATCH-EVENTS 7\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm psymatch-events\n"
    ".Nd the events of the psychotherapy matching platform\n"
    ".Sh DESCRIPTION\n"
    "An event is one JSON object:\n"
    ".Bl -tag -width event_type\n"
    ".It Cm event_id\n"
    "a UUID; new events get a UUIDv7.\n"
    ".It Cm event_type\n"
    "one of the types below.\n"
    ".It Cm version\n"
    "major and minor number of the form of the payload.\n"
    "A reader accepts every minor number of a major one that it knows.\n"
    ".It Cm timestamp\n"
    "when it happened, RFC 3339; UTC if it names no zone.\n"
    ".It Cm producer\n"
    "the service that says so.\n"
    ".It Cm payload\n"
    "an object with the fields of the type.\n"
    ".El\n"
    ".Pp\n"
    "The older platform writes\n"
    ".Cm eventId\n"
    "and\n"
    ".Cm eventType ;\n"
    "both writings are read.\n"
    "Members that a reader does not know are kept and ignored.\n"
    ".Pp\n"
    "The message key is the text of one field of the payload.\n"
    "Events with the same topic and key stay in order.\n"
    "An id counts from 1.\n"
    "Where a field may be missing it may also be null.\n"
    "A dagger (\\(dg) marks what tells something about a person and must not "
    "be shown in a log.\n";

static const char outro[] =
    ".Sh CLOUDEVENTS\n"
    "With\n"
    ".Ev PSYMATCH_WIRE\n"
    "set to cloudevents a producer, and so a relay, writes CloudEvents 1.0 in\n"
    "the structured form: one JSON object, and the header content-type with\n"
    "application/cloudevents+json.\n"
    "With cloudevents-binary it writes the binary form of Kafka: the payload is\n"
    "the value, content-type is application/json, and each attribute is a\n"
    "header whose name begins with\n"
    ".Cm ce_ .\n"
    "Both are read whatever the setting, on every transport, also by replays\n"
    "and tools; the structured form by\n"
    ".Xr psm_event_parse 3 ,\n"
    "too.\n"
    "Keys and partitions are the same in all forms.\n"
    ".Bl -column datacontenttype\n"
    ".It attribute Ta what it is\n"
    ".It specversion Ta 1.0\n"
    ".It id Ta event_id, a UUID\n"
    ".It type Ta event_type\n"
    ".It source Ta producer, with escapes such as %20 for what is no letter,\n"
    "digit, -, ., _ or ~; one with a colon is a URI and has no escapes of ours\n"
    ".It subject Ta the message key; not read\n"
    ".It time Ta timestamp; it has to be there\n"
    ".It schemaversion Ta version; 1.0 if it is missing\n"
    ".It causationid Ta id of the event that this one answers\n"
    ".It correlationid Ta id that all events of one story share\n"
    ".It traceparent Ta W3C Trace Context\n"
    ".It tracestate Ta what tracing systems add to it\n"
    ".It datacontenttype Ta application/json; any other type of JSON is read\n"
    ".It data Ta payload; data_base64 is read, too\n"
    ".El\n"
    ".Pp\n"
    "In both forms traceparent and tracestate are headers of these names, as\n"
    "tracing systems look for them; these count more than the attributes.\n"
    "Other attributes are ignored, and unknown members of an envelope are not\n"
    "written.\n"
    "A CloudEvent that is no event, because an attribute is missing or wrong or\n"
    "its data do not follow the type, becomes a dead letter like any other\n"
    "message that cannot be read; the reason begins with CloudEvent.\n"
    "A dead or parked row has one of the binary form as a text in the\n"
    "structured form, with a value that is no JSON as data_base64.\n"
    "That text, too, may have at most 1 MiB, or the message is refused.\n"
    "Of headers of one name the last one counts; ce_ID is another name than\n"
    "ce_id.\n"
    "A payload has at most 63 levels of nesting in each form.\n"
    "The outbox has envelopes; the relay makes CloudEvents of them.\n"
    "Batches of CloudEvents are not read.\n"
    ".Sh EXAMPLES\n"
    "The shortest event of all, in two lines:\n"
    ".Bd -literal -offset indent\n"
    "{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\",\n"
    " \"event_type\":\"communication.send_email\",\"version\":\"1.0\",\n"
    " \"timestamp\":\"2026-01-31T09:00:00.000000Z\",\n"
    " \"producer\":\"operator\",\"payload\":{\"email_id\":7}}\n"
    ".Ed\n"
    ".Pp\n"
    "The program\n"
    ".Nm\n"
    "prints this catalogue as a table, as JSON Schema and as AsyncAPI, and\n"
    "checks events in files:\n"
    ".Bd -literal -offset indent\n"
    "$ psymatch-events --check event.json\n"
    ".Ed\n"
    ".Sh SEE ALSO\n"
    ".Xr psm_catalogue 3 ,\n"
    ".Xr psm_event 3 ,\n"
    ".Xr psymatch 3\n";

/* Text as mdoc wants it: no macro, no escape, ASCII, each sentence on a line.
 */
static void
put(FILE *out, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	if (*p == '.' || *p == '\'')
		fputs("\\&", out);
	while (*p) {
		if (*p == '\\') {
			fputs("\\e", out);
			p++;
		} else if (p[0] == '.' && p[1] == ' ') {
			fputs(".\n", out);
			p += 2;
		} else if (p[0] >= 0xc2 && p[0] <= 0xdf && p[1]) {
			fprintf(out, "\\[u%04X]",
			        (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
			p += 2;
		} else {
			putc(*p++, out);
		}
	}
}

static void
put_words(FILE *out, const psm_catalogue_field_info *f)
{
	const char *word;
	size_t i;

	for (i = 0; (word = psm_catalogue_field_word_at(f, i)) != NULL; i++) {
		fputs(i ? ",\n" : ":\n", out);
		put(out, word);
	}
}

/* "array of integer, or null, may be missing" and the words */
static void
put_kind(FILE *out, const psm_catalogue_field_info *f)
{
	const char *item = psm_catalogue_field_item_type(f);

	fputs(psm_catalogue_field_type(f), out);
	if (item)
		fprintf(out, " of %s", item);
	if (!psm_catalogue_field_required(f))
		fputs(", may be missing", out);
	else if (psm_catalogue_field_nullable(f))
		fputs(" or null", out);
	if (psm_catalogue_field_personal(f))
		fputs(" \\(dg", out);
	put_words(out, f);
	fputs(".\n", out);
}

static void put_children(FILE *out, const psm_catalogue_field_info *f);

/* "As in patient.created." where the same list of fields was printed before. */
static int
put_seen(FILE *out, const psm_event_type_info *t,
         const psm_catalogue_field_info *f)
{
	const psm_event_type_info *before;
	const psm_catalogue_field_info *other;
	size_t i, n;

	for (i = 0; (before = psm_catalogue_at(i)) != t; i++)
		for (n = 0;
		     (other = psm_catalogue_type_field_at(before, n)) != NULL;
		     n++)
			if (psm_catalogue_field_child_at(other, 0) ==
			    psm_catalogue_field_child_at(f, 0)) {
				fprintf(out, "The same as in\n.Cm %s .\n",
				        psm_catalogue_type_name(before));
				return 1;
			}
	return 0;
}

static void
put_children(FILE *out, const psm_catalogue_field_info *f)
{
	const psm_catalogue_field_info *child;
	size_t i;

	fputs("It holds\n.Bl -tag -width Ds -compact\n", out);
	for (i = 0; (child = psm_catalogue_field_child_at(f, i)) != NULL; i++) {
		fprintf(out, ".It Va %s\n", psm_catalogue_field_name(child));
		put_kind(out, child);
		if (psm_catalogue_field_child_at(child, 0))
			put_children(out, child);
	}
	fputs(".El\n", out);
}

typedef const char *(*name_at_fn)(const psm_event_type_info *t, size_t i);

static void
put_names(FILE *out, const char *what, const psm_event_type_info *t,
          name_at_fn at)
{
	const char *name;
	size_t i;

	if (!at(t, 0))
		return;
	fputs(what, out);
	for (i = 0; (name = at(t, i)) != NULL; i++)
		fprintf(out, "%s\n.Cm %s", i ? " ," : "", name);
	fputs(" .\n", out);
}

static void
put_type(FILE *out, const psm_event_type_info *t)
{
	const psm_catalogue_field_info *f;
	size_t i;

	fprintf(out, ".It Cm %s\n", psm_catalogue_type_name(t));
	if (psm_catalogue_type_is_command(t))
		fputs("Command:\n", out);
	put(out, psm_catalogue_type_meaning(t));
	putc('\n', out);
	put_names(out, "Sent by", t, psm_catalogue_type_producer_at);
	put_names(out, "Read by", t, psm_catalogue_type_consumer_at);
	put_names(out, "Not yet read by", t, psm_catalogue_type_planned_at);
	put_names(out, "Also called", t, psm_catalogue_type_alias_at);
	if (psm_catalogue_type_note(t)) {
		fputs("Note:\n", out);
		put(out, psm_catalogue_type_note(t));
		fputs(".\n", out);
	}
	fprintf(out, "Key:\n.Va %s", psm_catalogue_type_key_field(t));
	if (psm_catalogue_type_key_other(t))
		fprintf(out, ",\nor where that is missing\n.Va %s",
		        psm_catalogue_type_key_other(t));
	fprintf(out, " .\nVersion %s.\n.Pp\n", psm_catalogue_type_version(t));
	fputs(".Bl -tag -width Ds -compact\n", out);
	for (i = 0; (f = psm_catalogue_type_field_at(t, i)) != NULL; i++) {
		fprintf(out, ".It Va %s\n", psm_catalogue_field_name(f));
		put_kind(out, f);
		if (psm_catalogue_field_child_at(f, 0) && !put_seen(out, t, f))
			put_children(out, f);
	}
	fputs(".El\n", out);
}

static void
put_topic(FILE *out, const char *topic)
{
	const psm_event_type_info *t;
	size_t i;

	fprintf(out, ".Ss %s\n", topic);
	fputs(".Bl -tag -width Ds\n", out);
	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++)
		if (strcmp(psm_catalogue_type_topic(t), topic) == 0)
			put_type(out, t);
	fputs(".El\n", out);
}

int
events_man(FILE *out)
{
	const char *topic;
	size_t i;

	fputs(intro, out);
	fputs(".Sh EVENTS\n", out);
	for (i = 0; (topic = psm_catalogue_topic_at(i)) != NULL; i++)
		put_topic(out, topic);
	fputs(outro, out);
	return ferror(out) ? PSM_ERR_IO : 0;
}
