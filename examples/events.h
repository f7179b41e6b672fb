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

/* Commands with their own arguments, argv[0] is the command. The exit status; 2:
 * not how it is used. */
int events_send(int argc, char **argv);
int events_trace(int argc, char **argv);

/* The handlers of a service; the one without a name ends the list. */
struct events_service {
	const char *name;
	const char *(*type_at)(size_t i);
};
extern const struct events_service events_services[];

#endif
