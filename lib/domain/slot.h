/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a phone call can be: the hours at which a therapist can be reached
 * (telefonische_erreichbarkeit), and the first free time among them. Days are
 * counted from 1970-01-01, times in minutes from midnight, in Berlin.
 */
#ifndef PSM_DOMAIN_SLOT_H
#define PSM_DOMAIN_SLOT_H

#include <psymatch/json.h>

#include "base/base.h"

#define PSM__SLOT_DAYS 14 /* that are looked at, the first one included */
#define PSM__SLOT_GRID 5  /* minutes between two beginnings in a window */

/* From when until when a therapist can be reached on a day of the week. */
struct psm__window {
	int weekday;  /* 0: Monday .. 6: Sunday */
	int from, to; /* to -1: only the beginning is known */
};
struct psm__reach {
	struct psm__window *items; /* by weekday, then by time */
	size_t count, cap;
	int faults; /* parts that were left out, because they say nothing */
};
/*
 * Read all shapes that are in use: days by German or English names, long or
 * short, also "Mo-Fr"; of a day a list, or one, of "10:00-12:00", "10:00" (a
 * beginning) or {"start": "10:00", "end": "12:00"}. What cannot be read is left
 * out and counted. doc may be NULL. 0 or PSM_ERR_NOMEM.
 */
int psm__reach_read(const psm_json *doc, struct psm__reach *out,
                    psm_error *err);
void psm__reach_free(struct psm__reach *reach);

/* "09:30" or "09:30:00": minutes; -1: it is no such time. */
int psm__slot_minutes(const char *time);
/* The day of "2026-02-28"; INT64_MIN: it is none. */
int64_t psm__slot_day(const char *date);
int psm__slot_weekday(int64_t day);

/* Days on which nobody is called. */
struct psm__holidays {
	int64_t *days; /* in their order */
	size_t count, cap;
};
/*
 * A date a line, "2026-12-25"; what follows "#" is a comment, what follows a
 * blank behind the date is its name. 0, PSM_ERR_NOMEM, or PSM_ERR_SCHEMA with
 * the first line that is none.
 */
int psm__holidays_read(const char *text, size_t len, struct psm__holidays *out,
                       psm_error *err);
void psm__holidays_free(struct psm__holidays *h);
int psm__is_holiday(const struct psm__holidays *h, int64_t day);

/* A call that is planned already. */
struct psm__busy {
	int64_t day;
	int from, to;
};

struct psm__slot_wish {
	int64_t day;  /* the first one */
	int earliest; /* minutes, of the first day */
	int minutes;  /* that the call takes */
	int weekdays; /* 1: Monday to Friday only, also where there are windows */
	/* Times of working days, for therapists without a window. */
	int times[2];
	size_t time_count;
	const struct psm__holidays *holidays; /* may be NULL */
};
struct psm__slot {
	int64_t day;
	int from;
};
/* The first free time. 1: found, 0: there is none. */
int psm__slot_find(const struct psm__reach *reach, const struct psm__busy *busy,
                   size_t busy_count, const struct psm__slot_wish *wish,
                   struct psm__slot *out);

#endif
