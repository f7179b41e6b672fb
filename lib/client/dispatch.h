/* SPDX-License-Identifier: BSD-2-Clause */
/* Which handler an event has, by type and version, and how it gets there:
 * shared by the consumer and the processor. Not locked: filled before start. */
#ifndef PSM_DISPATCH_H
#define PSM_DISPATCH_H

#include <psymatch/handler.h>

#include "base/base.h"

/* "9999.9999" and a NUL, with room. */
#define PSM__VERSION_SIZE 12

struct psm_handler_options {
	char min_version[PSM__VERSION_SIZE]; /* "": however old */
	char max_version[PSM__VERSION_SIZE]; /* "": however new */
	int on_failure;                      /* enum psm_on_failure */
	int max_attempts;                    /* 0: see handler.h */
	int deadline_ms;                     /* 0: none */
	int confirm; /* by psm_event_confirm(), not by returning 0 */
};

struct psm__handler {
	const char *type; /* canonical, or "*" */
	void (*fn)(void); /* cast back to the owner's callback type */
	void *user;
	struct psm_handler_options options;
};

struct psm__upcaster {
	const char *type; /* canonical */
	char from[PSM__VERSION_SIZE];
	char to[PSM__VERSION_SIZE]; /* newer than from: a chain ends */
	psm_upcast_fn fn;
	void *user;
};

struct psm__dispatch {
	struct psm__handler *handlers;
	size_t count, cap;
	struct psm__upcaster *upcasters;
	size_t upcaster_count, upcaster_cap;
};

/* Upcasters are in both. */
struct psm_handlers {
	struct psm__dispatch plain, tx;
};

/* type: a name or alias of the catalogue, or "*"; options NULL: the defaults.
 * PSM_ERR_UNKNOWN_TYPE, PSM_ERR_CONFLICT (ranges of one type overlap),
 * PSM_ERR_INVAL (a range for "*"), PSM_ERR_NOMEM. */
int psm__dispatch_add(struct psm__dispatch *d, const char *type,
                      const psm_handler_options *options, void (*fn)(void),
                      void *user, psm_error *err);
/* PSM_ERR_UNKNOWN_TYPE, PSM_ERR_CONFLICT (from_version has one),
 * PSM_ERR_INVAL (not a version, or to_version is not newer), PSM_ERR_NOMEM. */
int psm__dispatch_add_upcaster(struct psm__dispatch *d, const char *type,
                               const char *from_version, const char *to_version,
                               psm_upcast_fn fn, void *user, psm_error *err);
/* All handlers and upcasters of another one, or after a failure none of them:
 * PSM_ERR_CONFLICT, PSM_ERR_NOMEM. */
int psm__dispatch_add_all(struct psm__dispatch *d,
                          const struct psm__dispatch *more, psm_error *err);
/* By canonical type: a range that covers version, else the handler without one,
 * else "*"; NULL: there is none. Upcasters are not asked. */
const struct psm__handler *psm__dispatch_find(const struct psm__dispatch *d,
                                              const char *type,
                                              const char *version);
/* 1: a handler takes the type, in some version. */
int psm__dispatch_wants(const struct psm__dispatch *d, const char *type);
/* The names and aliases of all types that a handler takes, as *count texts of
 * the catalogue; *out: new, NULL if a handler takes every type. 0 or
 * PSM_ERR_NOMEM. */
int psm__dispatch_names(const struct psm__dispatch *d, const char ***out,
                        size_t *count);
/* The topic of the i-th handler, as the catalogue has it; NULL past the end. One
 * that an earlier handler has, too, and that of "*" is "". */
const char *psm__dispatch_topic_at(const struct psm__dispatch *d, size_t i);
/*
 * The way of an event, as handler.h says: upcasters run, *h is its handler,
 * NULL if its type has none. *upcast: new (psm_event_free), what the handler
 * gets instead of ev, with ev's origin; NULL: ev itself.
 * PSM_ERR_VERSION: handlers, but none for this version. PSM_ERR_RETRY and other
 * codes: of the upcaster, *h is then the handler that it was meant for, whose
 * options say what becomes of the event; PSM_ERR_SCHEMA: what it made is
 * another event.
 */
int psm__dispatch_route(const struct psm__dispatch *d, const psm_event *ev,
                        psm_event **upcast, const struct psm__handler **h,
                        psm_error *err);
/* Just before the call: ev says which attempt this is, and until when. */
void psm__dispatch_arm(psm_event *ev, const struct psm__handler *h,
                       int attempt);
/* What it returned, or told in another way (see the option confirm): an event
 * whose values could not be made was not handled, whatever its handler took
 * them for. rc or PSM_ERR_NOMEM. h NULL: an upcaster. */
int psm__dispatch_result(const psm_event *ev, const struct psm__handler *h,
                         int rc, psm_error *err);
/* Just after it: by how many ms the deadline has passed, 0: it has not. */
int64_t psm__dispatch_overrun(const psm_event *ev);
void psm__dispatch_free(struct psm__dispatch *d);

#endif
