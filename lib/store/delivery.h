/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of messaging, for lib/flow: the outbox as the relay reads it, and
 * what the processor writes beside the effects. */
#ifndef PSM_STORE_DELIVERY_H
#define PSM_STORE_DELIVERY_H

#include "event/event.h"
#include "store/store.h"

/* -- sequence.c */

/* No sequence of ours is behind its table afterwards, or it fails and says what
 * to do. Outside of a transaction. */
int psm__sequences_follow(struct psm__conn *c, psm_error *err);

/* -- outbox_read.c: on a connection of the caller's own. Needs no transaction:
 * each call is one. */

/* Commits with outbox rows are told on it. */
#define PSM__OUTBOX_CHANNEL "psymatch_outbox"

/* *leader 1: this connection leads until it ends; one per database. */
int psm__outbox_lead(struct psm__conn *c, int *leader, psm_error *err);

struct psm__outbox_query {
	const int64_t *done; /* delete these rows first */
	size_t done_count;
	const int64_t *in_flight; /* leave these out; may overlap done */
	size_t in_flight_count;
	size_t limit;  /* 0: only delete */
	int64_t floor; /* of psm__outbox_floor */
};
/* The oldest rows by id, one round trip; *rows is new. */
int psm__outbox_read(struct psm__conn *c, const struct psm__outbox_query *q,
                     psm_rows **rows, psm_error *err);

struct psm__outbox_row {
	int64_t id;
	const char *topic;
	struct psm__event_parts parts;
	const char *envelope; /* the record's value; NULL: of the parts */
	struct psm__header headers[PSM__EVENT_HEADERS];
	size_t header_count;
};
/* Borrowed from rows. */
void psm__outbox_row(const psm_rows *rows, size_t i,
                     struct psm__outbox_row *out);

/* A row that can never be sent becomes a dead letter of the consumer "outbox".
 */
int psm__outbox_dead_letter(struct psm__conn *c, int64_t id, int code,
                            const char *reason, psm_error *err);

/* How many wait above the floor, counted up to 100,000, and the age of the
 * first; 0 if none. */
int psm__outbox_measure(struct psm__conn *c, int64_t floor, int64_t *waiting,
                        int64_t *oldest_ms, psm_error *err);

/* Age of the oldest transaction of the database that is open in another
 * session, as far as the user may see it; 0 if none. */
int psm__outbox_oldest_tx(struct psm__conn *c, int64_t *oldest_ms,
                          psm_error *err);

/*
 * Where reading begins. Rows that were deleted while some transaction is open
 * stay in the index, and each read would pass all of them; so it begins behind
 * the floor: no row at or below it will ever be seen again. A number that was
 * drawn and is not there may still be committed, by a transaction that holds
 * its lock on the table since before it drew; the floor rises to what was drawn
 * at some moment once all who held that lock then have ended. Zeroed at first.
 */
struct psm__outbox_floor {
	int64_t id;    /* the floor */
	int64_t drawn; /* may become the floor; 0: none is being looked at */
	char *holders; /* new: of the lock when drawn was read */
	int64_t full_at_ms; /* when the whole table was last looked at */
};
/* One step towards a higher floor, once a second or so. */
int psm__outbox_floor_step(struct psm__outbox_floor *f, struct psm__conn *c,
                           psm_error *err);
void psm__outbox_floor_free(struct psm__outbox_floor *f);

/* -- upkeep.c: what has to be done now and then, e.g. hourly. *more 1: call
 * again soon. */
int psm__upkeep(psm_store *st, struct psm__conn *c, int *more, psm_error *err);

/* -- limits.c: first statements of a transaction */

/* Queue: how long each statement may take; 0: no limit. */
int psm__timeout_queue(psm_tx *tx, int timeout_ms, psm_error *err);
/* Queue that, and how long the server waits for the next statement before it
 * ends the connection. */
int psm__limits_queue(psm_tx *tx, int timeout_ms, int silence_ms,
                      psm_error *err);

/* -- inbox.c: inside the transaction of the effects */

struct psm__place {
	const char *consumer, *topic;
	int32_t partition;
	int64_t incarnation; /* of the log, for a move; 0: not known */
};

/* *next is -1 if the consumer has never been there; *incarnation: the log it is
 * of, 0: not known. */
int psm__offset_read(psm_tx *tx, const struct psm__place *at, int64_t *next,
                     int64_t *incarnation, psm_error *err);
/*
 * Queue the fence: from expected (-1: there is no row yet) to next. After a
 * sync, psm_rows_affected(*rows) is 0 if another one has moved it.
 */
int psm__offset_move(psm_tx *tx, const struct psm__place *at, int64_t expected,
                     int64_t next, const char *owner, psm_rows **rows,
                     psm_error *err);
/* Queue: put it back to next, after a move in the same transaction. */
int psm__offset_set(psm_tx *tx, const struct psm__place *at, int64_t next,
                    psm_error *err);
/* *ours 1: all of these rows say that they are owner's, and no other
 * transaction changes them until this one ends. One or more places of one consumer. */
int psm__offset_lock(psm_tx *tx, const struct psm__place *places, size_t count,
                     const char *owner, int *ours, psm_error *err);
/* Sends what is queued. *fresh 0: the consumer has had this event. */
int psm__inbox_claim(psm_tx *tx, const char *consumer, const char *event_id,
                     int *fresh, psm_error *err);
/* As many at once, at most PSM__CLAIMS_MAX ids of PSM__UUID_LEN characters;
 * rows is new: those that were fresh, in this order. */
#define PSM__CLAIMS_MAX 64
#define PSM__UUID_LEN 36
int psm__inbox_claim_all(psm_tx *tx, const char *consumer,
                         const char *const *ids, size_t count, psm_rows **rows,
                         psm_error *err);
/* Queue: as if it had not been claimed in this transaction. */
int psm__inbox_unclaim(psm_tx *tx, const char *consumer, const char *event_id,
                       psm_error *err);

struct psm__dead_letter {
	struct psm__place at;
	int64_t offset;
	const void *key; /* may be NULL */
	size_t key_len;
	const void *raw; /* may be NULL */
	size_t raw_len;
	const char *event_id, *type; /* NULL when unknown */
	int code;
	const char *reason;
	const char *pointer; /* "" or NULL when unknown */
	int attempts;        /* 0 counts as 1 */
	/* Each may be NULL. */
	const char *causation_id, *correlation_id, *traceparent, *tracestate;
};
/* Queue the row, unless the same event is one already: a message that came
 * twice. Text that is not UTF-8 is made so. */
int psm__dead_letter_add(psm_tx *tx, const struct psm__dead_letter *d,
                         psm_error *err);

/* -- out_of_order.c: what was settled before the offset reached it. Inside the
 * transaction of the effects. */

struct psm__out_of_order {
	struct psm__place at;
	int64_t offset;
	uint32_t checksum; /* CRC-32C of the value */
};
/* Queue the question whether anything of the consumer is parked, and whether
 * anything was settled out of order: *rows has two booleans after
 * the next sync. */
int psm__parked_any(psm_tx *tx, const char *consumer, psm_rows **rows,
                    psm_error *err);
/* Queue the row. */
int psm__out_of_order_add(psm_tx *tx, const struct psm__out_of_order *a,
                          psm_error *err);
int psm__out_of_order_has(psm_tx *tx, const struct psm__out_of_order *a,
                          int *found, psm_error *err);
/* Queue: the offset has passed those below. */
int psm__out_of_order_clear(psm_tx *tx, const struct psm__place *at,
                            int64_t below, psm_error *err);

/* -- parked.c: inside the transaction of the effects */

/* How many events of the key are parked, counted up to most. Nobody changes
 * that until the transaction ends. */
int psm__parked_of_key(psm_tx *tx, const char *consumer, const void *key,
                       size_t key_len, int64_t most, int64_t *count,
                       psm_error *err);
/* How many keys have parked events, counted up to most. */
int psm__parked_keys(psm_tx *tx, const char *consumer, int64_t most,
                     int64_t *count, psm_error *err);

struct psm__parking {
	struct psm__place at; /* with the topic's own name */
	int64_t offset;
	const void *key; /* may be NULL */
	size_t key_len;
	const void *raw;
	size_t raw_len;
	const char *event_id, *type; /* NULL when unknown */
	/* Each may be NULL. */
	const char *causation_id, *correlation_id, *traceparent, *tracestate;
	int attempts; /* 0: it was not tried, it waits for another one */
	int delay_ms; /* until it is tried */
	int code;     /* why it failed; 0: it did not */
	const char *reason;
};
/* Queue the row. */
int psm__parked_add(psm_tx *tx, const struct psm__parking *p, psm_error *err);

/* Whose parked events, and which of them it can handle. */
struct psm__parked_whose {
	const char *consumer;
	const char *const *types; /* as events have them; NULL: every type */
	size_t type_count;
};

/* All borrowed from its list. */
struct psm__parked {
	int64_t id;
	int attempts; /* before this one */
	int held;     /* it waits for a person */
	const char *topic;
	int32_t partition;
	int64_t offset;
	char *key, *raw; /* raw NULL: a null value */
	size_t key_len, raw_len;
	struct psm__header headers[PSM__EVENT_HEADERS];
	size_t header_count;
};
struct psm__parked_list {
	struct psm__parked *events;
	size_t count;
	psm_rows *rows;
};
/*
 * Events of keys whose first one is due and of a type that can be handled: of
 * each key the first one and the next of its order, at most `most` of all,
 * which is 1 or more. The keys are ours until the transaction ends. *out in
 * each case for psm__parked_free.
 */
int psm__parked_pick(psm_tx *tx, const struct psm__parked_whose *whose,
                     size_t most, struct psm__parked_list *out, psm_error *err);
void psm__parked_free(struct psm__parked_list *list);
struct psm__parked_sum {
	int64_t count; /* of the consumer, counted up to 10,000 */
	int64_t held;  /* of them, wait for a person */
	int64_t oldest_ms;
	int64_t unhandled;         /* of them, of a type that is not handled */
	char type[64];             /* one of these types, "": none */
	int64_t unhandled_of_type; /* of this type */
};
int psm__parked_measure(psm_tx *tx, const struct psm__parked_whose *whose,
                        struct psm__parked_sum *out, psm_error *err);
/* Queue: these are done, and the next one of each of their keys has its turn.
 */
int psm__parked_done(psm_tx *tx, const int64_t *ids, size_t count,
                     psm_error *err);
/* Queue: tried once more in vain; again after delay_ms, below 0: when a person
 * says so. */
int psm__parked_later(psm_tx *tx, int64_t id, int delay_ms, int code,
                      const char *reason, psm_error *err);
/* Queue: it could not be tried; others first for delay_ms. */
int psm__parked_postpone(psm_tx *tx, int64_t id, int delay_ms, psm_error *err);
/* Queue: it is not of the type that the row has. */
int psm__parked_set_type(psm_tx *tx, int64_t id, const char *type,
                         psm_error *err);

#endif
