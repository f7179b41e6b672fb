/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is it the event that fails, or everything? A breaker is told what became of
 * each event a handler was called for, and says how many events may be handled
 * now. It knows neither clock nor lock nor database.
 *
 * Unreadable messages are not its business. What is wrong with them stands in
 * their bytes, so no wait and no probe would ever let them pass: whoever can
 * write into the topic could stop its readers for ever. And nothing is lost:
 * their bytes are kept, and can be released once a reader understands them.
 */
#ifndef PSM_FLOW_BREAKER_H
#define PSM_FLOW_BREAKER_H

#include <stddef.h>
#include <stdint.h>

/* So many keys that fail one after another with the same code are not a
 * coincidence; one key may be, however often it fails. */
#define PSM__BREAKER_KEYS 5
/* Of so many events, more than half with the same code are neither. */
#define PSM__BREAKER_WINDOW 20
/* Between two probes: full jitter, twice as long each time. */
#define PSM__BREAKER_BASE_MS 500
#define PSM__BREAKER_CAP_MS 30000

enum psm__breaker_state {
	PSM__BREAKER_CLOSED,    /* events are handled */
	PSM__BREAKER_HALF_OPEN, /* one event is tried */
	PSM__BREAKER_OPEN,      /* none is, for a time */
	PSM__N_BREAKER_STATES
};

/* What became of an event. */
struct psm__trial {
	uint64_t event; /* who it is: another try of it says the same again */
	uint64_t key;
	int code; /* 0: handled */
};

/* All zero: closed. */
struct psm__breaker {
	enum psm__breaker_state state;
	int cause; /* the code that opened it */
	/* The last ones. */
	struct {
		uint64_t event;
		int code;
	} last[PSM__BREAKER_WINDOW];
	size_t count, at;
	/* Those that failed one after another. */
	uint64_t keys[PSM__BREAKER_KEYS];
	size_t key_count;
	int code;
	unsigned opened; /* how often, without a full window between */
	int64_t until_ms;
	int proved; /* an event was handled since the last question */
	int most;   /* of the next batch, just after a probe; 0: no limit */
};

/*
 * How many events may be handled now, 0 to max; after the time of until_ms one.
 * What was told of events before that is not committed is forgotten as far as
 * it speaks for closing.
 */
int psm__breaker_allow(struct psm__breaker *b, int64_t now_ms, int max);
/* 1: it has opened. What this event's transaction did has to be undone. */
int psm__breaker_feed(struct psm__breaker *b, const struct psm__trial *t,
                      int64_t now_ms);
/* What was fed since the last question is committed. */
void psm__breaker_committed(struct psm__breaker *b);
/* For tests: "closed", "half-open", "open". */
const char *psm__breaker_name(enum psm__breaker_state state);

#endif
