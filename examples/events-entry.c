/* SPDX-License-Identifier: BSD-2-Clause */
/* How the commands of psymatch-events show one event. */
#include <string.h>

#include "events.h"

static void
copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

void
events_copy_id(char id[40], const char *from)
{
	copy(id, 40, from);
	if (psm_uuid_valid(id, strlen(id)))
		for (; *id; id++)
			if (*id >= 'A' && *id <= 'F')
				*id = (char)(*id - 'A' + 'a');
}

void
events_entry_of(struct events_entry *e, const psm_event *ev, const char *topic)
{
	memset(e, 0, sizeof *e);
	events_copy_id(e->id, psm_event_id(ev));
	events_copy_id(e->cause, psm_event_causation_id(ev));
	events_copy_id(e->correlation, psm_event_correlation_id(ev));
	copy(e->type, sizeof e->type, psm_event_type(ev));
	copy(e->producer, sizeof e->producer, psm_event_producer(ev));
	copy(e->topic, sizeof e->topic, topic);
	copy(e->key, sizeof e->key, psm_event_key(ev));
	e->at_us = psm_event_timestamp_us(ev);
	e->partition = psm_event_partition(ev);
	e->offset = psm_event_offset(ev);
}

static const char *
or_none(const char *text)
{
	return text[0] ? text : "-";
}

int
events_entry_print(const struct events_entry *e, int steps,
                   const psm_event *payload, psm_error *err)
{
	char time[40] = "-", place[100] = "-";
	psm_json_writer *w = NULL;
	const char *text = "";
	int rc = 0;

	(void)psm_time_format(e->at_us, time, sizeof time);
	if (e->partition >= 0)
		(void)snprintf(place, sizeof place, "%s[%d]:%lld", e->topic,
		               (int)e->partition, (long long)e->offset);
	if (payload) {
		w = psm_json_writer_new();
		psm_json_write_value(w, psm_event_payload(payload));
		rc = psm_json_writer_finish(w, &text, NULL, err);
	}
	/* In one call, so that the lines of two threads do not mix. */
	if (rc == 0)
		printf("%-27s  %*s%s  key %s  from %s  %s  %s%s%s\n", time,
		       2 * steps, "", e->type, or_none(e->key),
		       or_none(e->producer), place, e->id, text[0] ? "  " : "",
		       text);
	psm_json_writer_free(w);
	return rc;
}

static void
write_number(psm_json_writer *w, const char *name, int known, int64_t n)
{
	psm_json_write_key(w, name);
	if (known)
		psm_json_write_int(w, n);
	else
		psm_json_write_null(w);
}

int
events_entry_json(const struct events_entry *e, const psm_event *payload,
                  void (*more)(psm_json_writer *w, void *user), void *user,
                  psm_error *err)
{
	char time[40] = "";
	const char *const members[][2] = {
	    {"timestamp", time},        {"type", e->type},
	    {"event_id", e->id},        {"producer", e->producer},
	    {"topic", e->topic},        {"key", e->key},
	    {"causation_id", e->cause}, {"correlation_id", e->correlation}};
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t i;
	int rc;

	(void)psm_time_format(e->at_us, time, sizeof time);
	psm_json_write_object(w);
	for (i = 0; i < sizeof members / sizeof *members; i++) {
		psm_json_write_key(w, members[i][0]);
		if (members[i][1][0])
			psm_json_write_string(w, members[i][1]);
		else
			psm_json_write_null(w);
	}
	write_number(w, "partition", e->partition >= 0, e->partition);
	write_number(w, "offset", e->partition >= 0, e->offset);
	if (more)
		more(w, user);
	if (payload) {
		psm_json_write_key(w, "payload");
		psm_json_write_value(w, psm_event_payload(payload));
	}
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, NULL, err);
	if (rc == 0)
		puts(text);
	psm_json_writer_free(w);
	return rc;
}

int
events_no_topic(int rc, const psm_error *err)
{
	const char *message = psm_error_message(err);

	return rc == PSM_ERR_BROKER && (strstr(message, "no such topic") ||
	                                strstr(message, "Unknown topic") ||
	                                strstr(message, "was dropped"));
}
