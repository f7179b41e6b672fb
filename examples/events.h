/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of psymatch-events. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdio.h>

#include <psymatch/psymatch.h>

/* Each writes one document and returns 0, or an error code. */
int events_json_schema(FILE *out);
int events_asyncapi(FILE *out);
int events_man(FILE *out);

/* An event as far as it is shown; texts are "" if there is none. */
struct events_entry {
	char id[40], cause[40], correlation[40];
	char type[64], producer[64], topic[64], key[64];
	int64_t at_us, offset;
	int32_t partition; /* -1: in no topic */
};
/* Of UUIDs, small and capital letters are the same: small, as a database has
 * them. from: NULL: none. */
void events_copy_id(char id[40], const char *from);
void events_entry_of(struct events_entry *e, const psm_event *ev,
                     const char *topic);
/* In one line. payload: that of this event, too; NULL: without. */
int events_entry_print(const struct events_entry *e, int steps,
                       const psm_event *payload, psm_error *err);
/* As one JSON object; more: fills in further members, may be NULL. */
int events_entry_json(const struct events_entry *e, const psm_event *payload,
                      void (*more)(psm_json_writer *w, void *user), void *user,
                      psm_error *err);

/* 1: rc says that there is no such topic, or that it was dropped. */
int events_no_topic(int rc, const psm_error *err);

/* Commands with their own arguments, argv[0] is the command. The exit status; 2:
 * not how it is used. */
int events_send(int argc, char **argv);
int events_trace(int argc, char **argv);
int events_watch(int argc, char **argv);

/* The handlers of a service; the one without a name ends the list. */
struct events_service {
	const char *name;
	const char *(*type_at)(size_t i);
};
extern const struct events_service events_services[];

/* Their consumer groups; NULL ends the list. */
extern const char *const events_groups[];

#endif
